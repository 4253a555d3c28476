"""`pyv list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from pyv.catalogue import alike, end_of, end_of_life
from pyv.cli import output, standing
from pyv.cli.query import selected_here
from pyv.cli.screen import Cell, Screen
from pyv.errors import NotFoundError, UsageError
from pyv.fetch import redact
from pyv.platforms import Platform
from pyv.versions import IMPLEMENTATIONS, Request, Version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pyv.catalogue import Build
    from pyv.cli.app import App
    from pyv.store import Installed


class Row(NamedTuple):
    """One version: what is installed of it, and what is available."""

    name: str
    version: Version | None
    installed: Installed | None
    build: Build | None


@click.command("list", epilog="Examples:  pyv list    pyv list 3.12    pyv list --all --platform linux-aarch64-musl")
@click.argument("request", required=False)
@click.option("-a", "--all", "all_", is_flag=True, help="Every patch, pre-release and variant.")
@click.option("--platform", "platform_key", metavar="PLATFORM", help="For another platform, such as darwin-aarch64.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not refresh the catalogue.")
@click.pass_obj
def list_command(
    app: App, request: str | None, *, all_: bool, platform_key: str | None, as_json: bool, offline: bool
) -> None:
    """List what is available and installed: the newest of each minor version, or all that REQUEST means.

    A terminal also shows what is selected here, which installed ones are outdated, and until when each is supported.
    """
    app.offline = offline
    wanted = Request.parse(request) if request is not None else None
    if wanted is not None and wanted.kind in ("system", "name"):
        raise UsageError(f"{request!r} is no request for versions that can be installed", hint="pyv list 3.12")
    platform = Platform.parse(platform_key) if platform_key else None
    builds = app.index.builds(platform=platform, wanted=wanted)
    rows = _rows(builds, app.store.installed() if platform in (None, app.host.platform) else [])
    chosen = [row for row in rows if _wanted(row, wanted, all_=all_)]
    if wanted is None and not all_:
        chosen = _newest_of_each(chosen)
    if not chosen:
        where = f" for {platform}" if platform else ""
        meant = alike(wanted, [row.version for row in rows if row.version]) if wanted else ""
        hint = "see: pyv list --all" if rows else "see: pyv index"
        hint = f"did you mean {meant}? Else {hint}" if meant else hint
        raise NotFoundError(f"nothing known matches {request or 'that'}{where}", hint=hint)
    if not (as_json or output.on_terminal()):
        output.table([(row.name, _state(row), _date(row)) for row in chosen])
        return
    marked, origin, _ = selected_here(app) if not platform else (set(), "", [])
    if as_json:
        ends = end_of_life()
        output.document({"versions": [_describe(row, ends, origin if row.name in marked else None) for row in chosen]})
    else:
        _show(app, chosen, standing.of(app, builds), marked, origin)


def _show(app: App, rows: Sequence[Row], standings: standing.Standing, marked: Collection[str], origin: str) -> None:
    """Print rows for a person: what is installed, selected and by what, behind, and until when it is supported."""
    cells = [
        (
            Cell(f"{'*' if row.name in marked else ' '} {row.name}", "green" if row.name in marked else ""),
            Cell(_state(row), "" if row.installed else "dim"),
            standings.newer(row.version) if row.installed else Cell(""),
            standings.support(row.version),
            Cell(f"(set by {origin})" if row.name in marked else ""),
        )
        for row in rows
    ]
    for line in Screen(app.env).table(cells):
        output.data(line)


def _state(row: Row) -> str:
    return "installed" if row.installed else "available"


def _rows(builds: Sequence[Build], installed: Sequence[Installed]) -> list[Row]:
    """Join what is available with what is installed, newest first."""
    rows: dict[str, Row] = {}
    for build in builds:
        if build.sha256:
            rows.setdefault(build.version.name, Row(build.version.name, build.version, None, build))
    for each in installed:
        known = rows.get(each.name)
        rows[each.name] = Row(each.name, known.version if known else each.version, each, known.build if known else None)
    versions = sorted((row for row in rows.values() if row.version), key=_order, reverse=True)
    versions.sort(key=lambda row: IMPLEMENTATIONS.index(row.version.implementation) if row.version else 0)
    return versions + [row for row in rows.values() if not row.version]


def _order(row: Row) -> tuple[object, ...]:
    return row.version.order if row.version else ()


def _wanted(row: Row, wanted: Request | None, *, all_: bool) -> bool:
    if wanted is None:
        return all_ or row.installed is not None or bool(row.version and not row.version.variant)
    if row.version is None:
        return False
    version = row.version._replace(freethreaded=wanted.freethreaded, debug=wanted.debug) if all_ else row.version
    return wanted.matches(version)


def _newest_of_each(rows: Sequence[Row]) -> list[Row]:
    """Keep what is installed, and of each minor version the newest final release, else the newest pre-release."""
    best: dict[str, Row] = {}
    for row in rows:  # newest first
        if row.version:
            other = best.get(row.version.minor)
            if other is None or (other.version and other.version.pre[0] and not row.version.pre[0]):
                best[row.version.minor] = row
    return [row for row in rows if row.installed or row in best.values()]


def _date(row: Row) -> str:
    build = row.build.build if row.build else ""
    return f"{build[:4]}-{build[4:6]}-{build[6:]}" if len(build) == 8 and build.isdecimal() else ""


def _describe(row: Row, ends: Mapping[str, str], selected_by: str | None) -> dict[str, object]:
    return {
        "name": row.name,
        "implementation": row.version.implementation if row.version else None,
        "variant": row.version.variant if row.version else None,
        "prerelease": bool(row.version and row.version.pre[0]),
        "installed": row.installed is not None,
        "path": str(row.installed.path) if row.installed else None,
        "platform": row.build.platform.key if row.build else None,
        "build": row.build.build if row.build else None,
        "url": redact(row.build.url) if row.build else None,
        "sha256": row.build.sha256 if row.build else None,
        "selected_by": selected_by,
        "end_of_life": (row.version and end_of(row.version, ends)) or None,
    }
