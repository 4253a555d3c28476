"""Unpacking an archive while it is still coming: a download's consumer with an extractor at its other end."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyv import archive

# Chunks that wait between download and extraction: enough to ride out a slow file, little enough for the memory
_DEPTH = 16
# So many are there only where the line is faster than the extraction
_ENOUGH = 4


class _AbortedError(Exception):
    """Raised in the extractor when its bytes turned out to be the wrong ones, or are no longer wanted."""


class _Feed:
    """A queue of chunks, whose reading end is the binary file that an extractor reads.

    The writing end is on the main thread. An interrupt there may break off a `queue.Queue` in the middle, which then
    wakes nobody any more; a `queue.SimpleQueue` is done with each call or has not begun.
    """

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | type[_AbortedError] | None] = queue.SimpleQueue()
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(_DEPTH):
            self._places.put(None)
        self._rest = memoryview(b"")
        self._over = False
        self._given_up = False
        self._complete = False

    def give_up(self) -> None:
        """Let the reading end fail at once, whatever still waits to be read."""
        self._given_up = True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; none at the end.

        Raises:
            _AbortedError: the writing end gave up.
        """
        if self._given_up:
            raise _AbortedError
        if not self._rest:
            if self._over:
                return b""
            chunk = self._take()
            if chunk is None:
                self._over = True
                return b""
            if not isinstance(chunk, bytes):
                self._over = True
                raise _AbortedError
            if size < 0 or len(chunk) <= size:
                return chunk
            self._rest = memoryview(chunk)
        end = len(self._rest) if size < 0 else size
        part, self._rest = bytes(self._rest[:end]), self._rest[end:]
        return part

    def write(self, chunk: bytes) -> None:
        """Add a chunk, as soon as there is a place for it."""
        self._places.get()
        self._chunks.put(chunk)

    def end(self, mark: type[_AbortedError] | None) -> None:
        """Say that no more chunks come: these were all, or they are not wanted."""
        self._complete = True
        self._chunks.put(mark)

    def ready(self) -> bool:
        """Tell whether so much is there that reading will not wait for the line."""
        return self._complete or self._chunks.qsize() >= _ENOUGH

    def drain(self) -> None:
        """Throw away what still comes, so that the writing end never blocks on an extractor that has ended."""
        while not self._over:
            if not isinstance(self._take(), bytes):
                self._over = True

    def _take(self) -> bytes | type[_AbortedError] | None:
        chunk = self._chunks.get()
        self._places.put(None)
        return chunk


class Unpacker:
    """Takes an archive's bytes as they come, and unpacks them into a folder on a thread of its own.

    What is in the folder is of no use before the bytes are known to be the right ones: the caller asks for `finish`
    only then, and deletes the folder otherwise.

    Args:
        name: the archive's file name, whose ending tells its kind.
        folder: where to unpack; it must not exist yet.
        prefix: what of the archive becomes that folder, see `archive.extract`.

    Attributes:
        taken: how many bytes it was given so far, those before a restart included.

    Raises:
        UsageError: archives of that name cannot be unpacked.
    """

    def __init__(self, name: str, folder: Path, prefix: str) -> None:
        self.taken = 0
        self._name = name
        self._folder = folder
        self._prefix = prefix
        # The list of a zip's members stands at its end, so its bytes have to be kept until the last one is there
        self._spool = folder.with_name(f"{folder.name}.zip") if name.endswith(".zip") else None
        if not name.endswith((".zip", ".tar.gz", ".tar.zst")):
            from pyv import archive

            archive.can_stream(name)  # or rather whether it can be unpacked at all, before anything is downloaded
        self._run: _Run | None = None

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            OSError: unpacking failed for want of space or permission. That an archive is malformed is not said here:
                if its bytes are the wrong ones, that is what has to be said.
        """
        self.taken += len(data)
        if self._spool is not None:
            with open(self._spool, "ab") as file:
                file.write(data)
            return
        if self._run is None:
            self._run = self._start()
        if isinstance(self._run.error, OSError):
            raise self._run.error
        self._run.feed.write(data)

    def restart(self) -> None:
        """Forget everything: the next bytes are the first."""
        self.abort()
        fsops.remove_tree(self._folder)
        if self._spool is not None:
            with suppress(FileNotFoundError):
                self._spool.unlink()

    def abort(self) -> None:
        """Stop unpacking. The folder stays as it is, and may hold anything."""
        if self._run is not None:
            self._run.end(_AbortedError)
            self._run = None

    def finish(self) -> list[archive.Entry]:
        """Wait until everything is unpacked, and return what was.

        Raises:
            VerificationError: the archive is malformed or breaks a rule.
            OSError: it could not be written.
        """
        if self._spool is not None and self._spool.exists():
            _make(self._folder)
            with open(self._spool, "rb") as file:
                return self._extract(file)
        self._run = run = self._run or self._start()
        run.end(None)
        self._run = None  # only now: an interrupt while it ends leaves it to `abort`
        if run.error is not None:
            raise run.error
        return run.entries

    def _start(self) -> _Run:
        _make(self._folder)
        return _Run(self._extract)

    def _extract(self, source: archive.Source) -> list[archive.Entry]:
        from pyv import archive  # while the first bytes come

        return archive.extract(source, self._name, self._folder, prefix=self._prefix)


def _make(folder: Path) -> None:
    """Make a folder that others can read whatever the umask says, like all that is unpacked into it."""
    folder.mkdir()
    folder.chmod(0o755)


class _Run:
    """One attempt at unpacking: the thread, the feed that it reads, and what came of it."""

    def __init__(self, extract: Callable[[_Feed], list[archive.Entry]]) -> None:
        self.feed = _Feed()
        self.entries: list[archive.Entry] = []
        self.error: BaseException | None = None
        self._extract = extract
        self._ended = Ended()
        threading.Thread(target=self._work, name="unpack", daemon=True).start()

    def end(self, mark: type[_AbortedError] | None) -> None:
        """Say that no more bytes come, or are wanted, and wait until nothing is written any more."""
        if mark is not None:
            self.feed.give_up()
        self.feed.end(mark)
        self._ended.wait()

    def _work(self) -> None:
        try:
            self.entries = self._extract(self.feed)
        except _AbortedError:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that asked
            self.error = error
        finally:
            self.feed.drain()
            self._ended.set()
