"""Where everything lies: every path of the store, the cache and the settings, computed from a given environment.

Nothing here changes the file system. The names are a contract with shells, editors and other tools.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyv.versions import Version

RECEIPT = ".pyv/receipt.json"
MANIFEST = ".pyv/manifest.json"


def resources() -> Path:
    """Return the folder of the shell files: inside an installed pyv, and at the top level of a checkout."""
    package = Path(__file__).parent
    packed = package / "shell"
    return packed if packed.is_dir() else package.parents[1] / "shims"


class Layout:
    """All paths of one store and its cache.

    Args:
        env: the environment that says where: `PYV_ROOT`, `PYV_CACHE_DIR`, `PYV_SHARED`, `XDG_DATA_HOME`, `HOME`.
        cwd: what relative paths in it are relative to; empty if that was deleted.
        otherwise_shared: tells the shared stores where the environment does not, when they are asked for.

    Raises:
        UsageError: the store's path is relative to a folder that was deleted. So do the other paths when asked for.
    """

    __slots__ = ("_cwd", "_env", "_otherwise_shared", "root")

    def __init__(
        self, env: Mapping[str, str], cwd: str, otherwise_shared: Callable[[], tuple[Path, ...]] = tuple
    ) -> None:
        self._env = env
        self._cwd = cwd
        self._otherwise_shared = otherwise_shared
        self.root = self._absolute("PYV_ROOT", env["PYV_ROOT"]) if env.get("PYV_ROOT") else self._default_root()

    def _absolute(self, variable: str, path: str) -> Path:
        if not self._cwd and not os.path.isabs(path):  # taken from anywhere else, it would be another store
            raise UsageError(
                f"{variable}={path} is relative, and the current folder was deleted", hint="cd to another one"
            )
        return Path(os.path.normpath(os.path.join(self._cwd, path)))

    def _default_root(self) -> Path:
        # The XDG base directory specification: a relative value is invalid and ignored
        data = self._env.get("XDG_DATA_HOME", "")
        if os.path.isabs(data):
            return Path(data, "pyv")
        return self.home / ".local/share/pyv"

    @property
    def home(self) -> Path:
        """The user's home folder, from the user database where `HOME` is not set, as under cron or systemd."""
        home = self._env.get("HOME", "")
        if os.path.isabs(home):
            return Path(home)
        import pwd

        try:
            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:  # a container's user without an entry
            return Path("/")

    @property
    def versions(self) -> Path:
        """Installed interpreters and the short-name links to them."""
        return self.root / "versions"

    @property
    def shims(self) -> Path:
        """The folder for PATH."""
        return self.root / "shims"

    @property
    def hooks(self) -> Path:
        """The files that the rc lines of shells source."""
        return self.root / "hooks"

    @property
    def venvs(self) -> Path:
        """The registry of project environments."""
        return self.root / "venvs"

    @property
    def own_venvs(self) -> Path:
        """The registry of a user who cannot write to the store."""
        return self._default_root() / "venvs"

    @property
    def envs(self) -> Path:
        """Named environments."""
        return self.root / "envs"

    @property
    def global_pin(self) -> Path:
        """The file of the global pin."""
        return self.root / "version"

    @property
    def removed(self) -> Path:
        """The names of versions that were uninstalled, which nothing may bring back by itself."""
        return self.root / "removed"

    @property
    def held(self) -> Path:
        """The short names that are kept at one patch, by an upgrade that was undone or not finished."""
        return self.root / "held"

    @property
    def locks(self) -> Path:
        """Lock files, released by the kernel."""
        return self.root / "locks"

    @property
    def staging(self) -> Path:
        """Where things are made before one rename; on the same file system as `versions`."""
        return self.root / "tmp"

    def version(self, version: Version | str) -> Path:
        """The folder of a version, or of the link of that name."""
        return self.versions / str(version)

    @property
    def shared(self) -> tuple[Path, ...]:
        """The roots of other people's stores, nearest first. An empty variable says that there are none."""
        told = self._env.get("PYV_SHARED")
        if told is None:
            return self._otherwise_shared()
        return tuple(self._absolute("PYV_SHARED", part) for part in told.split(os.pathsep) if part)

    @property
    def cache(self) -> Path:
        """The folder that may be deleted at any time."""
        if self._env.get("PYV_CACHE_DIR"):
            return self._absolute("PYV_CACHE_DIR", self._env["PYV_CACHE_DIR"])
        from platformdirs import user_cache_path

        try:
            return user_cache_path("pyv")
        except RuntimeError:  # there is no home, and nobody who could tell one: a container's user without an entry
            return self.root / "cache"

    @property
    def archives(self) -> Path:
        """Verified downloads under their sha256, and the partial ones."""
        return self.cache / "archives"

    @property
    def catalogue(self) -> Path:
        """The refreshed index and its validators."""
        return self.cache / "catalogue"

    @property
    def settings(self) -> Path:
        """The user's settings file."""
        if self._env.get("XDG_CONFIG_HOME") and os.path.isabs(self._env["XDG_CONFIG_HOME"]):
            return Path(self._env["XDG_CONFIG_HOME"], "pyv", "config.toml")
        from platformdirs import user_config_path

        try:
            return user_config_path("pyv") / "config.toml"
        except RuntimeError:  # as above
            return self.root / "config.toml"
