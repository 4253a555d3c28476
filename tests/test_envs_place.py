"""Environments at their place: whole or absent, whatever stands there, and whenever something is killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pyv import envs
from pyv.errors import PyvError, UsageError
from pyv.layout import Layout
from tests.support.command import environment, pyv, store
from tests.support.environments import RUNNING, WITHOUT_PIP, Made, create, make_store, settings

MAKING = """
import os, sys
from pathlib import Path
from pyv import envs
from pyv.layout import Layout
from pyv.registry import Registry
from pyv.store import Store

layout = Layout(os.environ, "/")
registry, store = Registry(layout), Store(layout, print)
version, folder, situation = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
interpreter = envs.of_store(store, store.get(version))

def make(target):
    with envs.held(target, layout, registry, print):
        if envs.standing(target) != envs.ENVIRONMENT or situation == "clear":
            with envs.Site(target, registry) as site:
                envs.build(site.folder, target, interpreter, envs.Options(pip=False), os.environ)
                site.commit()
        else:
            health = envs.inspect(target, interpreter, registry, os.environ)
            if health.kind == envs.STALE:
                envs.repair(target, interpreter, registry, os.environ)
            elif health.kind != envs.HEALTHY:
                sys.exit(health.kind)
"""
# Ends a process at the nth of the calls that change something, for all n, and lets another one come after it
KILLED = (
    MAKING
    + """
left = 0

def counted(event, _arguments):
    global left
    if event in ("os.rename", "os.mkdir", "os.symlink", "os.remove", "os.rmdir", "os.utime"):
        left -= 1
        if left == 0:
            os._exit(99)

sys.addaudithook(counted)

def attempt(target, kill_at):
    global left
    child = os.fork()
    if not child:
        left = kill_at
        make(target)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for count in range(1, 1000):
    here = folder / str(count)
    target = here / ".venv"
    here.mkdir()
    if situation == "empty":
        target.mkdir()
    elif situation == "clear":
        make(target)
        (target / "old").touch()
    status = attempt(target, count)
    if status == 0:
        break
    assert status == 99, status
    if situation == "clear":
        assert os.path.exists(target / "bin/python"), count
    assert attempt(target, -1) == 0, count
    assert registry.knows(target), count
    assert envs.inspect(target, interpreter, registry, os.environ).kind == envs.HEALTHY, count
    left_over = [name for name in (*os.listdir(here), *os.listdir(target)) if name.startswith(".pyv") or name == "old"]
    assert not left_over, (count, left_over)
    assert [each.path for each in registry.all()].count(target) == 1, count
assert 20 < count < 999
"""
)

# Waits in the middle of making an environment, with working locks or others
HALFWAY = (
    """
import fcntl, sys
if sys.argv[3] == "unlocked":
    fcntl.flock = lambda _descriptor, _operation: None
"""
    + MAKING
    + """
with envs.held(folder, layout, registry, lambda line: None), envs.Site(folder, registry) as site:
    site.folder.mkdir()
    print("halfway", flush=True)
    sys.stdin.read()
"""
)


def is_good(made: Made, target: Path) -> bool:
    return made.registry.knows(target) and envs.inspect(target, made.interpreter, made.registry, os.environ) == (
        "healthy",
        "",
    )


@pytest.fixture
def made() -> Made:
    return make_store(RUNNING)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("situation", ["absent", "empty", "clear"])
def test_killed_at_any_point_the_next_run_repairs(tmp_path: Path, situation: str) -> None:
    command = [sys.executable, "-c", KILLED, RUNNING, str(tmp_path), situation]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def halfway(target: Path, situation: str = "locked") -> subprocess.Popen[str]:
    """Start making an environment, and return when it is in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALFWAY, RUNNING, str(target), situation],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "halfway\n"
    return process


def left_in(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".pyv")]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("command", ["venv", "sync", "doctor"])
def test_what_was_left_for_one_folder_is_swept_by_work_on_another(tmp_path: Path, command: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".python-version").write_text(f"{RUNNING}\n")
    words = {"venv": ["venv", "--without-pip", "one"], "sync": ["sync"], "doctor": ["doctor", "--fix"]}[command]
    if command == "sync":
        assert pyv("venv", cwd=project).status == 0
        assert pyv("sync", cwd=project).status == 0
    process = halfway(project / "other")
    pyv(*words, cwd=project)
    assert left_in(project)
    process.kill()
    process.communicate()
    if command == "doctor":
        assert f"{project} has what a killed command left: .pyv-venv-" in pyv("doctor", cwd=project).out
    assert left_in(project)
    pyv(*words, cwd=project)
    assert not left_in(project)


@pytest.mark.usefixtures("made")
def test_what_was_left_of_a_named_environment_is_swept_by_any_command(tmp_path: Path) -> None:
    process = halfway(store() / "envs/one")
    assert pyv("versions", cwd=tmp_path).status == 0
    assert left_in(store() / "envs")
    process.kill()
    process.communicate()
    assert pyv("versions", cwd=tmp_path).status == 0
    assert not left_in(store() / "envs")


def test_without_locks_what_may_be_a_living_process_stays(tmp_path: Path, made: Made) -> None:
    process = halfway(tmp_path / "one", "unlocked")
    other = halfway(tmp_path / "one", "unlocked")
    assert len(left_in(tmp_path)) == 4
    for each in (process, other):
        each.communicate()
        assert each.returncode == 0
    assert not left_in(tmp_path)
    assert not made.registry.all()


