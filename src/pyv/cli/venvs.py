"""`pyv venvs`: what has become of the environments that pyv made or was told to trust."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from pyv import dependents, disk, envs, uninstall
from pyv.cli import output, shims
from pyv.errors import InUseError, NotFoundError, PyvError, UsageError, explained
from pyv.registry import CONFIG
from pyv.select import shell_word
from pyv.store import Installed
from pyv.versions import Request

if TYPE_CHECKING:
    from pyv.cli.app import App
    from pyv.envs import Health

_GONE = envs.Health("gone", "is not there any more")


class _Row(NamedTuple):
    """An environment: its name if it has one, its folder, what it runs on, how it is, and what it takes."""

    name: str
    path: Path
    interpreter: str
    health: Health
    bytes: int


@click.group(
    "venvs", invoke_without_command=True, epilog="Examples:  pyv venvs    pyv venvs --json    pyv venvs remove tools"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@click.pass_obj
def venvs_command(app: App, ctx: click.Context, *, as_json: bool) -> None:
    """List the environments that pyv made or was told to trust: path, interpreter, health and size.

    The size counts what an environment shares with others in full.
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = [_row(app, path) for path in _paths(app)]
    if as_json:
        output.document({"venvs": [_describe(row) for row in rows]})
        return
    output.table([_cells(row) for row in rows])
    if not rows:
        app.notify("there is none yet; to make one: pyv venv")


def _paths(app: App) -> list[Path]:
    """Return the folders of projects' environments, then of named ones; also those that are gone."""
    named = envs.named(app.layout)
    inside = os.path.realpath(app.layout.envs)
    registered = {each.path for each in app.registry.all()}
    return sorted(path for path in registered if os.path.dirname(path) != inside) + named


def _row(app: App, path: Path) -> _Row:
    name = path.name if path.parent == app.layout.envs else ""
    if not os.path.isfile(path / CONFIG):
        return _Row(name, path, "", _GONE, 0)
    health = envs.inspect(path, None, app.registry, app.env)
    return _Row(name, path, _interpreter(app, path), health, disk.usage(path))


def _interpreter(app: App, venv: Path) -> str:
    """Return the name of the version that an environment runs on now, else the path of its Python; nothing if gone."""
    home = envs.home_of(venv)
    if home is not None and home.parent.parent == app.layout.versions and os.path.isdir(home):
        return app.store.aliases().get(home.parent.name, home.parent.name)
    program = os.path.realpath(venv / "bin/python")
    return program if os.path.isfile(program) else ""


def _cells(row: _Row) -> tuple[str, str, str, str]:
    health = row.health.kind if row.health == _GONE else row.health.reason or row.health.kind
    return row.name or str(row.path), row.interpreter, health, output.size(row.bytes) if row.bytes else ""


def _describe(row: _Row) -> dict[str, object]:
    return {
        "name": row.name or None,
        "path": str(row.path),
        "interpreter": row.interpreter or None,
        "health": row.health.kind,
        "reason": row.health.reason or None,
        "bytes": row.bytes,
    }


