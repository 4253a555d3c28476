"""Until when versions get security fixes, as far as that is known: a small file beside the builds.

A line is `<minor version> <date>`, where the date is a day or, while the last day is not fixed yet, a month.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pyv.catalogue.bundle import DATA, REPAIR
from pyv.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.versions import Version

END_OF_LIFE = "end-of-life.txt"
_LINE = re.compile(r"(\d\.\d{1,3}) (\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)", re.ASCII)


def end_of_life(folder: str = DATA) -> dict[str, str]:
    """Return when the support of CPython's minor versions ends, such as `2028-10` for `3.12`.

    Raises:
        StoreError: the file is damaged.
    """
    path = os.path.join(folder, END_OF_LIFE)
    try:
        with open(path, encoding="ascii", newline="\n") as file:
            return parse_ends(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(f"the catalogue {path} cannot be read: {error}", hint=REPAIR) from None


def parse_ends(text: str) -> dict[str, str]:
    """Read such lines; blank ones, and what follows a `#`, are left out.

    Raises:
        ValueError: a line is no such line, or names a version that another one names.
    """
    ends: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        found = _LINE.fullmatch(line)
        if found is None or found[1] in ends:
            raise ValueError(f"line {number} is no version and date")
        ends[found[1]] = found[2]
    return ends


def dump_ends(ends: Mapping[str, str]) -> str:
    """Write such lines, in the order of the versions."""
    ordered = sorted(ends, key=lambda minor: tuple(int(part) for part in minor.split(".")))
    return "".join(f"{minor} {ends[minor]}\n" for minor in ordered)


def end_of(version: Version, ends: Mapping[str, str]) -> str:
    """Return when the support of a version ends; nothing where that is not known, as of PyPy."""
    if version.implementation != "cpython" or len(version.release) < 2:
        return ""
    return ends.get(f"{version.release[0]}.{version.release[1]}", "")


def has_ended(date: str, today: str) -> bool:
    """Tell whether a day or month is over.

    Args:
        date: such as `2025-10-31` or `2028-10`.
        today: such as `2026-11-21`.
    """
    return bool(date) and today[: len(date)] > date
