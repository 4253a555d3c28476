"""`pyv init direnv`: the function behind `use pyv`, printed, put where direnv loads it, and taken away again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.command import environment, pyv, store
from tests.support.stores import make_environment, make_version

# What direnv has of its own, as far as the function needs it
_DIRENV = 'watch_file() { for each in "$@"; do echo "watch $each"; done; }; PATH_add() { PATH=$1:$PATH; }; '


def place(folder: str = ".config/direnv") -> Path:
    return Path(os.environ["HOME"], folder, "lib/pyv.sh")


def use(cwd: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Load the function as direnv does, call it, and print what has become of the environment."""
    program = f'{_DIRENV} . "$FUNCTION"; use_pyv "$@" || exit; printenv PATH; printenv VIRTUAL_ENV PYV_VERSION'
    env = environment(FUNCTION=str(place()), **changes)
    words = ("bash", "-u", "-c", program, "direnv", *words)
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_it_is_printed_and_put_in_place_once_and_removed() -> None:
    text = pyv("init", "direnv").out
    assert f"root='{store()}'" in text
    first = pyv("init", "direnv", "--install")
    assert (first.status, first.err) == (0, f"pyv: {place()} is written: `use pyv` in .envrc works now\n")
    assert place().read_text() == text
    assert pyv("init", "direnv", "--install").err == f"pyv: {place()} is there already\n"
    assert pyv("init", "direnv", "--uninstall").err == f"pyv: {place()} is removed\n"
    assert not place().exists()
    assert pyv("init", "direnv", "--uninstall").err == f"pyv: there was no {place()}\n"


def test_it_follows_the_folder_that_direnv_reads_and_an_old_one_is_replaced(tmp_path: Path) -> None:
    assert pyv("init", "direnv", "--install", XDG_CONFIG_HOME=str(tmp_path / "x")).status == 0
    assert (tmp_path / "x/direnv/lib/pyv.sh").exists()
    changes = {"XDG_CONFIG_HOME": str(tmp_path / "x"), "DIRENV_CONFIG": str(tmp_path / "own")}
    assert pyv("init", "direnv", "--install", **changes).status == 0
    file = tmp_path / "own/lib/pyv.sh"
    file.write_text("use_pyv() { :; } # of an older pyv\n")
    assert "is written" in pyv("init", "direnv", "--install", **changes).err
    assert "PATH_add" in file.read_text()


@pytest.mark.parametrize("option", ["--install", "--uninstall"])
def test_a_file_of_somebody_else_is_left_alone(option: str) -> None:
    place().parent.mkdir(parents=True)
    place().write_text("use_python() { :; }\n")
    done = pyv("init", "direnv", option)
    assert (done.status, done.err.splitlines()[0]) == (2, f"pyv: {place()} is a file of another kind")
    assert place().read_text() == "use_python() { :; }\n"


def test_a_folder_that_cannot_be_had_is_an_error_that_says_so() -> None:
    place().parent.parent.mkdir(parents=True)
    place().parent.write_text("a file")
    done = pyv("init", "direnv", "--install")
    assert done.status == 1
    assert f"{place()} cannot be read: Not a directory" in done.err


@pytest.mark.parametrize("arguments", [("direnv", "--no-hook"), ("direnv", "bash"), ("direnv", "--as-pyenv")])
def test_it_goes_alone(arguments: tuple[str, ...]) -> None:
    assert pyv("init", *arguments).status == 2
    assert not place().exists()


def test_the_pinned_version_comes_first_on_path_and_what_could_change_it_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYV_ROOT", str(tmp_path / "it's a store"))
    folder = make_version(store(), "3.12.7", links=("3.12",))
    make_version(store(), "3.11.9", links=("3.11",))
    assert pyv("init", "direnv", "--install").status == 0
    (tmp_path / ".python-version").write_text("3.12\n")
    done = use(tmp_path)
    *watched, path = done.stdout.splitlines()
    assert done.stderr == ""
    assert path == f"{folder}/bin:{store()}/shims:{os.environ['PATH']}"
    watches = (".python-version", ".venv/pyvenv.cfg", f"{store()}/version", f"{store()}/versions")
    assert watched == [f"watch {each}" for each in watches]
    path, version = use(tmp_path, "3.11", "3.12").stdout.splitlines()[-2:]
    assert path.startswith(f"{store()}/versions/3.11.9/bin:{store()}/shims:")
    assert version == "3.11:3.12"
    done = use(tmp_path, "3.10")
    assert done.returncode != 0
    assert "pyv install 3.10" in done.stderr


def test_the_environment_of_the_folder_is_active_and_a_strangers_is_not(tmp_path: Path) -> None:
    folder = make_version(store(), "3.12.7", links=("3.12",))
    assert pyv("init", "direnv", "--install").status == 0
    (tmp_path / ".python-version").write_text("3.12\n")
    venv = make_environment(tmp_path / ".venv", store() / "versions/3.12/bin")
    assert use(tmp_path).stdout.splitlines()[-1].startswith(f"{folder}/bin:")
    assert pyv("trust", venv).status == 0
    *_, path, active = use(tmp_path).stdout.splitlines()
    assert path.startswith(f"{venv}/bin:{store()}/shims:")
    assert active == str(venv)


def test_the_system_keeps_its_place_on_path(tmp_path: Path) -> None:
    make_version(store(), "3.12.7", links=("3.12",))
    assert pyv("init", "direnv", "--install").status == 0
    (tmp_path / ".python-version").write_text("system\n")
    assert use(tmp_path).stdout.splitlines()[-1] == f"{store()}/shims:{os.environ['PATH']}"
