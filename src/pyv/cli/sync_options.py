"""The options of `pyv sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import sync

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("sync", epilog="Examples:  pyv sync    pyv sync --dev    pyv sync --extra postgres --exact")
@click.option("--dev", is_flag=True, help="With what development needs: requirements-dev.txt, the group or extra dev.")
@click.option("--extra", "extras", multiple=True, metavar="NAME", help="With an extra of the project.")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="With a dependency group of pyproject.toml.")
@click.option("--exact", is_flag=True, help="Remove what is not listed.")
@click.option("-f", "--force", is_flag=True, help="Install everything again: a package has lost files, say.")
@click.option("--offline", is_flag=True, help="Use what is on this machine.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.pass_obj
def sync_command(
    app: App,
    *,
    dev: bool,
    extras: tuple[str, ...],
    groups: tuple[str, ...],
    exact: bool,
    force: bool,
    offline: bool,
    quiet: bool,
) -> None:
    """Bring a project to life, or up to date: interpreter, environment, packages.

    The interpreter is the one that pylock.toml demands, else the pinned one, else one that pyproject.toml allows; what
    is pinned for all folders counts only if that allows it. The packages are those of pylock.toml, else of
    requirements.txt, else of pyproject.toml, installed by pip, whose failure is exit status 1. Where nothing has
    changed since the last time, nothing is done, unless forced.
    """
    app.offline, app.quiet = offline, quiet
    sync.sync_(app, dev=dev, exact=exact, force=force, extras=extras, groups=groups)
