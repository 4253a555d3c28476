"""Builds that were fetched, kept in the cache with what is needed to ask whether there are newer ones.

A kept file is a line with a format number and a checksum, lines of notes, and per platform a headed section of lines as
`pyv.catalogue` writes them. A file that is not whole, or of another format, counts as absent.
"""

from __future__ import annotations

import os
import re
from binascii import crc32
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv.catalogue import Build, dump, load, merge
from pyv.errors import UsageError
from pyv.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pyv.fetch import Validators

_MAGIC = "pyv catalogue 1"
# What a server sends goes into a file of lines
_NOTE = re.compile(r"[ -~]{1,512}", re.ASCII)


class Kept(NamedTuple):
    """The content of a kept file.

    Attributes:
        notes: what else was noted, by name.
        sections: lines of builds by platform key.
    """

    notes: dict[str, str]
    sections: dict[str, str]

    def builds(self, platform: Platform, base: str = "") -> list[Build]:
        """Return the builds for exactly one platform; relative paths are below `base`."""
        try:
            return load(self.sections.get(platform.key, ""), platform, base)
        except ValueError:  # written by a pyv that knows more
            return []

    def all_builds(self) -> list[Build]:
        """Return the builds for all platforms, with their urls as they were kept."""
        return [build for key in self.sections for build in self.builds(Platform.parse(key))]

    @property
    def received(self) -> float | None:
        """When whoever offers them was last asked and has answered, in seconds since the epoch."""
        return float(self.notes.get("received", "0")) or None

    def validators(self, document: str) -> Validators:
        """Return what to ask with for a newer copy of a document; empty if nothing was noted."""
        from pyv.fetch import Validators

        return Validators(self.notes.get(f"{document}.etag", ""), self.notes.get(f"{document}.last-modified", ""))


def note_validators(document: str, validators: Validators) -> dict[str, str]:
    """Return the notes that `Kept.validators` reads."""
    notes = {f"{document}.etag": validators.etag, f"{document}.last-modified": validators.last_modified}
    return {name: value for name, value in notes.items() if _NOTE.fullmatch(value)}


def note_time(clock: Callable[[], float]) -> dict[str, str]:
    """Return the note that `Kept.received` reads."""
    return {"received": f"{clock():.0f}"}


def read(path: Path) -> Kept | None:
    """Return what a kept file holds, or None if there is no whole one."""
    if not os.path.isfile(path):  # nobody writes into a pipe
        return None
    try:
        with open(path, "rb") as file:
            head, _, body = file.read().partition(b"\n")
        if head.decode("ascii") != f"{_MAGIC} {crc32(body):08x}":
            return None
        notes, *sections = body.decode("ascii").split("\n[")
        return Kept(
            dict(line.split(" ", 1) for line in notes.splitlines() if line),
            {Platform.parse(key).key: lines for key, lines in (section.split("]\n", 1) for section in sections)},
        )
    except (OSError, ValueError, UsageError):
        return None


def write(path: Path, notes: Mapping[str, str], builds: Iterable[Build]) -> Kept:
    """Keep builds, of each version and platform the newest.

    Where the cache cannot be written, they are returned all the same.
    """
    platforms: dict[Platform, list[Build]] = {}
    for build in merge((), builds):
        platforms.setdefault(build.platform, []).append(build)
    return note(path, Kept({}, {platform.key: dump(platforms[platform]) for platform in sorted(platforms)}), notes)


def note(path: Path, kept: Kept, notes: Mapping[str, str]) -> Kept:
    """Keep the same builds with other notes, as `write` does."""
    told = "".join(f"{name} {value}\n" for name, value in sorted(notes.items()))
    body = (told + "".join(f"\n[{key}]\n{lines}" for key, lines in kept.sections.items())).encode("ascii")
    put(path, f"{_MAGIC} {crc32(body):08x}\n".encode("ascii") + body)
    return Kept(dict(notes), kept.sections)


def put(path: Path, data: bytes) -> bool:
    """Write a file of the cache whole; tell whether that was possible."""
    from pyv.fsops import write_whole

    with suppress(OSError):
        write_whole(path, data, durable=False)
        return True
    return False


def numbers(path: Path, count: int) -> list[float]:
    """Return the numbers that a small file holds, or that many zeros."""
    try:
        with open(path, encoding="ascii") as file:
            found = [float(part) for part in file.read(256).split()]
    except (OSError, ValueError):
        return [0.0] * count
    return found if len(found) == count and all(map(_is_time, found)) else [0.0] * count


def _is_time(value: float) -> bool:
    return 0 <= value < 1e11


def digest(text: str) -> str:
    """Return a short name for something that is too long or too private to be a file's name."""
    import hashlib

    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]
