"""A copy of this process, made before much is imported, that imports and does something else than this one.

One interpreter runs one thread at a time: without a copy, a second processor is idle while modules are imported.
"""

from __future__ import annotations

import os
import signal
import struct
import sys

TYPE_CHECKING = False  # that of typing, whose import takes a third of the time that a bare interpreter does
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn, TypeAlias

    Say: TypeAlias = Callable[[bytes, bytes], None]
    Serve: TypeAlias = Callable[[int, Say], object]

# Whether copies of a process are safe here: macOS's own libraries, which know proxies and keychain, end one that calls
# them
COPIES = sys.platform != "darwin"
# What is said has a kind, and a length
_HEAD = struct.Struct("=cI")
# How much may wait to be heard: a pipe as it is made holds less than what a network brings at a time
_PIPE_BYTES = 1 << 20
_PIECE = 1 << 16
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedError(Exception):
    """The worker says nothing any more."""


class Worker:
    """A worker, which ends when this process lets go of it, or ends.

    Args:
        pid: its process.
        told: where it hears from this process.
        answers: where this process hears what it says.
    """

    def __init__(self, pid: int, told: int, answers: int) -> None:
        self._pid = pid
        self._told = told
        # Never closed: a thread that nobody waits for any more may be reading from it
        self._answers = open(answers, "rb", buffering=_PIECE)  # noqa: SIM115 - see above

    def tell(self, line: bytes) -> None:
        """Tell it a line.

        Raises:
            EndedError: it does not hear it.
        """
        if self._told < 0:
            raise EndedError
        try:
            _write(self._told, line + b"\n")
        except BrokenPipeError:
            raise EndedError from None

    def hear(self) -> tuple[bytes, bytes]:
        """Wait for what it says next: a kind, of one byte, and what belongs to that.

        Raises:
            EndedError: it will say nothing.
        """
        kind, length = _HEAD.unpack(self._read(_HEAD.size))
        return kind, self._read(length)

    def dismiss(self) -> None:
        """Let go of it. It ends on its own account."""
        if self._told >= 0:
            told, self._told = self._told, -1
            os.close(told)

    def end(self) -> None:
        """Have it end now, and wait for that. It keeps nothing, so it need not clean up."""
        self.dismiss()
        pid, self._pid = self._pid, 0
        if not pid:
            return
        try:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        except (ChildProcessError, ProcessLookupError):  # who started this process wants to hear nothing of children
            return

    def _read(self, size: int) -> bytes:
        data = self._answers.read(size)
        if len(data) < size:
            raise EndedError
        return data


def alone() -> bool:
    """Tell whether this process can be copied, and has a processor to spare for a copy."""
    if not COPIES or len(sys._current_frames()) > 1:  # noqa: SLF001 - it is documented, and needs no import
        return False
    try:
        return len(os.sched_getaffinity(0)) > 1
    except (AttributeError, OSError):  # Linux has it, and a sandbox may not allow it
        return False


def fork(serve: Serve) -> Worker:
    """Return a worker that is a copy of this process. No other thread may run now.

    Args:
        serve: see `work`.

    Raises:
        OSError: there can be none.
    """
    heard, told = os.pipe()
    try:
        answers, said = os.pipe()
    except OSError:
        os.close(heard)
        os.close(told)
        raise
    # An interrupt in between would leave a copy that nobody knows, or that believes to be this process
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        pid = os.fork()
        if not pid:
            os.close(told)
            os.close(answers)
            work(serve, heard, said, before)
        return Worker(pid, told, answers)
    except OSError:
        os.close(told)
        os.close(answers)
        raise
    finally:
        os.close(heard)
        os.close(said)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(serve: Serve, heard: int, said: int, mask: Iterable[int] = ()) -> NoReturn:
    """Serve in this process, and end it.

    Args:
        serve: called with where it hears lines, and with what says a kind and bytes. It returns when there are no more
            lines.
        heard: the descriptor for the one.
        said: that for the other.
        mask: the signals that are to be blocked.
    """
    try:
        # An interrupt is for the process that waits. The other signals end this one, and are no news for anybody.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _widen(said)
        serve(heard, lambda kind, data: _write(said, _HEAD.pack(kind, len(data)) + data))
    finally:
        os._exit(0)  # and print nothing: whoever waits for an answer sees that there is none


def _widen(pipe: int) -> None:
    import fcntl

    try:  # noqa: SIM105 - contextlib is not imported yet
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (AttributeError, OSError):  # Linux has it, and allows each user so much of it
        pass


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
