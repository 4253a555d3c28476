"""Functions that run at the same time, each in a copy of this process: one interpreter runs one thread at a time.

A copy tells by a pipe how it gets on. Where copies of a process are not safe, the functions run on threads of this one.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv.ended import Ended
from pyv.worker import COPIES

__all__ = ["COPIES", "INTERRUPTED", "run"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, NoReturn, TypeAlias

    Tell: TypeAlias = Callable[..., None]
    Work: TypeAlias = Callable[[Tell], int]
    Hear: TypeAlias = Callable[[int, list[Any]], bool]

# How long the others may take to clean up after themselves when this process is interrupted, in seconds
_GRACE = 5.0
# How long an interrupt may go unheard while nothing is told: one that comes just before a wait does not end it
_EAR_SECONDS = 0.1
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What tells a copy that it is interrupted. It may have inherited that the others are ignored.
_STOP = signal.SIGUSR1
_PIECE = 1 << 16
# The status of a function that was interrupted, as shells give it
INTERRUPTED = 128 + signal.SIGINT


def run(
    works: Sequence[Work], hear: Hear, *, most: int, copies: bool, between: Callable[[], None] = lambda: None
) -> list[int]:
    """Run functions at the same time, and return the status of each.

    Args:
        works: each is called with a function that tells something, in words that JSON can carry, and returns its exit
            status, from 0 to 255. It handles its own errors.
        hear: called in this process with the number of a function and the words that it has told. True says that it is
            over with what only some may do at a time.
        most: how many those are; one that has returned does not count either.
        copies: whether each gets a copy of this process, see `COPIES`. No other thread may run then, and no connection
            be open.

        between: called once the first of the functions has begun, if that is in a copy, and before the others do.

    Returns:
        What the functions have returned; for a copy that a signal has ended, the negative number of it.

    Raises:
        KeyboardInterrupt: this process was interrupted. So were the functions: by a signal, or by `tell`. What has not
            ended soon after is killed, or left behind on its thread by a process that should end now, too.
        OSError: no copy could be made. The other functions were interrupted.
    """
    kind = _Copies if copies else _Threads
    with _one_interrupt():
        return kind(works, hear, most, between).run()


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Have the first interrupt raise KeyboardInterrupt, and ignore the others, which would break off what it begins."""
    former = {number: signal.getsignal(number) for number in (*_INTERRUPTS, _STOP, signal.SIGCHLD)}
    for number in _INTERRUPTS:
        if former[number] not in (signal.SIG_IGN, signal.SIG_DFL):
            signal.signal(number, _interrupted)
    # Where the caller had these ignored, the kernel forgets a copy as soon as it ends, and how it ended
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:
                signal.signal(number, handler)


class _Copy(NamedTuple):
    number: int
    pid: int
    pipe: int
    received: bytearray


class _Copies:
    """Runs each function in a process of its own."""

    def __init__(self, works: Sequence[Work], hear: Hear, most: int, between: Callable[[], None]) -> None:
        self._waiting = deque(enumerate(works))
        self._between = between
        self._hear = hear
        self._most = most
        self._statuses = [0] * len(works)
        self._busy: set[int] = set()
        self._running = selectors.DefaultSelector()

    def run(self) -> list[int]:
        with self._running:
            try:
                if self._waiting:
                    self._start(*self._waiting.popleft())
                    self._between()
                while self._waiting or self._running.get_map():
                    while self._waiting and len(self._busy) < self._most:
                        self._start(*self._waiting.popleft())
                    self._listen()
            except BaseException:
                self._end()
                raise
        return self._statuses

    def _start(self, number: int, work: Work) -> None:
        sys.stdout.flush()
        with suppress(OSError):  # nobody hears what is still there, as when the terminal is gone
            sys.stderr.flush()
        here, there = os.pipe()
        # An interrupt in between would leave a copy that nobody knows, or that believes to be this process
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (*_INTERRUPTS, _STOP))
        try:
            pid = os.fork()
            if not pid:
                # Else a copy would go on telling into a pipe that nobody reads but another copy
                for each in (here, *(key.data.pipe for key in self._running.get_map().values())):
                    os.close(each)
                _be_copy(work, there, before)
            self._busy.add(number)
            self._running.register(here, selectors.EVENT_READ, _Copy(number, pid, here, bytearray()))
        except OSError:
            os.close(here)
            raise
        finally:
            os.close(there)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _listen(self) -> None:
        for key, _ in self._running.select(_EAR_SECONDS):
            copy: _Copy = key.data
            data = os.read(copy.pipe, _PIECE)
            if not data:
                self._reap(copy)
                continue
            copy.received.extend(data)
            *lines, rest = copy.received.split(b"\n")
            copy.received[:] = rest
            for line in lines:
                if self._hear(copy.number, json.loads(line)):
                    self._busy.discard(copy.number)

    def _reap(self, copy: _Copy) -> None:
        _, status = os.waitpid(copy.pid, 0)
        self._running.unregister(copy.pipe)
        os.close(copy.pipe)
        self._statuses[copy.number] = os.waitstatus_to_exitcode(status)
        self._busy.discard(copy.number)

    def _end(self) -> None:
        """End what runs: let it clean up after itself, but not for ever."""
        self._signal(_STOP)
        deadline = time.monotonic() + _GRACE
        try:
            while self._running.get_map() and time.monotonic() < deadline:
                self._listen()
        finally:
            self._signal(signal.SIGKILL)
            for key in list(self._running.get_map().values()):
                self._reap(key.data)

    def _signal(self, number: int) -> None:
        for key in self._running.get_map().values():
            os.kill(key.data.pid, number)  # which is there: only `_reap` lets go of its number


