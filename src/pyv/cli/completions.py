"""`pyv completions`: what can come next on the command line, for the completions of shells."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pyv.cli import output
from pyv.errors import PyvError
from pyv.init import SHELLS
from pyv.registry import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pyv.cli.app import App


@click.command("completions", epilog="Example:  pyv completions install")
@click.argument("command", required=False)
@click.pass_context
def completions_command(ctx: click.Context, command: str | None) -> int:
    """Print the words that can follow COMMAND, one a line: its options, versions and so on. Without it, the commands.

    Nothing is asked over the network. The exit status is 1 if there is no COMMAND of that name.
    """
    group = ctx.find_root().command
    assert isinstance(group, click.Group)  # noqa: S101 - for the type checker: it is the command `pyv`
    known = group if command is None else group.get_command(ctx, command)
    app: App = ctx.obj
    app.offline = True
    if known is None:
        return 1
    words = dict.fromkeys(_spelled(known, ctx))
    if command is None or command in ("completions", "help"):
        words |= dict.fromkeys(group.list_commands(ctx))
    else:
        with suppress(PyvError):  # an error has no place between what somebody types
            words |= dict.fromkeys(_WORDS.get(command, _nothing)(app))
    for word in words:
        output.data(word)
    return 0


def _spelled(command: click.Command, ctx: click.Context) -> Iterable[str]:
    """Yield what a command's own description tells: its long options, words to choose from, and its subcommands'."""
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Option):
            yield from [each for each in parameter.opts if each.startswith("--") and not parameter.hidden]
        elif isinstance(parameter.type, click.Choice):
            yield from parameter.type.choices
    if isinstance(command, click.Group) and ctx.parent is not None and command is not ctx.parent.command:
        for name, each in command.commands.items():
            yield name
            yield from _spelled(each, ctx)


def _nothing(_app: App) -> Iterable[str]:
    return ()


def _shells(_app: App) -> Iterable[str]:
    return (*SHELLS, "vscode", "direnv")


def _commands(app: App) -> Iterable[str]:
    return app.shims.names()


def _installed(app: App) -> Iterable[str]:
    return [each.name for each in app.store.installed()]


def _requests(app: App) -> Iterable[str]:
    return ["system", *_installed(app), *sorted(app.store.aliases())]


def _available(app: App) -> Iterable[str]:
    versions = [build.version for build in app.index.builds(refresh=False)]
    return dict.fromkeys(name for version in versions for name in (*version.short_names, version.name))


def _named(app: App) -> Iterable[str]:
    return [each.name for each in app.store.installed() if os.path.isfile(each.path / CONFIG)]


_WORDS: Mapping[str, Callable[[App], Iterable[str]]] = {
    "activate": _named,
    "exec": _commands,
    "global": _requests,
    "init": _shells,
    "install": _available,
    "latest": _available,
    "list": _available,
    "local": _requests,
    "pack": _installed,
    "outdated": _installed,
    "prefix": _requests,
    "repair": _installed,
    "shell": _requests,
    "uninstall": _installed,
    "upgrade": _installed,
    "verify": _installed,
    "virtualenv": _requests,
    "virtualenv-delete": _named,
    "venvs": _named,
    "virtualenv-prefix": _named,
    "whence": _commands,
    "which": _commands,
}