def test_planted_leftovers_lead_nowhere(tmp_path: Path, made: Made) -> None:
    create(made, tmp_path / "mine/env")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/.pyv-venv-1.pyv-00000002").symlink_to(tmp_path / "mine")
    (tmp_path / "project/.pyv-venv-1.pyv-00000003.lock").symlink_to(tmp_path / "planted")
    create(made, tmp_path / "project/.venv")
    assert is_good(made, tmp_path / "mine/env")
    assert not (tmp_path / "planted").exists()
    assert left_in(tmp_path / "project") == [".pyv-venv-1.pyv-00000003.lock"]


def test_eight_at_once_in_one_folder_make_one_environment(tmp_path: Path, made: Made) -> None:
    target = tmp_path / "p" / ".venv"
    command = [sys.executable, "-c", f"{MAKING}\nmake(folder)", RUNNING, str(target), ""]
    running = [subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) for _ in range(8)]
    assert [each.wait() for each in running] == [0] * 8
    assert is_good(made, target)
    assert [path.name for path in target.parent.iterdir()] == [".venv"]
    assert len(made.registry.all()) == 1


def test_an_empty_folder_stays_the_one_that_it_is(tmp_path: Path, made: Made) -> None:
    target = tmp_path / "env"
    target.mkdir(mode=0o750)
    before = target.stat()
    create(made, target)
    assert (target.stat().st_ino, stat.S_IMODE(target.stat().st_mode)) == (before.st_ino, 0o750)
    assert is_good(made, target)


def test_a_half_made_folder_is_not_taken_for_somebodys(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    assert envs.standing(tmp_path) == envs.OCCUPIED
    (tmp_path / ".pyv-half-1").mkdir()
    assert envs.standing(tmp_path) == envs.HALF
    (tmp_path / "notes.txt").touch()
    assert envs.standing(tmp_path) == envs.OCCUPIED


def test_clearing_leaves_nothing_of_the_old_one(tmp_path: Path, made: Made) -> None:
    target = create(made, tmp_path / ".venv")
    (target / "lib" / "read-only").mkdir(mode=0o555)
    old = settings(target)["pyv"]
    create(made, target, envs.Options(pip=False, clear=True))
    assert not (target / "lib/read-only").exists()
    assert settings(target)["pyv"] != old
    assert [each.id for each in made.registry.all()] == [settings(target)["pyv"]]
    assert [path.name for path in tmp_path.iterdir()] == [".venv"]


def test_what_fails_leaves_the_old_one_as_it_was(tmp_path: Path, made: Made) -> None:
    target = create(made, tmp_path / ".venv")
    before = (target / "pyvenv.cfg").read_bytes()
    other = made.interpreter._replace(home=tmp_path / "gone", stdlib=None)
    with pytest.raises(PyvError, match="makes no environment"):
        create(made._replace(interpreter=other), target)
    assert (target / "pyvenv.cfg").read_bytes() == before
    assert is_good(made, target)
    assert [path.name for path in tmp_path.iterdir()] == [".venv"]
    assert len(made.registry.all()) == 1


def test_commands_that_were_made_elsewhere_start_from_the_final_place(tmp_path: Path, made: Made) -> None:
    target = tmp_path / "two words" / ".venv"
    with envs.held(target, made.layout, made.registry, pytest.fail), envs.Site(target, made.registry) as site:
        envs.build(site.folder, target, made.interpreter, WITHOUT_PIP, os.environ)
        tool = site.folder / "bin/tool"
        tool.write_text(f"#!{site.folder}/bin/python\nimport sys; print(sys.prefix)\n")
        tool.chmod(0o755)
        site.commit()
    assert subprocess.run([target / "bin/tool"], capture_output=True, text=True, check=True).stdout == f"{target}\n"


@pytest.mark.parametrize("kind", ["link", "file", "colon"])
def test_what_cannot_become_an_environment_is_refused(tmp_path: Path, kind: str) -> None:
    target = tmp_path / ("a:b" if kind == "colon" else ".venv")
    if kind == "link":
        target.symlink_to(tmp_path)
    elif kind == "file":
        target.touch()
    with pytest.raises(UsageError):
        envs.check(target)


@pytest.mark.parametrize(
    "what", ["/", "home", "above home", "store", "versions", "shims", "here", "above", *(".git", "pyproject.toml")]
)
def test_what_is_certainly_no_environment_is_never_cleared(tmp_path: Path, isolated: Path, what: str) -> None:
    layout = Layout(os.environ, "/")
    cwd = tmp_path / "a" / "b"
    target = {
        "/": Path("/"),
        "home": isolated,
        "above home": isolated.parent,
        "store": layout.root,
        "versions": layout.versions / "3.12.7",
        "shims": layout.shims,
        "here": cwd,
        "above": cwd.parent,
    }.get(what, tmp_path / "project")
    (tmp_path / "project").mkdir()
    if what in (".git", "pyproject.toml"):
        (tmp_path / "project" / what).touch()
    with pytest.raises(UsageError, match="not cleared"):
        envs.check_clearing(target, layout, str(cwd))
    envs.check_clearing(cwd / ".venv", layout, str(cwd))
    envs.check_clearing(layout.envs / "named", layout, str(cwd))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_makes_environments(tmp_path: Path, made: Made) -> None:
    made.layout.root.chmod(0o555)
    try:
        target = create(made, tmp_path / ".venv")
        assert is_good(made, target)
    finally:
        made.layout.root.chmod(0o755)
