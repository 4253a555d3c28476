"""Files of the user's, changed in place: whole at all times, with the mode, the owner and the links that they have."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from pyv import fsops

_NEW_FILE_MODE = 0o644


def read(path: Path) -> bytes | None:
    """Return the content of a file, or None if it does not exist.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    try:
        with fsops.open_regular(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def replace(path: Path, content: bytes) -> None:
    """Write a file in one step, keeping mode and owner; of a link, the file that it leads to.

    Raises:
        OSError: it cannot be written, or was made read-only.
    """
    target = Path(os.path.realpath(path))
    status: os.stat_result | None = None
    with suppress(FileNotFoundError):
        status = os.stat(target)
    # Replacing a file takes no permission for the file, but who made it read-only meant something
    if status is not None and not (status.st_mode & 0o222 and os.access(target, os.W_OK)):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if os.path.islink(path) and not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"it leads to {target}, whose folder does not exist")
    mode = stat.S_IMODE(status.st_mode) if status else _NEW_FILE_MODE
    fsops.write_whole(target, content, mode=mode)
    if status is not None and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(target, status.st_uid, status.st_gid)
