"""What waits for another thread: interrupted at any instant, it is interrupted and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import suppress

from pyv.ended import Ended
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
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "pyv: interrupted\n")
