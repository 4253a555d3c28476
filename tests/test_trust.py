"""`pyv trust` and `pyv venvs`: accepting, listing and removing environments; and that none is run before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import projects
from tests.support.command import environment, pyv, store
from tests.support.stores import make_version, program
from tests.support.terminal import Terminal, need
from tests.test_commands import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("pip_at_hand")

OWN = Path(sys.base_prefix)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with an environment that `venv` made."""
    folder = tmp_path / "project"
    projects.make_real_venv(sys.executable, folder / ".venv")
    return folder


def which(folder: Path, **changes: str) -> str:
    return pyv("which", "python", cwd=folder, **changes).out.rstrip("\n")


def test_an_environment_is_used_once_it_is_trusted_and_no_longer_when_that_is_revoked(project: Path) -> None:
    make_version(store(), "3.12.7")
    venv = project / ".venv"
    program(venv / "bin/hello", "echo hello")
    (project / "sub").mkdir()
    assert which(project) != f"{venv}/bin/python"
    done = pyv("trust", cwd=project / "sub")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith(f"pyv: {venv} (python{sys.version_info[0]}.{sys.version_info[1]}, ")
    assert "by venv) is trusted: " in done.err
    assert done.err.count("\n") == 1
    assert which(project / "sub") == f"{venv}/bin/python"
    said = subprocess.run([store() / "shims/hello"], cwd=project, env=environment(), capture_output=True, check=True)
    assert said.stdout == b"hello\n"
    assert pyv("trust", cwd=project).err == f"pyv: {venv} is known already\n"
    assert pyv("trust", "--revoke", cwd=project / "sub").err == f"pyv: {venv} is trusted no longer\n"
    assert which(project) != f"{venv}/bin/python"
    assert not (store() / "shims/hello").exists()
    assert pyv("trust", "--revoke", cwd=project).status == 3


@pytest.mark.parametrize("name", ["venv", "env", "project/.venv", "project", "./project/../project/.venv/"])
def test_the_environment_or_its_project_can_be_named(name: str, project: Path) -> None:
    parent = project.parent
    if name in ("venv", "env"):
        (project / ".venv").rename(project / name)
        parent = project
    assert pyv("trust", name, cwd=parent).status == 0
    assert pyv("venvs", cwd="/").out.startswith(f"{project}/")
    assert pyv("trust", "--revoke", name, cwd=parent).status == 0
    assert pyv("venvs", cwd="/").out == ""


def test_of_several_the_nearest_that_is_not_known_is_trusted(project: Path) -> None:
    projects.make_real_venv(sys.executable, project / "inner/venv")
    assert f"{project}/inner/venv (" in pyv("trust", cwd=project / "inner").err
    assert f"{project}/.venv (" in pyv("trust", cwd=project / "inner").err
    assert "is known already" in pyv("trust", cwd=project / "inner").err


def test_one_that_was_changed_since_can_be_revoked(project: Path) -> None:
    pyv("trust", cwd=project)
    os.utime(project / ".venv/pyvenv.cfg", (2e9, 2e9))
    assert pyv("trust", "--revoke", project).status == 0
    assert pyv("venvs").out == ""


def refusal(*arguments: str | Path, cwd: Path | None = None) -> str:
    done = pyv("trust", *arguments, cwd=cwd)
    assert done.status != 0
    assert not list((store() / "venvs").glob("*"))
    return done.err


def test_what_is_no_environment_of_its_own_is_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/.venv").symlink_to(project / ".venv")
    assert "is a link" in refusal(cwd=tmp_path / "linked")
    assert "is a link" in refusal("linked/.venv/", cwd=tmp_path)
    (tmp_path / "empty/.venv").mkdir(parents=True)
    for named, meant in (("empty", "empty/.venv"), ("empty/.venv", "empty/.venv"), ("absent", "absent")):
        said = refusal(tmp_path / named)
        assert f"there is no environment in {tmp_path / named}\n     to make one: pyv venv {tmp_path / meant}\n" in said
    (tmp_path / "empty/.venv/pyvenv.cfg").symlink_to("/etc/passwd")
    assert "no regular file" in refusal(tmp_path / "empty")
    (tmp_path / "fifo/env").mkdir(parents=True)
    os.mkfifo(tmp_path / "fifo/env/pyvenv.cfg")
    assert "no regular file" in refusal(tmp_path / "fifo")
    for part in ("lib", "bin"):
        shutil.copytree(project / ".venv", tmp_path / part / ".venv", symlinks=True)
        (tmp_path / part / ".venv" / part).rename(tmp_path / f"outside-{part}")
        (tmp_path / part / ".venv" / part).symlink_to(tmp_path / f"outside-{part}")
        assert "leads out of its folder" in refusal(tmp_path / part)
    (tmp_path / "a:b").mkdir()
    shutil.copytree(project / ".venv", tmp_path / "a:b/.venv", symlinks=True)
    assert "could not stand in PATH" in refusal(tmp_path / "a:b")