def _be_copy(work: Work, pipe: int, mask: Iterable[int]) -> NoReturn:
    """Run a function as a new copy of this process, which ends with it."""
    status = 1
    try:
        signal.signal(_STOP, _interrupted)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = work(_Pipe(pipe))
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:  # noqa: BLE001 - nothing may return into the code of the process that this is a copy of
        traceback.print_exc()
    finally:
        os._exit(status)


def _interrupted(_number: int, _frame: object) -> NoReturn:
    # The terminal tells every process, and the one that this is a copy of tells it again: not while this cleans up.
    # Not SIG_IGN: Python reports one that has come already, and finds no function of its own to call
    for number in (*_INTERRUPTS, _STOP):
        signal.signal(number, _heard_already)
    raise KeyboardInterrupt


def _heard_already(_number: int, _frame: object) -> None:
    pass


class _Pipe:
    """Tells the process that this is a copy of. Threads may share it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def __call__(self, *words: object) -> None:
        data = json.dumps(words).encode() + b"\n"
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._pipe, data) :]
            except BrokenPipeError:  # it was killed, and nobody waits for what this does
                raise KeyboardInterrupt from None


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


class _Threads:
    """Runs each function on a thread."""

    def __init__(self, works: Sequence[Work], hear: Hear, most: int, between: Callable[[], None]) -> None:
        self._works = works
        self._between = between
        self._hear = hear
        self._free = threading.Semaphore(most)
        self._stop = threading.Event()
        self._ended = Ended()
        self._statuses: dict[int, int] = {}
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()

    def run(self) -> list[int]:
        threads = [
            threading.Thread(target=self._work, args=each, name="together", daemon=True)
            for each in enumerate(self._works)
        ]
        try:
            self._between()
            for thread in threads:
                thread.start()
            self._wait(None)
        except BaseException:
            self._stop.set()
            self._wait(time.monotonic() + _GRACE)
            raise
        return [self._statuses[number] for number in range(len(self._works))]

    def _wait(self, deadline: float | None) -> None:
        while len(self._statuses) < len(self._works) and not (self._errors or _is_over(deadline)):
            self._ended.wait(_EAR_SECONDS)
            self._ended.clear()
        if self._errors:
            raise self._errors.pop()

    def _work(self, number: int, work: Work) -> None:
        self._free.acquire()
        busy = [number]

        def release() -> None:
            if busy:
                busy.clear()
                self._free.release()

        def tell(*words: object) -> None:
            if self._stop.is_set():
                raise KeyboardInterrupt
            with self._lock:
                try:
                    over = self._hear(number, list(words))
                except BaseException as error:
                    self._errors.append(error)
                    self._ended.set()
                    raise
            if over:
                release()

        status = 1
        try:
            status = work(tell)
        except KeyboardInterrupt:
            status = INTERRUPTED
        except BaseException:  # noqa: BLE001 - a thread has nobody to raise to
            traceback.print_exc()
        finally:
            release()
            self._statuses[number] = status
            self._ended.set()
