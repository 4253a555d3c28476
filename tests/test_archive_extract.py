"""Unpacking what honest archives hold."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from pyv import archive
from pyv.errors import UsageError
from tests.test_archive_making import END, ENDINGS, MTIME, Room, file, folder, hard, header, link, packed, padded, pax

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.archive.decompress import Source

NANO = 1_000_000_000
TREE = b"".join(
    (
        folder("python/"),
        folder("python/bin/"),
        file("python/bin/python3.12", b"\x7fELF" * 400, mode=0o755),
        link("python/bin/python3", "python3.12"),
        folder("python/lib/"),
        file("python/lib/os.py", b"import sys\n"),
        hard("python/lib/os2.py", "python/lib/os.py"),
        file("python/lib/empty"),
        link("python/lib/up", "../bin"),
        END,
    )
)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "top")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Dripping:
    """A source that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        assert size > 0
        return self.file.read(1)


def test_everything_is_written_and_told_sorted_by_path(room: Room) -> None:
    elf, text, time = b"\x7fELF" * 400, b"import sys\n", MTIME * NANO
    assert room.extract(packed(TREE)) == [
        archive.Entry("bin", "dir", 0o755, 0, time, "", ""),
        archive.Entry("bin/python3", "link", 0o777, 0, time, "", "python3.12"),
        archive.Entry("bin/python3.12", "file", 0o755, len(elf), time, digest(elf), ""),
        archive.Entry("lib", "dir", 0o755, 0, time, "", ""),
        archive.Entry("lib/empty", "file", 0o644, 0, time, digest(b""), ""),
        archive.Entry("lib/os.py", "file", 0o644, len(text), time, digest(text), ""),
        archive.Entry("lib/os2.py", "file", 0o644, len(text), time, digest(text), ""),
        archive.Entry("lib/up", "link", 0o777, 0, time, "", "../bin"),
    ]
    assert (room.inside / "bin" / "python3").read_bytes() == elf
    assert (room.inside / "lib" / "os.py").read_bytes() == text
    assert os.readlink(room.inside / "lib" / "up") == "../bin"


def test_what_is_told_is_what_stands_on_the_disk(room: Room) -> None:
    entries = room.extract(packed(TREE))
    for entry in entries:
        path = room.inside / entry.path
        status = path.lstat()
        assert status.st_mtime_ns == entry.mtime_ns
        if entry.kind != "link":
            assert stat.S_IMODE(status.st_mode) == entry.mode
        if entry.kind == "file":
            assert status.st_size == entry.size
    found = {str(path.relative_to(room.inside)) for path in room.inside.rglob("*")}
    assert found == {entry.path for entry in entries}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_compression_gives_the_same(room: Room, ending: str) -> None:
    entries = room.extract(packed(TREE, ending), f"cpython{ending}")
    assert [entry.path for entry in entries if entry.kind == "file"] == [
        "bin/python3.12", "lib/empty", "lib/os.py", "lib/os2.py",
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_source_may_give_a_byte_at_a_time_and_is_read_to_its_end(room: Room, ending: str) -> None:
    source = Dripping(packed(TREE + bytes(100_000), ending))
    assert len(room.extract(source, f"cpython{ending}")) == 8
    assert source.file.read() == b""


def test_a_large_member_survives_being_cut_anywhere(room: Room) -> None:
    content = os.urandom(3_000_001)
    room.tar(file("python/small", b"x"), file("python/large", content), file("python/last", b"y"))
    assert (room.inside / "large").read_bytes() == content
    assert (room.inside / "last").read_bytes() == b"y"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_targets_of_every_form_are_read(room: Room, form: int) -> None:
    # ustar can split a name at a slash, but has no more than 100 bytes for a target
    name = "python/" + "d" * 90 + "/" + "n" * 90
    target = "t" * (90 if form == tarfile.USTAR_FORMAT else 200)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        info = tarfile.TarInfo(name)
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
        info = tarfile.TarInfo("python/link")
        info.type, info.linkname = tarfile.SYMTYPE, target
        tar.addfile(info)
    entries = {entry.path: entry for entry in room.extract(packed(data.getvalue()))}
    assert entries[name.removeprefix("python/")].size == 3
    assert entries["link"].target == target


def test_names_beyond_ascii_and_parts_of_seconds_are_read_from_pax(room: Room) -> None:
    entries = room.tar(pax(path="python/größe.py", mtime="1234567890.0123456789"), file("python/gr??e.py", b"x"))
    assert entries["größe.py"].mtime_ns == 1_234_567_890_012_345_678
    assert (room.inside / "größe.py").stat().st_mtime_ns == 1_234_567_890_012_345_678


def test_a_size_of_pax_counts_and_an_empty_record_takes_one_back(room: Room) -> None:
    entries = room.tar(
        pax(size="3", path="python/wrong"),
        pax(path=""),
        header("python/a", size=0) + padded(b"abc"),
        file("python/b", b"b"),
    )
    assert {path: entry.size for path, entry in entries.items()} == {"a": 3, "b": 1}


def test_a_pax_header_counts_for_one_member_and_a_global_one_for_all_that_follow(room: Room) -> None:
    entries = room.tar(pax(b"g", mtime="5", comment="x"), pax(mtime="7"), file("python/a"), file("python/b"))
    assert (entries["a"].mtime_ns, entries["b"].mtime_ns) == (7 * NANO, 5 * NANO)


def test_numbers_may_be_binary_and_magic_old(room: Room) -> None:
    content = b"abc"
    entries = room.tar(
        header("python/gnu", size=b"\x80" + len(content).to_bytes(11, "big"), magic=b"ustar  \0", prefix=b"12345")
        + padded(content),
        header("python/v7", b"\0", magic=b"", mode=b"   644 \0"),
        header("python/v7.d/", b"\0", magic=b"", mode=0o755),
    )
    assert {path: entry.kind for path, entry in entries.items()} == {"gnu": "file", "v7": "file", "v7.d": "dir"}
    assert entries["gnu"].size == 3


def test_a_hard_link_is_one(room: Room) -> None:
    entries = room.tar(
        file("python/a", b"one", mode=0o755), hard("python/b", "./python/a"), hard("python/c", "python/b")
    )
    assert entries["c"] == entries["a"]._replace(path="c")
    assert (room.inside / "a").stat().st_nlink == 3
    assert (room.inside / "c").samefile(room.inside / "a")


def test_modes_survive_but_for_writing_by_others_and_executing_what_the_owner_may_not(room: Room) -> None:
    modes = {0o644: 0o644, 0o755: 0o755, 0o777: 0o755, 0o666: 0o644, 0o444: 0o444, 0o555: 0o555, 0o700: 0o700}
    modes |= {0o600: 0o600, 0o744: 0o744, 0o655: 0o644, 0o611: 0o600, 0o100644: 0o644, 0o000: 0o400}
    entries = room.tar(*(file(f"python/{mode:o}", b"x", mode=mode) for mode in modes))
    assert {path: entry.mode for path, entry in entries.items()} == {f"{old:o}": new for old, new in modes.items()}
    assert {f"{old:o}": mode_of(room.inside / f"{old:o}") for old in modes} == {f"{o:o}": n for o, n in modes.items()}


def test_folders_get_modes_and_times_after_their_contents_and_stay_open_for_their_owner(room: Room) -> None:
    room.tar(folder("python/d/", mode=0o055, mtime=5), folder("python/w/", mode=0o777), file("python/d/a", b"x"))
    assert mode_of(room.inside / "d") == 0o755
    assert mode_of(room.inside / "w") == 0o755
    assert (room.inside / "d").stat().st_mtime == 5


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077])
def test_the_umask_changes_nothing(room: Room, umask: int) -> None:
    before = os.umask(umask)
    try:
        room.tar(
            *(file(f"python/d/{mode:o}.{number}", mode=mode) for mode in (0o644, 0o755, 0o700) for number in range(3)),
            folder("python/e/", mode=0o755),
        )
    finally:
        os.umask(before)
    modes = {path.name: mode_of(path) for path in room.inside.rglob("*")}
    assert modes == {
        "d": 0o755, "e": 0o755,
        "644.0": 0o644, "644.1": 0o644, "644.2": 0o644,
        "755.0": 0o755, "755.1": 0o755, "755.2": 0o755,
        "700.0": 0o700, "700.1": 0o700, "700.2": 0o700,
    }  # fmt: skip


def test_folders_that_are_only_implied_are_made_and_told(room: Room) -> None:
    entries = room.tar(file("python/a/b/c", b"x"), folder("python/a/", mode=0o700, mtime=9))
    assert list(entries) == ["a", "a/b", "a/b/c"]
    assert (entries["a"].kind, entries["a"].mode, entries["a"].mtime_ns) == ("dir", 0o700, 9 * NANO)
    assert (entries["a/b"].kind, entries["a/b"].mode, entries["a/b"].mtime_ns) == ("dir", 0o755, MTIME * NANO)
    assert mode_of(room.inside / "a" / "b") == 0o755


