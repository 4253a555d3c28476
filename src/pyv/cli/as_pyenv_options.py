"""The hidden command by which shims/pyenv hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli.as_pyenv import as_pyenv

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command(
    "as-pyenv",
    add_help_option=False,  # what follows, --help too, is asked of the command that pyenv would have run
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def as_pyenv_command(app: App, words: tuple[str, ...]) -> int:
    """Run what a command line of pyenv means."""
    return as_pyenv(app, list(words))
