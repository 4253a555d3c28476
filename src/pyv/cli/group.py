"""The command `pyv` itself: its subcommands are imported when one is called, for each needs other libraries."""

from __future__ import annotations

import importlib

import click

from pyv import __version__

# Every command, the module that holds it, and what it does in one line: the list must not import them all
_COMMANDS = {
    "cache": ("cache", "Show or empty the cache of downloads."),
    "index": ("index", "Show or refresh the catalogue of builds."),
    "install": ("install_options", "Install Python versions."),
    "latest": ("query_options", "Print the newest version that matches."),
    "link": ("link", "Put a Python from elsewhere into the store."),
    "list": ("listing", "List the versions that are available and installed."),
    "pack": ("pack", "Make a standalone archive out of an installed CPython."),
    "prefix": ("query_options", "Print the folder of a version."),
    "root": ("query_options", "Print the folder of the store."),
    "uninstall": ("uninstall", "Remove installed versions."),
    "verify": ("verify", "Compare installed versions with their manifests."),
    "versions": ("query_options", "List the installed versions."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"pyv.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in sorted(_COMMANDS.items())])


@click.command(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: pyv install 3.12",
)
@click.version_option(__version__, "-V", "--version", message="pyv %(version)s")
@click.pass_context
def pyv(ctx: click.Context) -> None:
    """Install Pythons into a shared store, and switch between them by folder."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
