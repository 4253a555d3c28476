"""Many processes at once: each gets what it asked for, and nobody ever sees something half done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.catalogue import parse_asset
from pyv.pack.mirror import Release, publish
from tests.support.command import environment, everything_in, python_of, pyv, says, start, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyv.pack import Packed
    from tests.conftest import Offer
    from tests.support.server import Server

# Read before the isolation of a test takes them away
PROCESSES = int(os.environ.get("PYV_TEST_PROCESSES", "48"))
SECONDS = float(os.environ.get("PYV_TEST_SECONDS", "4"))


def all_succeed(*commands: list[str]) -> None:
    processes = [start(*words) for words in commands]
    try:
        for process in processes:
            _, said = process.communicate(timeout=240)
            assert process.returncode == 0, said
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


def archives_asked_for(mirror: Server) -> list[str]:
    return sorted(each.path for each in mirror.requests if each.method == "GET" and each.path.endswith(".tar.gz"))


def test_many_processes_that_install_one_version_download_it_once(mirror: Server, offered: Offer) -> None:
    all_succeed(*[["install", "-q", offered.oldest]] * PROCESSES)
    assert len(archives_asked_for(mirror)) == 1
    assert pyv("verify").status == 0
    assert everything_in(store() / "tmp") == set()


def test_many_processes_that_install_different_versions_get_them_all(mirror: Server, offered: Offer) -> None:
    wanted = [offered.oldest, offered.middle, offered.newest]
    all_succeed(*[["install", "-q", name] for name in wanted * 3], ["install", "-q", *wanted])
    assert len(archives_asked_for(mirror)) == 3
    assert pyv("versions", "--bare").lines == [*wanted, "3", offered.minor]
    assert os.readlink(store() / "versions" / offered.minor) == offered.newest
    assert pyv("verify").status == 0


@contextmanager
def watching(*paths: Path) -> Iterator[list[str]]:
    """Look at paths all the time, from a process of its own, and give the first moments at which one was missing."""
    program = (
        "import os, sys\n"
        "print('watching', flush=True)\n"
        "while True:\n"
        "    for path in sys.argv[1:]:\n"
        "        try:\n"
        "            os.stat(path)\n"
        "        except OSError as error:\n"
        "            print(error, flush=True)\n"
    )
    watcher = subprocess.Popen([sys.executable, "-c", program, *paths], stdout=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == "watching\n"
    missed: list[str] = []
    reader = threading.Thread(target=lambda: missed.extend(watcher.stdout or ()))
    reader.start()
    try:
        yield missed
    finally:
        watcher.kill()
        watcher.wait()
        reader.join()
        watcher.stdout.close()


def newer_build(packed: Packed, offered: Offer, folder: Path) -> Path:
    """Make a mirror that offers the same version again, built later."""
    build = parse_asset(packed.archive.name, "")
    assert build is not None
    shutil.copytree(offered.folder, folder)
    copy = folder / "copy"
    shutil.copyfile(packed.archive, copy)
    publish(folder, Release(build.version, build.platform, "20261231"), copy, packed.sha256, notify=lambda _line: None)
    return folder


def test_a_version_resolves_at_every_moment_of_its_replacement(
    packed: Packed, offered: Offer, mirror: Server, tmp_path: Path
) -> None:
    assert pyv("install", "-q", offered.oldest).status == 0
    versions = store() / "versions"
    newer = newer_build(packed, offered, tmp_path / "newer")
    with watching(
        python_of(offered.oldest),
        versions / offered.oldest / ".pyv/receipt.json",
        versions / offered.minor / "bin/python3",
        store() / "shims/python3",
        store() / "shims" / f"python{offered.minor}",
    ) as missed:
        all_succeed(["install", "-q", "--force", offered.oldest])
        all_succeed(*[["install", "-q", "--force", offered.oldest]] * 2)
        assert pyv("install", "-q", "--force", offered.oldest, PYV_MIRROR=str(newer)).status == 0
        all_succeed(["upgrade", "-q"], ["install", "-q", offered.middle])
        all_succeed(["upgrade", "-q", "--rollback", offered.minor], ["rehash"])
        all_succeed(["uninstall", "-q", "-y", offered.newest])
    assert missed == []
    assert '"20261231"' in (versions / offered.oldest / ".pyv/receipt.json").read_text()
    assert mirror.requests
    assert pyv("verify").status == 0


PROGRAM = "import ssl, sqlite3, ctypes, json; print('.'.join(map(str, __import__('sys').version_info[:3])))"


class Workers:
    """Threads that repeat their commands until the time is over, or one of them has failed."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.counts: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._deadline = time.monotonic() + SECONDS

    def command(self, *words: str, allowed: tuple[int, ...] = (0,), cwd: Path | None = None) -> None:
        """Repeat a command of pyv."""

        def act() -> str:
            done = pyv(*words, cwd=cwd)
            return "" if done.status in allowed else f"{done.status} {done.err}"

        self._add(f"pyv {' '.join(words)}", act)

    def shim(self, name: str, cwd: Path, answer: str, **changes: str) -> None:
        """Repeat a run through a shim, which has to print something."""

        def act() -> str:
            done = subprocess.run(
                [store() / "shims" / name, "-c", PROGRAM],
                cwd=cwd,
                env=environment(**changes),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            good = (done.returncode, done.stdout) == (0, f"{answer}\n")
            return "" if good else f"{done.returncode} {done.stdout} {done.stderr}"

        self._add(f"{name} in {cwd} {changes}", act)

    def _add(self, name: str, act: Callable[[], str]) -> None:
        def repeat() -> None:
            while time.monotonic() < self._deadline and not self.failures:
                try:
                    problem = act()
                except Exception as error:  # noqa: BLE001 - a thread's exception would be lost
                    problem = repr(error)
                if problem:
                    self.failures.append(f"{name}: {problem}")
                self.counts[name] = self.counts.get(name, 0) + 1

        self._threads.append(threading.Thread(target=repeat))

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(timeout=SECONDS + 300)
        assert self.failures == []
        assert len(self.counts) == len(self._threads)


def test_no_run_through_a_shim_fails_while_all_else_changes(offered: Offer, mirror: Server, tmp_path: Path) -> None:
    assert pyv("install", "-q", offered.oldest).status == 0
    projects = [tmp_path / name for name in ("pinned", "environment", "changing")]
    for folder in projects:
        folder.mkdir()
        (folder / ".python-version").write_text(f"{offered.oldest}\n")
    assert pyv("venv", "-q", "--without-pip", cwd=projects[1]).status == 0
    assert pyv("global", offered.oldest).status == 0
    workers = Workers()
    workers.command("install", "-q", "--force", offered.oldest)
    workers.command("install", "-q", offered.newest, offered.middle)
    workers.command("uninstall", "-q", "-y", "-f", offered.newest, allowed=(0, 3))
    workers.command("rehash")
    workers.command("upgrade", "-q", "-y")
    workers.command("venv", "-q", "--without-pip", "--clear", cwd=projects[2])
    workers.command("which", "python3", cwd=projects[0])
    workers.shim("python3", projects[0], offered.oldest)
    workers.shim("python", tmp_path, offered.oldest, PYV_VERSION=offered.oldest)
    workers.shim(f"python{offered.minor}", tmp_path, offered.oldest)
    workers.shim("python", projects[1], offered.oldest)
    workers.run()
    assert mirror.requests
    assert pyv("install", "-q", offered.newest).status == 0
    assert pyv("verify").status == 0
    assert everything_in(store() / "tmp") == set()
    assert says(projects[2] / ".venv/bin/python", "print(1)") == "1"


@pytest.mark.skipif(not Path("/proc/self/exe").exists(), reason="only Linux tells where a process runs")
def test_a_process_that_is_just_starting_survives_the_replacement_of_its_version(
    offered: Offer, mirror: Server, tmp_path: Path
) -> None:
    """The loader is made to wait, by a library that does not come, before it looks for those of the interpreter."""
    assert pyv("install", "-q", offered.oldest).status == 0
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    process = subprocess.Popen(
        [python_of(offered.oldest), "-c", "print(1)"],
        env=environment(LD_PRELOAD=str(gate)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        limit = time.monotonic() + 60
        while not os.readlink(f"/proc/{process.pid}/exe").startswith(str(store())):
            assert time.monotonic() < limit
        assert pyv("install", "-q", "--force", offered.oldest).status == 0
        assert everything_in(store() / "tmp") == set()
        while process.poll() is None:
            with suppress(OSError):  # it has not come so far yet
                os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
                break
            assert time.monotonic() < limit
        out, said = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "1\n"), said
    finally:
        process.kill()
        process.communicate()
    assert mirror.requests


# A file system that refuses to lock in one way or another, or says that it did and lets everybody have the lock
_UNLOCKED = """
import errno, fcntl, os, sys
from pyv.cli import run

def flock(_descriptor, _operation):
    if sys.argv[1] != "shared":
        raise OSError(getattr(errno, sys.argv[1]), os.strerror(getattr(errno, sys.argv[1])))

fcntl.flock = flock
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("how", ["ENOSYS", "ENOLCK", "EBADF", "shared"])
def test_without_locks_work_is_repeated_and_nothing_breaks(offered: Offer, how: str) -> None:
    words = [["install", offered.oldest], ["install", offered.oldest], ["install", offered.middle], ["rehash"]] * 2
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _UNLOCKED, how, *each], env=environment(), stderr=subprocess.PIPE, text=True
        )
        for each in words
    ]
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    warnings = [text.count("on a file system without locks") for text in said]
    assert warnings == [1] * len(processes), said
    assert pyv("versions", "--bare").lines == [offered.oldest, offered.middle, "3", offered.minor]
    assert pyv("verify").status == 0
    assert pyv("install", offered.newest).status == 0
    assert everything_in(store() / "tmp") == set()


@pytest.mark.usefixtures("mirror")
def test_several_installs_of_one_command_say_once_that_there_are_no_locks(offered: Offer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNLOCKED, "ENOLCK", "install", *offered[2:]], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("on a file system without locks") == 1, done.stderr
