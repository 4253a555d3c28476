"""The command `pyenv` among the shims: pyv under another name, for scripts, there only if the user asked for it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.errors import UsageError, explained
from pyv.shims import dispatcher

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.layout import Layout

NAME = "pyenv"


def offer(layout: Layout) -> Path:
    """Put it there, or leave it there, and return it. The next rehash makes it a link to the dispatcher.

    Raises:
        UsageError: another program of that name is in its place.
        StoreError: the folder of shims cannot be written, or holds no dispatcher.
    """
    path = layout.shims / NAME
    _check(path)
    with explained(f"make {path}"):
        if dispatcher.read(os.fspath(path)) is None:
            fsops.write_whole(path, (layout.shims / dispatcher.OWN).read_bytes(), mode=0o755)
    return path


def withdraw(layout: Layout) -> bool:
    """Take it away again, and tell whether it was there.

    Raises:
        UsageError: another program of that name is in its place.
        StoreError: the folder of shims cannot be written.
    """
    path = layout.shims / NAME
    there = os.path.lexists(path)
    _check(path)
    with explained(f"remove {path}"), suppress(FileNotFoundError):
        os.unlink(path)
    return there


def _check(path: Path) -> None:
    status, content = dispatcher.look(os.fspath(path))
    if os.path.lexists(path) and (status is None or (content and not dispatcher.is_marked(content))):
        raise UsageError(f"{path} is a program of another kind", hint="move it to another place, then repeat")
