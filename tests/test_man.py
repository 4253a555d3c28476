"""The manual page: made from the commands, up to date, in the wheel, and readable by those who print it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from pyv.cli.group import pyv as group

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs/man/pyv.1"


def test_the_page_is_what_the_commands_say() -> None:
    script = PROJECT / "scripts/make_man.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_has_its_options_and_an_example_on_the_page() -> None:
    page = PAGE.read_text().replace("\\-", "-")
    sections = re.findall(r"(?ms)^\.SS (pyv [a-z-]+)[^\n]*\n(.*?)(?=^\.S[SH] )", page)
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            section = "".join(text for title, text in sections if title == f"pyv {name}")
            assert "Example" in section, name
            options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
            assert [option.opts[0] for option in options if option.opts[0] not in section] == [], name


@pytest.mark.parametrize(
    "line",
    [["groff", "-man", "-Tutf8", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]],
    ids=lambda line: line[0],
)
def test_those_who_print_it_have_nothing_to_say(line: list[str]) -> None:
    if shutil.which(line[0]) is None:
        pytest.skip(f"needs {line[0]}")
    done = subprocess.run([*line, PAGE], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_wheel_carries_it_where_man_looks(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which makes the wheel, is not installed here")
    build: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=PROJECT, capture_output=True, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.endswith("share/man/man1/pyv.1")]
        assert len(names) == 1
        assert wheel.read(names[0]) == PAGE.read_bytes()
