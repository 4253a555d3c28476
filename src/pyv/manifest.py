"""The manifest of an installed version: every file with kind, mode, size and sha256, as it was at installation."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import VerificationError
from pyv.layout import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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


def describe(root: Path, path: str) -> Entry | None:
    """Return what stands at a path below a folder, or None if nothing does."""
    full = os.path.join(root, path)
    try:
        status = os.lstat(full)
    except OSError:
        return None
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", 0o777, 0, 0, os.readlink(full))
    if stat.S_ISDIR(status.st_mode):
        return Entry("dir", mode, 0, 0, "")
    if not stat.S_ISREG(status.st_mode):
        return Entry("other", mode, 0, 0, "")
    return Entry("file", mode, status.st_size, status.st_mtime_ns, _sha256(full))


def refresh(manifest: Manifest, root: Path, paths: Iterable[str]) -> None:
    """Describe those paths anew, after they were written, created or removed."""
    for path in paths:
        entry = describe(root, path)
        if entry is None:
            manifest.pop(path, None)
        else:
            manifest[path] = entry


def paths_below(root: Path, start: str = "") -> Iterator[str]:
    """Yield every path below a folder, relative to it, folders included; pyv's own folder at the top is left out."""
    try:
        entries = sorted(os.scandir(os.path.join(root, start)), key=lambda entry: entry.name)
    except NotADirectoryError:
        return
    for entry in entries:
        path = f"{start}/{entry.name}" if start else entry.name
        if path == _OWN_FOLDER:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from paths_below(root, path)


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
        with open(path, "rb") as file:
            content = json.load(file)
        if content["schema"] != _SCHEMA:
            raise VerificationError(f"{path} was written by a newer pyv", hint="upgrade pyv")
        return {name: Entry(*fields) for name, fields in content["entries"].items()}
    except FileNotFoundError:
        raise VerificationError(
            f"{version.name} has no manifest: it was not installed by pyv", hint=f"pyv install --force {version.name}"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise VerificationError(f"{path} cannot be read: {error}", hint=f"pyv install --force {version.name}") from None


def compare(version: Path, manifest: Manifest) -> list[Difference]:
    """Return everything in a version's folder that is not as its manifest says; every file is read and hashed.

    Bytecode that Python wrote beside a source file of the manifest is no difference: it comes and goes by itself.
    """
    found = []
    for path, entry in manifest.items():
        now = describe(version, path)
        if now is None:
            found.append(Difference(path, "missing", entry.kind))
        else:
            detail = _difference(entry, now)
            if detail:
                found.append(Difference(path, "changed", detail))
    sources = {os.path.splitext(path)[0] for path in manifest if path.endswith(".py")}
    found.extend(
        Difference(path, "added", "")
        for path in paths_below(version)
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


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
