"""Requests on the wire: one client for all threads, redirects under our own rules, and statuses made into failures."""

from __future__ import annotations

import importlib
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import __version__
from pyv.fetch import addresses
from pyv.fetch.access import Netrc, Proxy, proxy_for
from pyv.fetch.failures import Failure, explain, too_slow, wants_login
from pyv.fetch.lean import import_httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from pyv.fetch.addresses import Address
    from pyv.fetch.retries import Limits
    from pyv.fetch.transport import Transport

_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPECTED = frozenset({200, 206, 304, 416})
_MISSING = frozenset({404, 410})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Answer(NamedTuple):
    """An answer of status 200, 206, 304 or 416.

    Attributes:
        status: which of them.
        headers: by their names in lower case.
        chunks: the bytes of the body as they arrive, to be taken while the answer is open.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Wire:
    """Sends requests and hands out answers.

    Args:
        env: the environment: proxies, netrc and certificates.
        limits: how long to wait.
        clock: seconds that only grow.
        notify: told of a broken netrc.

    Attributes:
        remote: whether another process sends them.
    """

    def __init__(
        self, env: Mapping[str, str], limits: Limits, clock: Callable[[], float], notify: Callable[[str], None]
    ) -> None:
        self._env = env
        self._limits = limits
        self._clock = clock
        self._netrc = Netrc(env, notify)
        self._lock = threading.Lock()
        self._transports: dict[tuple[str, Proxy | None], Transport] = {}

    remote = False

    @staticmethod
    def prepare() -> None:
        """Import what the first request needs."""
        import_httpx()
        importlib.import_module("pyv.fetch.transport")
        importlib.import_module("pyv.fetch.trust")

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()

    @contextmanager
    def open(
        self, url: str, headers: Mapping[str, str], *, decode: bool = False, remaining: float | None = None
    ) -> Iterator[Answer]:
        """Send a GET request, follow redirects, and hand out the answer.

        Args:
            url: an http or https url, with or without user and password.
            headers: beside those that every request has.
            decode: whether to undo gzip. If not, the bytes of the body are those on the wire.
            remaining: seconds that are left for all of it, or None.

        Raises:
            Failure: anything else came, or nothing; or, while the chunks are taken, the body broke off or comes too
                slowly.
        """
        try:
            address = addresses.parse(url)
            response = self._follow(address, headers, remaining)
        except addresses.InvalidUrlError as error:
            raise Failure(str(error)) from None
        try:
            # Gzip and nothing that expands much more: a decoder gives out all that a chunk holds before it is counted
            coding = response.headers.get("content-encoding", "identity").strip().lower()
            if decode and response.status_code != 304 and coding not in ("gzip", "identity", ""):
                raise Failure(f"answered in an encoding that was not asked for: {addresses.printable(coding)}")
            # By the names in lower case, which is how httpx gives them
            yield Answer(response.status_code, dict(response.headers), self._chunks(response, decode=decode))
        finally:
            response.close()

    def _chunks(self, response: httpx.Response, *, decode: bool) -> Iterator[bytes]:
        """Yield the bytes of a body as they arrive.

        Only the time spent waiting for data counts as slow, not what the receiver of the chunks does with them.
        """
        import httpx

        from pyv.fetch.transport import allow

        source = response.iter_bytes() if decode else response.iter_raw()
        waited, received = 0.0, 0
        while True:
            before = self._clock()
            allow(response, self._limits.slow_time)  # what frames a chunk can go on for ever, and be no byte of it
            try:
                chunk = next(source, None)
            except (httpx.HTTPError, httpx.StreamError) as error:
                raise explain(error, "") from None
            if chunk is None:
                return
            waited += self._clock() - before
            received += len(chunk)
            if waited >= self._limits.slow_time:
                if received < self._limits.slow_rate * waited:
                    raise too_slow("")
                waited, received = 0.0, 0
            yield chunk

    def _follow(self, address: Address, headers: Mapping[str, str], remaining: float | None) -> httpx.Response:
        # A login that a redirect brings along is not used: nobody but the user says who they are
        first, login = address, address.login or self._netrc.login(address.host)
        seen = {address.url}
        while True:
            proxy = proxy_for(address, self._env)
            response = self._send(address, proxy, login, headers, remaining)
            location = response.headers.get("location", "")
            if response.status_code not in _REDIRECTS or not location:
                break
            response.close()
            address = addresses.follow(address, location)
            if address.url in seen:
                raise Failure("it redirects in a circle")
            seen.add(address.url)
            if len(seen) > _MOST_REDIRECTS + 1:
                raise Failure(f"it redirects more than {_MOST_REDIRECTS} times")
            if not addresses.same_party(first, address):
                login = None  # and not given again, wherever the chain leads: another host has had a say in that
        if response.status_code not in _EXPECTED:
            response.close()
            raise _refusal(response, proxy, gave_login=login is not None)
        if response.status_code == 304:
            with suppress(Exception):
                response.read()  # there is no body; read to its end, the connection can be used again
        return response

    def _send(
        self,
        address: Address,
        proxy: Proxy | None,
        login: tuple[str, str] | None,
        headers: Mapping[str, str],
        remaining: float | None,
    ) -> httpx.Response:
        import_httpx()
        import httpx

        connect, read = self._limits.connect, self._limits.read
        if remaining is not None:
            connect, read = min(connect, remaining), min(read, remaining)
        timeouts = {"connect": connect, "read": read, "write": read, "pool": None}
        sent = {"User-Agent": f"pyv/{__version__}", "Accept": "*/*", **headers}
        if login:
            sent["Authorization"] = _basic(*login)
        try:
            request = httpx.Request("GET", address.url, headers=sent, extensions={"timeout": timeouts})
            return self._transport(address.scheme, proxy).handle_request(request)
        except (httpx.InvalidURL, UnicodeError):  # the second for a host such as `a..b`, from the resolver
            raise Failure("not a valid url") from None
        except httpx.HTTPError as error:
            raise explain(error, proxy.url if proxy else "") from None

    def _transport(self, scheme: str, proxy: Proxy | None) -> Transport:
        """Return the connections for a scheme and proxy. Only https pays for TLS and for reading certificates."""
        from pyv.fetch.transport import Transport
        from pyv.fetch.trust import make_context

        with self._lock:
            if (scheme, proxy) not in self._transports:
                context = make_context(self._env) if scheme == "https" else None
                over_tls = make_context(self._env) if proxy and proxy.url.startswith("https:") else None
                self._transports[scheme, proxy] = Transport(context, proxy, over_tls, self._limits.answer, self._clock)
            return self._transports[scheme, proxy]


def _basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _refusal(response: httpx.Response, proxy: Proxy | None, *, gave_login: bool) -> Failure:
    import httpx

    status = response.status_code
    if status == 407:
        return wants_login(proxy.url if proxy else "in between")
    if status in _MISSING:
        return Failure(f"not found ({status})", missing=True)
    if status == 401:
        whose = "refuses the user name or password" if gave_login else "wants a user name and a password"
        return Failure(
            f"{whose} (401)", hint="put them into your netrc file, or into the url as https://USER:PASSWORD@HOST/..."
        )
    phrase = httpx.codes.get_reason_phrase(status)  # not the server's own words
    return Failure(
        f"answered {status}{' ' if phrase else ''}{phrase}",
        passing=status in _PASSING,
        hint="try again later, or set PYV_MIRROR to another place" if status in _PASSING else "",
        retry_after=_retry_after(response),
    )


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds that a server asks to wait (RFC 9110, section 10.2.3), or 0.

    A date is taken relative to the server's own Date, for this machine's clock may be wrong.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime

    try:
        pause = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("date", ""))
    except (TypeError, ValueError, OverflowError):  # neither a number nor a date, or none that there will ever be
        return 0
    return max(pause.total_seconds(), 0)
