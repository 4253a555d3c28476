"""Uninstalling: what would suffer, and taking a version out of the store in one step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import dependents, fsops
from pyv.errors import InUseError, explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyv.registry import Registry
    from pyv.store import Installed, Store


def folder_of(store: Store, installed: Installed) -> Path | None:
    """Return what would be deleted: a version's folder, or that of a named environment; None if it is only a link."""
    if not installed.target:
        return installed.path
    if dependents.is_named(store.layout, installed.path):
        return store.layout.envs / os.path.basename(os.path.realpath(installed.path))
    return None


def objections(
    store: Store, installed: Installed, registered: Iterable[Path], own_prefixes: Sequence[str]
) -> list[str]:
    """Return what speaks against removing a version, each as a sentence; `--force` overrules it.

    Args:
        store: the store that it is in.
        installed: the version, or named environment.
        registered: the environments of projects.
        own_prefixes: the prefixes of the interpreter, and of the environment, that pyv runs on.

    Raises:
        InUseError: pyv itself runs on it; that is never overruled.
    """
    folder = folder_of(store, installed)
    if folder is not None and os.path.realpath(folder) in map(os.path.realpath, own_prefixes):
        raise InUseError(f"pyv itself runs on {installed.name}", hint="set pyv up on another Python first")
    lost = store.names_lost_with(installed.name)
    found = [
        f"the environment {each.path} is made from it"
        for each in dependents.environments(store.layout, registered)
        if each.names & lost
    ]
    if folder is None:
        return found
    if installed.target:
        running = dependents.processes((installed.path, folder))
    else:
        running = dependents.processes_on(store.layout, folder)
    if running:
        found.append(f"processes run on it: {', '.join(map(str, running[:5]))}")
    return found


def uninstall(store: Store, registry: Registry, installed: Installed, *, remember: bool = True) -> None:
    """Remove a version, or a named environment; of one that is linked from elsewhere, only the link.

    Args:
        store: the store that it is in.
        registry: what knows a named environment.
        installed: what is to go.
        remember: whether it may come back only when somebody asks for it.

    Raises:
        StoreError: it could not be removed; it is then still whole, or gone.
    """
    name = installed.name
    fsops.sweep(store.layout.staging)
    with explained(f"uninstall {name}"), store.lock(name, f"it works on {name}"):
        folder = folder_of(store, installed)
        if installed.target and folder is not None:
            # Before its link: without one, what a killed process leaves could not be named any more
            with fsops.staging(store.layout.staging, f"removed-{name}") as area:
                if os.path.lexists(folder):
                    os.rename(folder, area / name)
            registry.revoke(folder)
        elif installed.target:  # an environment that was taken over from elsewhere is known under this name alone
            registry.revoke(Path(os.path.realpath(installed.path)))
        if store.get(name) is not None or os.path.lexists(installed.path):
            store.discard(name, remember=remember and installed.version is not None)
