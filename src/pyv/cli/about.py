"""`pyv commands` and `pyv help`."""

from __future__ import annotations

import click

from pyv.cli import output
from pyv.cli.group import no_such

# What changes the shell that it is typed in, and so needs the hook
_IN_THE_SHELL = frozenset({"activate", "deactivate", "shell"})


@click.command("commands", epilog="Example:  pyv commands --no-sh")
@click.option("--sh", is_flag=True, help="Only those that change the shell, and need the hook.")
@click.option("--no-sh", is_flag=True, help="Only the others.")
@click.pass_context
def commands_command(ctx: click.Context, *, sh: bool, no_sh: bool) -> None:
    """List the commands of pyv."""
    for name in _group(ctx).list_commands(ctx):
        in_the_shell = name in _IN_THE_SHELL
        if not ((sh and not in_the_shell) or (no_sh and in_the_shell)):
            output.data(name)


@click.command("help", epilog="Example:  pyv help install")
@click.argument("command", nargs=-1, metavar="[COMMAND]")
@click.option("--usage", is_flag=True, help="Print the usage only.")
@click.pass_context
def help_command(ctx: click.Context, command: tuple[str, ...], *, usage: bool) -> None:
    """Show what COMMAND does and how it is called; without it, what commands there are."""
    context = ctx.find_root()
    for name in command:
        known = context.command.get_command(context, name) if isinstance(context.command, click.Group) else None
        if known is None:
            raise no_such(" ".join(command))
        context = click.Context(known, info_name=name, parent=context, obj=context.obj)
    output.data(context.get_usage() if usage else context.get_help())


def _group(ctx: click.Context) -> click.Group:
    group = ctx.find_root().command
    assert isinstance(group, click.Group)  # noqa: S101 - for the type checker: it is the command `pyv`
    return group
