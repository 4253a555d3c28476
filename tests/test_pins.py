"""Pins: what a variable or a file asks for, and that nothing else is ever taken in its place."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyv import pins
from pyv.errors import RequestError
from tests.support.command import WITHOUT_PRIVILEGES

if TYPE_CHECKING:
    from pathlib import Path

NEAREST = f"""
{WITHOUT_PRIVILEGES}
from pyv import pins
print(pins.nearest(sys.argv[1]))
"""


def written(folder: Path, content: bytes) -> Path:
    path = folder / ".python-version"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "requests"),
    [
        (b"3.12\n", ["3.12"]),
        (b"3.12", ["3.12"]),
        (b"3.12\r\n", ["3.12"]),
        (b"\xef\xbb\xbf3.12\n", ["3.12"]),
        (b"\xef\xbb\xbf# note\r\n3.12\r\n", ["3.12"]),
        (b"# note\n\n3.12\n", ["3.12"]),
        (b"3.12 # note\n", ["3.12"]),
        (b"3.12# note\n", ["3.12"]),
        (b"  3.12\t\n", ["3.12"]),
        (b"3.12\n3.11\n", ["3.12", "3.11"]),
        (b"3.12:3.11\n", ["3.12", "3.11"]),
        (b"3.12 3.11\n", ["3.12", "3.11"]),
        (b"3.12: 3.11 \t pypy3.10\n", ["3.12", "3.11", "pypy3.10"]),
        (b"python-3.12\n", ["python-3.12"]),
        (b">=3.12\n", [">=3.12"]),
        (b">= 3.11 , < 3.13\n", [">=3.11,<3.13"]),
        (b">=3.11, <3.13 3.9\n", [">=3.11,<3.13", "3.9"]),
        (b"cpython@3.12\n", ["cpython@3.12"]),
        (b"system\n", ["system"]),
        (b"myenv\n", ["myenv"]),
        (b"3.12.7/envs/web\n", ["3.12.7/envs/web"]),
        (b"3.\x0012\x00\n", ["3.12"]),
    ],
)
def test_everything_that_pyenv_or_uv_reads_is_read(tmp_path: Path, content: bytes, requests: list[str]) -> None:
    assert [pin.request.text for pin in pins.read(written(tmp_path, content))] == requests


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"../../etc\n", 1),
        (b"./py\n", 1),
        (b"/usr/bin/python3\n", 1),
        (b"# note\n3.12\n3..11\n", 3),
        (b"3.12\x1b[31m\n", 1),
        (b"3.12\r3.11\n", 1),
        (b">=\n", 1),
        (b"3.12 | 3.11\n", 1),
    ],
)
def test_an_unreadable_pin_is_an_error_that_names_file_and_line(tmp_path: Path, content: bytes, line: int) -> None:
    path = written(tmp_path, content)
    with pytest.raises(RequestError, match=rf"\.python-version, line {line}: ") as caught:
        pins.read(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# 3.12\n", b"\xef\xbb\xbf", b"\xff\xfe3\x00", b"x" * 70000])
def test_an_empty_or_foreign_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RequestError):
        pins.read(written(tmp_path, content))


def test_a_fifo_of_that_name_is_an_error_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".python-version")
    with pytest.raises(RequestError, match="no regular file"):
        pins.read(tmp_path / ".python-version")


def test_a_folder_of_that_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".python-version").mkdir()
    with pytest.raises(RequestError, match=r"\.python-version"):
        pins.read(tmp_path / ".python-version")


@pytest.mark.parametrize("target", [".python-version", "nowhere", "/nowhere/at/all"])
def test_a_link_that_leads_nowhere_is_the_nearest_file_and_an_error(tmp_path: Path, target: str) -> None:
    (tmp_path / ".python-version").write_text("3.12\n")
    link = tmp_path / "a/.python-version"
    link.parent.mkdir()
    link.symlink_to(target)
    assert pins.nearest(str(link.parent)) == link
    with pytest.raises(RequestError, match=r"a/\.python-version cannot be read"):
        pins.read(link)


def test_the_nearest_file_upward_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    assert pins.nearest(str(deep)) is None
    top = written(tmp_path, b"3.10\n")
    assert pins.nearest(str(deep)) == top
    near = written(tmp_path / "a/b", b"3.11\n")
    assert pins.nearest(str(deep)) == near
    assert pins.nearest(str(tmp_path / "a")) == top


def test_a_file_in_a_folder_that_cannot_be_searched_is_skipped(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    top = written(tmp_path, b"3.10\n")
    written(hidden, b"3.11\n")
    hidden.chmod(0o600)
    try:
        done = subprocess.run(
            [sys.executable, "-c", NEAREST, hidden], capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        hidden.chmod(0o700)
    assert (done.stdout, done.stderr) == (f"{top}\n", "")


@given(st.text())
def test_any_text_gives_requests_or_one_error(text: str) -> None:
    try:
        found = pins.parse(text, "file")
    except RequestError:
        return
    assert found
    assert all(pin.request.text for pin in found)
