"""A `pyenv` that answers with pyv: what scripts that were written for pyenv get from it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyv.cli.as_pyenv import translated
from tests.support.command import Result, environment, pyv, store
from tests.support.stores import make_environment, make_version, program

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = ("bash", "zsh", "fish", "dash", "tcsh")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that is pinned to 3.12, beside a store with a `pyenv`."""
    root = store()
    make_version(root, "3.11.8", "old", links=("3.11",))
    make_version(root, "3.12.7", links=("3.12", "3"))
    make_environment(root / "envs/tools", root / "versions/3.12/bin", "hammer")
    (root / "versions/tools").symlink_to(root / "envs/tools")
    assert pyv("init", "--as-pyenv").status == 0
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".python-version").write_text("3.12\n")
    return folder


def ask(project: Path, *line: str, **env: str) -> Result:
    done = subprocess.run(
        ["pyenv", *line],
        env=environment(PATH=f"{store()}/shims:/usr/bin:/bin", PWD=str(project), **env),
        executable=store() / "shims/pyenv",
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("root", "{store}"),
        ("versions --bare --skip-aliases", "3.11.8|3.12.7|tools"),
        ("install -s 3.12.7", ""),
        ("install -s -v -k 3.12.7", ""),
        ("global", "system"),
        ("local", "3.12"),
        ("rehash", ""),
        ("prefix", "{store}/versions/3.12.7"),
        ("prefix 3.11", "{store}/versions/3.11.8"),
        ("which python", "{store}/versions/3.12.7/bin/python"),
        ("whence old", "3.11.8"),
        ("exec python3 x", "{store}/versions/3.12/bin/python3|x"),
        ("version-name", "3.12.7"),
        ("version", "3.12.7 (set by {project}/.python-version)"),
        ("latest 3.11", "3.11.8"),
        ("virtualenvs --bare", "tools"),
        ("virtualenv-init -", ""),
        ("virtualenv-init - bash", ""),
    ],
)
def test_a_command_line_of_pyenv_is_answered(project: Path, line: str, out: str) -> None:
    expected = out.format(store=store(), project=project).split("|") if out else []
    result = ask(project, *line.split())
    assert (result.status, result.lines) == (0, expected), result.err


def test_mistakes_and_help_are_pyvs(project: Path) -> None:
    assert ask(project, "--help") == pyv("--help")
    assert ask(project, "install", "--help") == pyv("install", "--help")
    assert ask(project, "frobnicate") == pyv("frobnicate")
    assert ask(project, "which", "nonesuch").status == 127
    assert ask(project) == pyv()


def test_uninstall_by_force_asks_nothing_as_scripts_expect(project: Path) -> None:
    assert ask(project, "uninstall", "-f", "3.11.8").status == 0
    assert not (store() / "versions/3.11.8").exists()


def test_messages_name_the_variable_that_was_set(project: Path) -> None:
    theirs = {"PYENV_VERSION": "3.10"}
    for line in ("which python", "version-name", "exec python", "which --json python"):
        assert "3.10 is not installed, pinned by PYENV_VERSION\n" in ask(project, *line.split(), **theirs).err, line
    assert "pinned by PYV_VERSION\n" in ask(project, "which", "python", **theirs, PYV_VERSION="3.9").err
    assert ask(project, "version-origin", **theirs).lines == ["PYENV_VERSION environment variable"]
    assert ask(project, "version", PYENV_VERSION="3.11").lines == ["3.11.8 (set by PYENV_VERSION environment variable)"]


