"""Commands that are killed: at each of their changes in turn, and at random moments; nothing is ever half there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import cache, environment, everything_in, pyv, pyv_ended_at, says, start, store
from tests.support.environments import PYTHONS, RUNNING
from tests.support.killing import KILLS, Killed, kill_everywhere
from tests.support.stores import make_version

if TYPE_CHECKING:
    from tests.conftest import Offer
    from tests.support.server import Server

MINOR = ".".join(RUNNING.split(".")[:2])
# Two more, whose programs only say their name
OLDER, NEWER = f"{MINOR}.98", f"{MINOR}.99"
ALL = [RUNNING, OLDER, NEWER]


@pytest.fixture
def project(isolated: Path) -> Path:
    """Return a project with an environment on the Python that runs the tests, in a store with three versions."""
    assert pyv("link", RUNNING, PYTHONS[RUNNING]).status == 0
    folder = isolated / "project"
    folder.mkdir()
    assert pyv("venv", "--without-pip", "-p", RUNNING, cwd=folder).status == 0
    for name in (OLDER, NEWER):
        (make_version(store(), name, "tool", f"tool-{name}") / ".pyv").mkdir()
        (store() / "versions" / name / ".pyv/receipt.json").write_text("{}")
    assert pyv("link", "mine", PYTHONS[RUNNING]).status == 0
    assert pyv("uninstall", "-y", "mine").status == 0
    assert pyv("which", "tool", PYV_VERSION=MINOR).lines == [f"{store()}/versions/{NEWER}/bin/tool"]
    return folder


def always(kills: list[Killed], *, again: tuple[int, ...] = (0,), stay: tuple[str, ...] = tuple(ALL)) -> None:
    """Assert what holds whatever was killed."""
    assert len(kills) > 3
    for each in kills:
        assert each.ended[0] == (-signal.SIGKILL if each.change else 0), each
        assert each.dangling == [], each
        assert each.started == each.listed, each
        assert {*each.listed, *each.after} >= set(stay), each
        assert each.again[0] in again, each
        assert each.left == [], each
        assert {"pyv", "python", "python3", "tool"} <= set(each.shims), each


def test_an_uninstall_is_whole_or_absent_at_each_of_its_changes(project: Path) -> None:
    kills = kill_everywhere(["uninstall", "-y", NEWER], cwd=project)
    always(kills, again=(0, 3), stay=(RUNNING, OLDER))
    for each in kills:
        assert each.listed in (ALL, [RUNNING, OLDER]), each
        assert each.after == [RUNNING, OLDER], each
    assert {len(each.listed) for each in kills} == {2, 3}


def test_a_prune_is_whole_or_absent_at_each_of_its_changes(project: Path) -> None:
    kills = kill_everywhere(["prune", "-y"], cwd=project)
    always(kills, stay=(RUNNING, NEWER))
    assert [each.after for each in kills] == [[RUNNING, NEWER]] * len(kills)


def test_a_link_is_whole_or_absent_at_each_of_its_changes(project: Path) -> None:
    kills = kill_everywhere(["link", "--force", "mine", str(PYTHONS[RUNNING])], cwd=project)
    always(kills)
    for each in kills:
        assert each.listed in (ALL, [*ALL, "mine"]), each
        assert each.after == [*ALL, "mine"], each


def test_a_rehash_keeps_every_shim_at_each_of_its_changes(project: Path) -> None:
    make_version(store(), OLDER, "another")
    (store() / "shims/pyv").write_bytes(b"")  # and with it all names of the file
    assert pyv("rehash").status == 0
    (store() / "shims/python3").unlink()
    (store() / "shims/python3").write_bytes((store() / "shims/pyv").read_bytes()[:-10])
    kills = kill_everywhere(["rehash"], cwd=project)
    always(kills)
    assert len(kills) < 60


@pytest.mark.parametrize("words", [["--clear"], ["fresh"], ["--name", "named"]], ids=lambda words: words[0])
def test_an_environment_works_or_is_absent_at_each_change(project: Path, words: list[str]) -> None:
    kills = kill_everywhere(["venv", "--without-pip", "-p", RUNNING, *words], cwd=project, every=12)
    # A named one is not made twice
    always(kills, again=(0, 2) if "--name" in words else (0,))
    for each in kills:
        assert each.again[0] == 0 or "there is a named already" in each.again[1], each
        assert each.listed in (ALL, [*ALL, "named"]), each
    assert (kills[-1].listed == ALL) == ("--name" not in words)


def test_a_removed_named_environment_is_listed_only_as_long_as_it_works(project: Path) -> None:
    assert pyv("venv", "--without-pip", "-p", RUNNING, "--name", "named").status == 0
    kills = kill_everywhere(["uninstall", "-y", "named"], cwd=project)
    always_without_dangling_links = [each._replace(dangling=[]) for each in kills]
    always(always_without_dangling_links, again=(0, 3))
    for each in kills:
        assert each.after == ALL, each


@pytest.mark.parametrize("words", [["trust"], ["trust", "--revoke"], ["venvs", "remove", "-y", ".venv"]], ids=" ".join)
def test_an_environment_is_known_or_not_at_each_change(project: Path, words: list[str]) -> None:
    if words == ["trust"]:
        assert pyv("trust", "--revoke", cwd=project).status == 0
    kills = kill_everywhere(words, cwd=project)
    always([each._replace(dangling=[]) for each in kills], again=(0, 3))


@pytest.mark.parametrize(
    "words", [["upgrade", "--rollback", MINOR], ["global", MINOR, RUNNING]], ids=lambda words: words[0]
)
def test_what_is_selected_means_something_at_each_change(project: Path, words: list[str]) -> None:
    kills = kill_everywhere(words, cwd=project)
    always(kills)
    assert {tuple(each.listed) for each in kills} == {tuple(ALL)}


def test_the_catalogue_is_whole_or_absent_at_each_change(project: Path, mirror: Server) -> None:
    kills = kill_everywhere(["index", "update"], cwd=project)
    always(kills)
    assert mirror.requests


def test_cleaning_the_cache_can_be_repeated_from_each_change(project: Path, isolated: Path) -> None:
    archives = isolated / "cache/archives"
    archives.mkdir(parents=True, exist_ok=True)
    for name in ("a" * 64, "b" * 64, "b" * 64 + ".part", "b" * 64 + ".part.json", "b" * 64 + ".lock"):
        (archives / name).write_bytes(b"x")
    always(kill_everywhere(["cache", "clean", "-y"], cwd=project))


def test_what_pyv_did_not_make_stays_in_folders_that_are_somebody_elses_too(project: Path) -> None:
    """PYV_ROOT or PYV_CACHE_DIR may be a home, or the root of the file system, with a `tmp` and `archives` in use."""
    kept = [store() / "tmp/notes/a", store() / "tmp/backup.20261130", cache() / "archives/backup.tar.gz"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for words in (["versions"], ["rehash"], ["prune", "-y"], ["uninstall", "-y", NEWER], ["cache", "clean", "-y"]):
        assert pyv(*words, cwd=project).status == 0
    assert pyv("doctor", "--fix", cwd=project).status in (0, 1)
    assert [path for path in kept if not path.exists()] == []


@pytest.mark.parametrize("by", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "words",
    [
        ["uninstall", "-y", NEWER],
        ["link", "--force", "mine", str(PYTHONS[RUNNING])],
        ["rehash"],
        ["venv", "--without-pip", "-p", RUNNING, "fresh"],
    ],
    ids=lambda words: words[0],
)
def test_an_interrupt_before_any_change_ends_with_one_line_and_leaves_nothing(
    project: Path, words: list[str], by: str
) -> None:
    (store() / "shims/pyv").write_bytes(b"")
    for each in kill_everywhere(words, cwd=project, every=18, by=by):
        status, said = each.ended
        if each.change and status != 0:
            assert (status, said.splitlines()[-1], said.count("\n")) in [
                (130, "pyv: interrupted", 1),
                (130, "pyv: interrupted", 2),  # what was done before is said, too
            ], each
        assert (each.staged, each.left, each.dangling) == ([], [], []), each
        assert each.again[0] in (0, 3), each
        assert each.listed == each.started, each
        assert not [name for name in os.listdir(project) if name.startswith(".pyv-")], each


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("step", ["staged", "tried", "committed", "upgraded", "linked"])
def test_an_upgrade_that_is_killed_has_moved_on_or_not(offered: Offer, step: str) -> None:
    assert pyv("install", offered.oldest).status == 0
    assert pyv_ended_at(step, "SIGKILL", "upgrade").status == -signal.SIGKILL
    versions = store() / "versions"
    assert os.readlink(versions / offered.minor) == (offered.newest if step == "linked" else offered.oldest)
    assert pyv("versions", "--bare", "--skip-aliases").lines == (
        [offered.oldest] if step in ("staged", "tried") else [offered.oldest, offered.newest]
    )
    assert says(versions / offered.minor / "bin/python3", "print(1)") == "1"
    done = pyv("upgrade")
    assert (done.status, os.readlink(versions / offered.minor)) == (0, offered.newest), done.err
    assert everything_in(store() / "tmp") == set()
    assert pyv("verify").status == 0


def test_whatever_is_killed_at_a_random_moment_nothing_is_half_there(mirror: Server, offered: Offer) -> None:
    assert mirror.port
    chance = random.Random()  # another one each time; what happened is in the message  # noqa: S311
    project = Path(os.environ["HOME"], "project")
    project.mkdir()
    (project / ".python-version").write_text(f"{offered.oldest}\n")
    commands = [
        ["install", offered.oldest, offered.middle],
        ["install", "--force", offered.oldest],
        ["install", offered.newest],
        ["upgrade", "-y"],
        ["uninstall", "-y", "-f", offered.middle],
        ["uninstall", "-y", "-f", offered.newest],
        ["venv", "--without-pip"],
        ["venv", "--offline", "--clear"],
        ["venv", "--without-pip", "--clear", "--name", "named"],
        ["link", "--force", "mine", sys.base_prefix],
        ["rehash"],
        ["index", "update"],
        ["cache", "clean", "-y"],
        ["prune", "-y"],
        ["trust", "--revoke", ".venv"],
        ["trust"],
        ["repair"],
        ["global", offered.minor],
    ]
    assert pyv("install", offered.oldest).status == 0
    took = {str(words): 1.0 for words in commands}
    history = []
    for number in range(KILLS or 12):
        words = commands[number % len(commands)] if number < len(commands) else chance.choice(commands)
        delay = chance.random() * took[str(words)]
        began = time.monotonic()
        process = start(*words, cwd=project)
        try:
            process.communicate(timeout=delay)
            took[str(words)] = time.monotonic() - began
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        history.append(f"{' '.join(words)} for {delay:.3f} s: {process.returncode}")
        nothing_is_half_there(offered, project, history)
    for words in (["install", "--force", offered.oldest, offered.newest], ["uninstall", "-y", "-f", offered.middle]):
        pyv(*words)
    assert everything_in(store() / "tmp") == set(), history
    assert pyv("venv", "--clear", "--without-pip", cwd=project).status == 0
    assert sorted(os.listdir(project)) == [".python-version", ".venv"], history
    assert pyv("verify").status == 0
    assert pyv("cache", "clean", "-y").status == 0
    assert [each.name for each in (cache() / "archives").iterdir() if not each.name.endswith(".lock")] == []


def nothing_is_half_there(offered: Offer, project: Path, history: list[str]) -> None:
    versions = store() / "versions"
    dangling = [each.name for each in versions.iterdir() if each.name[0] != "." and not each.exists()]
    assert dangling == [], history
    listed = pyv("versions", "--bare", "--skip-aliases", cwd=project)
    assert listed.status == 0, (listed, history)
    assert offered.oldest in listed.lines, history
    for name in listed.lines:
        done = subprocess.run(
            [versions / name / "bin/python", "-c", "import ssl, sys; print(sys.prefix)"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (name, done.stderr, history)
    # The shim runs what stays, whatever became of the others
    done = subprocess.run(
        [store() / "shims/python3", "-c", "print(1)"],
        cwd=project,
        env=environment(PYV_VERSION=offered.oldest),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), (done.stderr, history)
