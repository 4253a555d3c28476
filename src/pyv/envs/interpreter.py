"""The interpreter of an environment, by the name under which the environment is to find it for years."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.envs import config
from pyv.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from pyv.store import Installed, Store
    from pyv.versions import Request, Version

_STDLIB = re.compile(r"python(3\.\d+)(t?)", re.ASCII)
_PROGRAM = re.compile(r"(?:python|pypy)(3\.\d+)(t?)d?", re.ASCII)
# A patch that never was: whatever admits it will admit the next one, too
_FAR_PATCH = 9999


class Interpreter(NamedTuple):
    """What an environment is made from.

    Attributes:
        home: the folder of the program, as pyvenv.cfg is to name it: `versions/3.12/bin` on the short-name link.
        program: the name of the program in it, such as `python3.12`.
        minor: the version that packages are installed for, `3.12`; empty if nobody can tell without starting it.
        abi: `t` for a free-threaded build, `d` for a debug build, both, or nothing.
        stdlib: the folder of its library if it is a CPython whose environments can be made directly; None for PyPy,
            GraalPy and whatever else has to be asked to make them itself.
    """

    home: Path
    program: str
    minor: str
    abi: str = ""
    stdlib: Path | None = None

    @property
    def path(self) -> Path:
        """The program itself."""
        return self.home / self.program

    @property
    def library(self) -> str:
        """The folder of the library below lib/, `python3.13t`; of a CPython."""
        return f"python{self.minor}{'t' if 't' in self.abi else ''}"


def of_store(store: Store, installed: Installed, request: Request | None = None) -> Interpreter:
    """Return an installed version as an interpreter for environments.

    It is named by its short-name link, `versions/3.12`, so that the next patch is used from the next start on; by its
    own folder if exactly this one was asked for, or if the link means another.

    Args:
        store: the user's own store, for an interpreter of a shared one has its link there, too.
        installed: the version.
        request: what was asked for; without it any patch of the same minor version will do.

    Raises:
        NotFoundError: there is no interpreter in its folder.
        StoreError: the path of the store cannot be written into a pyvenv.cfg.
    """
    home = config.home_of(installed.path)
    if home is not None:  # it is an environment itself, a named one
        return at(home.parent)
    name = installed.name
    if installed.version is not None and _follows(installed.version, request):
        minor = installed.version.minor
        if store.aliases().get(minor) == name:
            name = minor
    return at(store.layout.version(name), installed)


def _follows(version: Version, request: Request | None) -> bool:
    """Tell whether a request that was answered with a version will take its later patches, too."""
    if request is None:
        return True
    # The links are named after the language's version, and tell nothing of PyPy's own
    if request.exact is not None or request.own or request.kind == "name" or not version.release:
        return False
    if version.implementation == "cpython":
        return request.matches(version._replace(release=(*version.release[:2], _FAR_PATCH), pre=("", 0)))
    return True


def at(prefix: Path, installed: Installed | None = None) -> Interpreter:
    """Return the interpreter in an installation's folder, which is used as it is spelled.

    Args:
        prefix: the folder with `bin`.
        installed: what it is, if it is one of the store's.

    Raises:
        NotFoundError: there is no interpreter.
        StoreError: the path cannot be written into a pyvenv.cfg.
    """
    home = prefix / "bin"
    _check(home)
    version = installed.version if installed else None
    if version is not None and version.implementation != "cpython":
        for name in (version.implementation.replace("pypy", "pypy3"), "python3", "python"):
            if os.path.exists(home / name):
                return Interpreter(home, name, ".".join(map(str, version.release[:2])))
        raise _none_in(home, installed)
    minor, abi = _cpython(prefix) if version is None else ("", "")
    if version is not None:
        minor, abi = ".".join(map(str, version.release[:2])), version.variant
    if minor:
        for name in (f"python{minor}{abi}", f"python{minor}{abi.replace('d', '')}", f"python{minor}"):
            if os.path.exists(home / name):
                found = Interpreter(home, name, minor, abi)
                return found._replace(stdlib=prefix / "lib" / found.library)
    for name in ("python3", "python", "pypy3", "graalpy"):
        if os.path.exists(home / name):
            return Interpreter(home, name, "")
    raise _none_in(home, installed)


def _none_in(home: Path, installed: Installed | None) -> NotFoundError:
    hint = installed.remedy if installed else "see: pyv versions"
    return NotFoundError(f"there is no interpreter in {home}", hint=hint)


def of_program(program: Path) -> Interpreter:
    """Return a Python outside the store, such as the system's, which makes its environments itself.

    Raises:
        StoreError: the path cannot be written into a pyvenv.cfg.
    """
    # Through links, for only from there it finds its library, and an environment is none to make others from
    real = Path(os.path.realpath(program))
    _check(real.parent)
    match = _PROGRAM.fullmatch(real.name)
    return Interpreter(real.parent, real.name, match[1] if match else "", match[2] if match else "")


def _cpython(prefix: Path) -> tuple[str, str]:
    """Return minor version and variant of the one CPython in a folder; nothing if there are several, or another."""
    found = []
    with suppress(OSError):
        for name in os.listdir(prefix / "lib"):
            match = _STDLIB.fullmatch(name)
            if match and os.path.exists(prefix / "lib" / name / "venv/__init__.py"):
                debug = "d" if os.path.exists(prefix / "include" / f"{name}d") else ""
                found.append((match[1], match[2] + debug))
    return found[0] if len(found) == 1 else ("", "")


def _check(home: Path) -> None:
    text = os.fspath(home)
    if any(each in text for each in "\n\r") or text != text.strip():
        raise StoreError(f"{text!r} cannot be written into a pyvenv.cfg", hint="set PYV_ROOT to a plainer path")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StoreError(f"{text!r} is not UTF-8, as pyvenv.cfg is", hint="set PYV_ROOT to a plainer path") from None