def test_a_copy_whose_commands_are_the_originals_is_refused(project: Path, tmp_path: Path) -> None:
    pip = project / ".venv/bin/pip"
    pip.write_text(f"#!{project}/.venv/bin/python\nimport pip\n")
    pip.chmod(0o755)
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    said = refusal(tmp_path / "copy")
    assert f"is a copy, and its commands start the Python of {project}/.venv" in said
    assert f"pyv venv --clear {tmp_path}/copy/.venv" in said
    assert "pyv trust" not in pyv("venv", "--offline", cwd=tmp_path / "copy").err
    (tmp_path / "copy/.venv/bin/pip").rename(tmp_path / "copy/.venv/bin/somebodys")
    assert pyv("trust", tmp_path / "copy").status == 0
    assert pyv("trust", "--revoke", tmp_path / "copy").status == 0
    shutil.copy(tmp_path / "copy/.venv/bin/somebodys", tmp_path / "copy/.venv/bin/another")
    assert "is a copy" in refusal(tmp_path / "copy")
    # One that has commands of its own may have others, too
    (tmp_path / "copy/.venv/bin/own").write_text(f"#!{tmp_path}/copy/.venv/bin/python\n")
    assert pyv("trust", tmp_path / "copy").status == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("part", [".", "pyvenv.cfg", "bin/activate", "bin/python", "lib", "planted/deep/x.pth"])
def test_one_with_files_of_another_user_is_refused(part: str, project: Path) -> None:
    path = project / ".venv" / part
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True)
        path.touch()
    os.chown(path, 4711, 4711, follow_symlinks=False)
    assert "has files of another user" in refusal(project)
    assert "left out" in pyv("trust", "--all", "-y", project).err
    assert pyv("venvs").out == ""


def test_trusting_runs_nothing_and_prints_nothing_as_it_is(project: Path) -> None:
    witness = project / "witness"
    plant(project / ".venv", witness)
    with open(project / ".venv/pyvenv.cfg", "a") as file:
        file.write("home = /x\x1b[2J\nuv = 1.0\x1b[2J\n")
    for arguments in (["--all", "-y", project], ["--revoke", project], [project]):
        done = pyv("trust", *arguments)
        assert (done.status, "\x1b" in done.out + done.err) == (0, False)
        assert not witness.exists()


def make_stranger(venv: Path, config: str) -> Path:
    (venv / "lib/python3.12/site-packages").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(config)
    return venv


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """Return a folder with what several tools leave, and with what is not to be found."""
    code = tmp_path / "code"
    make_stranger(code / "a/.venv", "home = /usr/bin\nuv = 0.9.5\nversion_info = 3.12.7\n")
    make_stranger(code / "b/deep/er/.venv", "home = /usr/bin\nvirtualenv = 20.29.1\n")
    make_stranger(code / "c/.venv", "home = /usr/bin\nvirtualenv = 20.29.1\n")
    (code / "c/poetry.lock").touch()
    make_stranger(code / "d/my env", "home = /usr/bin\nversion = 3.12.7\n")
    make_stranger(code / "a/.venv/lib/nested", "home = /usr/bin\n")
    make_stranger(code / "e/node_modules/.venv", "home = /usr/bin\n")
    (code / "f").mkdir()
    (code / "f/.venv").symlink_to(code / "a/.venv")
    (code / "loop").symlink_to(code)
    return code


LISTED = """\
{0}/a/.venv          python3.12, /usr/bin  uv 0.9.5
{0}/b/deep/er/.venv  python3.12, /usr/bin  virtualenv 20.29.1
{0}/c/.venv          python3.12, /usr/bin  Poetry
{0}/d/my env         python3.12, /usr/bin  venv
"""


def test_all_below_a_folder_are_listed_and_accepted_together(strangers: Path) -> None:
    done = pyv("trust", "--all", "-y", "code", cwd=strangers.parent)
    assert (done.status, done.out) == (0, LISTED.format(strangers))
    assert len(pyv("venvs", "--json").json["venvs"]) == 4
    done = pyv("trust", "--all", strangers)
    assert (done.status, done.out, done.err) == (0, "", f"pyv: nothing below {strangers} is left to trust\n")


