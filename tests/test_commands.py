"""The commands around installing: what they print, and for whom."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from pyv import __version__
from pyv.cli.group import pyv as group
from tests.support.command import PYV, cache, environment, everything_in, python_of, pyv, says, store

if TYPE_CHECKING:
    from tests.conftest import Offer
    from tests.support.server import Server

with click.Context(group) as _context:
    COMMANDS = group.list_commands(_context)


def on_terminal(*arguments: str, answer: str = "", until: str = "") -> tuple[int, str]:
    """Run pyv on a terminal of its own, type an answer once a text has appeared, and return status and screen."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*PYV, *arguments], stdin=follower, stdout=follower, stderr=follower, env=environment(TERM="xterm")
    )
    os.close(follower)
    screen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([leader], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux answers EIO when the other end is closed
            break
        if not piece:
            break
        screen += piece
        if until and until.encode() in screen:
            os.write(leader, answer.encode())
            until = ""
    os.close(leader)
    return process.wait(30), screen.decode(errors="replace")


def test_the_version_is_printed_by_both_spellings() -> None:
    assert pyv("--version") == pyv("-V") == (0, f"pyv {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = pyv(command, "--help")
    assert result.status == 0
    assert "Example" in result.out
    assert f"pyv {command}" in result.out


def test_the_help_lists_every_command() -> None:
    # What goes on in a second line is indented by more
    listed = [line.split()[0] for line in pyv("--help").lines if line.startswith("  ") and line[2:3].strip()]
    assert sorted(listed[listed.index("install") :][: len(COMMANDS)]) == sorted(COMMANDS)


def test_an_empty_store_is_listed_without_being_made(tmp_path: Path) -> None:
    result = pyv("versions", cwd=tmp_path, PATH="/nonexistent")
    assert (result.status, result.out) == (0, "")
    assert "pyv install" in result.err
    assert pyv("versions", "--bare") == (0, "", "")
    assert not store().exists()


@pytest.mark.usefixtures("mirror")
def test_versions_marks_what_is_selected_and_why(offered: Offer, tmp_path: Path) -> None:
    pyv("install", offered.oldest, offered.newest)
    pin = tmp_path / ".python-version"
    pin.write_text(f"{offered.oldest}\n")
    lines = pyv("versions", cwd=tmp_path).lines
    assert f"* {offered.oldest} (set by {pin})" in lines
    assert f"  {offered.newest}" in lines
    assert f"  {offered.minor} --> {offered.newest}" in lines
    assert not any("-->" in line for line in pyv("versions", "--skip-aliases", cwd=tmp_path).lines)
    pin.write_text(f"{offered.minor}\n")
    assert f"* {offered.newest} (set by {pin})" in pyv("versions", cwd=tmp_path).lines
    pin.write_text("../x\n")
    result = pyv("versions", cwd=tmp_path)
    assert (result.status, str(pin) in result.err) == (0, True)
    described = pyv("versions", "--json", cwd=tmp_path).json
    assert described["schema"] == 1
    assert [each["name"] for each in described["versions"]] == [offered.oldest, offered.newest]
    assert described["versions"][1]["aliases"] == ["3", offered.minor]


@pytest.mark.usefixtures("mirror")
def test_prefix_and_root_print_folders(offered: Offer, tmp_path: Path) -> None:
    pyv("install", offered.oldest, offered.newest)
    versions = store() / "versions"
    assert pyv("root").lines == [str(store())]
    assert pyv("prefix", offered.minor).lines == [str(versions / offered.newest)]
    both = f"{versions / offered.oldest}:{versions / offered.newest}"
    assert pyv("prefix", offered.oldest, offered.newest).lines == [both]
    (tmp_path / ".python-version").write_text(f"{offered.oldest}:{offered.newest}\n")
    assert pyv("prefix", cwd=tmp_path).lines == [both]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    assert pyv("prefix", "system", PATH=str(tmp_path / "bin")).lines == [str(tmp_path)]
    assert pyv("prefix", "system", PATH="/nonexistent").status == 3


@pytest.mark.usefixtures("mirror")
def test_list_shows_what_is_available_and_installed(offered: Offer) -> None:
    pyv("install", offered.oldest)
    rows = {line.split()[0]: line.split()[1] for line in pyv("list").lines}
    assert rows == {offered.newest: "available", offered.oldest: "installed"}
    rows = {line.split()[0]: line.split()[1] for line in pyv("list", offered.minor).lines}
    assert rows == {offered.newest: "available", offered.middle: "available", offered.oldest: "installed"}
    assert list(rows) == [offered.newest, offered.middle, offered.oldest]
    own = pyv("list", offered.oldest, "--json").json["versions"][0]["platform"]
    assert pyv("list", offered.minor, "--platform", own).lines == pyv("list", offered.minor).lines
    assert pyv("list", "").status == 2
    described = pyv("list", offered.oldest, "--json").json
    assert [(each["name"], each["installed"]) for each in described["versions"]] == [(offered.oldest, True)]
    assert described["versions"][0]["path"] == str(store() / "versions" / offered.oldest)
    assert pyv("install", "--list").lines == list(offered[2:])
    assert pyv("install", "--list", offered.oldest, "2.1").lines == [offered.oldest]
    assert pyv("install", "--list", "2.1").status == 3
    assert pyv("latest", "--known", offered.minor).lines == [offered.newest]
    assert pyv("latest", offered.minor, "--json").json["name"] == offered.oldest


def test_list_knows_other_platforms_from_the_bundled_catalogue() -> None:
    rows = pyv("list", "3.12", "--platform", "darwin-aarch64", "--offline", "--json").json["versions"]
    assert len(rows) >= 10
    assert {each["platform"] for each in rows} == {"darwin-aarch64-none"}
    assert not any(each["installed"] for each in rows)
    variants = pyv("list", "3.13", "--all", "--platform", "linux-x86_64-gnu", "--offline", "--json").json["versions"]
    assert {each["variant"] for each in variants} == {"", "t", "d", "td"}
    musl = pyv("list", "--all", "--platform", "linux-x86_64-musl", "--offline", "--json").json["versions"]
    assert all(each["build"] >= "20250311" for each in musl if each["implementation"] == "cpython")


def test_nothing_is_listed_that_cannot_be_installed_here() -> None:
    rows = pyv("list", "--all", "--offline", "--json").json["versions"]
    assert len(rows) >= 50
    assert len({each["platform"] for each in rows}) == 1
    assert all(len(each["sha256"]) == 64 and each["url"].startswith("https://") for each in rows)


def test_offline_commands_use_no_network_and_say_where_the_catalogue_is_from(mirror: Server) -> None:
    shown = pyv("index", "--offline", "--json", PYV_MIRROR="").json
    assert shown["total"] >= 6000
    assert shown["newest"].isdecimal()
    assert mirror.paths == []
    assert str(mirror.url()) in pyv("index").out
    assert pyv("index", "--json").json["total"] == 3  # what it offers, though nothing else has asked it before
    updated = pyv("index", "update", "--json").json
    assert updated["here"] == updated["total"] == 3


def test_a_project_that_forbids_the_network_is_obeyed_by_the_worker_too(
    mirror: Server, offered: Offer, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pyv]\noffline = true\n")
    (tmp_path / "inner").mkdir()
    result = pyv("install", offered.oldest, cwd=tmp_path / "inner")
    assert (result.status, "offline" in result.err, "set PYV_OFFLINE=0" in result.err) == (4, True, True), result.err
    assert mirror.paths == []
    assert pyv("install", offered.oldest, cwd=tmp_path / "inner", PYV_OFFLINE="0").status == 0


@pytest.mark.usefixtures("mirror")
def test_the_cache_is_shown_and_emptied(offered: Offer) -> None:
    pyv("install", offered.oldest)
    assert pyv("cache", "dir").lines == [str(cache())]
    assert pyv("cache", "size", "--json").json["bytes"] > 1_000_000
    assert pyv("cache", "--json").json["folder"] == str(cache())
    assert pyv("cache", "clean", "-y").status == 0
    assert everything_in(cache() / "archives") == set()
    assert pyv("cache", "size").lines == ["0 B"]
    shutil.rmtree(cache())
    assert pyv("cache", "clean", "-y").status == 0
    assert pyv("install", "--force", offered.oldest).status == 0


@pytest.mark.usefixtures("mirror")
def test_what_is_uninstalled_is_gone_and_short_names_move_on(offered: Offer) -> None:
    pyv("install", offered.oldest, offered.newest)
    refused = pyv("uninstall", offered.newest)
    assert (refused.status, "-y" in refused.err) == (2, True)
    assert pyv("uninstall", "-y", offered.minor).status == 0
    assert pyv("versions", "--bare").lines == [offered.oldest, "3", offered.minor]
    assert os.readlink(store() / "versions" / offered.minor) == offered.oldest
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert everything_in(store() / "versions") == set()


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("answer", "stays"), [("n\n", True), ("\n", True), ("y\n", False), ("yes\n", False), ("\4", True)]
)
def test_on_a_terminal_uninstall_asks(offered: Offer, answer: str, *, stays: bool) -> None:
    pyv("install", offered.oldest)
    status, screen = on_terminal("uninstall", offered.oldest, answer=answer, until="[y/N]")
    assert (status == 1) == stays, screen
    assert screen.partition("[y/N]")[2].count("\n") == 2, screen
    assert (pyv("versions", "--bare").lines != []) == stays


@pytest.mark.usefixtures("mirror")
def test_a_version_in_use_is_spared_unless_forced(offered: Offer, tmp_path: Path) -> None:
    pyv("install", offered.oldest)
    process = subprocess.Popen([python_of(offered.oldest), "-c", "input()"], stdin=subprocess.PIPE)
    try:
        result = pyv("uninstall", "-y", offered.oldest)
        assert (result.status, str(process.pid) in result.err) == (1, True)
    finally:
        process.communicate(b"\n")
    (store() / "venvs").mkdir()
    (tmp_path / "project").mkdir()
    home = store() / "versions" / offered.oldest / "bin"
    (tmp_path / "project/pyvenv.cfg").write_text(f"home = {home}\n")
    (store() / "venvs" / ("1" * 32)).symlink_to(tmp_path / "project")
    result = pyv("uninstall", "-y", offered.oldest)
    assert (result.status, str(tmp_path / "project") in result.err, "--force" in result.err) == (1, True, True)
    assert pyv("uninstall", "-y", "--force", offered.oldest).status == 0


@pytest.mark.usefixtures("mirror")
def test_pyv_does_not_remove_the_interpreter_that_it_runs_on(offered: Offer) -> None:
    pyv("install", offered.oldest)
    packages = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "src")))
    done = subprocess.run(
        [python_of(offered.oldest), "-m", "pyv", "uninstall", "-y", "--force", offered.oldest],
        env=environment(PYTHONPATH=packages),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "pyv itself runs on" in done.stderr) == (1, True), done.stderr
    assert says(python_of(offered.oldest), "print(1)") == "1"


