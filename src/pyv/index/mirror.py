"""A mirror: a web server or a folder with archives as `<mirror>/<tag>/<asset>`, and maybe a catalogue of its own."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from pyv.catalogue import GRAALPY, PYPY, RELEASES, Build, parse_metadata
from pyv.catalogue.assets import builds_among, parse_hashes
from pyv.catalogue.builds import age
from pyv.errors import NetworkError, PyvError, UsageError
from pyv.fetch import MissingError, Validators, fetchable, redact
from pyv.index import kept as files
from pyv.index.feed import SUMS_BYTES, Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyv.fetch import Fetcher
    from pyv.index.kept import Kept
    from pyv.index.upstream import UpstreamSource
    from pyv.platforms import Platform

_CATALOGUE = "download-metadata.json"
_CATALOGUE_BYTES = 64 << 20
_PATIENCE = 10.0
_ABSENT = "absent"
_HTTP = re.compile(r"https?://[^/?#\s]+(?:/[^?#\s]*)?", re.IGNORECASE)
_TAG = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}", re.ASCII)
# Places whose archives a mirror carries as `<tag>/<asset>`; PyPy's, which have no tag, as `pypy/<asset>`
_MIRRORED = (
    RELEASES,
    "https://github.com/indygreg/python-build-standalone/releases/download",
    "https://releases.astral.sh/github/python-build-standalone/releases/download",
    GRAALPY,
    PYPY,
)


class Address(NamedTuple):
    """Where a mirror is.

    Attributes:
        base: its url, which may hold a password, without a slash at the end.
        shown: the same as it may be shown and stored.
        folder: the folder, if it is one of this machine.
    """

    base: str
    shown: str
    folder: Path | None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Understand what PYV_MIRROR says.

        Raises:
            UsageError: it is neither an http, https or file url nor an absolute path.
        """
        folder: str | None = None
        if _HTTP.fullmatch(text) and fetchable(text):
            base = text.rstrip("/")
            return cls(base, redact(base), None)
        if text[:5].lower() == "file:":
            host, slash, rest = text[5:].removeprefix("//").partition("/")
            folder = unquote(slash + rest) if host.lower() in ("", "localhost") else None
        elif os.path.isabs(text):
            folder = text
        if folder is None or not os.path.isabs(folder) or "\0" in folder:
            # Without a scheme nothing else would know the password for one
            shown = redact(text if "://" in text else text.rpartition("@")[2])
            raise UsageError(
                f"the mirror {shown} is neither a url nor an absolute path",
                hint="set PYV_MIRROR to https://host/path, file:///path or /path",
            )
        place = Path(os.path.normpath(folder))
        return cls(place.as_uri().rstrip("/"), redact(str(place)), place)


