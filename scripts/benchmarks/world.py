"""Where it is measured: a scratch folder, a clean environment, the pyv that is measured, and stores of small fakes."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmarks.process import Command, FailedError, output

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
# What leads to the package index and the network of this machine; all else could change what is measured
_KEPT = ("PIP_", "UV_INDEX", "UV_DEFAULT_INDEX", "SSL_CERT", "REQUESTS_CA", "LANG", "TMPDIR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PATH = "/usr/local/bin:/usr/bin:/bin"
# Of the fakes: what is pinned, exactly and for short
EXACT, SHORT = "3.12.7", "3.12"
_PROBE_FILES = 200


class World:
    """A scratch folder and what is in it.

    Args:
        scratch: the folder.
        pyv: the command to measure; made by `install_pyv` if empty.
    """

    def __init__(self, scratch: Path, pyv: str = "") -> None:
        self.scratch = scratch
        self.home = scratch / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self._runs = scratch / "runs"
        self._numbers = itertools.count(1)
        self.pyv = pyv
        self._program = ""

    def env(self, **more: str | Path) -> dict[str, str]:
        """Return a clean environment with some variables more."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_KEPT) or name.lower() in _PROXIES or name == "LC_ALL"
        }
        return {**kept, "PATH": PATH, "HOME": str(self.home), **{name: str(value) for name, value in more.items()}}

    def install_pyv(self) -> None:
        """Install pyv from this checkout as its users do, unless a command was given.

        Raises:
            FailedError: it cannot be installed.
        """
        if not self.pyv:
            folder = self.scratch / "pyv"
            shutil.rmtree(folder, ignore_errors=True)
            # With the home of the user, for pip's own configuration
            env = {**os.environ, "PYV_HOME": str(folder), "PYV_BIN": str(folder / "bin")}
            output(("sh", str(ROOT / "scripts/install.sh")), env, str(self.scratch))
            self.pyv = str(folder / "bin/pyv")

    def environment(self, folder: Path, *packages: str) -> Path:
        """Make an environment with packages from the index, and return the folder of its commands.

        Raises:
            FailedError: pip cannot install them.
        """
        # With the home of the user, for pip's own configuration; an inherited PYTHONDONTWRITEBYTECODE would count
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        output((sys.executable, "-I", "-m", "venv", str(folder)), env, str(self.scratch))
        quiet = ("--quiet", "--disable-pip-version-check", "--compile")
        output((str(folder / "bin/python"), "-m", "pip", "install", *quiet, *packages), env, str(self.scratch))
        return folder / "bin"

    # Folders

    def fresh(self) -> Path:
        """Return a new empty folder, on ext4 in a part of the disk of its own.

        There, a file beside thousands that were just deleted costs up to ten times as much as another.
        """
        if not self._runs.exists():
            self._runs.mkdir()
            if chattr := shutil.which("chattr"):
                subprocess.run([chattr, "+T", self._runs], stderr=subprocess.DEVNULL, check=False)
        folder = self._runs / f"{next(self._numbers)}-{time.time_ns()}"
        folder.mkdir()
        return folder

    def clear(self) -> None:
        """Remove all that was made in fresh folders."""
        shutil.rmtree(self._runs, ignore_errors=True)

    def file_cost(self) -> float:
        """Return what a new small file costs just now, in microseconds."""
        folder = self.fresh()
        started = time.perf_counter()
        for number in range(_PROBE_FILES):
            (folder / str(number)).write_bytes(b"x" * 1000)
        return (time.perf_counter() - started) / _PROBE_FILES * 1e6

    def deep(self, top: Path, below: int) -> Path:
        """Return a folder so many folders below another."""
        folder = top.joinpath(*("d" for _ in range(below)))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def project(self, pin: str) -> Path:
        """Return a folder with a pin of a project."""
        folder = Path(tempfile.mkdtemp(prefix="project-", dir=self.scratch))
        (folder / ".python-version").write_text(f"{pin}\n")
        return folder

    # Fakes

    @property
    def program(self) -> str:
        """A small program that does nothing, successfully: a static one if there is a compiler, else `true`."""
        if not self._program:
            self._program = str(self.scratch / "program")
            source = self.scratch / "program.c"
            source.write_text("int main(void) { return 0; }\n")
            try:
                output(("/usr/bin/cc", "-O2", "-static", "-o", self._program, str(source)), self.env(), "/")
            except FailedError:
                shutil.copy(shutil.which("true", path=PATH) or "/bin/true", self._program)
        return self._program

    def versions(self, folder: Path, count: int, commands: int) -> None:
        """Make so many versions of fakes in a folder, as pyenv and pyv have them; 3.12.7 among them, the newest 3.12.

        Args:
            folder: the versions' folder.
            count: how many versions.
            commands: how many commands 3.12.7 has, `program` among them.
        """
        for name in names(count):
            (folder / name / "bin").mkdir(parents=True)
            minor = name.rpartition(".")[0]
            for command in ("python", "python3", f"python{minor}", "pip", f"pip{minor}", "program"):
                os.link(self.program, folder / name / "bin" / command)
        for number in range(commands - 6):
            os.link(self.program, folder / EXACT / "bin" / f"command-{number}")

    def store(self, count: int, commands: int = 10, *, shell: str = "") -> Store:
        """Make a store of fakes, with its shims.

        Args:
            count: how many versions it has.
            commands: how many commands 3.12.7 has.
            shell: the sh of its shims; pyv's own choice if empty.

        Raises:
            FailedError: pyv cannot make the shims.
        """
        store = Store(self, Path(tempfile.mkdtemp(prefix=f"store-{count}-{commands}-", dir=self.scratch)))
        self.versions(store.root / "versions", count, commands)
        for name in names(count):  # oldest first, so that the newest stays
            for short in (name.rpartition(".")[0], "3"):
                link = store.root / "versions" / short
                link.unlink(missing_ok=True)
                link.symlink_to(name)
        store.pyv("rehash", *(("--shell", shell) if shell else ()))
        return store


