"""A store of small fakes, and projects with known and unknown environments, made without pyv."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

from pyv import init
from pyv.layout import Layout
from tests.support.command import environment, store

if TYPE_CHECKING:
    from pathlib import Path

# The real pyv, as a shell calls it
PYV_COMMAND = f"{sys.executable} -m pyv"
# Notes what it was asked, and answers `which` with the content of a file, where there is one. The real one puts its own
# dispatcher in this place, so it goes back there afterwards.
_PYV = """#!/bin/sh
printf '%s\\n' "$*" >> '{store}/calls'
if [ "$1" = which ] && [ -e '{store}/answer' ]; then exec cat '{store}/answer'; fi
'{python}' -m pyv "$@"
status=$?
cp -p '{store}/pyv' '{store}/pyv.new' && mv '{store}/pyv.new' '{store}/shims/pyv'
exit "$status"
"""


def make_store(*versions: str) -> Path:
    """Make a store with hook files, a `pyv` that notes its calls, and versions that only say their name."""
    root = store()
    for name in versions:
        program(root / "versions" / name / "bin/python", f"#!/bin/sh\necho {name}\n")
    content = _PYV.format(store=str(root).replace("'", "'\\''"), python=sys.executable)
    for path in (root / "pyv", root / "shims/pyv"):
        program(path, content)
    (root / "venvs").mkdir(exist_ok=True)
    init.write_hooks(layout())
    return root


def layout() -> Layout:
    """Return the layout of the test's store."""
    return Layout(os.environ, "/")


def set_up(shell: str, *, hook: bool = True) -> None:
    """Make a shell load the hook when it starts."""
    init.install(layout(), shell, os.environ, hook=hook)


def program(path: Path, content: str) -> Path:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def make_venv(path: Path, version: str = "", *, known: bool = True, prompt: str = "") -> Path:
    """Make what a shell takes for an environment, of an installed version if one is named."""
    identity = uuid.uuid4().hex
    (path / "bin").mkdir(parents=True)
    line = f"pyv = {identity}\n" if known else ""
    (path / "pyvenv.cfg").write_text(f"{line}home = /nowhere\n{f'prompt = {prompt}' if prompt else ''}\n")
    if version:
        (path / "bin/python").symlink_to(store() / "versions" / version / "bin/python")
    if known:
        trust(path, identity, store() / "venvs")
    return path


def trust(path: Path, identity: str, registry: Path) -> None:
    """Enter an environment into a registry."""
    registry.mkdir(parents=True, exist_ok=True)
    (registry / identity).symlink_to(path)
    (registry / f".{identity}").touch()
    changed = (path / "pyvenv.cfg").stat().st_mtime_ns
    os.utime(registry / f".{identity}", ns=(changed, changed))


def calls() -> list[str]:
    """Return what pyv was asked so far."""
    file = store() / "calls"
    return file.read_text().splitlines() if file.exists() else []


def make_real_venv(python: str, folder: Path) -> None:
    """Make a real environment, with the activation scripts that everybody has."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True, timeout=120)


def run(words: list[str], *, cwd: Path, **changes: str) -> str:
    """Run a program to its end, successfully, and return what it printed."""
    done = subprocess.run(
        words, cwd=cwd, env=environment(**changes), capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout
