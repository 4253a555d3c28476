"""Installs that end in the middle: whatever the moment, nothing is half there and the next one just works."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import cache, environment, everything_in, python_of, pyv, pyv_ended_at, says, start, store
from tests.support.server import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Offer
    from tests.support.server import Server

BEFORE = ("staged", "downloaded", "unpacked", "fixed", "described", "tried")
AFTER = ("committed", "linked")


@pytest.mark.usefixtures("mirror")
def test_killed_after_any_step_it_is_there_whole_or_not_at_all(offered: Offer) -> None:
    """Each next one goes on from what the one before has left."""
    for step in (*BEFORE, *AFTER):
        ended = pyv_ended_at(step, "SIGKILL", "install", offered.oldest)
        assert ended.status == -signal.SIGKILL, f"the step {step} was never reached: {ended.err}"
        assert pyv("versions", "--bare", "--skip-aliases").lines == ([offered.oldest] if step in AFTER else [])
        if step in AFTER:
            assert pyv("verify").status == 0
            assert says(python_of(offered.oldest), "print(1)") == "1"
            assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert pyv("install", offered.oldest).status == 0
    assert pyv("verify").status == 0
    assert pyv("install", offered.newest).status == 0
    assert list((store() / "tmp").iterdir()) == []
    assert not list((cache() / "archives").glob("*.part*"))
    assert pyv("latest", offered.minor).lines == [offered.newest]


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("steps", [BEFORE, AFTER], ids=["before", "after"])
def test_a_replacement_that_is_killed_leaves_the_old_one_or_the_new_one(offered: Offer, steps: Sequence[str]) -> None:
    pyv("install", offered.oldest)
    mark = store() / "versions" / offered.oldest / "mark"
    for step in steps:
        mark.touch()
        assert pyv_ended_at(step, "SIGKILL", "install", "--force", offered.oldest).status == -signal.SIGKILL
        assert mark.exists() == (step in BEFORE)
        assert says(python_of(offered.oldest), "print(1)") == "1"
    assert pyv("install", "--force", offered.oldest).status == 0
    assert pyv("verify").status == 0
    assert list((store() / "tmp").iterdir()) == []


@pytest.mark.usefixtures("mirror")
def test_interrupted_after_any_step_it_cleans_up_itself(offered: Offer) -> None:
    for step in BEFORE:
        ended = pyv_ended_at(step, "SIGINT", "install", "-q", offered.oldest)
        assert (ended.status, ended.out, ended.err) == (130, "", "pyv: interrupted\n")
        assert list((store() / "tmp").iterdir()) == []
        assert pyv("versions", "--bare").lines == []


@pytest.mark.usefixtures("mirror")
def test_interrupted_while_one_waits_for_another_process_it_says_so_though_quiet(offered: Offer) -> None:
    (store() / "locks").mkdir(parents=True)
    with open(store() / "locks" / f"{offered.newest}.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = start("install", "-q", offered.oldest, offered.newest)
        while not (store() / "versions" / offered.oldest).exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (130, "", "pyv: interrupted\n")


def test_an_interrupted_download_goes_on_where_it_ended(mirror: Server, offered: Offer) -> None:
    archive = next(offered.folder.rglob(f"*-{offered.oldest}+*"))
    path = f"/{archive.relative_to(offered.folder)}"
    mirror.always(path, Fault(stall=1_000_000))
    process = start("install", offered.oldest)
    partial = cache() / "archives"
    while not any(each.stat().st_size >= 900_000 for each in partial.glob("*.part")):
        assert process.poll() is None
    process.kill()
    process.communicate()
    mirror.always(path, Fault())
    assert pyv("install", offered.oldest).status == 0
    start_of_the_rest = mirror.requests[-1].headers["range"].removeprefix("bytes=").removesuffix("-")
    assert int(start_of_the_rest) >= 900_000
    assert pyv("verify").status == 0


@pytest.mark.usefixtures("mirror")
def test_an_uninstall_that_is_killed_leaves_nothing_half_there(offered: Offer) -> None:
    pyv("install", offered.oldest, offered.newest)
    process = start("uninstall", "-y", offered.newest)
    versions = store() / "versions"
    while (versions / offered.newest).exists():
        pass
    process.kill()
    process.communicate()
    assert pyv("versions", "--bare").lines == [offered.oldest, "3", offered.minor]
    assert pyv("install", offered.oldest, "--force").status == 0
    assert everything_in(store() / "tmp") == set()


@pytest.mark.parametrize("versions", [1, 2])
def test_an_interrupt_does_not_wait_for_an_interpreter_that_takes_its_time(
    offered: Offer, tmp_path: Path, versions: int
) -> None:
    name = tmp_path.name  # in the words of the interpreter on trial, to find it by
    program = f"""
import sys
from pyv import smoke
from pyv.cli import run
smoke._QUESTION = "import time; time.sleep(60)  # {name}"
sys.exit(run(sys.argv[1:]))
"""
    words = [sys.executable, "-c", program, "install", *offered[2 : 2 + versions]]
    process = subprocess.Popen(
        words, env=environment(PYV_MIRROR=str(offered.folder)), stderr=subprocess.PIPE, text=True
    )
    while len(on_trial(name)) < versions:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # which reaches nobody else
    assert process.communicate(timeout=60)[1].endswith("pyv: interrupted\n")
    assert process.returncode == 130
    assert on_trial(name) == []
    assert everything_in(store() / "tmp") == set()


def test_an_interrupt_ends_all_that_compile_bytecode(offered: Offer) -> None:
    process = start("install", "--compile-bytecode", offered.oldest, PYV_MIRROR=str(offered.folder))
    while not on_trial(str(store()), "compileall"):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)  # until there are several
    process.send_signal(signal.SIGTERM)  # which reaches nobody else
    assert process.communicate(timeout=60)[1].endswith("pyv: interrupted\n")
    assert process.returncode == 130
    assert on_trial(f"{store()}/tmp", "python") == []
    assert everything_in(store() / "tmp") == set()


@pytest.mark.parametrize("again", [["versions"], ["doctor", "--fix"]])
def test_an_interpreter_on_trial_ends_with_the_next_command_after_pyv_was_killed(
    offered: Offer, tmp_path: Path, again: list[str]
) -> None:
    name = tmp_path.name
    program = f"""
import sys
from pyv import smoke
from pyv.cli import run
# As one that goes on making files in the staging area
smoke._QUESTION = "import os, sys\\nwhile True: os.makedirs(sys.pycache_prefix + '/x', exist_ok=True)  # {name}"
sys.exit(run(sys.argv[1:]))
"""
    words = [sys.executable, "-c", program, "install", "-q", offered.oldest]
    process = subprocess.Popen(words, env=environment(PYV_MIRROR=str(offered.folder)))
    while not on_trial(name, "while True"):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert len(on_trial(name, "while True")) == 1
    pyv(*again)
    assert on_trial(name, "while True") == []
    assert everything_in(store() / "tmp") == set()


def on_trial(name: str, doing: str = "time.sleep(60)") -> list[str]:
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if doing in line and name in line and "smoke._QUESTION" not in line]
