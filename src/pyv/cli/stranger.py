"""Naming an environment that would decide here, were it known."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.errors import PyvError

if TYPE_CHECKING:
    from pyv.cli.app import App


def mention(app: App) -> None:
    """Name an environment of the project that is not used, on a terminal, unless the shell's hook does so."""
    if app.env.get("PYV_HOOK") or not sys.stderr.isatty():
        return
    with suppress(PyvError, OSError):
        found = app.selector.stranger()
        if found is not None:
            from pyv.select import shell_word

            app.notify(f"{found} is not known to pyv, and not used; to accept it: pyv trust {shell_word(found)}")
