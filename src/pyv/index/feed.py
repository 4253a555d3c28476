"""What a place that is laid out like upstream's releases says about its newest one.

Only static files are read: latest-release.json names the newest release, and SHA256SUMS in that release's folder lists
its archives. Every release that was newest at some time stays known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyv.catalogue import Build, merge, parse_sums
from pyv.errors import NetworkError, VerificationError
from pyv.index import kept as files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyv.fetch import Document, Fetcher
    from pyv.index.kept import Kept
    from pyv.platforms import Platform

_LATEST_BYTES = 1 << 16
SUMS_BYTES = 16 << 20
_TAG = re.compile(r"\d{8}", re.ASCII)
_FORMAT = 1
LATER = "look at what is served there, or try later: pyv index update"


class Feed:
    """The builds of newest releases.

    Args:
        file: where they are kept.
        latest: url of latest-release.json.
        folders: urls of the folder that holds the releases, best first.
        base: how urls of builds begin.
        link: what they begin with in the file, such as nothing for a place whose address holds a password.
        fetcher: makes what downloads.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        file: Path,
        *,
        latest: str,
        folders: Sequence[str],
        base: str,
        link: str,
        fetcher: Callable[[], Fetcher],
        clock: Callable[[], float],
    ) -> None:
        self._file = file
        self._latest = latest
        self._folders = folders
        self._base = base
        self._link = link
        self._fetcher = fetcher
        self._clock = clock
        self._kept: Kept | None = None
        self._read = False

    @property
    def kept(self) -> Kept | None:
        """What is known from earlier, if anything."""
        if not self._read:
            self._kept, self._read = files.read(self._file), True
        return self._kept

    @property
    def keys(self) -> list[str]:
        """The platforms that there are builds for."""
        return list(self.kept.sections) if self.kept else []

    def builds(self, platform: Platform) -> list[Build]:
        """Return the builds for exactly one platform that are known from earlier."""
        return self.kept.builds(platform, self._base) if self.kept else []

    def fetch(self, patience: Callable[[], float | None], worth: Callable[[Build], bool] = lambda _build: True) -> None:
        """Ask what the newest release is, and what it holds, if that has changed.

        Args:
            patience: tells the seconds that the next answer may take; None for the usual bounds.
            worth: tells which of the builds known before are still worth keeping.

        Raises:
            MissingError: there is no latest-release.json.
            NetworkError: one of the files could not be had.
            VerificationError: one of the files is not what it should be.
        """
        before = self.kept or files.Kept({}, {})
        tag = before.notes.get("tag", "")
        latest = self._fetcher().get(
            self._latest, validators=before.validators("latest"), max_bytes=_LATEST_BYTES, patience=patience()
        )
        notes = files.note_validators("latest", latest.validators)
        if latest.body is not None:
            tag = self._tag(latest.body)
        same = tag == before.notes.get("tag")
        place, sums = self._sums(tag, before if same else files.Kept({}, {}), patience)
        if sums.body is None:
            # Nothing new, but as of now
            self._kept = files.note(self._file, before, {**before.notes, **notes, **files.note_time(self._clock)})
            return
        found = parse_sums(sums.body.decode("utf-8", "replace"), base_url=f"{self._link}{tag}")
        if not found:
            from pyv.fetch import redact

            raise VerificationError(f"{redact(self._folders[place])}/{tag}/SHA256SUMS lists no builds", hint=LATER)
        notes |= {"tag": tag, "place": str(place), **files.note_validators("sums", sums.validators)}
        notes |= files.note_time(self._clock)
        self._kept = files.write(self._file, notes, merge(filter(worth, before.all_builds()), found))

    def forget(self) -> None:
        """Know nothing any more: the place has no such files now."""
        if self.kept is not None and self.kept.sections:
            self._kept = files.write(self._file, {}, [])

    def _tag(self, body: bytes) -> str:
        """Return the release that latest-release.json names. Nothing else in it is believed, its urls least of all."""
        import json

        from pyv.fetch import redact

        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or content.get("version") != _FORMAT:
            raise VerificationError(f"{redact(self._latest)} is not what names upstream's latest release", hint=LATER)
        tag = content.get("tag")
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise VerificationError(f"{redact(self._latest)} names no release by its date", hint=LATER)
        return tag

    def _sums(self, tag: str, before: Kept, patience: Callable[[], float | None]) -> tuple[int, Document]:
        """Return which of the folders answered first, and what it said."""
        from pyv.fetch import Validators

        failed: NetworkError | None = None
        for place, folder in enumerate(self._folders):
            # Another server's validators mean nothing to this one
            known = before.notes.get("place") == str(place)
            validators = before.validators("sums") if known else Validators()
            try:
                return place, self._fetcher().get(
                    f"{folder}/{tag}/SHA256SUMS", validators=validators, max_bytes=SUMS_BYTES, patience=patience()
                )
            except NetworkError as error:
                failed = failed or error
        raise failed or NetworkError(f"there is no place to ask for release {tag}")
