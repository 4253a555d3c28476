"""What leans on an installed version: environments, by the name under which each finds its interpreter."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops, proc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyv.layout import Layout

CONFIG = "pyvenv.cfg"
_MAX_BYTES = 64 * 1024
# A chain of links that is longer is a circle, as the kernel sees it
_MAX_LINKS = 40


class Dependent(NamedTuple):
    """An environment.

    Attributes:
        path: its folder.
        names: what it needs in versions/: short names that it follows, or versions. It breaks without any of them.
    """

    path: Path
    names: frozenset[str]


def environments(layout: Layout, registered: Iterable[Path]) -> list[Dependent]:
    """Return all environments that exist: those of projects, and the named ones of the store.

    Args:
        layout: where the store is.
        registered: the environments of projects, some of which may be gone.
    """
    paths = [*registered, *_named(layout)]
    unique = {os.path.realpath(path): path for path in paths if os.path.isfile(path / CONFIG)}
    return [Dependent(path, _names(layout, path)) for path in unique.values()]


def _named(layout: Layout) -> list[Path]:
    try:
        return [layout.envs / name for name in sorted(os.listdir(layout.envs))]
    except OSError:
        return []


def is_named(layout: Layout, folder: Path) -> bool:
    """Tell whether a folder, or what a link leads to, is that of a named environment, present or gone."""
    return os.path.dirname(os.path.realpath(folder)) == os.path.realpath(layout.envs)


def settings(environment: Path) -> dict[str, str]:
    """Return what the pyvenv.cfg of an environment says (PEP 405), keys in lower case; the first of a key counts."""
    try:
        with fsops.open_regular(environment / CONFIG) as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return {}
    pairs = [line.partition("=") for line in text.splitlines()]
    return {key.strip().lower(): value.strip() for key, equals, value in reversed(pairs) if equals}


def _names(layout: Layout, environment: Path) -> frozenset[str]:
    """Return the names in versions/ through which an environment finds its interpreter.

    `home` and the link `bin/python` count both, for which of them decides depends on the interpreter's version.
    """
    versions = os.path.realpath(layout.versions)
    places = [settings(environment).get("home", ""), os.path.dirname(_program(environment))]
    found = {_name(place, versions) for place in places}
    if not found - {""}:  # it may lead here through folders of other names
        found.add(_name(os.path.dirname(os.path.realpath(environment / "bin/python")), versions))
    return frozenset(found - {""})


def _program(environment: Path) -> str:
    """Return where the links of bin/python first lead out of the environment, or nothing."""
    folder = os.fspath(environment / "bin")
    path = os.path.join(folder, "python")
    for _ in range(_MAX_LINKS):
        try:
            path = os.path.normpath(os.path.join(folder, os.readlink(path)))
        except OSError:
            return ""
        if os.path.dirname(path) != folder:
            return path
    return ""


def _name(home: str, versions: str) -> str:
    """Return the name of the version whose folder of programs this is, as it is spelled there, or nothing."""
    folder, last = os.path.split(os.path.normpath(home))
    if last != "bin" or os.path.realpath(os.path.dirname(folder)) != versions:
        return ""
    return os.path.basename(folder)


def processes_on(layout: Layout, version: Path) -> list[int]:
    """Return the ids of running processes that run on a version, also on what was its interpreter once.

    One that `install --force` has replaced was moved into the staging area of its successor, and deleted there; its
    process still imports what lies in the version's folder.
    """
    replaced = os.path.join(os.path.realpath(layout.staging), fsops.staged_as(version.name))
    return proc.processes_of(os.path.realpath(version) + os.sep, replaced)


def processes(folders: Iterable[Path]) -> list[int]:
    """Return the ids of running processes that were started through programs below these folders.

    What runs in an environment is, to the kernel, the interpreter that it was made from: only its command line tells.
    """
    starts = tuple(f"{folder}{os.sep}" for folder in folders)
    found = []
    with suppress(OSError):
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                with suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as file:
                    program = os.fsdecode(file.read(_MAX_BYTES).split(b"\0", 1)[0])
                    if program.startswith(starts):
                        found.append(int(entry))
    return found
