"""The options of `pyv venv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import venv
from pyv.seed import LINK_MODES

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("venv", epilog="Examples:  pyv venv    pyv venv -p 3.12 -r requirements.txt    pyv venv --clear .venv")
@click.argument("folder", nargs=-1, metavar="[DIR]")
@click.option("--name", metavar="NAME", help="Make it in the store, where NAME means it as a version.")
@click.option("-p", "--python", default="", metavar="REQUEST", help="Make it from this version; installed if need be.")
@click.option("--prompt", metavar="TEXT", help="Show TEXT in the prompt; . for the name of the current folder.")
@click.option("--without-pip", is_flag=True, help="Put no pip into it.")
@click.option("--system-site-packages", is_flag=True, help="Let it import the packages of its interpreter.")
@click.option("--clear", is_flag=True, help="Replace what is there.")
@click.option("--repair", is_flag=True, help="Repair the one that is there, even if it seems healthy.")
@click.option("-r", "--requirement", "requirements", multiple=True, metavar="FILE", help="Install what FILE lists.")
@click.option(
    "--link-mode",
    type=click.Choice(LINK_MODES),
    default="auto",
    help="How pip comes out of the cache.",
    show_default=True,
)
@click.option("--offline", is_flag=True, help="Use what is in the cache.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.pass_obj
def venv_command(
    app: App,
    folder: tuple[str, ...],
    *,
    name: str | None,
    python: str,
    prompt: str | None,
    without_pip: bool,
    system_site_packages: bool,
    clear: bool,
    repair: bool,
    requirements: tuple[str, ...],
    link_mode: str,
    offline: bool,
    quiet: bool,
) -> int:
    """Make the environment of a project in DIR (.venv), or repair the one that is there.

    Without -p it is made from the version that is selected here, but from a global one only if the project's
    requires-python allows it; else from what that requires, else from the newest installed one. A healthy environment
    is left alone, unless -p, PYV_VERSION or a pin file beside it names another version; a broken one keeps its
    packages. One that was made with --name can be pinned in any folder: pyv local NAME.
    """
    app.offline, app.quiet = offline, quiet
    return venv.venv(
        app,
        folder,
        name=name,
        python=python,
        prompt=prompt,
        without_pip=without_pip,
        system_site_packages=system_site_packages,
        clear=clear,
        repair=repair,
        requirements=requirements,
        link_mode=link_mode,
    )
