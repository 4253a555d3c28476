"""Other processes: running them, and seeing which ones use a folder. The only module that imports subprocess."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from subprocess import Popen
    from typing import NoReturn


# The exit status of what cannot be started, as shells give it
NOT_STARTED = 127
# That of what took too long, as timeout(1) gives it
TOO_LONG = 124
# Why nothing at all can be started now: this says nothing of the program that was to be
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
# What `run` and `contain` wait for
_running: set[Popen[bytes]] = set()
# How often `contain` looks whether a program has ended whose output others still hold open
_LOOK_SECONDS = 0.1
_PIECE = 1 << 16
# How long a killed process may take to be gone
_GONE_SECONDS = 2.0


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

    Raises:
        OSError: this system lets nothing be started now: there are too many files or processes, or too little memory.
    """
    import subprocess

    try:
        process = _start(args, env, cwd)
    except OSError as error:
        return _not_started(error)
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return _too_long(timeout)
        except BaseException:
            process.kill()
            raise
        finally:
            _running.discard(process)
    return Completed(process.returncode, _text(out), _text(err))


def contain(args: Sequence[str | Path], *, env: Mapping[str, str], timeout: float, most: int) -> Completed:
    """Run a program that nobody knows yet: in a session of its own, and with a bound on what it may print.

    Its end ends the wait, whatever it has started and left behind. If it has to be killed, so is all of its session.

    Args:
        args: the program and its arguments; no shell is involved.
        env: the whole environment of the process.
        timeout: seconds after which it is killed.
        most: bytes of output after which it is killed.

    Returns:
        As from `run`. One that prints too much gives 1, with the reason on `stderr`.

    Raises:
        OSError: as from `run`.
    """
    try:
        process = _start(args, env, apart=True)
    except OSError as error:
        return _not_started(error)
    with process:
        try:
            return _listen(process, timeout, most)
        finally:
            _kill(process)
            _running.discard(process)
            if process.wait() < 0:
                _wait_for_all_of(process.pid)


def _not_started(error: OSError) -> Completed:
    """Return what came of a program that cannot be started, unless it is not the program that is to blame."""
    if error.errno in _EXHAUSTED:
        raise error
    return Completed(NOT_STARTED, "", f"cannot be started: {error.strerror or error}")


def _too_long(timeout: float) -> Completed:
    return Completed(TOO_LONG, "", f"no answer within {timeout:g} s")


def _start(
    args: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None, *, apart: bool = False
) -> Popen[bytes]:
    """Start a process that is listened to, in a session of its own if wanted, and count it among the running.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess

    process = None
    try:
        with _uninterrupted():
            process = subprocess.Popen(
                [os.fspath(arg) for arg in args],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=apart,
            )
            _running.add(process)
    except BaseException:
        if process is not None:  # the signals that had to wait
            with process:
                _kill(process)
            _running.discard(process)
        raise
    return process


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let the signals wait that this process has handlers for.

    One that interrupted the making of a process would leave it running, with nobody who knows it. They are not blocked,
    for the new process would be born with that.
    """
    import signal
    import threading

    handlers = {}
    if threading.current_thread() is threading.main_thread():  # no other one is ever interrupted
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            if callable(handler := signal.getsignal(number)):
                handlers[number] = handler
    came: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda received, _frame: came.append(received))
        yield
    finally:
        # The new process is there by now. Nothing may come between the handlers: one that stayed away would be lost
        before = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for each in came:
            signal.raise_signal(each)


def _listen(process: Popen[bytes], timeout: float, most: int) -> Completed:
    """Hear what a program says until it ends, see `contain`."""
    import selectors
    import subprocess
    import time

    until = time.monotonic() + timeout
    said: dict[int, bytearray] = {}
    with selectors.DefaultSelector() as ears:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                ears.register(stream, selectors.EVENT_READ)
                said[stream.fileno()] = bytearray()
        while ears.get_map():
            # Asked in this order: what it has said last is still in the pipes when it is over, and so it is when this
            # process was stopped meanwhile, until long after the time
            left = until - time.monotonic()
            over = process.poll() is not None
            heard = ears.select(0 if over else max(min(left, _LOOK_SECONDS), 0))
            if over and not heard:
                break
            if left <= 0 and not over:
                return _too_long(timeout)
            for key, _ in heard:
                data = os.read(key.fd, _PIECE)
                said[key.fd] += data
                if not data:
                    ears.unregister(key.fileobj)
            if sum(map(len, said.values())) > most:
                return Completed(1, "", f"it prints more than {most:,} bytes")
    try:
        process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return _too_long(timeout)
    return Completed(process.returncode, *map(_text, said.values()))


def _text(said: bytes | bytearray) -> str:
    return said.decode("utf-8", "backslashreplace")


