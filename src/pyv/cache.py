"""The archive cache: downloads whose hash was right, under that hash, and the resumable ones that are not yet whole."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import disk, fsops
from pyv.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyv.fetch import Consumer, Fetcher

_CHUNK = 1 << 18
_PARTIAL = ".part"
_NAME = re.compile(r"[0-9a-f]{64}(\..*)?")


class Cleaned(NamedTuple):
    """What cleaning gave back: the number of files and their bytes, and how many were in use and stayed."""

    files: int
    size: int
    kept: int


class _Watched:
    """A consumer that remembers which failed system call was its own."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self.error: OSError | None = None

    def write(self, data: bytes) -> None:
        try:
            self._consumer.write(data)
        except OSError as error:
            self.error = error
            raise

    def restart(self) -> None:
        self._consumer.restart()


class ArchiveCache:
    """The folder of archives.

    Args:
        folder: where they are; made when something is put in.
        notify: called with a line for the user, such as what is being waited for.
    """

    def __init__(self, folder: Path, notify: Callable[[str], None]) -> None:
        self._folder = folder
        self._notify = notify

    def path(self, sha256: str) -> Path:
        """Return where the archive of that hash is, or would be."""
        return self._folder / sha256

    def holds(self, sha256: str) -> bool:
        """Tell whether an archive is there. Its bytes are checked when it is used."""
        return bool(sha256) and os.path.isfile(self.path(sha256))

    def stream(self, sha256: str, consumer: Consumer) -> bool:
        """Feed a cached archive to a consumer and check its hash meanwhile.

        Returns:
            False if it is not there, or not what its name says; it is then deleted, and the consumer told to restart.
        """
        digest = hashlib.sha256()
        try:
            with open(self.path(sha256), "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    consumer.write(chunk)
        except FileNotFoundError:
            return False
        if digest.hexdigest() == sha256:
            return True
        self._notify(f"the cached archive {sha256[:12]} is damaged and is fetched again")
        with suppress(OSError):
            os.unlink(self.path(sha256))
        consumer.restart()
        return False

    def obtain(
        self,
        urls: Sequence[str],
        sha256: str,
        fetcher: Callable[[], Fetcher],
        consumer: Consumer,
        *,
        scratch: Path,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Feed an archive to a consumer, from the cache or else from the network, and keep it.

        One process downloads an archive; another that wants the same one waits for it.

        Args:
            urls: where it can be had, best first.
            sha256: what its bytes must hash to. It is in the cache only once they do.
            fetcher: makes what downloads; not called when the archive is cached.
            consumer: gets the bytes as they come. They are known to be right only when this returns.
            scratch: a private folder that takes the download where the cache cannot be written.
            progress: called with the bytes received and their total, if known.

        Raises:
            NetworkError: it could not be had.
            VerificationError: something else was served.
        """
        watched = _Watched(consumer)
        try:
            self._obtain(urls, sha256, fetcher, watched, progress)
        except OSError as error:
            if error is watched.error:
                raise  # the receiving end's trouble, not the cache's
            self._notify(f"the cache {self._folder} cannot be used ({error.strerror}): downloading past it")
            for name in (sha256 + _PARTIAL, f"{sha256}{_PARTIAL}.json"):  # a full disk needs its space back
                with suppress(OSError):
                    os.unlink(self._folder / name)
            consumer.restart()
            fetcher().download(urls, scratch / "archive", sha256=sha256, consumer=consumer, progress=progress)

    def _obtain(
        self,
        urls: Sequence[str],
        sha256: str,
        fetcher: Callable[[], Fetcher],
        consumer: Consumer,
        progress: Callable[[int, int | None], None],
    ) -> None:
        if self.holds(sha256) and self.stream(sha256, consumer):
            return
        final = self.path(sha256)
        with fsops.lock(
            final.with_name(f"{sha256}.lock"),
            waiting=lambda: self._notify("waiting for another pyv: it downloads the same archive"),
            warn=self._notify,
        ):
            if self.holds(sha256) and self.stream(sha256, consumer):
                return
            partial = final.with_name(sha256 + _PARTIAL)
            if fetcher().download(urls, partial, sha256=sha256, consumer=consumer, progress=progress):
                with suppress(FileNotFoundError):  # the cache may be deleted at any time, this instant too
                    os.replace(partial, final)

    def forget(self, sha256: str) -> None:
        """Delete an archive that turned out to be useless though its hash is right."""
        with suppress(OSError):
            os.unlink(self.path(sha256))

    def size(self) -> int:
        """Return the bytes that the archives take on disk.

        Raises:
            StoreError: they are somebody else's.
        """
        self._refuse_unless(os.R_OK | os.X_OK)
        return disk.usage(self._folder)

    def _refuse_unless(self, access: int) -> None:
        if os.path.isdir(self._folder) and not os.access(self._folder, access):
            raise StoreError(f"permission denied at {self._folder}", hint="set PYV_CACHE_DIR to a folder of yours")

    def clean(self) -> Cleaned:
        """Delete all archives but those that a running pyv downloads at this moment.

        What is not named by a hash stays: the cache may be a folder, such as the home, that has archives of its own.

        Raises:
            StoreError: they are somebody else's.
        """
        self._refuse_unless(os.R_OK | os.W_OK | os.X_OK)
        files = size = kept = 0
        try:
            names = sorted(filter(_NAME.fullmatch, os.listdir(self._folder)))
        except FileNotFoundError:
            return Cleaned(0, 0, 0)
        for stem in sorted({name.split(".", 1)[0] for name in names}):
            with fsops.try_lock(self._folder / f"{stem}.lock") as free:
                if not free:
                    kept += 1
                    continue
                for name in names:
                    if name.split(".", 1)[0] == stem and not name.endswith(".lock"):
                        path = self._folder / name
                        with suppress(OSError):
                            size += os.lstat(path).st_blocks * 512
                            os.unlink(path)
                            files += 1
                with suppress(OSError):
                    os.unlink(self._folder / f"{stem}.lock")
        return Cleaned(files, size, kept)
