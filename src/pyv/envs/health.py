"""The health of an environment: whether it can be used as it is, and what could be done if not."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import smoke
from pyv.envs import config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyv.envs.interpreter import Interpreter
    from pyv.registry import Registry

HEALTHY, STALE, OTHER, STRANGE = "healthy", "stale", "other", "strange"
_LIBRARY = re.compile(r"(?:python|pypy)3\.\d+t?", re.ASCII)


class Health(NamedTuple):
    """What was found out.

    Attributes:
        kind: `HEALTHY`; `STALE`, which `repair` mends with all its packages; `OTHER`, made for another version of
            Python, so that it has to be made anew; or `STRANGE`, unknown to this pyv, so that nothing of it was run.
        reason: the same as the end of a sentence that starts with its path; empty for a healthy one.
    """

    kind: str
    reason: str = ""


def inspect(venv: Path, wanted: Interpreter | None, registry: Registry, env: Mapping[str, str]) -> Health:
    """Find out whether an environment can be used. No file of one that is not known is run.

    Args:
        venv: an environment: a folder with a pyvenv.cfg, or one that has lost it.
        wanted: what it is to be made from; None if any interpreter will do.
        registry: what is known.
        env: the environment in which its Python is started.
    """
    old = was_at(venv, registry)
    lost = has_lost_settings(venv, registry)
    if not old and not lost and not registry.knows(venv):
        return Health(STRANGE, "is not one that pyv made here, or it has been changed since")
    found = libraries(venv)
    settings = config.read(venv)
    if wanted is not None and wanted.minor:
        kind = "pypy" if wanted.program.startswith("pypy") else "python"
        library = f"{kind}{wanted.minor}{'t' if 't' in wanted.abi else ''}"
        if found and library not in found:
            return Health(OTHER, f"is for {' and '.join(found)}, not for {library}")
    if old:
        return Health(STALE, "was not finished" if ".pyv-" in old else f"was moved here from {old}")
    if lost:
        return Health(STALE, f"has lost its {config.NAME}")
    reason = _broken(venv, settings, wanted)
    if not reason:
        said = smoke.failure(venv / "bin/python", env)
        reason = f"has a Python that does not work: {said}" if said else ""
    return Health(STALE, reason) if reason else Health(HEALTHY)


def _broken(venv: Path, settings: Mapping[str, str], wanted: Interpreter | None) -> str:
    home = settings.get("home", "")
    if not os.path.isdir(home):
        return f"has lost its interpreter, {home or 'which it does not name'}"
    program = venv / "bin/python"
    if not os.access(program, os.X_OK):
        return f"has lost its interpreter, {_link(program)}"
    if not os.access(venv / "bin/python3", os.X_OK):
        return "has lost its python3"
    if not libraries(venv):
        return "has no folder for packages"
    if wanted is not None and home != os.fspath(wanted.home) and _are_siblings(home, wanted):
        return f"is on {home}, not on {wanted.home}"
    if wanted is not None and not _leads_to(program, wanted):
        return f"is on {_link(program)}, not on {wanted.path}"
    return ""


def _are_siblings(home: str, wanted: Interpreter) -> bool:
    """Tell whether both are in one store, where each name of a version means another life for an environment."""
    return os.path.dirname(os.path.dirname(home)) == os.fspath(wanted.home.parent.parent)


def _leads_to(program: Path, wanted: Interpreter) -> bool:
    try:
        return os.path.samefile(program, wanted.path)
    except OSError:
        return False


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return os.fspath(path)


def libraries(venv: Path) -> list[str]:
    """Return the folders below lib/ that packages are installed into: `python3.12`, as a rule one."""
    with suppress(OSError):
        names = [name for name in os.listdir(venv / "lib") if _LIBRARY.fullmatch(name)]
        return sorted(name for name in names if os.path.isdir(venv / "lib" / name / "site-packages"))
    return []


def has_lost_settings(venv: Path, registry: Registry) -> bool:
    """Tell whether there was a known environment at a path, of which all but the pyvenv.cfg is left.

    Only the path tells that it is the same one, which is less than what makes an environment known.
    """
    path = venv / config.NAME
    if os.path.islink(venv) or not libraries(venv) or (os.path.lexists(path) and not _is_empty_file(path)):
        return False
    here = os.path.realpath(venv)
    return any(os.fspath(each.path) == here for each in registry.all())


def _is_empty_file(path: Path) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def was_at(venv: Path, registry: Registry) -> str:
    """Return where an environment of ours was before it came here; empty if it never was elsewhere, or is a copy.

    Its id is in the registry, which nobody else can know, and at the place that belongs to it there is none any more.
    """
    identity = config.read(venv).get("pyv", "")
    if not identity or os.path.islink(venv):
        return ""
    for each in registry.all():
        if each.id == identity and config.read(each.path).get("pyv") != identity:
            return os.fspath(each.path)
    return ""
