"""What an archive holds, what is accepted of it, and how a refusal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Entry(NamedTuple):
    """One file, folder or link that stands in the destination after an extraction.

    Attributes:
        path: posix path relative to the destination.
        kind: "file", "dir", or "link" for a symbolic link. A hard link is a "file" like the one that it shares.
        mode: permission bits as they are on disk; 0o777 for links, whose own bits mean nothing.
        size: bytes; 0 unless a file.
        mtime_ns: modification time, nanoseconds since 1970.
        sha256: hex digest of a file's content, "" for the others.
        target: what a link points to, exactly as in the archive; "" for the others.
    """

    path: str
    kind: Literal["file", "dir", "link"]
    mode: int
    size: int
    mtime_ns: int
    sha256: str
    target: str


class Member(NamedTuple):
    """One member as its header tells it: nothing in it has been checked yet.

    Attributes:
        name: as it stands in the archive.
        kind: "hard" is a hard link, "link" a symbolic one.
        mode: permission bits, with set-user-id and its like.
        size: bytes that body will give.
        mtime_ns: modification time, nanoseconds since 1970.
        target: of a link or hard link.
        body: the content in pieces; what is left of it is skipped when the next member is asked for.
    """

    name: str
    kind: Literal["file", "dir", "link", "hard"]
    mode: int
    size: int
    mtime_ns: int
    target: str
    body: Iterable[bytes | memoryview]


class Limits(NamedTuple):
    """Where unpacking stops, so that a hostile or broken archive cannot fill disk or memory.

    Attributes:
        members: most members, counting folders that are only implied.
        total_bytes: most bytes unpacked, headers and skipped members included.
        ratio: most unpacked bytes for one packed byte; deflate alone can reach 1,032, interpreters stay below 12.
        ratio_from: unpacked bytes below which the ratio is not looked at, since small archives of zeros do no harm.
    """

    members: int = 200_000
    total_bytes: int = 8 * 2**30
    ratio: int = 200
    ratio_from: int = 64 * 2**20


DEFAULT_LIMITS = Limits()


class RefusedError(Exception):
    """The archive breaks a rule; becomes a VerificationError with the archive's name at the border of this package.

    A class of its own, so that a VerificationError of the source (a wrong hash, say) passes through untouched.

    Args:
        why: what is wrong, as the end of a sentence.
        member: the member's name, if one is to blame; shown with control characters escaped.
    """

    def __init__(self, why: str, member: str | None = None) -> None:
        super().__init__(why if member is None else f"{member!r} is refused: {why}")
