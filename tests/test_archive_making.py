"""Archives made by hand, as the other tests of archives use them, and the proof that they are what they look like."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from pyv import archive
from pyv.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.archive.decompress import Source

MTIME = 1_600_000_000
END = bytes(1024)
ENDINGS = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")


def field(value: bytes | int, width: int) -> bytes:
    """A header's field: text, or a number in octal digits."""
    return value.ljust(width, b"\0") if isinstance(value, bytes) else b"%0*o\0" % (width - 1, value)


def header(
    name: str | bytes,
    kind: bytes = b"0",
    *,
    size: bytes | int = 0,
    mode: bytes | int = 0o644,
    mtime: bytes | int = MTIME,
    target: str = "",
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    checksum: bytes | None = None,
) -> bytes:
    """512 bytes of tar header, of anything at all."""
    raw = name.encode() if isinstance(name, str) else name
    before = field(raw, 100) + field(mode, 8) + field(0, 8) * 2 + field(size, 12) + field(mtime, 12)
    after = kind + field(target.encode(), 100) + field(magic, 8) + bytes(80) + field(prefix, 155) + bytes(12)
    total = sum(before) + sum(b" " * 8) + sum(after)
    return before + (b"%06o\0 " % total if checksum is None else checksum) + after


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def file(name: str | bytes, content: bytes = b"", *, mode: bytes | int = 0o644, mtime: bytes | int = MTIME) -> bytes:
    return header(name, size=len(content), mode=mode, mtime=mtime) + padded(content)


def folder(name: str, *, mode: int = 0o755, mtime: int = MTIME) -> bytes:
    return header(name, b"5", mode=mode, mtime=mtime)


def link(name: str, target: str) -> bytes:
    return header(name, b"2", mode=0o777, target=target)


def hard(name: str, target: str) -> bytes:
    return header(name, b"1", target=target)


def pax(kind: bytes = b"x", /, **records: str | bytes) -> bytes:
    """An extended header; underscores of the keys stand for dots."""
    data = b""
    for key, value in records.items():
        rest = b" " + key.replace("_", ".").encode() + b"=" + (value.encode() if isinstance(value, str) else value)
        length = len(rest) + 2
        while len(b"%d" % length) + len(rest) + 1 != length:
            length += 1
        data += b"%d" % length + rest + b"\n"
    return header("././@PaxHeader", kind, size=len(data)) + padded(data)


def packed(data: bytes, ending: str = ".tar.gz") -> bytes:
    """Compressed as the ending says."""
    if ending == ".tar.zst":
        return zstandard.ZstdCompressor().compress(data)
    if ending == ".tar.xz":
        return lzma.compress(data, preset=1)
    if ending == ".tar.bz2":
        return bz2.compress(data)
    return gzip.compress(data, 6, mtime=0)


class Room:
    """A folder to unpack into, with all around it that a hostile archive would want to reach."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.inside = top / "a" / "b" / "inside"
        self.inside.mkdir(parents=True)
        for place in (top, top / "a", top / "a" / "b", top / "a" / "b" / "python"):
            place.mkdir(exist_ok=True)
            (place / "canary").write_text("sings")
            (place / "canary.link").symlink_to("canary")
        self._before = self._around()

    def _around(self) -> dict[str, tuple[object, ...]]:
        seen: dict[str, tuple[object, ...]] = {}
        for parent, folders, files in os.walk(self.top):
            if Path(parent) == self.inside.parent:
                folders[:] = set(folders) - {self.inside.name}
            for name in (*folders, *files):
                path = Path(parent, name)
                status = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
                seen[str(path)] = (status.st_ino, status.st_mode, status.st_nlink, status.st_mtime_ns, content)
        return seen

    def extract(
        self,
        data: bytes | Source,
        name: str = "cpython.tar.gz",
        *,
        prefix: str = "python",
        limits: archive.Limits = archive.DEFAULT_LIMITS,
    ) -> list[archive.Entry]:
        """Unpack, and see to it that nothing around has changed, whatever happens."""
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        try:
            return archive.extract(source, name, self.inside, prefix=prefix, limits=limits)
        finally:
            assert self._around() == self._before

    def tar(
        self, *members: bytes, prefix: str = "python", limits: archive.Limits = archive.DEFAULT_LIMITS
    ) -> dict[str, archive.Entry]:
        """Unpack a tar of these members and its end marker."""
        entries = self.extract(packed(b"".join(members) + END), prefix=prefix, limits=limits)
        return {entry.path: entry for entry in entries}

    @contextlib.contextmanager
    def refuses(self, *words: str, name: str = "cpython.tar.gz") -> Iterator[None]:
        """What is done here is refused, with one printable line that has the words and the archive's name in it."""
        with pytest.raises(VerificationError) as caught:
            yield
        message = str(caught.value)
        assert message.isprintable()
        assert message.startswith(f"{name}: ")
        assert caught.value.exit_code == 5
        for word in words:
            assert word in message


def test_what_is_made_by_hand_is_what_tarfile_reads() -> None:
    data = b"".join(
        (
            folder("python/", mode=0o700, mtime=1),
            file("python/a", b"abc" * 1000, mode=0o755),
            pax(path="python/é" * 40, mtime="12.5"),
            file("short"),
            link("python/l", "a"),
            hard("python/h", "python/a"),
            header("name", prefix=b"python/long"),
            END,
        )
    )
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
    assert [(member.name, member.type, member.mode, member.linkname) for member in members] == [
        ("python", b"5", 0o700, ""),
        ("python/a", b"0", 0o755, ""),
        ("python/é" * 40, b"0", 0o644, ""),
        ("python/l", b"2", 0o777, "a"),
        ("python/h", b"1", 0o644, "python/a"),
        ("python/long/name", b"0", 0o644, ""),
    ]
    assert [member.mtime for member in members[:3]] == [1, MTIME, 12.5]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_packed_is_what_tarfile_unpacks(ending: str) -> None:
    data = packed(file("python/a", b"content") + END, ending)
    if ending == ".tar.zst":
        data = zstandard.ZstdDecompressor().decompress(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["python/a"]


def test_a_room_notices_what_changes_around(tmp_path: Path) -> None:
    room = Room(tmp_path / "top")
    (room.top / "a" / "canary").write_text("is silent")
    with pytest.raises(AssertionError):
        room.tar(file("python/a"))
