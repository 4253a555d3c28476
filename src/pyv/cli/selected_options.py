"""The options of `pyv version`, `version-name`, `version-file`, `version-origin`, `which` and `whence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import selected

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("version", epilog="Examples:  pyv version    pyv version -v    pyv version --bare")
@click.option("--bare", is_flag=True, help="Print just the names.")
@click.option("-v", "--verbose", is_flag=True, help="Say what decided: the rule, the file and the line.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def version_command(app: App, /, **how: bool) -> int:
    """Show which versions are selected here, and what decided so."""
    return selected.version(app, **how)


@click.command("version-name", epilog="Example:  pyv version-name")
@click.option("-f", "--force", is_flag=True, help="Print what is not installed too, as it is pinned.")
@click.pass_obj
def version_name_command(app: App, *, force: bool) -> int:
    """Print the names of the versions that are selected here, separated by colons."""
    return selected.version_name(app, force=force)


@click.command("version-file", epilog="Examples:  pyv version-file    pyv version-file ../other")
@click.argument("folder", nargs=-1, metavar="[FOLDER]")
@click.pass_obj
def version_file_command(app: App, folder: tuple[str, ...]) -> int:
    """Print the pin file that holds here, or the nearest one of FOLDER."""
    return selected.version_file(app, folder)


@click.command("version-origin", epilog="Example:  pyv version-origin")
@click.pass_obj
def version_origin_command(app: App) -> None:
    """Print what selects the version here: a variable, an environment, or a file."""
    selected.version_origin(app)


@click.command("which", epilog="Examples:  pyv which python    pyv which -v pip")
@click.argument("command", nargs=-1, required=True, metavar="COMMAND")
@click.option("-v", "--verbose", is_flag=True, help="Say what decided: the rule, the file and the line.")
@click.option("--nosystem", is_flag=True, help="Leave PATH out, unless system is what is selected.")
@click.option("--skip-advice", is_flag=True, help="Give no advice if it is not found.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def which_command(app: App, /, command: tuple[str, ...], **how: bool) -> None:
    """Print the path of the program that COMMAND means here."""
    selected.which(app, command, **how)


@click.command("whence", epilog="Example:  pyv whence black")
@click.argument("command", nargs=-1, required=True, metavar="COMMAND")
@click.option("--path", is_flag=True, help="Print the paths instead of the names.")
@click.pass_obj
def whence_command(app: App, command: tuple[str, ...], *, path: bool) -> int:
    """List the versions that have COMMAND."""
    return selected.whence(app, command, path=path)
