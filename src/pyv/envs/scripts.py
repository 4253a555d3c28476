"""The scripts in an environment's bin: which path they name, and giving them another one."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.envs import config

if TYPE_CHECKING:
    from pathlib import Path

# What every kernel takes for the first line of a script
_LONGEST = 127
_MAX_BYTES = 1 << 20
_FIRST_BYTES = 1 << 13
# Where the kernel would not take the path, sh starts the Python: by a line that is a string to Python. pip writes the
# form with three quotes.
_LONG = re.compile(
    rb"#!/bin/sh\n(?:# coding: latin-1\n)?(?:'')?'exec' (?P<quote>[\"']?)(?P<program>/.*?)(?P=quote)"
    rb"(?: '?(?P<flags>-[^\n\"']*)'?)? \"\$0\" \"\$@\"\n(?:' '''\n)?",
    re.DOTALL,
)
_UNSAFE = re.compile(r"[^\w@%+=:,./-]", re.ASCII)
_SHORT = re.compile(rb"#!(?P<program>/[^\n]*?/bin/[^/\s]+)(?P<flags>[ \t][^\n]*)?\r?\n")


def relocate(venv: Path, old: Path, new: Path) -> list[str]:
    """Make the scripts of an environment name another path.

    Args:
        venv: where the environment is now.
        old: the path that they name.
        new: the path that they are to name.

    Returns:
        The names of those that were changed.

    Raises:
        OSError: one cannot be written.
    """
    found = []
    for name in sorted(os.listdir(venv / "bin")):
        path = venv / "bin" / name
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES or b"\0" in data[:512]:
            continue  # a program, not a script
        changed = _started_from(data, old, new) if data.startswith(b"#!") else _mentioning(name, data, old, new)
        if changed != data:
            _replace(path, changed)
            found.append(name)
    return found


def foreign(venv: Path) -> str:
    """Return another environment whose Python all scripts of this one start, as those of a copy do; else nothing.

    One script, unless it is pip, may be somebody's own way to run another environment from here.
    """
    others: dict[str, list[str]] = {}
    try:
        names = os.listdir(venv / "bin")
    except OSError:
        return ""
    for name in names:
        with suppress(OSError):  # it may be one that this user may not read
            if match := _program_of(venv / "bin" / name):
                others.setdefault(os.path.dirname(os.path.dirname(os.fsdecode(match))), []).append(name)
    here = os.path.realpath(venv)
    if any(os.path.realpath(each) == here for each in others):
        return ""
    for other, scripts in sorted(others.items()):
        if ("pip" in scripts or len(scripts) > 1) and os.path.isfile(os.path.join(other, config.NAME)):
            return other
    return ""


def _program_of(path: Path) -> bytes:
    """Return the interpreter that a script starts; nothing of what is none."""
    if os.path.islink(path) or not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        data = file.read(_FIRST_BYTES)
    match = _LONG.match(data) or _SHORT.match(data)
    return match["program"] if match else b""


def _started_from(data: bytes, old: Path, new: Path) -> bytes:
    match = _LONG.match(data) or _SHORT.match(data)
    if not match:
        return data
    folder, _, program = match["program"].rpartition(b"/")
    if folder != os.fsencode(old / "bin"):
        return data
    return first_lines(new / "bin" / os.fsdecode(program), (match["flags"] or b"").strip()) + data[match.end() :]


def first_lines(program: Path, flags: bytes = b"") -> bytes:
    """Return the beginning of a script that an interpreter runs, whatever its path is like.

    Args:
        program: the interpreter.
        flags: what it gets besides the script.
    """
    path = os.fsencode(program)
    line = b"#!" + path + (b" " + flags if flags else b"") + b"\n"
    if len(line) <= _LONGEST and not re.search(rb"\s", path):
        return line
    words = _word(program) + (b" '" + flags + b"'" if flags else b"")
    return b"#!/bin/sh\n'exec' " + words + b' "$0" "$@"\n'


def _word(program: Path) -> bytes:
    """Return a path as a word that is the same to sh and to Python."""
    text = os.fspath(program)
    if text.isprintable() and "\\" not in text:  # what is no UTF-8 is not printable
        if "'" not in text:
            return os.fsencode(f"'{text}'")
        if not any(each in text for each in '"$`'):
            return os.fsencode(f'"{text}"')
    # There is none; but the script lies beside it
    return os.fsencode(f'"${{0%/*}}/{program.name}"')


def _mentioning(name: str, data: bytes, old: Path, new: Path) -> bytes:
    """Return an activation script with another path; both need the same quotes, for they end alike."""
    if not name.lower().startswith("activate") or old == new:
        return data
    for form in (shell_word, str):
        data = data.replace(os.fsencode(form(os.fspath(old))), os.fsencode(form(os.fspath(new))))
    return data


def shell_word(text: str) -> str:
    """Return a text as one word of a shell, quoted only if need be: as `shlex.quote`, whose import takes its time."""
    if text and not _UNSAFE.search(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.pyv")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
