"""The manifest of an installed version: every file with kind, mode, size and sha256, as it was at installation."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.errors import VerificationError, user_name
from pyv.layout import MANIFEST, RECEIPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_SCHEMA = 1
_OWN_FOLDER = ".pyv"
_CHUNK = 1 << 20
_PACKAGES = re.compile(r"lib/[^/]+/site-packages/")
_DISTRIBUTION = re.compile(r"lib/[^/]+/site-packages/[^/]+\.dist-info")
_RECORD = re.compile(r"lib/[^/]+/site-packages/[^/]+\.dist-info/RECORD")
# Commands of what comes with an interpreter; once that was removed, nothing names them any more
_SEED_SCRIPT = re.compile(r"bin/(?:pip|easy_install|wheel)[^/]*")


class Entry(NamedTuple):
    """What one path of a version was.

    Attributes:
        kind: `file`, `dir` or `link`.
        mode: permission bits.
        size: bytes of a file, else 0.
        mtime_ns: when a file was last changed, in nanoseconds.
        content: a file's sha256, a link's target, else empty.
    """

    kind: str
    mode: int
    size: int
    mtime_ns: int
    content: str


class Difference(NamedTuple):
    """One path that is not what the manifest says.

    Attributes:
        path: relative to the version's folder.
        kind: `changed`, `missing`, `added`, or `owner` if it belongs to another one than the version.
        detail: what is different about it, in a few words.
    """

    path: str
    kind: str
    detail: str


Manifest = dict[str, Entry]


def describe(path: str, status: os.stat_result) -> Entry:
    """Return what stands at a path, whose status is known; a file is read and hashed."""
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode):
        return Entry("file", mode, status.st_size, status.st_mtime_ns, _sha256(path, status.st_size))
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", 0o777, 0, 0, os.readlink(path))
    return Entry(_kind(status.st_mode), mode, 0, 0, "")


def refresh(contents: Manifest, root: Path, paths: Iterable[str]) -> None:
    """Describe some paths below a folder anew, after they were written, made or removed."""
    for path in paths:
        full = os.path.join(root, path)
        try:
            contents[path] = describe(full, os.lstat(full))
        except FileNotFoundError:
            contents.pop(path, None)


def snapshot(root: Path) -> Manifest:
    """Describe everything below a folder, as it is now, but for pyv's own folder at its top."""
    present, closed = _scan(root)
    if closed:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.path.join(root, closed[0]))
    return {path: describe(os.path.join(root, path), status) for path, status in present.items()}


def _scan(root: Path) -> tuple[dict[str, os.stat_result], list[str]]:
    """Return the status of everything below a folder, and the folders among it that cannot be looked into."""
    present: dict[str, os.stat_result] = {}
    closed = []
    pending = [""]
    while pending:
        start = pending.pop()
        try:
            with os.scandir(os.path.join(root, start)) as entries:
                for entry in entries:
                    path = start + entry.name
                    if path != _OWN_FOLDER:
                        present[path] = entry.stat(follow_symlinks=False)
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(path + "/")
        except PermissionError:
            if not start:
                raise
            closed.append(start)
    return present, closed


def dump(manifest: Manifest) -> bytes:
    """Return the manifest as it is stored."""
    return json.dumps({"schema": _SCHEMA, "entries": manifest}, separators=(",", ":")).encode()


