"""The folder of shims: brings its entries in line with the commands that there are.

Every entry appears, and is replaced, by a rename, so that a command that stays is there at every moment. All are links
to one file but for `pyv`, which is a file of its own: what is written into one of them reaches all, and it is pyv that
repairs them. At the end `pyv` and the folder get a time which tells that all was done: whoever finds it knows that no
entry came, went or was replaced since.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import disk, fsops
from pyv.shims import dispatcher
from pyv.shims.dispatcher import OWN, WITNESS, same_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# There only if the user asked for it, and no version's command: it stays as long as it is one of ours
_ON_REQUEST = "pyenv"
# What this module and `fsops.write_whole` leave when they are killed
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}", re.DOTALL)
_MODE = 0o755


class Folder:
    """The folder, during one rehash.

    Args:
        path: the folder, which exists.
        content: the dispatcher's.
        keep: whether the entry `pyv` is that already.
        stamp: the time that the dispatcher gets, in nanoseconds; 0 for any.

    Attributes:
        made: how many entries were made or replaced.
        removed: how many shims were removed.
    """

    def __init__(self, path: str, content: bytes, *, keep: bool, stamp: int) -> None:
        self._path = path
        self._content = content
        self._keep = keep
        self._stamp = stamp
        self._entries = {entry.name: entry for entry in os.scandir(path)}
        self._source = ""
        self._inode = -1
        self._inodes: set[int] = set()
        self._can_link = True
        self._has_copied = False
        self.made = 0
        self.removed = 0

    def fill(self, commands: Iterable[str], *, remove: bool = True) -> None:
        """Make a shim for each command, and remove those of ours that are none any more.

        Args:
            commands: their names.
            remove: whether they are all; if not, the shims that there are stay, too.

        Raises:
            FileNotFoundError: somebody else, without a lock, has cleaned up meanwhile.
            PermissionError: the time of the dispatcher, which is another user's, cannot be set; all else is done.
            OSError: the folder cannot be written.
        """
        wanted = set(commands)
        if not remove:
            wanted |= {name for name in self._entries if name != OWN and name[0] != "." and self._is_shim(name)}
        self._inodes = {self._entries[name].inode() for name in (OWN, *wanted) if name in self._entries}
        if _ON_REQUEST in self._entries and self._is_ours(self._entries[_ON_REQUEST]):
            wanted.add(_ON_REQUEST)
        if self._keep:
            self._find_source(wanted)
        if not self._source and wanted:
            with self._new_source():
                self._place_all(wanted)
        else:
            self._place_all(wanted)
            self._set_time(self._source)
        self._clean(wanted)
        if self._has_copied:
            # A copy that a loss of power leaves empty would be a command that does nothing and succeeds
            disk.sync(Path(self._path))
        own = os.path.join(self._path, OWN)
        if not self._keep:
            self._make_way(OWN)
            fsops.write_whole(Path(own), self._content, mode=_MODE)
            self.made += 1
        self._set_time(own)
        with suppress(PermissionError):  # the folder is another user's, and its time is not asked for
            self._set_time(self._path)

    def _find_source(self, wanted: Iterable[str]) -> None:
        """Find the file that the shims are links to: the first of them that is whole."""
        seen = set()
        for name in sorted(wanted, key=lambda name: (name != WITNESS, name)):
            entry = self._entries.get(name)
            # From the folder and not from a stat: on overlay file systems the two may number differently
            if entry is not None and entry.inode() not in seen:
                seen.add(entry.inode())
                found = dispatcher.read(entry.path)
                if found is not None and found.content == self._content and found.executable:
                    self._source, self._inode = entry.path, entry.inode()
                    return

    @contextmanager
    def _new_source(self) -> Iterator[None]:
        """Make a file for the shims to be links to; its own name is no command's, and goes again."""
        self._source = os.path.join(self._path, _temporary(OWN))
        fsops.write_whole(Path(self._source), self._content, mode=_MODE)
        self._set_time(self._source)
        try:
            yield
        finally:
            os.unlink(self._source)

    def _place_all(self, wanted: Iterable[str]) -> None:
        for name in wanted:
            entry = self._entries.get(name)
            if entry is None or entry.inode() != self._inode:
                self._place(name)

    def _place(self, name: str) -> None:
        """Make the shim of that name a link to the dispatcher or, where that cannot be, a copy."""
        path = os.path.join(self._path, name)
        if self._can_link:
            temporary = os.path.join(self._path, _temporary(OWN))
            try:
                os.link(self._source, temporary)
            except FileNotFoundError:
                raise
            except OSError:  # no links on this file system, no more links to this file, another user's file
                self._can_link = False
            else:
                self._make_way(name)
                os.replace(temporary, path)
                with suppress(FileNotFoundError):  # a rename between two names of one file leaves both
                    os.unlink(temporary)
                self.made += 1
                return
        if not self._is_copy(path):
            self._make_way(name)
            fsops.write_whole(Path(path), self._content, mode=_MODE, durable=False)
            self._set_time(path)
            self._has_copied = True
            self.made += 1

    def _is_copy(self, path: str) -> bool:
        found = dispatcher.read(path)
        if found is None or found.content != self._content or not found.executable:
            return False
        self._set_time(path)
        return True

    def _make_way(self, name: str) -> None:
        """Move a folder that is in the place of an entry: a file cannot replace it, and it is not ours to delete."""
        entry = self._entries.get(name)
        if entry is not None and entry.is_dir(follow_symlinks=False):
            try:
                os.rmdir(entry.path)
            except OSError:
                os.rename(entry.path, f"{entry.path}.replaced.{_unique()}")

    def _clean(self, wanted: set[str]) -> None:
        """Remove shims without a command, and what killed processes left. What is not ours stays."""
        for name, entry in self._entries.items():
            if name == OWN or name in wanted or entry.is_dir(follow_symlinks=False):
                continue
            if _TEMPORARY.fullmatch(name):
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
            elif not name.startswith(".") and self._is_ours(entry):
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
                    self.removed += 1

    def _is_shim(self, name: str) -> bool:
        entry = self._entries[name]
        return not entry.is_dir(follow_symlinks=False) and self._is_ours(entry)

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        """Tell whether an entry is or was the dispatcher; an empty file counts, for it holds nothing of anybody."""
        if entry.inode() in self._inodes:  # also when it was overwritten, and all its names with it
            return True
        status, content = dispatcher.look(entry.path)
        return status is not None and (not content or dispatcher.is_marked(content))

    def _set_time(self, path: str) -> None:
        if path and not same_time(os.stat(path).st_mtime_ns, self._stamp):
            os.utime(path, ns=(self._stamp, self._stamp))


def _temporary(name: str) -> str:
    return f".{name}.{_unique()}"


def _unique() -> str:
    return os.urandom(4).hex()
