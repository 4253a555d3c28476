"""The command line of `pyv exec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli.execute import execute

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command(
    "exec",
    epilog="Example:  pyv exec python -V",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, required=True, metavar="COMMAND [ARGUMENT]...", type=click.UNPROCESSED)
@click.pass_obj
def exec_command(app: App, words: tuple[str, ...]) -> int:
    """Run a command of the version or environment that is selected here.

    Its environment stays as it is, but that the shims come to PATH if they are not there, so that what it starts
    follows the same rules.
    """
    return execute(app, words)