@pytest.mark.usefixtures("mirror")
def test_verify_finds_what_was_changed_missing_and_added(offered: Offer) -> None:
    pyv("install", offered.oldest)
    library = next((store() / "versions" / offered.oldest).glob("lib/python3*/os.py")).parent
    assert pyv("verify", offered.oldest).status == 0
    (library / "abc.py").write_text("")
    (library / "ast.py").unlink()
    (library / "new.py").touch()
    result = pyv("verify")
    assert result.status == 5
    name = f"{offered.oldest}  "
    relative = library.relative_to(store() / "versions" / offered.oldest)
    assert result.lines == [
        f"{name}changed  {relative}/abc.py  (content)",
        f"{name}missing  {relative}/ast.py  (file)",
        f"{name}added    {relative}/new.py",
    ]
    found = pyv("verify", "--json").json["versions"][0]["differences"]
    assert [each["kind"] for each in found] == ["changed", "missing", "added"]


@pytest.mark.usefixtures("mirror")
def test_a_python_from_elsewhere_is_linked_under_a_name(offered: Offer, tmp_path: Path) -> None:
    pyv("install", offered.oldest, PYV_ROOT=str(tmp_path / "other"))
    elsewhere = tmp_path / "other/versions" / offered.oldest
    assert pyv("link", "conda", elsewhere).status == 0
    assert pyv("prefix", "conda").lines == [str(store() / "versions/conda")]
    taken = pyv("link", "conda", elsewhere)
    assert (taken.status, "taken" in taken.err) == (2, True)
    assert pyv("link", "--force", "conda", elsewhere).status == 0
    wrong = pyv("link", offered.newest, elsewhere)
    assert (wrong.status, offered.oldest in wrong.err) == (2, True)
    assert pyv("link", offered.oldest, elsewhere).status == 0
    assert os.readlink(store() / "versions" / offered.minor) == offered.oldest
    assert f"conda --> {elsewhere}" in pyv("versions").out
    assert pyv("uninstall", "-y", "conda").status == 0
    assert (elsewhere / "bin/python3").exists()


