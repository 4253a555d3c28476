"""The package index that pip itself would ask: the user's variable, else pip's own configuration files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PYPI = "https://pypi.org/simple"
_MACHINE = Path("/etc/pip.conf")
_FALSE = frozenset({"", "0", "false", "no", "off", "n", "f"})


def index_url(env: Mapping[str, str], home: Path, warn: Callable[[str], None], *, machine: Path = _MACHINE) -> str:
    """Return the url of the index, with its password if it has one; empty if the user wants none to be asked.

    Args:
        env: the environment: `PIP_INDEX_URL`, `PIP_NO_INDEX`, `PIP_CONFIG_FILE`.
        home: the user's home folder.
        warn: called with a line for each file that cannot be understood.
        machine: the file that holds for all users.
    """
    settings: dict[str, str] = {}
    for path in _files(env, home, machine):
        settings.update(_read(path, warn))
    none = env.get("PIP_NO_INDEX") or settings.get("no-index", "")
    if none.strip().lower() not in _FALSE:
        return ""
    return (env.get("PIP_INDEX_URL") or settings.get("index-url") or PYPI).strip().rstrip("/")


def _files(env: Mapping[str, str], home: Path, machine: Path) -> Iterator[Path]:
    """Yield the files that pip reads, the one that wins last (pip's documentation, "Configuration")."""
    own = env.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return
    folders = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    if sys.platform == "darwin":
        folders = "/Library/Application Support"
    yield from (Path(folder, "pip/pip.conf") for folder in reversed(folders.split(os.pathsep)) if folder)
    yield machine
    yield home / ".pip/pip.conf"
    library = home / "Library/Application Support/pip"
    if sys.platform == "darwin" and library.is_dir():
        yield library / "pip.conf"
    else:
        yield Path(env.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf")
    if own:
        yield Path(own)


def _read(path: Path, warn: Callable[[str], None]) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        if not isinstance(error, (NotADirectoryError, PermissionError)):
            warn(f"{path} cannot be read: its index is not used")
        return {}
    from configparser import Error, RawConfigParser

    parser = RawConfigParser()
    try:
        parser.read_string(text)
        section = dict(parser.items("global")) if parser.has_section("global") else {}
    except Error:  # its text may quote a password
        warn(f"{path} is malformed: its index is not used")
        return {}
    return {name.replace("_", "-"): value for name, value in section.items()}
