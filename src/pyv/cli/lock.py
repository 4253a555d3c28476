"""What `pyv lock` does: has pip write pylock.toml, and adds the interpreter to it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops, sync
from pyv.cli import venv as making
from pyv.cli.selected import select
from pyv.cli.sync import project_folder
from pyv.cli.within import Pip
from pyv.errors import PyvError, explained
from pyv.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyv.cli.app import App
    from pyv.versions import Version

_OLDEST_PIP = (25, 1)
# A name that pip takes for a lock's; no project would have it
_TEMPORARY = "pylock.pyv-{}.toml"


def lock(
    app: App,
    *,
    python: str = "",
    dev: bool = False,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> None:
    """Write the lock of the project in the current folder.

    Args:
        app: this run.
        python: the version to lock for; without it that of the project's environment.
        dev: whether what its development needs is locked, too.
        extras: extras of the project.
        groups: dependency groups.

    Raises:
        PyvError: it could not be done. The lock that was there is then unchanged.
    """
    folder = project_folder(app)
    source = sync.find(folder, sync.Options(dev, tuple(extras), tuple(groups)), app.env, locks=False)
    if source.kind == sync.NOTHING:
        raise PyvError(
            f"{folder} asks for no package",
            hint=sync.advice(folder, "lock") or "list some in requirements.txt or pyproject.toml",
        )
    venv = app.registry.in_folder(folder)
    file = folder / sync.FILE_NAME
    with explained(f"lock {folder}"), sync.held(venv or folder / ".venv", app.layout, app.notify):
        if venv is None or python:
            venv = venv or folder / ".venv"
            making.venv(app, [venv.name], python=python)
        else:
            select(app)  # which says so if it is on another Python than the pin
        (venv / sync.FOLDER).mkdir(exist_ok=True)
        pip = Pip(app, venv, venv / sync.FOLDER)
        _check(pip, venv)
        text = _made(pip, folder, [*source.arguments, *pip.listed(source.listed)], source.label)
        interpreter = _interpreter(app, venv)
        content = sync.with_interpreter(text, interpreter, file)
        fsops.write_whole(file, content.encode())
    on = f" on {interpreter.version}, build {interpreter.build}" if interpreter else ""
    app.notify(f"{file} locks what {source.label} lists{on}")


def _check(pip: Pip, venv: Path) -> None:
    version = pip.ask("pip", {}, venv)
    if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < _OLDEST_PIP:
        raise PyvError(
            f"the pip of {venv} is {version}, and 25.1, for Python 3.9 and newer, is the first that can lock",
            hint=f"to have a newer one: {venv}/bin/python -m pip install --upgrade pip",
        )


def _made(pip: Pip, folder: Path, arguments: Sequence[str], label: str) -> str:
    """Return what pip makes of it. It writes into the project's folder, for paths in a lock are relative to that."""
    for name in os.listdir(folder):  # of one that was killed
        if re.fullmatch(_TEMPORARY.format("[0-9a-f]{8}"), name):
            os.unlink(folder / name)
    made = folder / _TEMPORARY.format(os.urandom(4).hex())
    try:
        pip.run("lock", *arguments, "-o", os.fspath(made), what=f"lock what {label} lists")
        return made.read_text("utf-8")
    finally:
        with suppress(FileNotFoundError):
            os.unlink(made)


def _interpreter(app: App, venv: Path) -> sync.Interpreter | None:
    """Return the interpreter of an environment as a lock is to demand it; None if nobody knows what it is made of."""
    program = os.path.realpath(venv / "bin/python")
    # Also one that is linked from a shared store: its receipt is there
    around = (each for each in app.store.installed() if program.startswith(os.path.realpath(each.path) + os.sep))
    installed = next(around, None)
    name = installed.name if installed is not None else ""
    receipt = app.store.receipt(name) if installed is not None else {}
    build, digest = receipt.get("build"), receipt.get("sha256")
    if installed is None or installed.version is None or not build or not digest:
        app.notify(f"{venv} is on a Python that pyv did not install: the lock demands none")
        return None
    found = _archives(app, installed.version, str(build))
    own = str(receipt.get("platform"))
    if found.get(own, digest) != digest:
        raise PyvError(
            f"the catalogue has another archive of {name}, build {build}, than the installed one",
            hint=f"install it again: pyv install --force {name}",
        )
    if own not in found:
        app.notify(
            f"the catalogue has no build {build} of {name} any more: locked for {own} alone; "
            f"for all machines: pyv install --force {name}, then pyv lock"
        )
        found = {}
    return sync.Interpreter(installed.version, str(build), {**found, own: str(digest)})


def _archives(app: App, version: Version, build: str) -> dict[str, str]:
    """Return the sha256 of a build's archive for each platform that the catalogue has it for."""
    from pyv.catalogue import bundled_info

    found = {}
    for key in sorted({*bundled_info().counts, app.host.platform.key}):
        for each in app.index.builds(platform=Platform.parse(key), refresh=False):
            if (each.version, each.build) == (version, build):
                found[key] = app.index.pinned(each).sha256
    return {key: sha256 for key, sha256 in found.items() if sha256}
