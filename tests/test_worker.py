"""A worker: a copy of the process that hears and says, and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pyv.worker import EndedError, alone
from tests.support.workers import Program

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc and workers in a command")
_ECHO = """
import sys
from pyv.worker import work
def serve(heard, say):
    with open(heard, "rb") as lines:
        for line in lines:
            {each}
work(serve, *map(int, sys.argv[1:]))
"""
_FORKED = """
import os, signal, sys, time
from pyv import worker
def serve(heard, say):
    say(b"p", str(os.getpid()).encode())
    with open(heard, "rb") as lines:
        for line in lines:
            say(b"a", line.upper())
mine = worker.fork(serve)
pid = int(mine.hear()[1])
{then}
"""


def echo(each: str = "say(b'k', line * 2)") -> Program:
    return Program(_ECHO.format(each=each))


def forked(then: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-I", "-c", _FORKED.format(then=then)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_it_is_told_and_what_it_says_arrive_whole_and_in_order() -> None:
    worker = echo()
    for word in (b"one", b"", b"x" * 3_000_000):
        worker.tell(word)
        assert worker.hear() == (b"k", 2 * (word + b"\n"))
    worker.end()


def test_it_is_a_copy_and_ends_when_it_is_let_go_of() -> None:
    done = forked("mine.tell(b'word'); print(mine.hear()); mine.dismiss(); print(os.waitpid(pid, 0) == (pid, 0))")
    assert (done.stdout, done.stderr, done.returncode) == ("(b'a', b'WORD\\n')\nTrue\n", "", 0)


def test_one_that_is_busy_is_ended_and_waited_for() -> None:
    worker = echo("say(b'b', b''); import time; time.sleep(600)")
    worker.tell(b"sleep")
    assert worker.hear() == (b"b", b"")
    worker.end()
    with pytest.raises(ChildProcessError):
        os.waitpid(worker.process.pid, 0)
    worker.end()


@pytest.mark.parametrize(
    "each", ["sys.exit(3)", "raise ValueError", "say.x", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_one_that_breaks_down_says_nothing_and_prints_nothing(each: str, capfd: pytest.CaptureFixture[str]) -> None:
    worker = echo(each)
    worker.tell(b"now")
    with pytest.raises(EndedError):
        worker.hear()
    worker.process.wait()
    with pytest.raises(EndedError):
        worker.tell(b"again")
    worker.end()
    assert capfd.readouterr() == ("", "")


def test_one_that_ends_in_the_middle_of_a_word_has_said_nothing() -> None:
    worker = echo("import os; os.write(int(sys.argv[2]), b'k\\0\\0'); os._exit(0)")
    worker.tell(b"now")
    with pytest.raises(EndedError):
        worker.hear()
    worker.end()


def test_one_that_was_let_go_of_is_told_nothing() -> None:
    worker = echo()
    worker.dismiss()
    with pytest.raises(EndedError):
        worker.tell(b"word")
    worker.end()


@LINUX
def test_it_does_not_outlive_a_process_that_is_killed() -> None:
    done = forked("print(pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while is_there(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_does_not_want_to_hear_of_children_need_not() -> None:
    done = forked(
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN); mine.end(); mine.end()\n"
        "try: os.kill(pid, 0)\n"
        "except ProcessLookupError: print('gone')"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("gone\n", "", 0)


@LINUX
@pytest.mark.parametrize("open_files", [4, 5, 6, 7, 8])
def test_where_there_can_be_no_process_or_pipe_there_is_no_worker_and_nothing_stays_open(open_files: int) -> None:
    program = f"""
import os, resource
from pyv import worker
def fork():
    raise BlockingIOError
os.fork = fork
resource.setrlimit(resource.RLIMIT_NOFILE, ({open_files}, {open_files}))
try:
    worker.fork(print)
except OSError:
    print(sum(os.path.exists(f"/proc/self/fd/{{number}}") for number in range(3, 20)))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_a_process_with_threads_is_not_copied() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    assert not alone()
    over.set()
    thread.join()


@LINUX
@pytest.mark.parametrize(
    ("words", "env", "made"),
    [
        ("install 3.12", {}, True),
        ("install -q --force 3.12", {}, True),
        ("install", {}, True),
        ("--store /store install 3.12", {}, True),
        ("install 3.12", {"PYV_MIRROR": "", "PYV_OFFLINE": "0"}, True),
        ("install 3.12", {"PYV_MIRROR": "HTTPS://mirror.example"}, True),
        ("install 3.12", {"PYV_MIRROR": "/srv/mirror"}, False),
        ("install 3.12", {"PYV_MIRROR": "file:///srv/mirror"}, False),
        ("install 3.12", {"PYV_OFFLINE": "1"}, False),
        ("install --offline 3.12", {}, False),
        ("install 3.12 3.13", {}, True),
        ("install ./python.tar.gz", {}, False),
        ("install --list 3.12", {}, False),
        ("uninstall 3.12", {}, False),
        ("versions", {}, False),
        ("", {}, False),
    ],
)
def test_it_is_made_where_there_is_probably_something_to_fetch(words: str, env: dict[str, str], made: bool) -> None:  # noqa: FBT001 - a table
    program = (
        "import sys\nfrom pyv import __main__, worker\nworker.alone = lambda: True\n"
        "worker.fork = lambda serve: serve\nprint(__main__._worker(sys.argv[1:]) is not None)"
    )
    command = [sys.executable, "-I", "-c", program, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert done.stdout == f"{made}\n"
