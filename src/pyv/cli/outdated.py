"""`pyv outdated`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv import upgrade
from pyv.cli import output
from pyv.store import shared
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.catalogue import Build
    from pyv.cli.app import App
    from pyv.upgrade import Minor
    from pyv.versions import Version


@click.command("outdated", epilog="Examples:  pyv outdated    pyv outdated 3.12 || pyv upgrade 3.12")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not refresh the catalogue.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def outdated_command(app: App, requests: tuple[str, ...], *, as_json: bool, offline: bool, quiet: bool) -> int:
    """List the minor versions in use of which a newer patch is available.

    The exit status is 1 if there is one, and 0 if all are up to date.
    """
    app.offline, app.quiet = offline, quiet
    minors = upgrade.in_use(app.store, [Request.parse(text) for text in requests])
    builds = app.index.builds() if minors else []
    found = [(minor, newer) for minor in minors if (newer := _newer(app, minor, builds)) is not None]
    if as_json:
        rows = [
            {"name": minor.name, "installed": minor.current.name, "available": newer.name} for minor, newer in found
        ]
        output.document({"outdated": rows})
    else:
        output.table([(minor.name, minor.current.name, "->", newer.name) for minor, newer in found])
        if not found:
            app.notify("all versions are up to date")
    return 1 if found else 0


def _newer(app: App, minor: Minor, builds: Sequence[Build]) -> Version | None:
    """Return what `pyv upgrade` would move to: what stands in a shared store goes before what could be downloaded."""
    theirs = shared.find(app.store, Request.parse(minor.name), app.host)
    if theirs is None:
        return upgrade.behind(minor, builds)
    return theirs.version if theirs.name != minor.current.name else None
