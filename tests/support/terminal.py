"""Real shells on a terminal of their own: typed into, and asked what has become of their environment."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

# How each shell is started so that it reads the rc file that pyv would write to
_COMMANDS = {
    "bash": ["bash", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "-i"],
    "tcsh": ["tcsh"],
    "dash": ["dash", "-i"],
    "busybox": ["busybox", "sh", "-i"],
}
_RC = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc"}
_PATIENCE = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[()][0-9A-B]|\x1b[=>]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")


def need(shell: str) -> str:
    """Skip the test where there is no such shell."""
    program = _COMMANDS[shell][0]
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    return shell


def rc_file(shell: str) -> Path:
    """Return the file that a shell reads when it starts, in the home folder of the test."""
    return Path(os.environ["HOME"], _RC.get(shell, ".profile"))


class Terminal:
    """An interactive shell.

    Args:
        shell: which one.
        cwd: where it starts.
        program: its command line, where that is another one, as sh reads it.
        changes: variables of its environment; those with an empty value are absent.
    """

    def __init__(self, shell: str, cwd: Path, *, program: str = "", **changes: str) -> None:
        need(shell)
        self.shell = shell
        self._notes = Path(os.environ["HOME"], f"notes-{os.urandom(4).hex()}")
        self._notes.mkdir()
        self._count = 0
        # zsh would ask a newcomer questions, and only with TERM can fish and zsh move the cursor
        given = {**os.environ, "TERM": "xterm", "ENV": str(rc_file(shell)), **changes}
        if shell == "fish":
            # Else it would read all manual pages, for minutes and beyond its own end, in each new home
            given["FISH_UNIT_TESTS_RUNNING"] = "1"
        env = {name: value for name, value in given.items() if value}
        words = shlex.split(program) or _COMMANDS[shell]
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover - another process
            try:
                os.chdir(cwd)
                env["PWD"] = str(cwd)
                os.execvpe(words[0], words, env)  # noqa: S606 - the terminal is made by the fork before it
            finally:
                os._exit(127)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 300, 0, 0))
        self.screen = ""
        self.started = self.type("")

    def __enter__(self) -> Terminal:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def send(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Read the screen until something is so, and then until nothing more comes; fail if it does not get so."""
        deadline = time.monotonic() + _PATIENCE
        while not done():
            assert time.monotonic() < deadline, f"nothing happened:\n{self.screen}"
            self._read(0.05)
        self._read(0.5)

    def type(self, line: str) -> str:
        """Type a line, wait until the shell has done it and shown its next prompt, and return what came meanwhile."""
        start = len(self.screen)
        self._count += 1
        mark = self._notes / str(self._count)
        for each in (line, f"/usr/bin/touch '{mark}'"):
            if each:
                self.send(f"{each}\n")
        deadline = time.monotonic() + _PATIENCE
        while not mark.exists():
            assert time.monotonic() < deadline, f"{line!r} was not done:\n{self.screen}"
            self._read(0.02)
        self._read(0.02)
        return _ESCAPES.sub("", self.screen[start:])

    @property
    def raw(self) -> bool:
        """Whether each key goes to the program at once, as it is while one reads lines itself or hands keys on."""
        return not termios.tcgetattr(self._terminal)[3] & termios.ICANON

    def _read(self, patience: float) -> None:
        while select.select([self._terminal], [], [], patience)[0]:
            try:
                piece = os.read(self._terminal, 65536)
            except OSError as error:  # Linux answers EIO when the shell has ended
                raise AssertionError(f"the shell has ended:\n{self.screen}") from error
            if piece == b"":
                raise AssertionError(f"the shell has ended:\n{self.screen}")
            self.screen += piece.decode(errors="replace")
            patience = 0

    def environment(self) -> dict[str, str]:
        """Return the variables that a command started now finds."""
        file = self._notes / "environment"
        file.touch()  # some are forbidden to make files
        self.type(f"/usr/bin/env -0 >> '{file}'")
        content = file.read_bytes()
        file.unlink()
        pairs = (each.partition(b"=") for each in content.split(b"\0") if each)
        return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}

    def ask(self, expression: str) -> str:
        """Return what the shell makes of words, such as `"$PS1"`."""
        file = self._notes / "answer"
        file.touch()
        self.type(f"/usr/bin/printf %s {expression} >> '{file}'")
        content = file.read_text()
        file.unlink()
        return content

    @property
    def prompt(self) -> str:
        """What the shell shows before a command line; in bash and zsh before it is expanded."""
        return self.ask("(fish_prompt | string collect)" if self.shell == "fish" else '"$PS1"')

    @property
    def venv(self) -> str:
        """The active environment, if its commands are the first on PATH; else nothing."""
        found = self.environment()
        venv = found.get("VIRTUAL_ENV", "")
        first = found["PATH"].split(os.pathsep)[0]
        assert (first == f"{venv}/bin") == bool(venv), found
        return venv

    def path(self) -> list[str]:
        """Return the entries of PATH."""
        return self.environment()["PATH"].split(os.pathsep)