def test_pyenvs_variables_count_under_that_name_alone(project: Path, tmp_path: Path) -> None:
    assert ask(project, "version-name", PYENV_VERSION="3.11").lines == ["3.11.8"]
    assert ask(project, "exec", "python", PYENV_VERSION="3.11.8").lines == [f"{store()}/versions/3.11.8/bin/python"]
    assert ask(project, "which", "old", PYENV_VERSION="3.11:3.12").lines == [f"{store()}/versions/3.11.8/bin/old"]
    other = tmp_path / "other"
    other.mkdir()
    (other / ".python-version").write_text("3.11\n")
    assert ask(project, "version-name", PYENV_DIR=str(other)).lines == ["3.11.8"]
    assert ask(project, "version-name", PYENV_VERSION="3.11", PYV_VERSION="tools").lines == ["tools"]
    # What belongs to a pyenv is not touched
    assert ask(project, "root", PYENV_ROOT=str(tmp_path)).lines == [str(store())]
    assert ask(project, "root", PYENV_ROOT=str(tmp_path), PYENV_VERSION="3.11").lines == [str(store())]
    assert pyv("version-name", cwd=project, PYENV_VERSION="3.11").lines == ["3.12.7"]
    shim = subprocess.run(
        [store() / "shims/python"],
        env=environment(PYENV_VERSION="3.11", PWD=str(project)),
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shim.stdout == f"{store()}/versions/3.12/bin/python\n"


def test_another_store_answers_if_the_environment_names_it(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "store"
    make_version(other, "3.13.1")
    assert ask(project, "root", PYV_ROOT=str(other)).lines == [str(other)]
    assert ask(project, "versions", "--bare", PYV_ROOT=str(other)).lines == ["3.13.1", "3", "3.13"]
    assert ask(project, "versions", "--bare", PYV_ROOT=str(other), PYENV_VERSION="system").lines == [
        "3.13.1",
        "3",
        "3.13",
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_init_prints_what_the_calling_shell_can_run(project: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    load = {"fish": "pyenv init - | source", "tcsh": 'eval "`pyenv init -`"'}.get(shell, 'eval "$(pyenv init -)"')
    variable = '"$PYV_VERSION"'
    script = f"{load}\npyenv shell 3.11\necho {variable}\npyenv version-name\npyenv root\n"
    done = subprocess.run(
        [shell, "-c", script] if shell != "tcsh" else [shell, "-f"],
        env=environment(PATH=f"{store()}/shims:/usr/bin:/bin"),
        input=script if shell == "tcsh" else "",
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["3.11", "3.11.8", str(store())], done.stderr


def test_a_script_of_the_usual_kind_works(project: Path) -> None:
    script = """
set -eu
export PYENV_ROOT="$HOME/.pyenv"
export PATH="$PYENV_ROOT/bin:$PATH"
eval "$(pyenv init --path)"
eval "$(pyenv init - --no-rehash bash)"
eval "$(pyenv virtualenv-init -)"
pyenv install --skip-existing 3.11.8
pyenv global 3.11.8
cd /
"$(pyenv root)/versions/$(pyenv version-name)/bin/python"
pyenv which python
command -v python
"""
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment(PATH=f"{store()}/shims:/usr/bin:/bin"),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    program_ = f"{store()}/versions/3.11.8/bin/python"
    assert done.stdout.splitlines() == [program_, program_, f"{store()}/shims/python"], done.stderr


def test_it_comes_and_goes_when_asked_and_stays_through_rehashes(project: Path) -> None:
    path = store() / "shims/pyenv"
    assert path.samefile(store() / "shims/python")
    assert pyv("rehash").status == 0
    assert pyv("init", "--as-pyenv").status == 0
    assert path.samefile(store() / "shims/python")
    assert pyv("init", "--as-pyenv", "--uninstall").status == 0
    assert not path.exists()
    again = pyv("init", "--as-pyenv", "--uninstall")
    assert (again.status, "no pyenv" in again.err) == (0, True)
    program(project / "bin/pyenv", "echo theirs")
    done = pyv("init", "--as-pyenv", PATH=f"{project}/bin:{store()}/shims:/usr/bin:/bin")
    assert f"{project}/bin/pyenv comes before it" in done.err


@pytest.mark.usefixtures("project")
def test_somebody_elses_pyenv_among_the_shims_stays() -> None:
    path = store() / "shims/pyenv"
    path.unlink()
    program(path, "echo mine")
    for more in ([], ["--uninstall"]):
        assert pyv("init", "--as-pyenv", *more).status == 2
    assert "echo mine" in path.read_text()


def test_a_version_that_has_a_command_of_that_name_makes_no_shim_for_it(project: Path) -> None:
    assert pyv("init", "--as-pyenv", "--uninstall").status == 0
    program(store() / "versions/3.12.7/bin/pyenv")
    assert pyv("rehash").status == 0
    assert not (store() / "shims/pyenv").exists()
    assert pyv("which", "pyenv", cwd=project).lines == [f"{store()}/versions/3.12.7/bin/pyenv"]


@pytest.mark.parametrize("more", [["bash"], ["--install"], ["--no-hook"]])
def test_it_goes_with_nothing_else(more: list[str]) -> None:
    assert pyv("init", "--as-pyenv", *more).status == 2
    assert not (store() / "shims/pyenv").exists()


@pytest.mark.usefixtures("isolated")
def test_it_can_be_had_before_any_version() -> None:
    assert pyv("init", "--as-pyenv").status == 0
    assert os.access(store() / "shims/pyenv", os.X_OK)


def test_the_options_of_pyenv_are_translated_where_they_are_options() -> None:
    assert translated(["install", "-kv", "3.12"]) == ["install", "3.12"]
    assert translated(["install", "-svf", "3.12"]) == ["install", "-s", "-f", "3.12"]
    assert translated(["install", "--force", "3.12"]) == ["install", "--force", "3.12"]
    assert translated(["exec", "grep", "-v", "x"]) == ["exec", "grep", "-v", "x"]
    assert translated(["init", "-", "--no-rehash", "zsh"]) == ["init", "-", "zsh"]
    assert translated([]) == []
