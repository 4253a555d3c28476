"""The recording in the README: made by really typing the commands, and still what they print."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.packs import mirror_of

if TYPE_CHECKING:
    from pyv.pack import Packed

PROJECT = Path(__file__).parent.parent
PICTURE = PROJECT / "docs/quickstart.svg"


def told(picture: str) -> list[str]:
    """Return the lines of a picture, without what differs from one CPython, machine and day to another."""
    lines = [unescape(re.sub(r"<[^>]*>", "", row)) for row in re.findall(r"<text .*</text>", picture)]
    lines = [re.sub(r"\d+\.\d+(\.\d+)?(?= s:)", "SECONDS", line) for line in lines]
    lines = [re.sub(r"(?<![\d.])\d\.\d+(\.\d+(rc\d+)?)?(?![\d.])", "VERSION", line) for line in lines]
    lines = [re.sub(r" +(outdated|end of life)[^(]*(?= \()", " ", line) for line in lines]
    return [" ".join(line.split()) for line in lines if line.strip() != "system"]


def test_the_recording_is_what_the_commands_print_today(packed: Packed, tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    if not list(Path(sys.base_prefix).glob("lib/python3*/ensurepip/_bundled/pip-*.whl")):
        pytest.skip("the CPython that runs the tests carries no pip for its environments")
    line: list[str | Path] = [PROJECT / "scripts/make_recording.py", "--mirror", mirror_of(packed)]
    subprocess.run([sys.executable, *line, "--into", tmp_path / "new.svg"], check=True, timeout=300)
    assert told((tmp_path / "new.svg").read_text()) == told(PICTURE.read_text())


def test_the_readme_shows_the_recording() -> None:
    assert "docs/quickstart.svg" in (PROJECT / "README.md").read_text()
