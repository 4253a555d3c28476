"""The command `pyv` itself: its subcommands are imported when one is called, for each needs other libraries."""

from __future__ import annotations

import importlib

import click

from pyv import __version__
from pyv.errors import UsageError
from pyv.versions.near import nearest

# Every command, the module that holds it, and what it does in one line: the list must not import them all
_COMMANDS = {
    "activate": ("virtualenv_options", "Activate a named environment in this shell."),
    "cache": ("cache", "Show or empty the cache of downloads."),
    "commands": ("about", "List the commands of pyv."),
    "completions": ("completions", "Print the words that can follow a command."),
    "deactivate": ("virtualenv_options", "Deactivate what was activated in this shell."),
    "doctor": ("doctor", "Look for what is wrong around pyv, and mend it."),
    "exec": ("execute_options", "Run a command of the selected version."),
    "global": ("pinning_options", "Show or pin the versions for all folders."),
    "help": ("about", "Show what a command does."),
    "import": ("imports_options", "Take over what pyenv or uv has."),
    "index": ("index", "Show or refresh the catalogue of builds."),
    "init": ("init_options", "Print or install what a shell needs."),
    "install": ("install_options", "Install Python versions."),
    "latest": ("query_options", "Print the newest version that matches."),
    "link": ("link", "Put a Python from elsewhere into the store."),
    "list": ("listing", "List the versions that are available and installed."),
    "local": ("pinning_options", "Show or pin the versions for this folder."),
    "lock": ("lock_options", "Write pylock.toml: the packages, and the interpreter."),
    "outdated": ("outdated", "List the versions of which a newer patch is available."),
    "pack": ("pack", "Make a standalone archive out of an installed CPython."),
    "prefix": ("query_options", "Print the folder of a version."),
    "prune": ("prune", "Remove the versions that nothing refers to."),
    "rehash": ("shims_options", "Make the shims again, which is hardly ever needed."),
    "repair": ("repair", "Put back what of a version is damaged or missing."),
    "root": ("query_options", "Print the folder of the store."),
    "shell": ("shell_options", "Show or set the version of this shell."),
    "shims": ("shims_options", "List the shims."),
    "sync": ("sync_options", "Bring a project to life: interpreter, environment, packages."),
    "trust": ("trust", "Accept an environment that pyv did not make."),
    "uninstall": ("uninstall", "Remove installed versions."),
    "upgrade": ("upgrade", "Move on to the newest patches, environments and all."),
    "venv": ("venv_options", "Make or repair the environment of a project."),
    "venvs": ("venvs", "List or remove the environments that pyv knows."),
    "verify": ("verify", "Compare installed versions with their manifests."),
    "version": ("selected_options", "Show the selected versions, and what decided so."),
    "version-file": ("selected_options", "Print the pin file that holds here."),
    "version-name": ("selected_options", "Print the names of the selected versions."),
    "version-origin": ("selected_options", "Print what selects the version here."),
    "versions": ("query_options", "List the installed versions."),
    "virtualenv": ("virtualenv_options", "Make a named environment."),
    "virtualenv-delete": ("virtualenv_options", "Delete named environments."),
    "virtualenv-prefix": ("virtualenv_options", "Print the folder of what an environment was made from."),
    "virtualenvs": ("virtualenv_options", "List the named environments."),
    "whence": ("selected_options", "List the versions that have a command."),
    "which": ("selected_options", "Print the path of a command."),
}
# Those that only shims and the hooks of shells call
_HIDDEN = {
    "as-pyenv": "as_pyenv_options",
    "sh-activate": "virtualenv_options",
    "sh-deactivate": "virtualenv_options",
    "sh-shell": "shell_options",
}


# What `pyv --help` puts together, in the order in which a newcomer needs it
SECTIONS = {
    "Versions": "install uninstall list versions latest link prefix",
    "Which one is meant": "local global shell version which exec whence version-name version-file version-origin",
    "Projects": "venv sync lock venvs trust",
    "Environments by name": "virtualenv activate deactivate virtualenvs virtualenv-delete virtualenv-prefix",
    "Keeping up and sound": "outdated upgrade prune verify repair doctor cache index",
    "Setting up": "init import pack root rehash shims commands completions help",
}
# What the same is called elsewhere
_ELSEWHERE = {
    "add": "install",
    "create": "venv",
    "current": "version",
    "delete": "uninstall",
    "dir": "root",
    "find": "which",
    "ls": "list",
    "pin": "local",
    "remove": "uninstall",
    "rm": "uninstall",
    "run": "exec",
    "update": "upgrade",
    "use": "local",
}


class _LazyGroup(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise no_such(name)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        name = _HIDDEN.get(cmd_name) or _COMMANDS.get(cmd_name, ("",))[0]
        if not name:
            return None
        module = importlib.import_module(f"pyv.cli.{name}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        _lay_out_examples(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        width = max(map(len, _COMMANDS))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), _COMMANDS[name][1]) for name in names.split()])


def no_such(name: str) -> UsageError:
    """Return the error for what is no command, with the one that was meant, as far as that can be told."""
    meant = _ELSEWHERE.get(name) or nearest(name, sorted(_COMMANDS))
    hint = "see: pyv commands"
    if meant:
        hint = f"did you mean: pyv {meant}? See: pyv commands"
    elif name[:1].isdigit():
        hint = f"did you mean: pyv install {name}? See: pyv commands"
    return UsageError(f"there is no command {name!r}", hint=hint)


def _lay_out_examples(command: click.Command) -> None:
    """Put the examples of a command's help on a line each; click would break them anywhere."""
    heading, _, examples = (command.epilog or "").partition(":  ")
    if examples:
        lines = "".join(f"\n  {each.strip()}" for each in examples.split("    ") if each.strip())
        command.epilog = f"\b\n{heading}:{lines}"
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _lay_out_examples(each)


@click.command(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  pyv install 3.12\n  pyv local 3.12\n  pyv venv",
)
@click.version_option(__version__, "-V", "-v", "--version", message="pyv %(version)s")
@click.pass_context
def pyv(ctx: click.Context) -> None:
    """Install Pythons into a shared store, and switch between them by folder."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
