"""`pyv cache`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pyv.cli import output

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.group("cache", invoke_without_command=True, epilog="Example:  pyv cache clean")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@click.pass_obj
def cache_command(app: App, ctx: click.Context, *, as_json: bool) -> None:
    """Show or empty the cache of downloads. It may be deleted at any time."""
    if ctx.invoked_subcommand is None:
        taken = app.cache.size()
        if as_json:
            output.document({"folder": str(app.layout.cache), "bytes": taken})
        else:
            output.data(f"{app.layout.cache}  {output.size(taken)}")


@cache_command.command("dir", epilog="Example:  pyv cache dir")
@click.pass_obj
def dir_command(app: App) -> None:
    """Print the cache's folder."""
    output.data(str(app.layout.cache))


@cache_command.command("size", epilog="Example:  pyv cache size --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@click.pass_obj
def size_command(app: App, ctx: click.Context, *, as_json: bool) -> None:
    """Print how much disk the archives take."""
    as_json = as_json or bool(ctx.parent and ctx.parent.params["as_json"])
    taken = app.cache.size()
    if as_json:
        output.document({"bytes": taken})
    else:
        output.data(output.size(taken))


@cache_command.command("clean", short_help="Delete the archives.", epilog="Example:  pyv cache clean -y")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clean_command(app: App, *, yes: bool) -> int:
    """Delete the archives, but for those that are being downloaded right now."""
    # Nothing here is lost for good, so scripts need not say yes
    on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not output.confirm(f"Delete the archives in {app.layout.archives}?", yes=yes or not on_terminal):
        return 1
    cleaned = app.cache.clean()
    kept = f"; {cleaned.kept} in use stay" if cleaned.kept else ""
    app.notify(f"{cleaned.files} file(s) deleted, {output.size(cleaned.size)} freed{kept}")
    return 0
