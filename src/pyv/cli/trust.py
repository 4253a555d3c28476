"""`pyv trust`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv import envs, pins
from pyv.cli import output, shims
from pyv.errors import NotFoundError, PyvError, StoreError, UsageError, explained
from pyv.registry import CONFIG, NAMES
from pyv.select import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.cli.app import App

_HELP = """Accept an environment that pyv did not make: shims and the hook of the shell then run what is in it.

DIR is the environment, or the project that has it in .venv, venv or env; without DIR it is the nearest one upward that
is not accepted yet. Nothing of it is run now. It is trusted at this place, as long as nobody puts another one there.
"""


@click.command("trust", help=_HELP, epilog="Examples:  pyv trust    pyv trust --all ~/code    pyv trust --revoke")
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("--all", "all_", is_flag=True, help="List every environment below DIR, ask, and accept them.")
@click.option("--revoke", is_flag=True, help="Trust it no longer; it stays where it is.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.pass_obj
def trust_command(app: App, folder: str | None, *, all_: bool, revoke: bool, yes: bool, quiet: bool) -> int:
    """Accept an environment that pyv did not make."""
    app.quiet = quiet
    if all_ and revoke:
        raise UsageError("--all and --revoke contradict each other", hint="name each one: pyv trust --revoke DIR")
    if all_ and not folder:
        raise UsageError("--all of which folder?", hint="pyv trust --all ~/code")
    if all_:
        return _trust_all(app, _absolute(app, folder or ""), yes=yes)
    if revoke:
        _revoke(app, _absolute(app, folder) if folder else None)
    else:
        _trust(app, _absolute(app, folder) if folder else None)
    return 0


def _absolute(app: App, folder: str) -> Path:
    if not app.cwd and not os.path.isabs(folder):
        raise UsageError("the current folder was deleted", hint="cd to another one")
    return Path(os.path.normpath(os.path.join(app.cwd or "/", folder)))


def _candidates(app: App, folder: Path | None) -> Iterator[Path]:
    """Yield the environments that somebody may mean, the most likely first.

    Args:
        app: this run.
        folder: what was named; None for whatever is upward from here.
    """
    if folder is not None and os.path.lexists(folder / CONFIG):
        yield folder
        return
    if folder is None and not app.cwd:
        raise UsageError("the current folder was deleted", hint="name one: pyv trust DIR")
    for place in pins.folders_upward(app.cwd) if folder is None else [folder]:
        for name in NAMES:
            if os.path.lexists(place / name / CONFIG):
                yield place / name


def _trust(app: App, folder: Path | None) -> None:
    found = list(_candidates(app, folder))
    unknown = [venv for venv in found if not app.registry.knows(venv)]
    if found and not unknown:
        app.notify(f"{found[0]} is known already")
        return
    if not unknown:
        where = f"in {folder}" if folder else "here or further up"
        place = folder / NAMES[0] if folder and folder.name not in NAMES and os.path.isdir(folder) else folder
        raise NotFoundError(
            f"there is no environment {where}",
            hint=f"to make one: pyv venv {shell_word(place) if place else ''}".rstrip(),
        )
    venv = unknown[0]
    against = envs.objection(venv, os.getuid())
    if against:
        way = "remove it, then: pyv venv" if os.path.islink(venv) else "pyv venv --clear"
        raise PyvError(f"{venv} {against}: not trusted", hint=f"to have one of your own: {way} {shell_word(venv)}")
    stranger = envs.describe(venv)
    _register(app, venv)
    what = f"{stranger.shown} ({stranger.interpreter}, by {stranger.maker})"
    app.notify(f"{what} is trusted: shims and shells run what is in it, until another one is put there")
    _refresh(app)


def _register(app: App, venv: Path) -> None:
    with explained(f"trust {venv}"):
        app.registry.register(venv)
    if not app.registry.knows(venv):
        raise StoreError(f"{venv} was changed while it was accepted", hint="look at it, then repeat")


def _refresh(app: App) -> None:
    """Bring the shims in line, where the store can be written; else say where trust is noted instead."""
    if os.access(app.layout.venvs, os.W_OK):
        shims.refresh(app)
    else:
        app.notify(f"{app.layout.root} cannot be written: noted in {app.layout.own_venvs}, and no shims are made")


def _trust_all(app: App, folder: Path, *, yes: bool) -> int:
    if not os.path.isdir(folder):
        raise NotFoundError(f"there is no folder {folder}", hint="name one that exists: pyv trust --all DIR")
    accepted = []
    for venv in envs.find(folder, (app.layout.root, *app.layout.shared)):
        if app.registry.knows(venv):
            continue
        stranger = envs.describe(venv)
        against = envs.objection(venv, os.getuid())
        if against:
            app.notify(f"{stranger.shown} {against}: left out")
        else:
            accepted.append(stranger)
    if not accepted:
        app.notify(f"nothing below {folder} is left to trust")
        return 0
    output.table([(each.shown, each.interpreter, each.maker) for each in accepted])
    count = f"these {len(accepted)} environments" if len(accepted) > 1 else "this environment"
    if not output.confirm(f"Trust {count}, so that shims and shells run what is in there?", yes=yes):
        return 1
    status = 0
    for each in accepted:
        try:
            _register(app, each.path)
        except PyvError as error:
            app.complain(error)
            status = error.exit_code
    _refresh(app)
    return status


def _revoke(app: App, folder: Path | None) -> None:
    entries = {each.path for each in app.registry.all()}  # some were changed since, and are forgotten all the same
    known = [venv for venv in _candidates(app, folder) if Path(os.path.realpath(venv)) in entries]
    venv = known[0] if known else folder
    if venv is None:
        raise NotFoundError("no environment here or further up is known", hint="see: pyv venvs")
    with explained(f"forget {venv}"):
        was_there = app.registry.revoke(venv)
    if not was_there:
        raise NotFoundError(f"{venv} is not known", hint="see: pyv venvs")
    if app.registry.knows(venv):
        raise StoreError(
            f"{app.layout.venvs} cannot be written: {venv} is still known",
            hint=f"remove the first line of {venv / CONFIG}",
        )
    app.notify(f"{venv} is trusted no longer")
    if os.access(app.layout.shims, os.W_OK):
        shims.refresh(app)
