"""What pyv is compared with: found on this machine, or installed from the package index into the scratch folder."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmarks.process import Command, FailedError, output
from scripts.benchmarks.world import EXACT, PATH, World

if TYPE_CHECKING:
    from collections.abc import Callable

_FROM_THE_INDEX = ("uv", "virtualenv")


class Peers:
    """The peers that there are. What is missing is told to `skip` by name, once.

    Args:
        world: where it is measured.
        skip: takes the name of what is missing, and the reason.

    Attributes:
        known: the paths of those that were asked for and found.
    """

    def __init__(self, world: World, skip: Callable[[str, str], None]) -> None:
        self._world = world
        self._skip = skip
        self._installed: Path | None = None
        self._failed = ""
        self._missing: set[str] = set()
        self.known: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the path of a peer's command; empty where it cannot be had."""
        account = Path(pwd.getpwuid(os.getuid()).pw_dir)
        places = [os.environ.get("PATH", ""), str(account / ".local/bin"), str(account / ".cargo/bin")]
        if name == "pyenv":
            places += [os.path.join(os.environ.get("PYENV_ROOT") or account / ".pyenv", "bin")]
        # Not a shim: the version that it stands for need not be there in a clean environment
        parts = [part for part in os.pathsep.join(places).split(os.pathsep) if not part.endswith("/shims")]
        found = shutil.which(name, path=os.pathsep.join(parts))
        if not found and name in _FROM_THE_INDEX:
            found = self._from_the_index(name)
        if not found and name not in self._missing:
            self._missing.add(name)
            reason = self._failed or "its installation is not whole"
            self._skip(name, reason if name in _FROM_THE_INDEX else "it is not installed here")
        if found:
            self.known[name] = found
        return found or ""

    def _from_the_index(self, name: str) -> str:
        if self._installed is None and not self._failed:
            folder = self._world.scratch / "peers"
            try:
                known = folder.exists()  # a scratch folder that was kept
                self._installed = folder / "bin" if known else self._world.environment(folder, *_FROM_THE_INDEX)
            except FailedError as error:
                self._failed = f"pip could not install it: {error}"
        return shutil.which(name, path=str(self._installed)) or ""

    def pyenv(self, count: int, commands: int = 10) -> Pyenv | None:
        """Return a pyenv with so many versions, as `World.store` has them; None where there is no pyenv."""
        command = self.find("pyenv")
        try:
            return Pyenv(self._world, command, count, commands) if command else None
        except FailedError as error:
            self._skip("pyenv", str(error))
            return None

    def mise(self, below: int = 0) -> Command | None:
        """Return a call of mise's shim of `program`, so many folders below its pin; None where there is no mise."""
        command = self.find("mise")
        if not command:
            return None
        data = self._world.fresh()
        self._world.versions(data / "installs/python", 1, 10)
        folders = {"MISE_DATA_DIR": data, "MISE_CONFIG_DIR": data / "config", "MISE_CACHE_DIR": data / "cache"}
        env = self._world.env(**folders, MISE_STATE_DIR=data / "state", PATH=f"{data}/shims:{PATH}")
        try:
            output((command, "reshim"), env, str(self._world.home))
        except FailedError as error:
            self._skip("mise", str(error))
            return None
        project = self._world.fresh()
        (project / ".tool-versions").write_text(f"python {EXACT}\n")
        return Command((f"{data}/shims/program",), env, str(self._world.deep(project, below)))


class Pyenv:
    """A root of pyenv with fake versions and their shims.

    Raises:
        FailedError: it cannot make the shims.
    """

    def __init__(self, world: World, command: str, count: int, commands: int) -> None:
        self.path = command
        self.root = world.scratch / f"pyenv-{count}-{commands}"
        self._home = str(world.home)
        libexec = os.path.dirname(os.path.realpath(command))
        self.env = world.env(PYENV_ROOT=self.root, PATH=f"{self.root}/shims:{libexec}:{PATH}")
        if not self.root.exists():
            world.versions(self.root / "versions", count, commands)
            try:
                output((command, "rehash"), self.env, self._home)
            except FailedError:
                shutil.rmtree(self.root)  # or the next one would take it for whole
                raise

    def command(self, *words: str, cwd: Path) -> Command:
        """Return a command line of pyenv."""
        return Command((self.path, *words), self.env, str(cwd))

    def shim(self, cwd: Path) -> Command:
        """Return a call of a shim."""
        return Command((f"{self.root}/shims/program",), self.env, str(cwd))


def direct(world: World, versions: Path, cwd: Path) -> Command:
    """Return a call of the program of 3.12.7 itself."""
    return Command((str(versions / EXACT / "bin/program"),), {"PATH": PATH, "HOME": str(world.home)}, str(cwd))
