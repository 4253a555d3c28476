"""How a version stands: whether a newer patch is known, and until when it is supported. For terminals and JSON."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.catalogue import end_of, end_of_life, has_ended
from pyv.cli import output
from pyv.cli.screen import Cell, Screen
from pyv.errors import PyvError
from pyv.registry import CONFIG

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pyv.catalogue import Build
    from pyv.cli.app import App
    from pyv.store import Installed
    from pyv.versions import Version


class Standing:
    """Compares versions with what is known.

    Args:
        available: the versions that can be had.
        installed: the versions that are installed.
    """

    def __init__(self, available: Iterable[Version], installed: Iterable[Version]) -> None:
        self._available = _newest_of_each(available)
        self._installed = _newest_of_each(installed)
        self._ends = end_of_life()
        self._today = time.strftime("%Y-%m-%d", time.gmtime())

    def end(self, version: Version | None) -> str:
        """Return when the support of a version ends, as a day or a month; nothing where that is not known."""
        return end_of(version, self._ends) if version else ""

    def newer(self, version: Version | None) -> Cell:
        """Say whether an installed version is behind another of the same minor version and variant."""
        if version is None:
            return Cell("")
        for best in (self._available.get(version.minor), self._installed.get(version.minor)):
            if best is not None and _age(best) > _age(version) and (version.pre[0] or not best.pre[0]):
                return Cell(f"outdated ({best})", "yellow")
        return Cell("")

    def support(self, version: Version | None) -> Cell:
        """Say until when a version is supported, or since when it is not."""
        date = self.end(version)
        if not date:
            return Cell("")
        if has_ended(date, self._today):
            return Cell(f"end of life since {date}", "red")
        return Cell(f"end of life {date}", "dim")


def of(app: App, builds: Iterable[Build] | None = None) -> Standing:
    """Return how versions stand here, by what is known without asking anybody, or by given builds."""
    if builds is None:
        builds = []
        with suppress(PyvError, OSError):  # whatever is wrong with the catalogue, what is installed can be listed
            builds = app.index.builds(refresh=False)
    installed = [each.version for each in app.store.installed() if each.version]
    return Standing([build.version for build in builds if build.sha256], installed)


def show_versions(
    app: App, rows: Sequence[tuple[str, str, Installed | None]], marked: Collection[str], origin: str
) -> None:
    """Print what `pyv versions` lists for a person: those lines, and how each version stands.

    Args:
        app: this run.
        rows: for each line the name, where it leads, and the installed version if it is one.
        marked: the names that are selected here.
        origin: what selected them.
    """
    standing = of(app)
    cells = []
    for name, arrow, each in rows:
        selected = name in marked
        version = each.version if each else None
        kind = Cell("" if each is None or each.managed or each.target else "unmanaged", "dim")
        if each and os.path.isfile(each.path / CONFIG):
            kind = Cell("environment", "dim")
        cells.append(
            [
                Cell(f"{'*' if selected else ' '} {name}{arrow}", "green" if selected else ""),
                standing.newer(version),
                standing.support(version),
                kind,
                Cell(f"(set by {origin})" if selected else ""),
            ]
        )
    for line in Screen(app.env).table(cells):
        output.data(line)


def _newest_of_each(versions: Iterable[Version]) -> dict[str, Version]:
    """Return the newest version of each minor version; a pre-release only where there is no release."""
    best: dict[str, Version] = {}
    for version in versions:
        other = best.get(version.minor)
        if other is None or (not version.pre[0], _age(version)) > (not other.pre[0], _age(other)):
            best[version.minor] = version
    return best


def _age(version: Version) -> tuple[object, ...]:
    """Sorting key within a minor version. The name of an installed PyPy does not tell the patch of the language."""
    return version.order if version.implementation == "cpython" else version._replace(release=()).order
