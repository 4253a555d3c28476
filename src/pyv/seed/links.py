"""Three ways to put a file of the cache into an environment, with its times: a clone, a hard link, a copy."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Files = Sequence[tuple[str, int, int, int]]

LINK_MODES = ("auto", "clone", "hardlink", "copy")
# What a system call says that this file system, or this pair of them, cannot do: EPERM for another user's file under
# protected_hardlinks (proc_sys_fs(5)), EMLINK for one that has as many names as it can have
_IMPOSSIBLE = frozenset(
    {
        errno.EXDEV,
        errno.EPERM,
        errno.EACCES,
        errno.EMLINK,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.ENOSYS,
        errno.ENOTTY,
        errno.EINVAL,
    }
)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409  # linux/fs.h, ioctl_ficlone(2)


def lay(source: str, target: str, files: Files, mode: str) -> str:
    """Make files below one folder appear below another, whose folders exist and do not have them.

    Args:
        source: the folder in the cache.
        target: the folder in the environment.
        files: path, mode, size and time of change in nanoseconds of each.
        mode: one of `LINK_MODES`. What turns out to be impossible is done in the next way of clone, hard link, copy.

    Returns:
        The way that the last file went.

    Raises:
        OSError: a file cannot be made in any way, is no longer there, or is there already.
    """
    ways = {"clone": _clone, "hardlink": _hard_link, "copy": _copy}
    way = ""
    for way in list(ways)[max(LINK_MODES.index(mode) - 1, 0) :]:
        done, error = ways[way](source + os.sep, target + os.sep, files)
        if error is None:
            break
        if error.errno not in _IMPOSSIBLE:
            raise error
        files = files[done:]
    return way


def _hard_link(source: str, target: str, files: Files) -> tuple[int, OSError | None]:
    """Link files until one fails; returns the number of those done, and why the next one was not."""
    link, done = os.link, 0
    try:
        for path, _, _, _ in files:
            link(source + path, target + path)
            done += 1
    except OSError as error:
        return done, error
    return done, None


def _clone(source: str, target: str, files: Files) -> tuple[int, OSError | None]:
    clone, done = (_clone_on_macos() if sys.platform == "darwin" else _clone_on_linux()), 0
    try:
        for path, mode, _, mtime_ns in files:
            clone(source + path, target + path, mode | 0o200)
            os.utime(target + path, ns=(mtime_ns, mtime_ns))
            done += 1
    except OSError as error:
        return done, error
    return done, None


def _clone_on_linux() -> Callable[[str, str, int], None]:
    from fcntl import ioctl

    def clone(old: str, new: str, mode: int) -> None:
        reading = os.open(old, os.O_RDONLY | os.O_CLOEXEC)
        try:
            writing = os.open(new, _NEW_FILE, mode)
            try:
                ioctl(writing, _FICLONE, reading)
            except OSError:
                os.unlink(new)
                raise
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    return clone


def _clone_on_macos() -> Callable[[str, str, int], None]:
    import ctypes

    function = ctypes.CDLL(None, use_errno=True).clonefile

    def clone(old: str, new: str, mode: int) -> None:
        if function(os.fsencode(old), os.fsencode(new), 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), new)
        os.chmod(new, mode)

    return clone


def _copy(source: str, target: str, files: Files) -> tuple[int, OSError | None]:
    for path, mode, size, mtime_ns in files:
        reading = os.open(source + path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = os.read(reading, size)
        finally:
            os.close(reading)
        write_new(target + path, content, mode | 0o200)
        os.utime(target + path, ns=(mtime_ns, mtime_ns))
    return len(files), None


def write_new(path: str, content: bytes, mode: int) -> None:
    """Write a small file that does not exist yet.

    Raises:
        OSError: it exists, or cannot be written.
    """
    writing = os.open(path, _NEW_FILE, mode)
    try:
        while content:
            content = content[os.write(writing, content) :]
    finally:
        os.close(writing)
