"""Connections that a server cannot hold for ever: each answer has a time by which it must have come.

httpx bounds every single read, so one byte before each bound goes on without end, and its client cannot be given other
streams. httpcore, which it is built on, can. Imported with the first request.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from pyv.fetch.access import Proxy

_MOST_IDLE = 20
_IDLE_SECONDS = 5


class Transport(httpx.BaseTransport):
    """Sends requests over connections that are kept, directly or through a proxy. Threads may share one.

    Args:
        trusted: the certificates of servers; None where TLS is never spoken to them.
        proxy: the proxy, if there is one.
        over_tls: the certificates of a proxy that is spoken to over TLS.
        limit: seconds from a request until the headers of its answer are whole.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        trusted: ssl.SSLContext | None,
        proxy: Proxy | None,
        over_tls: ssl.SSLContext | None,
        limit: float,
        clock: Callable[[], float],
    ) -> None:
        common: dict[str, Any] = {
            "ssl_context": trusted,
            "max_connections": None,
            "max_keepalive_connections": _MOST_IDLE,
            "keepalive_expiry": _IDLE_SECONDS,
            "network_backend": _Backend(limit, clock),
        }
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**common)
        else:
            login = (proxy.login[0].encode(), proxy.login[1].encode()) if proxy.login else None
            place = _place(httpx.URL(proxy.url))
            self._pool = httpcore.HTTPProxy(place, proxy_auth=login, proxy_ssl_context=over_tls, **common)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: no answer came.
        """
        with _told_as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    _place(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def allow(response: httpx.Response, seconds: float) -> None:
    """Let the next piece of a body take so many seconds, and one read."""
    response.extensions["network_stream"].allow(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection that reads nothing more once the time is over. Sending a request begins it anew."""

    def __init__(self, stream: httpcore.NetworkStream, limit: float, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._limit = limit
        self._clock = clock
        self._until = clock() + limit

    def allow(self, seconds: float) -> None:
        self._until = self._clock() + seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._clock() >= self._until:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.allow(self._limit)
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._limit, self._clock)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Makes such connections."""

    def __init__(self, limit: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._limit, self._clock)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - httpcore says less of it than is true
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _told_as_httpx():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _told_as_httpx() -> Iterator[None]:
    """Raise the exception of httpx that has the name of httpcore's."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.ProxyError) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


def _place(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
