"""One catalogue for whoever asks, wherever it comes from."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from pyv.catalogue import Build, choose, installable, target
from pyv.catalogue.builds import age
from pyv.index.upstream import UPSTREAM, Upstream, UpstreamSource
from pyv.platforms import Platform
from pyv.versions import Request, newest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyv.fetch import Fetcher
    from pyv.index.mirror import MirrorSource
    from pyv.layout import Layout
    from pyv.platforms import Host


class Info(NamedTuple):
    """What is in force.

    Attributes:
        source: where the catalogue comes from, in words.
        newest: date of the newest CPython build for any platform, as `20261110`; empty if there is none.
        here: number of builds for this machine.
        total: number of builds for all platforms.
        refreshed: when it was last refreshed, in seconds since the epoch, or None.
    """

    source: str
    newest: str
    here: int
    total: int
    refreshed: float | None


class Index:
    """The known builds. Threads may share one.

    Args:
        layout: where the cache is.
        host: this machine.
        fetcher: makes what downloads; called only when something is read over the network, or from a mirror.
        mirror: an http, https or file url, or an absolute path; empty for upstream.
        offline: whether the network is left alone. A mirror that is a folder is read all the same.
        clock: seconds since the epoch.
        notify: called with a line for the user.
        upstream: where upstream's files are.

    Raises:
        UsageError: the mirror is neither a url nor an absolute path.
    """

    def __init__(
        self,
        layout: Layout,
        host: Host,
        fetcher: Callable[[], Fetcher],
        *,
        mirror: str,
        offline: bool,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        upstream: Upstream = UPSTREAM,
    ) -> None:
        self._host = host
        self._lock = RLock()
        source = UpstreamSource(layout.catalogue, fetcher, offline=offline, clock=clock, upstream=upstream)
        self._source: UpstreamSource | MirrorSource = source
        if mirror:
            from pyv.index.mirror import MirrorSource

            self._source = MirrorSource(
                mirror, layout.catalogue, fetcher, offline=offline, clock=clock, notify=notify, otherwise=source
            )

    def builds(
        self, *, platform: Platform | None = None, refresh: bool = True, wanted: Request | None = None
    ) -> list[Build]:
        """Return the builds that can be had for one platform, of each version the newest.

        Args:
            platform: which; by default the one that `wanted` spells out, else this machine's baseline.
            refresh: whether to look for newer ones, should it be time for that.
            wanted: what the caller is after; an exact version that is known makes looking needless.

        Raises:
            NetworkError: the mirror cannot be reached, and what it offers was never seen.
            VerificationError: the mirror serves something that is no catalogue.
        """
        place = platform or self._target(wanted)
        with self._lock:
            if refresh:
                self._source.refresh(lambda: self._knows(wanted, place))
            return self._source.offered(self._source.builds(place))

    def choose(self, request: Request) -> Build:
        """Return the newest build that a request means and that runs here.

        Raises:
            NotFoundError: there is none.
            NetworkError: the mirror cannot be reached, and what it offers was never seen.
            VerificationError: there is one, but nobody tells its sha256; or the mirror serves something else.
        """
        place = self._target(request)
        builds = self.builds(wanted=request)
        with self._lock:
            if not any(request.matches(build.version) for build in builds):
                # A folder may lack what the archive cache still holds; and then it is better named than denied
                builds = self._source.builds(place)
            here = [build for build in installable(builds, self._host) if build.platform == place]
            best = newest(here, request, lambda build: build.version)
            if best is not None and not best.sha256:
                best = self._source.pinned(best)
                if best.sha256:
                    return best
            return choose(builds, request, self._host, self._source.name, self._elsewhere)

    def pinned(self, build: Build) -> Build:
        """Return a build with the sha256 that holds for the place that it will come from.

        A mirror may carry builds of its own under upstream's names: its SHA256SUMS then tells their hashes.

        Raises:
            VerificationError: the mirror's SHA256SUMS is no such file.
        """
        with self._lock:
            return self._source.pinned(build)

    def urls(self, build: Build) -> list[str]:
        """Return where a build can be had, best first."""
        return self._source.urls(build)

    def update(self) -> Info:
        """Refresh now, whenever that was last done.

        Raises:
            NetworkError: upstream or the mirror cannot be reached, or must not be.
            VerificationError: it serves something else.
            StoreError: the answer cannot be kept.
        """
        with self._lock:
            self._source.update()
        return self.info()

    def info(self) -> Info:
        """Return what is in force, as far as it is known without the network."""
        with self._lock:
            builds = {key: self._source.offered(self._source.builds(Platform.parse(key))) for key in self._source.keys}
            cpython = (build.build for each in builds.values() for build in each if not build.version.own)
            return Info(
                self._source.name,
                max(cpython, key=age, default=""),
                len(builds.get(self._host.platform.key, [])),
                sum(map(len, builds.values())),
                self._source.refreshed,
            )

    def _target(self, wanted: Request | None) -> Platform:
        return target(wanted, self._host) if wanted else self._host.platform

    def _knows(self, wanted: Request | None, place: Platform) -> bool:
        if wanted is None or wanted.exact is None:
            return False
        return any(build.sha256 and wanted.matches(build.version) for build in self._source.builds(place))

    def _elsewhere(self, request: Request) -> list[str]:
        """Return the keys of all platforms that have what a request means, those of this operating system first."""
        platforms = sorted(
            map(Platform.parse, self._source.keys), key=lambda each: each.system != self._host.platform.system
        )
        return [
            each.key for each in platforms if any(request.matches(build.version) for build in self._source.builds(each))
        ]
