"""What can go wrong with one source, and the error that a person gets when all of them failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import NetworkError, PyvError, VerificationError
from pyv.fetch.addresses import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK_CONNECTION = "check the connection, or set PYV_MIRROR to a place that can be reached"
_LOOK = "look at what is served there, or set PYV_MIRROR to another place"


class MissingError(NetworkError):
    """The place was reached and has no such thing (404, 410, no such file). Another place may have it."""


class Failure(Exception):  # noqa: N818 - never leaves this package: it becomes a line of the error that does
    """One request to one source failed. The text says why, without the url.

    Attributes:
        hint: what to do about it.
        passing: whether the same request may succeed a little later.
        reached: whether anything answered: if not, there may be no network at all.
        slow: whether time was lost in waiting, so that many tries would take minutes.
        missing: whether the place does not have it.
        wrong: whether the place served something that it should not.
        retry_after: seconds that the server asks to wait, or 0.
    """

    def __init__(
        self,
        reason: str,
        *,
        hint: str = "",
        passing: bool = False,
        reached: bool = True,
        slow: bool = False,
        missing: bool = False,
        wrong: bool = False,
        retry_after: float = 0,
    ) -> None:
        super().__init__(reason)
        self.hint = hint
        self.passing = passing
        self.reached = reached
        self.slow = slow
        self.missing = missing
        self.wrong = wrong
        self.retry_after = retry_after


class Attempt(NamedTuple):
    """How one source failed: its url, why, and after how many tries."""

    url: str
    failure: Failure
    tries: int = 1

    def __str__(self) -> str:
        tried = f" ({self.tries} tries)" if self.tries > 1 else ""
        return f"{redact(self.url)}: {self.failure}{tried}"


def verdict(attempts: Sequence[Attempt]) -> PyvError:
    """Return the most telling error for sources that all failed.

    That somebody served the wrong bytes matters more than that somebody else could not be reached.
    """
    told = "; ".join(str(attempt) for attempt in attempts)
    wrong = [attempt.failure for attempt in attempts if attempt.failure.wrong]
    if wrong:
        return VerificationError(f"refused what was served by {told}", hint=wrong[0].hint)
    hints = [attempt.failure.hint for attempt in attempts if attempt.failure.hint]
    hints.sort(key=CHECK_CONNECTION.__eq__)  # anything more particular first
    if all(attempt.failure.missing for attempt in attempts):
        return MissingError(f"cannot fetch {told}", hint=hints[0] if hints else "")
    return NetworkError(f"cannot fetch {told}", hint=hints[0] if hints else _LOOK)


def offline() -> Failure:
    """Return the failure of everything that is not on this machine, when the network is to be left alone."""
    return Failure("offline, so it was not fetched", hint="set PYV_OFFLINE=0, or leave out --offline")


def explain(error: Exception, proxy: str) -> Failure:
    """Return what an exception of httpx means.

    Args:
        error: the exception.
        proxy: the proxy that the request went through, less its password, or nothing.
    """
    import ssl

    import httpx

    via = f" through the proxy {proxy}" if proxy else ""
    root = _root(error)
    if isinstance(error, httpx.ProxyError):
        return _of_proxy(str(error), proxy)
    if isinstance(root, ssl.SSLCertVerificationError):
        return _of_certificate(root)
    if isinstance(root, ssl.SSLError):
        return Failure(f"TLS failed{via}: {root.reason or 'broken off'}", hint=CHECK_CONNECTION, passing=True)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return _of_connecting(root, proxy, via)
    if isinstance(error, httpx.TimeoutException):
        if not isinstance(root, TimeoutError):  # no read was too long, but all of them
            return too_slow(via)
        return Failure(f"no more data came{via}", hint=CHECK_CONNECTION, passing=True, slow=True)
    if isinstance(error, (httpx.DecodingError, httpx.LocalProtocolError)):
        return Failure("request or answer are malformed")
    return Failure(f"the connection broke off{via}", hint=CHECK_CONNECTION, passing=True)


def _root(error: BaseException) -> BaseException:
    """Return the system's exception: httpx wraps that of httpcore, which wraps this one."""
    while type(error).__module__.split(".")[0] in ("httpx", "httpcore"):
        below = error.__cause__ or error.__context__
        if below is None:
            break
        error = below
    return error


def _of_connecting(root: BaseException, proxy: str, via: str) -> Failure:
    import socket

    slow = isinstance(root, TimeoutError)
    reason = f"cannot connect{via}: {getattr(root, 'strerror', None) or 'refused'}"
    if slow:
        reason = f"no connection{via} within the time allowed"
    elif isinstance(root, socket.gaierror):
        reason = f"the proxy {proxy} cannot be found" if proxy else "its host name cannot be resolved"
    return Failure(reason, hint=CHECK_CONNECTION, passing=True, reached=False, slow=slow)


def _of_certificate(error: Exception) -> Failure:
    reason = str(getattr(error, "verify_message", "") or "not trusted")
    hint = "if your company inspects TLS, set SSL_CERT_FILE to the file with your company's CA"
    if "expired" in reason or "not yet valid" in reason:
        hint = "check this machine's clock; else its CA certificates are old"
    elif "match" in reason:
        hint = "something between here and the server answers in its name: check the address and the proxy"
    return Failure(f"its TLS certificate is refused: {reason}", hint=hint)


def _of_proxy(text: str, proxy: str) -> Failure:
    status = int(text[:3]) if text[:3].isdigit() else 0
    if status == 407:
        return wants_login(proxy)
    told = f"answered {status}" if status else "failed"
    return Failure(f"the proxy {proxy} {told}", hint=CHECK_CONNECTION, passing=status == 429 or not 0 < status < 500)


def too_slow(via: str) -> Failure:
    """Return the failure of a server that sends just enough not to be taken for dead."""
    return Failure(f"data comes too slowly{via}", hint=CHECK_CONNECTION, passing=True, slow=True)


def wants_login(proxy: str) -> Failure:
    """Return the failure of a proxy that lets nobody through without the right password."""
    return Failure(
        f"the proxy {proxy} wants a user name and a password, or refused those given (407)",
        hint="put them into HTTPS_PROXY and HTTP_PROXY, as http://USER:PASSWORD@HOST:PORT, percent-encoded",
    )
