"""The manifest of an installed version: every file with kind, mode, size and sha256, as it was at installation."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.errors import VerificationError
from pyv.layout import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SCHEMA = 1
_OWN_FOLDER = ".pyv"
_CHUNK = 1 << 20


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
        kind: `changed`, `missing` or `added`.
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
    return Entry("dir" if stat.S_ISDIR(status.st_mode) else "other", mode, 0, 0, "")


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
    contents: Manifest = {}
    pending = [""]
    while pending:
        start = pending.pop()
        with os.scandir(os.path.join(root, start)) as entries:
            for entry in entries:
                path = start + entry.name
                if path == _OWN_FOLDER:
                    continue
                contents[path] = described = describe(entry.path, entry.stat(follow_symlinks=False))
                if described.kind == "dir":
                    pending.append(path + "/")
    return contents


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
        raise VerificationError(
            f"{version.name} has no manifest: it was not installed by pyv",
            hint="only what pyv installed can be verified",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VerificationError(f"{path} cannot be read: {error}", hint=f"pyv install --force {version.name}") from None


def compare(version: Path, manifest: Manifest) -> list[Difference]:
    """Return everything in a version's folder that is not as its manifest says; every file is read and hashed.

    Bytecode that Python wrote beside a source file of the manifest is no difference: it comes and goes by itself.
    """
    found = []
    present = snapshot(version)
    for path, entry in manifest.items():
        now = present.get(path)
        if now is None:
            found.append(Difference(path, "missing", entry.kind))
        else:
            detail = _difference(entry, now)
            if detail:
                found.append(Difference(path, "changed", detail))
    sources = {os.path.splitext(path)[0] for path in manifest if path.endswith(".py")}
    found.extend(
        Difference(path, "added", "")
        for path in present
        if path not in manifest and not _is_bytecode(path, sources, manifest)
    )
    return sorted(found)


def _difference(entry: Entry, now: Entry) -> str:
    if entry.kind != now.kind:
        return f"{entry.kind} became {now.kind}"
    if entry.content != now.content:
        return "points elsewhere" if entry.kind == "link" else "content"
    if entry.mode != now.mode and entry.kind != "link":
        return f"mode {entry.mode:o} became {now.mode:o}"
    return ""


def _is_bytecode(path: str, sources: set[str], manifest: Manifest) -> bool:
    folder, _, name = path.rpartition("/")
    parent, _, cache = folder.rpartition("/")
    if name == "__pycache__":
        return folder in manifest
    return cache == "__pycache__" and name.endswith(".pyc") and f"{parent}/{name.split('.', 1)[0]}" in sources


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
