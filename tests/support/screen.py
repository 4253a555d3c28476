"""What a person sees: commands run to their end on a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

from tests.support.command import PYV, environment

if TYPE_CHECKING:
    from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def shown(*arguments: str | Path, columns: int = 80, cwd: Path | None = None, **changes: str) -> str:
    """Run pyv with standard output and error on a terminal, and return all that was written to it, as it came."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [*PYV, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env=environment(TERM="xterm", **changes) if "TERM" not in changes else environment(**changes),
        cwd=cwd,
    ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # Linux answers EIO when the other end is closed
                break
            if not piece:
                break
            written += piece
        os.close(leader)
        process.wait(60)
    return written.decode(errors="replace").replace("\r\n", "\n")
