"""Reads tar from a stream of pieces: ustar, with the extensions of pax (POSIX.1-2001) and GNU that honest archives use.

The standard library's tarfile reads headers of any length into memory, repairs in silence, differs from version to
version, and takes as long over an interpreter's headers as writing its files does. This reader has no random access
and no sparse files, and refuses what it does not know.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Literal

from pyv.archive.model import Member, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 512
_END = bytes(_BLOCK)
# name, mode, (owner), size, mtime, checksum, type, link target, magic, (version, owner, device), prefix of the name
_HEADER = struct.Struct("100s8s16x12s12s8sc100s6s82x155s12x")
_BEFORE_CHECKSUM = slice(148)
_AFTER_CHECKSUM = slice(156, None)
_BLANK_CHECKSUM = b" " * 8

_MAX_EXTENSION = 2**20  # bytes of one pax or GNU header: they hold names and attributes, which are small
_MAX_SECONDS = 2**33  # the year 2242: in nanoseconds it still fits 64 bits, and so os.utime

_KINDS: dict[bytes, Literal["file", "dir", "link", "hard"]] = {
    b"0": "file",
    b"\0": "file",
    b"1": "hard",
    b"2": "link",
    b"5": "dir",
}
_FOREIGN = {b"3": "a character device", b"4": "a block device", b"6": "a fifo", b"S": "a sparse file"}
_EXTENSIONS = frozenset({b"x", b"g", b"L", b"K"})
_PAX_KEYS = frozenset({b"path", b"linkpath", b"size", b"mtime"})
_PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_SECONDS = re.compile(rb"([0-9]{1,10})(?:\.([0-9]{1,30}))?")


class Stream:
    """A cursor over pieces of bytes.

    Attributes:
        inside: the member being read, to be named if the stream ends there.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.inside: str | None = None
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Exactly that many bytes, in one."""
        end = self._at + count
        if end <= len(self._piece):
            start, self._at = self._at, end
            return self._piece[start:end]
        return b"".join(self._parts(count))

    def body(self, count: int) -> Iterable[memoryview]:
        """Exactly that many bytes, in parts and without a copy."""
        end = self._at + count
        if end <= len(self._piece):
            start, self._at = self._at, end
            return (memoryview(self._piece)[start:end],)
        return self._parts(count)

    def _parts(self, count: int) -> Iterator[memoryview]:
        while count:
            if self._at == len(self._piece):
                self._piece, self._at = next(self._pieces, b""), 0
                if not self._piece:
                    raise RefusedError("truncated: the archive ends before its end marker", self.inside)
            start, self._at = self._at, min(self._at + count, len(self._piece))
            count -= self._at - start
            yield memoryview(self._piece)[start : self._at]

    def expect_zeros(self) -> None:
        """Read to the end, where only padding may be."""
        rest = self._piece[self._at :]
        while True:
            if rest.count(0) != len(rest):
                raise RefusedError("there is something behind the archive's end marker")
            rest = next(self._pieces, b"")
            if not rest:
                return


def members(stream: Stream, most: int) -> Iterator[Member]:
    """The members in their order; the stream is read to its end.

    Args:
        stream: the unpacked archive.
        most: bytes that a member may have.

    Raises:
        RefusedError: while iterating: this is no tar, is damaged, or holds what no interpreter needs.
    """
    common: dict[bytes, bytes] = {}
    extra: dict[bytes, bytes] = {}
    while (block := stream.take(_BLOCK)) != _END:
        raw_name, mode, size, mtime, checksum, kind, raw_target, magic, prefix = _HEADER.unpack(block)
        # The lower half of Adler-32 is 1 plus the sum of the bytes, modulo 65521; sum() would take ten times as long.
        half = zlib.adler32(_BLANK_CHECKSUM, zlib.adler32(block[_BEFORE_CHECKSUM]))
        if zlib.adler32(block[_AFTER_CHECKSUM], half) & 0xFFFF != (_number(checksum) + 1) % 65521:
            raise RefusedError("no tar archive, or a damaged one: the checksum of a header is wrong")
        length = _number(size)
        if kind in _EXTENSIONS:
            _extend(kind, _extension(stream, length), extra, common)
            continue
        raw_name = _until_nul(raw_name)
        if magic == b"ustar\0" and prefix[0]:
            raw_name = _until_nul(prefix) + b"/" + raw_name
        raw_target = _until_nul(raw_target)
        mtime_ns = _number(mtime) * 1_000_000_000
        if extra or common:
            known = common | extra
            extra.clear()
            raw_name = known.get(b"path", raw_name)
            raw_target = known.get(b"linkpath", raw_target)
            length = _decimal(known[b"size"]) if b"size" in known else length
            mtime_ns = _nanoseconds(known[b"mtime"]) if b"mtime" in known else mtime_ns
        stream.inside = name = _text(raw_name)
        what = _kind(kind, name, length, most)
        if mtime_ns > _MAX_SECONDS * 1_000_000_000:
            raise RefusedError("its time is out of range", name)
        body = stream.body(length) if length else ()
        yield Member(name, what, _number(mode), length, mtime_ns, _text(raw_target), body)
        for _ in body:  # what its reader left; nothing, unless the member is not wanted
            pass
        stream.take(-length % _BLOCK)
        stream.inside = None
    if extra:
        raise RefusedError("damaged: an extended header without its member")
    stream.expect_zeros()


def _kind(code: bytes, name: str, length: int, most: int) -> Literal["file", "dir", "link", "hard"]:
    kind = _KINDS.get(code)
    if kind is None:
        raise RefusedError(_FOREIGN.get(code, f"a member of unknown type {code!r}"), name)
    if code == b"\0" and name.endswith("/"):  # folders before POSIX
        kind = "dir"
    if length > most:
        raise RefusedError(f"a size of {length:,} bytes", name)
    if length and kind != "file":
        raise RefusedError(f"a {kind} with content", name)  # readers disagree where the next header is
    return kind


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise RefusedError("its name or target is not UTF-8", raw.decode(errors="backslashreplace")) from None


def _number(field: bytes) -> int:
    """A header's number: octal digits between blanks and NULs, or, as GNU does for large ones, binary."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise RefusedError("damaged: a negative or impossible number in a header")
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):  # int() would take signs, prefixes and underscores, too
        raise RefusedError("damaged: a number in a header is no number")
    return int(digits or b"0", 8)


