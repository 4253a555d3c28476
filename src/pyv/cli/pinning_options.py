"""The options of `pyv local` and `pyv global`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import pinning

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("local", epilog="Examples:  pyv local 3.12    pyv local 3.12 3.11    pyv local --unset")
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--unset", is_flag=True, help="Remove the pin file of this folder.")
@click.option("-f", "--force", is_flag=True, help="Pin it even if it is not installed.")
@click.pass_obj
def local_command(app: App, versions: tuple[str, ...], *, unset: bool, force: bool) -> None:
    """Pin VERSIONs for this folder and those below it, in its .python-version; without one, print what is pinned."""
    pinning.local(app, versions, unset=unset, force=force)


@click.command("global", epilog="Examples:  pyv global 3.12    pyv global system")
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--unset", is_flag=True, help="Remove the global pin.")
@click.option("-f", "--force", is_flag=True, help="Pin it even if it is not installed.")
@click.pass_obj
def global_command(app: App, versions: tuple[str, ...], *, unset: bool, force: bool) -> None:
    """Pin VERSIONs for all folders that have no pin of their own; without one, print what is pinned."""
    pinning.global_(app, versions, unset=unset, force=force)
