"""Named environments: those of the store's envs/, each with a link in versions/ that makes its name a version's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.envs import config
from pyv.errors import RequestError, UsageError
from pyv.versions import Request

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.layout import Layout


def check_name(name: str) -> None:
    """Refuse a name that would not mean the environment.

    Raises:
        UsageError: it reads as a version, or cannot be the name of a folder.
    """
    try:
        request = Request.parse(name)
    except RequestError:
        raise UsageError(
            f"{name!r} cannot be the name of an environment",
            hint="take letters, digits, and . _ - between them, such as my-tools",
        ) from None
    if request.kind != "name" or request.name != name:
        raise UsageError(f"{name!r} reads as a version, and would never mean an environment", hint="take another name")


def is_taken(layout: Layout, name: str) -> bool:
    """Tell whether a name stands for something; a link that leads to no environment any more does not count."""
    link = layout.version(name)
    return os.path.exists(link) or (os.path.lexists(link) and not is_linked(layout, name))


def is_linked(layout: Layout, name: str) -> bool:
    """Tell whether a name in versions/ is the link to the environment of that name."""
    try:
        return os.readlink(layout.version(name)) == os.fspath(layout.envs / name)
    except OSError:
        return False


def link(layout: Layout, name: str) -> None:
    """Give an environment its name, in one step.

    Raises:
        OSError: the store cannot be written.
    """
    layout.versions.mkdir(parents=True, exist_ok=True)
    fsops.replace_link(layout.version(name), os.fspath(layout.envs / name))


def named(layout: Layout) -> list[Path]:
    """Return the folders of all named environments."""
    try:
        names = sorted(os.listdir(layout.envs))
    except OSError:
        return []
    # What begins with a dot is being made
    return [layout.envs / name for name in names if name[0] != "." and os.path.isfile(layout.envs / name / config.NAME)]
