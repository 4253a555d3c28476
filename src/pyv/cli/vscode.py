"""What `pyv init vscode` does: tells VS Code which interpreter is the project's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import pins
from pyv.cli import stranger
from pyv.errors import UsageError
from pyv.init import vscode as settings

if TYPE_CHECKING:
    from pyv.cli.app import App
    from pyv.select import Selection


def vscode(app: App) -> None:
    """Write the interpreter of the current folder into its `.vscode/settings.json`.

    Raises:
        UsageError: the current folder was deleted.
        PyvError: no interpreter can be had here, or the file cannot be changed.
    """
    if not app.cwd:
        raise UsageError("the current folder was deleted", hint="cd to another one")
    stranger.mention(app)
    interpreter = _interpreter(app)
    written = settings.name_interpreter(Path(app.cwd), interpreter)
    if not written.changed:
        app.notify(f"{written.path} names {interpreter} already")
        return
    was = f", and no longer {written.before}" if written.before else ""
    app.notify(f"{written.path} names {interpreter} now{was}")
    if not interpreter.startswith(settings.WORKSPACE):
        app.notify("that is a path of this machine; for one that fits every clone: pyv venv, then pyv init vscode")


def _interpreter(app: App) -> str:
    from pyv.select import Selector

    # What is written is for the project and not for this shell
    env = {name: value for name, value in app.env.items() if name not in (pins.VARIABLE, "PYV_DIR")}
    selection = Selector(app.store, app.registry, env, app.cwd).select()
    if selection.environment is not None:
        inside = os.path.relpath(selection.environment, app.cwd)
        return f"{settings.WORKSPACE}/{inside}/bin/python"
    return _lasting(app, app.commands.find("python", selection).path, selection)


def _lasting(app: App, path: str, selection: Selection) -> str:
    """Return a path that goes on leading to the newest patch, unless the pin names a patch."""
    versions = f"{app.layout.versions}{os.sep}"
    if not path.startswith(versions) or any(each.pin and each.pin.request.exact for each in selection.chosen[:1]):
        return path
    name, slash, rest = path[len(versions) :].partition(os.sep)
    # The longest is that of the minor version
    short = [each for each, meant in app.store.aliases().items() if meant == name]
    return versions + max(short, key=len, default=name) + slash + rest
