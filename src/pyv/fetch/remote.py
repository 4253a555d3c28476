"""Requests that a worker sends: it imports httpx and receives, while this process does everything else.

Nothing that an install imports takes as long as httpx, and TLS would take turns with unpacking.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pyv.fetch.failures import CHECK_CONNECTION, Failure
from pyv.fetch.retries import Limits
from pyv.fetch.wire import Answer, Wire
from pyv.worker import EndedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyv.worker import Say, Worker

# What a worker says: an answer's beginning, a piece of its body, its end; why there is none; a line for the user
_ANSWER, _CHUNK, _END, _FAILURE, _NOTE = b"A", b"C", b"E", b"F", b"N"
_TEXT = ("utf-8", "surrogateescape")  # a line may name a file
_NOT_MODIFIED = 304


class RemoteWire:
    """Sends requests as `Wire` does, but by a worker, one at a time. What it does not send is sent from here.

    Args:
        worker: runs `serve`.
        wire: sends from here.
        notify: called with a line for the user.
        meanwhile: called once, while the first answer is waited for.
    """

    def __init__(
        self, worker: Worker, wire: Wire, notify: Callable[[str], None], meanwhile: Callable[[], None]
    ) -> None:
        self._worker: Worker | None = worker
        self._wire = wire
        self._notify = notify
        self._meanwhile: Callable[[], None] | None = meanwhile
        self._free = threading.Lock()

    @property
    def remote(self) -> bool:
        """Whether the next request is sent by the worker."""
        return self._worker is not None

    def prepare(self) -> None:
        """Import what requests need that are sent from here, and leave the worker to whoever else has it."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.dismiss()
        self._wire.prepare()

    def close(self) -> None:
        """End the worker, and close all connections."""
        self._drop()
        self._wire.close()

    def _drop(self) -> None:
        """Go on without the worker. Other threads may be receiving what was asked for from here."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()

    @contextmanager
    def open(
        self, url: str, headers: Mapping[str, str], *, decode: bool = False, remaining: float | None = None
    ) -> Iterator[Answer]:
        """Send a GET request and hand out the answer, see `Wire.open`.

        Raises:
            Failure: as there.
        """
        request = {"url": url, "headers": dict(headers), "decode": decode, "remaining": remaining}
        with ExitStack() as ends:
            answer = self._ask(request, ends)
            if answer is None:
                answer = ends.enter_context(self._wire.open(url, headers, decode=decode, remaining=remaining))
            yield answer

    def _ask(self, request: Mapping[str, object], ends: ExitStack) -> Answer | None:
        """Return the worker's answer; None if it has ended, or another thread has yet to take one."""
        if not self._free.acquire(blocking=False):
            return None
        ends.callback(self._free.release)
        worker = self._worker
        if worker is None:
            return None
        talk = _Talk(worker, self._notify)
        ends.callback(self._after, talk, last=not request["decode"])
        try:
            worker.tell(json.dumps(request).encode())
            if self._meanwhile is not None:
                meanwhile, self._meanwhile = self._meanwhile, None
                meanwhile()
            status, headers = talk.begin()
        except EndedError:
            return None
        return Answer(status, headers, talk.body())

    def _after(self, talk: _Talk, *, last: bool) -> None:
        if not talk.over:  # what nobody hears would be taken for the next answer
            self._drop()
        elif talk.whole and last:  # it ends while the archive is unpacked
            talk.worker.dismiss()


class _Talk:
    """What a worker says of one request.

    Attributes:
        worker: it.
        over: whether it says no more.
        whole: whether that is because it has said all of an answer.
    """

    def __init__(self, worker: Worker, notify: Callable[[str], None]) -> None:
        self.worker = worker
        self.over = self.whole = False
        self._notify = notify

    def begin(self) -> tuple[int, dict[str, str]]:
        """Return status and headers.

        Raises:
            Failure: there is no answer.
            EndedError: nor a worker.
        """
        _, data = self._hear(_ANSWER)
        status, headers = json.loads(data)
        self.over = self.whole = status == _NOT_MODIFIED
        return status, headers

    def body(self) -> Iterator[bytes]:
        """Yield the body.

        Raises:
            Failure: it broke off.
        """
        while not self.over:
            try:
                kind, data = self._hear(_CHUNK, _END)
            except EndedError:
                raise Failure("the connection broke off", hint=CHECK_CONNECTION, passing=True) from None
            self.over = self.whole = kind == _END
            if not self.over:
                yield data

    def _hear(self, *expected: bytes) -> tuple[bytes, bytes]:
        while True:
            kind, data = self.worker.hear()
            if kind in expected:
                return kind, data
            if kind == _FAILURE:
                self.over = True
                raise Failure(**json.loads(data))
            if kind != _NOTE:  # it has lost its mind
                raise EndedError
            self._notify(data.decode(*_TEXT))


def serve(heard: int, say: Say, env: Mapping[str, str], limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
    """Answer requests, as a worker, until there is nobody left to send one.

    Args:
        heard: where they come from.
        say: says the answers.
        env: the environment: proxies, netrc and certificates.
        limits: how long to wait for servers.
    """
    wire = Wire(env, limits, time.monotonic, lambda line: say(_NOTE, line.encode(*_TEXT)))
    # On threads, since this one has to hear at once that nobody is left
    importing = threading.Thread(target=_prepare, args=(wire,), daemon=True)
    importing.start()
    with open(heard, "rb") as requests:
        for request in requests:
            importing.join()
            threading.Thread(target=_answer, args=(wire, json.loads(request), say), daemon=True).start()
    wire.close()  # Python would remark that nobody has


def _prepare(wire: Wire) -> None:
    try:
        wire.prepare()
    except BaseException:  # noqa: BLE001 - see below
        os._exit(1)


def _answer(wire: Wire, request: dict[str, object], say: Say) -> None:
    try:
        with wire.open(**request) as answer:  # type: ignore[arg-type] # what `open` was given
            say(_ANSWER, json.dumps([answer.status, dict(answer.headers)]).encode())
            if answer.status != _NOT_MODIFIED:
                for chunk in answer.chunks:
                    say(_CHUNK, chunk)
                say(_END, b"")
    except Failure as failure:
        say(_FAILURE, json.dumps({"reason": str(failure), **vars(failure)}).encode())
    except BaseException:  # noqa: BLE001 - then it is sent from where somebody can be told what is wrong
        os._exit(1)
