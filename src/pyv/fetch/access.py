"""The user's way out: proxies and passwords, as the usual variables and netrc name them."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from pyv.fetch import addresses
from pyv.fetch.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyv.fetch.addresses import Address

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"


class Proxy(NamedTuple):
    """A proxy: its url without user and password, and these two, if it wants them."""

    url: str
    login: tuple[str, str] | None


def proxy_for(address: Address, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that a url is fetched through, or None if directly.

    Variables are read as curl and Python's urllib do: the lower-case name wins, also when it is empty, and `HTTP_PROXY`
    is not believed inside a CGI script, where it is a header of the request that is being served.

    Raises:
        Failure: a variable names something that is no http proxy.
    """
    names = [f"{address.scheme}_proxy", f"{address.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in env:
        names = [name for name in names if name != "HTTP_PROXY"]
    name = next((name for name in names if name in env), "")
    text = env.get(name, "").strip()
    if not text or _is_spared(address, env.get("no_proxy", env.get("NO_PROXY", ""))):
        return None
    if not re.match(_SCHEME, text):
        text = f"http://{text}"
    try:
        parsed = addresses.parse(text)
    except addresses.InvalidUrlError:
        raise Failure(
            f"{name} names no http proxy: {addresses.redact(text)}", hint=f"set {name} to http://HOST:PORT"
        ) from None
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return Proxy(f"{parsed.scheme}://{host}:{parsed.port}", parsed.login)


def _is_spared(address: Address, rules: str) -> bool:
    """Tell whether NO_PROXY names a host: by itself, by a domain above it, with a port, by IP address or network."""
    for rule in re.split(r"[\s,]+", rules.lower()):
        if rule == "*":
            return True
        name, port = rule, ""
        if rule.startswith("["):
            name, _, port = rule[1:].partition("]")
        elif rule.count(":") == 1:
            name, _, port = rule.partition(":")
        if not name or port.lstrip(":") not in ("", str(address.port)):
            continue
        name = name.removeprefix("*").removeprefix(".")
        if address.host == name or address.host.endswith(f".{name}") or ("/" in name and _within(address.host, name)):
            return True
    return False


def _within(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


class Netrc:
    """The passwords in the user's netrc file, read when the first is asked for.

    A `default` entry is not used: it would be sent to every host, upstream among them, which refuses whom it does not
    know.

    Args:
        env: the environment: `NETRC`, else `.netrc` in `HOME`.
        notify: told once if the file is broken.
    """

    def __init__(self, env: Mapping[str, str], notify: Callable[[str], None]) -> None:
        home = env.get("HOME", "")
        self._path = env.get("NETRC") or (os.path.join(home, ".netrc") if home else "")
        self._notify = notify
        self._lock = threading.Lock()
        self._logins: dict[str, tuple[str, str]] | None = None

    def login(self, host: str) -> tuple[str, str] | None:
        """Return user and password for a host, if the file has them."""
        with self._lock:
            if self._logins is None:
                self._logins = self._read()
        return self._logins.get(host)

    def _read(self) -> dict[str, tuple[str, str]]:
        if not os.path.isfile(self._path):
            return {}
        import netrc

        try:
            hosts = netrc.netrc(self._path).hosts  # not authenticators(), which gives `default` to everybody
        except netrc.NetrcParseError as error:  # its text may quote a password
            self._notify(f"{self._path}, line {error.lineno}, is malformed: no password of it is used")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self._notify(f"{self._path} cannot be read: {reason}: no password of it is used")
        else:
            return {host.lower(): (entry[0], entry[2] or "") for host, entry in hosts.items()}
        return {}
