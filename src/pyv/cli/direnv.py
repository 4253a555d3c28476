"""What `pyv init direnv` does: gives direnv the function behind `use pyv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyv.cli import output
from pyv.errors import UsageError
from pyv.init import direnv as function

if TYPE_CHECKING:
    from pyv.cli.app import App


def direnv(app: App, *, install: bool, uninstall: bool, no_hook: bool) -> None:
    """Print the function, or put it where direnv loads it, or take it away from there.

    Raises:
        UsageError: an option makes no sense for direnv, or another file is in its place.
        StoreError: a file cannot be read or changed.
    """
    if no_hook:
        raise UsageError("--no-hook is for shells", hint="pyv init direnv --install")
    if uninstall:
        path, there = function.uninstall(app.layout, app.env)
        app.notify(f"{path} is removed" if there else f"there was no {path}")
    elif install:
        if not app.shims.intact():
            app.shims.rehash()
        path, changed = function.install(app.layout, app.env)
        app.notify(f"{path} is written: `use pyv` in .envrc works now" if changed else f"{path} is there already")
    else:
        output.data(function.code(app.layout).rstrip("\n"))
