"""Where a wheel comes from: the index and the cache of downloads, else the interpreter itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pyv import proc
from pyv.errors import NotFoundError
from pyv.fetch import redact
from pyv.seed.configured import index_url
from pyv.seed.simple import Release, WheelName, newest, wheel_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyv.fetch import Consumer, Fetcher
    from pyv.seed.kept import Unpacked, Wanted

_MOST_BYTES = 16 << 20
_SECONDS = 60
# Environments of 3.11 and older have setuptools because programs of that time import pkg_resources when they run,
# without saying that they need it. It was taken out in 82.0.
_BELOW = {"setuptools": (82,)}
# Of PEP 691's forms the one that is read fastest, else what every server knows
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1, */*;q=0.01"
# ensurepip's own wheels, or those that a distribution keeps elsewhere for all its Pythons
_WHERE = """
import importlib.util, os, sysconfig
found = importlib.util.find_spec("ensurepip")
if found and found.origin:
    print(os.path.join(os.path.dirname(found.origin), "_bundled"))
print(sysconfig.get_config_var("WHEEL_PKG_DIR") or "")
"""


class Archives(Protocol):
    """What is needed of the cache of downloads."""

    def holds(self, sha256: str) -> bool:
        """Tell whether a download is there."""

    def obtain(
        self,
        urls: Sequence[str],
        sha256: str,
        fetcher: Callable[[], Fetcher],
        consumer: Consumer,
        *,
        scratch: Path,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Feed a download to a consumer, from the cache or else from the network, and keep it."""


class Wheel(NamedTuple):
    """A wheel on this machine.

    Attributes:
        path: where it is.
        version: as its name spells it.
        sha256: in hex.
        url: where it came from, without user and password; empty if the interpreter brought it along.
    """

    path: Path
    version: str
    sha256: str
    url: str


class _File:
    """The receiving end of a download."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, data: bytes) -> None:
        with open(self._path, "ab") as file:
            file.write(data)

    def restart(self) -> None:
        self._path.unlink(missing_ok=True)


class Source:
    """Finds wheels.

    Args:
        archives: the cache of downloads.
        fetcher: makes what downloads.
        env: pip's variables, and what interpreters are run in.
        home: the user's home folder.
        index: the simple index, or None for the one that pip is set up to use.
        notify: called with a line for the user.
    """

    def __init__(
        self,
        archives: Archives,
        fetcher: Callable[[], Fetcher],
        env: Mapping[str, str],
        home: Path,
        index: str | None,
        notify: Callable[[str], None],
    ) -> None:
        self._archives = archives
        self._fetcher = fetcher
        self._env = env
        self._home = home
        self._index = index
        self._notify = notify

    def newest(self, wanted: Wanted, patience: float) -> Release | None:
        """Ask the index for the newest release that a Python supports.

        Args:
            wanted: what, and for which Python.
            patience: seconds that this may take.

        Returns:
            It, or None if pip is set up to ask no index.

        Raises:
            NetworkError: the index cannot be had.
            NotFoundError: it has none.
            VerificationError: it is none.
        """
        index = index_url(self._env, self._home, self._notify) if self._index is None else self._index
        if not index:
            return None
        page = f"{index.rstrip('/')}/{wanted.name}/"
        if "://" not in page or page.startswith("file:"):
            page += "index.html"
        document = self._fetcher().get(page, max_bytes=_MOST_BYTES, patience=patience, accept=_ACCEPT)
        below = _BELOW.get(wanted.name, ())
        release = newest(document.body or b"", page, wanted.name, wanted.python, below=below)
        if release is None:
            raise NotFoundError(f"{redact(page)} has no {wanted} with a sha256")
        return release

    def kept(self, unpacked: Unpacked) -> Release | None:
        """Return the release that was unpacked, if its wheel is still in the cache of downloads."""
        if not unpacked.url or not self._archives.holds(unpacked.sha256):
            return None
        return Release(WheelName(unpacked.version, ((), 0)), unpacked.url, unpacked.sha256)

    def fetch(self, wanted: Wanted, release: Release, scratch: Path) -> Wheel:
        """Put a release's wheel into a private folder.

        Raises:
            NetworkError: it could not be had.
            VerificationError: something else was served.
            OSError: it could not be written.
        """
        # Not under the name that the index gave it, which may be anything
        path = scratch / f"{wanted.name}-{release.name.version}-py3-none-any.whl"
        self._archives.obtain(
            [release.url], release.sha256, self._fetcher, _File(path), scratch=scratch, progress=_ignore
        )
        return Wheel(path, release.name.version, release.sha256, redact(release.url))

    def bundled(self, wanted: Wanted) -> Wheel | None:
        """Return the newest wheel that an interpreter brings along for ensurepip, or None if it has been stripped."""
        told = proc.run([wanted.interpreter, "-I", "-B", "-X", "utf8", "-c", _WHERE], env=self._env, timeout=_SECONDS)
        found: list[tuple[WheelName, Path]] = []
        for folder in told.stdout.splitlines():
            if os.path.isdir(folder):
                for file in os.listdir(folder):
                    name = wheel_name(wanted.name, file)
                    if name is not None:
                        found.append((name, Path(folder, file)))
        if not found:
            return None
        name, path = max(found, key=lambda each: each[0].order)
        return Wheel(path, name.version, hashlib.sha256(path.read_bytes()).hexdigest(), "")


def _ignore(_received: int, _total: int | None) -> None:
    pass
