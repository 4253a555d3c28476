"""What `pyv local` and `pyv global` do: show, write and remove pin files."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import fsops, pins
from pyv.cli import output
from pyv.cli.metadata import requires_python, rules_out
from pyv.cli.query import installed
from pyv.errors import PyvError, UsageError, shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.versions import Request


def local(app: App, words: Sequence[str] = (), *, unset: bool = False, force: bool = False) -> None:
    """Pin versions for this folder and all below it, or print what is pinned here, or remove this folder's pin file.

    Args:
        app: this run.
        words: the versions, in order; without any, what is pinned is printed.
        unset: whether to remove the file.
        force: whether versions that are not installed will do.

    Raises:
        UsageError: a version is no request, or the words contradict each other.
        NotInstalledError: a version is not installed.
        PyvError: nothing is pinned here, or the file cannot be written.
    """
    if not (words or unset):
        nearest = pins.nearest(app.cwd) if app.cwd else None
        if nearest is None:
            raise PyvError("no version is pinned for this folder", hint="to pin one: pyv local 3.12")
        _show(nearest)
        return
    if not app.cwd:
        raise PyvError("the current folder was deleted", hint="cd to another one")
    file = Path(app.cwd, pins.FILE_NAME)
    if unset:
        _remove(file, words)
        return
    requests = checked(app, words, force=force)
    target = _behind(file)
    _write(target, requests)
    for line in _contradictions(app, file, requests):
        app.notify(line)
    _name_the_missing_step(app)


def global_(app: App, words: Sequence[str] = (), *, unset: bool = False, force: bool = False) -> None:
    """Pin versions for all folders that have no pin of their own, or print them, or remove that pin.

    Args:
        app: this run.
        words: the versions, in order; without any, what is pinned is printed.
        unset: whether to remove the pin.
        force: whether versions that are not installed will do.

    Raises:
        UsageError: a version is no request, or the words contradict each other.
        NotInstalledError: a version is not installed.
        PyvError: the file cannot be written.
    """
    file = app.layout.global_pin
    if unset:
        _remove(file, words)
    elif words:
        # The store is the user's own, so a link in it may lead anywhere
        _write(Path(os.path.realpath(file)), checked(app, words, force=force))
        _name_the_missing_step(app)
    elif os.path.lexists(file):
        _show(file)
    else:
        output.data("system")


def _show(file: Path) -> None:
    for pin in pins.read(file):
        output.data(pin.request.text)


def _remove(file: Path, words: Sequence[str]) -> None:
    if words:
        raise UsageError("--unset takes no version", hint="without one it removes the whole pin")
    try:
        with suppress(FileNotFoundError):
            os.unlink(file)
    except OSError as error:
        raise PyvError(
            f"{file} cannot be removed: {error.strerror}",
            hint=f"see what is there: ls -la {shell_word(file.parent)}",
        ) from error


def _name_the_missing_step(app: App) -> None:
    """Tell a person who has pinned a version what it still takes for `python` to be that one."""
    if not sys.stderr.isatty():
        return
    for folder in app.env.get("PATH", "").split(os.pathsep):
        with suppress(OSError):
            if os.path.samefile(folder, app.layout.shims):
                return
    app.notify("the shims are not on PATH, so python does not follow it yet: pyv init --install, then open a new shell")


def checked(app: App, words: Sequence[str], *, force: bool) -> list[Request]:
    """Return the requests that somebody wants to pin.

    Raises:
        RequestError: one cannot be understood.
        NotInstalledError: one is not installed, and that is not enforced.
    """
    requests = pins.requests(words)
    if not force:
        for request in requests:
            installed(app, request)
    return requests


def _behind(file: Path) -> Path:
    """Return where a pin file is to be written: behind its link, if that leads to another pin file.

    A link that came with a clone could lead to any file of the user's, which must not be overwritten.

    Raises:
        PyvError: it leads to something else.
    """
    if not os.path.islink(file):
        return file
    target = Path(os.path.realpath(file))
    if target.name.lstrip(".") != pins.FILE_NAME.lstrip("."):
        raise PyvError(
            f"{file} is a link to {target}, which is not named like a pin file",
            hint="to remove the link: pyv local --unset",
        )
    return target


def _write(file: Path, requests: Sequence[Request]) -> None:
    # On one line each: in a range any white space is allowed, and a pin file knows blanks only
    content = "".join(" ".join(request.text.split()) + "\n" for request in requests)
    mode = 0o644
    with suppress(OSError):
        mode = stat.S_IMODE(os.stat(file).st_mode)
    try:
        fsops.write_whole(file, content.encode(), mode=mode)
    except OSError as error:
        raise PyvError(
            f"{file} cannot be written: {error.strerror}",
            hint=f"see what is there: ls -la {shell_word(file.parent)}",
        ) from error


def _contradictions(app: App, file: Path, requests: Sequence[Request]) -> list[str]:
    """Return a line for each pin that the project's own metadata rules out."""
    project, required = requires_python(app.cwd)
    return [
        f"warning: {file} says {request}, but {project} requires Python {required}"
        for request in requests
        if required is not None and rules_out(app, required, request)
    ]
