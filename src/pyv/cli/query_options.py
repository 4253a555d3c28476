"""The options of the commands that only look: `pyv versions`, `latest`, `prefix` and `root`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import query

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("root", epilog="Example:  ls $(pyv root)/versions")
@click.pass_obj
def root_command(app: App) -> None:
    """Print the folder of the store."""
    query.root(app)


@click.command("prefix", epilog="Example:  $(pyv prefix 3.12)/bin/python3 script.py")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.pass_obj
def prefix_command(app: App, requests: tuple[str, ...]) -> None:
    """Print the folders of versions, separated by colons; without a REQUEST, of those that are selected here."""
    query.prefix(app, requests)


@click.command("latest", epilog="Examples:  pyv latest 3.12    pyv latest --known 3")
@click.argument("request", nargs=-1, required=True, metavar="VERSION")
@click.option("-k", "--known", is_flag=True, help="Look among all versions that can be installed.")
@click.option("-b", "--bypass", is_flag=True, help="If there is none, print VERSION itself and no error.")
@click.option("-f", "--force", is_flag=True, help="The same, with an exit status of 0.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Do not refresh the catalogue.")
@click.pass_obj
def latest_command(app: App, /, request: tuple[str, ...], *, offline: bool, **how: bool) -> int:
    """Print the newest installed version that VERSION means."""
    app.offline = offline
    return query.latest(app, request, **how)


@click.command("versions", epilog="Examples:  pyv versions    pyv versions --bare")
@click.option("--bare", is_flag=True, help="Print just the names.")
@click.option("--skip-aliases", is_flag=True, help="Leave out the short names that are links to versions.")
@click.option("--skip-envs", is_flag=True, help="Leave out the named environments.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def versions_command(app: App, /, **how: bool) -> None:
    """List the installed versions, and mark those that are selected here.

    A terminal also shows which are outdated, by what is known without asking, and until when each is supported.
    """
    query.versions(app, **how)
