"""`pyv link`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv import link
from pyv.cli import shims

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("link", epilog="Example:  pyv link conda ~/miniconda3")
@click.argument("name")
@click.argument("prefix", type=click.Path(path_type=Path))
@click.option("-f", "--force", is_flag=True, help="Replace another link of that name.")
@click.pass_obj
def link_command(app: App, name: str, prefix: Path, *, force: bool) -> None:
    """Put a Python from elsewhere into the store as NAME, without copying it. PREFIX is the folder with bin in it."""
    target = Path(os.path.normpath(os.path.join(app.cwd, os.path.expanduser(prefix))))
    made = link.link(app.store, name, target, app.env, force=force)
    app.notify(f"{name} linked: {made} -> {target}")
    shims.refresh(app)
