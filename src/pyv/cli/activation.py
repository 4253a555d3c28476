"""What `pyv activate` and `pyv deactivate` do: they run an environment's own scripts, which only the shell can."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from pyv import init
from pyv.errors import PyvError, UsageError, shell_word
from pyv.init.shells import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App

_SCRIPTS = {
    "bash": "activate",
    "fish": "activate.fish",
    "pwsh": "Activate.ps1",
    "sh": "activate",
    "tcsh": "activate.csh",
    "zsh": "activate",
}
# Their hooks activate by themselves, and have to let go before
_WITH_HOOK = ("bash", "fish", "zsh")


def activate(app: App, words: Sequence[str] = ()) -> NoReturn:  # noqa: ARG001 - the words are the shell's business
    """Say what is missing: the hook of a shell does not come here.

    Raises:
        PyvError: always.
    """
    _refuse(app, "activate")


def deactivate(app: App, words: Sequence[str] = ()) -> NoReturn:  # noqa: ARG001 - the words are the shell's business
    """Say what is missing: the hook of a shell does not come here.

    Raises:
        PyvError: always.
    """
    _refuse(app, "deactivate")


def _refuse(app: App, command: str) -> NoReturn:
    hint = "pyv init --install, and open a new shell"
    if app.env.get("PYV_HOOK"):
        hint = f"call it as: pyv {command}, in the shell itself"
    raise PyvError(f"only the shell itself can {command} an environment, with the hook of pyv", hint=hint)


def _shell(words: Sequence[str]) -> str:
    name = init.known(words[0]) if words else ""
    if name not in _SCRIPTS:
        raise UsageError(
            f"environments have no scripts for {name or 'this shell'}", hint="pyv shell NAME selects one there"
        )
    return name


def sh_activate(app: App, words: Sequence[str] = ()) -> None:
    """Print the code by which a shell activates an environment; its hook runs it.

    Args:
        app: this run.
        words: the name of the shell, then that of the environment, if it is not the one selected here.

    Raises:
        UsageError: it is no environment, or no shell.
        NotInstalledError: there is no such name.
        PyvError: it has no script for this shell.
    """
    from pyv.cli.virtualenv import environment

    shell = _shell(words)
    venv = environment(app, words[1:])
    script = venv / "bin" / _SCRIPTS[shell]
    if not os.path.isfile(script):
        raise PyvError(f"{venv} has no {_SCRIPTS[shell]}", hint=f"to mend it: pyv venv --repair {shell_word(venv)}")
    source = "source" if shell in ("fish", "tcsh") else "."
    before = "_pyv_leave; " if shell in _WITH_HOOK else ""
    sys.stdout.write(f"{before}{source} {quoted(shell, os.fspath(script))}\n")


def sh_deactivate(app: App, words: Sequence[str] = ()) -> None:
    """Print the code by which a shell deactivates what was activated by hand; its hook runs it.

    Raises:
        UsageError: the shell is none, or there is a word too many.
        PyvError: nothing is active, or only what belongs to the folder.
    """
    shell = _shell(words)
    if len(words) > 1:
        raise UsageError("pyv deactivate takes no name", hint="pyv deactivate")
    venv = app.env.get("VIRTUAL_ENV", "")
    if not venv:
        raise PyvError("no environment is active", hint="pyv activate NAME")
    if venv == app.env.get("PYV_HOOK_VENV"):
        raise PyvError(f"{venv} is active because you are in its project", hint="cd elsewhere, or: pyv shell system")
    # A shell within the one that activated it has its variables, and not its function
    bin_folder = os.path.join(venv, "bin")
    entries = app.env.get("PATH", "").split(os.pathsep)
    if bin_folder in entries:
        entries.remove(bin_folder)
    rest = init.assignments(shell, {"PATH": os.pathsep.join(entries), "VIRTUAL_ENV": None, "VIRTUAL_ENV_PROMPT": None})
    code = "deactivate"
    if shell == "fish":
        code = f"if functions -q deactivate; deactivate; else; {rest}; end"
    elif shell in ("bash", "sh", "zsh"):
        code = f"if command -v deactivate >/dev/null; then deactivate; else {rest}; fi"
    sys.stdout.write(f"{code}\n")