class MirrorSource:
    """The builds that a mirror offers.

    Args:
        mirror: where it is.
        folder: where its catalogue is kept.
        fetcher: makes what downloads.
        offline: whether the network is left alone.
        clock: seconds since the epoch.
        notify: called with a line for the user.
        otherwise: the builds that count where the mirror has no catalogue of its own.
    """

    def __init__(
        self,
        mirror: str,
        folder: Path,
        fetcher: Callable[[], Fetcher],
        *,
        offline: bool,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        otherwise: UpstreamSource,
    ) -> None:
        self._address = Address.parse(mirror)
        self._reachable = self._address.folder is not None or not offline
        self._fetcher = fetcher
        self._clock = clock
        self._notify = notify
        self._otherwise = otherwise
        name = f"mirror-{files.digest(self._address.shown)}"
        self._file = folder / f"{name}.txt"
        self._feed = Feed(
            folder / f"{name}-latest.txt",
            latest=f"{self._address.base}/latest-release.json",
            folders=[self._address.base],
            base=self._address.base,
            link="",
            fetcher=fetcher,
            clock=clock,
        )
        self._answer: tuple[()] | tuple[PyvError] | None = None
        self._kept: Kept | None = None
        self._read = False
        self._sums: dict[str, dict[str, str]] = {}
        self._assets: dict[str, frozenset[str]] = {}
        self._listed: list[Build] | None = None

    @property
    def name(self) -> str:
        """What it is, for messages."""
        own = self._catalogue() is not None
        return f"the {'catalogue of' if own else 'known builds for'} the mirror {self._address.shown}"

    @property
    def refreshed(self) -> float | None:
        """When it was last asked for its catalogue or its newest release and had one, in seconds since the epoch."""
        kept = self._catalogue() or self._feed.kept
        return kept.received if kept else None

    @property
    def keys(self) -> list[str]:
        """The platforms that there are builds for."""
        own = self._catalogue()
        if own is not None:
            return sorted(own.sections)
        return sorted({*self._otherwise.keys, *self._feed.keys, *(build.platform.key for build in self._found())})

    def builds(self, platform: Platform) -> list[Build]:
        """Return the known builds for exactly one platform, with urls below the mirror's."""
        own = self._catalogue()
        base = self._address.base
        if own is not None:
            return own.builds(platform, base)
        known = {}
        for build in self._otherwise.builds(platform):
            known[build.version] = build._replace(url=f"{base}/{_place(build.url)}")
        # What its own SHA256SUMS lists is there, which is more than is known of others, even newer ones
        for build in (*self._feed.builds(platform), *self._found()):
            before = known.get(build.version)
            # One whose hash nobody tells is better named than denied, but takes no place from another
            if build.platform == platform and (build.sha256 or before is None or not self._is_there(before)):
                known[build.version] = build
        return list(known.values())

    def offered(self, builds: list[Build]) -> list[Build]:
        """Return those builds that can be had: of a folder the ones whose archive lies there."""
        return [build for build in builds if self._is_there(build)]

    def refresh(self, known: Callable[[], bool]) -> None:  # noqa: ARG002 - the mirror may carry other builds by now
        """Ask the mirror whether its catalogue has changed, once in this object's life.

        Raises:
            NetworkError: it cannot be reached, and nothing is kept.
            VerificationError: it serves something that is no catalogue.
        """
        if self._reachable:
            self._ask()

    def update(self) -> None:
        """Ask the mirror now.

        Raises:
            NetworkError: it cannot be reached, or must not be.
            VerificationError: it serves something that is no catalogue.
        """
        if not self._reachable:
            raise NetworkError("offline: the mirror is not asked", hint="set PYV_OFFLINE=0, or drop --offline")
        self._answer = None
        self._ask(forced=True)

    def urls(self, build: Build) -> list[str]:
        """Return where a build can be had: from the mirror and nowhere else."""
        return [build.url]

    def pinned(self, build: Build) -> Build:
        """Return a build with the sha256 that holds for the mirror's archive.

        The mirror's catalogue decides, if it has one and tells a hash; else its SHA256SUMS, if that lists the archive;
        else the hash is upstream's.

        Raises:
            VerificationError: SHA256SUMS is too long to be one.
        """
        folder, _, asset = build.url.rpartition("/")
        told = build.sha256 and self._catalogue() is not None
        if told or not self._reachable or not folder.startswith(f"{self._address.base}/"):
            return build
        if folder not in self._sums:
            with suppress(
                NetworkError
            ):  # absent; or else the archive cannot be had either, and that is the error to tell
                sums = self._fetcher().get(f"{folder}/SHA256SUMS", max_bytes=SUMS_BYTES).body or b""
                self._sums[folder] = parse_hashes(sums.decode("utf-8", "replace"))
        sha256 = self._sums.get(folder, {}).get(unquote(asset))
        return build._replace(sha256=sha256) if sha256 else build

    def _catalogue(self) -> Kept | None:
        """Return the mirror's own catalogue, or None if it has none as far as is known."""
        if self._address.folder is not None:
            self._ask()
        kept = self._remembered()
        return None if kept is None or _ABSENT in kept.notes else kept

    def _remembered(self) -> Kept | None:
        if not self._read:
            self._kept, self._read = files.read(self._file), True
        return self._kept

    def _ask(self, *, forced: bool = False) -> None:
        """Ask once; whoever comes later gets the same answer, an error among them, without another wait."""
        if self._answer is None:
            try:
                self._ask_for_catalogue(forced=forced)
                self._answer = ()
            except PyvError as error:
                self._answer = (error,)
        if self._answer:
            raise self._answer[0]

    def _ask_for_catalogue(self, *, forced: bool) -> None:
        before = self._remembered()
        patience = None if forced or before is None else _PATIENCE
        try:
            document = self._fetcher().get(
                f"{self._address.base}/{_CATALOGUE}",
                validators=before.validators("catalogue") if before else Validators(),
                max_bytes=_CATALOGUE_BYTES,
                patience=patience,
            )
        except MissingError:
            if self._address.folder is not None and not self._address.folder.is_dir():
                raise NetworkError(f"there is no folder {self._address.shown}", hint="check PYV_MIRROR") from None
            if before is None or _ABSENT not in before.notes:
                self._keep({_ABSENT: "1"}, [])
            if self._address.folder is None:
                self._ask_for_latest(patience, forced=forced)
        except NetworkError as error:
            if forced or before is None:
                raise
            self._notify(f"{error.message}: what it offered before is used")
        else:
            if document.body is not None:
                self._keep(files.note_validators("catalogue", document.validators), self._understand(document.body))
            elif before is not None:
                self._kept = files.note(self._file, before, {**before.notes, **files.note_time(self._clock)})

    def _ask_for_latest(self, patience: float | None, *, forced: bool) -> None:
        try:
            self._feed.fetch(lambda: patience)
        except MissingError:
            self._feed.forget()
        except NetworkError as error:
            if forced:
                raise
            self._notify(f"{error.message}: what it offered before is used")

    def _keep(self, notes: dict[str, str], builds: list[Build]) -> None:
        self._kept, self._read = files.write(self._file, {**notes, **files.note_time(self._clock)}, builds), True

    def _understand(self, body: bytes) -> list[Build]:
        """Return the builds of the mirror's catalogue, with paths below the mirror instead of its urls."""
        parsed = parse_metadata(body, source=f"{self._address.shown}/{_CATALOGUE}")
        builds = []
        refused = 0
        for build in parsed.builds:
            place = self._place_of(build.url)
            if place is None:
                refused += 1
            else:
                builds.append(build._replace(url=place))
        if refused:
            self._notify(
                f"refused {refused} of the builds of {self._address.shown}: their urls are less safe than its own"
            )
        return builds

    def _place_of(self, url: str) -> str | None:
        """Return the path of a build below the mirror, its url where that is elsewhere, or None if that is refused."""
        for base in (self._address.base, self._address.shown):
            if url.startswith(f"{base}/"):
                return url[len(base) + 1 :]
        place = _place(url)
        if self._address.folder is None and "://" in place:
            scheme = place.partition("://")[0]
            if scheme == "file" or (scheme == "http" and self._address.base[:6].lower() == "https:"):
                return None
        return place

    def _found(self) -> list[Build]:
        """Return what lies in the releases of a folder, or is listed there; of a web server that cannot be known."""
        folder = self._address.folder
        if self._listed is None and folder is not None:
            self._listed = []
            for tag in filter(_TAG.fullmatch, _names(folder)):
                hashes = dict.fromkeys(_names(folder / tag), "")
                with suppress(OSError), open(folder / tag / "SHA256SUMS", "rb") as file:
                    hashes |= parse_hashes(file.read(SUMS_BYTES).decode("utf-8", "replace"))
                self._listed += builds_among(hashes, base_url=f"{self._address.base}/{tag}")
            self._listed.sort(key=lambda build: age(build.build))
        return self._listed or []

    def _is_there(self, build: Build) -> bool:
        if self._address.folder is None or not build.url.startswith(f"{self._address.base}/"):
            return True
        tag, _, asset = build.url[len(self._address.base) + 1 :].rpartition("/")
        if tag not in self._assets:
            self._assets[tag] = frozenset(_names(self._address.folder / unquote(tag)))
        return unquote(asset) in self._assets[tag]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _place(url: str) -> str:
    """Return the path that mirrors keep an archive of upstream's under, or the url if it is none."""
    for prefix in _MIRRORED:
        if url.startswith(f"{prefix}/"):
            path = url[len(prefix) + 1 :]
            return f"pypy/{path}" if prefix == PYPY else path
    return url
