"""What runs docs/tools.md: its sections, the real tools in environments of their own, and a store of real CPythons."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.acceptance import package_index, pages
from tests.acceptance.package_index import ACCOUNT, SETTINGS, configuration
from tests.support.command import pyv
from tests.support.packs import other_pythons, pack_all, session_pack
from tests.support.session import once, shared_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.pack import Packed

PAGE = Path(__file__).resolve().parents[2] / "docs/tools.md"
# What the page is written for: the version that it pins, and two others
PINNED, OTHER, THIRD = "3.12", "3.11", "3.13"
# A program for any Python that tells which interpreter runs it
PROBE = "import os, sys; print(os.path.realpath(sys.base_prefix), '%d.%d.%d' % sys.version_info[:3])"
_RUNNING = ".".join(map(str, sys.version_info[:3]))
# Below that, not every tool makes environments any more
_OLDEST = (3, 9)
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or ACCOUNT / ".cache")
_SECONDS = 300


@functools.cache
def sections() -> Mapping[str, tuple[pages.Block, ...]]:
    """Return the blocks of each section of the page."""
    return pages.read(PAGE)


class World(NamedTuple):
    """A store that all tests share, with up to three real CPythons in it.

    Attributes:
        shared: a folder for all tests of the session.
        root: the store.
        names: the installed version for each that the page writes about. Where there are not three, some are the same.
        archive: that of the Python that the tests run on.
    """

    shared: Path
    root: Path
    names: Mapping[str, str]
    archive: Path

    @property
    def tools_python(self) -> Path:
        """The interpreter that the tools run on."""
        return self.root / "versions" / minor(_RUNNING) / "bin/python3"

    def need_three(self) -> None:
        """Skip the test where there are not three CPythons of different minor versions."""
        if len(set(self.names.values())) < len(self.names):
            pytest.skip("needs pyenv with CPythons of two other minor versions, 3.9 or newer, on this machine")

    def need_index(self) -> None:
        """Skip the test where no package index can be reached."""
        trouble = package_index.trouble(self.shared)
        if trouble:
            pytest.skip(f"no package index can be reached: {trouble}")

    def adapted(self, text: str) -> str:
        """Return a text with versions that there are in place of those of the page."""
        text = re.sub(r"py31([123])\b", lambda found: f"py{self._minor(f'3.1{found[1]}').replace('.', '')}", text)
        return re.sub(r"3\.1[123](?!\d)", lambda found: self._minor(found[0]), text)

    def _minor(self, version: str) -> str:
        return minor(self.names[version])

    def told(self, version: str, root: Path | None = None) -> str:
        """Return what `PROBE` prints in an interpreter of the store that stands for a version of the page."""
        name = self.names[version]
        return f"{os.path.realpath((root or self.root) / 'versions' / name)} {name}"

    def tool(self, package: str) -> Path:
        """Return the folder of commands of a tool, installed by the first test of the session that needs it.

        It gets an environment of its own, on a Python of the store. The test is skipped if it cannot be installed.
        """
        place = self.shared / "tools" / package
        with once(self.shared, package) as first:
            if first:
                subprocess.run([self.tools_python, "-m", "venv", "--without-pip", place], check=True, timeout=_SECONDS)
                words: list[str | Path] = [
                    "--python",
                    place / "bin/python",
                    "install",
                    "--quiet",
                    "--no-compile",
                    package,
                ]
                (place / "trouble").write_text(package_index.trouble(self.shared) or package_index.pip(*words))
        trouble = (place / "trouble").read_text()
        if trouble:
            pytest.skip(f"{package} cannot be installed here: {trouble}")
        return place / "bin"


def minor(version: str) -> str:
    """Return the minor version of a version."""
    return ".".join(version.split(".")[:2])


def make_world(factory: pytest.TempPathFactory) -> World:
    """Return the store for this session, made by the first worker that asks."""
    folder = shared_folder(factory, "acceptance-tools")
    packed = session_pack(factory)
    answer = folder / "names"
    with once(folder, "store") as first:
        if first:
            names = _fill(folder, packed)
            answer.write_text(json.dumps(names))
    return World(folder, folder / "store", json.loads(answer.read_text()), packed.archive)


def _fill(folder: Path, packed: Packed) -> dict[str, str]:
    """Install the CPythons, and return which of them stands for which version of the page."""
    newest = {}
    for name, prefix in other_pythons().items():
        number = tuple(map(int, minor(name).split("."))) if name[-1].isdigit() else ()
        if number >= _OLDEST and minor(name) != minor(_RUNNING):
            newest[minor(name)] = prefix
    others = list(newest.values())[-2:]
    for each in [packed, *pack_all(folder / "mirror", others)]:
        words = ("install", str(each.archive), "--sha256", each.sha256)
        done = pyv(*words, PYV_ROOT=str(folder / "store"), PYV_CACHE_DIR=str(folder / "cache"))
        assert done.status == 0, done.err
    # The tools run on the Python that the tests run on, and projects pin another one
    names = [packed.version, *(prefix.name for prefix in others)]
    return {OTHER: names[0], PINNED: names[min(1, len(others))], THIRD: names[len(others)]}


class Project:
    """A user's project, and a shell in it whose PATH begins with the shims.

    Attributes:
        world: the store.
        home: the user's home.
        folder: the project, pinned as the page says.
        env: the environment of the shell.
    """

    def __init__(self, world: World, folder: Path, *tools: Path, root: Path | None = None) -> None:
        self.world = world
        self.home = folder / "home"
        self.folder = folder / "my project"
        self.root = root or world.root
        self.home.mkdir()
        self.folder.mkdir()
        self.env = {
            **SETTINGS,
            "HOME": str(self.home),
            "PATH": ":".join(map(str, [self.root / "shims", *tools, "/usr/local/bin", "/usr/bin", "/bin"])),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": "200",
            "PIP_CACHE_DIR": SETTINGS.get("PIP_CACHE_DIR", str(_CACHE / "pip")),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PDM_CHECK_UPDATE": "0",
            "PYV_CACHE_DIR": str(world.shared / "cache"),
            "PROBE": PROBE,
            **configuration(),
        }
        (self.folder / ".python-version").write_text(world.adapted(f"{PINNED}\n"))

    def run(self, text: str, **changes: str) -> str:
        """Have a shell do something in the project, stop where something fails, and return what it printed."""
        done = subprocess.run(
            ["sh", "-eu", "-c", text],
            cwd=self.folder,
            env={**self.env, **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def follow(self, title: str) -> str:
        """Do what a section of the page says: write its files and run its commands, in their order."""
        lines = []
        for each in sections()[title]:
            text = self.world.adapted(each.text)
            if each.file:
                lines.append(f"cat > '{each.file}' <<'END-OF-FILE'\n{text}END-OF-FILE\n")
            elif each.language == "sh":
                lines.append(text)
        assert lines, f"{title} has no commands"
        return self.run("".join(lines))

    def probe(self, python: str | Path) -> str:
        """Return what an interpreter says of itself; a name is looked up on PATH."""
        return self.run('"$WHICH" -c "$PROBE"', WHICH=str(python)).strip()

    def only(self, pattern: str) -> Path:
        """Return the one file in the user's home that a pattern means."""
        found = list(self.home.glob(pattern))
        assert len(found) == 1, f"{pattern}: {found}"
        return found[0]