def test_without_a_terminal_to_ask_on_nothing_is_accepted(strangers: Path) -> None:
    done = pyv("trust", "--all", strangers)
    assert (done.status, done.out) == (2, LISTED.format(strangers))
    assert "-y" in done.err
    assert pyv("venvs").out == ""


@pytest.mark.parametrize(("answer", "count"), [("y\n", 4), ("n\n", 0), ("\n", 0)])
def test_on_a_terminal_it_is_asked(answer: str, count: int, strangers: Path) -> None:
    status, screen = on_terminal("trust", "--all", str(strangers), answer=answer, until="[y/N]")
    assert status == (0 if count else 1)
    assert "Trust these 4 environments" in screen
    assert len(pyv("venvs", "--json").json["venvs"]) == count


def test_the_store_is_not_searched() -> None:
    make_stranger(store() / "versions/old", "home = /usr/bin\n")
    assert "nothing below" in pyv("trust", "--all", store().parent).err


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a file system that nobody can write")
def test_where_the_store_cannot_be_written_it_is_said_where_trust_is_noted(project: Path) -> None:
    done = pyv("trust", cwd=project, PYV_ROOT="/sys/pyv")
    own = Path(os.environ["HOME"], ".local/share/pyv/venvs")
    assert done.status == 0
    assert done.err.splitlines()[1] == f"pyv: /sys/pyv cannot be written: noted in {own}, and no shims are made"
    assert which(project, PYV_ROOT="/sys/pyv") == f"{project}/.venv/bin/python"
    done = pyv("trust", "--revoke", cwd=project, PYV_ROOT="/sys/pyv")
    assert (done.status, done.err) == (0, f"pyv: {project}/.venv is trusted no longer\n")
    assert os.listdir(own) == []


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    assert pyv("trust", "--all").status == 2
    assert pyv("trust", "--all", "--revoke", tmp_path).status == 2
    assert pyv("trust", "--all", tmp_path / "absent").status == 3
    assert pyv("trust", cwd=tmp_path).status == 3


# Listing and removing


def test_environments_are_listed_with_how_they_are(project: Path, tmp_path: Path) -> None:
    make_version(store(), "3.12.7", links=("3.12",))
    for name in ("gone", "broken"):
        shutil.copytree(project / ".venv", tmp_path / name / ".venv", symlinks=True)
    pyv("trust", "--all", "-y", tmp_path)
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "broken/.venv/bin/python").unlink()
    rows = {each["path"]: each for each in pyv("venvs", "--json").json["venvs"]}
    gone, broken, healthy = (rows[str(tmp_path / name / ".venv")] for name in ("gone", "broken", "project"))
    assert (gone["health"], gone["interpreter"], gone["bytes"], gone["name"]) == ("gone", None, 0, None)
    assert broken["health"] == "stale"
    assert "lost its interpreter" in broken["reason"]
    assert (healthy["health"], healthy["reason"]) == ("healthy", None)
    assert healthy["interpreter"] == os.path.realpath(sys.executable)
    assert healthy["bytes"] > 1000
    lines = pyv("venvs").lines
    assert f"{tmp_path}/gone/.venv" in lines[1]
    assert lines[1].endswith("gone")
    assert "healthy" in lines[2]


def write_again(file: Path) -> None:
    """Put another file of the same content and times into a file's place, as git, tar and editors do."""
    shutil.copy2(file, file.with_name("new"))
    file.with_name("new").replace(file)


def test_nothing_of_one_that_was_swapped_is_run_when_it_is_listed(project: Path) -> None:
    pyv("trust", project)
    plant(project / ".venv", project / "witness")
    write_again(project / ".venv/pyvenv.cfg")
    assert pyv("venvs", "--json").json["venvs"][0]["health"] == "strange"
    assert not (project / "witness").exists()


def test_an_environment_is_removed_with_its_entry_and_its_shims(project: Path) -> None:
    make_version(store(), "3.12.7")
    program(project / ".venv/bin/hello")
    pyv("trust", project)
    assert (store() / "shims/hello").exists()
    done = pyv("venvs", "remove", ".venv", cwd=project)
    assert done.status == 2
    assert (project / ".venv/bin/hello").exists()
    assert on_terminal("venvs", "remove", str(project / ".venv"), answer="n\n", until="[y/N]")[0] == 1
    done = pyv("venvs", "remove", "-y", ".venv", cwd=project)
    assert (done.status, done.err) == (0, f"pyv: {project}/.venv removed\n")
    assert os.listdir(project) == []
    assert not (store() / "shims/hello").exists()
    assert pyv("venvs").out == ""
    assert pyv("venvs", "remove", "-y", project / ".venv").status == 3


