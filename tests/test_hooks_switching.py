"""The hooks of bash, zsh and fish: which environment is active in which folder, and that nothing is left behind."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support import projects
from tests.support.command import store
from tests.support.terminal import Terminal, need, rc_file

pytestmark = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
# What every command changes
_RESTLESS = ("OLDPWD", "PWD", "_", "SHLVL")


@pytest.fixture(autouse=True)
def hooked(shell: str) -> None:
    need(shell)
    projects.make_store("3.12.7", "3.11.9")
    (store() / "versions/3.12").symlink_to("3.12.7")
    projects.set_up(shell)


def export(shell: str, name: str, value: str) -> str:
    return f"set -gx {name} '{value}'" if shell == "fish" else f"export {name}='{value}'"


def unset(shell: str, name: str) -> str:
    return f"set -e {name}" if shell == "fish" else f"unset {name}"


def replace(path: Path, content: str) -> None:
    """Write a file in one step: the shell may be about to look at it."""
    new = path.with_name("new")
    new.write_text(content)
    new.replace(path)


def steady(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _RESTLESS}


def test_a_known_environment_is_active_in_its_project_and_below(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    (tmp_path / "project/a/b").mkdir(parents=True)
    with Terminal(shell, tmp_path) as terminal:
        before = terminal.environment()
        assert before["PATH"].split(":")[0] == str(store() / "shims")
        prompt = terminal.prompt
        terminal.type("cd project/a/b")
        inside = terminal.environment()
        assert (inside["VIRTUAL_ENV"], inside["VIRTUAL_ENV_PROMPT"]) == (str(venv), "project")
        assert inside["PATH"] == f"{venv}/bin:{before['PATH']}"
        assert terminal.prompt.startswith("(project) ")
        terminal.type("cd ../../..")
        assert steady(terminal.environment()) == steady(before)
        assert terminal.prompt == prompt
    assert projects.calls() == []


def test_the_prompt_says_what_the_environment_says_and_expands_nothing(shell: str, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    evil = f"$(touch {witness})`touch {witness}`%n!\\w"
    projects.make_venv(tmp_path / "named/.venv", prompt="'my name'")
    projects.make_venv(tmp_path / "evil/.venv", prompt=evil)
    projects.make_venv(tmp_path / "`touch witness`/.venv")
    with Terminal(shell, tmp_path / "named") as terminal:
        assert terminal.prompt.startswith("(my name) ")
        if shell == "zsh":
            terminal.type("setopt promptsubst promptbang")
        terminal.type("cd ../evil")
        terminal.type("")
        assert terminal.prompt.startswith(f"((touch {witness})touch {witness}nw) ")
        terminal.type("cd '../`touch witness`'")
        terminal.type("")
        assert terminal.prompt.startswith("(touch witness) ")
    assert not witness.exists()
    assert not (tmp_path / "`touch witness`/witness").exists()


def test_the_prompt_is_left_alone_where_that_is_wanted(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv")
    with Terminal(shell, tmp_path, VIRTUAL_ENV_DISABLE_PROMPT="1") as terminal:
        prompt = terminal.prompt.replace(tmp_path.name, "")
        terminal.type("cd project")
        assert terminal.venv == str(venv)
        assert "(project)" not in terminal.prompt
        terminal.type("cd ..")
        assert terminal.prompt.replace(tmp_path.name, "") == prompt


def test_it_is_active_where_the_shell_starts(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == str(venv)


@pytest.mark.parametrize("name", ["venv", "env"])
def test_it_may_have_another_of_three_names(shell: str, name: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project" / name)
    projects.make_venv(tmp_path / "project/.virtualenv")
    with Terminal(shell, tmp_path / "project") as terminal:
        assert terminal.venv == str(venv)


def test_the_first_known_one_of_several_is_taken(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv", known=False)
    venv = projects.make_venv(tmp_path / "venv")
    projects.make_venv(tmp_path / "env")
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == str(venv)


def test_projects_follow_each_other_and_nest(shell: str, tmp_path: Path) -> None:
    outer = projects.make_venv(tmp_path / "outer/.venv")
    inner = projects.make_venv(tmp_path / "outer/inner/.venv")
    other = projects.make_venv(tmp_path / "other/.venv")
    with Terminal(shell, tmp_path) as terminal:
        plain = terminal.path()
        for folder, venv in (("outer", outer), ("inner", inner), ("..", outer), ("../other", other), ("-", outer)):
            terminal.type(f"cd {folder}")
            assert terminal.path() == [f"{venv}/bin", *plain]
            assert terminal.venv == str(venv)
        terminal.type(f"pushd {tmp_path}/other")
        assert terminal.venv == str(other)
        terminal.type("popd")
        assert terminal.venv == str(outer)
        terminal.type(f"cd {tmp_path}")
        assert terminal.path() == plain


def test_what_follows_cd_on_the_same_line_finds_the_right_one(shell: str, tmp_path: Path) -> None:
    one = projects.make_venv(tmp_path / "one/.venv")
    other = projects.make_venv(tmp_path / "other/.venv")
    for venv in (one, other):
        projects.program(venv / "bin/tell", f"#!/bin/sh\necho {venv.parent.name} >> '{tmp_path}/told'\n")
    with Terminal(shell, tmp_path / "one") as terminal:
        terminal.type("tell; cd ../other && tell; cd ../one && tell")
    assert (tmp_path / "told").read_text().split() == ["one", "other", "one"]


def test_an_environment_that_comes_and_goes_is_noticed_without_cd(shell: str, tmp_path: Path) -> None:
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == ""
        venv = projects.make_venv(tmp_path / ".venv")
        terminal.type("")
        assert terminal.venv == str(venv)
        shutil.rmtree(venv)
        terminal.type("")
        assert terminal.venv == ""


def test_a_nearer_pin_without_environment_switches_off(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / "project/.venv")
    (tmp_path / "project/sub").mkdir()
    with Terminal(shell, tmp_path / "project/sub") as terminal:
        assert terminal.venv != ""
        (tmp_path / "project/sub/.python-version").write_text("3.11\n")
        terminal.type("")
        assert terminal.venv == ""
    assert projects.calls() == []


@pytest.mark.parametrize(
    "pin",
    [
        "3.12.7\n",
        "3.12\n",
        "3.12",
        "  3.12 \r\n",
        "3.12  # the one\n",
        "# ours\n\n3.12\n",
        "3.11.9 3.12",
        "3.12:3.11.9 # both\n",
        "3.11.9\n3.12\n",
        "python-3.12\n",
        "python3.12.7\n",
    ],
)
def test_a_pin_beside_it_that_it_satisfies_is_seen_without_a_process(shell: str, pin: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv", "3.12.7")
    (tmp_path / ".python-version").write_text(pin)
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == str(venv)
    assert projects.calls() == []


@pytest.mark.parametrize(
    ("pin", "asked"),
    [
        ("3.12-dev\n", []),
        ("python-3.12-dev\n", []),
        ("cpython-3.12-dev\n", []),
        ("python3.12-dev\n", []),
        ("python-3.12-own\n", []),
        # No shell takes this prefix off, nor does pyv
        ("cpython3.12-dev\n", ["which python"]),
    ],
)
def test_a_pin_may_be_a_name_with_a_prefix(shell: str, pin: str, asked: list[str], tmp_path: Path) -> None:
    name = "python-3.12-own" if "own" in pin else "3.12-dev"
    projects.make_store(name)
    venv = projects.make_venv(tmp_path / ".venv", name)
    (tmp_path / ".python-version").write_text(pin)
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == ("" if asked else str(venv))
    assert projects.calls() == asked


@pytest.mark.parametrize(
    "pin",
    [
        ">=3.12\n",
        "3.12 3.10\n",
        "3.12\n" * 300,
        "3.12\n3.10\n",
        "3.12 ./x",
        "cp312\n",
        "3.12.7/envs/x\n",
        "../x",
        "3.12\x0b3.12\n",
        "3.12\x0c3.12\n",
    ],
)
def test_pyv_is_asked_once_about_a_pin_that_is_not_plain(shell: str, pin: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    (tmp_path / "project/.python-version").write_text(pin)
    (store() / "answer").write_text(f"{venv}/bin/python\n")
    with Terminal(shell, tmp_path) as terminal:
        assert projects.calls() == []
        terminal.type("cd project")
        terminal.type("")
        assert terminal.venv == str(venv)
        assert projects.calls() == ["which python"]


def test_an_environment_that_contradicts_the_pin_beside_it_is_not_active(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    pin = tmp_path / "project/.python-version"
    pin.write_text("3.11.9\n")
    (store() / "answer").write_text(f"{store()}/versions/3.11.9/bin/python\n")
    with Terminal(shell, tmp_path / "project") as terminal:
        assert terminal.venv == ""
        assert projects.calls() == ["which python"]
        replace(pin, "3.12\n")
        terminal.type("")
        assert terminal.venv == str(venv)
        replace(pin, "3.11\n")
        terminal.type("")
        assert terminal.venv == ""
        assert projects.calls() == ["which python"] * 2
        # What pyv has just done may have changed the answer
        (store() / "answer").write_text(f"{venv}/bin/python\n")
        terminal.type("pyv root")
        assert terminal.venv == str(venv)


def test_a_pin_that_is_no_file_does_not_hang_the_shell(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv")
    os.mkfifo(tmp_path / ".python-version")
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == ""
    (tmp_path / "other/.venv").mkdir(parents=True)
    os.mkfifo(tmp_path / "other/.venv/pyvenv.cfg")
    with Terminal(shell, tmp_path / "other") as terminal:
        assert terminal.venv == ""


@pytest.mark.parametrize("below", ["", "sub"])
def test_a_pin_that_is_a_link_to_nothing_switches_off(shell: str, below: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv")
    folder = tmp_path / "project" / below
    folder.mkdir(exist_ok=True)
    with Terminal(shell, folder) as terminal:
        assert terminal.venv == str(venv)
        (folder / ".python-version").symlink_to("nowhere")
        terminal.type("")
        assert terminal.venv == ""
        (folder / ".python-version").unlink()
        terminal.type("")
        assert terminal.venv == str(venv)
    assert projects.calls() == []


def test_nothing_of_a_project_is_run_or_used_that_is_not_known(shell: str, tmp_path: Path) -> None:
    """Copies, links, clones into the same place and forged ids are strangers."""
    known = projects.make_venv(tmp_path / "known/.venv", "3.12.7")
    witness = tmp_path / "witness"
    trap = f"#!/bin/sh\ntouch '{witness}'\n"
    for name in ("activate", "activate.fish", "pydoc", "deactivate"):
        projects.program(known / "bin" / name, trap)
    shutil.copytree(known, tmp_path / "copied/.venv", symlinks=True)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.venv").symlink_to(known)
    (tmp_path / "moved").mkdir()
    shutil.copytree(known, tmp_path / "forged/.venv", symlinks=True)
    for number, forged in enumerate(("../../../known/.venv", "", "g" * 32, "0" * 31, f"{'0' * 31}/")):
        venv = projects.make_venv(tmp_path / f"forged-{number}/.venv", known=False)
        (venv / "pyvenv.cfg").write_text(f"pyv = {forged}\n")
    folders = ["copied", "linked", "forged", *(f"forged-{number}" for number in range(5))]
    with Terminal(shell, tmp_path) as terminal:
        for folder in folders:
            shown = terminal.type(f"cd '{tmp_path}/{folder}'")
            assert "pyv trust" in shown, folder
            assert terminal.venv == "", folder
        # Put there again, as by git: the same id at the same place, and a file that is newer than the stamp
        terminal.type(f"cd '{tmp_path}/known'")
        assert terminal.venv == str(known)
        config = known / "pyvenv.cfg"
        os.utime(config, ns=(0, config.stat().st_mtime_ns + 5 * 10**9))
        terminal.type("")
        assert terminal.venv == ""
        # And without a stamp nothing is known
        for stamp in (store() / "venvs").glob(".*"):
            stamp.unlink()
        os.utime(config, ns=(0, 0))
        terminal.type("")
        assert terminal.venv == ""
    assert not witness.exists()


def test_the_registry_of_a_user_who_cannot_write_to_the_store_counts(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv", known=False)
    config = venv / "pyvenv.cfg"
    config.write_text(f"pyv = {'a' * 32}\n{config.read_text()}")
    projects.trust(venv, "a" * 32, Path(os.environ["HOME"], ".local/share/pyv/venvs"))
    with Terminal(shell, tmp_path) as terminal:
        assert terminal.venv == str(venv)
    with Terminal(shell, tmp_path, XDG_DATA_HOME=str(tmp_path)) as terminal:
        assert terminal.venv == ""


def test_a_stranger_is_named_once_with_the_command_that_accepts_it(shell: str, tmp_path: Path) -> None:
    stranger = projects.make_venv(tmp_path / "project/.venv", known=False)
    (tmp_path / "project/sub").mkdir()
    with Terminal(shell, tmp_path) as terminal:
        assert "pyv:" not in terminal.started
        shown = terminal.type("cd project")
        lines = [line.strip() for line in shown.splitlines() if "pyv: " in line]
        assert lines == [f"pyv: {stranger} is not known to pyv, and not used; to accept it: pyv trust"]
        assert "pyv:" not in terminal.type("cd sub")
        assert "pyv:" not in terminal.type("cd ../../project")
        # The shims need not say it again
        assert terminal.environment()["PYV_HOOK"] == shell
    with Terminal(shell, tmp_path / "project/sub") as terminal:
        assert f"pyv trust {stranger}" in terminal.started


def test_no_stranger_is_named_where_nobody_reads_it(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv", known=False)
    errors = tmp_path / "errors"
    line = f"exec 2>'{errors}'" if shell != "fish" else f"fish -i 2>'{errors}'"
    with Terminal(shell, tmp_path.parent) as terminal:
        terminal.type(line)
        terminal.type(f"cd '{tmp_path}'")
    assert "pyv:" not in errors.read_text(errors="replace")


def test_a_version_of_the_shell_takes_it_off_until_it_is_unset(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    with Terminal(shell, tmp_path) as terminal:
        terminal.type(export(shell, "PYV_VERSION", "3.11"))
        assert terminal.venv == ""
        terminal.type(unset(shell, "PYV_VERSION"))
        assert terminal.venv == str(venv)


def test_the_search_starts_where_a_variable_says(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv")
    with Terminal(shell, tmp_path, PYV_DIR=str(tmp_path / "project")) as terminal:
        assert terminal.venv == str(venv)
        terminal.type(export(shell, "PYV_DIR", "project"))
        assert terminal.venv == str(venv)
        for nowhere in ("nowhere/..", ".", "/"):
            terminal.type(export(shell, "PYV_DIR", nowhere))
            assert terminal.venv == ""


def test_one_activated_by_hand_is_left_alone_until_it_is_deactivated(shell: str, tmp_path: Path) -> None:
    ours = projects.make_venv(tmp_path / "project/.venv")
    script = "activate.fish" if shell == "fish" else "activate"
    hand = tmp_path / "hand"
    projects.make_real_venv(sys.executable, hand)
    with Terminal(shell, tmp_path / "project") as terminal:
        plain = terminal.path()[1:]
        assert terminal.venv == str(ours)
        terminal.type(f". '{hand}/bin/{script}'")
        assert terminal.venv == str(hand)
        terminal.type("cd ..")
        assert terminal.venv == str(hand)
        terminal.type("cd project")
        assert terminal.venv == str(hand)
        terminal.type("cd ..")
        terminal.type("deactivate")
        assert terminal.venv == ""
        assert terminal.path() == plain
        terminal.type("cd project")
        assert terminal.path() == [f"{ours}/bin", *plain]
        # The very one that is active already
        terminal.type("cd ..")
        terminal.type(f". '{hand}/bin/{script}'")
        terminal.type("cd project")
        terminal.type("deactivate")
        assert terminal.path() == [f"{ours}/bin", *plain]
        assert terminal.prompt.count("(project) ") == 1


def test_conda_is_left_alone_but_for_its_base(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    conda = tmp_path / "conda"
    (conda / "bin").mkdir(parents=True)
    path = f"{conda}/bin:{os.environ['PATH']}"
    changes = {"CONDA_PREFIX": str(conda), "PATH": path}
    with Terminal(shell, tmp_path, CONDA_DEFAULT_ENV="science", **changes) as terminal:
        assert terminal.path()[:2] == [f"{conda}/bin", f"{store()}/shims"]
        terminal.type(unset(shell, "CONDA_PREFIX"))
        assert terminal.venv == str(venv)
    with Terminal(shell, tmp_path, CONDA_DEFAULT_ENV="base", **changes) as terminal:
        assert terminal.path()[:3] == [f"{venv}/bin", f"{store()}/shims", f"{conda}/bin"]


def test_what_the_user_changed_meanwhile_is_kept(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / "project/.venv")
    with Terminal(shell, tmp_path) as terminal:
        plain = terminal.path()
        terminal.type("cd project")
        terminal.type("set -gx PATH /first $PATH /last" if shell == "fish" else 'PATH="/first:$PATH:/last"')
        terminal.type(export(shell, "MINE", "x"))
        terminal.type("cd ..")
        assert terminal.path() == ["/first", *plain, "/last"]
        assert terminal.environment()["MINE"] == "x"


def test_a_python_home_is_put_aside_meanwhile(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / "project/.venv")
    with Terminal(shell, tmp_path, PYTHONHOME="/some where") as terminal:
        terminal.type("cd project")
        assert "PYTHONHOME" not in terminal.environment()
        terminal.type("cd ..")
        found = terminal.environment()
        assert found["PYTHONHOME"] == "/some where"
        assert not any(name.startswith("PYV_HOOK_") for name in found)


def test_a_shell_inside_takes_over(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv")
    with Terminal(shell, tmp_path, PYTHONHOME="/elsewhere") as terminal:
        plain = terminal.path()
        terminal.type("cd project")
        terminal.type(f"{shell} -i")
        assert terminal.path() == [f"{venv}/bin", *plain]
        assert terminal.prompt.count("(project) ") == 1
        terminal.type("cd ..")
        assert terminal.path() == plain
        assert "(project) " not in terminal.prompt
        found = terminal.environment()
        assert "VIRTUAL_ENV" not in found
        assert found["PYTHONHOME"] == "/elsewhere"
        terminal.type("exit")
        assert terminal.path() == [f"{venv}/bin", *plain]


def test_a_script_started_inside_keeps_the_order(shell: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / "project/.venv")
    output = tmp_path / "path"
    source = "source" if shell == "fish" else "."
    with Terminal(shell, tmp_path / "project") as terminal:
        plain = terminal.path()
        assert terminal.venv == str(venv)
        terminal.type(f"{shell} -c '{source} {rc_file(shell)}; cd /; env' > {output}")
    path = next(line for line in output.read_text().splitlines() if line.startswith("PATH="))
    assert path.removeprefix("PATH=").split(":") == plain


def test_reading_the_file_again_changes_nothing(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv")
    with Terminal(shell, tmp_path) as terminal:
        before, prompt = steady(terminal.environment()), terminal.prompt
        for _ in range(2):
            terminal.type(f"{'source' if shell == 'fish' else '.'} '{rc_file(shell)}'")
        assert steady(terminal.environment()) == before
        assert terminal.prompt == prompt


def test_the_shims_go_first_and_once_wherever_they_stood(shell: str, tmp_path: Path) -> None:
    shims = str(store() / "shims")
    path = os.environ["PATH"]
    with Terminal(shell, tmp_path, PATH=f"/a b:{shims}:{shims}:{path}:{shims}") as terminal:
        assert terminal.path() == [shims, "/a b", *path.split(":")]


def test_one_that_is_active_by_hand_stays_before_the_shims(shell: str, tmp_path: Path) -> None:
    shims, path = str(store() / "shims"), os.environ["PATH"]
    with Terminal(shell, tmp_path, PATH=f"/hand/bin:{path}", VIRTUAL_ENV="/hand") as terminal:
        assert terminal.path() == ["/hand/bin", shims, *path.split(":")]


def test_only_the_path_is_set_where_that_is_wanted(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv")
    projects.set_up(shell, hook=False)
    with Terminal(shell, tmp_path) as terminal:
        found = terminal.environment()
        assert found["PATH"].split(":")[0] == str(store() / "shims")
        assert {"VIRTUAL_ENV", "PYV_HOOK"} & set(found) == set()
        assert "not known" not in terminal.started
        assert "only the shell itself" in terminal.type("pyv shell 3.12").replace("\r\n", " ")


def test_a_shell_whose_store_is_gone_starts_in_silence(shell: str, tmp_path: Path) -> None:
    shutil.rmtree(store())
    with Terminal(shell, tmp_path) as terminal:
        assert "hooks/pyv" not in terminal.started
        assert str(store() / "shims") not in terminal.path()
