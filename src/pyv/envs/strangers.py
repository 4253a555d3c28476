"""Environments that pyv does not know: finding them, what they are, and what speaks against trusting one.

They may have come with somebody else's project, so nothing of them is run, and nothing that they say is printed as it
is.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.envs import config, scripts
from pyv.envs.health import libraries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Nobody keeps environments in these, and they hold most of the files
_NOT_SEARCHED = frozenset({".git", ".hg", "node_modules", "__pycache__"})
_PLAIN = re.compile(r"[\w.+-]{1,40}", re.ASCII)


class Stranger(NamedTuple):
    """What an environment says of itself, which need not be true.

    Attributes:
        path: its folder.
        interpreter: the library that its packages are for, and the folder of its interpreter: `python3.12, /usr/bin`.
        maker: what made it, such as `uv 0.9.5`.
    """

    path: Path
    interpreter: str
    maker: str

    @property
    def shown(self) -> str:
        """Its path for a terminal."""
        return _printable(os.fspath(self.path))


def describe(venv: Path) -> Stranger:
    """Return what an environment says of itself."""
    settings = config.read(venv)
    parts = [*libraries(venv), _printable(settings.get("home", ""))]
    return Stranger(venv, ", ".join(filter(None, parts)), _maker(venv, settings))


def _maker(venv: Path, settings: dict[str, str]) -> str:
    for name in ("uv", "virtualenv"):
        if name in settings:
            by_poetry = "pypoetry" in venv.parts or os.path.exists(venv.parent / "poetry.lock")
            maker = "Poetry" if name == "virtualenv" and by_poetry else name
            version = settings[name]
            return f"{maker} {version}" if maker == name and _PLAIN.fullmatch(version) else maker
    return "pyv" if "pyv" in settings else "venv"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def objection(venv: Path, user: int) -> str:
    """Return what forbids to trust an environment, as the end of a sentence that starts with its path; or nothing.

    Args:
        venv: its folder.
        user: whoever is to trust it.
    """
    if os.path.islink(venv):
        return "is a link, and what it leads to may become another one"
    try:
        kind = os.lstat(venv / config.NAME).st_mode
    except OSError:
        return f"is no virtual environment: it has no {config.NAME}"
    if not stat.S_ISREG(kind):
        return f"has a {config.NAME} that is no regular file"
    if os.pathsep in os.fspath(venv):
        return f"has a {os.pathsep!r} in its path, and could not stand in PATH"
    for folder in (venv / "bin", venv / "lib", *(venv / "lib").glob("*"), *(venv / "lib").glob("*/site-packages")):
        if not os.path.realpath(folder).startswith(os.path.realpath(venv) + os.sep):
            return (
                f"leads out of its folder at {_printable(os.fspath(folder))}, where what is installed would be written"
            )
    theirs = next(_of_others(venv, user), "")
    if theirs:
        return f"has files of another user, who could change what runs: {_printable(theirs)}"
    original = scripts.foreign(venv)
    return f"is a copy, and its commands start the Python of {_printable(original)}" if original else ""


def _of_others(venv: Path, user: int) -> Iterator[str]:
    """Yield what belongs to another user; links count themselves, for what they lead to may well be the system's."""
    if os.lstat(venv).st_uid != user:
        yield os.fspath(venv)
    for base, folders, files in os.walk(venv):
        for name in (*folders, *files):
            path = os.path.join(base, name)
            with suppress(OSError):  # it has just gone
                if os.lstat(path).st_uid != user:
                    yield path


def find(folder: Path, without: Collection[Path]) -> Iterator[Path]:
    """Yield every environment below a folder, or the folder itself, in order. Links are not followed.

    Args:
        folder: where to look.
        without: folders that are not looked into, such as the store.
    """
    omitted = {os.path.realpath(each) for each in without}
    left = [os.fspath(folder)]
    while left:
        current = left.pop()
        if os.path.realpath(current) in omitted:
            continue
        if os.path.isfile(os.path.join(current, config.NAME)):
            yield Path(current)
            continue
        with suppress(OSError), os.scandir(current) as entries:
            below = [
                entry.path
                for entry in entries
                if entry.name not in _NOT_SEARCHED and entry.is_dir(follow_symlinks=False)
            ]
            left += sorted(below, reverse=True)
