"""A mirror on 127.0.0.1, over a line of any rate."""

from __future__ import annotations

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

_PIECE = 1 << 16


class _Line:
    """One line that all connections share."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    def carry(self, size: int) -> None:
        """Wait until so many bytes have had their time."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
            wait = self._free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)


class Server:
    """Serves a folder as long as it is open. `rate` is in bytes per second; 0 is as fast as it goes."""

    def __init__(self, folder: Path, rate: int = 0) -> None:
        line = _Line(rate) if rate else None

        class Handler(_Handler):
            pass

        Handler.folder, Handler.line = os.fspath(folder), line
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or head and body of an answer wait for each other
    folder: str
    line: _Line | None

    def do_GET(self) -> None:
        path = os.path.normpath(unquote(urlsplit(self.path).path)).lstrip("/")
        try:
            file = open(os.path.join(self.folder, path), "rb")  # noqa: SIM115 - closed below
        except OSError:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        with file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if self.line is None:
                self.connection.sendfile(file)
                return
            while piece := file.read(_PIECE):
                self.line.carry(len(piece))
                self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Say nothing."""
