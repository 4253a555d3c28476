"""Stores made to measure: versions whose programs only say who they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv.layout import Layout
from pyv.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, text: str = 'printf "%s\\n" "$0" "$@"') -> Path:
    """Make a program that prints its own path, and its arguments one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def make_version(root: Path, name: str, *commands: str, links: tuple[str, ...] = ()) -> Path:
    """Make a version with the usual commands and some more, and the short-name links to it."""
    folder = root / "versions" / name
    minor = ".".join(name.split(".")[:2]) + ("t" if name.endswith("t") else "")
    usual = ("python", "python3", f"python{minor}", "pip", "pip3", f"pip{minor}", f"pydoc{minor}", "idle3")
    for command in (*usual, *commands):
        program(folder / "bin" / command)
    for link in links:
        (root / "versions" / link).symlink_to(name)
    return folder


def make_environment(venv: Path, home: Path, *commands: str, pip: bool = False) -> Path:
    """Make an environment on an interpreter's folder of programs, unknown as yet."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(home / "python")
    (venv / "bin/python3").symlink_to("python")
    for command in (*commands, *(("pip",) if pip else ())):
        program(venv / "bin" / command)
    (venv / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    return venv


def know(root: Path, venv: Path) -> str:
    """Make an environment known to a store."""
    return Registry(Layout({"PYV_ROOT": os.fspath(root), "HOME": os.environ["HOME"]}, "/")).register(venv)