def test_what_is_packed_can_be_installed(tmp_path: Path) -> None:
    result = pyv("pack", sys.base_prefix, "-o", "mirror", "--tag", "20261101", cwd=tmp_path)
    assert result.status == 0, result.err
    archive = Path(result.lines[0])
    assert archive.parent == tmp_path / "mirror/20261101"
    assert archive.name in (archive.parent / "SHA256SUMS").read_text()
    assert len(json.loads((tmp_path / "mirror/download-metadata.json").read_text())) == 1
    version = ".".join(map(str, sys.version_info[:3]))
    assert pyv("install", "3", cwd=tmp_path, PYV_MIRROR="./mirror").status == 0
    assert version in pyv("versions", "--bare").lines
    assert pyv("pack", sys.base_prefix, "--tag", "yesterday", cwd=tmp_path).status == 2


@pytest.mark.usefixtures("mirror")
def test_on_a_terminal_each_install_has_a_bar_and_elsewhere_a_line(offered: Offer) -> None:
    status, screen = on_terminal("install", offered.oldest, offered.newest)
    assert status == 0, screen
    assert f"{offered.oldest} downloading" in screen
    assert f"{offered.newest} downloading" in screen
    assert "B/s" in screen
    result = pyv("install", offered.middle)
    assert "\r" not in result.err
    assert "\x1b" not in result.err
