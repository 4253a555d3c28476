"""What `pyv virtualenv`, `virtualenvs` and `virtualenv-prefix` do: named environments, in pyenv-virtualenv's words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import envs
from pyv.cli import output
from pyv.cli.selected import select
from pyv.errors import PyvError, UsageError
from pyv.registry import CONFIG
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App


def virtualenv(
    app: App,
    words: Sequence[str] = (),
    *,
    prompt: str | None = None,
    without_pip: bool = False,
    system_site_packages: bool = False,
    clear: bool = False,
) -> int:
    """Make a named environment, and return the exit status.

    Args:
        app: this run.
        words: the version, if it is not the one selected here, and the name.
        prompt: what the activated shell shows.
        without_pip: whether it gets no pip.
        system_site_packages: whether the packages of its interpreter can be imported.
        clear: whether to replace the one that has the name.

    Raises:
        PyvError: it cannot be made.
    """
    from pyv.cli.venv import venv

    if not 1 <= len(words) <= 2:
        raise UsageError("a version and a name are wanted, or a name", hint="pyv virtualenv 3.12 NAME")
    return venv(
        app,
        name=words[-1],
        python=words[0] if len(words) > 1 else "",
        prompt=prompt,
        without_pip=without_pip,
        system_site_packages=system_site_packages,
        clear=clear,
    )


def virtualenvs(app: App, *, bare: bool = False, skip_aliases: bool = False) -> None:  # noqa: ARG001 - as pyenv's
    """List the named environments, marking what is active, or selected here."""
    found = sorted([*((path.name, path) for path in envs.named(app.layout)), *taken_over(app)])
    marked = set() if bare else _marked(app)
    for name, path in found:
        if bare:
            output.data(name)
        else:
            home = envs.home_of(path)
            created = f" (created from {home.parent})" if home else ""
            output.data(f"{'*' if os.path.realpath(path) in marked else ' '} {name}{created}")
    if not found and not bare:
        app.notify("there is none yet; to make one: pyv virtualenv 3.12 NAME")


def taken_over(app: App) -> list[tuple[str, Path]]:
    """Return name and folder of the environments that another manager has made, and that have a name here, too."""
    return [
        (each.name, Path(os.path.realpath(each.path)))
        for each in app.store.installed()
        if each.target and os.path.isfile(each.path / CONFIG) and not envs.is_linked(app.layout, each.name)
    ]


def _marked(app: App) -> set[str]:
    folders = [app.env.get("VIRTUAL_ENV", "")]
    try:
        folders += [os.fspath(each.prefix or "") for each in select(app).chosen]
    except PyvError as error:
        app.complain(error)
    return {os.path.realpath(folder) for folder in folders if folder}


def virtualenv_prefix(app: App, words: Sequence[str] = ()) -> None:
    """Print the folder of the version that an environment was made from.

    Raises:
        PyvError: it is no environment.
    """
    venv = environment(app, words)
    home = envs.home_of(venv)
    if home is None:
        raise PyvError(f"{venv} names no interpreter", hint="see: pyv venvs")
    output.data(os.fspath(home.parent))


def environment(app: App, words: Sequence[str]) -> Path:
    """Return the environment that a word names; without one, that which is selected here.

    Raises:
        UsageError: it is no environment.
        NotInstalledError: there is no such name.
    """
    from pyv.cli.query import installed

    if len(words) > 1:
        raise UsageError(f"one environment at a time, not {' '.join(words)}", hint=f"such as: {words[0]}")
    chosen = installed(app, Request.parse(words[0])) if words else select(app).chosen[0]
    if chosen.prefix is None or not os.path.isfile(chosen.prefix / CONFIG):
        raise UsageError(
            f"{chosen.name} is no environment", hint="the named ones: pyv virtualenvs; a project's: pyv venv"
        )
    in_versions = chosen.prefix.parent == app.layout.versions
    named = in_versions and envs.is_linked(app.layout, chosen.prefix.name)
    return app.layout.envs / chosen.prefix.name if named else chosen.prefix
