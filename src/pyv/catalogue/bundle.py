"""The catalogue that the wheel carries: one file of lines per platform, and a header."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv.catalogue.builds import Build, age, dump, load
from pyv.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyv.platforms import Platform

# Next to this package: importlib.resources would cost more than reading the file
DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "catalogue")
_FORMAT = "1"
_HEADER = "header.txt"
# What to do about a damaged one
REPAIR = "install pyv again"


class Header(NamedTuple):
    """What the bundled catalogue is.

    Attributes:
        newest: date of its newest CPython build, as `20261110`.
        total: number of builds.
        counts: number of builds by platform key.
    """

    newest: str
    total: int
    counts: dict[str, int]


def bundled(platform: Platform, folder: str = DATA) -> list[Build]:
    """Return the bundled builds of exactly this platform and processor level, in order.

    Raises:
        StoreError: the file is damaged.
    """
    path = os.path.join(folder, f"{platform.key}.txt")
    try:
        with open(path, encoding="ascii", newline="\n") as file:
            return load(file.read(), platform)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise StoreError(f"the catalogue {path} cannot be read: {error}", hint=REPAIR) from None


def bundled_info(folder: str = DATA) -> Header:
    """Return the header of the bundled catalogue.

    Raises:
        StoreError: it is missing or damaged, or of another format than this pyv reads.
    """
    path = os.path.join(folder, _HEADER)
    try:
        with open(path, encoding="ascii", newline="\n") as file:
            fields = dict(line.split(" ") for line in file.read().splitlines())
        kind, newest, total = fields.pop("format"), fields.pop("newest"), int(fields.pop("total"))
        counts = {key: int(count) for key, count in fields.items()}
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"the catalogue {path} cannot be read: {error}", hint=REPAIR) from None
    if kind != _FORMAT:
        raise StoreError(f"the catalogue {path} is of format {kind}, which this pyv does not read", hint=REPAIR)
    return Header(newest, total, counts)


def files(builds: Iterable[Build]) -> dict[str, str]:
    """Return the files, name and text, of a catalogue that holds these builds."""
    platforms: dict[str, list[Build]] = {}
    total = 0
    newest = "0"
    for build in builds:
        platforms.setdefault(build.platform.key, []).append(build)
        total += 1
        if build.version.implementation == "cpython":
            newest = max(newest, build.build, key=age)
    counts = "".join(f"{key} {len(platforms[key])}\n" for key in sorted(platforms))
    header = f"format {_FORMAT}\nnewest {newest}\ntotal {total}\n{counts}"
    return {_HEADER: header} | {f"{key}.txt": dump(platforms[key]) for key in sorted(platforms)}
