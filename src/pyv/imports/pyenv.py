"""pyenv's possessions, pyenv-virtualenv's among them: versions/NAME, versions/NAME/envs/NAME and the file `version`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.imports.model import Candidate, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONFIG = "pyvenv.cfg"


def root(env: Mapping[str, str], home: Path, own: Path) -> Path:
    """Return where pyenv keeps everything.

    Args:
        env: the environment: `PYENV_ROOT`.
        home: the user's home.
        own: pyv's store, which other tools may have been told to be pyenv's.
    """
    given = env.get("PYENV_ROOT", "")
    if os.path.isabs(given) and os.path.realpath(given) != os.path.realpath(own):
        return Path(given)
    return home / ".pyenv"


def scan(folder: Path) -> Source:
    """Return what a pyenv has."""
    versions, environments = [], []
    taken: dict[str, str] = {}  # the real folder of each environment, by name
    for path in _folders(folder / "versions"):
        if _is_short_name(path):
            continue
        if _is_environment(path):
            environments.append(_environment(path.name, path, taken))
        else:
            versions.append(Candidate(path.name, path))
    for version in versions:
        inside = [path for path in _folders(version.path / "envs") if os.path.realpath(path) not in taken.values()]
        environments += [_environment(path.name, path, taken) for path in inside]
    return Source("pyenv", folder, tuple(versions), tuple(environments), folder / "version")


def _folders(parent: Path) -> Iterator[Path]:
    """Yield the folders in a folder; a link to nothing counts, for it must be told."""
    with suppress(OSError):
        for name in sorted(os.listdir(parent)):
            path = parent / name
            if not name.startswith(".") and (path.is_dir() or path.is_symlink()):
                yield path


def _is_short_name(path: Path) -> bool:
    """Tell whether it is a link to a version beside it: one of the names that pyv makes by itself."""
    if not path.is_symlink():
        return False
    real = Path(os.path.realpath(path))
    return real.parent == Path(os.path.realpath(path.parent)) and not _is_environment(real) and path.name[:1].isdigit()


def _is_environment(path: Path) -> bool:
    """Tell whether a folder is a virtual environment. Old ones have no settings, and Conda's keep theirs elsewhere."""
    if os.path.isfile(path / _CONFIG):
        return True
    inside = path.parent.name == "envs" or os.path.dirname(os.path.realpath(path)).endswith("/envs")
    return inside or (os.path.isfile(path / "bin/activate") and not os.path.isdir(path / "conda-meta"))


def _environment(name: str, path: Path, taken: dict[str, str]) -> Candidate:
    real = Path(os.path.realpath(path))
    if name in taken:
        return Candidate(name, real, f"the name is that of {taken[name]}")
    refusal = ""
    if not os.path.isdir(real):
        refusal = "its folder is gone"
    elif os.path.isdir(real / "conda-meta"):
        refusal = f"is an environment of Conda; to use it as it is: pyv link {name} {real}"
    elif not os.path.isfile(real / _CONFIG):
        refusal = f"has no {_CONFIG}: an old virtualenv made it; to make a new one: pyv virtualenv VERSION {name}"
    elif not os.path.exists(real / "bin/python"):
        refusal = "its Python is gone"
    if not refusal:
        taken[name] = os.fspath(real)
    return Candidate(name, real, refusal)
