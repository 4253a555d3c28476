"""What the tests of the recipes share: a plugin of pytest, for two files use it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.package_index import trouble
from tests.acceptance.recipes_support import TREE, User
from tests.acceptance.tools_support import make_world
from tests.support.packs import mirror_of
from tests.support.projects import program
from tests.support.server import Server
from tests.support.session import once, shared_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyv.pack import Packed


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for what all tests of a session share."""
    return shared_folder(tmp_path_factory, "recipes")


@pytest.fixture(scope="session")
def index(shared: Path) -> None:
    """Skip where there is no package index."""
    why_not = trouble(shared)
    if why_not:
        pytest.skip(f"no package index can be reached: {why_not}")


@pytest.fixture(scope="module")
def served(packed: Packed) -> Iterator[str]:
    """Serve the CPython that runs the tests."""
    with Server(mirror_of(packed)) as server:
        yield server.url()


@pytest.fixture
def user(isolated: Path, served: str, shared: Path) -> User:
    """Return somebody who has set pyv up."""
    made = User(isolated / "user", served, shared)
    made.set_up()
    return made


@pytest.fixture
def tools(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the commands of Pipenv and Poetry, each apart from all projects, as pipx installs them."""
    world = make_world(tmp_path_factory)
    for name in ("pipenv", "poetry"):
        program(tmp_path / name, f'#!/bin/sh\nexec "{world.tool(name)}/{name}" "$@"\n')
    return tmp_path


@pytest.fixture(scope="session")
def wheel(index: None, shared: Path) -> Path:
    """Return pyv as a wheel, for an index may have another one, or none."""
    _ = index
    with once(shared, "wheel") as first:
        if first:
            words: list[str | Path] = ["wheel", "--quiet", "--no-deps", "--wheel-dir", shared / "wheel", TREE]
            environment = {**os.environ, "PIP_CACHE_DIR": str(shared / "pip")}
            subprocess.run([sys.executable, "-m", "pip", *words], check=True, env=environment)
    return next((shared / "wheel").glob("pyv-*.whl"))
