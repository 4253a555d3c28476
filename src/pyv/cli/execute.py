"""`pyv exec`, which is also what a shim hands over to: becomes the command that is selected."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pyv import proc
from pyv.cli import stranger
from pyv.errors import (
    CommandNotFoundError,
    EnvironmentMismatchError,
    NotFoundError,
    NotInstalledError,
    PyvError,
    RequestError,
    UsageError,
    shell_word,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.select import Found, Selection

# The only option of CPython that is a word and has the next one for its value
_WITH_A_VALUE = "--check-hash-based-pycs"


def execute(app: App, arguments: Sequence[str]) -> int:
    """Become a command of what is selected here, or run it and return its exit status if it is pip.

    Args:
        app: this run.
        arguments: the command and its own arguments; `--shim` before them where a shim hands over.

    Raises:
        UsageError: no command is named.
        CommandNotFoundError: there is no such command, or no usable selection. A shim has no other way to say so.
        PyvError: a version should have been installed first, and was not.
    """
    words = list(arguments)
    shim = words[:1] == ["--shim"]
    if shim or words[:1] == ["--"]:
        del words[0]
    if not words:
        raise UsageError("pyv exec needs a command", hint="such as: pyv exec python -V")
    command, *rest = words
    if shim:
        stranger.mention(app)
    is_pip = _is_pip(command, rest)
    try:
        found = _find(app, command, rest)
    except PyvError as error:
        # Who called a shim has called another program, which may use the status of any other error itself
        if not (shim or isinstance(error, (RequestError, NotFoundError, EnvironmentMismatchError))):
            raise
        raise CommandNotFoundError(error.message, hint=error.hint) from error
    env = app.commands.passing(found, rest, is_pip=is_pip)
    if not shim:
        env["PATH"] = _with_shims(app, env.get("PATH", os.defpath))
    program = [found.path, *rest]
    try:
        if is_pip and not _is_outside(app, found):
            return _run_pip(app, program, env)
        proc.become(program, env=env)
    except OSError as error:
        raise CommandNotFoundError(
            f"{found.path} cannot be started: {error.strerror}",
            hint=f"see what it is: head -1 {shell_word(found.path)}",
        ) from error


def _find(app: App, command: str, arguments: Sequence[str]) -> Found:
    from pyv.cli import autoinstall

    while True:
        try:
            selection: Selection = app.selector.select()
        except NotInstalledError as error:
            if not autoinstall.install_missing(app, error):
                raise
            continue
        return app.commands.find(command, selection, arguments)


def _with_shims(app: App, path: str) -> str:
    """Return PATH with the shims in it, so that what the command starts follows the same rules."""
    shims = os.fspath(app.layout.shims)
    return path if shims in path.split(os.pathsep) else f"{shims}{os.pathsep}{path}"


def _is_pip(command: str, rest: Sequence[str]) -> bool:
    """Tell whether a command is pip, which `python -m pip` is too, after any options, or in one word with -m."""
    if not command.startswith("python"):
        return command == "pip" or re.match(r"pip[0-9]", command) is not None
    words = iter(rest)
    for word in words:
        if word == _WITH_A_VALUE:
            next(words, "")
            continue
        # A script, or one of the other options that are words; what follows is not Python's
        if not re.match(r"-[^-]", word, re.DOTALL):
            return False
        # Several flags may share a word; the first of these has the rest of it for its value, or the next word
        found = re.search(r"([cmWX])(.*)", word, re.DOTALL)
        if found is None:
            continue
        value = found[2] or next(words, "")
        if found[1] in "cm":
            return found[1] == "m" and value in ("pip", "ensurepip")
    return False


def _is_outside(app: App, found: Found) -> bool:
    """Tell whether a program belongs to nothing that has shims."""
    homes = [app.layout.versions, app.layout.envs, found.selection.environment]
    return not any(home is not None and found.path.startswith(f"{home}{os.sep}") for home in homes)


def _run_pip(app: App, program: Sequence[str], env: dict[str, str]) -> int:
    """Run pip, then give what it brought a shim, and take that of what it removed."""
    status = proc.accompany(program, env=env)  # even a pip that was killed may have brought something
    try:
        app.shims.rehash()
    except (PyvError, OSError) as error:
        if app.env.get("PYV_DEBUG", "") not in ("", "0"):
            app.notify(f"the shims stay as they are: {error}")
    return proc.end_like(status)
