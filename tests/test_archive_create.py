"""Archives that pyv makes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from pyv import archive
from pyv.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "python"
    for name in ("bin", "lib", "lib/empty"):
        (top / name).mkdir(parents=True)
        (top / name).chmod(0o755)
    (top / "bin" / "python3.12").write_bytes(os.urandom(5000))
    (top / "bin" / "python3.12").chmod(0o775)
    (top / "bin" / "python3").symlink_to("python3.12")
    (top / "lib" / "os.py").write_text("import sys\n")
    (top / "lib" / "os.py").chmod(0o444)
    (top / "lib" / "a.py").hardlink_to(top / "lib" / "os.py")
    (top / "lib" / "link").symlink_to("../lib")
    (top / "lib" / ("long" * 30)).write_text("long")
    (top / "lib" / ("long" * 30)).chmod(0o600)
    return top


def test_what_is_packed_is_what_is_unpacked(folder: Path, tmp_path: Path) -> None:
    made, out = tmp_path / "made.tar.gz", tmp_path / "out"
    out.mkdir()
    archive.create(folder, made)
    with made.open("rb") as file:
        entries = {entry.path: entry for entry in archive.extract(file, made.name, out, prefix="python")}
    assert {path: (entry.kind, entry.mode, entry.target) for path, entry in entries.items()} == {
        "bin": ("dir", 0o755, ""),
        "bin/python3": ("link", 0o777, "python3.12"),
        "bin/python3.12": ("file", 0o755, ""),
        "lib": ("dir", 0o755, ""),
        "lib/a.py": ("file", 0o444, ""),
        "lib/empty": ("dir", 0o755, ""),
        "lib/link": ("link", 0o777, "../lib"),
        "lib/" + "long" * 30: ("file", 0o600, ""),
        "lib/os.py": ("file", 0o444, ""),
    }
    assert (out / "lib" / "a.py").samefile(out / "lib" / "os.py")
    assert (out / "bin" / "python3.12").read_bytes() == (folder / "bin" / "python3.12").read_bytes()


def test_hash_and_size_of_the_archive_are_told(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.tar.gz"
    created = archive.create(folder, made)
    assert created == (hashlib.sha256(made.read_bytes()).hexdigest(), made.stat().st_size)


def test_the_same_folder_gives_the_same_bytes_elsewhere_and_later(folder: Path, tmp_path: Path) -> None:
    first = archive.create(folder, tmp_path / "first.tar.gz")
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "python")
    for path in moved.rglob("*"):
        os.utime(path, (5, 5), follow_symlinks=False)
    assert archive.create(moved, tmp_path / "a-longer-name-for-it.tar.gz") == first


def test_members_are_sorted_and_tell_nothing_about_the_packer(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.tar.gz"
    archive.create(folder, made, mtime=1_700_000_000)
    with tarfile.open(made) as tar:
        members = tar.getmembers()
    assert members[0].name == "python"
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert {member.mtime for member in members} == {1_700_000_000}
    flags, stamp = made.read_bytes()[3], made.read_bytes()[4:8]
    assert (flags, stamp) == (0, b"\0\0\0\0")


def test_the_level_of_compression_counts(tmp_path: Path) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "text").write_text("".join(f"{number} bottles\n" for number in range(20_000)))
    sizes = [archive.create(tmp_path / "python", tmp_path / f"{level}.tar.gz", level=level).size for level in (1, 9)]
    assert sizes[1] < sizes[0]


def test_bits_that_extract_would_refuse_are_left_out(tmp_path: Path) -> None:
    top = tmp_path / "python"
    top.mkdir()
    (top / "tool").write_text("x")
    (top / "tool").chmod(0o6777)
    top.chmod(0o2775)
    archive.create(top, tmp_path / "made.tar.gz")
    data = io.BytesIO(gzip.decompress((tmp_path / "made.tar.gz").read_bytes()))
    with tarfile.open(fileobj=data) as tar:
        assert [member.mode for member in tar.getmembers()] == [0o755, 0o755]


def test_what_is_neither_file_folder_nor_link_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "python"
    top.mkdir()
    monkeypatch.chdir(top)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert stat.S_ISSOCK((top / "socket").lstat().st_mode)
        with pytest.raises(StoreError, match="socket cannot be packed"):
            archive.create(top, tmp_path / "made.tar.gz")


def test_a_folder_that_is_missing_is_no_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archive.create(tmp_path / "missing", tmp_path / "made.tar.gz")
