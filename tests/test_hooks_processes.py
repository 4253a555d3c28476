"""What the hooks cost: no process when a shell starts, none at a prompt, none when the folder changes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import projects
from tests.support.terminal import Terminal, need, rc_file

pytestmark = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
_PROCESSES = re.compile(r"\b(?:fork|vfork|execve|execveat)\(|\bflags=(?!\S*CLONE_THREAD)")


@pytest.fixture(scope="module", autouse=True)
def tracer() -> None:
    """Skip where processes cannot be traced."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("strace may not trace here")


def commands(shell: str) -> str:
    """Return an interactive shell without the files of the system, which start processes of their own."""
    return {
        "bash": f"bash --rcfile {rc_file(shell)} -i",
        "zsh": "zsh -o no_global_rcs -i",
        "fish": "fish -i",
    }[shell]


def started_by(shell: str, cwd: Path, lines: list[str], trace: Path) -> int:
    """Return how many processes a shell has started, and become, until it has done lines."""
    program = f"strace -f -e trace=process -e signal=none -o '{trace}' {commands(shell)}"
    with Terminal(shell, cwd, program=program) as terminal:
        for line in lines:
            terminal.type(line)
    # Each call has its flags on one line, even if it is noted in two; and the threads of fish are no processes
    return sum(bool(_PROCESSES.search(line)) for line in trace.read_text().splitlines())


def test_neither_start_nor_prompt_nor_cd_start_a_process(shell: str, tmp_path: Path) -> None:
    """Nothing but what the same shell starts that knows nothing of pyv."""
    need(shell)
    projects.make_store("3.12.7")
    projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    (tmp_path / "project/.python-version").write_text("3.12.7\n")
    projects.make_venv(tmp_path / "stranger/.venv", known=False)
    (tmp_path / "pinned/a/b/c").mkdir(parents=True)
    (tmp_path / "pinned/.python-version").write_text("3.11\n")
    folders = ("project", "..", "stranger", "../pinned/a/b/c", "../../../../project")
    lines = ["", *(f"cd {folder}" for folder in folders), ""]
    rc = rc_file(shell)
    rc.parent.mkdir(parents=True, exist_ok=True)
    # The usual prompt of fish looks for repositories, each time it is painted
    rc.write_text("function fish_prompt; echo '> '; end\n" if shell == "fish" else "")
    # At its first start fish makes folders of its own, and completions out of manual pages
    Path(os.environ["HOME"], ".local/share/fish/generated_completions").mkdir(parents=True)
    started_by(shell, tmp_path, [], tmp_path / "first")
    without = started_by(shell, tmp_path, lines, tmp_path / "without")
    projects.set_up(shell)
    with Terminal(shell, tmp_path / "project", program=commands(shell)) as terminal:
        assert terminal.venv == str(tmp_path / "project/.venv")
    assert started_by(shell, tmp_path, lines, tmp_path / "with") == without
    assert projects.calls() == []


def test_the_files_of_a_project_are_read_and_never_sourced(shell: str, tmp_path: Path) -> None:
    need(shell)
    projects.make_store("3.12.7")
    projects.set_up(shell)
    venv = projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    (tmp_path / "project/.python-version").write_text("3.12.7\n")
    for name in ("activate", "activate.fish", "activate_this.py"):
        projects.program(venv / "bin" / name, "exit 9\n")
    trace = tmp_path / "trace"
    program = f"strace -f -e trace=open,openat -o '{trace}' {commands(shell)}"
    with Terminal(shell, tmp_path, program=program) as terminal:
        terminal.type("cd project")
        terminal.type("")
    opened = re.findall(rf'"({re.escape(os.fspath(tmp_path))}/project[^"]*)"', trace.read_text())
    assert {os.path.basename(path) for path in opened} <= {"pyvenv.cfg", ".python-version", "project", ""}
    assert f"{venv}/pyvenv.cfg" in opened
