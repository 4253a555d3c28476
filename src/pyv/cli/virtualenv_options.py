"""The options of the commands for named environments, which are pyenv-virtualenv's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import activation, virtualenv

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("virtualenv", epilog="Examples:  pyv virtualenv 3.12 tools    pyv local tools")
@click.argument("words", nargs=-1, required=True, metavar="[VERSION] NAME")
@click.option("--prompt", metavar="TEXT", help="Show TEXT in the prompt; . for the name of the current folder.")
@click.option("--without-pip", is_flag=True, help="Put no pip into it.")
@click.option("--system-site-packages", is_flag=True, help="Let it import the packages of its interpreter.")
@click.option("--clear", is_flag=True, help="Replace the one that has this name.")
@click.option("--offline", is_flag=True, help="Use what is in the cache.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.pass_obj
def virtualenv_command(
    app: App,
    words: tuple[str, ...],
    *,
    prompt: str | None,
    without_pip: bool,
    system_site_packages: bool,
    clear: bool,
    offline: bool,
    quiet: bool,
) -> int:
    """Make an environment in the store, which can be pinned by its name in any folder.

    It is made from VERSION, else from what is selected here.
    """
    app.offline, app.quiet = offline, quiet
    return virtualenv.virtualenv(
        app,
        words,
        prompt=prompt,
        without_pip=without_pip,
        system_site_packages=system_site_packages,
        clear=clear,
    )


@click.command("virtualenvs", epilog="Example:  pyv virtualenvs --bare")
@click.option("--bare", is_flag=True, help="Print the names only.")
@click.option("--skip-aliases", is_flag=True, hidden=True)
@click.pass_obj
def virtualenvs_command(app: App, *, bare: bool, skip_aliases: bool) -> None:
    """List the named environments, with the version that each one was made from."""
    virtualenv.virtualenvs(app, bare=bare, skip_aliases=skip_aliases)


@click.command("virtualenv-prefix", epilog="Example:  pyv virtualenv-prefix tools")
@click.argument("words", nargs=-1, metavar="[NAME]")
@click.pass_obj
def virtualenv_prefix_command(app: App, words: tuple[str, ...]) -> None:
    """Print the folder of the version that a named environment, or the selected one, was made from."""
    virtualenv.virtualenv_prefix(app, words)


@click.command("virtualenv-delete", epilog="Example:  pyv virtualenv-delete -f tools")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-f", "--force", is_flag=True, help="Do not ask, and delete it even if processes or others need it.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def virtualenv_delete_command(app: App, names: tuple[str, ...], *, force: bool, yes: bool) -> int:
    """Delete named environments. Of one that another manager has made, only the name goes; its folder stays."""
    from pyv.cli import shims, venvs
    from pyv.errors import NotInstalledError

    found = []
    for text in names:
        name = venvs.name_of(app, text)
        if not name:
            raise NotInstalledError(f"there is no environment {text}", hint="see: pyv virtualenvs")
        found.append(name)
    status = 0
    for name in dict.fromkeys(found):
        status = venvs.remove_named(app, name, yes=yes or force, force=force) or status
    shims.refresh(app)
    return status


@click.command("activate", epilog="Example:  pyv activate tools")
@click.argument("words", nargs=-1, metavar="[NAME]")
@click.pass_obj
def activate_command(app: App, words: tuple[str, ...]) -> None:
    """Activate a named environment, or the selected one, in this shell, until it is deactivated.

    Its bin goes first on PATH, as if its own script had been sourced. Needs the hook, see pyv init.
    """
    activation.activate(app, words)


@click.command("deactivate", epilog="Example:  pyv deactivate")
@click.argument("words", nargs=-1, metavar="")
@click.pass_obj
def deactivate_command(app: App, words: tuple[str, ...]) -> None:
    """Deactivate the environment that was activated in this shell. Needs the hook, see pyv init."""
    activation.deactivate(app, words)


@click.command("sh-activate", hidden=True, epilog="Example:  pyv sh-activate bash tools")
@click.argument("words", nargs=-1)
@click.pass_obj
def sh_activate_command(app: App, words: tuple[str, ...]) -> None:
    """Print the code by which a shell activates an environment."""
    activation.sh_activate(app, words)


@click.command("sh-deactivate", hidden=True, epilog="Example:  pyv sh-deactivate bash")
@click.argument("words", nargs=-1)
@click.pass_obj
def sh_deactivate_command(app: App, words: tuple[str, ...]) -> None:
    """Print the code by which a shell deactivates an environment."""
    activation.sh_deactivate(app, words)
