"""Putting a finished version into its place, and what stood there out of it, without a moment of absence."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

# What a version is called, after a dot, while it is being replaced where two folders cannot be swapped
_ASIDE = ".replaced"


def check(final: Path) -> None:
    """Make sure that what stands in a version's place, if anything, is a folder or a link, which can be replaced.

    Raises:
        StoreError: it is a file of somebody's, which would be lost; or there can be no place in what is no folder.
    """
    if os.path.lexists(final.parent) and not os.path.isdir(final.parent):
        raise StoreError(f"{final.parent} is no folder", hint="move it away")
    if os.path.lexists(final) and not os.path.islink(final) and not os.path.isdir(final):
        raise StoreError(f"{final} is no folder", hint="move it away")


def put(staged: Path, final: Path) -> None:
    """Put a folder into its place. What it replaces is left at `staged`.

    Raises:
        StoreError: what stands there is not to be replaced, see `check`.
        OSError: the rename failed; nothing has changed.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    check(final)
    try:
        os.rename(staged, final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        if not fsops.exchange(staged, final):
            # Not known here, as on NFS: renames, as close together as can be. What is aside is not in the staging area,
            # which is swept: after a kill between them it is all that there is, and `put_back` puts it back
            put_back(final)
            aside = _aside(final)
            os.rename(final, aside)
            try:
                os.rename(staged, final)
            except OSError:
                os.rename(aside, final)
                raise
            os.rename(aside, staged)
    fsops.sync_folder(final.parent)


def interrupted(versions: Path) -> list[str]:
    """Return the names of the versions of which something is still aside: their replacement goes on, or was killed.

    Raises:
        OSError: the folder cannot be read.
    """
    names = [name[1:].removesuffix(_ASIDE) for name in os.listdir(versions) if name[0] == "." and name.endswith(_ASIDE)]
    return [name for name in names if name]


def put_back(final: Path) -> None:
    """Put a version back that is aside, or remove it where another has taken its place."""
    aside = _aside(final)
    if os.path.lexists(final):
        fsops.remove_tree(aside)
    elif os.path.lexists(aside):
        os.rename(aside, final)


def _aside(final: Path) -> Path:
    return final.with_name(f".{final.name}{_ASIDE}")
