"""What was found elsewhere, and whether it can be used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv import proc, smoke
from pyv.errors import PyvError
from pyv.versions import Request, is_safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS = 20
_PYTHON_2 = 2


class Candidate(NamedTuple):
    """Something that another manager has.

    Attributes:
        name: what it would be called in the store.
        path: its folder.
        refusal: why it cannot come, as far as its place and name tell; else empty.
    """

    name: str
    path: Path
    refusal: str = ""


class Source(NamedTuple):
    """Another manager's possessions.

    Attributes:
        program: its name.
        root: its folder.
        versions: interpreters.
        environments: virtual environments that have a name.
        pin: the file of its global pin, which need not exist.
    """

    program: str
    root: Path
    versions: tuple[Candidate, ...]
    environments: tuple[Candidate, ...]
    pin: Path


def unfit(version: Candidate, env: Mapping[str, str]) -> str:
    """Return why an interpreter cannot come; nothing if it works, and is what its name says.

    Args:
        version: where it is, and its name.
        env: the environment to start it in.
    """
    if version.refusal:
        return version.refusal
    request = Request.parse(version.name) if is_safe_name(version.name) else None
    if request is None or (request.kind != "name" and (request.exact is None or request.exact.name != version.name)):
        return "would mean something else in pyv; to give it another name: pyv link NAME " + os.fspath(version.path)
    python = smoke.executable(version.path)
    if not os.path.exists(python):
        return "there is no Python in it"
    if request.exact is None:  # anybody's name for anything, such as a Miniconda: it need only start
        done = proc.run([python, "-V"], env=env, timeout=_SECONDS)
        return "" if done.returncode == 0 else f"does not start: {_last_line(done.stderr) or done.returncode}"
    if request.exact.implementation == "cpython" and request.exact.release[0] == _PYTHON_2:
        return "is a Python 2"
    try:
        reported = smoke.ask(version.path, env)
    except PyvError as error:
        return error.message
    return "" if reported.agrees(request.exact) else f"is {reported.version}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
