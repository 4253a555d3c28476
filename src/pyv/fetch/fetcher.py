"""Documents and archives from the network or a folder, tried from one source after another."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from pyv.fetch import addresses
from pyv.fetch.failures import CHECK_CONNECTION, Attempt, Failure, offline, verdict
from pyv.fetch.partial import Consumer, Partial, Validators, too_long
from pyv.fetch.remote import RemoteWire
from pyv.fetch.retries import Limits, Retries
from pyv.fetch.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from pyv.fetch.wire import Answer
    from pyv.worker import Worker

_FILE_CHUNK = 1 << 18
_CONTENT_RANGE = r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)"
_DEFAULT_LIMITS = Limits()
_OTHER_SOURCE = "the copy there is damaged or not the one in the catalogue: set PYV_MIRROR to another place"


class Document(NamedTuple):
    """A small document.

    Attributes:
        body: its bytes, or None if it has not changed since the validators that were sent.
        validators: what to send with the next request for it.
    """

    body: bytes | None
    validators: Validators


def _ignore(_message: str) -> None:
    pass


class _Once:
    """Passes each line on once."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._told: set[str] = set()

    def __call__(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._notify(line)


class Fetcher:
    """Fetches from http and https urls, `file:` urls and plain paths. Threads may share one.

    Nothing is connected, read or imported before the first request that needs it.

    Args:
        env: the environment: proxies, NETRC, certificates.
        offline: whether to leave the network alone. Files are still read.
        limits: bounds on time and size.
        sleep: waits for a number of seconds; tests give one that does not.
        clock: seconds that only grow.
        notify: called with a line for the user, such as why there is a long pause.
        worker: what sends the requests, if it is not this process, see `remote.serve`.
        meanwhile: called once, while a worker's first answer is waited for.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        offline: bool = False,
        limits: Limits = _DEFAULT_LIMITS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        notify: Callable[[str], None] = _ignore,
        worker: Worker | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self._offline = offline
        self._limits = limits
        self._sleep = sleep
        self._clock = clock
        self._notify = notify
        told = _Once(notify)  # there may be two wires, which meet the same things
        wire = Wire(env, limits, clock, told)
        self._wire = wire if worker is None else RemoteWire(worker, wire, told, meanwhile)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def remote(self) -> bool:
        """Whether the next request is sent by a worker: also by that copy of this process which is made next."""
        return self._wire.remote

    def prepare(self) -> None:
        """Import what the first request needs, so that copies of this process have it already.

        A worker is left to the copy that was made before.
        """
        self._wire.prepare()

    def close(self) -> None:
        """Close all connections. The fetcher can be used again."""
        self._wire.close()

    def get(
        self,
        url: str,
        *,
        validators: Validators = Validators(),  # noqa: B008 - an immutable value
        max_bytes: int = 64 << 20,
        patience: float | None = None,
        accept: str = "*/*",
    ) -> Document:
        """Return a small document.

        Args:
            url: a url or a path.
            validators: those of the copy that the caller has, if it has one.
            max_bytes: the longest that is accepted, decoded.
            patience: seconds after which the caller hears that it failed, whatever goes on; None for no such bound.
            accept: the media types that are understood, best first; a server may know none of them.

        Raises:
            MissingError: the place has no such document.
            NetworkError: it could not be had.
            VerificationError: it is longer than accepted.
        """
        if patience is None:
            return self._get(url, validators, max_bytes, None, accept)
        # A resolver without a network and a dead network file system block for minutes; only a thread can be left there
        done: list[Document | BaseException] = []

        def run() -> None:
            try:
                done.append(self._get(url, validators, max_bytes, patience, accept))
            except BaseException as error:  # noqa: BLE001 - it belongs to the thread that asked
                done.append(error)

        thread = threading.Thread(target=run, name="patience", daemon=True)
        thread.start()
        thread.join(patience)
        if not done:
            raise verdict([Attempt(url, Failure(f"no answer within {patience:g} s", hint=CHECK_CONNECTION))])
        if isinstance(done[0], BaseException):
            raise done[0]
        return done[0]

    def download(
        self,
        urls: Sequence[str],
        partial: Path,
        *,
        sha256: str,
        consumer: Consumer | None,
        progress: Callable[[int, int | None], None],
    ) -> bool:
        """Fetch a file whose hash is known, from the first of several sources that has it.

        What an earlier run left in `partial` is taken up. On failure what has come is kept for the next run, unless it
        is known to be wrong. Nothing is forced to disk.

        Args:
            urls: urls or paths, best first.
            partial: where the bytes go; its folder is made if need be. Whole when this returns: the caller renames it.
            sha256: the hash of the whole, in hex.
            consumer: gets the bytes as they come.
            progress: called with the bytes so far, and the total or None.

        Returns:
            Whether it is still there. False if somebody has deleted it meanwhile, or put something else in its place.

        Raises:
            MissingError: no source has it.
            NetworkError: it could not be had.
            VerificationError: a source served something else, or something too long.
            OSError: it could not be written.
        """
        attempts: list[Attempt] = []
        retries = self._retries(None)
        into = Partial(partial, self._limits.body, consumer, progress)
        try:
            into.reload()
            if into.size and into.sha256() == sha256:
                return into.finish()
            for url in urls:
                retries.begin(addresses.redact(url))
                try:
                    self._from_source(url, into, sha256, retries)
                except Failure as failure:
                    attempts.append(Attempt(url, failure, retries.tries))
                else:
                    return into.finish()
        finally:
            into.close()
        raise verdict(attempts)

    def _retries(self, patience: float | None) -> Retries:
        deadline = None if patience is None else self._clock() + patience
        return Retries(self._limits, self._sleep, self._clock, self._notify, deadline)

    def _get(self, url: str, validators: Validators, max_bytes: int, patience: float | None, accept: str) -> Document:
        retries = self._retries(patience)
        retries.begin(addresses.redact(url))
        while True:
            try:
                if (path := _local(url)) is not None:
                    return _read(path, validators, max_bytes)
                if self._offline:
                    raise offline()
                return self._ask(url, validators, max_bytes, retries, accept)
            except Failure as failure:
                if retries.again(failure, progress=False):
                    continue
                attempt = Attempt(url, failure, retries.tries)
            raise verdict([attempt])

    def _ask(self, url: str, validators: Validators, max_bytes: int, retries: Retries, accept: str) -> Document:
        headers = {"Accept-Encoding": "gzip", "Accept": accept}
        if validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        with self._wire.open(url, headers, decode=True, remaining=retries.remaining()) as answer:
            fresh = _validators(answer)
            if answer.status == 304 and any(validators):
                return Document(None, fresh if any(fresh) else validators)
            if answer.status != 200:
                raise Failure(f"answered {answer.status} unasked")
            parts, size = [], 0
            for chunk in answer.chunks:
                size += len(chunk)
                if size > max_bytes:
                    raise too_long(max_bytes)
                parts.append(chunk)
                if retries.is_over():
                    raise Failure("too slow", slow=True)
            return Document(b"".join(parts), fresh)

    def _from_source(self, url: str, into: Partial, sha256: str, retries: Retries) -> None:
        """Complete a download from one source, or raise why that failed."""
        furthest, started_over = into.size, False
        while True:
            try:
                if (path := _local(url)) is not None:
                    _copy(path, into)
                elif self._offline:
                    raise offline()
                else:
                    self._receive(url, into)
            except Failure as failure:
                if failure.wrong:
                    into.restart()
                elif into.sha256() == sha256:
                    return  # the server was wrong about the length alone
                progress = into.size - furthest >= self._limits.progress
                if not retries.again(failure, progress=progress):
                    raise
                furthest = into.size if progress else furthest
                continue
            got, doubtful = into.sha256(), into.doubtful
            if got == sha256:
                return
            into.restart()
            if not doubtful or started_over:
                raise Failure(f"its sha256 is {got}, expected {sha256}", hint=_OTHER_SOURCE, wrong=True)
            started_over = True

    def _receive(self, url: str, into: Partial) -> None:
        """Send one request, for what is still missing, and take what comes."""
        headers = {"Accept-Encoding": "identity"}
        if into.size:
            headers["Range"] = f"bytes={into.size}-"
            if condition := into.condition(url):
                headers["If-Range"] = condition
        with self._wire.open(url, headers) as answer:
            if _fits(answer, into):
                self._take(url, answer, into)
                return
        # Asked for a part, it answers with another one or none: what is here is not the beginning of what it has
        if not into.size:
            raise Failure(f"answered {answer.status} to a request for the whole")
        into.restart()
        self._receive(url, into)

    def _take(self, url: str, answer: Answer, into: Partial) -> None:
        if answer.status == 200 and into.size:
            into.restart()
        length = answer.headers.get("content-length", "")
        into.total = into.size + int(length) if length.isdigit() else None
        if whole := re.fullmatch(_CONTENT_RANGE, answer.headers.get("content-range", ""), re.ASCII):
            into.total = int(whole[3]) if whole[3] != "*" else into.total
        if into.total is not None and into.total > self._limits.body:
            raise too_long(self._limits.body)
        open_ended = not {"content-length", "transfer-encoding"} & answer.headers.keys()
        into.doubtful = into.size > 0 or open_ended
        into.remember(url, _validators(answer))
        for chunk in answer.chunks:
            into.append(chunk)
        if into.total is not None and into.size < into.total:
            raise Failure("the answer was cut short", passing=True)


def _fits(answer: Answer, into: Partial) -> bool:
    """Tell whether a body can be taken: it is the whole, or begins where we are."""
    if answer.status == 206:
        part = re.fullmatch(_CONTENT_RANGE, answer.headers.get("content-range", ""), re.ASCII)
        return part is not None and int(part[1]) == into.size
    return answer.status == 200


def _validators(answer: Answer) -> Validators:
    return Validators(answer.headers.get("etag", ""), answer.headers.get("last-modified", ""))


def _local(url: str) -> str | None:
    try:
        return addresses.local_path(url)
    except addresses.InvalidUrlError as error:
        raise Failure(str(error)) from None


@contextmanager
def _open_file(path: str) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    try:
        # Not blocking on a named pipe that nobody writes to
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise Failure("no such file", missing=True) from None
    except (OSError, ValueError) as error:  # the second for a NUL in the path
        raise Failure(f"cannot be read: {getattr(error, 'strerror', None) or 'not a valid path'}") from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise Failure("not a file")
    with open(descriptor, "rb", buffering=0) as file:
        yield file, state


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = file.read(_FILE_CHUNK)
        except OSError as error:  # not to be taken for a failure to write what was read
            raise Failure(f"cannot be read: {error.strerror}") from None
        if not chunk:
            return
        yield chunk


def _read(path: str, validators: Validators, max_bytes: int) -> Document:
    with _open_file(path) as (file, state):
        fresh = Validators(etag=f'"{state.st_mtime_ns:x}-{state.st_size:x}"')
        if fresh.etag == validators.etag:
            return Document(None, fresh)
        if state.st_size > max_bytes:
            raise too_long(max_bytes)
        return Document(b"".join(_pieces(file)), fresh)


def _copy(path: str, into: Partial) -> None:
    if into.size:
        into.restart()
    with _open_file(path) as (file, state):
        into.total = state.st_size
        for chunk in _pieces(file):
            into.append(chunk)
