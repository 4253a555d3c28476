"""A mirror's folder: archives by release, their hashes, and a catalogue in uv's format.

The layout is that of python-build-standalone's releases, so that pyv and uv (UV_PYTHON_INSTALL_MIRROR together with
UV_PYTHON_DOWNLOADS_JSON_URL) take it for one.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from pyv import fsops
from pyv.catalogue import RELEASES
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyv.platforms import Platform
    from pyv.versions import Version

_CATALOGUE = "download-metadata.json"
_SUMS = "SHA256SUMS"
# Rust's names for platforms, which upstream's files carry, where they differ from the catalogue's
_TRIPLE_FAMILIES = {"powerpc64le": "ppc64le"}


class Release(NamedTuple):
    """One build that a mirror offers.

    Attributes:
        version: what is in it.
        platform: what it runs on.
        tag: the day of the release, such as `20261101`.
    """

    version: Version
    platform: Platform
    tag: str

    @property
    def _number(self) -> str:
        return self.version._replace(freethreaded=False, debug=False).name

    @property
    def _variant(self) -> str:
        return "+".join(name for name in ("freethreaded", "debug") if getattr(self.version, name))

    @property
    def asset(self) -> str:
        """The archive's file name, as upstream names its own."""
        family = _TRIPLE_FAMILIES.get(self.platform.arch, self.platform.arch)
        system = "apple-darwin" if self.platform.system == "darwin" else f"unknown-linux-{self.platform.libc}"
        flavour = f"{self._variant}-install_only_stripped" if self._variant else "install_only_stripped"
        return f"cpython-{self._number}+{self.tag}-{family}-{system}-{flavour}.tar.gz"

    @property
    def key(self) -> str:
        """What the catalogue calls it, such as `cpython-3.13.1+freethreaded-linux-x86_64-gnu`."""
        variant = f"+{self._variant}" if self._variant else ""
        return f"cpython-{self._number}{variant}-{self.platform.key}"

    def entry(self, sha256: str) -> dict[str, object]:
        """Return its entry in the catalogue. The address is upstream's; a mirror's users replace its beginning."""
        major, minor, patch = self.version.release
        stage, serial = self.version.pre
        return {
            "name": "cpython",
            "arch": {"family": self.platform.arch, "variant": self.platform.level or None},
            "os": self.platform.system,
            "libc": self.platform.libc,
            "major": major,
            "minor": minor,
            "patch": patch,
            "prerelease": f"{stage}{serial}" if stage else "",
            "url": f"{RELEASES}/{self.tag}/{quote(self.asset)}",
            "sha256": sha256,
            "variant": self._variant or None,
            "build": self.tag,
        }


def publish(mirror: Path, release: Release, archive: Path, sha256: str, *, notify: Callable[[str], None]) -> Path:
    """Put an archive into a mirror, beside what is there. Any number of processes may do so at the same time.

    The catalogue has one build of a kind: the one with the newest tag.

    Args:
        mirror: the folder.
        release: what the archive is.
        archive: the file, on the same file system; it is moved.
        sha256: its hash.
        notify: called with a line for the user, such as what is being waited for.

    Returns:
        Where the archive is now.

    Raises:
        PyvError: what the mirror holds cannot be understood; it is then left as it is.
        OSError: it cannot be written.
    """

    def waiting() -> None:
        notify(f"waiting for another pyv that writes to {mirror}")

    folder = mirror / release.tag
    with fsops.lock(mirror / ".pyv/lock", waiting=waiting, warn=notify):
        catalogue = _read_catalogue(mirror / _CATALOGUE)
        sums = _read_sums(folder / _SUMS)
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / release.asset
        os.replace(archive, place)
        sums[release.asset] = sha256
        if _tag_of(catalogue.get(release.key)) <= release.tag:
            catalogue[release.key] = release.entry(sha256)
        lines = (f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        fsops.write_whole(folder / _SUMS, "".join(lines).encode())
        fsops.write_whole(mirror / _CATALOGUE, (json.dumps(catalogue, indent=2, sort_keys=True) + "\n").encode())
    return place


def _read_catalogue(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PyvError(f"{path} is not JSON: {error}", hint="move it away, then repeat") from error
    if not isinstance(found, dict):
        raise PyvError(f"{path} is no catalogue: it must hold one JSON object", hint="move it away, then repeat")
    return found


def _tag_of(entry: object) -> str:
    return str(entry.get("build") or "") if isinstance(entry, dict) else ""


def _read_sums(path: Path) -> dict[str, str]:
    """Return the hashes of a file in the format of the `sha256sum` program, by name."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    sums = {}
    for number, line in enumerate(lines, 1):
        digest, _, name = line.partition(" ")
        if name.strip(" *"):
            sums[name.strip(" *")] = digest
        elif line.strip():
            raise PyvError(f"{path}, line {number} is not a hash and a name", hint="move it away, then repeat")
    return sums
