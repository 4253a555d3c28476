"""What `pyv rehash` and `pyv shims` do, and what every command does after it changed what is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv.cli import output
from pyv.errors import PyvError

if TYPE_CHECKING:
    from pyv.cli.app import App


def rehash(app: App, shell: str = "") -> None:
    """Make the shims again, with another sh to run them if one is given."""
    app.shims.rehash(shell=shell)


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
