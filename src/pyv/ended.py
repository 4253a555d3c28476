"""That something on another thread has ended, waited for so that an interrupt at any instant is nothing but that."""

from __future__ import annotations

import time
from contextlib import suppress
from queue import Empty, SimpleQueue

# How long nobody is told that something has ended who has just looked and is about to wait
_LOOK_SECONDS = 0.5


class Ended:
    """An event that can be waited for on the main thread.

    Inside `threading.Event` an interrupt can become a RuntimeError about a lock that is not held, and a `Thread.join`
    that it breaks off takes the thread for ended (CPython before 3.13).
    """

    def __init__(self) -> None:
        self._is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake whoever waits."""
        self._is_set = True
        self._news.put(None)

    def clear(self) -> None:
        """Let it be waited for once more."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for so many seconds at most, and tell whether it is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_set:
            left = _LOOK_SECONDS if deadline is None else min(deadline - time.monotonic(), _LOOK_SECONDS)
            if left <= 0:
                break
            with suppress(Empty):
                self._news.get(timeout=left)
        return self._is_set
