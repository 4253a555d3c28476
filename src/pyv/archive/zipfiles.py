"""Reads zip through the standard library's zipfile, after a look at what zipfile would trust."""

from __future__ import annotations

import calendar
import stat
import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Literal, cast

from pyv.archive.model import Member, RefusedError
from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyv.archive.decompress import Source
    from pyv.archive.model import Limits

_PIECE = 256 * 1024
_UNIX = 3  # "version made by": the upper half of the external attributes is st_mode
_ENCRYPTED_OR_PATCHED = 0x2061  # general purpose bits 0, 5, 6 and 13 (APPNOTE.TXT, 4.4.4)
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # the others inflate without a bound on memory
_MAX_TARGET = 1024
_NO_DATE = 315_532_800  # 1980, where DOS begins

# The record at a zip's end (APPNOTE.TXT, 4.3.16): signature, disks and counts, size and place of the directory, comment
_LAST_RECORD = struct.Struct("<4s8xLLH")
_LAST_SIGNATURE = b"PK\5\6"
_ZIP64_LOCATOR = struct.Struct("<4s16x")
_ZIP64_SIGNATURE = b"PK\6\7"
_MAX_DIRECTORY = 16 * 2**20  # zipfile reads all of it into memory

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error)


def zip_members(
    source: Source, name: str, *, limits: Limits, check: Callable[[], object] | None = None
) -> Iterator[Member]:
    """The members in the order of the zip's directory.

    Args:
        source: a binary file that can seek: a zip's directory is at its end.
        name: the archive's file name, for messages.
        limits: how much all members may have, altogether and for each packed byte.
        check: called for each member; what it raises passes through.

    Raises:
        UsageError: the source cannot seek.
        RefusedError: while iterating: this is no zip, is damaged, or breaks a rule.
    """
    seekable = getattr(source, "seekable", None)
    if seekable is None or not seekable():
        raise UsageError(f"{name}: a zip can only be unpacked from a whole file, not while it is being downloaded")
    file = cast("IO[bytes]", source)
    length = _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise RefusedError(f"damaged, or not what its name says ({error})") from error
    with archive:
        infos = archive.infolist()
        total = sum(info.file_size for info in infos)
        if total > limits.total_bytes:
            raise RefusedError(f"it unpacks to more than {limits.total_bytes:,} bytes")
        if total > limits.ratio_from and total > length * limits.ratio:
            raise RefusedError(f"a compression bomb: more than {limits.ratio} unpacked bytes for each packed one")
        for info in infos:
            if check is not None:
                check()
            yield _member(archive, info, length)


def _check_directory(file: IO[bytes]) -> int:
    """Refuse a directory that zipfile would need too much memory for; returns the length of the file."""
    length = file.seek(0, 2)
    size = min(length, _ZIP64_LOCATOR.size + _LAST_RECORD.size)
    file.seek(length - size)
    end = file.read(size)
    if size < _LAST_RECORD.size:
        raise RefusedError("truncated, or not what its name says: no zip directory at its end")
    signature, directory, start, comment = _LAST_RECORD.unpack(end[-_LAST_RECORD.size :])
    if signature != _LAST_SIGNATURE or comment:
        raise RefusedError("truncated, or not what its name says: no zip directory at its end")
    if end.startswith(_ZIP64_SIGNATURE) and size > _LAST_RECORD.size:
        raise RefusedError("a zip64 archive, which no interpreter needs")
    if directory > _MAX_DIRECTORY:
        raise RefusedError(f"a zip directory of {directory:,} bytes")
    if start + directory + _LAST_RECORD.size != length:
        raise RefusedError("damaged: the zip directory is not where it should be")
    return length


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, length: int) -> Member:
    name = info.orig_filename  # zipfile cuts `filename` at a NUL
    if info.flag_bits & _ENCRYPTED_OR_PATCHED:
        raise RefusedError("it is encrypted", name)
    if info.compress_type not in _METHODS:
        raise RefusedError(f"compression method {info.compress_type}, which is none of stored and deflated", name)
    if info.header_offset >= length:
        raise RefusedError("damaged: its data is not in the archive", name)
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    kind, target = _kind(archive, info, mode)
    permissions = stat.S_IMODE(mode) or (0o755 if kind == "dir" else 0o644)
    try:
        seconds = calendar.timegm((*info.date_time, 0, 0, 0))
    except ValueError:  # writers without a clock leave month and day 0
        seconds = _NO_DATE
    size = info.file_size if kind == "file" else 0
    body = _body(archive, info) if size else ()
    return Member(name, kind, permissions, size, seconds * 1_000_000_000, target, body)


def _kind(archive: zipfile.ZipFile, info: zipfile.ZipInfo, mode: int) -> tuple[Literal["file", "dir", "link"], str]:
    name = info.orig_filename
    file_type = stat.S_IFMT(mode)
    if file_type == stat.S_IFLNK:
        if info.file_size > _MAX_TARGET:
            raise RefusedError(f"its link target is longer than {_MAX_TARGET} bytes", name)
        try:
            return "link", b"".join(_body(archive, info)).decode()
        except UnicodeDecodeError:
            raise RefusedError("its link target is not UTF-8", name) from None
    if file_type not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise RefusedError("a device, a fifo or a socket", name)
    if file_type == stat.S_IFDIR or name.endswith("/"):
        if info.file_size:
            raise RefusedError("a folder with content", name)
        return "dir", ""
    return "file", ""


def _body(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as file:
            while piece := file.read(_PIECE):
                yield piece
    except _DAMAGE as error:
        raise RefusedError(f"damaged ({error})", info.orig_filename) from error
