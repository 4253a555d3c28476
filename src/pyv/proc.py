"""Other processes: running them, and seeing which ones use a folder. The only module that imports subprocess."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Completed(NamedTuple):
    """A finished process: its exit status and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(args: Sequence[str | Path], *, env: Mapping[str, str], timeout: float, cwd: Path | None = None) -> Completed:
    """Run a program to its end with nothing on its standard input.

    Args:
        args: the program and its arguments; no shell is involved.
        env: the whole environment of the process.
        timeout: seconds after which it is killed.
        cwd: where it runs; the caller's folder without it.

    Returns:
        Its exit status and its output, decoded as UTF-8 with undecodable bytes escaped. A program that cannot be
        started gives 127, one that takes too long 124, each with the reason on `stderr`, as a shell and `timeout` do.
    """
    import subprocess

    try:
        done = subprocess.run(
            [os.fspath(arg) for arg in args],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Completed(124, "", f"no answer within {timeout:g} s")
    except OSError as error:
        return Completed(127, "", f"cannot be started: {error.strerror or error}")
    return Completed(done.returncode, done.stdout, done.stderr)


def find_program(name: str, search_path: str) -> str | None:
    """Return the first executable file called `name` on a PATH-like list of folders, or None.

    Empty and relative entries are skipped: they mean the current folder, and what runs must not depend on that.
    """
    for folder in search_path.split(os.pathsep):
        if os.path.isabs(folder):
            candidate = os.path.join(folder, name)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
    return None


def processes_inside(folder: Path) -> list[int]:
    """Return the ids of running processes whose program lies in `folder`; none where the system does not tell."""
    inside = os.path.realpath(folder) + os.sep
    return [pid for pid, program in _programs() if program.startswith(inside)]


def _programs() -> Iterator[tuple[int, str]]:
    try:
        entries = os.listdir("/proc")
    except OSError:
        return
    for entry in entries:
        if entry.isdecimal():
            try:
                yield int(entry), os.readlink(f"/proc/{entry}/exe")
            except OSError:  # it ended meanwhile, is a kernel thread, or belongs to somebody else
                continue
