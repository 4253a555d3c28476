"""The staged tree: reads and replaces files inside it, never through a link, and remembers what changed."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Tree:
    """An extracted interpreter that nobody else sees yet. Names in it are relative, with slashes.

    Args:
        root: its folder.
    """

    __slots__ = ("changed", "root")

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self.changed: set[str] = set()  # the names of what was written, made or removed so far

    def path(self, name: str) -> str:
        """Return the absolute path of an entry."""
        return os.path.join(self.root, name)

    def files(self, folder: str, pattern: str) -> list[str]:
        """Return the regular files of a folder whose whole name matches, sorted; links are not among them."""
        return [name for name, entry in self._entries(folder, pattern) if entry.is_file(follow_symlinks=False)]

    def folders(self, folder: str, pattern: str) -> list[str]:
        """Return the folders of a folder whose whole name matches, sorted; links are not among them."""
        return [name for name, entry in self._entries(folder, pattern) if entry.is_dir(follow_symlinks=False)]

    def links(self, folder: str, pattern: str) -> list[str]:
        """Return the links of a folder whose whole name matches and that lead to something, sorted."""
        return [name for name, entry in self._entries(folder, pattern) if entry.is_symlink() and self.exists(name)]

    def _entries(self, folder: str, pattern: str) -> list[tuple[str, os.DirEntry[str]]]:
        path = os.path.normpath(self.path(folder))
        # A link among the folders could lead out of the tree, and what is written there would hit somebody's files
        if os.path.realpath(path) != path:
            return []
        matches = re.compile(pattern).fullmatch
        try:
            with os.scandir(path) as entries:
                found = [(f"{folder}/{e.name}".lstrip("/"), e) for e in entries if matches(e.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=itemgetter(0))

    def exists(self, name: str) -> bool:
        """Tell whether something is there; a link must lead to something."""
        return os.path.exists(self.path(name))

    def read(self, name: str) -> bytes:
        """Return the content of a regular file."""
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Make a file anew with the permissions it had; other names of the old one keep their content.

        A file that has this content already stays. Bytecode that was compiled from the old one goes, for it may be of
        the kind that is never compared with its source.
        """
        path = self.path(name)
        mode = 0o644
        with suppress(FileNotFoundError):
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                if self.read(name) == data:
                    return
                mode = stat.S_IMODE(status.st_mode)
            os.unlink(path)
        with open(path, "xb") as file:
            file.write(data)
        os.chmod(path, mode)
        self.changed.add(name)
        folder, _, file_name = name.rpartition("/")
        if file_name.endswith(".py"):
            module = re.escape(file_name.removesuffix(".py"))
            for cached in self.files(f"{folder}/__pycache__", rf"{module}\.[^.]+(\.opt-\d)?\.pyc"):
                self.remove(cached)

    def remove(self, name: str) -> None:
        """Remove a file or a link; absent is fine."""
        with suppress(FileNotFoundError):
            os.unlink(self.path(name))
            self.changed.add(name)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link, in place of one that may stand there."""
        self.remove(name)
        os.symlink(target, self.path(name))
        self.changed.add(name)
