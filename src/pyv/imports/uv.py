"""uv's interpreters, in folders such as cpython-3.12.7-linux-x86_64-gnu, and its global pin."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import smoke
from pyv.errors import PyvError
from pyv.imports.model import Candidate, Source
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIN = ".python-version"


def root(env: Mapping[str, str], home: Path) -> Path:
    """Return where uv keeps its interpreters.

    Args:
        env: the environment: `UV_PYTHON_INSTALL_DIR`, `XDG_DATA_HOME`.
        home: the user's home.
    """
    given, data = env.get("UV_PYTHON_INSTALL_DIR", ""), env.get("XDG_DATA_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    return (Path(data) if os.path.isabs(data) else home / ".local/share") / "uv/python"


def scan(folder: Path, env: Mapping[str, str], home: Path) -> Source:
    """Return what a uv has.

    Args:
        folder: where its interpreters are.
        env: the environment to ask interpreters in, whose folders do not tell everything; and `XDG_CONFIG_HOME`.
        home: the user's home.
    """
    names: list[str] = []
    with suppress(OSError):
        names = sorted(os.listdir(folder))
    # Its links, such as cpython-3.12-linux-x86_64-gnu, lead to the newest patch, as short names do here
    paths = [folder / name for name in names if name[0] != "."]
    versions = tuple(_candidate(path, env) for path in paths if path.is_dir() and not path.is_symlink())
    settings = env.get("XDG_CONFIG_HOME", "")
    settings_folder = Path(settings) if os.path.isabs(settings) else home / ".config"
    return Source("uv", folder, versions, (), settings_folder / "uv" / _PIN)


def _candidate(path: Path, env: Mapping[str, str]) -> Candidate:
    try:
        request = Request.parse(path.name)
    except PyvError:
        return Candidate(path.name, path, "its name tells no version")
    if request.exact is not None:
        return Candidate(request.exact.name, path)
    if request.implementation == "pypy":  # whose own version, part of its name here, is not in uv's
        try:
            return Candidate(smoke.ask(path, env).version.name, path)
        except PyvError as error:
            return Candidate(path.name, path, error.message)
    if request.implementation == "graalpy":
        return Candidate(path.name, path, f"does not tell its own version; to name it: pyv link graalpy-X.Y.Z {path}")
    return Candidate(path.name, path, "its name tells no version")
