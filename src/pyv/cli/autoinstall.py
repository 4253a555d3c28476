"""Installing what is pinned and missing, when a command needs it, as far as the user allows."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from pyv import settings
from pyv.cli import output
from pyv.cli.query import meant_by_pin, runs_here
from pyv.errors import NotFoundError, NotInstalledError, PyvError
from pyv.versions import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.pins import Pin


def install_missing(app: App, missing: NotInstalledError) -> bool:
    """Install the pinned versions that are missing here; tell whether that was done.

    Args:
        app: this run.
        missing: what was found missing; it gets a hint where the user does not allow it.

    Raises:
        PyvError: it was tried, and failed.
    """
    wanted = [pin for pin in app.selector.pins() if _is_missing(app, pin)]
    if not wanted or not all(pin.request.kind in ("version", "range") for pin in wanted):
        return False
    policy = settings.auto_install(app.env, app.layout.settings, app.cwd)
    removed = [name for name in app.store.removed() if any(_means(pin, name) for pin in wanted)]
    if policy == "always" and removed:
        # What somebody removed comes back only when somebody asks for it
        there = app.selector.present(wanted[0].request)
        todo = f"{removed[0]} was uninstalled; to have it again: pyv install {_typed(wanted[0])}"
        missing.hint = f"installed: {there}; {todo}"
        return False
    if policy == "never" or (policy == "ask" and not (_can_be_had(app, wanted) and _agrees(_question(wanted)))):
        missing.hint = next(filter(None, (meant_by_pin(app, pin) for pin in wanted)), missing.hint)
        return False
    from pyv.cli.install import ensure

    for pin in wanted:
        try:
            ensure(app, pin.request)
        except NotFoundError as error:
            error.message = f"{pin.origin}: {error.message}"
            raise
    return not any(_is_missing(app, pin) for pin in wanted)


def _question(wanted: Sequence[Pin]) -> str:
    names = " and ".join(_typed(pin) for pin in wanted)
    origins = " and ".join(dict.fromkeys(pin.origin for pin in wanted))
    are, it = ("are", "them") if len(wanted) > 1 else ("is", "it")
    return f"{names} {are} not installed, pinned by {origins}. Install {it} now?"


def _typed(pin: Pin) -> str:
    """Return a request as one types it in a shell."""
    return shlex.quote(pin.request.text)


def _is_missing(app: App, pin: Pin) -> bool:
    try:
        app.selector.choose(pin)
    except NotInstalledError:
        return True
    return False


def _means(pin: Pin, name: str) -> bool:
    try:
        return pin.request.matches(Version.parse(name))
    except PyvError:
        return False


def _can_be_had(app: App, wanted: Sequence[Pin]) -> bool:
    """Tell whether there is a build of everything, as far as that is known without the network."""
    try:
        return all(
            runs_here(app, pin.request) and any(map(pin.request.matches, app.known(pin.request))) for pin in wanted
        )
    except PyvError:
        return True


def _agrees(question: str) -> bool:
    """Ask on the terminal; without one the answer is no, at once."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return output.agrees(f"pyv: {question}")
