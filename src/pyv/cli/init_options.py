"""The options of `pyv init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli import init

if TYPE_CHECKING:
    from pyv.cli.app import App

_EXAMPLES = """\b
Examples:
  pyv init bash --install
  eval "$(pyv init zsh)"                                  in ~/.zshrc
  pyv init fish | source                                  in config.fish
  eval "`pyv init tcsh`"                                  in ~/.tcshrc
  pyv init pwsh | Out-String | Invoke-Expression          in $PROFILE
  pyv init nu | save -f ($nu.user-autoload-dirs.0 | path join pyv.nu)
  pyv init --as-pyenv                                     for scripts that call pyenv
  pyv init vscode                                         in a project's folder
  pyv init direnv --install                               for `use pyv` in .envrc
"""


@click.command("init", epilog=_EXAMPLES)
@click.argument("shell", nargs=-1, metavar="[SHELL]")
@click.option("--install", is_flag=True, help="Write it into the shell's rc file. Repeating it is harmless.")
@click.option("--uninstall", is_flag=True, help="Take it out of the rc file again.")
@click.option(
    "--no-hook", "--path", "no_hook", is_flag=True, help="Only put the shims on PATH: no `pyv shell`, no environments."
)
@click.option("--no-rehash", "--no-push-path", "no_rehash", is_flag=True, help="Changes nothing; pyenv has it.")
@click.option("--as-pyenv", is_flag=True, help="Have a command pyenv that is pyv; with --uninstall, no longer.")
@click.pass_obj
def init_command(app: App, /, shell: tuple[str, ...], **how: bool) -> None:
    """Print what SHELL has to run when it starts: bash, zsh, fish, tcsh, sh, pwsh or nu.

    The shims come first on PATH. In bash, zsh and fish the environment of a project is active wherever you are in it,
    and the words of pyv are completed (in zsh once compinit has run). Without SHELL, the one that runs this command.

    `pyv init vscode` writes the path of the project's interpreter into .vscode/settings.json and leaves the rest of it
    as it is. `pyv init direnv --install` gives direnv the function behind `use pyv`.
    """
    init.init(app, shell, **how)
