"""Upstream's catalogue: what the wheel carries, and what was published since."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv.catalogue import RELEASES, Build, bundled, bundled_info, merge
from pyv.catalogue.builds import age
from pyv.errors import NetworkError, PyvError, StoreError
from pyv.index import kept as files
from pyv.index.feed import LATER, Feed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyv.fetch import Fetcher
    from pyv.platforms import Platform

_DAY = 86400.0
_AFTER_FAILURE = 3600.0
_PATIENCE = 3.0


class Upstream(NamedTuple):
    """Where upstream's files are. The one seam for tests, which point it to 127.0.0.1.

    Attributes:
        latest: the file that names the latest release.
        releases: the folder of the releases.
        fallback: the same folder on upstream's own mirror; empty for none.
    """

    latest: str = (
        "https://raw.githubusercontent.com/astral-sh/python-build-standalone/latest-release/latest-release.json"
    )
    releases: str = RELEASES
    fallback: str = "https://releases.astral.sh/github/python-build-standalone/releases/download"


UPSTREAM = Upstream()


class UpstreamSource:
    """The builds of upstream, PyPy and GraalPy.

    Args:
        folder: where refreshed builds are kept.
        fetcher: makes what downloads.
        offline: whether the network is left alone.
        clock: seconds since the epoch.
        upstream: where upstream's files are.
    """

    def __init__(
        self,
        folder: Path,
        fetcher: Callable[[], Fetcher],
        *,
        offline: bool,
        clock: Callable[[], float],
        upstream: Upstream,
    ) -> None:
        self._offline = offline
        self._clock = clock
        self._upstream = upstream
        self._folders = [place for place in (upstream.releases, upstream.fallback) if place]
        self._tried = folder / "upstream.tried"
        self._feed = Feed(
            folder / "upstream.txt",
            latest=upstream.latest,
            folders=self._folders,
            base="",
            link=f"{RELEASES}/",
            fetcher=fetcher,
            clock=clock,
        )

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return "upstream's catalogue, refreshed" if self._feed.keys else "upstream's catalogue, as bundled with pyv"

    @property
    def refreshed(self) -> float | None:
        """When upstream was last asked, in seconds since the epoch."""
        return self._times()[1] or None

    @property
    def keys(self) -> list[str]:
        """The platforms that there are builds for."""
        return sorted({*bundled_info().counts, *self._feed.keys})

    def builds(self, platform: Platform) -> list[Build]:
        """Return the known builds for exactly one platform."""
        refreshed = self._feed.builds(platform)
        return merge(bundled(platform), refreshed) if refreshed else bundled(platform)

    def offered(self, builds: list[Build]) -> list[Build]:
        """Return those builds that can be had; of upstream's all."""
        return builds

    def refresh(self, known: Callable[[], bool]) -> None:
        """Ask upstream if that was not done for a day. It takes seconds at most, and failing is nobody's business.

        Args:
            known: tells whether what the caller wants is known already, and newer builds would change nothing.
        """
        now = self._clock()
        tried, succeeded = self._times()
        if self._offline or 0 <= now - tried < _AFTER_FAILURE or 0 <= now - succeeded < _DAY or known():
            return
        # Whole seconds, and never one that is yet to come
        # Noted before, so that of many processes one asks; where nothing can be noted, no answer could be kept either
        if not files.put(self._tried, f"{int(now)} {int(succeeded)}\n".encode()):
            return
        with suppress(PyvError):
            self._fetch(lambda: max(_PATIENCE - (self._clock() - now), 0.1))

    def update(self) -> None:
        """Ask upstream now.

        Raises:
            NetworkError: it cannot be reached, or must not be.
            VerificationError: it serves something else.
            StoreError: the answer cannot be kept.
        """
        if self._offline:
            raise NetworkError("offline: the catalogue is not refreshed", hint="set PYV_OFFLINE=0, or drop --offline")
        if not files.put(self._tried, f"{int(self._clock())} {int(self._times()[1])}\n".encode()):
            raise StoreError(
                f"{self._tried.parent} cannot be written: the catalogue is not refreshed",
                hint="set PYV_CACHE_DIR to a folder of yours",
            )
        from pyv.fetch import MissingError

        try:
            self._fetch(lambda: None)
        except MissingError as error:
            error.hint = error.hint or LATER
            raise

    def urls(self, build: Build) -> list[str]:
        """Return where a build can be had, best first."""
        path = build.url.removeprefix(f"{RELEASES}/")
        return [build.url] if path == build.url else [f"{folder}/{path}" for folder in self._folders]

    def pinned(self, build: Build) -> Build:
        """Return the build with its sha256, which is known here."""
        return build

    def _fetch(self, patience: Callable[[], float | None]) -> None:
        newest = age(bundled_info().newest)
        self._feed.fetch(patience, worth=lambda build: age(build.build) >= newest)
        now = self._clock()
        files.put(self._tried, f"{int(now)} {int(now)}\n".encode())

    def _times(self) -> list[float]:
        """Return when upstream was last asked, and when it last answered."""
        tried, succeeded = files.numbers(self._tried, 2)
        # An answer that is lost or damaged is asked for again
        return [tried, succeeded if self._feed.kept is not None else 0.0]
