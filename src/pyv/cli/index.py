"""`pyv index`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from pyv.cli import output
from pyv.errors import PyvError

if TYPE_CHECKING:
    from pyv.cli.app import App
    from pyv.index import Info


@click.group("index", invoke_without_command=True, epilog="Example:  pyv index update")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not use the network.")
@click.pass_context
@click.pass_obj
def index_command(app: App, ctx: click.Context, *, as_json: bool, offline: bool) -> None:
    """Show where the catalogue of builds comes from, how old it is, and how much it holds."""
    if ctx.invoked_subcommand is None:
        app.offline = offline
        if app.settings.mirror and app.index.info().refreshed is None:  # what it offers is not known yet
            try:
                app.index.builds()
            except PyvError as error:
                app.notify(error.message)
        _show(app.index.info(), as_json=as_json)


@index_command.command("update", epilog="Example:  pyv index update --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def update_command(app: App, *, as_json: bool) -> None:
    """Fetch what upstream, or the mirror, has published since."""
    _show(app.index.update(), as_json=as_json)


def _show(info: Info, *, as_json: bool) -> None:
    refreshed = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(info.refreshed)) if info.refreshed else None
    if as_json:
        output.document({**info._asdict(), "refreshed": refreshed})
        return
    output.table(
        [
            ("source", info.source),
            ("newest build", info.newest),
            ("builds", f"{info.here} for this machine, {info.total} in all"),
            ("refreshed", refreshed or "never"),
        ]
    )
