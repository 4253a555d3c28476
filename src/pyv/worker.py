"""A copy of this process, made before much is imported, that imports and does something else than this one.

One interpreter runs one thread at a time: without a copy, a second processor is idle while modules are imported.
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False  # that of typing, whose import takes a third of the time that a bare interpreter does
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias

    Say: TypeAlias = Callable[[bytes, bytes], None]
    Serve: TypeAlias = Callable[[int, Say], object]

# What is said has a kind, and a length
_HEAD = struct.Struct("=cI")
# How much may wait to be heard: a pipe as it is made holds less than what a network brings at a time
_PIPE_BYTES = 1 << 20
_PIECE = 1 << 16
_SIGKILL = 9  # of signal, whose import takes a while as well


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
        self._answers = open(answers, "rb", buffering=_PIECE)  # noqa: SIM115 - it lives as long as this process

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
        try:
            if os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                os.kill(self._pid, _SIGKILL)
                os.waitpid(self._pid, 0)
        except ChildProcessError:  # whoever started this process does not want to hear of children
            return

    def _read(self, size: int) -> bytes:
        data = self._answers.read(size)
        if len(data) < size:
            raise EndedError
        return data


def fork(serve: Serve) -> Worker:
    """Return a worker that is a copy of this process. No other thread may run now.

    Args:
        serve: see `work`.

    Raises:
        OSError: there can be none.
    """
    heard, told = os.pipe()
    answers, said = os.pipe()
    try:
        pid = os.fork()
        if not pid:
            os.close(told)
            os.close(answers)
            work(serve, heard, said)
    except OSError:
        os.close(told)
        os.close(answers)
        raise
    finally:
        os.close(heard)
        os.close(said)
    return Worker(pid, told, answers)


def work(serve: Serve, heard: int, said: int) -> NoReturn:
    """Serve in this process, and end it.

    Args:
        serve: called with where it hears lines, and with what says a kind and bytes. It returns when there are no more
            lines.
        heard: the descriptor for the one.
        said: that for the other.
    """
    try:
        import fcntl

        try:  # noqa: SIM105 - contextlib is not imported yet
            fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except (AttributeError, OSError):  # Linux has it, and allows each user so much of it
            pass
        serve(heard, lambda kind, data: _write(said, _HEAD.pack(kind, len(data)) + data))
    finally:
        os._exit(0)  # and print nothing: whoever waits for an answer sees that there is none


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
