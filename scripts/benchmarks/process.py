"""Runs one process, and tells what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIB = 1024
# ru_maxrss is in KiB, on macOS in bytes
_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else _KIB
_MINUTES = 10
_LOOK_SECONDS = 0.005


class FailedError(Exception):
    """A command that was to be measured did not succeed."""


class Command(NamedTuple):
    """A command.

    Attributes:
        words: its words, of which the first is a path.
        env: its whole environment.
        cwd: its working directory.
        status: the exit status that means success.
    """

    words: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    status: int = 0


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
        FailedError: it cannot be started, or its exit status is not the one that means success.
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
        try:
            child = os.posix_spawn(command.words[0], command.words, env, file_actions=streams)
        except OSError as error:
            raise FailedError(f"{command.words[0]}: {error.strerror}") from error
        try:
            _, status, usage = os.wait4(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        seconds = time.perf_counter() - started
        if status != command.status << 8:  # as waitpid(2) tells it
            errors.seek(0)
            said = errors.read(2000).decode(errors="replace").strip()
            code = os.waitstatus_to_exitcode(status)
            raise FailedError(f"{' '.join(command.words)[:200]}: status {code}: {said or 'it says nothing'}")
    return Spent(seconds, usage.ru_maxrss * _RSS_UNIT / 1e6)


def peak(command: Command) -> float:
    """Run a command to its end, and return the most memory that it and all that it started had at one moment.

    Returns:
        MB of a million bytes, pages that several processes share counted once (the proportional set size of
        proc_pid_smaps(5), looked at every few milliseconds). Where the system does not tell that, the most that any one
        of them had.

    Raises:
        FailedError: it cannot be started, or its exit status is not the one that means success.
    """
    if not os.path.exists("/proc/self/smaps_rollup"):
        return spend(command).peak
    try:
        process = subprocess.Popen(
            command.words,
            env=dict(command.env),
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise FailedError(f"{command.words[0]}: {error.strerror}") from error
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_proportional_set_size, _family(process.pid))))
        time.sleep(_LOOK_SECONDS)
    if process.returncode != command.status:
        raise FailedError(f"{' '.join(command.words)[:200]}: status {process.returncode}")
    return most * _KIB / 1e6


def _family(number: int) -> list[str]:
    """Return a process and all that it, and what it has started, has started; those may have sessions of their own."""
    children: dict[str, list[str]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError), open(f"/proc/{entry}/stat") as file:
                children.setdefault(file.read().rpartition(")")[2].split()[1], []).append(entry)
    found = [str(number)]
    for each in found:  # which grows meanwhile
        found += children.get(each, [])
    return found


def _proportional_set_size(process: str) -> int:
    """Return the memory of a process in KiB; nothing once it has ended."""
    with suppress(OSError), open(f"/proc/{process}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


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
