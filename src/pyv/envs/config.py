"""pyvenv.cfg: what an environment says of itself (PEP 405)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.envs.interpreter import Interpreter

NAME = "pyvenv.cfg"
_MAX_BYTES = 64 * 1024


class Options(NamedTuple):
    """What an environment is to be like.

    Attributes:
        prompt: what the activated shell shows instead of the folder's name; None for the folder's name.
        system_site_packages: whether the packages of the interpreter can be imported.
        pip: whether pip will be put into it.
        clear: whether it replaces what is there.
    """

    prompt: str | None = None
    system_site_packages: bool = False
    pip: bool = True
    clear: bool = False


def read(venv: Path) -> dict[str, str]:
    """Return the settings of an environment, keys in lower case; none if it is no environment."""
    return parse(read_bytes(venv))


def home_of(venv: Path) -> Path | None:
    """Return the folder of the interpreter that an environment names; None if it names none."""
    home = read(venv).get("home", "")
    return Path(home) if home else None


def program_of(venv: Path) -> Path:
    """Return the program that an environment is on, by the name of its folder that the environment uses."""
    real = Path(os.path.realpath(venv / "bin/python"))
    return (home_of(venv) or real.parent) / real.name


def read_bytes(venv: Path) -> bytes:
    """Return the content of an environment's pyvenv.cfg; nothing if there is none that can be read."""
    try:
        with fsops.open_regular(venv / NAME) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""


def parse(data: bytes) -> dict[str, str]:
    """Understand a pyvenv.cfg as Python does: lines of `key = value`, the first of several of one key counts."""
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found.setdefault(key.strip().lower(), value.strip())
    return found


def make(interpreter: Interpreter, target: Path, options: Options, *, describes: bool) -> bytes:
    """Return the pyvenv.cfg of a new environment.

    Like the one that `venv` writes, but all of it on the interpreter's lasting name, and with no patch number: both
    stay true when the short-name link moves on.

    Args:
        interpreter: what it is made from.
        target: where it will be.
        options: what it is to be like.
        describes: whether this interpreter's `venv` notes the program and the command (since 3.11).
    """
    lines = [
        f"home = {interpreter.home}",
        f"include-system-site-packages = {str(options.system_site_packages).lower()}",
        f"version = {interpreter.minor}",
    ]
    if options.prompt is not None:
        lines.append(f"prompt = {options.prompt!r}")
    if describes:
        words = [os.fspath(interpreter.path), "-m", "venv"]
        words += ["--without-pip"] * (not options.pip)
        words += ["--system-site-packages"] * options.system_site_packages
        words += ["--clear"] * options.clear
        words += [f'--prompt="{options.prompt}"'] * (options.prompt is not None)
        lines += [f"executable = {interpreter.path}", f"command = {' '.join([*words, os.fspath(target)])}"]
    return _join(lines)


def changed(data: bytes, changes: Mapping[str, str]) -> bytes:
    """Return a pyvenv.cfg with the values of some keys replaced where they stand, and new ones at the end."""
    left = dict(changes)
    lines = []
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        key, equals, _ = line.partition("=")
        name = key.strip().lower()
        if equals and name in left:
            lines.append(f"{key.strip()} = {left.pop(name)}")
        elif not equals or name not in changes:  # a second line of the same key would contradict the first
            lines.append(line)
    return _join([*lines, *(f"{key} = {value}" for key, value in left.items())])


def _join(lines: list[str]) -> bytes:
    # A line break in a folder's name must not become a setting, and bytes that are no UTF-8 would stop Python
    plain = [line.replace("\n", "\\n").replace("\r", "\\r") for line in lines]
    return "".join(f"{line}\n" for line in plain).encode("utf-8", "backslashreplace")


def replace(venv: Path, data: bytes) -> None:
    """Write a pyvenv.cfg anew, in one step, with the time and the mode of the old one.

    The environment has to be registered afterwards, to be known.

    Raises:
        OSError: it cannot be written.
    """
    path = venv / NAME
    if not os.path.exists(path):
        umask = os.umask(0o077)
        os.umask(umask)
        fsops.write_whole(path, data, mode=0o666 & ~umask, durable=False)
        return
    before = os.stat(path)
    temporary = path.with_name(f".{NAME}.pyv")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), before.st_mode & 0o777)
        os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
