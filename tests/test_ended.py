"""What waits for another thread: interrupted at any instant, it is interrupted and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import suppress

from pyv.ended import Ended
from pyv.unpack import _AbortedError, _Feed
from tests.support.command import environment


def test_it_is_waited_for_and_can_be_waited_for_once_more() -> None:
    ended = Ended()
    assert not ended.wait(0.01)
    threading.Timer(0.05, ended.set).start()
    assert ended.wait()
    assert ended.wait(0)
    ended.clear()
    assert not ended.wait(0.01)
    ended.set()
    ended.set()
    assert ended.wait()


def test_an_interrupt_at_any_instant_is_an_interrupt() -> None:
    former = signal.signal(signal.SIGALRM, signal.default_int_handler)
    ended = Ended()
    try:
        for number in range(5000):
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + number % 200))
                while True:
                    ended.wait(1e-5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    ended.set()
    assert ended.wait(0)


def test_an_interrupt_at_any_instant_keeps_no_extractor_waiting() -> None:
    former = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def extract(feed: _Feed) -> None:
        with suppress(_AbortedError):
            while feed.read(10):
                pass
        feed.drain()

    try:
        for number in range(1500):
            feed = _Feed()
            thread = threading.Thread(target=extract, args=(feed,), daemon=True)
            thread.start()
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 1e-6 * (50 + 7 * number % 500))
                while True:
                    feed.write(b"some bytes of an archive")
            feed.give_up()
            feed.end(_AbortedError)
            thread.join(60)
            assert not thread.is_alive()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def test_an_interrupt_while_pyv_is_imported_is_an_interrupt_all_the_same() -> None:
    program = """
import os, signal, sys

class Finder:
    def find_spec(name, *_):
        if name == "pyv.cli.app":
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()
            except KeyboardInterrupt:  # as Python before 3.12 says it of what happens while a class is made
                raise RuntimeError("Error calling __set_name__") from None

sys.meta_path.insert(0, Finder)
sys.argv[1:] = ["versions"]
from pyv.__main__ import leave
leave()
"""
    assert_interrupted(program)


def test_an_interrupt_that_was_lost_is_heard_at_the_next_step() -> None:
    program = """
import os, signal, sys
from pyv import cli
from pyv.cli import plain

def act(app):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    except KeyboardInterrupt:  # as where the garbage collector calls something
        pass
    app.checkpoint("staged")
    print("goes on")

plain.understand = lambda arguments: act
sys.exit(cli.run(["versions"]))
"""
    assert_interrupted(program)


def assert_interrupted(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment(), timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "pyv: interrupted\n")


def test_what_c_makes_of_an_interrupt_is_an_interrupt_all_the_same() -> None:
    program = """
import os, signal, sys
from pyv import cli
from pyv.cli import plain

def act(app):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    except KeyboardInterrupt:
        raise ImportError("PyCapsule_Import could not import module") from None

plain.understand = lambda arguments: act
sys.exit(cli.run(["versions"]))
"""
    assert_interrupted(program)
