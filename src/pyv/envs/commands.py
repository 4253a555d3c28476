"""The commands of an environment's packages, which are lost with its bin: written again where their records tell how.

Nothing of the environment is run for it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.envs import health

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISTRIBUTION = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)-([A-Za-z0-9][\w.!+]*)\.(?:dist|egg)-info", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_TARGET = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(?:\[[^\]]*\])?", re.ASCII)
# These are made in each environment under the names of its own Python, of which the wheel cannot know
_VERSIONED = re.compile(r"(pip|easy_install)-?\d+(?:\.\d+)?", re.ASCII)
_SECTIONS = ("console_scripts", "gui_scripts")
_MAX_BYTES = 1 << 24


class Gone(NamedTuple):
    """A command that is gone, and of which nothing tells how to write it: its name, and its package for pip."""

    name: str
    package: str


def has_pip(venv: Path) -> bool:
    """Tell whether an environment has a whole pip of its own."""
    return os.path.lexists(venv / "bin/pip") and any(
        name == "pip" and os.path.isfile(metadata.parent / "pip/__main__.py") and os.path.isfile(metadata / "RECORD")
        for name, _, metadata in _distributions(venv)
    )


def restore(venv: Path) -> list[Gone]:
    """Write the commands of an environment's packages that are gone. What is there stays as it is.

    Args:
        venv: the environment; its bin may be gone.

    Returns:
        Those that could not be written: programs, and scripts that came as files.

    Raises:
        OSError: one cannot be written.
    """
    from pyv.seed.place import script

    program = os.fspath(venv / "bin/python")
    gone = []
    for project, version, metadata in _distributions(venv):
        targets = _targets(metadata)
        names = _recorded(venv, metadata)
        for name in sorted(targets if names is None else names):
            if os.path.lexists(venv / "bin" / name):
                continue
            versioned = _VERSIONED.fullmatch(name)
            target = targets.get(name) or (targets.get(versioned[1]) if versioned else None)
            if target:
                fsops.write_whole(venv / "bin" / name, script(program, *target), mode=0o755, durable=False)
            else:
                gone.append(Gone(name, f"{project}=={version}"))
    return gone


def _distributions(venv: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield name and version of what is installed, and the folder that tells about it."""
    for library in health.libraries(venv):
        site = venv / "lib" / library / "site-packages"
        for name in sorted(os.listdir(site)):
            match = DISTRIBUTION.fullmatch(name)
            if match and os.path.isdir(site / name):
                yield match[1], match[2], site / name


def _recorded(venv: Path, metadata: Path) -> set[str] | None:
    """Return what a package once put into bin; None if it keeps no record."""
    import csv

    text = _read(metadata / "RECORD")
    if not text:
        return None
    folder = os.path.normpath(venv / "bin")
    try:
        rows = [row[0] for row in csv.reader(text.splitlines()) if row]
    except csv.Error:
        return None
    paths = [os.path.normpath(os.path.join(metadata.parent, row)) for row in rows]
    return {os.path.basename(path) for path in paths if os.path.dirname(path) == folder}


def _targets(metadata: Path) -> dict[str, tuple[str, str]]:
    """Return what the commands of a package run: module and function (entry points specification)."""
    from configparser import Error, RawConfigParser

    parser = RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep upper case
    try:
        parser.read_string(_read(metadata / "entry_points.txt"))
    except Error:
        return {}
    found = {}
    for section in _SECTIONS:
        for name, value in parser.items(section) if parser.has_section(section) else ():
            target = _TARGET.fullmatch(value.strip())
            if target and _NAME.fullmatch(name):
                found[name] = (target[1], target[2])
    return found


def _read(path: Path) -> str:
    """Return the text of a file; nothing if there is none."""
    try:
        with fsops.open_regular(path) as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
