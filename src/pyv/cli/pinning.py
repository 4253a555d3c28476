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
from pyv.cli.query import installed
from pyv.errors import PyvError, RequestError, UsageError, shell_word
from pyv.versions import Request, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App

# No release has had more patches
_PATCHES = range(100)
_MAX_BYTES = 4 << 20


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
    project, required = _requires_python(app.cwd)
    if required is None:
        return []
    lines = []
    for request in requests:
        candidates = _candidates(app, request)
        if candidates and not any(_allows(required, release) for release in candidates):
            lines.append(f"warning: {file} says {request}, but {project} requires Python {required}")
    return lines


def _requires_python(cwd: str) -> tuple[Path | None, Request | None]:
    """Return the nearest pyproject.toml upward, and the range of Pythons that it wants, if it can be understood."""
    for folder in pins.folders_upward(cwd):
        file = folder / "pyproject.toml"
        try:
            with fsops.open_regular(file) as opened:
                data = opened.read(_MAX_BYTES)
        except OSError:
            continue
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        with suppress(ValueError, RecursionError, RequestError):
            project = tomllib.loads(data.decode()).get("project")
            required = project.get("requires-python") if isinstance(project, dict) else None
            if isinstance(required, str):
                request = Request.parse(required)
                return file, request if request.kind == "range" else None
        break
    return None, None


def _candidates(app: App, request: Request) -> list[tuple[int, ...]]:
    """Return the releases that a request may mean: the installed one, else all of a minor version, else none known."""
    found = app.store.find(request) if request.kind != "system" else None
    release = found.version.release if found and found.version else request.release
    if len(release) == 2:  # as of a PyPy, whose name does not tell the patch
        return [(*release, patch) for patch in _PATCHES]
    return [release] if len(release) > 2 else []


def _allows(required: Request, release: tuple[int, ...]) -> bool:
    """Tell whether a range includes a release. Its pre-releases count as the release, as they do to pip."""
    return all(clause.holds(Version("cpython", release)) for clause in required.clauses)
