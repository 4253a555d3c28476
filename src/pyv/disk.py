"""The disk behind a file system: what was written is there even after a power loss, and how much that takes."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyv.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_PAUSE_SECONDS = 0.1
# So much of an archive, which is three times as much in files, is worth a sync. A download may take hours: each is an
# effort for a disk, and more than that for a file system with a journal.
_ENOUGH = 2 << 20


def sync(folder: Path) -> None:
    """Write everything that is cached for the file system of a folder to disk.

    One call for thousands of new files: an fsync each would take longer than making them.

    Raises:
        OSError: it could not be written.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor, folder)
    finally:
        os.close(descriptor)


def usage(folder: Path) -> int:
    """Return how many bytes the files below a folder take on disk; several names of one file count once."""
    total = 0
    seen: set[tuple[int, int]] = set()
    for base, _folders, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                status = os.lstat(os.path.join(base, name))
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * 512
    return total


class WriteBack:
    """While the body of a `with` statement writes many files, has them reach the disk as they come.

    A sync at the end would write all of it then, and all that other programs have left to be written. While a download
    is waited for, the disk has nothing else to do.

    Args:
        folder: the file system is that of this folder.
        come: tells, from another thread, how many bytes have come so far of what the files are made of.
    """

    def __init__(self, folder: Path, come: Callable[[], int]) -> None:
        self._folder = folder
        self._come = come
        self._descriptor = -1
        self._error: BaseException | None = None
        self._wanted = True
        self._over = threading.Event()
        self._ended = Ended()

    def __enter__(self) -> Self:
        # The kernel tells of what could not be written since this was opened, and tells it once: so it is one for all
        self._descriptor = os.open(self._folder, os.O_RDONLY)
        threading.Thread(target=self._work, name="write back", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._wanted = False
        self._over.set()

    def finish(self) -> None:
        """Wait until all that was written so far is on the disk.

        Raises:
            OSError: some of it, since the beginning, could not be written.
        """
        self._over.set()
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            # The first with the first bytes, for what others have written. What fails sooner needs none, and a process
            # cannot be rid of one before it is done.
            enough = 1 if _syncfs() is not None else sys.maxsize
            while not self._over.wait(_PAUSE_SECONDS):
                if self._come() >= enough:
                    enough = self._come() + _ENOUGH
                    _sync(self._descriptor, self._folder)
            if self._wanted:
                _sync(self._descriptor, self._folder)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that asks how it went
            self._error = error
        finally:
            self._ended.set()
            os.close(self._descriptor)


def _syncfs() -> Any:  # noqa: ANN401 - a function of C
    """Return syncfs(2), which Linux has, or None."""
    import ctypes

    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def _sync(descriptor: int, folder: Path) -> None:
    import ctypes

    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(folder))
