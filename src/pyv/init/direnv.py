"""The function behind `use pyv` in direnv's .envrc files, and its place among those that direnv loads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.errors import StoreError, UsageError
from pyv.init import files
from pyv.init.shells import quoted
from pyv.layout import resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.layout import Layout

_NAME = "pyv.sh"
# In every version of the function, so that nobody else's file is replaced
_MARK = b"use_pyv()"


def code(layout: Layout) -> str:
    """Return the function, for this store."""
    source = (resources() / "direnv.sh").read_text(encoding="utf-8")
    return source.replace("@ROOT@", quoted("bash", os.fspath(layout.root)))


def install(layout: Layout, env: Mapping[str, str]) -> tuple[Path, bool]:
    """Put the function where direnv loads it, and return the file and whether it had to be written.

    Raises:
        UsageError: another file has that name.
        StoreError: it cannot be read or written.
    """
    path = _place(layout, env)
    content = os.fsencode(code(layout))
    before = _own(path)
    try:
        if before != content:
            files.replace(path, content)
    except OSError as error:
        raise _refused(path, "written", error) from error
    return path, before != content


def uninstall(layout: Layout, env: Mapping[str, str]) -> tuple[Path, bool]:
    """Take the function away again, and return where it was looked for and whether it was there.

    Raises:
        UsageError: another file has that name.
        StoreError: it cannot be read or removed.
    """
    path = _place(layout, env)
    there = _own(path) is not None
    try:
        if there:
            os.unlink(path)
    except OSError as error:
        raise _refused(path, "removed", error) from error
    return path, there


def _place(layout: Layout, env: Mapping[str, str]) -> Path:
    """Return the file, in the folder that direnv itself would take."""
    if env.get("DIRENV_CONFIG"):
        folder = Path(env["DIRENV_CONFIG"])
    elif env.get("XDG_CONFIG_HOME"):
        folder = Path(env["XDG_CONFIG_HOME"], "direnv")
    else:
        folder = layout.home / ".config/direnv"
    return folder / "lib" / _NAME


def _own(path: Path) -> bytes | None:
    try:
        content = files.read(path)
    except OSError as error:
        raise _refused(path, "read", error) from error
    if content is not None and _MARK not in content:
        raise UsageError(f"{path} is a file of another kind", hint="move it to another name, then repeat")
    return content


def _refused(path: Path, done: str, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be {done}: {error.strerror}", hint="pyv init direnv prints what belongs there")
