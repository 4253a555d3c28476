"""`pyv cache`."""

from __future__ import annotations

import sys

import click

from pyv.cli import output
from pyv.cli.app import App


@click.group("cache", invoke_without_command=True, epilog="Example:  pyv cache clean")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def cache_command(ctx: click.Context, *, as_json: bool) -> None:
    """Show or empty the cache of downloads. It may be deleted at any time."""
    if ctx.invoked_subcommand is None:
        app = App()
        taken = app.cache.size()
        if as_json:
            output.document({"folder": str(app.layout.cache), "bytes": taken})
        else:
            output.data(f"{app.layout.cache}  {output.size(taken)}")


@cache_command.command("dir", epilog="Example:  pyv cache dir")
def dir_command() -> None:
    """Print the cache's folder."""
    output.data(str(App().layout.cache))


@cache_command.command("size", epilog="Example:  pyv cache size --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def size_command(*, as_json: bool) -> None:
    """Print how much disk the archives take."""
    taken = App().cache.size()
    if as_json:
        output.document({"bytes": taken})
    else:
        output.data(output.size(taken))


@cache_command.command("clean", epilog="Example:  pyv cache clean -y")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clean_command(*, yes: bool) -> int:
    """Delete the archives, but for those that are being downloaded right now."""
    app = App()
    # Nothing here is lost for good, so scripts need not say yes
    on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not output.confirm(f"Delete the archives in {app.layout.archives}?", yes=yes or not on_terminal):
        return 1
    cleaned = app.cache.clean()
    kept = f"; {cleaned.kept} in use stay" if cleaned.kept else ""
    app.notify(f"{cleaned.files} files deleted, {output.size(cleaned.size)} free{kept}")
    return 0
