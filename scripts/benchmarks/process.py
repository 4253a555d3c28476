"""Runs one process, and tells what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIB = 1024
# ru_maxrss is in KiB, on macOS in bytes
_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else _KIB
_MINUTES = 10


class FailedError(Exception):
    """A command that was to be measured did not succeed."""


class Command(NamedTuple):
    """A command: its words, of which the first is a path, its whole environment, and its working directory."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


class Spent(NamedTuple):
    """What a run took.

    Attributes:
        seconds: from just before the start of the process until its end.
        peak: the memory of the largest process among it and those that it waited for, in MB of a million bytes.
            No less than what this process has, for the kernel counts what there is before exec, too.
    """

    seconds: float
    peak: float


def spend(command: Command) -> Spent:
    """Run a command to its end, without input and with its output thrown away.

    Raises:
        FailedError: its exit status is not 0.
    """
    os.chdir(command.cwd)
    # Its shell and its prompt would have set it; without it every sh asks the kernel first
    env = {**command.env, "PWD": command.cwd}
    with tempfile.TemporaryFile() as errors:
        streams = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
        ]
        started = time.perf_counter()
        # An interrupt is for this process, which then ends the one that it waits for
        child = os.posix_spawn(command.words[0], command.words, env, file_actions=streams)
        try:
            _, status, usage = os.wait4(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        seconds = time.perf_counter() - started
        if status:
            errors.seek(0)
            said = errors.read(2000).decode(errors="replace").strip()
            code = os.waitstatus_to_exitcode(status)
            raise FailedError(f"{' '.join(command.words)[:200]}: status {code}: {said or 'it says nothing'}")
    return Spent(seconds, usage.ru_maxrss * _RSS_UNIT / 1e6)


def output(words: tuple[str, ...], env: Mapping[str, str], cwd: str) -> str:
    """Run a command that is not measured, and return what it prints.

    Raises:
        FailedError: it cannot be started, or its exit status is not 0.
    """
    try:
        done = subprocess.run(
            words,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60 * _MINUTES,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FailedError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise FailedError(f"{' '.join(words)[:200]}: status {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout
