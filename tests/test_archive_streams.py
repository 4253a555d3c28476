"""Decompression: damage, bombs, memory, and a thread that always ends."""

from __future__ import annotations

import io
import lzma
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard

from pyv import archive
from pyv.archive.decompress import gzip_codec, unpacked
from pyv.errors import VerificationError
from tests.test_archive_making import END, Room, file, header, packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TREE = file("python/a", b"some text\n" * 5000) + file("python/b", os.urandom(200_000)) + END


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "top")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


@pytest.fixture(params=["isal", "zlib"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What inflates gzip: isal, or zlib as if isal were not installed."""
    name: str = request.param
    if name == "isal":
        pytest.importorskip("isal", reason="isal has no wheel for this platform")
    else:
        monkeypatch.setitem(sys.modules, "isal", None)
    return name


@pytest.fixture(params=[".tar.gz", ".tar.gz by zlib", ".tar.zst", ".tar.xz", ".tar.bz2"])
def ending(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ending of an archive's name, for each decoder that there is."""
    name: str = request.param
    if name.endswith("by zlib"):
        monkeypatch.setitem(sys.modules, "isal", None)
    return name.split(maxsplit=1)[0]


def test_gzip_is_inflated_by_isal_or_else_by_zlib(engine: str) -> None:
    errors = gzip_codec().errors
    assert errors == (zlib.error,) if engine == "zlib" else errors != (zlib.error,)


def test_all_unpack_the_same(room: Room, ending: str) -> None:
    assert [entry.size for entry in room.extract(packed(TREE, ending), f"a{ending}")] == [50_000, 200_000]


@pytest.mark.parametrize("cut", [1, 4, 9, 1000])
def test_a_truncated_archive_is_refused(room: Room, ending: str, cut: int) -> None:
    with room.refuses("truncated", name=f"a{ending}"):
        room.extract(packed(TREE, ending)[:-cut], f"a{ending}")


@pytest.mark.parametrize("data", [b"", b"\0" * 600, b"<!DOCTYPE html><title>404</title>" * 100, b"\x1f\x8b", b"PK\3\4"])
def test_what_is_not_compressed_as_its_name_says_is_refused(room: Room, ending: str, data: bytes) -> None:
    with room.refuses(name=f"a{ending}"):
        room.extract(data, f"a{ending}")


@pytest.mark.parametrize("more", [b"x", b"\0" * 1000 + b"x" * 30, b"garbage" * 1000, b"\x1f\x8b\x08\0"])
def test_garbage_behind_the_compressed_data_is_refused(room: Room, ending: str, more: bytes) -> None:
    with room.refuses(name=f"a{ending}"):
        room.extract(packed(TREE, ending) + more, f"a{ending}")


@pytest.mark.parametrize("place", [-2, -6])
@pytest.mark.usefixtures("engine")
def test_a_wrong_checksum_or_length_of_gzip_is_refused(room: Room, place: int) -> None:
    data = bytearray(packed(TREE))
    data[place] ^= 1
    with room.refuses("damaged"):
        room.extract(bytes(data))


def test_a_checksum_of_zstandard_is_checked(room: Room) -> None:
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TREE))
    assert len(room.extract(bytes(data), "a.tar.zst")) == 2
    data[-1] ^= 1
    again = Room(room.top / "again")
    with again.refuses("damaged", name="a.tar.zst"):
        again.extract(bytes(data), "a.tar.zst")


def test_more_bytes_than_the_limit_are_refused(room: Room) -> None:
    limits = archive.Limits(total_bytes=100_000)
    with room.refuses("a size of 200,000 bytes", "'python/b'"):
        room.tar(header("python/b", size=200_000), limits=limits)
    with room.refuses("more than 100,000 bytes"):
        room.tar(*(file(f"python/{number}", bytes(1000)) for number in range(80)), limits=limits)
    with room.refuses("more than 100,000 bytes"):
        Room(room.top / "padding").extract(packed(file("python/a") + bytes(200_000)), limits=limits)


def test_bytes_of_what_is_not_unpacked_count_too(room: Room) -> None:
    with room.refuses("more than 100,000 bytes"):
        room.tar(
            file("python/install/a"),
            file("python/build/a", os.urandom(60_000)),
            file("python/build/b", os.urandom(60_000)),
            prefix="python/install",
            limits=archive.Limits(total_bytes=100_000),
        )


def test_a_compression_bomb_is_refused_early_and_in_little_memory(room: Room, ending: str) -> None:
    """Zeros shrink to 1/1000 in gzip, and to far less in the others."""
    chunk = packed_zeros(ending, 64)
    limits = archive.Limits(ratio_from=2**20)
    tracemalloc.start()
    try:
        with room.refuses("a compression bomb", name=f"a{ending}"):
            room.extract(chunk, f"a{ending}", limits=limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20
    written = sum(path.stat().st_size for path in room.inside.rglob("*"))
    assert written < 40 * 2**20


def packed_zeros(ending: str, megabytes: int) -> bytes:
    """A tar whose one member is that many megabytes of zeros."""
    tar = b"".join((header("python/zeros", size=megabytes * 2**20), bytes(megabytes * 2**20), END))
    return packed(tar, ending)


def test_memory_stays_small_whatever_the_size_of_a_member(room: Room, ending: str) -> None:
    data = packed_zeros(ending, 64)
    limits = archive.Limits(ratio=10**6)
    tracemalloc.start()
    try:
        entries = room.extract(data, f"a{ending}", limits=limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert entries[0].size == 64 * 2**20
    assert peak < 40 * 2**20


def test_a_reader_that_is_slow_is_not_swamped() -> None:
    source = io.BytesIO(packed(bytes(32 * 2**20)))
    tracemalloc.start()
    try:
        with unpacked(source, gzip_codec(), limits=archive.DEFAULT_LIMITS) as pieces:
            for _ in pieces:
                time.sleep(0.005)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20


def test_small_archives_may_have_any_ratio(room: Room) -> None:
    assert room.tar(file("python/zeros", bytes(10_000_000)))["zeros"].size == 10_000_000


def test_xz_that_wants_much_memory_to_unpack_is_refused(room: Room) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**28}]
    with room.refuses("damaged, or not what its name says", name="a.tar.xz"):
        room.extract(lzma.compress(TREE, filters=filters), "a.tar.xz")


@pytest.mark.parametrize(("log", "taken"), [(27, True), (28, False)])
def test_zstandard_may_want_the_window_of_upstreams_full_builds_but_no_larger_one(
    room: Room,
    log: int,
    taken: bool,  # noqa: FBT001 - a parameter
) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=log)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(TREE) + compressor.flush()
    if taken:
        assert len(room.extract(data, "a.tar.zst")) == 2
    else:
        with room.refuses("damaged, or not what its name says", name="a.tar.zst"):
            room.extract(data, "a.tar.zst")


class Failing:
    """A source that breaks after some bytes."""

    def __init__(self, data: bytes, error: BaseException) -> None:
        self.file = io.BytesIO(data)
        self.error = error

    def read(self, size: int, /) -> bytes:
        data = self.file.read(min(size, 1000))
        if not data:
            raise self.error
        return data


@pytest.mark.parametrize(
    "error", [OSError("gone"), KeyboardInterrupt(), VerificationError("wrong hash"), MemoryError()]
)
@pytest.mark.parametrize("length", [0, 5000, 100_000])
def test_what_a_source_raises_passes_through_as_it_is(room: Room, error: BaseException, length: int) -> None:
    with pytest.raises(type(error)) as caught:
        room.extract(Failing(packed(TREE)[:length], error))
    assert caught.value is error


def test_a_thread_that_is_far_ahead_ends_when_a_member_is_refused(room: Room) -> None:
    noise = b"".join(file(f"python/{number}", os.urandom(1_000_000)) for number in range(12))
    with room.refuses("'..' in its name"):
        room.tar(file("python/../x"), noise)


def test_a_thread_that_is_far_ahead_ends_when_nothing_can_be_written(room: Room) -> None:
    noise = packed(file("python/x", os.urandom(12_000_000)) + END)
    room.inside.rmdir()
    with pytest.raises(FileNotFoundError):
        archive.extract(io.BytesIO(noise), "a.tar.gz", room.inside, prefix="python")


def test_an_interrupt_while_waiting_for_bytes_ends_at_once_and_leaves_no_thread(tmp_path: Path) -> None:
    """In a process of its own, with a real signal and a download that has come to a halt."""
    program = (
        "import sys, threading\n"
        "from pyv import archive\n"
        "class Halting:\n"
        "    def read(self, size):\n"
        "        print('reading', flush=True)\n"
        "        return sys.stdin.buffer.read(1000)\n"
        "try:\n"
        "    archive.extract(Halting(), 'a.tar.gz', sys.argv[1], prefix='python')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', threading.active_count())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(packed(TREE)[:1500])
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"reading\n"] * 2
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"interrupted 1\n"


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """In a process of its own: a limit on the size of files stands in for a disk without room."""
    program = (
        "import errno, resource, signal, sys\n"
        "from pyv import archive\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    archive.extract(sys.stdin.buffer, 'a.tar.gz', sys.argv[1], prefix='python')\n"
        "except OSError as error:\n"
        "    print(errno.errorcode[error.errno])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        input=packed(file("python/x", os.urandom(120_000)) + END),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == b"EFBIG\n"


class Line:
    """A source whose bytes are long in coming: before each block it notes how many files there are by then."""

    def __init__(self, data: bytes, top: Path) -> None:
        self._rest = io.BytesIO(data)
        self._top = top
        self.files: list[int] = []

    def ready(self) -> bool:
        return False

    def read(self, size: int, /) -> bytes:
        self.files.append(len(list(self._top.glob("*"))))
        return self._rest.read(size)


def test_what_a_slow_line_has_brought_is_written_before_more_is_awaited(tmp_path: Path) -> None:
    blocks = 20
    tar = b"".join(file(f"python/{number}", os.urandom(128 * 1024)) for number in range(blocks)) + END
    top = tmp_path / "top"
    top.mkdir()
    line = Line(packed(tar, "a.tar.gz"), top)
    archive.extract(line, "a.tar.gz", top, prefix="python")
    assert line.files[:blocks] == pytest.approx(range(blocks), abs=2)
