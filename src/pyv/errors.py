"""Every failure that pyv reports: what happened, what to type next, and the exit status.

Only the command line prints these; everything below it raises. An error is one or two lines for a person: the message
names the thing and where it came from, the hint is the command to type next.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

# What a shell's `ulimit` calls the limit that a system call has met
_LIMITS = {errno.EMFILE: "-n", errno.ENFILE: "-n", errno.EFBIG: "-f", errno.EAGAIN: "-u"}


def user_name(number: int) -> str:
    """Return what a user is called."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def shell_word(path: str | PathLike[str]) -> str:
    """Return a path as one types it in a shell, for hints."""
    import os
    import re

    text = os.fspath(path)
    return text if re.fullmatch(r"[\w./+@-]+", text) else "'" + text.replace("'", "'\\''") + "'"


class PyvError(Exception):
    """A failure with a message for a person.

    Args:
        message: one line: what happened, with the thing and the file or url that it came from.
        hint: what to type or do next, or nothing where there is nothing to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class StoreError(PyvError):
    """The store or the cache could not be read or written: no space, no permission, a read-only file system."""


class InUseError(PyvError):
    """Something is still used by a process, by pyv itself or by an environment, and is therefore kept."""


class UsageError(PyvError):
    """The command line is wrong."""

    exit_code = 2


class RequestError(UsageError):
    """A version request, or a file that should hold one, cannot be understood."""


class NotFoundError(PyvError):
    """Nothing known matches what was asked for."""

    exit_code = 3


class NotInstalledError(NotFoundError):
    """What was asked for exists or may exist, but is not in the store."""


class EnvironmentMismatchError(PyvError):
    """A project's environment is on another Python than its pin asks for."""


class NetworkError(PyvError):
    """Something could not be fetched. Another try, later or by another way, may succeed."""

    exit_code = 4


class VerificationError(PyvError):
    """What was served, or what stands in the store, is not what it should be. Another try gives the same."""

    exit_code = 5


class CommandNotFoundError(PyvError):
    """No such command in the selected versions, or no such pinned version, for a shim, `exec` or `which`."""

    exit_code = 127


def explain(error: OSError, doing: str) -> StoreError:
    """Return the message that a person needs for a failed system call.

    Args:
        error: the failure.
        doing: what was being done, such as `install 3.12.7`.
    """
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in _LIMITS:
        return StoreError(
            f"{error.strerror}{where}: cannot {doing}", hint=f"raise the limit, see: ulimit {_LIMITS[error.errno]}"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"no space left{where}: cannot {doing}", hint="free some space, then repeat; 'pyv cache clean' helps"
        )
    if error.errno == errno.EXDEV:
        return StoreError(
            f"{error.strerror}{where}: cannot {doing}",
            hint="versions and tmp have to be on one file system: move all of PYV_ROOT there, and link that",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP):
        return StoreError(
            f"{error.strerror}{where}: cannot {doing}",
            hint="something else stands where a folder should: move it away",
        )
    if error.errno == errno.EROFS:
        return StoreError(
            f"the file system is read-only{where}: cannot {doing}", hint="set PYV_ROOT to a folder of yours"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError(f"permission denied{where}: cannot {doing}", hint="set PYV_ROOT to a folder of yours")
    return StoreError(f"{error.strerror or error}{where}: cannot {doing}")


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn failed system calls of the body into errors that say what could not be done, see `explain`."""
    try:
        yield
    except OSError as error:
        raise explain(error, doing) from error


def unexpected(error: Exception, python_path: str = "") -> PyvError:
    """Return what is said of a failure that has no class here: mostly a mistake of pyv's own.

    Args:
        error: the failure.
        python_path: the value of PYTHONPATH, which may have put another module in the place of one that pyv needs.
    """
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return PyvError(
            "this system lets pyv start no more processes or threads",
            hint="raise the limit, see: ulimit -u, or ulimit -v",
        )
    name = type(error).__name__
    if isinstance(error, MemoryError):
        hint = "end something else, or raise the limit, see: ulimit -v"
        return PyvError(f"there is not enough memory for pyv: {name}", hint=hint)
    hint = "please report it, with what PYV_DEBUG=1 shows"
    if python_path:
        hint = f"does it work without PYTHONPATH={python_path}? If not, {hint}"
    return PyvError(f"internal error: {name}: {error}", hint=hint)
