"""Driving a Fetcher in a test: pauses are noted instead of slept, and a consumer keeps what it was given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pyv.fetch import Fetcher, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Large enough for several reads of a socket, and of a length that no buffer divides
DATA = bytes(range(251)) * 4000
DIGEST = hashlib.sha256(DATA).hexdigest()
# Tests wait for real time-outs, so these are short
SHORT = Limits(connect=2, read=0.3, answer=0.3, slow_time=0.3)
# For servers that send something again and again: their next byte may be late on a busy machine
TRICKLING = SHORT._replace(read=10)


class Reader:
    """A consumer that keeps everything.

    Args:
        failing: raise this instead of taking the bytes that lead beyond `after`.
        after: see there.
    """

    def __init__(self, failing: Exception | None = None, after: int = 0) -> None:
        self.data = bytearray()
        self.restarts = 0
        self._failing = failing
        self._after = after

    def write(self, data: bytes) -> None:
        if self._failing is not None and len(self.data) + len(data) > self._after:
            raise self._failing
        self.data += data

    def restart(self) -> None:
        self.data.clear()
        self.restarts += 1


class Download:
    """One download into a folder, and all that was seen of it.

    Attributes:
        partial: the file.
        pauses: the seconds of each pause between tries.
        notes: the lines for the user.
        steps: the calls of `progress`.
    """

    def __init__(
        self, folder: Path, env: Mapping[str, str] | None = None, *, offline: bool = False, limits: Limits = SHORT
    ) -> None:
        self.partial = folder / "cache" / "archive.part"
        self.note = folder / "cache" / "archive.part.json"
        self.pauses: list[float] = []
        self.notes: list[str] = []
        self.steps: list[tuple[int, int | None]] = []
        self.reader = Reader()
        self.fetcher = Fetcher(
            env or {}, offline=offline, limits=limits, sleep=self.pauses.append, notify=self.notes.append
        )

    def run(self, *urls: str, sha256: str = DIGEST) -> None:
        """Download. Whatever comes of it, the consumer's bytes are those of the file."""
        try:
            self.fetcher.download(
                urls,
                self.partial,
                sha256=sha256,
                consumer=self.reader,
                progress=lambda *step: self.steps.append(step),
            )
        finally:
            self.fetcher.close()

    def leave(self, data: bytes, note: str = "") -> None:
        """Put down what an earlier run might have left."""
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self.partial.write_bytes(data)
        if note:
            self.note.write_text(note)

    def is_whole(self) -> bool:
        """Tell whether file and consumer have exactly the right bytes, and nothing else is left behind."""
        left = list(self.partial.parent.iterdir())
        return self.partial.read_bytes() == DATA == self.reader.data and left == [self.partial]

    def left_nothing(self) -> bool:
        """Tell whether no file is left behind."""
        return not self.partial.exists() and not self.note.exists()


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything that a traceback shows with it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
