"""Uninstalling: what would suffer, and taking a version out of the store in one step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import fsops, proc
from pyv.errors import InUseError

if TYPE_CHECKING:
    from pyv.store import Installed, Store


def objections(store: Store, installed: Installed, own_prefix: str) -> list[str]:
    """Return what speaks against removing a version, each as a sentence; `--force` overrules it.

    Args:
        store: the store that it is in.
        installed: the version.
        own_prefix: the prefix of the interpreter that pyv runs on.

    Raises:
        InUseError: pyv itself runs on it; that is never overruled.
    """
    folder = os.path.realpath(installed.path)
    if not installed.target and os.path.realpath(own_prefix) == folder:
        raise InUseError(f"pyv itself runs on {installed.name}", hint="set pyv up on another Python first")
    found = [f"the environment {path} is made from it" for path in store.environments_on(installed.name)]
    if not installed.target:
        running = proc.processes_inside(installed.path)
        if running:
            found.append(f"processes run on it: {', '.join(map(str, running[:5]))}")
    return found


def uninstall(store: Store, installed: Installed) -> None:
    """Remove a version; of one that is linked from elsewhere, only the link.

    Raises:
        StoreError: it could not be removed; it is then still whole, or gone.
    """
    name = installed.name
    fsops.sweep(store.layout.staging)
    with fsops.explained(f"uninstall {name}"), store.lock(name, f"it works on {name}"):
        if store.get(name) is not None or os.path.lexists(installed.path):
            store.discard(name)
