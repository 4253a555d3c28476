"""Writes archives: the same folder gives the same bytes, whoever packs it and whenever."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import IO, TYPE_CHECKING, NamedTuple

from pyv.errors import StoreError

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator
    from pathlib import Path

# 1980: zip, and so whoever makes a wheel of what was installed, knows no earlier times.
_MTIME = 315_532_800
_PERMISSIONS = 0o755  # all that extract would take over


class Created(NamedTuple):
    """What an archive turned out to be: its hash in hex, and its size in bytes."""

    sha256: str
    size: int


class _HashingFile:
    """Hashes and counts what passes through to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def create(folder: Path, destination: Path, *, level: int = 6, mtime: int = _MTIME) -> Created:
    """Pack a folder, under its own name, into a new .tar.gz.

    Members are sorted, belong to user and group 0 and have one time. Symbolic and hard links stay what they are; what
    group and others may write, and set-user-id and its like, is not taken over.

    Args:
        folder: what to pack.
        destination: the file to be made; overwritten if it exists.
        level: of compression, 1 to 9.
        mtime: the time of all members, in seconds since 1970.

    Raises:
        StoreError: something in the folder is neither file, folder nor link.
        OSError: something cannot be read or written.
    """
    import gzip
    import tarfile

    seen: dict[tuple[int, int], str] = {}
    with destination.open("wb") as file:
        out = _HashingFile(file)
        with (
            gzip.GzipFile("", "wb", level, out, mtime=0) as packed,
            tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(_walk(folder)):
                name = os.path.join(folder.name, os.path.relpath(path, folder))
                info = tarfile.TarInfo(os.path.normpath(name))
                info.mtime = mtime
                _add(tar, info, path, seen)
    return Created(out.digest.hexdigest(), out.size)


def _walk(folder: Path) -> Iterator[str]:
    yield str(folder)
    for parent, folders, files in os.walk(folder, onerror=_raise):
        for name in folders + files:
            yield os.path.join(parent, name)


def _raise(error: OSError) -> None:
    """Keep os.walk from skipping in silence what it cannot read."""
    raise error


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, path: str, seen: dict[tuple[int, int], str]) -> None:
    status = os.lstat(path)
    info.mode = status.st_mode & _PERMISSIONS
    identity = status.st_dev, status.st_ino
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname, info.mode = b"2", os.readlink(path), 0o777
        tar.addfile(info)
    elif stat.S_ISDIR(status.st_mode):
        info.type = b"5"
        tar.addfile(info)
    elif not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} cannot be packed: it is neither file, folder nor link", hint="remove it, then repeat")
    elif identity in seen:
        info.type, info.linkname = b"1", seen[identity]
        tar.addfile(info)
    else:
        if status.st_nlink > 1:
            seen[identity] = info.name
        with open(path, "rb") as file:
            info.size = os.fstat(file.fileno()).st_size
            tar.addfile(info, file)
