"""Runs the real command in a process of its own, and says what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

PYV = (sys.executable, "-m", "pyv")
# The seam of the command line: ends the process, or its whole group, when a step has been completed
_KILL = """
import os, signal, sys
from pyv.cli import run

def checkpoint(step):
    if step == sys.argv[1]:
        os.kill(os.getpid(), int(sys.argv[2]) if sys.argv[2].isdigit() else getattr(signal, sys.argv[2]))
        signal.pause()

sys.exit(run(sys.argv[3:], checkpoint=checkpoint))
"""
# Permissions do not hold for root: see capset(2); 0x20080522 is _LINUX_CAPABILITY_VERSION_3
WITHOUT_PRIVILEGES = """
import ctypes, os, sys
if os.geteuid() == 0:
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
"""
_UNPRIVILEGED = f"{WITHOUT_PRIVILEGES}\nfrom pyv.cli import run\nsys.exit(run(sys.argv[1:]))"


class Result(NamedTuple):
    """The exit status of a command and what it printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the document holds
        return json.loads(self.out)


def environment(**changes: str) -> dict[str, str]:
    """Return the isolated environment of the test with some variables changed."""
    return {**os.environ, **changes}


def pyv(*arguments: str | Path, cwd: str | Path | None = None, **changes: str) -> Result:
    """Run pyv to its end."""
    return _run([*PYV, *map(str, arguments)], cwd=cwd, **changes)


def pyv_without_privileges(*arguments: str | Path, **changes: str) -> Result:
    """Run pyv to its end as somebody for whom permissions hold, who owns what this user owns."""
    return _run([sys.executable, "-c", _UNPRIVILEGED, *map(str, arguments)], **changes)


def _run(words: list[str], cwd: str | Path | None = None, **changes: str) -> Result:
    done = subprocess.run(
        words,
        env=environment(**changes),
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert "PYV_DEBUG" in changes or "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def start(*arguments: str | Path, cwd: str | Path | None = None, **changes: str) -> subprocess.Popen[str]:
    """Start pyv, in a process group of its own, and return the running process."""
    return subprocess.Popen(
        [*PYV, *map(str, arguments)],
        env=environment(**changes),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def pyv_ended_at(step: str, signal_name: str, *arguments: str | Path, **changes: str) -> Result:
    """Run pyv, and send it a signal at a step."""
    done = subprocess.run(
        [sys.executable, "-c", _KILL, step, signal_name, *map(str, arguments)],
        env=environment(**changes),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def store() -> Path:
    """Return the store of the test."""
    return Path(os.environ["PYV_ROOT"])


def cache() -> Path:
    """Return the cache of the test."""
    return Path(os.environ["PYV_CACHE_DIR"])


def python_of(version: str) -> Path:
    """Return the interpreter of an installed version."""
    return store() / "versions" / version / "bin/python3"


def says(python: Path, program: str, **changes: str) -> str:
    """Run a Python program and return what it prints."""
    done = subprocess.run(
        [python, "-c", program], env=environment(**changes), capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def everything_in(folder: Path) -> set[str]:
    """Return every file and folder below a folder, relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
