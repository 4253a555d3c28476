"""What `pyv rehash` and `pyv shims` do, and what every command does after it changed what is installed."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pyv.cli import output
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.cli.app import App


def rehash(app: App, shell: str = "") -> None:
    """Make the shims again, to hand over to this pyv, with another sh to run them if one is given; and the hooks."""
    app.shims.rehash(shell=shell, own=True)
    renew_hooks(app)


def renew_hooks(app: App) -> None:
    """Bring the files that shells load in line with this pyv, where there are any and they can be written."""
    if os.path.isdir(app.layout.hooks):
        from pyv import init

        with suppress(PyvError):
            init.write_hooks(app.layout)


def shims(app: App, *, short: bool = False) -> None:
    """Print the paths of all shims, or their names."""
    for name in app.shims.names():
        output.data(name if short else os.path.join(app.layout.shims, name))


def refresh(app: App) -> None:
    """Bring the shims in line with what is installed now. What was done before stays done if that fails."""
    try:
        app.shims.rehash()
    except PyvError as error:
        app.notify(f"the shims stay as they were: {error.message}")


@contextmanager
def kept_in_line(app: App) -> Iterator[None]:
    """Bring the shims in line with what the body installs, also with what it did before it failed or was interrupted.

    Where it changed nothing, they are at most made again as by any command: silently, and only where that is possible.
    """
    before = _last_change(app)
    try:
        yield
    finally:
        if not app.shims.intact():
            if _last_change(app) == before:
                app.shims.repair()
            else:
                refresh(app)


def _last_change(app: App) -> int:
    """Return when a version or a short name last came, went or moved; 0 if there never was one."""
    try:
        return os.stat(app.layout.versions).st_mtime_ns
    except OSError:
        return 0