@venvs_command.command("remove", epilog="Example:  pyv venvs remove tools ~/old/.venv")
@click.argument("targets", nargs=-1, required=True, metavar="PATH|NAME...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_command(app: App, targets: tuple[str, ...], *, yes: bool) -> int:
    """Delete known environments. Of one whose folder is gone, what is noted of it goes."""
    status = 0
    for text in targets:
        try:
            status = remove(app, text, yes=yes) or status
        except PyvError as error:
            if len(targets) == 1:
                raise
            app.complain(error)
            status = error.exit_code
    shims.refresh(app)
    return status


def remove(app: App, text: str, *, yes: bool) -> int:
    """Delete an environment, and return the exit status.

    Args:
        app: this run.
        text: its name, or the path of its folder.
        yes: whether not to ask.

    Raises:
        PyvError: there is none, or it is none that may be deleted.
    """
    name = name_of(app, text)
    path = Path(os.path.normpath(os.path.join(app.cwd or "/", text)))
    if name and os.path.isfile(path / CONFIG):
        raise UsageError(f"{text} may be {app.layout.envs / name} or {path}", hint="write the whole path")
    if not name and os.path.realpath(path.parent) == os.path.realpath(app.layout.envs):
        name = name_of(app, path.name)
    if name:
        return remove_named(app, name, yes=yes)
    return _remove_folder(app, path, yes=yes)


def name_of(app: App, text: str) -> str:
    """Return the name of the named environment that a word means; nothing if there is none."""
    try:
        request = Request.parse(text)
        if request.base and (found := app.store.find(request)):
            app.selector.check_base(found, request)
    except PyvError:
        return ""
    name = request.name
    if not name:
        return ""
    link = app.layout.version(name)
    taken_over = os.path.islink(link) and os.path.isfile(link / CONFIG)
    return name if taken_over or envs.is_linked(app.layout, name) or os.path.isdir(app.layout.envs / name) else ""


def remove_named(app: App, name: str, *, yes: bool, force: bool = False) -> int:
    """Delete a named environment, and return the exit status; of one that is elsewhere, only what makes it known.

    Args:
        app: this run.
        name: its name.
        yes: whether not to ask.
        force: whether to delete it even if it is used.

    Raises:
        InUseError: it is used.
    """
    folder = app.layout.envs / name
    found = app.store.get(name)
    if found is not None and found.target and not dependents.is_named(app.layout, found.path):
        return _forget(app, found, yes=yes)
    if not envs.is_linked(app.layout, name):
        with explained(f"remove {name}"):
            envs.link(app.layout, name)  # what made it was killed before
    # Its folder may be gone
    installed = app.store.get(name) or Installed(name, app.layout.version(name), None, str(folder), managed=False)
    registered = [each.path for each in app.registry.all()]
    against = uninstall.objections(app.store, installed, registered, (sys.prefix, sys.base_prefix))
    if against and not force:
        raise InUseError(f"{name} is in use: {'; '.join(against)}", hint=f"remove it even so: pyv uninstall -f {name}")
    if not output.confirm(f"Remove {folder}?", yes=yes):
        app.notify(f"{name} stays")
        return 1
    uninstall.uninstall(app.store, app.registry, installed)
    app.notify(f"{name} removed")
    return 0


def _forget(app: App, installed: Installed, *, yes: bool) -> int:
    """Take away the name of an environment that another manager has made, and that it stays known."""
    name, folder = installed.name, os.path.realpath(installed.path)
    if not output.confirm(f"Forget {name}, and leave its folder {folder}?", yes=yes):
        app.notify(f"{name} stays")
        return 1
    uninstall.uninstall(app.store, app.registry, installed)
    app.notify(f"{name} is forgotten; its folder stays: {folder}")
    return 0


def _remove_folder(app: App, path: Path, *, yes: bool) -> int:
    registry = app.registry
    if not os.path.lexists(path / CONFIG):
        with explained(f"forget {path}"):
            was_there = registry.revoke(path)
        if not was_there:
            raise NotFoundError(f"{path} is no environment that pyv knows", hint="see: pyv venvs")
        app.notify(f"{path} was gone, and is forgotten")
        return 0
    if not registry.knows(path):
        raise PyvError(
            f"{path} is not known, or was changed since: not deleted",
            hint=f"look at it; if it is yours: pyv trust {shell_word(path)}",
        )
    envs.check_clearing(path, app.layout, app.cwd)
    running = dependents.processes((path,))
    if running:
        app.notify(f"processes run in {path}: {', '.join(map(str, running[:5]))}")
    if not output.confirm(f"Remove {path}?", yes=yes):
        app.notify(f"{path} stays")
        return 1
    with explained(f"remove {path}"), envs.held(path, app.layout, registry, app.notify):
        envs.remove(path, registry)
    app.notify(f"{path} removed")
    return 0
