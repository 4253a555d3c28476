"""What `pyv versions`, `pyv list` and the progress of installs look like to a person, and to everybody else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from pyv.catalogue import bundled, has_ended
from pyv.cli.screen import Cell, Screen
from pyv.cli.standing import Standing
from pyv.platforms import Platform
from pyv.versions import Version
from tests.support.command import pyv, store
from tests.support.screen import ESCAPES, shown
from tests.support.server import Fault
from tests.support.stores import make_version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Offer
    from tests.support.server import Server

OLD, ENDED = "3.12.3", "3.8.20"
# Of what the catalogue tells for the oldest platform; which one runs the tests makes no difference here
NEWEST = max(
    (build.version for build in bundled(Platform("linux", "x86_64", "", "gnu")) if build.version.minor == "3.12"),
    key=lambda version: version.order,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that is pinned to one of three versions in the store."""
    for name in (OLD, ENDED, "3.13.90"):
        make_version(store(), name, links=(name.rpartition(".")[0],))
    (store() / "versions/elsewhere").symlink_to(make_version(tmp_path / "far", "3.10.1"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project/.python-version").write_text("3.12\n")
    return tmp_path / "project"


def rows_of(text: str) -> dict[str, str]:
    """Return the lines of a table by the names that they begin with, a continued line in one."""
    rows: dict[str, str] = {}
    name = ""
    for line in ESCAPES.sub("", text).splitlines():
        if not line.startswith("    "):
            name = line[2:].split()[0]
            rows[name] = line
        else:
            rows[name] += line
    return rows


@pytest.mark.parametrize("columns", [200, 80, 40, 20])
def test_versions_on_a_terminal_show_what_is_active_outdated_and_at_its_end(project: Path, columns: int) -> None:
    rows = rows_of(shown("versions", cwd=project, columns=columns, PYV_OFFLINE="1"))
    assert re.match(rf"\* {OLD} .*outdated \({NEWEST}\).*end of life 2028-10.*\(set by {project}/", rows[OLD])
    assert re.match(rf"  {ENDED} .*end of life since 2024-10-07", rows[ENDED])
    assert "outdated" not in rows[ENDED] + rows["3.13.90"]
    assert rows["elsewhere"].startswith("  elsewhere --> ")
    assert rows["3.12"] == f"  3.12 --> {OLD}"


@pytest.mark.parametrize("columns", [120, 40])
def test_list_on_a_terminal_shows_the_same_of_what_is_available(project: Path, columns: int) -> None:
    text = ESCAPES.sub("", shown("list", "--offline", cwd=project, columns=columns))
    rows = rows_of(text)
    assert re.match(
        rf"\* {OLD} .*installed.*outdated \({NEWEST}\).*end of life 2028-10.*\(set by {project}/", rows[OLD]
    )
    assert re.match(rf"  {NEWEST} .*available.*end of life 2028-10", rows[str(NEWEST)])
    assert re.match(rf"  {ENDED} .*installed.*end of life since 2024-10-07", rows[ENDED])
    assert [line for line in text.splitlines() if len(line) > columns and "(set by" not in line] == []


def test_only_a_terminal_gets_columns_and_colour(project: Path) -> None:
    plain = pyv("versions", cwd=project, PYV_OFFLINE="1", TERM="xterm", COLUMNS="200")
    assert f"* {OLD} (set by {project}/.python-version)" in plain.lines
    assert f"  {ENDED}" in plain.lines
    assert "\x1b" not in plain.out + pyv("list", "--offline", cwd=project, TERM="xterm").out
    assert "\x1b" in shown("versions", cwd=project)
    assert "\x1b" not in shown("versions", cwd=project, NO_COLOR="1") + shown("versions", cwd=project, TERM="dumb")
    for words in (["versions", "--bare"], ["versions", "--json"], ["list", "--offline", "--json"], ["outdated"]):
        result = pyv(*words, cwd=project, PYV_OFFLINE="1")
        assert shown(*words, cwd=project, PYV_OFFLINE="1") == result.out + result.err, words


def test_nothing_is_cut_off_and_lines_fit_where_they_can() -> None:
    rows = [[Cell("* 3.12.4"), Cell("outdated"), Cell(""), Cell("(set by somewhere)")], [Cell("  x"), *[Cell("")] * 3]]
    for columns in (80, 30, 20):
        lines = Screen({"COLUMNS": str(columns)}).table(rows)
        assert "".join("".join(lines).split()) == "*3.12.4outdated(setbysomewhere)x"
        assert [line for line in lines if len(line) > columns and len(line.strip()) <= columns - 4] == []
    assert Screen({"COLUMNS": "80"}).table(rows) == ["* 3.12.4  outdated  (set by somewhere)", "  x"]
    assert Screen({"COLUMNS": "30"}).table(rows) == ["* 3.12.4  outdated", "    (set by somewhere)", "  x"]
    assert Screen({"COLUMNS": "80"}).table([]) == []


@pytest.mark.parametrize("columns", ["", "0", "-3", "x", "²", "9" * 20])
def test_a_width_that_is_none_is_not_believed(columns: str) -> None:
    assert 20 <= Screen({"COLUMNS": columns}).width < 10_000


def test_a_folder_cannot_command_the_terminal(tmp_path: Path) -> None:
    make_version(store(), OLD, links=("3.12",))
    folder = tmp_path / "a\x1b]0;x\x07\nb"
    folder.mkdir()
    (folder / ".python-version").write_text("3.12\n")
    text = shown("versions", cwd=folder, NO_COLOR="1", PYV_OFFLINE="1")
    assert "\x1b" not in text
    assert r"a\x1b]0;x\x07\nb/.python-version" in text


def test_an_empty_store_says_so_on_a_terminal_too(tmp_path: Path) -> None:
    assert "pyv install 3" in shown("versions", cwd=tmp_path, PATH="/nonexistent")


def test_json_tells_the_end_of_life(project: Path) -> None:
    versions = {each["name"]: each for each in pyv("versions", "--json", cwd=project).json["versions"]}
    assert versions[ENDED]["end_of_life"] == "2024-10-07"
    assert versions["elsewhere"]["end_of_life"] is None
    rows = {each["name"]: each for each in pyv("list", "--offline", "--json", cwd=project).json["versions"]}
    assert (rows[OLD]["end_of_life"], rows[ENDED]["selected_by"]) == ("2028-10", None)
    assert rows[OLD]["selected_by"] == f"{project}/.python-version"


def test_a_newer_patch_makes_no_other_variant_or_implementation_outdated() -> None:
    names = ("3.12.9", "3.13.0t", "3.14.0rc1", "pypy3.10-7.3.17")
    standing = Standing(map(Version.parse, names), map(Version.parse, ("3.12.4", "3.12.5", "3.14.0rc1")))
    for name, newer in {
        "3.12.4": "3.12.9",
        "3.12.9": "",
        "3.12.9t": "",
        "3.13.0": "",
        "3.14.0rc1": "",
        "3.14.0": "",
        "pypy3.10-7.3.15": "pypy3.10-7.3.17",
        "pypy3.10-7.3.17": "",
    }.items():
        assert standing.newer(Version.parse(name)).text == (f"outdated ({newer})" if newer else ""), name
    assert has_ended("2024-10-07", "2026-01-01")
    assert standing.newer(None).text == standing.support(None).text == ""


def test_progress_tells_rate_and_time_left_whatever_the_width(offered: Offer, mirror: Server) -> None:
    mirror.always("*.tar.gz", Fault(rate=12_000_000))
    written = shown("install", offered.oldest, columns=100)
    assert re.search(rf"{offered.oldest} +\d+% \|.*\| [\d.]+[kM]?/[\d.]+MB  [\d.]+[kM]?B/s  \d\d:\d\d left", written)
    assert f"{offered.oldest} checking" in written
    for columns, pattern in ((40, r"{0} +\d+%  [\d.]+[kM]?B/s  \d\d:\d\d left"), (24, r"{0} +\d+%  \d\d:\d\d left")):
        written = shown(
            "install", "--force", offered.oldest, columns=columns, PYV_CACHE_DIR=f"{os.environ['HOME']}/{columns}"
        )
        assert re.search(pattern.format(re.escape(offered.oldest)), written), written
        pieces = re.split(r"[\r\n]|\x1b\[A", written)
        assert [piece for piece in pieces if len(piece) > columns and not piece.startswith("pyv:")] == []
    assert "\x1b" not in shown("install", "--force", offered.oldest, offered.newest, TERM="dumb")
