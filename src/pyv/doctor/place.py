"""Where the store lies: who may write there and read it, whether there is room, and what the file system can do."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.doctor.model import HINT, PROBLEM, Finding
from pyv.errors import PyvError, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyv.layout import Layout

_FEW_BYTES = 1_000_000_000
# One more version fills it
_NO_BYTES = 100_000_000
_ROOT = 0
_PUBLIC_PLACE = "PYV_ROOT=/opt/pyv pyv install 3.12"


def permissions(layout: Layout, user: int) -> list[Finding]:
    """Check that nobody else can change what this user runs.

    Args:
        layout: where the store is.
        user: the effective user id.
    """
    if not os.path.isdir(layout.root):
        return []
    found = [each for path in _sensitive(layout) for each in _guarded(path, user)]
    for path in _above(layout.root):
        status = os.stat(path)
        mode = status.st_mode
        if status.st_uid not in (user, _ROOT) and not mode & stat.S_ISVTX:
            message = f"{path} belongs to {user_name(status.st_uid)}, who can exchange the store"
            found.append(Finding("owner", PROBLEM, message, "set PYV_ROOT to a folder below one of yours"))
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            message = f"everybody can exchange the store: {path} is writable by all"
            found.append(Finding("permissions", PROBLEM, message, f"chmod o-w {path}"))
    return [*found, *_shared(layout)]


def _shared(layout: Layout) -> Iterator[Finding]:
    try:
        roots = layout.shared
    except PyvError as error:
        yield Finding("shared", PROBLEM, error.message, error.hint)
        return
    for root in roots:
        if not os.path.isdir(root):
            message = f"{root} is named as a shared store, and no store is there"
            yield Finding("shared", HINT, message, f"correct PYV_SHARED, or shared in {layout.settings}")
        elif os.stat(root).st_mode & stat.S_IWOTH:
            message = f"everybody can write to the shared store {root}"
            yield Finding("permissions", PROBLEM, message, f"chmod o-w {root}")


def _sensitive(layout: Layout) -> Iterator[Path]:
    """Yield what decides about which programs are run."""
    fixed = (layout.root, layout.versions, layout.shims, layout.hooks, layout.venvs, layout.envs)
    yield from (path for path in (*fixed, layout.global_pin, layout.locks, layout.staging) if os.path.lexists(path))
    for folder in (layout.hooks, layout.versions):
        if os.path.isdir(folder):
            for entry in sorted(os.scandir(folder), key=lambda each: each.name):
                if not entry.is_symlink():
                    yield folder / entry.name
                    yield from _of_version(folder / entry.name)
    if os.path.isdir(layout.shims):
        # Most are one file, and to say so once for all of them is enough
        named = sorted(os.scandir(layout.shims), key=lambda entry: (entry.name == "python3", entry.name))
        yield from {entry.inode(): layout.shims / entry.name for entry in named}.values()


def _of_version(folder: Path) -> Iterator[Path]:
    """Yield what a version runs first: its programs, and its library."""
    for path in (folder / "bin", *folder.glob("bin/python3*"), *folder.glob("lib/python3.*")):
        if not path.is_symlink():
            yield path


def _guarded(path: Path, user: int) -> list[Finding]:
    try:
        status = os.stat(path)
    except OSError:
        return []
    if status.st_uid not in (user, _ROOT):
        message = f"{path} belongs to {user_name(status.st_uid)}, who can change what you run"
        command = f"run pyv as {user_name(status.st_uid)}" if user == _ROOT else "set PYV_ROOT to a folder of yours"
        return [Finding("owner", PROBLEM, message, command)]
    return _closed(path, status)


def _closed(path: Path, status: os.stat_result) -> list[Finding]:
    if status.st_mode & stat.S_IWOTH:

        def close() -> None:
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~stat.S_IWOTH)

        return [Finding("permissions", PROBLEM, f"everybody can write to {path}", f"chmod o-w {path}", close)]
    return []


def cache(layout: Layout) -> list[Finding]:
    """Check that not everybody can change what versions and environments are made from."""
    folder = layout.cache
    try:
        inside = [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [
        each for path in (folder, *(folder / name for name in sorted(inside))) for each in _closed(path, os.stat(path))
    ]


def writable(layout: Layout, user: int) -> list[Finding]:
    """Check that no part of the user's own store was made by somebody else, as by `sudo pyv`.

    Args:
        layout: where the store is.
        user: the effective user id.
    """
    if not os.path.isdir(layout.root) or os.stat(layout.root).st_uid != user or not os.access(layout.root, os.W_OK):
        return []  # read-only on purpose
    for path in (layout.versions, layout.shims, layout.venvs, layout.locks, layout.staging, layout.hooks):
        if os.path.isdir(path) and not os.access(path, os.W_OK):
            owner = user_name(os.stat(path).st_uid)
            command = f"sudo chown -R {user} {layout.root}" if os.stat(path).st_uid != user else f"chmod u+w {path}"
            return [Finding("owner", PROBLEM, f"{path}, which belongs to {owner}, cannot be written", command)]
    return []


def reachable(layout: Layout, user: int) -> list[Finding]:
    """Check that a store which root has made can be read by those whom it was made for.

    Args:
        layout: where the store is.
        user: the effective user id.
    """
    if user != _ROOT or not os.path.isdir(layout.root):
        return []
    for path in (layout.root, *_above(layout.root)):
        if not os.stat(path).st_mode & stat.S_IXOTH:
            message = f"only root can use {layout.root}, for {path} is closed to others"
            return [Finding("root-only", HINT, message, f"for all users: {_PUBLIC_PLACE}")]
    return []


def space(layout: Layout) -> list[Finding]:
    """Check that there is room for one more version, in the store and in the cache."""
    found = []
    seen = set()
    for folder, command in ((layout.root, "pyv uninstall REQUEST"), (layout.cache, "pyv cache clean")):
        existing = next((path for path in (folder, *folder.parents) if os.path.isdir(path)), folder)
        try:
            device, room = os.stat(existing).st_dev, os.statvfs(existing)
        except OSError:
            continue
        free = room.f_bavail * room.f_frsize
        if device in seen:
            continue
        seen.add(device)
        if room.f_files and not room.f_favail:
            found.append(Finding("space", PROBLEM, f"the file system of {existing} takes no more files", command))
        elif free < _FEW_BYTES:
            level = PROBLEM if free < _NO_BYTES else HINT
            message = f"only {free // 1_000_000} MB are free for {existing}"
            found.append(Finding("space", level, message, "pyv cache clean" if folder == layout.root else command))
    return found


def file_system(layout: Layout) -> list[Finding]:
    """Check that locks work where the store is."""
    if not os.path.isdir(layout.locks) or not os.access(layout.locks, os.W_OK):
        return []
    path = layout.locks / "doctor.lock"
    warnings: list[str] = []
    with fsops.lock(path, waiting=_nothing, warn=warnings.append), fsops.try_lock(path) as twice:
        if not warnings and twice:
            warnings.append(f"{layout.locks} is on a file system whose locks let two in")
    return [
        Finding("locks", HINT, message, "set PYV_ROOT to a folder on a local disk to have each thing done once")
        for message in warnings
    ]


def name_of_root(layout: Layout) -> list[Finding]:
    """Check the path of the store for what other programs cannot bear."""
    root = os.fspath(layout.root)
    if any(each.isspace() for each in root):
        message = f"the path of the store, {root!r}, has a blank in it: python3-config and pkg-config break"
        return [Finding("blank", HINT, message, "set PYV_ROOT to a path without blanks")]
    return []


def _above(path: Path) -> list[Path]:
    return [each for each in path.parents if os.path.isdir(each)]


def _nothing() -> None:
    pass