def kill_running() -> None:
    """Kill what runs at this moment on other threads, which then go on."""
    for process in list(_running):
        _kill(process)


def _kill(process: Popen[bytes]) -> None:
    """Kill a process that still runs, and what it has started if it leads a session of its own."""
    import signal

    if process.poll() is None:
        with suppress(ProcessLookupError):
            if os.getsid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def end_those_with(word: str) -> None:
    """Kill the processes that have been given a word, and wait until they are gone. Does nothing without a /proc.

    With one that leads a session, as those do that `contain` starts, all of that goes.
    """
    import signal

    for number, words in _command_lines():
        if os.fsencode(word) in words:
            with suppress(OSError):  # it has ended meanwhile, or is somebody else's
                if os.getsid(number) == number:
                    os.killpg(number, signal.SIGKILL)
                    _wait_for_all_of(number)
                else:
                    os.kill(number, signal.SIGKILL)


def _wait_for_all_of(group: int) -> None:
    """Wait until the last process of a killed group is gone: it may still write where everything is to be removed."""
    import time

    until = time.monotonic() + _GONE_SECONDS
    with suppress(OSError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.01)


def _command_lines() -> Iterator[tuple[int, list[bytes]]]:
    """Yield the processes, and the words that each was given; one that has ended has none."""
    for number in _processes():
        with suppress(OSError), open(f"/proc/{number}/cmdline", "rb") as file:
            yield number, file.read().split(b"\0")


def as_given(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the LC_CTYPE that Python sets for itself in the C locale (PEP 538)."""
    given = dict(env)
    if given.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        with suppress(OSError), open("/proc/self/environ", "rb") as file:  # as this process got it
            if not any(each.startswith(b"LC_CTYPE=") for each in file.read().split(b"\0")):
                del given["LC_CTYPE"]
    return given


def become(program: Sequence[str], *, env: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program, which finds everything as the caller of pyv left it.

    Args:
        program: its path and its arguments.
        env: its whole environment.

    Raises:
        OSError: it cannot be started; nothing has changed.
    """
    import signal

    # Python ignores these for itself, and what is ignored stays so in the program: `… | head` would never end it
    changed = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        os.execve(program[0], list(program), as_given(env))  # noqa: S606 - no shell may read what a user wrote
    except OSError:
        for number, handler in changed.items():
            signal.signal(number, handler)
        raise


def accompany(program: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run a program in the foreground, as if this process had become it, and return its exit status.

    What comes from the keyboard reaches it by itself; signals sent to this process are passed on.

    Returns:
        Its exit status; the negative number of the signal if one has ended it.

    Raises:
        OSError: it cannot be started.
    """
    import signal

    passed_on = (signal.SIGTERM, signal.SIGHUP)
    from_the_keyboard = (signal.SIGINT, signal.SIGQUIT)
    former = {number: signal.getsignal(number) for number in (*passed_on, *from_the_keyboard)}
    heard = [number for number in former if former[number] != signal.SIG_IGN]
    child = 0
    early: list[int] = []

    def pass_on(received: int, _frame: object) -> None:
        if child:
            os.kill(child, received)
        else:
            early.append(received)

    try:
        # Before the program starts: a signal that comes as soon as it runs must not end this process instead
        for number in heard:
            signal.signal(number, pass_on if number in passed_on else lambda _received, _frame: None)
        # What the caller has ignored stays so, for a command in the background must not end of Ctrl-C
        defaults = [signal.SIGPIPE, signal.SIGXFSZ, *(number for number in from_the_keyboard if number in heard)]
        child = os.posix_spawn(program[0], list(program), as_given(env), setsigdef=defaults)
        for received in early:
            os.kill(child, received)
        _, status = os.waitpid(child, 0)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    return os.waitstatus_to_exitcode(status)


def end_like(code: int) -> int:
    """End this process by the signal that has ended another one, if its exit status is negative; else return that."""
    import signal

    if code < 0:
        with suppress(OSError):  # nobody can have a handler for SIGKILL, and nobody can set one
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


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


def processes_of(*starts: str) -> list[int]:
    """Return the ids of running processes whose program's path, without links, begins with one of these.

    That of a program that was moved is where it is now, or last was. There are none where the system does not tell.
    """
    return [pid for pid, program in _programs() if program.startswith(starts)]


def _programs() -> Iterator[tuple[int, str]]:
    for number in _processes():
        with suppress(OSError):  # it ended meanwhile, is a kernel thread, or belongs to somebody else
            yield number, os.readlink(f"/proc/{number}/exe")


def _processes() -> list[int]:
    """Return the ids of all processes; none where the system does not tell."""
    try:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
    except OSError:
        return []
