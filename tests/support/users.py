"""Other users of this machine: commands run as somebody who owns nothing, and is known to no user database."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pyv
from tests.support.command import Result

# What somebody who works at a terminal has; nothing that would spare a Python the writing of bytecode
_PATH = "/usr/local/bin:/usr/bin:/bin"


class User(NamedTuple):
    """Somebody.

    Attributes:
        number: the user id, or None for whoever runs the tests.
        home: the home folder.
        pyv: the command line of pyv, on an interpreter that this user can start.
        variables: of the environment, besides the usual ones.
    """

    number: int | None
    home: Path
    pyv: tuple[str, ...]
    variables: dict[str, str]

    @property
    def store(self) -> Path:
        return self.home / ".local/share/pyv"

    def environment(self, **changes: str) -> dict[str, str]:
        path = f"{self.store}/shims:{_PATH}"
        return {"HOME": str(self.home), "PATH": path, "PYV_CACHE_DIR": f"{self.home}/c", **self.variables, **changes}

    def start(self, *command: str | Path, cwd: Path | None = None, **changes: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command],
            env=self.environment(**changes),
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=self.number,
            group=self.number,
            extra_groups=None if self.number is None else [],
        )

    def run(self, *command: str | Path, cwd: Path | None = None, **changes: str) -> Result:
        process = self.start(*command, cwd=cwd, **changes)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        return Result(process.returncode, out, err)

    def types(self, *arguments: str | Path, cwd: Path | None = None, **changes: str) -> Result:
        """Run pyv."""
        return self.run(*self.pyv, *arguments, cwd=cwd, **changes)


def make_user(number: int | None, folder: Path, tool: tuple[str, ...], **variables: str) -> User:
    """Make a home folder for a user, and nothing else."""
    home = folder / f"home-{number}"
    home.mkdir()
    if number is not None:
        os.chown(home, number, number)
    return User(number, home, tool, variables)


def make_tool(python: Path, folder: Path) -> tuple[str, ...]:
    """Return the command line of pyv in an environment of its own, as an administrator installs it for everybody.

    Args:
        python: an interpreter that everybody can start, of the minor version of the one that runs the tests.
        folder: where to put the environment.
    """
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "everything.pth").write_text(f"{Path(pyv.__file__).parents[1]}\n{sysconfig.get_path('purelib')}\n")
    return (str(folder / "bin/python"), "-m", "pyv")
