"""What is in the store: links that lead nowhere, versions without an interpreter, and what killed processes left."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops, smoke
from pyv.doctor.model import HINT, PROBLEM, Finding
from pyv.layout import MANIFEST, RECEIPT
from pyv.registry import CONFIG
from pyv.store import can_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pyv.layout import Layout
    from pyv.registry import Registry
    from pyv.store import Lost, Store


def versions(store: Store, env: Mapping[str, str]) -> list[Finding]:
    """Check the folders and links in versions/, and start each interpreter in an environment of the process."""
    found = [_lost(store, each) for each in store.lost()]
    for name in _names(store.layout.versions):
        path = store.layout.version(name)
        if os.path.islink(path) and not os.path.exists(path):
            target = os.readlink(path)
            if "/" not in target and not os.path.islink(store.layout.version(target)):
                message = f"{path} leads to {target}, where nothing is"
                found.append(Finding("link", PROBLEM, message, "pyv doctor --fix", store.update_links))
        elif os.path.isdir(path) and not can_start(path):
            # Of a short name it is told below the name of what it means
            if not (os.path.islink(path) and "/" not in os.readlink(path)):
                found.append(_broken(path, f"{path} has no interpreter in its bin that could run"))
        elif not os.path.islink(path) and os.path.exists(path / MANIFEST) and not os.path.exists(path / RECEIPT):
            message = f"{path / RECEIPT} is gone, and with it where {name} came from"
            found.append(Finding("receipt", PROBLEM, message, f"pyv install --force {name}"))
    for each in store.installed():
        program = smoke.executable(each.path)
        # Python 2 does not know what it would be started with
        is_known = each.version is not None and each.version.release >= (3,)
        if is_known and can_start(each.path) and (said := smoke.failure(program, env)):
            command = (
                f"pyv repair {each.name}" if each.managed and not each.target else f"{shlex.quote(str(program))} -V"
            )
            found.append(Finding("version", PROBLEM, f"{program} does not start: {said}", command))
    return found + _without_short_name(store)


def _without_short_name(store: Store) -> list[Finding]:
    """Check that what is newest is found by its short names, which a version that was copied here may lack."""
    names: dict[str, list[str]] = {}
    for short, target in store.missing_links().items():
        names.setdefault(target, []).append(short)
    return [
        Finding(
            "short-name",
            PROBLEM,
            f"{store.layout.version(target)} is not what {' and '.join(sorted(shorts))} "
            f"{'leads' if len(shorts) == 1 else 'lead'} to",
            "pyv rehash",
            store.update_links,
        )
        for target, shorts in names.items()
    ]


def _lost(store: Store, lost: Lost) -> Finding:
    """Return what to say of a link to a version elsewhere, at which nothing is any more."""
    path = store.layout.version(lost.name)

    def remove() -> None:
        with store.lock(lost.name, f"it works on {lost.name}"), suppress(FileNotFoundError):
            if not os.path.exists(path):
                os.unlink(path)
        store.update_links()

    # What is out of reach may come back, with a mount or a network, and environments are made from it. Whoever wants
    # to be rid of it types pyv uninstall.
    message = f"{path} leads to {store.broken_link(lost.name)}: {lost.reason}"
    command = lost.remedy(store.usual_request(lost))
    return Finding("link", PROBLEM, message, command, remove if lost.is_reachable else None)


def _broken(path: Path, message: str) -> Finding:
    if os.path.exists(path / "pyvenv.cfg"):
        return Finding("version", PROBLEM, message, f"pyv venv --repair {os.path.realpath(path)}")
    managed = os.path.exists(path / RECEIPT) and not os.path.islink(path)
    return Finding("version", PROBLEM, message, f"pyv {'repair' if managed else 'uninstall'} {path.name}")


def staging(layout: Layout) -> list[Finding]:
    """Check what lies in the staging folder, without the areas of living processes."""
    return _left(layout.staging, fsops.orphans(layout.staging), smoke.sweep)


def half_made(
    folders: Iterable[Path], orphans: Callable[[Path], list[str]], sweep: Callable[[Path], object]
) -> list[Finding]:
    """Check for environments that were being made when pyv was killed.

    Args:
        folders: where to look.
        orphans: names what such processes left in one of them.
        sweep: removes that.
    """
    return [found for folder in dict.fromkeys(folders) for found in _left(folder, orphans(folder), sweep)]


def _left(folder: Path, names: list[str], sweep: Callable[[Path], object]) -> list[Finding]:
    if not names:
        return []
    what = "a killed command" if len(names) == 1 else f"{len(names)} killed commands"
    message = f"{folder} has what {what} left: {', '.join(names[:3])}"
    return [Finding("staging", HINT, message, "pyv doctor --fix", lambda: sweep(folder))]


def environments(registry: Registry) -> list[Finding]:
    """Check the registered environments. Nothing in them is run."""
    found = []
    for each in registry.all():
        path = each.path
        if not os.path.isdir(path):
            message = f"the environment {path} is gone, and still registered"
            # With the folder around it, it may be on a drive that is not mounted now, and would come back unknown
            certain = os.path.isdir(path.parent)
            command = "pyv doctor --fix" if certain else f"pyv venvs remove {shlex.quote(os.fspath(path))}"
            fix = _revoke(registry, path) if certain else None
            found.append(Finding("environment-gone", HINT, message, command, fix))
        elif not registry.knows(path):
            # Moved away and another one put there, or its pyvenv.cfg written since
            message = f"the environment {path} is not the one that pyv knew there, and is not used"
            whole = os.path.isfile(path / CONFIG)
            cure = f"pyv {'trust' if whole else 'venv --repair'} {shlex.quote(os.fspath(path))}"
            found.append(Finding("environment-changed", HINT, message, cure))
        elif not os.access(path / "bin/python", os.X_OK):
            message = f"the environment {path} has lost its interpreter"
            found.append(Finding("environment", PROBLEM, message, f"pyv venv --repair {shlex.quote(os.fspath(path))}"))
    return found


def _revoke(registry: Registry, path: Path) -> Callable[[], None]:
    def revoke() -> None:
        if not os.path.isdir(path):
            registry.revoke(path)

    return revoke


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
