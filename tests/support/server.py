"""A real HTTP server on 127.0.0.1 that serves a folder and misbehaves on request.

    with Server(folder) as server:
        server.url("/a.tar.gz")                          # http://127.0.0.1:PORT/a.tar.gz
        server.next("/a.tar.gz", Fault(status=503), Fault(cut=1000))  # the first two requests; then all is well
        server.always("/b.tar.gz", Fault(wrong=True))    # every request; "*" is any path
        server.requests                                  # what was asked: method, path, headers
        server.count("/a.tar.gz")

A file is served with ETag, Last-Modified, Range, If-Range, If-None-Match, If-Modified-Since and HEAD, over HTTP/1.1
with connections kept. `Server(folder, tls=certificates)` speaks https; see tests.support.certificates. Behind
the proxy in tests.support.proxy any host name leads to a server.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import os
import re
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

    from tests.support.certificates import Certificates

_CHUNK = 1 << 16
_MOST_TRICKLES = 1000
_OTHER_BYTES = bytes(byte ^ 0x55 for byte in range(256))
HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is odd about one answer. Fields can be combined; what is not set is as it should be.

    Attributes:
        status: answer this status, with a short text instead of the file.
        redirect: answer 302 (or `status`) with this Location.
        headers: send these headers too; they replace those of the same name, and None removes one.
        body: serve these bytes instead of the file.
        wrong: serve other bytes, as many.
        cut: close the connection after so many bytes of the body, as if it were over.
        reset: break the connection (RST) after so many bytes of the body; 0 before the first.
        length: claim this Content-Length.
        no_length: send none, and close the connection at the end.
        chunked: send the body with Transfer-Encoding: chunked.
        ranges: whether to honour Range.
        range_start: answer a Range request with 206 from this byte on, whatever was asked.
        etag: send this ETag instead of that of the content; None for none at all.
        rate: send so many bytes per second.
        drip: send one byte at a time, with so many seconds between.
        stall: after so many bytes of the body, send nothing more until the server is closed.
        silent: accept the request and never answer it.
        trickle: instead of an answer, send the first of these bytes, and then the second again and again.
        endless: after the file, send zeros for ever, without Content-Length.
        delay: seconds before the answer.
    """

    status: int = 0
    redirect: str = ""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    wrong: bool = False
    cut: int | None = None
    reset: int | None = None
    length: int | None = None
    no_length: bool = False
    chunked: bool = False
    ranges: bool = True
    range_start: int | None = None
    etag: str | None = ""
    rate: int = 0
    drip: float = 0
    stall: int | None = None
    silent: bool = False
    trickle: tuple[bytes, bytes] = (b"", b"")
    endless: bool = False
    delay: float = 0


_NO_FAULT = Fault()


