"""Activation and deactivation in real shells, with the scripts of every Python of this machine."""

from __future__ import annotations

import os
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest

from pyv import envs
from tests.support.environments import RUNNING, create, every_python, make_store

if TYPE_CHECKING:
    from pathlib import Path

POSIX = """
PS1='$ '; PATH={path}; PYTHONHOME=/nowhere; export PATH PYTHONHOME
before=$PATH/$PS1/$PYTHONHOME
. {venv}/bin/{script} || exit 1
printf '%s\\n' "$VIRTUAL_ENV" "$(command -v python)" "${{PYTHONHOME-unset}}" "$PS1"
deactivate
[ "$before" = "$PATH/$PS1/$PYTHONHOME" ] && [ -z "${{VIRTUAL_ENV+set}}${{VIRTUAL_ENV_PROMPT+set}}" ] && echo restored
command -v deactivate > /dev/null || echo gone
"""
FISH = """
function fish_prompt; echo -n '$ '; end
set -gx PATH (string split : {path}); set -gx PYTHONHOME /nowhere
source {venv}/bin/{script}; or exit 1
echo $VIRTUAL_ENV; command -v python
set -q PYTHONHOME; and echo $PYTHONHOME; or echo unset
fish_prompt; echo
deactivate
test (string join : $PATH) = {path} -a "$PYTHONHOME" = /nowhere -a (fish_prompt) = '$ ' -a -z "$VIRTUAL_ENV"
and echo restored
functions -q deactivate; or echo gone
"""
TCSH = """
set prompt = '$ '; setenv PATH {path}
source {venv}/bin/{script}
printf '%s\\n' "$VIRTUAL_ENV"
which python
echo unset
printf '%s\\n' "$prompt"
deactivate
if ( "$PATH" == {path} && "$prompt" == '$ ' && ! $?VIRTUAL_ENV ) echo restored
alias deactivate | grep -q . || echo gone
"""
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], POSIX, "activate"),
    "dash": (["dash"], POSIX, "activate"),
    "busybox": (["busybox", "sh"], POSIX, "activate"),
    "zsh": (["zsh", "-f"], POSIX, "activate"),
    "fish": (["fish", "-N"], FISH, "activate.fish"),
    "tcsh": (["tcsh", "-f"], TCSH, "activate.csh"),
}
every_shell = pytest.mark.parametrize("shell", SHELLS)


def run(shell: str, venv: Path, cwd: Path, **changes: str) -> list[str]:
    command, program, script = SHELLS[shell]
    if not which(command[0]):
        pytest.skip(f"there is no {command[0]} here")
    link = cwd / "link"  # so that the path itself needs no quotes in the test
    link.unlink(missing_ok=True)
    link.symlink_to(venv)
    file = cwd / "program"
    file.write_text(program.format(venv=link, script=script, path="/usr/local/bin:/usr/bin:/bin"))
    done = subprocess.run(
        [*command, file],
        env={"HOME": str(cwd), "PATH": os.environ["PATH"], "TERM": "dumb", **changes},
        cwd=cwd,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


@every_python
@every_shell
@pytest.mark.parametrize("prompt", [None, "mine"])
def test_activation_and_deactivation_restore_everything(
    tmp_path: Path, version: str, shell: str, prompt: str | None
) -> None:
    venv = create(make_store(version), tmp_path / "project" / ".venv", envs.Options(prompt, pip=False))
    where, python, home, shown, *rest = run(shell, venv, tmp_path)
    assert (where, python, home) == (str(venv), str(venv / "bin/python"), "unset")
    assert prompt or ".venv" in shown
    assert shown.endswith("$ ")
    assert rest == ["restored", "gone"]


@every_python
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "fish", "tcsh"])
@pytest.mark.parametrize("name", ["it's two words", 'ü𝜋 "$HOME" $(touch hit) `touch hit` \\t'], ids=["common", "nasty"])
def test_a_folder_may_be_called_anything_and_its_name_is_no_command(
    tmp_path: Path, version: str, shell: str, name: str
) -> None:
    venv = create(make_store(version), tmp_path / name / name)
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    lines = run(shell, venv, cwd, LC_ALL="C.UTF-8")
    assert lines[:2] == [str(venv), str(venv / "bin/python")]
    assert lines[-2:] == ["restored", "gone"]
    assert sorted(path.name for path in cwd.iterdir()) in (
        ["link", "program"],
        [".config", ".local", "link", "program"],
    )


@every_shell
def test_the_prompt_stays_as_it_is_if_the_user_wants_that(tmp_path: Path, shell: str) -> None:
    venv = create(make_store(RUNNING), tmp_path / ".venv")
    assert run(shell, venv, tmp_path, VIRTUAL_ENV_DISABLE_PROMPT="1")[3] == "$ "
