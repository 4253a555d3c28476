"""The folder of shims: whether each command has its shim, each shim is whole, and nothing else is there."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import proc
from pyv.doctor.model import HINT, PROBLEM, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

_OWN = "pyv"
# There only if the user asked for it, and no version's command
_ON_REQUEST = "pyenv"
_REHASH = "pyv rehash"
_SECONDS = 10
_SHOWN = 3
# More than any dispatcher has
_MAX_BYTES = 256 * 1024


def shims(
    folder: Path,
    commands: Collection[str],
    *,
    intact: bool,
    is_dispatcher: Callable[[bytes], bool],
    rehash: Callable[[], object],
) -> list[Finding]:
    """Check the shims.

    Args:
        folder: where they are.
        commands: the names that shall have one.
        intact: whether `pyv` among them, which the others are compared with, is whole and can run.
        is_dispatcher: tells whether a file was a dispatcher once.
        rehash: makes the shims again.
    """
    if not commands and not os.path.isdir(folder):
        return []  # nothing is installed yet
    whole, damaged, foreign = _sorted(folder, commands, is_dispatcher)
    missing = set(commands) - whole - damaged
    lacking = (("damaged", damaged if intact else set()), ("missing", missing))
    found = [
        Finding("shims", PROBLEM, f"shims in {folder} are {what}: {_some(names)}", _REHASH, rehash)
        for what, names in lacking
        if names
    ]
    if not intact and not found:
        message = f"{folder / _OWN} is damaged, gone, or another pyv's"
        found.append(Finding("shims", PROBLEM, message, _REHASH, rehash))
    if foreign:
        message = f"{folder} has what is no shim: {_some(foreign)}"
        found.append(Finding("shims-foreign", HINT, message, f"move it away: {folder / min(foreign)}"))
    return found


def _sorted(
    folder: Path, commands: Collection[str], is_dispatcher: Callable[[bytes], bool]
) -> tuple[set[str], set[str], set[str]]:
    """Return the names of the entries that are the dispatcher, of those that should be, and of all others."""
    own = _content(os.path.join(folder, _OWN))
    inodes = set()
    whole, damaged, foreign = set(), set(), set()
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            name, regular = entry.name, entry.is_file(follow_symlinks=False)
            content = own if entry.inode() in inodes else _content(entry.path) if regular else None
            if own and content == own and os.access(entry.path, os.X_OK):
                whole.add(name)
                inodes.add(entry.inode())  # most are one file, and it need not be read again
            elif name in commands or content == b"" or (content is not None and is_dispatcher(content)):
                damaged.add(name)
            elif name != _ON_REQUEST and not name.startswith("."):
                foreign.add(name)
    return whole, damaged, foreign


def dropped_variables(shell: str, env: Mapping[str, str], find_program: Callable[[str], str | None]) -> list[Finding]:
    """Check whether the sh that runs the shims keeps variables whose names are no identifiers, if there are any now.

    Args:
        shell: the sh.
        env: the environment.
        find_program: returns the path of a program on PATH, or None.
    """
    odd = {name: value for name, value in env.items() if not (name.isascii() and name.isidentifier())}
    if not odd:
        return []
    # Through a program that the sh becomes, as the command behind a shim would see it
    answer = proc.run(
        [shell, "-c", "exec /usr/bin/env"], env={"PATH": env.get("PATH", os.defpath), **odd}, timeout=_SECONDS
    )
    kept = answer.stdout.splitlines()
    lost = sorted(name for name in odd if not any(line.startswith(f"{name}=") for line in kept))
    if answer.returncode or not lost:
        return []
    better = find_program("bash") or find_program("zsh")
    command = f"pyv rehash --shell {better}" if better else "install bash, then: pyv rehash --shell /bin/bash"
    return [Finding("shims-variables", HINT, f"{shell}, which runs the shims, drops variables: {_some(lost)}", command)]


def _content(path: str) -> bytes | None:
    with suppress(OSError), open(path, "rb") as file:
        return file.read(_MAX_BYTES)
    return None


def _some(all_names: Collection[str]) -> str:
    names = sorted(all_names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