def _extension(stream: Stream, length: int) -> bytes:
    if length > _MAX_EXTENSION:
        raise RefusedError(f"an extended header of {length:,} bytes")
    data = stream.take(length)
    stream.take(-length % _BLOCK)
    return data


def _extend(kind: bytes, data: bytes, extra: dict[bytes, bytes], common: dict[bytes, bytes]) -> None:
    """Note what an extension says about the next member, or about all that follow."""
    if kind in {b"L", b"K"}:
        name, _, rest = data.partition(b"\0")
        if rest.strip(b"\0"):
            raise RefusedError("damaged: a long name with a NUL in it")
        extra[b"path" if kind == b"L" else b"linkpath"] = name
    elif kind == b"x":
        _read_pax(data, extra)
    else:
        _read_pax(data, common)
        if common.keys() - {b"mtime"}:
            raise RefusedError("a global header that names or sizes members")


def _read_pax(data: bytes, into: dict[bytes, bytes]) -> None:
    r"""Records of the form "length key=value\n"; the length counts the whole record (POSIX.1-2001, pax)."""
    at = 0
    while at < len(data):
        prefix = _PAX_LENGTH.match(data, at)
        end = at + int(prefix[1]) if prefix else 0
        if prefix is None or not prefix.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise RefusedError("damaged: an extended header that cannot be read")
        key, equals, value = data[prefix.end() : end - 1].partition(b"=")
        if not equals:
            raise RefusedError("damaged: an extended header that cannot be read")
        if key.startswith(b"GNU.sparse."):
            raise RefusedError("a sparse file", _text(into.get(b"path", b"?")))
        if key in _PAX_KEYS:
            if value:
                into[key] = value
            else:  # an empty value takes the record back
                into.pop(key, None)
        at = end


def _decimal(value: bytes) -> int:
    # The bound keeps int() from a quadratic conversion of a million digits.
    if not value.isdigit() or len(value) > 20:
        raise RefusedError("damaged: a size in an extended header is no number")
    return int(value)


def _nanoseconds(value: bytes) -> int:
    match = _SECONDS.fullmatch(value)
    if not match:
        raise RefusedError("damaged: a time in an extended header is no number, or out of range")
    return int(match[1]) * 1_000_000_000 + int((match[2] or b"0").ljust(9, b"0")[:9])
