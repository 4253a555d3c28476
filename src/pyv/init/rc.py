"""The marked block in the files that shells read when they start: put in, brought up to date, and taken out again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import StoreError, UsageError
from pyv.init.files import read, replace
from pyv.init.hooks import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.layout import Layout

# Written behind the opening mark, so that the file can be restored to the byte
_ADDED_LINE_END = b" (the line end before this was added)"
_MADE_FILE = b" (the file was made for this)"


class _Place(NamedTuple):
    """A file that a shell reads when it starts, and the line for it."""

    path: Path
    line: str


def install(layout: Layout, shell: str, env: Mapping[str, str], *, hook: bool) -> list[Path]:
    """Put the line into the files that a shell reads when it starts, and return those that had to be changed.

    Args:
        layout: where the store is.
        shell: the name of a shell whose rc file can source a file.
        env: where those files are: `ZDOTDIR`, `XDG_CONFIG_HOME`.
        hook: whether the shell shall do more than have the shims on PATH.

    Raises:
        UsageError: the path of the store cannot stand in a line.
        StoreError: a file cannot be read or written.
    """
    if "\n" in os.fspath(layout.root):
        raise UsageError(f"the path of the store has a line break in it: {str(layout.root)!r}", hint="set PYV_ROOT")
    changed = []
    for place in _places(layout, shell, env, hook=hook):
        before = _read(place)
        after = _with_block(before, shell, place.line)
        if after != before:
            _write(place, after)
            changed.append(place.path)
    return changed


def uninstall(layout: Layout, shell: str, env: Mapping[str, str]) -> list[Path]:
    """Take the line out of every file that it can be in, and return those in which it was.

    Raises:
        StoreError: a file cannot be read or written.
    """
    changed = []
    for path in _files(layout, shell, env):
        place = _Place(path, f"remove the lines between the marks of pyv init {shell}")
        before = _read(place)
        if before is None:
            continue
        after = _without_block(before, shell)
        if after is None:
            os.unlink(os.path.realpath(path))  # a link to it stays
        elif after != before:
            _write(place, after)
        if after != before:
            changed.append(path)
    return changed


def _files(layout: Layout, shell: str, env: Mapping[str, str]) -> list[Path]:
    """Return all files in which the line can be."""
    home = layout.home
    if shell == "bash":
        return [home / ".bashrc", *(home / name for name in _LOGIN)]
    if shell == "zsh":
        return [_folder(env, "ZDOTDIR", home) / ".zshrc"]
    if shell == "fish":
        return [_folder(env, "XDG_CONFIG_HOME", home / ".config") / "fish/config.fish"]
    if shell == "tcsh":
        return [home / ".tcshrc", home / ".cshrc"]
    return [home / ".profile"]


# A login bash reads the first of these that is there, and .bashrc only if that says so
_LOGIN = (".bash_profile", ".bash_login", ".profile")


def _places(layout: Layout, shell: str, env: Mapping[str, str], *, hook: bool) -> list[_Place]:
    """Return the files that get the line."""
    files = _files(layout, shell, env)
    plain = line(layout, shell, hook=hook)
    if shell == "tcsh":  # .cshrc is read only where there is no .tcshrc
        return [_Place(next((path for path in files if os.path.lexists(path)), files[0]), plain)]
    if shell != "bash":
        return [_Place(files[0], plain)]
    login = next((path for path in files[1:] if os.path.lexists(path)), files[1])
    places = [_Place(files[0], plain)]
    before = _without_block(_read(_Place(login, plain)) or b"", shell) or b""
    if b"bashrc" not in before:
        # .profile is read by every sh
        condition = '[ -n "${BASH_VERSION-}" ]' if login.name == ".profile" else ""
        places.append(_Place(login, line(layout, shell, hook=hook, condition=condition)))
    return places


def _folder(env: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    value = env.get(variable, "")
    return Path(value) if os.path.isabs(value) else otherwise


def _block(shell: str, content: str, note: bytes) -> bytes:
    opening, closing = _marks(shell)
    return b"\n".join((opening + note, os.fsencode(content), closing, b""))


def _marks(shell: str) -> tuple[bytes, bytes]:
    return f"# >>> pyv init {shell} >>>".encode(), f"# <<< pyv init {shell} <<<".encode()


def _pattern(shell: str) -> re.Pattern[bytes]:
    """Return what finds a block. It has one line, so that a mark that lost the other one swallows nothing."""
    opening, closing = map(re.escape, _marks(shell))
    return re.compile(rb"^" + opening + rb"([^\n]*)\n[^\n]*\n" + closing + rb"(?:\n|\Z)", re.MULTILINE)


def _with_block(before: bytes | None, shell: str, content: str) -> bytes:
    if before is None:
        return _block(shell, content, _MADE_FILE)
    found = _pattern(shell).search(before)
    if found:
        return before[: found.start()] + _block(shell, content, found[1]) + before[found.end() :]
    if before and not before.endswith(b"\n"):
        return before + b"\n" + _block(shell, content, _ADDED_LINE_END)
    return before + _block(shell, content, b"")


def _without_block(before: bytes, shell: str) -> bytes | None:
    """Return the content without the block, however often it is there; None if nothing else was ever in that file."""
    after, made = before, False
    while found := _pattern(shell).search(after):
        start = found.start()
        if found[1] == _ADDED_LINE_END and found.end() == len(after):
            start -= 1
        after = after[:start] + after[found.end() :]
        made = made or found[1] == _MADE_FILE
    return None if made and not after else after


def _read(place: _Place) -> bytes | None:
    """Return the content of a file, or None if it does not exist.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return read(place.path)
    except OSError as error:
        raise _refused(place, "read", error) from error


def _write(place: _Place, content: bytes) -> None:
    """Write a file in one step, see `replace`.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        replace(place.path, content)
    except OSError as error:
        raise _refused(place, "written", error) from error


def _refused(place: _Place, done: str, error: OSError) -> StoreError:
    return StoreError(f"{place.path} cannot be {done}: {error.strerror}", hint=f"add to it: {place.line}")
