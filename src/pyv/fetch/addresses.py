"""Urls: taking them apart strictly, following redirects, and showing them without their secrets."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_END_OF_HOST = r"[/?#]"
_END_OF_PATH = r"[?#]"
# A host as it may stand before a port or the path
_HOST = r"(.*:\d*|[^:]*|.*\])"


class InvalidUrlError(ValueError):
    """The text is no url that can be fetched; the message says why, without the url."""


class Address(NamedTuple):
    """An http or https url, taken apart.

    Attributes:
        url: the url without user, password and fragment.
        scheme: `http` or `https`.
        host: the host name in lower case, or the IP address without brackets.
        port: the port, that of the scheme if none is given.
        login: user and password, percent-decoded, if the url has them.
    """

    url: str
    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None


def parse(url: str) -> Address:
    """Take an http or https url apart.

    Raises:
        InvalidUrlError: it is malformed, or of another scheme.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidUrlError("not a valid url") from None
    if parts.scheme not in _PORTS:
        raise InvalidUrlError(f"only http and https are fetched, not {printable(parts.scheme) or 'a url without one'}")
    if not parts.hostname:
        raise InvalidUrlError("a url without a host")
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return Address(
        parts._replace(netloc=place, fragment="").geturl(),
        parts.scheme,
        parts.hostname,
        port if port is not None else _PORTS[parts.scheme],
        (unquote(name), unquote(password)) if user else None,
    )


def fetchable(text: str) -> bool:
    """Tell whether a text is an http or https url."""
    try:
        parse(text)
        text.encode()
    except ValueError:
        return False
    return True


def follow(address: Address, location: str) -> Address:
    """Return where a redirect leads.

    Raises:
        InvalidUrlError: it leads from https to http, to something that is neither, or is no url.
    """
    try:
        target = parse(urljoin(address.url, location))
    except ValueError as error:  # urljoin raises it too
        reason = str(error) if isinstance(error, InvalidUrlError) else "not a valid url"
        # Without a scheme nobody knows what of it is a password
        shown = f" to {redact(location)}" if "://" in location else ""
        raise InvalidUrlError(f"refused its redirect{shown}: {reason}") from None
    if address.scheme == "https" and target.scheme == "http":
        raise InvalidUrlError(f"refused its redirect from https to http, to {redact(target.url)}")
    return target


def same_party(one: Address, other: Address) -> bool:
    """Tell whether a password for one may be said to the other: same host and port, or the same host's https."""
    if one.host != other.host:
        return False
    return (one.scheme, one.port) == (other.scheme, other.port) or (
        (one.scheme, one.port, other.scheme, other.port) == ("http", 80, "https", 443)
    )


def local_path(source: str) -> str | None:
    """Return the path that a `file:` url or a plain path names, or None for a url of the network.

    Raises:
        InvalidUrlError: a file url of another machine.
    """
    if source[:5].lower() != "file:":
        return None if "://" in source else source
    rest = source[5:]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise InvalidUrlError("a file url names no other machine: write file:///path")
        rest = slash + path
    return unquote(rest)


def printable(text: str) -> str:
    """Return text that is safe to show: what could steer a terminal is replaced."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def redact(url: str) -> str:
    """Return a url, or a path, as it may be shown and stored: without user, password, query and fragment.

    Signed and private download links carry their tokens in the query. Never fails, whatever the text is.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() == "file":
        return printable(url)
    host = re.split(_END_OF_HOST, rest, maxsplit=1)[0]
    if "@" in host:
        rest = rest[host.rindex("@") + 1 :]
    elif "@" in rest and not re.fullmatch(_HOST, host):
        rest = rest.rpartition("@")[2]  # a password with a / in it, which should have been written %2F
    return printable(f"{scheme}://{re.split(_END_OF_PATH, rest, maxsplit=1)[0]}")
