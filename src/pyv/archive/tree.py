"""Writes members below a folder, and lets none of them out of it.

What stands under which name is known in memory, and symbolic links are made after everything else: while files are
written there is no link on the disk that could lead one of them astray.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Literal

from pyv.archive.model import Entry, RefusedError
from pyv.archive.rules import LinkCheck, check_target, clean_name

if TYPE_CHECKING:
    from pyv.archive.model import Limits, Member

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_FILE_BITS = 0o777 & ~(stat.S_IWGRP | stat.S_IWOTH)
_OTHERS_EXECUTE = stat.S_IXGRP | stat.S_IXOTH


class Tree:
    """What is being unpacked.

    Args:
        destination: an existing, empty folder.
        prefix: the archive's folder that becomes the destination; its first component may be a pattern.
        limits: how many members are accepted.
    """

    def __init__(self, destination: str, prefix: str, limits: Limits) -> None:
        self._prefix = prefix
        self._top = destination + "/"
        self._most = limits.members
        self._count = 0
        self._root = ""  # first component of all names, known from the first member on
        self._base = ""  # full name of what becomes the destination, with a slash
        self._kinds: dict[str, Literal["file", "dir", "link"]] = {}  # all that has been seen, by full name
        self._links: dict[str, str] = {}  # targets of symbolic links, by full name
        self._entries: dict[str, Entry] = {}  # what is written, by path
        self._exact: dict[int, bool] = {}  # whether a new file has the mode that was asked for, in spite of the umask

    def add(self, member: Member) -> None:
        """Check a member, and write it if it is below the prefix.

        Raises:
            RefusedError: it breaks a rule.
            OSError: it cannot be written.
        """
        kind = member.kind
        name = clean_name(member.name, folder=kind == "dir")
        if member.mode & _SPECIAL_BITS:
            raise RefusedError("a set-user-id, set-group-id or sticky bit", member.name)
        if not name:
            return
        self._count_one()
        parent = name.rpartition("/")[0]
        if self._kinds.get(parent) != "dir":
            self._prepare(name, parent, member)
        known = self._kinds.get(name)
        if known is not None and not (kind == "dir" and known == "dir"):
            raise RefusedError("it is in the archive twice", name)
        path = self._path(name)
        if kind == "file":
            self._kinds[name] = "file"
            if path:
                self._write(name, path, member)
        elif kind == "dir":
            self._add_folder(name, member.mode, member.mtime_ns)
        elif kind == "link":
            check_target(name, member.target)
            self._kinds[name] = "link"
            self._links[name] = member.target
            if path:
                self._entries[path] = Entry(path, "link", 0o777, 0, member.mtime_ns, "", member.target)
        else:
            self._add_hard_link(name, path, clean_name(member.target))

    def finish(self) -> list[Entry]:
        """Check and make the symbolic links, give folders their modes and times, and tell what there is, by path.

        Raises:
            RefusedError: a link escapes, or nothing is below the prefix.
            OSError: something cannot be written.
        """
        if not self._entries:
            raise RefusedError(f"it holds nothing below {self._prefix!r}")
        check = LinkCheck(self._links, self._kinds, root=self._root, base=self._base.removesuffix("/"))
        for name in self._links:
            check.follow(name)
        entries = [self._entries[path] for path in sorted(self._entries)]
        for path, kind, _, _, mtime_ns, _, target in entries:
            if kind == "link":
                try:
                    os.symlink(target, self._top + path)
                except FileExistsError:
                    raise self._ambiguous(self._base + path) from None
                os.utime(self._top + path, ns=(mtime_ns, mtime_ns), follow_symlinks=False)
        for path, kind, mode, _, mtime_ns, _, _ in entries:
            if kind == "dir":
                os.chmod(self._top + path, mode)
                os.utime(self._top + path, ns=(mtime_ns, mtime_ns))
        return entries

    def _path(self, name: str) -> str:
        return name[len(self._base) :] if name.startswith(self._base) else ""

    def _count_one(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise RefusedError(f"more than {self._most:,} members")

    @staticmethod
    def _ambiguous(name: str) -> RefusedError:
        return RefusedError("this file system takes its name for that of another member", name)

    def _prepare(self, name: str, parent: str, member: Member) -> None:
        """See to it that the parent is a folder below the one root."""
        root = name.partition("/")[0]
        if not self._root:
            pattern, _, below = self._prefix.partition("/")
            if not fnmatch.fnmatchcase(root, pattern):
                raise RefusedError(f"it is not below {pattern!r}", name)
            self._root = root
            self._base = f"{root}/{below}/" if below else f"{root}/"
        if root != self._root:
            raise RefusedError(f"it is not below {self._root!r}", name)
        if not parent:
            if member.kind != "dir":
                raise RefusedError("the root of the archive is no folder", name)
            return
        end = 0
        while end < len(parent):
            end = parent.find("/", end + 1)
            end = len(parent) if end < 0 else end
            known = self._kinds.get(parent[:end])
            if known is None:
                self._count_one()
                self._add_folder(parent[:end], 0o755, member.mtime_ns)
            elif known != "dir":
                raise RefusedError(f"it is below a {known}, {parent[:end]!r}", name)

    def _add_folder(self, name: str, mode: int, mtime_ns: int) -> None:
        path = self._path(name)
        if path:
            if name not in self._kinds:
                try:
                    os.mkdir(self._top + path, 0o700)
                except FileExistsError:
                    raise self._ambiguous(name) from None
            self._entries[path] = Entry(path, "dir", mode & _FILE_BITS | stat.S_IRWXU, 0, mtime_ns, "", "")
        self._kinds[name] = "dir"

    def _add_hard_link(self, name: str, path: str, target: str) -> None:
        if self._kinds.get(target) != "file":
            raise RefusedError(f"a hard link to what is no file before it, {target!r}", name)
        if path:
            original = self._entries.get(self._path(target))
            if original is None:
                raise RefusedError(f"a hard link to what is not unpacked, {target!r}", name)
            try:
                os.link(self._top + original.path, self._top + path)
            except FileExistsError:
                raise self._ambiguous(name) from None
            self._entries[path] = original._replace(path=path)
        self._kinds[name] = "file"

    def _write(self, name: str, path: str, member: Member) -> None:
        # An owner who may not read could not verify either; who may execute, if not the owner?
        mode = member.mode & _FILE_BITS | stat.S_IRUSR
        if not mode & stat.S_IXUSR:
            mode &= ~_OTHERS_EXECUTE
        mtime_ns = member.mtime_ns
        digest = hashlib.sha256()
        try:
            descriptor = os.open(self._top + path, _NEW_FILE, mode)
        except FileExistsError:
            raise self._ambiguous(name) from None
        try:
            for piece in member.body:
                digest.update(piece)
                written = os.write(descriptor, piece)
                while written < len(piece):
                    written += os.write(descriptor, piece[written:])
            if not self._exact.get(mode):
                # The umask is one of the process, and only setting it tells it. So ask the first file of each mode.
                self._exact[mode] = mode not in self._exact and stat.S_IMODE(os.fstat(descriptor).st_mode) == mode
                if not self._exact[mode]:
                    os.fchmod(descriptor, mode)
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        finally:
            os.close(descriptor)
        self._entries[path] = Entry(path, "file", mode, member.size, mtime_ns, digest.hexdigest(), "")
