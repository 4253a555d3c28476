"""Commands: the names that installed versions and known environments give to the shims."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.shims import pyenv
from pyv.shims.dispatcher import OWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# These have one even if nothing is installed: a project that asks for a Python would else run the one of PATH
_ALWAYS = ("python", "python3", "pip", "pip3")


def commands_in(versions: Path, environments: Iterable[Path]) -> set[str]:
    """Return the names of all commands that shall have a shim.

    Args:
        versions: the folder of the installed versions.
        environments: folders of known environments.

    Raises:
        OSError: the versions cannot be listed, which does not mean that there are none.
    """
    names = set(_ALWAYS)
    for folder in _folders(versions, environments):
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            # One look per name, not per file: most versions have the same ones
            if entry.name not in names and _is_name(entry.name) and _is_program(entry):
                names.add(entry.name)
    return names


def _folders(versions: Path, environments: Iterable[Path]) -> Iterator[str]:
    """Yield the folders that may hold commands."""
    entries: list[os.DirEntry[str]] = []
    with suppress(FileNotFoundError):
        entries = list(os.scandir(versions))
    for entry in entries:
        if not entry.name.startswith(".") and not _is_short_name(entry):
            yield os.path.join(entry.path, "bin")
    for environment in environments:
        yield os.path.join(environment, "bin")


def _is_short_name(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a link to one beside it, which is listed itself."""
    try:
        return entry.is_symlink() and "/" not in os.readlink(entry.path)
    except OSError:
        return False


def _is_name(name: str) -> bool:
    """Tell whether a command may have a shim. Names that would garble a terminal may not, and pyv is pyv.

    So is pyenv, where the user asked for it: among the shims it is never a version's.
    """
    return name not in (OWN, pyenv.NAME) and not name.startswith(".") and name.isprintable()


def _is_program(entry: os.DirEntry[str]) -> bool:
    try:
        mode = entry.stat().st_mode
    except OSError:  # a link to nothing
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)