def test_only_known_environments_are_removed(project: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (project, project / ".venv", tmp_path / "folder", tmp_path / "absent"):
        assert pyv("venvs", "remove", "-y", path).status in (1, 3)
    assert (project / ".venv/bin/python").exists()
    pyv("trust", project)
    assert pyv("venvs", "remove", "-y", project / ".venv", cwd=project / ".venv/bin").status == 2
    (tmp_path / "link").symlink_to(project / ".venv")
    assert pyv("venvs", "remove", "-y", tmp_path / "link").status == 1
    write_again(project / ".venv/pyvenv.cfg")
    done = pyv("venvs", "remove", "-y", project / ".venv", tmp_path / "absent")
    assert done.status == 3
    assert "was changed since: not deleted" in done.err
    assert (project / ".venv/bin/python").exists()


def test_what_is_gone_is_forgotten_without_a_question(project: Path) -> None:
    pyv("trust", project)
    shutil.rmtree(project)
    assert pyv("venvs", "remove", project / ".venv") == (0, "", f"pyv: {project}/.venv was gone, and is forgotten\n")
    assert pyv("venvs").out == ""


def test_a_removal_that_was_killed_can_be_repeated(project: Path) -> None:
    pyv("trust", project)
    shutil.rmtree(project / ".venv/bin")
    shutil.rmtree(project / ".venv/lib")
    assert pyv("venvs", "remove", "-y", project / ".venv").status == 0
    assert os.listdir(project) == []


# What came with a clone


def plant(venv: Path, witness: Path) -> None:
    """Put programs into an environment that leave a trace wherever they run."""
    trap = f"touch '{witness}'"
    (venv / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3", "pip", "black", "hello", "activate", "activate.fish", "activate.csh", "pyv"):
        (venv / "bin" / name).unlink(missing_ok=True)
        program(venv / "bin" / name, trap)
    home = venv.parent / "planted-home/bin"
    for name in ("python", "python3", "pydoc3.12", "python3.12"):
        program(home / name, trap)
    for name in ("sitecustomize.py", "usercustomize.py"):
        for folder in (venv.parent, venv / "lib/python3.12/site-packages"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"open({str(witness)!r}, 'w')\n")
    if not (venv / "pyvenv.cfg").exists():
        (venv / "pyvenv.cfg").write_text(f"home = {home}\nversion = 3.12.7\nprompt = $(touch '{witness}')\n")


def cloned(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """Return a project that came with an environment, one way or another, and what would be its trace."""
    folder, witness = tmp_path / "clone", tmp_path / "witness"
    venv = folder / ("venv" if name == "venv" else "env" if name == "env" else ".venv")
    known = tmp_path / "mine/.venv"
    projects.make_real_venv(sys.executable, known)
    assert pyv("trust", known).status == 0
    if name == "a link to a known one":
        folder.mkdir()
        venv.symlink_to(known)
        plant(tmp_path / "clone/x", witness)
        return folder, witness
    if name == "a copy of a known one":
        folder.mkdir()
        shutil.copytree(known, venv, symlinks=True)
    plant(venv, witness)
    if name == "an id of its own":
        config = (venv / "pyvenv.cfg").read_text()
        (venv / "pyvenv.cfg").write_text(f"pyv = {'a' * 32}\n{config}")
    if name == "the id of a known one":
        config = (venv / "pyvenv.cfg").read_text()
        line = (known / "pyvenv.cfg").read_text().splitlines()[0]
        (venv / "pyvenv.cfg").write_text(f"{line}\n{config}")
    if name == "an id that is a path":
        (venv / "pyvenv.cfg").write_text(f"pyv = ../../../{'/' * 10}{os.path.relpath(venv, store())}\n")
    os.utime(venv / "pyvenv.cfg", (1, 1))  # older than any stamp
    return folder, witness


def swapped(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """Return a project whose trusted environment was exchanged, and what would be its trace."""
    folder, witness = tmp_path / "project", tmp_path / "witness"
    venv = folder / ".venv"
    projects.make_real_venv(sys.executable, venv)
    assert pyv("trust", folder).status == 0
    config, written = (venv / "pyvenv.cfg").read_bytes(), (venv / "pyvenv.cfg").stat().st_mtime_ns
    venv.rename(tmp_path / "old")
    if name == "another one":
        plant(venv, witness)
    elif name == "a link to another one":
        plant(tmp_path / "other", witness)
        venv.symlink_to(tmp_path / "other")
    elif name == "a link to the one that was moved":
        venv.symlink_to(tmp_path / "old")
        plant(tmp_path / "old", witness)
    else:
        assert name in ("another one with its file, later", "another one with its file and time")
        venv.mkdir()
        (venv / "pyvenv.cfg").write_bytes(config)
        plant(venv, witness)
        later = 2 * 10**18 if name.endswith("later") else written
        os.utime(venv / "pyvenv.cfg", ns=(later, later))
    return folder, witness


CLONES = [
    "plain",
    "venv",
    "env",
    "a link to a known one",
    "a copy of a known one",
    "an id of its own",
    "the id of a known one",
    "an id that is a path",
]
SWAPS = [
    "another one",
    "a link to another one",
    "a link to the one that was moved",
    "another one with its file, later",
    "another one with its file and time",
]
PLANTED = pytest.mark.parametrize(
    ("how", "name"),
    [*((cloned, name) for name in CLONES), *((swapped, name) for name in SWAPS)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)


@PLANTED
@pytest.mark.parametrize("sh", ["dash", "bash"])
def test_a_shim_runs_nothing_of_an_environment_that_came_with_a_clone(
    sh: str, how: Callable[[Path, str], tuple[Path, Path]], name: str, tmp_path: Path
) -> None:
    path = shutil.which(sh) or pytest.skip(f"there is no {sh} here")
    make_version(store(), "3.12.7", "black", "hello", links=("3.12", "3"))
    (tmp_path / "sh").symlink_to(path)
    folder, witness = how(tmp_path, name)
    assert pyv("rehash", "--shell", tmp_path / "sh").status == 0
    (store() / "version").write_text("3.12\n")
    expected = {command: f"{store()}/versions/3.12/bin/{command}" for command in ("python", "black", "hello")}
    for below in (folder, folder / "deep/er"):
        below.mkdir(parents=True, exist_ok=True)
        for words in (["python", "-c", "pass"], ["black"], ["hello"]):
            shim = [str(store() / "shims" / words[0]), *words[1:]]
            done = subprocess.run(shim, cwd=below, env=environment(), capture_output=True, text=True, check=True)
            assert done.stdout.splitlines()[0] == expected[words[0]]
        for words in (["pydoc3.12"], ["pip", "list"], ["python3.12"], ["python", "-m", "pip"]):
            subprocess.run([store() / "shims" / words[0], *words[1:]], cwd=below, env=environment(), check=False)
        for words in (["version"], ["which", "python"], ["prefix"], ["version-name"], ["versions"], ["which", "pip"]):
            subprocess.run([store() / "shims/pyv", *words], cwd=below, env=environment(), check=False)
    assert not witness.exists()


@PLANTED
def test_pyv_runs_nothing_of_an_environment_that_came_with_a_clone(
    how: Callable[[Path, str], tuple[Path, Path]], name: str, tmp_path: Path
) -> None:
    make_version(store(), "3.12.7", "black", "hello", links=("3.12", "3"))
    folder, witness = how(tmp_path, name)
    (store() / "version").write_text("3.12\n")
    inside = f"{store()}/versions/3.12.7/bin/python"
    assert pyv("which", "python", cwd=folder).out == f"{inside}\n"
    assert pyv("exec", "python", cwd=folder).lines[0] in (inside, inside.replace("3.12.7", "3.12"))
    assert pyv("version", cwd=folder).out == f"3.12.7 (set by {store()}/version)\n"
    for words in (
        "exec hello",
        "exec pip",
        "which black",
        "whence hello",
        "versions",
        "prefix",
        "venv",
        "venvs",
        "rehash",
    ):
        pyv(*words.split(), cwd=folder)
    assert not witness.exists()


@PLANTED
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_hook_uses_nothing_of_an_environment_that_came_with_a_clone(
    shell: str, how: Callable[[Path, str], tuple[Path, Path]], name: str, tmp_path: Path
) -> None:
    need(shell)
    projects.make_store("3.12.7")
    (store() / "versions/3.12").symlink_to("3.12.7")
    projects.set_up(shell)
    folder, witness = how(tmp_path, name)
    with Terminal(shell, tmp_path) as terminal:
        shown = terminal.type(f"cd '{folder}'")
        assert "pyv trust" in shown
        assert terminal.venv == ""
        assert not any(entry.startswith(f"{folder}/") for entry in terminal.path())
        assert "witness" not in terminal.prompt
        (folder / "deep").mkdir()
        terminal.type("cd deep")
        assert terminal.venv == ""
    assert not witness.exists()
