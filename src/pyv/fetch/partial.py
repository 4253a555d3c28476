"""A download as it grows: the file, its hash, what reads along, and the note that lets another run go on with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from pyv.fetch.addresses import redact
from pyv.fetch.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 1 << 18
_NOTE = ".json"
# A header's value that can be sent back
_CONDITION = re.compile(r"[ -~]{1,512}", re.ASCII)


class Validators(NamedTuple):
    """What a server said about the state of a document, to be sent back with the next request for it.

    Attributes:
        etag: the ETag header, or nothing.
        last_modified: the Last-Modified header, or nothing.
    """

    etag: str = ""
    last_modified: str = ""


class Consumer(Protocol):
    """Reads a download while it comes. What it has read is known to be right only when `download` has returned.

    An exception of these methods ends the download and reaches the caller; what has come is kept for the next run. So a
    consumer for which the bytes make no sense must not raise: they may be the wrong ones, which is for the hash to say,
    and `restart` may follow.
    """

    def write(self, data: bytes) -> None:
        """Take the next bytes. May block."""

    def restart(self) -> None:
        """Forget everything: the next bytes are the first."""


class Partial:
    """The file of a download, which may hold a part from an earlier run.

    Args:
        path: the file. It is made with the first byte; beside it is the note, PATH.json.
        limit: the most bytes that it may take.
        consumer: gets every byte in order.
        progress: called with the bytes so far, and the total or None.
    """

    def __init__(
        self, path: Path, limit: int, consumer: Consumer | None, progress: Callable[[int, int | None], None]
    ) -> None:
        self._path = path
        self._note = path.with_name(path.name + _NOTE)
        self._limit = limit
        self._consumer = consumer
        self._progress = progress
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self.size = 0
        self.total: int | None = None
        # Whether a wrong hash may be an accident: bytes of two answers that do not belong together, or a body without a
        # length, which a lost connection cuts short unnoticed
        self.doubtful = False

    def reload(self) -> None:
        """Take up what an earlier run left: hash it, and feed it to the consumer."""
        for path in (self._path, self._note):
            _forget_unless_file(path)
        try:
            self._file = open(self._path, "r+b", buffering=0)  # noqa: SIM115 - closed by close()
        except FileNotFoundError:
            return
        if os.fstat(self._file.fileno()).st_size > self._limit:
            self.restart()
            return
        while chunk := self._file.read(_CHUNK):
            self._take(chunk)

    def append(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            Failure: they are more than may come.
            OSError: they cannot be written.
        """
        if self.size + len(data) > self._limit:
            raise too_long(self._limit)
        file, rest = self._opened(), memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        self._take(data)

    def restart(self) -> None:
        """Throw everything away: the next bytes are the first."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
        with suppress(FileNotFoundError):
            os.unlink(self._note)
        if self._consumer is not None and self.size:
            self._consumer.restart()
        self._digest = hashlib.sha256()
        self.size = 0
        self.total = None
        self.doubtful = False

    def sha256(self) -> str:
        """Return the hash of everything so far, in hex."""
        return self._digest.hexdigest()

    def remember(self, url: str, validators: Validators) -> None:
        """Note where the bytes come from, so that the next run can ask for the rest of the same thing."""
        condition = validators.etag if validators.etag.startswith('"') else validators.last_modified
        note = json.dumps({"url": redact(url), "condition": condition})
        self._opened()
        with open(self._note, "w", encoding="utf-8") as file:
            file.write(note)

    def condition(self, url: str) -> str:
        """Return what If-Range takes to get the rest of what is here from that url; nothing if it was from another."""
        try:
            note = json.loads(self._note.read_bytes())
            condition = str(note["condition"]) if note["url"] == redact(url) else ""
        # There is none, or it was half written when the power went, or it is nobody's
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""
        return condition if _CONDITION.fullmatch(condition) else ""

    def finish(self) -> bool:
        """Close the file, which is whole, and remove the note; tell whether it is still there.

        Whoever deletes the cache meanwhile and begins the same download has another file of that name.
        """
        mine = os.fstat(self._opened().fileno())
        self._opened().close()
        self._file = None
        try:
            if not os.path.samestat(mine, os.lstat(self._path)):
                return False
        except FileNotFoundError:
            return False
        with suppress(FileNotFoundError):
            os.unlink(self._note)
        return True

    def close(self) -> None:
        """Close the file. If it holds nothing, it is removed."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if not self.size:
            for path in (self._path, self._note):
                with suppress(FileNotFoundError):
                    os.unlink(path)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), "wb", buffering=0)
        return self._file

    def _take(self, data: bytes) -> None:
        self._digest.update(data)
        self.size += len(data)
        if self._consumer is not None:
            self._consumer.write(data)
        self._progress(self.size, self.total)


def _forget_unless_file(path: Path) -> None:
    """Remove what stands in a file's place and could be read for ever: a pipe, or a link to a device."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            os.unlink(path)


def too_long(limit: int) -> Failure:
    """Return the failure of a body that exceeds what is accepted."""
    return Failure(
        f"more than {limit:,} bytes", hint="this is no file that pyv would fetch: check the address", wrong=True
    )
