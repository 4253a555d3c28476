"""The options of `pyv shell`, and of the command behind it that the hooks of shells call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import shell

if TYPE_CHECKING:
    from pyv.cli.app import App

_HELP = """Show or set the version of this shell: of what runs in it, in whatever folder.

It stands in PYV_VERSION, goes before pins and environments, and takes the project's environment off PATH meanwhile.
VERSION - is the one that the shell had before. Needs the hook, see pyv init.
"""


@click.command("shell", epilog="Examples:  pyv shell 3.12    pyv shell 3.12 3.11    pyv shell --unset", help=_HELP)
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--unset", is_flag=True, help="Go back to what the folder says.")
@click.option("-f", "--force", is_flag=True, help="Even if a version is not installed.")
@click.pass_obj
def shell_command(app: App, versions: tuple[str, ...], *, unset: bool, force: bool) -> None:
    """Show or set the version of this shell."""
    shell.shell(app, versions, unset=unset, force=force)


@click.command("sh-shell", hidden=True, epilog="Example:  pyv sh-shell bash 3.12")
@click.argument("words", nargs=-1)
@click.option("--unset", is_flag=True)
@click.option("-f", "--force", is_flag=True)
@click.pass_obj
def sh_shell_command(app: App, words: tuple[str, ...], *, unset: bool, force: bool) -> None:
    """Print the code by which a shell changes its version."""
    shell.sh_shell(app, words, unset=unset, force=force)
