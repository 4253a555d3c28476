"""Requests that a worker sends: it imports httpx and receives, while this process does everything else.

Nothing that an install imports takes as long as httpx, and TLS would take turns with unpacking.
"""

from __future__ import annotations

import json
import os
import signal
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

    def prepare(self) -> None:
        """Import what the first request needs that is sent from here."""
        self._wire.prepare()

    def close(self) -> None:
        """End the worker, and close all connections."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
        self._wire.close()

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
        try:
            worker.tell(json.dumps(request).encode())
            if self._meanwhile is not None:
                meanwhile, self._meanwhile = self._meanwhile, None
                meanwhile()
            kind, data = self._hear(worker)
        except EndedError:
            self.close()
            return None
        if kind == _FAILURE:
            raise _failure(data)
        status, headers = json.loads(data)
        body = _Body(lambda: self._hear(worker), over=status == _NOT_MODIFIED)
        ends.callback(self._after, worker, body, last=not request["decode"])
        return Answer(status, headers, iter(body))

    def _after(self, worker: Worker, body: _Body, *, last: bool) -> None:
        if not body.over:  # what nobody takes would be in the way of the next answer
            self.close()
        elif body.whole and last:  # it ends while the archive is unpacked
            worker.dismiss()

    def _hear(self, worker: Worker) -> tuple[bytes, bytes]:
        while True:
            kind, data = worker.hear()
            if kind != _NOTE:
                return kind, data
            self._notify(data.decode())


class _Body:
    """The body of an answer.

    Attributes:
        over: whether no more of it is said.
        whole: whether that is because it has come to its end.
    """

    def __init__(self, hear: Callable[[], tuple[bytes, bytes]], *, over: bool) -> None:
        self.over = self.whole = over
        self._hear = hear

    def __iter__(self) -> Iterator[bytes]:
        while not self.over:
            try:
                kind, data = self._hear()
            except EndedError:
                raise Failure("the connection broke off", hint=CHECK_CONNECTION, passing=True) from None
            self.over, self.whole = kind != _CHUNK, kind == _END
            if kind == _FAILURE:
                raise _failure(data)
            if not self.over:
                yield data


def _failure(data: bytes) -> Failure:
    return Failure(**json.loads(data))


def serve(heard: int, say: Say, env: Mapping[str, str], limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
    """Answer requests, as a worker, until there is nobody left to send one.

    Args:
        heard: where they come from.
        say: says the answers.
        env: the environment: proxies, netrc and certificates.
        limits: how long to wait for servers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is for the process that waits here
    wire = Wire(env, limits, time.monotonic, lambda line: say(_NOTE, line.encode()))
    # On threads, since this one has to hear at once that nobody is left
    importing = threading.Thread(target=wire.prepare, daemon=True)
    importing.start()
    with open(heard, "rb") as requests:
        for request in requests:
            importing.join()
            threading.Thread(target=_answer, args=(wire, json.loads(request), say), daemon=True).start()


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
