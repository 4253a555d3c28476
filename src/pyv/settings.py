"""Settings: what the user's variables, the project and the user's file ask pyv to do, in that order of weight."""

from __future__ import annotations

import os
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
        user_file: the user's `config.toml`; it need not exist. A mirror comes from the user alone, not from a project.
        cwd: what a relative path of a mirror's folder is relative to.
        offline: whether the command line asked for it.

    Raises:
        UsageError: a value is not of its kind, or the file is no TOML.
    """
    file = _read(user_file)
    mirror = env.get("PYV_MIRROR") or file.get("mirror", "")
    if not isinstance(mirror, str):
        raise UsageError(f"{user_file}: mirror is not a text", hint='write it as: mirror = "https://host/path"')
    wanted = offline or _flag(env, "PYV_OFFLINE", file.get("offline", False), user_file)
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
    for folder in (Path(cwd), *Path(cwd).parents) if cwd else ():
        file = folder / "pyproject.toml"
        if file.is_file():
            table = _read(file).get("tool", {})
            table = table.get("pyv", {}) if isinstance(table, dict) else {}
            if isinstance(table, dict) and "auto-install" in table:
                theirs = _policy(table["auto-install"], f"{file}: auto-install")
                return policy if theirs == "always" else theirs
            break
    return policy


def _policy(value: object, source: str) -> str:
    if value not in ("never", "ask", "always"):
        raise UsageError(f"{source} is {value!r}", hint="it is one of never, ask and always")
    return str(value)


def _flag(env: Mapping[str, str], variable: str, otherwise: object, user_file: Path) -> bool:
    value = env.get(variable)
    if value is None:
        if not isinstance(otherwise, bool):
            raise UsageError(
                f"{user_file}: {variable.removeprefix('PYV_').lower()} is neither true nor false",
                hint="write one of them, without quotes",
            )
        return otherwise
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise UsageError(f"{variable}={value!r} is neither true nor false", hint=f"set {variable}=1, or unset it")


def _read(path: Path) -> dict[str, object]:
    try:
        with fsops.open_regular(path) as file:
            data = file.read(_MAX_BYTES)
    except OSError:  # absent, a FIFO or a device, or in a home that this user cannot read: there are no settings then
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
