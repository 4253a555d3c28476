"""The options of `pyv import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import imports

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("import", epilog="Examples:  pyv import pyenv --dry-run    pyv import uv --copy")
@click.argument("program", type=click.Choice(["pyenv", "uv"]))
@click.option("--copy", is_flag=True, help="Copy CPythons, without the packages in them, instead of linking to them.")
@click.option("--root", metavar="DIR", default="", help="Where they are, if not where PROGRAM keeps them by itself.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("-y", "--yes", is_flag=True, help="Accept pyenv-virtualenv's environments without a question.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def import_command(app: App, program: str, *, copy: bool, root: str, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Take over the interpreters and the global pin of pyenv or uv, and the environments of pyenv-virtualenv.

    Nothing that they have is changed, but the first line in the pyvenv.cfg of an environment that you accept. What
    could not come is listed with the reason. Repeating it is harmless, and brings what is new.
    """
    return imports.import_(app, program, root=root, copy=copy, dry_run=dry_run, yes=yes, as_json=as_json)