class Request(NamedTuple):
    """What was asked. The names of the headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Listener(ThreadingHTTPServer):
    """Counts its connections and closes them with itself, so that no thread outlives a test."""

    daemon_threads = False  # so that closing waits for them

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((HOST, 0), handler)
        self.open: set[socket.socket] = set()
        self.connections = 0
        self.closing = threading.Event()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self.connections += 1
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: that a client goes away is what many tests are about."""

    def stop(self) -> None:
        """Close the listener and every connection, and wait for their threads."""
        self.closing.set()
        self.shutdown()
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Running:
    """A listener on a thread of its own, as a context manager.

    Attributes:
        port: where it listens.
        requests: what was asked, in order.
    """

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._listener = self._listen()
        self.port = self._listener.server_address[1]
        # Polled often, for shutting down waits for the next poll
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and break all connections. Its port then refuses connections."""
        if self._listener is not None and self._thread is not None:
            self._listener.stop()
            self._thread.join()
            self._listener = None

    @property
    def connections(self) -> int:
        """The number of connections that were made."""
        return self._listener.connections if self._listener else 0

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def count(self, path: str) -> int:
        """Return how often a path was asked for."""
        return self.paths.count(path)

    def record(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.requests.append(Request(handler.command, handler.path, headers))

    def _listen(self) -> Listener:
        raise NotImplementedError


class Server(Running):
    """Serves the files of a folder.

    Args:
        folder: what to serve. Files may come and change while it runs.
        tls: certificates, for https.
        login: `user:password` that every request must carry.
        rate: bytes per second for each answer, whatever its fault says.
    """

    def __init__(self, folder: Path, *, tls: Certificates | None = None, login: str = "", rate: int = 0) -> None:
        super().__init__()
        self.folder = folder
        self.login = login
        self.rate = rate
        self._tls = tls
        self._always: dict[str, Fault] = {}
        self._next: defaultdict[str, list[Fault]] = defaultdict(list)

    def url(self, path: str = "", *, host: str = HOST, login: str = "") -> str:
        """Return the url of a path, which begins with a slash; `login` is a `user:password` to put into it."""
        user = f"{login}@" if login else ""
        return f"{'https' if self._tls else 'http'}://{user}{host}:{self.port}{path}"

    def next(self, path: str, *faults: Fault) -> None:
        """Answer the next requests for a path with these faults, one after another."""
        self._next[path] += faults

    def always(self, path: str, fault: Fault) -> None:
        """Answer every request for a path with this fault; the path `*` is every other path."""
        self._always[path] = fault

    def fault_for(self, path: str) -> Fault:
        """Return how the next request for a path is to be answered."""
        with self._lock:
            if self._next[path]:
                return self._next[path].pop(0)
        return self._always.get(path, self._always.get("*", _NO_FAULT))

    def _listen(self) -> Listener:
        class Handler(_FileHandler):
            owner = self

        listener = Listener(Handler)
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._tls.certificate, self._tls.key)
            # The handshake belongs to the connection's thread: one client that breaks it off must not stop the others
            listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        return listener


class QuietHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Print nothing."""

    def handle(self) -> None:
        # A client that goes away is no error of the server
        with suppress(ConnectionError, ssl.SSLError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def head(self, status: int, headers: Mapping[str, str | None]) -> None:
        """Send the status and the headers that are not None."""
        self.send_response_only(status)
        for name, value in {"Date": self.date_time_string(), **headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def short(self, status: int, headers: Mapping[str, str | None], text: str = "") -> None:
        """Answer with a short text."""
        body = text.encode()
        self.head(status, {"Content-Length": str(len(body)), **headers})
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)

    def trickle(self, first: bytes, again: bytes) -> None:
        """Send the first of these bytes, and then the second so often that a test that waits for the end notices."""
        self.close_connection = True
        self.wfile.write(first)
        for _ in range(_MOST_TRICKLES):
            self.wfile.write(again)
            self.wfile.flush()
            if self.wait_for_the_end(0.01):
                break

    def wait_for_the_end(self, seconds: float | None = None) -> bool:
        """Wait until the server is closed or so many seconds have passed; tell whether it was the first."""
        assert isinstance(self.server, Listener)
        over = self.server.closing.wait(seconds)
        self.close_connection = self.close_connection or over
        return over

    def reset(self) -> None:
        """Break the connection with RST instead of FIN."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # The file objects made from the socket keep it open; detaching closes it now, and then the kernel sends RST
        os.close(self.connection.detach())


class _FileHandler(QuietHandler):
    owner: Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.owner.record(self)
        path = self.path
        fault = self.owner.fault_for(path)
        if fault.delay:
            self.wait_for_the_end(fault.delay)
        if fault.silent:
            self.wait_for_the_end()
            return
        if any(fault.trickle):
            self.trickle(*fault.trickle)
            return
        expected = "Basic " + base64.b64encode(self.owner.login.encode()).decode()
        if self.owner.login and self.headers.get("Authorization") != expected:
            self.short(401, {"WWW-Authenticate": 'Basic realm="test"'}, "who are you?\n")
        elif fault.redirect:
            self.short(fault.status or 302, {"Location": fault.redirect, **fault.headers})
        elif fault.status:
            self.short(fault.status, fault.headers, f"status {fault.status}\n")
        else:
            self._serve(path, fault)

    def _serve(self, path: str, fault: Fault) -> None:
        file = self.owner.folder / unquote(urlsplit(path).path).lstrip("/")
        if fault.body is None and not file.is_file():
            self.short(404, {}, "no such file\n")
            return
        data = fault.body if fault.body is not None else file.read_bytes()
        modified = email.utils.formatdate(file.stat().st_mtime if file.exists() else 0, usegmt=True)
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"' if fault.etag == "" else fault.etag
        known = self.headers.get("If-None-Match", self.headers.get("If-Modified-Since"))
        if known and known in (etag, modified):
            self.short(304, {"ETag": etag, "Last-Modified": modified})
            return
        if fault.wrong:
            data = data.translate(_OTHER_BYTES)
        self._answer(data, fault, etag, modified)

    def _answer(self, data: bytes, fault: Fault, etag: str | None, modified: str) -> None:
        headers: dict[str, str | None] = {
            "Content-Type": "application/octet-stream",
            "ETag": etag,
            "Last-Modified": modified,
            "Accept-Ranges": "bytes" if fault.ranges else None,
        }
        status, whole = 200, len(data)
        start = self._start(fault, (etag or "", modified))
        if start is not None and start >= whole and fault.range_start is None:
            self.short(416, {"Content-Range": f"bytes */{whole}"})
            return
        if start is not None:
            status, data = 206, data[start:]
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        if fault.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif fault.no_length or fault.endless:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(len(data) if fault.length is None else fault.length)
        headers.update(fault.headers)
        self.head(status, headers)
        if self.command != "HEAD":
            self._send_body(data, fault)

    def _start(self, fault: Fault, validators: tuple[str, str]) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not fault.ranges or self.headers.get("If-Range", validators[0]) not in validators:
            return None
        return int(asked[1]) if fault.range_start is None else fault.range_start

    def _send_body(self, data: bytes, fault: Fault) -> None:
        stops = [stop for stop in (fault.cut, fault.reset, fault.stall) if stop is not None]
        end = min([len(data), *stops])
        rate = fault.rate or self.owner.rate
        step = 1 if fault.drip else min(_CHUNK, max(rate // 50, 1)) if rate else _CHUNK
        started = time.monotonic()
        for begin in range(0, end, step):
            piece = data[begin : min(begin + step, end)]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if fault.chunked else piece)
            if fault.drip or rate:
                self.wfile.flush()
                pause = fault.drip or started + (begin + len(piece)) / rate - time.monotonic()
                if pause > 0 and self.wait_for_the_end(pause):
                    return
        if fault.reset is not None and fault.reset <= len(data):
            self.reset()
            return
        if fault.stall is not None and fault.stall <= len(data):
            self.wfile.flush()
            self.wait_for_the_end()
        while fault.endless:
            self.wfile.write(bytes(_CHUNK))
        if fault.chunked and not stops:
            self.wfile.write(b"0\r\n\r\n")
        if stops or fault.no_length or fault.length is not None:
            self.close_connection = True