def load(version: Path) -> Manifest:
    """Read the manifest of an installed version.

    Raises:
        VerificationError: there is none, or it cannot be understood.
    """
    path = version / MANIFEST
    try:
        with fsops.open_regular(path) as file:
            content = json.load(file)
        if content["schema"] != _SCHEMA:
            raise VerificationError(f"{path} was written by a newer pyv", hint="upgrade pyv")
        return {name: Entry(*fields) for name, fields in content["entries"].items()}
    except FileNotFoundError:
        if os.path.lexists(version / RECEIPT):
            raise VerificationError(f"{path} is gone", hint=f"pyv repair {version.name}") from None
        raise VerificationError(
            f"{version.name} has no manifest: it was not installed by pyv",
            hint="only what pyv installed can be verified",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VerificationError(f"{path} cannot be read: {error}", hint=f"pyv repair {version.name}") from None


def compare(version: Path, manifest: Manifest, *, full: bool = True, open_to_pip: bool = False) -> list[Difference]:
    """Return everything in a version's folder that is not as its manifest says.

    Bytecode that Python wrote beside a source file of the manifest is no difference: it comes and goes by itself.

    Args:
        version: the folder.
        manifest: what should be there.
        full: whether to read and hash every file, and not only those whose size is right and whose time is not.
        open_to_pip: whether pip may install into it. What pip added, replaced or removed is then no difference.

    Raises:
        OSError: the folder cannot be read.
    """
    found = []
    present, closed = _scan(version)
    for path, entry in manifest.items():
        status = present.get(path)
        if status is not None:
            detail = _difference(entry, os.path.join(version, path), status, full=full)
            if not detail and f"{path}/" in closed:
                detail = "cannot be read"
            if detail:
                found.append(Difference(path, "changed", detail))
        elif not any(path.startswith(folder) for folder in closed):
            found.append(Difference(path, "missing", entry.kind))
    found.extend(
        Difference(path, "added", "")
        for path in present
        if path not in manifest and not (_is_bytecode(path, manifest) and _fits(path, present[path]))
    )
    mode = os.stat(version).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        found.append(Difference(".", "changed", f"mode {stat.S_IMODE(mode):o}: everybody can write to it"))
    found = _not_by_pip(found, version, manifest, present) if open_to_pip and found else found
    return sorted([*found, *_of_others(version, present)])


def _of_others(version: Path, present: Mapping[str, os.stat_result]) -> list[Difference]:
    """Return what belongs to somebody who is neither the version's owner nor root, and can change it at any time."""
    trusted = (os.stat(version).st_uid, 0)
    own = {
        path: os.lstat(version / path) for path in (_OWN_FOLDER, MANIFEST, RECEIPT) if os.path.lexists(version / path)
    }
    return [
        Difference(path, "owner", f"belongs to {user_name(status.st_uid)}")
        for path, status in (*own.items(), *present.items())
        if status.st_uid not in trusted
    ]


def stray_bytecode(version: Path, manifest: Manifest) -> list[str]:
    """Return the bytecode files of a version that Python wrote by itself, which nothing vouches for."""
    present, _ = _scan(version)
    return [
        path
        for path in present
        if path not in manifest and path.endswith(".pyc") and _is_bytecode(path, manifest)
        # Else it lies beyond a link, and is not this version's
        if os.path.realpath(os.path.join(version, path)).startswith(os.path.realpath(version) + os.sep)
    ]


def _difference(entry: Entry, path: str, status: os.stat_result, *, full: bool) -> str:
    """Return what is different at a path, in words; it is read only if nothing cheaper tells."""
    kind = _kind(status.st_mode)
    if entry.kind != kind:
        return f"{entry.kind} became {kind}"
    if kind == "link":
        return "" if os.readlink(path) == entry.content else "points elsewhere"
    found = []
    if kind == "file":
        try:
            if status.st_size != entry.size or (
                (full or status.st_mtime_ns != entry.mtime_ns) and _sha256(path, status.st_size) != entry.content
            ):
                found.append("content")
        except PermissionError:
            found.append("cannot be read")
    mode = stat.S_IMODE(status.st_mode)
    if entry.mode != mode:
        found.append(f"mode {entry.mode:o} became {mode:o}")
    return ", ".join(found)


def _not_by_pip(
    found: list[Difference], version: Path, manifest: Manifest, present: Mapping[str, object]
) -> list[Difference]:
    """Return those differences that pip has not made.

    Whatever was added to site-packages is pip's, and elsewhere what a distribution there names as its own. What was
    changed or is missing is pip's only if it has replaced or removed a distribution that came with the interpreter.
    """
    replaced = any(_DISTRIBUTION.fullmatch(path) and path not in present for path in manifest)
    named: set[str] = set()
    for path in present:
        if _RECORD.fullmatch(path):
            named.update(_recorded(version, path))
    folders = {folder for path in named for folder in _parents(path)}

    def is_pips(each: Difference) -> bool:
        inside = bool(_PACKAGES.match(each.path))
        if each.kind == "added":
            return inside or each.path in named or each.path in folders
        return replaced and (inside or each.path in named or bool(_SEED_SCRIPT.fullmatch(each.path)))

    return [each for each in found if not is_pips(each)]


def _recorded(version: Path, record: str) -> set[str]:
    """Return the files that a distribution's RECORD names, relative to the version's folder."""
    import csv

    packages = record.rsplit("/", 2)[0]
    try:
        with fsops.open_regular(version / record) as file:
            rows = list(csv.reader(file.read().decode("utf-8", "replace").splitlines()))
    except (OSError, csv.Error):
        return set()
    return {os.path.normpath(os.path.join(packages, row[0])) for row in rows if row}


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "link"
    return "dir" if stat.S_ISDIR(mode) else "other"


def source_of(path: str) -> str:
    """Return the source file that a path is the bytecode of; nothing if it is no bytecode's."""
    folder, _, name = path.rpartition("/")
    parent, _, cache = folder.rpartition("/")
    return f"{parent}/{name.split('.', 1)[0]}.py" if cache == "__pycache__" and name.endswith(".pyc") else ""


def _is_bytecode(path: str, manifest: Manifest) -> bool:
    folder, _, name = path.rpartition("/")
    return folder in manifest if name == "__pycache__" else bool(source_of(path)) and source_of(path) in manifest


def _fits(path: str, status: os.stat_result) -> bool:
    """Tell whether something has the kind that Python gives it: a folder for bytecode, or a file in it."""
    return stat.S_ISREG(status.st_mode) if path.endswith(".pyc") else stat.S_ISDIR(status.st_mode)


def _sha256(path: str, size: int) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Most files are small, and one call reads them: no buffer is made for it, and the end not asked for
        digest = hashlib.sha256()
        while size > 0 and (chunk := os.read(descriptor, min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
        return digest.hexdigest()
    finally:
        os.close(descriptor)
