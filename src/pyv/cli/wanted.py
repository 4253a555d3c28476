"""Which version an environment is to be made from, and who says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import pins
from pyv.cli.metadata import requires_python, rules_out
from pyv.errors import UsageError
from pyv.registry import NAMES
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyv.cli.app import App


def wanted(app: App, target: Path, python: str, *, is_there: bool) -> tuple[Request | None, str]:
    """Return what is asked for and by whom; None and nothing if by nobody.

    Args:
        app: this run.
        target: the folder of the environment.
        python: what the command line asks for.
        is_there: whether there is an environment. As where commands are selected, it then goes before the project's
            metadata and all pins but the variable and the file beside it.

    Raises:
        RequestError: one of them cannot be understood.
        UsageError: the file beside it asks for another environment.
    """
    if python:
        return Request.parse(python), "-p"
    beside = target.parent / pins.FILE_NAME
    if not is_there or app.env.get(pins.VARIABLE):
        found = app.selector.pins()
    else:
        found = pins.read(beside) if os.path.lexists(beside) else []
    if target.name in NAMES and found and found[0].source == os.fspath(beside):
        found = _versions(app, target, found)
    project, required = (None, None) if is_there else requires_python(app.cwd)
    if required is not None and found and found[0].source == os.fspath(app.layout.global_pin):
        # It is for whatever says nothing of its own, and this project does
        found = [pin for pin in found if not rules_out(app, required, pin.request)]
    return (found[0].request, found[0].origin) if found else (required, os.fspath(project or ""))


def _versions(app: App, target: Path, found: Sequence[pins.Pin]) -> list[pins.Pin]:
    """Return the pins that are no environments themselves: of such a one and one beside the pin, which is meant?

    Raises:
        UsageError: there is none.
    """
    versions = [pin for pin in found if not app.selector.names_environment(pin.request)]
    if not versions:
        raise UsageError(
            f"{found[0].origin} asks for the environment {found[0].request}, and {target} would be another",
            hint="to have one here in its place, pin a version first: pyv local 3.12",
        )
    return versions
