"""Environments for tests: a store with a Python of this machine in it, and what can be asked of an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pyv import envs
from pyv.layout import Layout
from pyv.registry import Registry
from pyv.store import Store
from tests.support.packs import other_pythons

RUNNING = ".".join(map(str, sys.version_info[:3]))
PYTHONS = {RUNNING: Path(sys.base_prefix), **other_pythons()}
every_python = pytest.mark.parametrize("version", [*other_pythons(), *({RUNNING} - set(other_pythons()))])
WITHOUT_PIP = envs.Options(pip=False)


class Made(NamedTuple):
    """A store that has an interpreter under its short name, and the interpreter as environments see it."""

    layout: Layout
    registry: Registry
    interpreter: envs.Interpreter


def make_store(version: str) -> Made:
    layout = Layout(os.environ, "/")
    layout.versions.mkdir(parents=True, exist_ok=True)
    if not layout.version(version).exists():
        layout.version(version).symlink_to(PYTHONS[version])
    store = Store(layout, pytest.fail)
    store.update_links()
    installed = store.get(version)
    assert installed is not None
    return Made(layout, Registry(layout), envs.of_store(store, installed))


def create(made: Made, target: Path, options: envs.Options = WITHOUT_PIP) -> Path:
    with envs.held(target, made.layout, made.registry, pytest.fail), envs.Site(target, made.registry) as site:
        envs.build(site.folder, target, made.interpreter, options, os.environ)
        site.commit()
    return target


def settings(venv: Path) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in (venv / "pyvenv.cfg").read_text().splitlines())


def says(python: Path, program: str, cwd: Path | None = None) -> str:
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, cwd=cwd)
    return done.stdout.strip()
