"""Settings: what the user's variables, the project and the user's file ask pyv to do, in that order of weight.

A project may only narrow what pyv does. Where builds come from, a mirror or shared stores, the user alone says.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_MAX_BYTES = 4 << 20
# The name of our table, and not the beginning of a package's
_OWN = re.compile(rb"\bpyv\b")


class Settings(NamedTuple):
    """What holds for one run.

    Attributes:
        mirror: where builds and their catalogue come from instead of upstream: an http, https or file url, or a folder.
        offline: whether the network is left alone.
    """

    mirror: str = ""
    offline: bool = False


def load(env: Mapping[str, str], user_file: Path, cwd: str, *, offline: bool = False) -> Settings:
    """Read the settings.

    Args:
        env: the environment: `PYV_MIRROR`, `PYV_OFFLINE`.
        user_file: the user's `config.toml`; it need not exist: `mirror`, `offline`.
        cwd: what a relative path of a mirror's folder is relative to, and where the search for a project's
            pyproject.toml begins: `offline` in `[tool.pyv]`. That the network may be used is not for it to say.
        offline: whether the command line asked for it.

    Raises:
        UsageError: a value is not of its kind, or a file is no TOML.
    """
    file = _read(user_file)
    mirror = env.get("PYV_MIRROR") or file.get("mirror", "")
    if not isinstance(mirror, str):
        raise UsageError(f"{user_file}: mirror is not a text", hint='write it as: mirror = "https://host/path"')
    wanted = offline or _offline(env, file, user_file, cwd)
    if "@" in mirror.split("/", 3)[0 if not mirror.startswith("//") else 2] and "://" not in mirror:
        raise UsageError("the mirror has a user name but no https:// in front of it", hint="set PYV_MIRROR=https://…")
    if mirror and "://" not in mirror:
        mirror = os.path.normpath(os.path.join(cwd, os.path.expanduser(mirror)))
    return Settings(mirror=mirror.rstrip("/") or mirror, offline=wanted)


def auto_install(env: Mapping[str, str], user_file: Path, cwd: str) -> str:
    """Return what to do when a pinned version is missing: `never`, `ask` or `always`.

    Args:
        env: the environment: `PYV_AUTO_INSTALL`.
        user_file: the user's `config.toml`: `auto-install`.
        cwd: where the search for a project's pyproject.toml begins: `auto-install` in `[tool.pyv]`. That a version is
            fetched without a question is for the user alone to allow, so a project's `always` changes
            nothing.

    Raises:
        UsageError: a value is none of these, or a file is no TOML.
    """
    if env.get("PYV_AUTO_INSTALL"):
        return _policy(env["PYV_AUTO_INSTALL"], "PYV_AUTO_INSTALL")
    own = _read(user_file).get("auto-install", "ask")
    policy = _policy(own, f"{user_file}: auto-install")
    file, table = _project(cwd)
    theirs = _policy(table.get("auto-install", policy), f"{file}: auto-install")
    return policy if theirs == "always" else theirs


def shared(user_file: Path) -> tuple[Path, ...]:
    """Return the stores of others that the user's file names, nearest first; they count where `PYV_SHARED` is not set.

    Args:
        user_file: the user's `config.toml`: `shared`, a list of paths, or a text as the variable's.

    Raises:
        UsageError: it is no such thing, or a path is relative; or the file is no TOML.
    """
    told = _read(user_file).get("shared", "")
    paths = list(filter(None, told.split(os.pathsep))) if isinstance(told, str) else told
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise UsageError(
            f"{user_file}: shared is neither a text nor a list of them", hint='write it as: shared = ["/opt/pyv"]'
        )
    for path in paths:
        if "\0" in path or not os.path.isabs(os.path.expanduser(path)):
            raise UsageError(
                f"{user_file}: shared has {path!r}, which is no absolute path",
                hint='write it as: shared = ["/opt/pyv"]',
            )
    return tuple(Path(os.path.normpath(os.path.expanduser(path))) for path in paths)


def _policy(value: object, source: str) -> str:
    if value not in ("never", "ask", "always"):
        raise UsageError(f"{source} is {value!r}", hint="it is one of never, ask and always")
    return str(value)


def _offline(env: Mapping[str, str], file: Mapping[str, object], user_file: Path, cwd: str) -> bool:
    value = env.get("PYV_OFFLINE")
    if value is None:
        project, table = _project(cwd)
        theirs, own = _truth(table, project), _truth(file, user_file)
        return theirs or own  # a project's false takes nothing back
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise UsageError(
        f"the variable PYV_OFFLINE={value!r} is neither true nor false", hint="set PYV_OFFLINE=1, or unset it"
    )


def _truth(table: Mapping[str, object], source: Path) -> bool:
    value = table.get("offline", False)
    if not isinstance(value, bool):
        raise UsageError(f"{source}: offline is neither true nor false", hint="write one of them, without quotes")
    return value


def _project(cwd: str) -> tuple[Path, Mapping[str, object]]:
    """Return the nearest pyproject.toml upward, and what it has to say to pyv.

    Raises:
        UsageError: it speaks of pyv, and is no TOML.
    """
    for folder in (Path(cwd), *Path(cwd).parents) if cwd else ():
        file = folder / "pyproject.toml"
        if os.path.isfile(file):
            table: object = _read(file, about=_OWN)
            for name in ("tool", "pyv"):
                table = table.get(name) if isinstance(table, dict) else None
            return file, table if isinstance(table, dict) else {}
    return Path("pyproject.toml"), {}


def _read(path: Path, *, about: re.Pattern[bytes] | None = None) -> dict[str, object]:
    """Read a file of settings; one without a certain word is not read any further."""
    try:
        with fsops.open_regular(path) as file:
            data = file.read(_MAX_BYTES)
    except OSError:  # absent, a FIFO or a device, or in a home that this user cannot read: there are no settings then
        return {}
    if about is not None and not about.search(
        data
    ):  # most projects have nothing to say, and to import what reads TOML takes longer than that
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content: dict[str, object] = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint="mend it there, then repeat") from None
    return content