def test_a_leading_dot_is_tolerated(room: Room) -> None:
    entries = room.tar(folder("./"), folder("./python/"), file("./python/a", b"x"), file("././python/b"))
    assert list(entries) == ["a", "b"]


def test_a_folder_may_be_repeated(room: Room) -> None:
    entries = room.tar(folder("python/d/", mode=0o700), folder("python/d"), file("python/d/a"))
    assert entries["d"].mode == 0o755


def test_the_destination_itself_stays_as_it_was(room: Room) -> None:
    room.inside.chmod(0o750)
    room.tar(folder("python/", mode=0o555, mtime=1), file("python/a"))
    assert mode_of(room.inside) == 0o750


def test_a_deeper_prefix_leaves_the_rest_unwritten(room: Room) -> None:
    entries = room.tar(
        file("python/PYTHON.json", b"{}"),
        file("python/build/core.o", b"x" * 2_000_000),
        link("python/build/l", "../PYTHON.json"),
        hard("python/build/h", "python/build/core.o"),
        file("python/install/bin/python3", b"elf", mode=0o755),
        link("python/install/bin/python", "python3"),
        folder("python/licenses/"),
        prefix="python/install",
    )
    assert list(entries) == ["bin", "bin/python", "bin/python3"]
    assert sorted(path.name for path in room.inside.rglob("*")) == ["bin", "python", "python3"]


@pytest.mark.parametrize(("prefix", "root"), [("pypy*", "pypy3.10-v7.3.17-linux64"), ("graalpy*", "graalpy-24.1")])
def test_the_root_may_be_a_pattern(room: Room, prefix: str, root: str) -> None:
    assert list(room.tar(folder(f"{root}/"), file(f"{root}/LICENSE"), prefix=prefix)) == ["LICENSE"]


def test_links_may_point_about_inside_and_to_nothing(room: Room) -> None:
    entries = room.tar(
        file("python/lib/a", b"x"),
        link("python/bin/l", "../lib/./a"),
        link("python/bin/chain", "l"),
        link("python/bin/missing", "python9"),
        link("python/self", "."),
        link("python/lib/top", ".."),
        link("python/through", "lib/top/lib/a"),
    )
    assert {path for path, entry in entries.items() if entry.kind == "link"} == {
        "bin/l", "bin/chain", "bin/missing", "self", "lib/top", "through",
    }  # fmt: skip
    assert (room.inside / "bin" / "chain").read_bytes() == b"x"
    assert (room.inside / "through").read_bytes() == b"x"


def test_several_streams_and_zeros_behind_them_are_one_archive(room: Room) -> None:
    half = len(TREE) // 2
    data = packed(TREE[:half]) + packed(TREE[half:]) + bytes(5000)
    assert len(room.extract(data)) == 8


@pytest.mark.parametrize("ending", [".tar.zst", ".tar.xz", ".tar.bz2"])
def test_several_streams_are_one_archive_in_every_compression(room: Room, ending: str) -> None:
    half = len(TREE) // 2
    assert len(room.extract(packed(TREE[:half], ending) + packed(TREE[half:], ending), f"x{ending}")) == 8


def test_a_single_block_of_zeros_is_an_end_marker(room: Room) -> None:
    assert len(room.extract(packed(TREE[:-512]))) == 8


@pytest.mark.parametrize("name", ["python.rar", "python.tar", "python", "python.tar.gz.part"])
def test_a_name_that_tells_no_kind_is_a_wrong_usage(room: Room, name: str) -> None:
    with pytest.raises(UsageError, match="not the name of an archive"):
        room.extract(packed(TREE), name)
    with pytest.raises(UsageError, match="not the name of an archive"):
        archive.can_stream(name)


def test_all_but_zip_can_be_unpacked_while_they_come() -> None:
    assert [archive.can_stream(f"a{ending}") for ending in (*ENDINGS, ".zip")] == [True] * len(ENDINGS) + [False]


def test_check_is_asked_and_what_it_raises_passes_through(room: Room) -> None:
    def give_up() -> None:
        raise TimeoutError

    source: Source = io.BytesIO(packed(TREE))
    with pytest.raises(TimeoutError):
        archive.extract(source, "a.tar.gz", room.inside, prefix="python", check=give_up)
    assert list(room.inside.iterdir()) == []


def test_what_the_system_refuses_passes_through(room: Room) -> None:
    room.inside.rmdir()
    with pytest.raises(FileNotFoundError):
        archive.extract(io.BytesIO(packed(TREE)), "a.tar.gz", room.inside, prefix="python")
