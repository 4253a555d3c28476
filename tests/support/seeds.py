"""Wheels and a package index for the tests of the seed: real ones from ensurepip, and small ones made here."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.cache import ArchiveCache
from pyv.fetch import Fetcher, Limits
from pyv.layout import Layout
from pyv.seed import Seed, Unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

PYTHON = (sys.version_info[0], sys.version_info[1])
INTERPRETER = Path(sys.executable)
NOW = 2_000_000_000.0
DAY = 86_400.0
# What venv gives an environment of this Python
PACKAGES = ("pip", "setuptools") if sys.version_info < (3, 12) else ("pip",)


def bundled(name: str = "pip") -> Path:
    """Return the wheel that this interpreter brings along, or skip the test."""
    found = sorted((Path(ensurepip.__file__).parent / "_bundled").glob(f"{name}-*.whl"))
    if not found:
        pytest.skip(f"this Python has no wheel of {name} in its ensurepip")
    return found[-1]


def small_wheel(folder: Path, version: str, *, name: str = "pip", extra: Mapping[str, str] | None = None) -> Path:
    """Make a wheel of a pip that only tells its version."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{name}/sub/__init__.py": "",
        f"{name}/sub/main.py": f"from {name} import __version__\n\ndef run():\n    print(__version__)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}.sub.main:run\n{name}3 = {name}.sub.main:run\n",
        **(extra or {}),
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in files) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 5, 6, 7, 8, 10)), text)
    return wheel


def renamed_wheel(wheel: Path, folder: Path, version: str) -> Path:
    """Make a wheel that differs from another only in its version."""
    name, old = wheel.name.split("-")[:2]
    new = folder / wheel.name.replace(f"{name}-{old}-", f"{name}-{version}-")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(new, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith((".dist-info/METADATA", ".dist-info/RECORD")):
                data = data.replace(f"\nVersion: {old}".encode(), f"\nVersion: {version}".encode())
                data = data.replace(f"{name}-{old}.dist-info".encode(), f"{name}-{version}.dist-info".encode())
            target.writestr(info.filename.replace(f"{name}-{old}.dist-info", f"{name}-{version}.dist-info"), data)
    return new


def sha256(file: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def offer(folder: Path, *wheels: Path, name: str = "pip", html: bool = False, **changes: object) -> None:
    """Write an index's page about a project; wheels lie below the folder. `changes` go into each file's entry."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    if html:
        lines = [
            f'<a href="../{os.path.relpath(wheel, folder)}#sha256={sha256(wheel)}" data-requires-python="&gt;=3.8">'
            f"{wheel.name}</a><br>\n"
            for wheel in wheels
        ]
        page = "<!DOCTYPE html><html><body>\n" + "".join(lines) + "</body></html>"
    else:
        files = [
            {
                "filename": wheel.name,
                "url": f"../{os.path.relpath(wheel, folder)}",
                "hashes": {"sha256": sha256(wheel)},
                "requires-python": ">=3.8",
                **changes,
            }
            for wheel in wheels
        ]
        page = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files})
    (folder / name / "index.html").write_text(page)


class Nursery:
    """A seed with a cache of its own, and what it said; to be closed, for it keeps connections.

    Attributes:
        interpreter: the Python that is prepared for.
        now: what its clock says.
        notes: the lines for the user.
    """

    def __init__(self, folder: Path, index: str | None = None, *, offline: bool = False, **env: str) -> None:
        self.interpreter = INTERPRETER
        self.now = NOW
        self.notes: list[str] = []
        self.env = {**os.environ, "PYV_CACHE_DIR": str(folder / "cache"), **env}
        self.layout = Layout(self.env, "/")
        short = Limits(connect=2, read=0.5, slow_time=0.5, tries=1, quick_tries=1)
        self._fetcher = Fetcher(self.env, limits=short, sleep=lambda _seconds: None)
        self.seed = Seed(
            self.layout,
            ArchiveCache(self.layout.archives, self.notes.append),
            lambda: self._fetcher,
            self.env,
            offline=offline,
            clock=lambda: self.now,
            notify=self.notes.append,
            index_url=index,
        )

    def close(self) -> None:
        """Close its connections, and remove what it made outside the cache."""
        self.seed.close()
        self._fetcher.close()

    @property
    def folder(self) -> Path:
        """Where the cache keeps seeds for this Python."""
        return self.layout.cache / "seed" / f"{PYTHON[0]}.{PYTHON[1]}"

    def prepare(self) -> Unpacked:
        """Prepare pip."""
        return self.seed.prepare(PYTHON, self.interpreter)[0]

    def version(self) -> str:
        """Prepare pip, and return its version."""
        return self.prepare().version

    def put(self, venv: Path, *packages: str, link_mode: str = "auto") -> Path:
        """Prepare packages and put them into an environment, made if need be; returns its site-packages."""
        site, commands = places(venv)
        unpacked = self.seed.prepare(PYTHON, self.interpreter, packages=packages or ("pip",))
        self.seed.install(unpacked, site, commands, str(commands / "python"), link_mode=link_mode)
        return site


def interpreter(folder: Path, *bundled_wheels: Path) -> Path:
    """Make an interpreter that brings along these wheels instead of its own."""
    for wheel in bundled_wheels:
        (folder / "bundled").mkdir(exist_ok=True)
        shutil.copy(wheel, folder / "bundled")
    python = folder / "python-with-wheels"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*) echo \'{folder}/bundled\'; exit;; esac\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    return python


def places(venv: Path) -> tuple[Path, Path]:
    """Return site-packages and bin of an environment without pip, made if need be."""
    if not venv.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    return venv / f"lib/python{PYTHON[0]}.{PYTHON[1]}/site-packages", venv / "bin"


def run(*command: str | Path, ok: bool = True, cwd: Path | None = None) -> str:
    """Run a command to its end, and return what it printed."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, check=False
    )
    assert not ok or done.returncode == 0, done.stdout + done.stderr
    return done.stdout
