"""Unpacks an archive into a folder, safely, while it is still being downloaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv.archive.decompress import CODECS, unpacked
from pyv.archive.model import DEFAULT_LIMITS, RefusedError
from pyv.archive.tarstream import Stream, members
from pyv.archive.tree import Tree
from pyv.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyv.archive.decompress import Source
    from pyv.archive.model import Entry, Limits


def can_stream(name: str) -> bool:
    """Whether an archive of that name can be unpacked from its beginning, while the rest is still to come.

    Raises:
        UsageError: archives of that name cannot be unpacked at all.
    """
    return _ending(name) != ".zip"


def extract(
    source: Source,
    name: str,
    destination: str | os.PathLike[str],
    *,
    prefix: str,
    limits: Limits = DEFAULT_LIMITS,
    check: Callable[[], object] | None = None,
) -> list[Entry]:
    """Unpack an archive into an existing, empty folder.

    The rules are those of tarfile's data filter (PEP 706), and stricter: one member that breaks one, and the whole
    archive is refused. Owners are not taken over; group and others lose the right to write; everything else of modes
    and times survives, whatever the umask. On failure the destination may hold anything, and nothing outside it has
    changed; deleting it is the caller's.

    Args:
        source: the archive's bytes. Of a tar, all of them are read, in this thread; a zip needs a file that can seek.
        name: the archive's file name, whose ending tells its kind, for messages too.
        destination: where to unpack.
        prefix: which folder of the archive becomes the destination, such as "python" or "python/install". Its first
            component may be a pattern ("pypy*"), and is where every member has to be; members elsewhere below it are
            checked but not written.
        limits: how much is accepted.
        check: called again and again; raises to give up.

    Returns:
        Everything that was written, sorted by path; folders that the archive only implied are among it.

    Raises:
        VerificationError: the archive is damaged, or a member breaks a rule.
        UsageError: the name is of no known kind, or the source cannot seek where that is needed.
        OSError: no space, no permission.
        BaseException: whatever source and check raise.
    """
    ending = _ending(name)
    tree = Tree(os.fspath(destination), prefix, limits)
    try:
        if ending == ".zip":
            from pyv.archive.zipfiles import zip_members

            for member in zip_members(source, name, limits=limits, check=check):
                tree.add(member)
        else:
            with unpacked(source, CODECS[ending](), limits=limits, check=check) as pieces:
                for member in members(Stream(pieces), limits.total_bytes):
                    tree.add(member)
        return tree.finish()
    except RefusedError as error:
        raise VerificationError(f"{name}: {error}") from error


def _ending(name: str) -> str:
    for ending in (*CODECS, ".zip"):
        if name.endswith(ending):
            return ending
    raise UsageError(
        f"{name}: not the name of an archive", hint=f"known are names that end in {', '.join(CODECS)} or .zip"
    )
