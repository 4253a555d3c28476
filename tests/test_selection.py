"""Selection: one table of cases, put to the Python that selects and to the dispatcher under every sh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pyv.cli.execute import _is_pip
from pyv.layout import resources
from pyv.shims import dispatcher
from tests.support.cases import CASES, NOT_PIP, PIP, Case
from tests.support.command import PYV
from tests.support.stores import know, make_environment, make_version, program

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ASKED = "handed over"
_COMMANDS = frozenset(case.command for case in CASES) | {"pyv", "mine"}


class World(NamedTuple):
    """A store, a folder for projects, and a folder with the rest of PATH."""

    root: Path
    projects: Path
    path: str


def build(folder: Path) -> World:
    root, outside = folder / "store", folder / "outside"
    make_version(root, "3.10.4", "oldest", "shared", links=("3.10",))
    make_version(root, "3.11.8", "old", "shared", links=("3.11",))
    make_version(root, "3.12.1", "shared")
    make_version(root, "3.12.7", "shared", links=("3.12",))
    make_version(root, "3.12-dev")
    make_version(root, "python-3.12-own")
    make_version(root, "foo@bar", "rare")
    make_version(root, "_odd")
    make_version(root, "3.13.1", "newest", links=("3.13", "3"))
    make_version(root, "3.13.1t", links=("3.13t",))
    make_version(root, "pypy3.10-7.3.17", "pypy3", links=("pypy3.10", "pypy3", "pypy"))
    make_environment(root / "envs/tools", root / "versions/3.12/bin", "tool")
    (root / "versions/tools").symlink_to(root / "envs/tools")
    for name in ("python", "everyone", "outside", "pip-compile"):
        program(outside / name)
    (folder / "projects").mkdir()
    return World(root, folder / "projects", f"{root}/shims:{outside}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("wörld o'f \"it$"))


def place_shims(root: Path, folder: str, shell: str, runner: list[str], commands: Collection[str] = _COMMANDS) -> Path:
    """Make the dispatcher under a name of its own for each way to run it, so that they do not disturb each other."""
    shims = root / folder
    shims.mkdir(exist_ok=True)
    content = dispatcher.render(
        (resources() / "dispatcher.sh").read_bytes(), shell=shell, root=os.fspath(root), runner=runner
    )
    for command in commands:
        (shims / command).write_bytes(content)
        (shims / command).chmod(0o755)
    return shims


@pytest.fixture(scope="module")
def shells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return every sh that can be had here, by its name, as the rest of a shebang."""
    folder = tmp_path_factory.mktemp("shells")
    found = {}
    for name in ("dash", "bash", "zsh"):
        path = shutil.which(name)
        if path:
            (folder / name).mkdir()
            (folder / name / "sh").symlink_to(path)
            found[name] = os.fspath(folder / name / "sh")
    busybox = shutil.which("busybox")
    if busybox:
        found["busybox"] = f"{busybox} sh"
    return found


