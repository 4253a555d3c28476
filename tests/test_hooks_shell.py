"""`pyv shell` and completion in real shells."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import projects
from tests.support.command import pyv, store
from tests.support.terminal import Terminal, need, rc_file

if TYPE_CHECKING:
    from pathlib import Path

ALL = pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh", "dash", "busybox"])


def start(shell: str, cwd: Path, *, before: str = "", **changes: str) -> Terminal:
    """Start a shell with the hook and two versions in the store."""
    need(shell)
    projects.make_store("3.12.7", "3.11.9")
    (store() / "versions/3.12").symlink_to("3.12.7")
    rc = rc_file(shell)
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(f"{before}\n" if before else "")
    projects.set_up("sh" if shell in ("dash", "busybox") else shell)
    return Terminal(shell, cwd, **changes)


def status(shell: str) -> str:
    return "$status" if shell in ("fish", "tcsh") else "$?"


def failed(terminal: Terminal, line: str) -> tuple[str, str]:
    """Type a line that fails; return its exit status and what came on the screen."""
    terminal.send(f"{line}\n")
    start = len(terminal.screen)
    return terminal.ask(status(terminal.shell)), terminal.screen[start:]


@ALL
def test_a_version_is_set_changed_swapped_and_unset(shell: str, tmp_path: Path) -> None:
    with start(shell, tmp_path) as terminal:
        assert "PYV_VERSION" not in terminal.environment()
        terminal.type("pyv shell 3.12")
        assert terminal.environment()["PYV_VERSION"] == "3.12"
        assert "3.12\r\n" in terminal.type("pyv shell")
        terminal.type("pyv shell 3.11.9 3.12 system")
        assert terminal.environment()["PYV_VERSION"] == "3.11.9:3.12:system"
        terminal.type("pyv shell -")
        assert terminal.environment()["PYV_VERSION"] == "3.12"
        terminal.type("pyv shell -")
        assert terminal.environment()["PYV_VERSION"] == "3.11.9:3.12:system"
        for _ in range(2):
            terminal.send("pyv shell --unset\n")
            assert terminal.ask("$status" if shell == "fish" else "$?") == "0"
            assert "PYV_VERSION" not in terminal.environment()
        terminal.type("pyv shell 3.11.9:3.12:system")
        terminal.type("pyv shell --unset")
        terminal.type("pyv shell -")
        assert terminal.environment()["PYV_VERSION"] == "3.11.9:3.12:system"
        terminal.type("pyv shell -")
        assert "PYV_VERSION" not in terminal.environment()


@ALL
def test_what_cannot_be_set_is_refused_and_nothing_changes(shell: str, tmp_path: Path) -> None:
    with start(shell, tmp_path) as terminal:
        answer, screen = failed(terminal, "pyv shell")
        assert answer == "1"
        assert "no version is set for this shell" in screen
        answer, screen = failed(terminal, "pyv shell -")
        assert answer == "1"
        answer, screen = failed(terminal, "pyv shell 3.12 3.13")
        assert answer == "3"
        assert "3.13 is not installed" in screen
        answer, screen = failed(terminal, "pyv shell ../x")
        assert answer == "2"
        assert "PYV_VERSION" not in terminal.environment()
        terminal.type("pyv shell --force 3.13")
        assert terminal.environment()["PYV_VERSION"] == "3.13"


@ALL
def test_help_is_printed_and_other_commands_go_through(shell: str, tmp_path: Path) -> None:
    with start(shell, tmp_path) as terminal:
        assert "Usage: pyv shell" in terminal.type("pyv shell --help")
        (tmp_path / "a b").mkdir()
        assert failed(terminal, "pyv root > 'a b/out'")[0] == "0"
        assert (tmp_path / "a b/out").read_text() == f"{store()}\n"
        assert failed(terminal, "pyv link 'odd name' \"$HOME/a b\" ")[0] != "0"
    assert projects.calls()[-1] == f"link odd name {os.environ['HOME']}/a b"


@ALL
def test_the_shims_are_first_on_path_once(shell: str, tmp_path: Path) -> None:
    shims, path = str(store() / "shims"), os.environ["PATH"]
    with start(shell, tmp_path, PATH=f"{path}:{shims}:/a b") as terminal:
        assert terminal.path() == [shims, *path.split(":"), "/a b"]
        terminal.type(f"{'source' if shell == 'tcsh' else '.'} '{rc_file(shell)}'")
        assert terminal.path() == [shims, *path.split(":"), "/a b"]
    with Terminal(shell, tmp_path, PATH=f"/hand/bin:{path}", VIRTUAL_ENV="/hand") as terminal:
        assert terminal.path() == ["/hand/bin", shims, *path.split(":")]


@pytest.mark.parametrize("shell", ["tcsh", "dash", "busybox"])
def test_only_the_path_is_set_where_that_is_wanted(shell: str, tmp_path: Path) -> None:
    start(shell, tmp_path).__exit__(None, None, None)
    projects.set_up("tcsh" if shell == "tcsh" else "sh", hook=False)
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.path()[0] == str(store() / "shims")
        assert "only the shell itself" in terminal.type("pyv shell 3.12")


def test_without_the_hook_it_says_how_to_get_it() -> None:
    result = pyv("shell", "3.12")
    assert (result.status, result.out) == (1, "")
    assert "pyv init --install" in result.err
    assert pyv("shell", "--unset").status == 1
    assert pyv("shell", PYV_VERSION="3.12:3.11").lines == ["3.12:3.11"]


def test_a_script_may_use_it_after_init(tmp_path: Path) -> None:
    """As scripts do that were written for pyenv."""
    projects.make_store("3.12")
    script = 'set -eu; eval "$(pyv init - bash)"; pyv shell 3.12; echo "$PYV_VERSION"; cd .; echo "${VIRTUAL_ENV-none}"'
    projects.make_venv(tmp_path / ".venv")
    done = projects.run(["bash", "-c", script], cwd=tmp_path, PATH=f"{store()}/shims:{os.environ['PATH']}")
    assert done.splitlines() == ["3.12", "none"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_words_are_completed(shell: str, tmp_path: Path) -> None:
    before = "autoload -Uz compinit; compinit -u" if shell == "zsh" else ""
    with start(shell, tmp_path, before=before) as terminal:
        assert projects.calls() == []
        for keys, whole in (
            ("pyv unin", "pyv uninstall"),
            ("pyv shell sys", "pyv shell system"),
            ("pyv global 3.11.", "pyv global 3.11.9"),
            ("pyv shell --un", "pyv shell --unset"),
            ("pyv init fi", "pyv init fish"),
            ("pyv venv -p sys", "pyv venv -p system"),
            ("pyv lock --python 3.11.", "pyv lock --python 3.11.9"),
        ):
            terminal.send(f"{keys}\t")
            terminal.wait_until(lambda: len(projects.calls()) > 0)
            terminal.send("\x01echo \x05\n")
            assert whole in terminal.type(""), keys
            (store() / "calls").unlink()


def test_what_a_command_that_is_executed_takes_is_not_completed_as_a_version(tmp_path: Path) -> None:
    (tmp_path / "system_of_mine").mkdir()
    with start("bash", tmp_path) as terminal:
        terminal.send("pyv exec mkdir -p sys\t")
        terminal.wait_until(lambda: len(projects.calls()) > 0)
        terminal.send("\x01echo \x05\n")
        assert "pyv exec mkdir -p system_of_mine" in terminal.type("")


def test_words_are_completed_in_zsh_where_compinit_is_loaded_later(tmp_path: Path) -> None:
    with start("zsh", tmp_path) as terminal:
        terminal.type("autoload -Uz compinit; compinit -u")
        terminal.send("pyv unin\t")
        terminal.wait_until(lambda: len(projects.calls()) > 0)
        terminal.send("\x01echo \x05\n")
        assert "pyv uninstall" in terminal.type("")


def test_the_words_of_each_command() -> None:
    projects.make_store("3.12.7", "3.11.9")
    commands = pyv("completions").lines
    assert {"install", "shell", "init", "--help"} <= set(commands)
    assert "sh-shell" not in commands
    words = ["--unset", "--force", "--help", "system", "3.11.9", "3.12.7", "3", "3.11", "3.12"]
    assert pyv("completions", "shell").lines == words
    assert {"3.11.9", "3.12.7"} <= set(pyv("completions", "uninstall").lines)
    assert "3.12" not in pyv("completions", "uninstall").lines
    install = pyv("completions", "install").lines
    assert {"--force", "3", "3.12", "pypy3.10"} <= set(install)
    assert len(install) == len(set(install))
    assert "pyv" in pyv("completions", "which").lines or pyv("completions", "which").lines == []
    assert pyv("completions", "no-such-command") == (1, "", "")


def test_completing_asks_nothing_over_the_network() -> None:
    result = pyv("completions", "install", PYV_MIRROR="http://127.0.0.1:9/")
    assert (result.status, result.err) == (0, "")
