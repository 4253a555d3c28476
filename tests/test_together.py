"""Functions at the same time: in copies of this process, and on threads where copies are not safe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pyv import together

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyv.together import Tell, Work

COPIES = pytest.mark.parametrize("copies", [True, False], ids=["copies", "threads"])
# A work that cleans up after itself, and one that does not hear: what the tests of interrupts run
_WORKS = """
import os, pathlib, signal, sys, time
from pyv import together

copies, folder = sys.argv[1] == "copies", pathlib.Path(sys.argv[2])
together._GRACE = 1.0

def careful(tell):
    try:
        while True:
            tell("works")
            time.sleep(0.01)
    finally:
        time.sleep(0.2)
        (folder / f"cleaned-{os.getpid() if copies else 0}").touch()

def deaf(tell):
    for number in (signal.SIGINT, signal.SIGTERM) if copies else ():
        signal.signal(number, signal.SIG_IGN)
    tell("works")
    time.sleep(60)

heard = set()
def hear(number, words):
    heard.add(number)
    if len(heard) == 2:
        print("ready", flush=True)
        heard.add("told")
    return False

signal.signal(signal.SIGTERM, signal.default_int_handler)
if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    together.run([careful, globals()[sys.argv[3]]], hear, most=2, copies=copies)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(130)
"""


def run(*works: Work, copies: bool, most: int = 9) -> tuple[list[int], list[tuple[int, list[Any]]]]:
    """Run works, and return their statuses and all that was heard."""
    heard = []

    def hear(number: int, words: list[Any]) -> bool:
        heard.append((number, words))
        return False

    return together.run(works, hear, most=most, copies=copies), heard


def of(number: int, heard: list[tuple[int, list[Any]]]) -> list[list[Any]]:
    return [words for each, words in heard if each == number]


@COPIES
def test_what_is_to_be_done_after_the_first_copy_and_before_the_second_is_done_then(
    *, copies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, when = [0], []
    fork = os.fork

    def counting() -> int:
        made[0] += 1
        return fork()

    monkeypatch.setattr(os, "fork", counting)
    works: list[Work] = [lambda _tell: 0] * 3
    together.run(works, lambda *_: False, most=3, copies=copies, between=lambda: when.append(made[0]))
    together.run([], lambda *_: False, most=3, copies=True, between=lambda: when.append(99))
    assert when == [1 if copies else 0]


@COPIES
def test_each_returns_its_status_and_is_heard_in_order(*, copies: bool) -> None:
    def work(status: int) -> Work:
        def act(tell: Tell) -> int:
            for step in range(50):
                tell("step", step, None, "ünicode\n")
            return status

        return act

    statuses, heard = run(work(0), work(3), work(255), copies=copies)
    assert statuses == [0, 3, 255]
    for number in range(3):
        assert of(number, heard) == [["step", step, None, "ünicode\n"] for step in range(50)]


def test_without_any_nothing_is_done() -> None:
    assert run(copies=True) == ([], [])


def test_copies_are_processes_of_their_own_and_threads_are_not() -> None:
    def work(tell: Tell) -> int:
        tell(os.getpid())
        return 0

    _, heard = run(work, work, copies=True)
    assert len({os.getpid(), *(words[0] for _, words in heard)}) == 3
    _, heard = run(work, work, copies=False)
    assert {words[0] for _, words in heard} == {os.getpid()}


@COPIES
def test_what_several_threads_tell_arrives_whole_however_long_it_is(*, copies: bool) -> None:
    def work(tell: Tell) -> int:
        threads = [threading.Thread(target=tell, args=(letter * 300_000,)) for letter in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return 0

    _, heard = run(work, work, copies=copies)
    for number in range(2):
        assert sorted(words[0] for words in of(number, heard)) == [letter * 300_000 for letter in "abc"]


@COPIES
def test_no_more_than_allowed_do_at_a_time_what_is_to_be_done_by_few(*, copies: bool) -> None:
    busy: set[int] = set()
    most = []

    def hear(number: int, words: list[Any]) -> bool:
        if words == ["over"]:
            busy.discard(number)
            return True
        busy.add(number)
        most.append(len(busy))
        return False

    def work(tell: Tell) -> int:
        tell("begun")
        time.sleep(0.05)
        tell("over")
        time.sleep(0.2)
        return 0

    assert together.run([work] * 6, hear, most=2, copies=copies) == [0] * 6
    assert max(most) == 2
    assert len(most) == 6


@COPIES
def test_one_that_ends_without_a_word_makes_room_for_the_next(*, copies: bool) -> None:
    assert run(*[lambda _tell: 4] * 5, copies=copies, most=1) == ([4] * 5, [])


@COPIES
def test_a_mistake_in_one_is_shown_and_leaves_the_others_alone(
    capfd: pytest.CaptureFixture[str], *, copies: bool
) -> None:
    def mistaken(_tell: Tell) -> int:
        raise ZeroDivisionError("so it is")

    statuses, _ = run(mistaken, lambda _tell: 0, copies=copies)
    assert statuses == [1, 0]
    assert "ZeroDivisionError: so it is" in capfd.readouterr().err


def test_a_copy_that_a_signal_ends_is_reported_with_its_number() -> None:
    def killed(tell: Tell) -> int:
        tell("works")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    statuses, heard = run(killed, lambda _tell: 7, copies=True)
    assert (statuses, heard) == ([-signal.SIGKILL, 7], [(0, ["works"])])


def test_what_the_buffers_hold_is_not_written_by_every_copy(tmp_path: Path) -> None:
    program = """
    import sys
    from pyv import together
    sys.stdout.write("once ")
    together.run([lambda tell: sys.stdout.flush() or 0] * 3, lambda number, words: False, most=3, copies=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout == "once "
    assert list(tmp_path.iterdir()) == []


@COPIES
def test_an_error_of_the_listener_ends_them_all(tmp_path: Path, *, copies: bool) -> None:
    def hear(_number: int, _words: list[Any]) -> bool:
        raise ZeroDivisionError

    def work(tell: Tell) -> int:
        try:
            for _ in range(1000):
                tell("works")
                time.sleep(0.01)
        finally:
            (tmp_path / "cleaned").touch()
        return 0

    with pytest.raises(ZeroDivisionError):
        together.run([work], hear, most=1, copies=copies)
    assert (tmp_path / "cleaned").exists()


def test_where_no_copy_can_be_made_those_that_run_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fork = os.fork
    made: list[bool] = []

    def scarce() -> int:
        if made:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made.append(True)
        return fork()

    def work(tell: Tell) -> int:
        while True:
            tell("works")
            time.sleep(0.01)

    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    monkeypatch.setattr(os, "fork", scarce)
    with pytest.raises(BlockingIOError):
        run(work, work, copies=True)
    assert len(before) in (0, len(os.listdir("/proc/self/fd")))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nobody is left


# Interrupted


def start(tmp_path: Path, kind: str, second: str, trap: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        ["sh", "-c", f'{trap}exec "$@"', "sh", sys.executable, "-c", _WORKS, kind, str(tmp_path), second],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def send(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)


def send_to_all(process: subprocess.Popen[str], number: int) -> None:
    os.killpg(process.pid, number)


@pytest.mark.parametrize("kind", ["copies", "threads"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", [send, send_to_all])
def test_an_interrupt_reaches_all_and_each_cleans_up_undisturbed(
    tmp_path: Path, kind: str, number: int, way: Callable[[subprocess.Popen[str], int], None]
) -> None:
    process = start(tmp_path, kind, "careful")
    way(process, number)
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert process.returncode == 130
    assert len(list(tmp_path.glob("cleaned-*"))) == (2 if kind == "copies" else 1)


@pytest.mark.parametrize("kind", ["copies", "threads"])
def test_one_that_does_not_hear_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    process = start(tmp_path, kind, "deaf")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert len(list(tmp_path.glob("cleaned-*"))) == 1
    with pytest.raises(ProcessLookupError):  # nor does it live on
        os.killpg(process.pid, 0)


def test_copies_of_a_process_that_was_killed_end_by_themselves(tmp_path: Path) -> None:
    process = start(tmp_path, "copies", "careful")
    process.kill()
    process.communicate(timeout=30)  # which reads until the last of them has closed it
    assert len(list(tmp_path.glob("cleaned-*"))) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_that_come_while_all_clean_up_disturb_nobody(tmp_path: Path, number: int) -> None:
    process = start(tmp_path, "copies", "careful")
    for _ in range(5):
        os.killpg(process.pid, number)
        time.sleep(0.003)
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert process.returncode == 130
    assert len(list(tmp_path.glob("cleaned-*"))) == 2


def test_copies_that_inherit_an_ignored_interrupt_are_interrupted_all_the_same(tmp_path: Path) -> None:
    process = start(tmp_path, "copies", "careful", trap="trap '' INT; ")  # as in the background of a script
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert len(list(tmp_path.glob("cleaned-*"))) == 2


def test_how_a_copy_ended_is_known_though_the_caller_ignores_the_end_of_children() -> None:
    program = """
    import signal
    from pyv import together
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print(together.run([lambda tell: 3, lambda tell: 4], lambda number, words: False, most=2, copies=True))
    print(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout == "[3, 4]\nTrue\n"


@COPIES
def test_signals_are_handled_as_before_once_all_is_done(*, copies: bool) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    run(lambda _tell: 0, copies=copies)
    assert [signal.getsignal(number) for number in numbers] == before


def test_an_ignored_interrupt_stays_ignored() -> None:
    program = """
    import os, signal, time
    from pyv import together
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def work(tell):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        return 7

    print(together.run([work] * 2, lambda number, words: False, most=2, copies=True))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout == "[7, 7]\n"


def test_two_signals_that_come_at_once_are_one_interrupt() -> None:
    """A terminal tells every process of an interrupt, and the first one tells its copies again."""
    program = """
import os, signal
from pyv import together
both = (signal.SIGINT, signal.SIGUSR1)
for number in both:
    signal.signal(number, together._interrupted)
signal.pthread_sigmask(signal.SIG_BLOCK, both)
for number in both:
    os.kill(os.getpid(), number)
try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