@pytest.fixture
def project(world: World, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Make the project of a case."""
    case: Case = request.getfixturevalue("case")
    parent = world.projects / f"p{abs(hash(case.name))} x"
    folder = parent / "project"
    (folder / case.below).mkdir(parents=True)
    if case.pin is not None:
        (folder / ".python-version").write_bytes(case.pin)
    if case.parent is not None:
        (parent / ".python-version").write_bytes(case.parent)
    if case.globally is not None:
        (world.root / "version").write_bytes(case.globally)
    for name, what in case.venv.items():
        state, version, *commands = what.split()
        lost = [command[1:] for command in commands if command[0] == "-"]
        commands = [command for command in commands if command[0] != "-"]
        venv = make_environment(folder / name, world.root / "versions" / version / "bin", "mine", *commands)
        for command in lost:
            (venv / "bin" / command).unlink()
        if state == "known":
            know(world.root, venv)
    yield folder
    shutil.rmtree(parent)
    (world.root / "version").unlink(missing_ok=True)


def environment(world: World, case: Case, cwd: Path) -> dict[str, str]:
    return {"PATH": world.path, "HOME": os.environ["HOME"], "PWD": str(cwd)} | case.env


def check(case: Case, world: World, project: Path, done: subprocess.CompletedProcess[str]) -> None:
    if isinstance(case.expect, tuple):
        status, text = case.expect
        assert (done.returncode, done.stdout) == (status, "")
        assert text in done.stderr
        assert len(done.stderr.splitlines()) <= 2
        return
    assert done.returncode == 0, done.stderr
    venv = next(iter(case.venv), "")
    if len(case.venv) > 1:
        venv = next(name for name, what in case.venv.items() if what.startswith("known"))
    folders = {"PATH": world.path.partition(":")[2], "venv": f"{project}/{venv}/bin"}
    ran = done.stdout.removesuffix("\na b\n\n")
    assert ran != done.stdout, "its arguments reach it as they are"
    expected = folders.get(case.expect) or f"{world.root}/versions/{case.expect}/bin"
    assert os.path.realpath(ran) == os.path.realpath(f"{expected}/{case.command}")


def ids(case: Case) -> str:
    return case.name.replace(" ", "-")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_exec_runs_what_the_table_says(case: Case, world: World, project: Path) -> None:
    cwd = project / case.below
    done = subprocess.run(
        [*PYV, "exec", case.command, "a b", ""],
        env=environment(world, case, cwd) | {"PYV_ROOT": str(world.root)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    check(case, world, project, done)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_dispatcher_runs_what_the_table_says(case: Case, world: World, project: Path) -> None:
    run = "from pyv.__main__ import leave; leave()"
    # Each time: the pyv of the test above makes those of the store, without the commands that only this table has
    shims = place_shims(world.root, "shims", "/bin/sh", [sys.executable, "-I", "-c", run])
    cwd = project / case.below
    env = environment(world, case, cwd) | {"PYV_ROOT": str(world.root)}
    done = subprocess.run(
        [shims / case.command, "a b", ""], env=env, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    check(case, world, project, done)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_under_every_sh_the_dispatcher_says_the_same_or_hands_over(
    case: Case, world: World, project: Path, shells: dict[str, str]
) -> None:
    asker = program(world.root.parent / "asker", f'echo "{ASKED}"')
    cwd = project / case.below
    for shell, path in shells.items():
        shims = world.root / f"shims-{shell}"
        if not shims.exists():
            place_shims(world.root, shims.name, path, [str(asker)])
        env = environment(world, case, cwd)
        env["PATH"] = env["PATH"].replace("/shims:", f"/shims-{shell}:", 1)
        done = subprocess.run(
            [shims / case.command, "a b", ""], env=env, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )
        if done.stdout.strip() != ASKED:
            check(case, world, project, done)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "zsh"])
def test_every_sh_was_there(shells: dict[str, str], shell: str) -> None:
    if shell not in shells:
        pytest.skip(f"there is no {shell} here")


@pytest.mark.parametrize("line", [*PIP, *NOT_PIP])
def test_what_is_pip_is_handed_over_and_nothing_else(line: str, world: World, shells: dict[str, str]) -> None:
    command, *words = line.split()
    assert _is_pip(command, words) == (line in PIP)
    asker = program(world.root.parent / "asker", f'echo "{ASKED}"')
    for shell, path in shells.items():
        shims = world.root / f"pips-{shell}"
        if not shims.exists():
            place_shims(
                world.root, shims.name, path, [str(asker)], commands={each.split()[0] for each in (*PIP, *NOT_PIP)}
            )
        env = {"PATH": world.path, "HOME": os.environ["HOME"], "PYV_VERSION": "3.12"}
        done = subprocess.run([shims / command, *words], env=env, capture_output=True, text=True, check=False)
        ran = f"{world.root}/versions/3.12/bin/{command}"
        expected = ASKED if line in PIP else "\n".join([ran, *words])
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{expected}\n", ""), shell


PLAIN = {"a minor version", "an exact version", "two lines: the first has it", "a comment after it", "below the pin"}
PLAIN |= {"the project's environment", "with its pin", "the global pin", "pythonX.Y of another version", "system"}
PLAIN |= {"another command goes to PATH", "nothing pinned: pythonX.Y is the store's", "a named environment"}
PLAIN |= {"what it lacks its interpreter has", "the variable goes before the file", "nothing is pinned"}


@pytest.mark.parametrize("case", [case for case in CASES if case.name in PLAIN], ids=ids)
def test_plain_cases_are_never_handed_over(case: Case, world: World, project: Path) -> None:
    asker = program(world.root.parent / "asker", f'echo "{ASKED}"')
    shims = place_shims(world.root, "shims-plain", "/bin/sh", [str(asker)])
    cwd = project / case.below
    env = environment(world, case, cwd)
    env["PATH"] = env["PATH"].replace("/shims:", "/shims-plain:", 1)
    done = subprocess.run([shims / case.command], env=env, cwd=cwd, capture_output=True, text=True, check=False)
    assert ASKED not in done.stdout


def test_the_plain_cases_are_in_the_table() -> None:
    assert {case.name for case in CASES} >= PLAIN
    assert len({case.name for case in CASES}) == len(CASES)
