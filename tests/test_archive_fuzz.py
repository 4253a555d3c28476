"""Whatever is done to an archive: it is unpacked or refused, and nothing outside the destination changes."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyv import archive
from pyv.errors import VerificationError
from tests.test_archive_making import END, Room, file, folder, hard, header, link, packed, pax
from tests.test_archive_zip import zipped

TREE = b"".join(
    (
        folder("python/"),
        file("python/bin/python3.12", b"\x7fELF" * 300, mode=0o755),
        link("python/bin/python", "python3.12"),
        hard("python/bin/python3", "python/bin/python3.12"),
        pax(path="python/" + "long/" * 30 + "name", mtime="1.5"),
        file("python/short", b"text\n" * 100),
        header("python/gnu", size=b"\x80" + struct.pack(">xxxQ", 3), magic=b"ustar  \0") + b"abc" + bytes(509),
        link("python/up", "bin/.."),
        END,
    )
)
LIMITS = archive.Limits(members=100, total_bytes=10_000_000)

changes = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "insert", "copy"]),
        st.integers(0, 2**20),
        st.integers(0, 2**20),
        st.binary(max_size=20),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("fuzz") / "top")


def corrupted(data: bytes, edits: list[tuple[str, int, int, bytes]]) -> bytes:
    for what, where, other, new in edits:
        at = where % (len(data) + 1)
        if what == "flip":
            data = data[:at] + bytes(byte ^ (1 << other % 8) for byte in data[at : at + 1]) + data[at + 1 :]
        elif what == "set":
            data = data[:at] + new + data[at + len(new) :]
        elif what == "cut":
            data = data[:at] + data[at + other % 1000 :]
        elif what == "insert":
            data = data[:at] + new + data[at:]
        else:
            start = other // 512 * 512 % (len(data) + 1)
            data = data[: at // 512 * 512] + data[start : start + 512] + data[at // 512 * 512 :]
    return data


def try_out(room: Room, data: bytes, name: str) -> None:
    within = os.path.realpath(room.inside)
    with contextlib.suppress(VerificationError):
        entries = room.extract(data, name, limits=LIMITS)
        assert {entry.path for entry in entries} == {str(p.relative_to(room.inside)) for p in room.inside.rglob("*")}
    for path in room.inside.rglob("*"):
        assert os.path.commonpath([within, os.path.realpath(path)]) == within
    for path in room.inside.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@settings(deadline=None, max_examples=150)
@given(edits=changes)
def test_a_corrupted_tar_is_unpacked_or_refused(room: Room, edits: list[tuple[str, int, int, bytes]]) -> None:
    try_out(room, packed(corrupted(TREE, edits)), "a.tar.gz")


def mended(data: bytes) -> bytes:
    """With the checksums of all headers put right, so that damage gets beyond them."""
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    for block in blocks:
        if len(block) == 512 and block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


@settings(deadline=None, max_examples=150)
@given(edits=changes)
def test_a_corrupted_tar_with_right_checksums_is_unpacked_or_refused(
    room: Room, edits: list[tuple[str, int, int, bytes]]
) -> None:
    try_out(room, packed(mended(corrupted(TREE, edits))), "a.tar.gz")


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2"])
@settings(deadline=None, max_examples=40)
@given(edits=changes)
def test_corrupted_compressed_data_is_unpacked_or_refused(
    room: Room, ending: str, edits: list[tuple[str, int, int, bytes]]
) -> None:
    try_out(room, corrupted(packed(TREE, ending), edits), f"a{ending}")


ZIP = zipped(("python/a", b"text\n" * 100), ("python/b/c", os.urandom(300)), ("python/empty", b""))


@settings(deadline=None, max_examples=150)
@given(edits=changes)
def test_a_corrupted_zip_is_unpacked_or_refused(room: Room, edits: list[tuple[str, int, int, bytes]]) -> None:
    try_out(room, corrupted(ZIP, edits), "a.zip")


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, len(ZIP) - 1), value=st.binary(min_size=1, max_size=8))
def test_a_zip_of_the_same_length_with_wrong_bytes_is_unpacked_or_refused(room: Room, at: int, value: bytes) -> None:
    try_out(room, ZIP[:at] + value + ZIP[at + len(value) :], "a.zip")


parts = st.sampled_from(["a", "b", "A", "..", ".", "python", "c"])
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
names = st.one_of(paths.map("python/{}".format), paths)
members = st.one_of(
    st.builds(folder, names),
    st.builds(file, names, st.binary(max_size=3)),
    st.builds(link, names, st.one_of(paths, names)),
    st.builds(
        link,
        st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join).map("python/{}".format),
        paths,
    ),
    st.builds(hard, names, names),
)


@settings(deadline=None, max_examples=300)
@given(tree=st.lists(members, max_size=8))
def test_no_set_of_members_gets_out(room: Room, tree: list[bytes]) -> None:
    try_out(room, packed(b"".join(tree) + END), "a.tar.gz")


plain = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join).map("python/{}".format)
targets = st.lists(st.sampled_from(["a", "b", "c", ".."]), min_size=1, max_size=5).map("/".join)


@settings(deadline=None, max_examples=300)
@given(links=st.dictionaries(plain, targets, min_size=1, max_size=5), folders=st.sets(plain, max_size=4))
def test_no_web_of_links_gets_out(room: Room, links: dict[str, str], folders: set[str]) -> None:
    web = (link(name, target) for name, target in links.items())
    try_out(room, packed(b"".join((*map(folder, sorted(folders - links.keys())), *web, END))), "a.tar.gz")
