"""A real HTTP proxy on 127.0.0.1, behind which every host name leads to one server."""

from __future__ import annotations

import base64
import select
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.server import HOST, Listener, QuietHandler, Running

if TYPE_CHECKING:
    from tests.support.server import Server

_CHUNK = 1 << 16


class Proxy(Running):
    """An HTTP proxy: absolute urls for http, CONNECT for https.

    Args:
        to: the server that every request ends at, whatever host it names, so that tests can use names such as
            `mirror.test` without a resolver.
        login: `user:password` that every request must carry; else 407.
        status: answer every request with this status.
        trickle: answer every request with these bytes, again and again, below a status of 200.

    Its `requests` have absolute urls, or `host:port`, as paths.
    """

    def __init__(self, *, to: Server, login: str = "", status: int = 0, trickle: bytes = b"") -> None:
        super().__init__()
        self.to = to
        self.login = login
        self.status = status
        self.trickle = trickle

    def url(self, login: str = "") -> str:
        """Return its url, with a `user:password`, percent-encoded, if given."""
        return f"http://{login}{'@' if login else ''}{HOST}:{self.port}"

    def _listen(self) -> Listener:
        class Handler(_ProxyHandler):
            owner = self

        return Listener(Handler)


class _ProxyHandler(QuietHandler):
    owner: Proxy

    def do_CONNECT(self) -> None:  # noqa: N802 - the base class looks for it
        if self._is_refused():
            return
        with socket.create_connection((HOST, self.owner.to.port)) as there:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self._relay(self.connection, there)

    def do_GET(self) -> None:  # noqa: N802 - the base class looks for it
        if self._is_refused():
            return
        parts = urlsplit(self.path)
        own = ("proxy-authorization", "connection")
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items() if name.lower() not in own)
        target = parts._replace(scheme="", netloc="").geturl()
        with socket.create_connection((HOST, self.owner.to.port)) as there:
            there.sendall(f"GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode("latin-1"))
            self._relay(self.connection, there)

    def _is_refused(self) -> bool:
        self.owner.record(self)
        expected = "Basic " + base64.b64encode(self.owner.login.encode()).decode()
        if self.owner.login and self.headers.get("Proxy-Authorization") != expected:
            self.short(407, {"Proxy-Authenticate": 'Basic realm="proxy"'})
        elif self.owner.status:
            self.short(self.owner.status, {})
        elif self.owner.trickle:
            self.trickle(b"HTTP/1.1 200 OK\r\n", self.owner.trickle)
        else:
            return False
        return True

    def _relay(self, here: socket.socket, there: socket.socket) -> None:
        """Pass bytes on in both directions until one side ends."""
        self.close_connection = True
        assert isinstance(self.server, Listener)
        while not self.server.closing.is_set():
            ready, _, _ = select.select([here, there], [], [], 0.05)
            for source in ready:
                data = source.recv(_CHUNK)
                if not data:
                    return
                (there if source is here else here).sendall(data)
