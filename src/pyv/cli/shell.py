"""What `pyv shell` does: the version of one shell, in a variable that only the shell itself can set."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyv import init, pins
from pyv.cli import output
from pyv.cli.pinning import checked
from pyv.errors import PyvError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App

# What `pyv shell -` goes back to
_PREVIOUS = f"{pins.VARIABLE}_OLD"


def shell(app: App, words: Sequence[str] = (), *, unset: bool = False, force: bool = False) -> None:
    """Print the version of this shell. Whatever would change it needs the hook, which does not come here.

    Raises:
        PyvError: there is none, or there is no hook.
    """
    if not (words or unset or force):
        current = app.env.get(pins.VARIABLE, "")
        if not current:
            raise PyvError("no version is set for this shell", hint="pyv shell 3.12")
        output.data(current)
        return
    hint = "pyv init --install, and open a new shell"
    if app.env.get("PYV_HOOK"):
        hint = "call it as: pyv shell, in the shell itself"
    raise PyvError(f"only the shell itself can change {pins.VARIABLE}, with the hook of pyv", hint=hint)


def sh_shell(app: App, words: Sequence[str] = (), *, unset: bool = False, force: bool = False) -> None:
    """Print the code by which a shell changes its version; its hook runs it.

    Args:
        app: the run.
        words: the name of the shell, then the versions, or `-` for the previous ones.
        unset: whether the shell shall have no version of its own.
        force: whether versions that are not installed will do.

    Raises:
        UsageError: a version is no request, or the words contradict each other.
        NotInstalledError: a version is not installed.
        PyvError: there is no previous version.
    """
    name = init.known(words[0]) if words else ""
    if not name:
        raise UsageError("pyv sh-shell is for the hooks of shells", hint="see: pyv shell --help")
    versions = list(words[1:])
    current = app.env.get(pins.VARIABLE)
    if unset or versions == ["-"]:
        if unset and versions:
            raise UsageError("--unset takes no version", hint="pyv shell --unset")
        if not unset and _PREVIOUS not in app.env:
            raise PyvError("this shell had no other version before", hint="pyv shell 3.12")
        wanted = None if unset else app.env[_PREVIOUS] or None
    else:
        if not versions:
            raise UsageError("pyv shell names no version", hint="pyv shell 3.12")
        wanted = ":".join(request.text for request in checked(app, versions, force=force))
    # An empty value says that there was none
    changes = {pins.VARIABLE: wanted, _PREVIOUS: current or ""}
    sys.stdout.write(init.assignments(name, changes) + "\n")
