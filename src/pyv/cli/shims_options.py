"""The options of `pyv rehash` and `pyv shims`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import shims

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("rehash", epilog="Examples:  pyv rehash    pyv rehash --shell /bin/bash")
@click.option("--shell", metavar="PATH", default="", help="The sh that shall run the shims from now on.")
@click.pass_obj
def rehash_command(app: App, shell: str) -> None:
    """Make the shims again that are missing or damaged, and remove those whose command is gone.

    Installing and removing, by pyv and by pip, do this by themselves. Should there be several pyvs, the
    shims then hand over to the one that did it.
    """
    shims.rehash(app, shell)


@click.command("shims", epilog="Example:  pyv shims --short")
@click.option("--short", is_flag=True, help="Print the names only.")
@click.pass_obj
def shims_command(app: App, *, short: bool) -> None:
    """List the shims: one for each command that an installed version or a known environment has."""
    shims.shims(app, short=short)
