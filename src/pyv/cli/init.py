"""What `pyv init` does: code for a shell to run, or the line in its rc file; or an editor's settings."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import init as shells
from pyv import proc
from pyv.cli import output
from pyv.errors import PyvError, StoreError, UsageError
from pyv.init.shells import SOURCING
from pyv.shims import pyenv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App

# What to type in shells whose rc files are not ours to change
_BY_HAND = {
    "pwsh": "add to $PROFILE: pyv init pwsh | Out-String | Invoke-Expression",
    "nu": "pyv init nu | save -f ($nu.user-autoload-dirs.0 | path join pyv.nu)",
}
_EDITOR = "vscode"


def init(
    app: App,
    words: Sequence[str] = (),
    *,
    install: bool = False,
    uninstall: bool = False,
    no_hook: bool = False,
    no_rehash: bool = False,  # noqa: ARG001 - pyenv's: pyv never does at the start of a shell
    as_pyenv: bool = False,
) -> None:
    """Print what a shell has to run when it starts, or put it into, or take it out of, its rc file.

    With `as_pyenv`, nothing of that: the shims get, or lose, a command `pyenv` that answers with pyv. `vscode` is an
    editor, whose settings for the current folder get the interpreter. `direnv` gets the function behind `use pyv`.

    Raises:
        UsageError: the shell is unknown, or nothing can be installed for it.
        StoreError: a file cannot be written.
    """
    if install and uninstall:
        raise UsageError("--install and --uninstall exclude each other", hint="see: pyv init --help")
    if as_pyenv:
        if words or install or no_hook:
            raise UsageError("--as-pyenv goes with --uninstall or alone", hint="pyv init --as-pyenv")
        _as_pyenv(app, uninstall=uninstall)
        return
    if list(words) == [_EDITOR]:
        if uninstall or no_hook:
            raise UsageError(f"{_EDITOR} takes no options", hint=f"pyv init {_EDITOR}")
        from pyv.cli import vscode

        vscode.vscode(app)
        return
    if list(words) == ["direnv"]:
        from pyv.cli import direnv

        direnv.direnv(app, install=install, uninstall=uninstall, no_hook=no_hook)
        return
    _shell(app, words, install=install, uninstall=uninstall, no_hook=no_hook)


def _shell(app: App, words: Sequence[str], *, install: bool, uninstall: bool, no_hook: bool) -> None:
    shell = shell_of(app, [word for word in words if word != "-"])
    if (install or uninstall) and shell not in SOURCING:
        raise UsageError(f"the files of {shell} are not changed by pyv", hint=_BY_HAND[shell])
    if uninstall:
        for path in shells.uninstall(app.layout, shell, app.env):
            app.notify(f"{path} no longer loads pyv")
        return
    if shell not in SOURCING:
        output.data(shells.code(app.layout, shell).rstrip("\n"))
        return
    if install:
        shells.write_hooks(app.layout)
        _have_shims(app)
        changed = shells.install(app.layout, shell, app.env, hook=not no_hook)
        for path in changed:
            app.notify(f"{path} loads pyv now")
        app.notify("open a new shell to have it" if changed else f"{shell} loads pyv already")
        return
    _print_line(app, shell, hook=not no_hook)


def _as_pyenv(app: App, *, uninstall: bool) -> None:
    if uninstall:
        there = pyenv.withdraw(app.layout)
        app.notify("pyenv is no longer pyv" if there else "there was no pyenv among the shims")
        return
    if not app.shims.intact():
        app.shims.rehash()
    path = pyenv.offer(app.layout)
    app.shims.rehash()
    app.notify(f"{path} answers with pyv")
    first = proc.find_program("pyenv", app.env.get("PATH", ""))
    if first is None:
        app.notify("the shims are not on PATH yet: pyv init --install")
    elif not os.path.samefile(first, path):
        app.notify(f"{first} comes before it on PATH")


def _print_line(app: App, shell: str, *, hook: bool) -> None:
    _have_shims(app)
    try:
        shells.write_hooks(app.layout)
    except StoreError:
        # Somebody else's store: its hook serves, or else this shell gets all of it at once
        if not os.path.exists(app.layout.hooks / f"pyv.{shell}"):
            output.data(shells.code(app.layout, shell).rstrip("\n"))
            return
    output.data(shells.line(app.layout, shell, hook=hook))
    if sys.stdout.isatty():
        app.notify(f"to have this line in the right file: pyv init {shell} --install")


def _have_shims(app: App) -> None:
    """Make the shims if they are not there, in an empty store too: `pyv` itself is one of them."""
    if not app.shims.intact():
        with suppress(PyvError):  # somebody else's store: theirs serve
            app.shims.rehash()


def shell_of(app: App, words: Sequence[str]) -> str:
    """Return the shell that was named, else the one that runs this command, else the user's own."""
    if len(words) > 1:
        raise UsageError(f"one shell at a time, not {' '.join(words)}", hint="pyv init bash")
    if words:
        shell = shells.known(words[0])
        if not shell:
            hint = f"one of: {' '.join(shells.SHELLS)}; else vscode or direnv"
            raise UsageError(f"{words[0]!r} is no shell that pyv knows", hint=hint)
        return shell
    shell = shells.known(_parent()) or shells.known(app.env.get("SHELL", ""))
    if not shell:
        raise UsageError("cannot tell which shell this is", hint="pyv init bash")
    return shell


def _parent() -> str:
    """Return the name of the program that started this one; nothing where the system does not tell."""
    try:
        with open(f"/proc/{os.getppid()}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return proc.run(["/bin/ps", "-o", "comm=", "-p", str(os.getppid())], env={}, timeout=5).stdout.strip()
