"""Zip archives: the same rules through another door."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from pyv import archive
from pyv.errors import UsageError
from tests.test_archive_making import Room

if TYPE_CHECKING:
    from pathlib import Path

NAME = "pypy.zip"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "top")


def info(
    name: str, mode: int = stat.S_IFREG | 0o644, *, system: int = 3, when: tuple[int, ...] = (2020, 9, 13, 12, 26, 40)
) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, when)  # type: ignore[arg-type]  # the stub wants a tuple of six
    made.orig_filename = made.filename = name  # ZipInfo cuts at a NUL
    made.create_system = system
    made.external_attr = mode << 16
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for member, content in members:
            made.writestr(info(member) if isinstance(member, str) else member, content)
    return out.getvalue()


def changed(data: bytes, offset: int, value: bytes) -> bytes:
    """With some bytes of the first record of the directory changed."""
    at = data.index(b"PK\1\2") + offset
    return data[:at] + value + data[at + len(value) :]


def test_files_folders_links_modes_and_times_are_taken_over(room: Room) -> None:
    data = zipped(
        (info("pypy3.10/", stat.S_IFDIR | 0o755), b""),
        (info("pypy3.10/bin/pypy3", stat.S_IFREG | 0o775), b"elf" * 100_000),
        (info("pypy3.10/bin/python", stat.S_IFLNK | 0o777), b"pypy3"),
        (info("pypy3.10/empty/", stat.S_IFDIR | 0o700), b""),
        (info("pypy3.10/dos.txt", 0, system=0), b"text"),
        (info("pypy3.10/dos/", 0, system=0), b""),
    )
    entries = {entry.path: entry for entry in room.extract(data, NAME, prefix="pypy*")}
    assert {path: (entry.kind, entry.mode) for path, entry in entries.items()} == {
        "bin": ("dir", 0o755),
        "bin/pypy3": ("file", 0o755),
        "bin/python": ("link", 0o777),
        "dos": ("dir", 0o755),
        "dos.txt": ("file", 0o644),
        "empty": ("dir", 0o700),
    }
    assert entries["bin/pypy3"].mtime_ns == 1_600_000_000 * 10**9
    assert (room.inside / "bin" / "python").read_bytes() == b"elf" * 100_000
    assert stat.S_IMODE((room.inside / "bin" / "pypy3").stat().st_mode) == 0o755


def test_stored_members_and_dates_that_are_none_are_read(room: Room) -> None:
    member = info("python/a", when=(1980, 0, 0, 0, 0, 0))
    member.compress_type = zipfile.ZIP_STORED
    entries = room.extract(zipped((member, b"x")), NAME)
    assert (entries[0].size, entries[0].mtime_ns) == (1, 315_532_800 * 10**9)


class Pipe:
    """What comes over a network."""

    def read(self, size: int, /) -> bytes:
        raise AssertionError(size)


def test_a_source_that_cannot_seek_is_told_so(room: Room) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        for source in (Pipe(), pipe):
            with pytest.raises(UsageError, match=r"pypy\.zip: a zip can only be unpacked from a whole file"):
                room.extract(source, NAME)


BAD = {
    "../canary": "'..'",
    "python/../../canary": "'..'",
    "/python/a": "absolute",
    "C:/python/a": "a drive",
    "python\\..\\canary": "a backslash",
    "python/a\0b": "a control character",
    "python/a\nb": "a control character",
    "python//a": "component",
    "elsewhere/a": "not below 'python'",
}


@pytest.mark.parametrize("name", BAD, ids=ascii)
@pytest.mark.parametrize("mode", [stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777])
def test_bad_names_are_refused(room: Room, name: str, mode: int) -> None:
    with room.refuses(BAD[name], repr(name), name=NAME):
        room.extract(zipped(("python/good", b"x"), (info(name, mode), b"evil")), NAME)


@pytest.mark.parametrize("target", ["/etc/passwd", "../canary", "d/../../canary", "", "\xff".encode("latin-1")])
def test_links_follow_the_same_rules(room: Room, target: str | bytes) -> None:
    content = target if isinstance(target, bytes) else target.encode()
    with room.refuses("'python/x'", name=NAME):
        room.extract(zipped(("python/d/a", b""), (info("python/x", stat.S_IFLNK | 0o777), content)), NAME)


def test_a_chain_of_links_and_a_file_behind_a_link_are_refused(room: Room) -> None:
    kind = stat.S_IFLNK | 0o777
    with room.refuses("leads outside", name=NAME):
        room.extract(
            zipped(("python/d/a", b""), (info("python/d/l", kind), b".."), (info("python/e", kind), b"d/l/..")), NAME
        )
    with room.refuses("below a link", name=NAME):
        Room(room.top / "second").extract(zipped((info("python/l", kind), b"."), ("python/l/x", b"")), NAME)


def test_a_target_of_megabytes_is_not_read(room: Room) -> None:
    data = changed(zipped((info("python/x", stat.S_IFLNK | 0o777), b"a")), 24, struct.pack("<L", 2**20))
    with room.refuses("longer than", name=NAME):
        room.extract(data, NAME)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_fifos_and_sockets_are_refused(room: Room, kind: int) -> None:
    with room.refuses("a device", "'python/x'", name=NAME):
        room.extract(zipped((info("python/x", kind | 0o644), b"")), NAME)


@pytest.mark.parametrize("bits", [0o4000, 0o2000, 0o1000])
def test_bits_beyond_permissions_are_refused(room: Room, bits: int) -> None:
    with room.refuses("set-user-id", "'python/x'", name=NAME):
        room.extract(zipped((info("python/x", stat.S_IFREG | 0o755 | bits), b"")), NAME)


def test_nothing_comes_twice(room: Room) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("python/x", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("python/x", b"2")
    with room.refuses("twice", "'python/x'", name=NAME):
        room.extract(out.getvalue(), NAME)


def test_a_folder_with_content_is_refused(room: Room) -> None:
    with room.refuses("a folder with content", name=NAME):
        room.extract(zipped((info("python/x", stat.S_IFDIR | 0o755), b"content")), NAME)


def test_an_encrypted_member_is_refused(room: Room) -> None:
    with room.refuses("encrypted", "'python/x'", name=NAME):
        room.extract(changed(zipped(("python/x", b"x")), 8, struct.pack("<H", 1)), NAME)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_other_compressions_are_refused(room: Room, method: int) -> None:
    with room.refuses(f"compression method {method}", "'python/x'", name=NAME):
        room.extract(changed(zipped(("python/x", b"x" * 100)), 10, struct.pack("<H", method)), NAME)


def test_damage_is_refused(room: Room) -> None:
    data = zipped(("python/x", os.urandom(1000)))
    with room.refuses("damaged", "'python/x'", name=NAME):
        room.extract(data[:500] + b"\1\2\3\4" + data[504:], NAME)
    with room.refuses(name=NAME):
        Room(room.top / "crc").extract(changed(data, 16, b"abcd"), NAME)


@pytest.mark.parametrize("cut", [1, 10, 21, 22, 23, 100, 1000])
def test_a_truncated_zip_is_refused(room: Room, cut: int) -> None:
    with room.refuses("truncated", "no zip directory at its end", name=NAME):
        room.extract(zipped(("python/x", os.urandom(2000)))[:-cut], NAME)


@pytest.mark.parametrize("offset", [2**32 - 2, 2**63 - 1, 2**64 - 1])
def test_data_that_would_be_far_behind_the_archive_is_refused(room: Room, offset: int) -> None:
    member = info("python/x")
    member.extra = struct.pack("<HHQ", 1, 8, offset)
    data = zipped((member, b"x"))
    with room.refuses("not in the archive", name=NAME):
        room.extract(changed(data, 42, struct.pack("<L", min(offset, 2**32 - 1))), NAME)


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"x" * 1000, b"PK\5\6" + b"\xff" * 18, b"PK\5\6" + bytes(18) + b"x"])
def test_what_is_no_zip_is_refused(room: Room, data: bytes) -> None:
    with room.refuses(name=NAME):
        room.extract(data, NAME)


def test_an_empty_zip_is_refused(room: Room) -> None:
    with room.refuses("nothing below 'python'", name=NAME):
        room.extract(zipped(), NAME)


def test_something_before_or_behind_the_zip_is_refused(room: Room) -> None:
    data = zipped(("python/x", b"x"))
    for wrong in (b"MZ" * 100 + data, data + b"x", data[:-2] + b"\1\0x"):
        with room.refuses(name=NAME):
            room.extract(wrong, NAME)


def test_a_huge_directory_and_zip64_are_refused_before_they_are_read(room: Room) -> None:
    end = struct.pack("<4s8xLLH", b"PK\5\6", 2**31, 0, 0)
    with room.refuses("a zip directory of", name=NAME):
        room.extract(end, NAME)
    with room.refuses("zip64", name=NAME):
        room.extract(b"PK\6\7" + bytes(16) + end, NAME)


def test_limits_count_for_zip_too(room: Room) -> None:
    data = zipped(("python/x", bytes(1_000_000)), ("python/y", b""))
    with room.refuses("more than 999,999 bytes", name=NAME):
        room.extract(data, NAME, limits=archive.Limits(total_bytes=999_999))
    with room.refuses("a compression bomb", name=NAME):
        room.extract(data, NAME, limits=archive.Limits(ratio=100, ratio_from=1000))
    with room.refuses("more than 1 members", name=NAME):
        room.extract(data, NAME, limits=archive.Limits(members=1))


def test_a_member_that_is_longer_than_it_says_is_refused(room: Room) -> None:
    data = changed(zipped(("python/x", b"x" * 1000)), 24, struct.pack("<L", 10))
    with room.refuses("'python/x'", name=NAME):
        room.extract(data, NAME)


def test_check_is_asked(room: Room) -> None:
    def give_up() -> None:
        raise TimeoutError

    source = io.BytesIO(zipped(("python/x", b"x")))
    with pytest.raises(TimeoutError):
        archive.extract(source, NAME, room.inside, prefix="python", check=give_up)
