"""The options of `pyv lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import lock

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("lock", epilog="Examples:  pyv lock    pyv lock --dev    pyv lock -p 3.12")
@click.option("-p", "--python", default="", metavar="REQUEST", help="For this version; installed if need be.")
@click.option("--dev", is_flag=True, help="With what development needs: requirements-dev.txt, the group or extra dev.")
@click.option("--extra", "extras", multiple=True, metavar="NAME", help="With an extra of the project.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="With a dependency group of pyproject.toml.")
@click.option("--offline", is_flag=True, help="Use what is on this machine.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.pass_obj
def lock_command(
    app: App, *, python: str, dev: bool, extras: tuple[str, ...], groups: tuple[str, ...], offline: bool, quiet: bool
) -> None:
    """Write pylock.toml: what requirements.txt or else pyproject.toml needs, and the interpreter.

    Packages are locked by pip (25.1 or newer), for this Python and kind of machine. The interpreter is that of the
    project's environment, with the hash of its build for each platform, and pyv sync then installs no other.
    """
    app.offline, app.quiet = offline, quiet
    lock.lock(app, python=python, dev=dev, extras=extras, groups=groups)
