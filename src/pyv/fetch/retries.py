"""How long to wait for what, how often to try again, and how soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyv.fetch.failures import Failure

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_WORTH_TELLING = 5.0


class Limits(NamedTuple):
    """The bounds of what a server can make us wait for and store.

    Attributes:
        connect: seconds for a connection to be made, to each address of the host.
        read: seconds without a single byte.
        answer: seconds from a request until the headers of its answer are whole, however they trickle.
        slow_rate: bytes per second below which a transfer counts as stalled...
        slow_time: ...when that is the average over this many seconds of waiting for data.
        body: bytes of the longest body that is accepted.
        tries: fruitless tries of one source; a time-out counts as two, for it costs minutes where others cost seconds.
        progress: bytes that tries must have brought so as not to be fruitless.
        quick_tries: tries of one source while nothing at all has answered in this call...
        quick_time: ...and seconds for that: who has no network should hear so soon.
        most_tries: tries of one source even if each brought a little more.
        retry_after: seconds of the longest pause that a server can ask for.
    """

    connect: float = 10
    read: float = 30
    answer: float = 60
    slow_rate: float = 1024
    slow_time: float = 60
    body: int = 1 << 30
    tries: int = 4
    progress: int = 1 << 16
    quick_tries: int = 3
    quick_time: float = 3
    most_tries: int = 100
    retry_after: float = 60


class Retries:
    """Decides, for one call, whether and when a source is asked again.

    Args:
        limits: the bounds.
        sleep: waits for a number of seconds.
        clock: seconds that only grow.
        notify: told when a pause is long.
        deadline: when, by the clock, the call is over whatever happens.
    """

    def __init__(
        self,
        limits: Limits,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        notify: Callable[[str], None],
        deadline: float | None = None,
    ) -> None:
        self._limits = limits
        self._sleep = sleep
        self._clock = clock
        self._notify = notify
        self._deadline = deadline
        self._started = clock()
        self._reached = False
        self._source = ""
        self._fruitless = 0
        self.tries = 0

    def begin(self, source: str) -> None:
        """Start counting anew, for another source, given as it may be shown."""
        self._source = source
        self._fruitless = 0
        self.tries = 0

    def remaining(self) -> float | None:
        """Return the seconds left until the deadline, at least a moment, or None if there is none."""
        return None if self._deadline is None else max(self._deadline - self._clock(), 0.001)

    def is_over(self) -> bool:
        """Tell whether the deadline has passed."""
        return self._deadline is not None and self._clock() >= self._deadline

    def again(self, failure: Failure, *, progress: bool) -> bool:
        """Wait as long as is proper after a failed try, or say that the source is not worth another.

        Args:
            failure: how the try ended.
            progress: whether tries have brought enough since this was last said.
        """
        self.tries += 1
        self._reached = self._reached or failure.reached
        if progress:
            self._fruitless = 0
        self._fruitless += 2 if failure.slow else 1
        if not failure.passing or self.tries >= self._limits.most_tries:
            return False
        pause = min(_FIRST_PAUSE * 2 ** (self._fruitless - 1), _LONGEST_PAUSE)
        if not self._reached:
            if self.tries >= self._limits.quick_tries or self._clock() - self._started >= self._limits.quick_time:
                return False
            pause /= 2
        elif self._fruitless >= self._limits.tries:
            return False
        import random

        pause *= random.uniform(0.5, 1)  # noqa: S311 - keeps many clients from coming back at once; no secret
        pause = max(pause, min(failure.retry_after, self._limits.retry_after))
        left = self.remaining()
        if left is not None and pause >= left:
            return False
        if pause >= _WORTH_TELLING:
            self._notify(f"{self._source}: {failure}; trying again in {pause:.0f} s")
        self._sleep(pause)
        return True