class Store:
    """A store of pyv, and the commands in it."""

    def __init__(self, world: World, root: Path) -> None:
        self.world = world
        self.root = root

    def env(self, **more: str | Path) -> dict[str, str]:
        """Return the environment for it, with the shims on PATH."""
        path = f"{self.root}/shims:{PATH}"
        places = {"PYV_ROOT": self.root, "PYV_CACHE_DIR": self.world.scratch / "cache"}
        return self.world.env(**{"PATH": path, **places, **more})

    def command(self, *words: str, cwd: Path | None = None, **more: str | Path) -> Command:
        """Return a command line of pyv."""
        return Command((self.world.pyv, *words), self.env(**more), str(cwd or self.world.home))

    def shim(self, name: str, *words: str, cwd: Path) -> Command:
        """Return a call of a shim, in an environment that says nothing of pyv but PATH."""
        env = {"PATH": f"{self.root}/shims:/usr/bin:/bin", "HOME": str(self.world.home)}
        return Command((f"{self.root}/shims/{name}", *words), env, str(cwd))

    def pyv(self, *words: str, cwd: Path | None = None) -> str:
        """Run pyv to its end, unmeasured, and return what it prints.

        Raises:
            FailedError: it fails.
        """
        return output(*self.command(*words, cwd=cwd)[:3])

    def project(self) -> Path:
        """Return a pinned project with an environment that is trusted.

        Raises:
            FailedError: pyv does not trust it.
        """
        folder = self.world.project(SHORT)
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / ".venv/bin/python").symlink_to(self.root / "versions" / SHORT / "bin/python")
        (folder / ".venv/pyvenv.cfg").write_text(f"home = {self.root}/versions/{SHORT}/bin\n")
        self.pyv("trust", str(folder / ".venv"))
        return folder


def names(count: int) -> Sequence[str]:
    """Return the names of so many versions, oldest first; 3.12.7 is the newest of its minor version."""
    patches = [f"3.{minor}.{patch}" for minor in range(2, 30) for patch in range(8)]
    patches.remove(EXACT)
    # From the older ones, so that fewer are newer than it
    return sorted([*patches[: count - 1], EXACT], key=lambda name: [int(part) for part in name.split(".")])
