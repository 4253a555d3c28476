"""What is unpacked for one Python, and the record of it that tells whether it is still what it was.

The record is the manifest: nothing is linked into an environment that it does not name. It is replaced in one step, and
only after the folder that it names stands there whole.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA = 1


class Wanted(NamedTuple):
    """What is to be prepared, and for which Python.

    Attributes:
        name: `pip` or `setuptools`.
        python: major and minor version.
        variant: what else decides about bytecode: `t` for a free-threaded build.
        interpreter: that Python, or another of the same version: it compiles.
    """

    name: str
    python: tuple[int, int]
    variant: str
    interpreter: Path

    def __str__(self) -> str:
        return f"{self.name} for Python {self.series}"

    @property
    def series(self) -> str:
        """The Pythons that can share it, as the name of a folder."""
        return f"{self.python[0]}.{self.python[1]}{self.variant}"


class Unpacked(NamedTuple):
    """A package as it lies in the cache.

    Attributes:
        wanted: what it is, and for which Python.
        version: as its wheel spells it.
        sha256: of the wheel.
        url: where the wheel came from, without user and password; empty for the one that an interpreter brings along.
        until: seconds since the epoch before which nobody asks the index for a newer one.
        root: the folder that corresponds to site-packages.
        folders: all folders below it, parents first.
        files: path, mode, size and time of change in nanoseconds of all files below it.
        scripts: name, module and function of each command.
        rows: RECORD as it is in every environment, but for the lines of the commands.
    """

    wanted: Wanted
    version: str
    sha256: str
    url: str
    until: float
    root: Path
    folders: list[str]
    files: list[tuple[str, int, int, int]]
    scripts: list[tuple[str, str, str]]
    rows: str

    @property
    def name(self) -> str:
        """The name of the project."""
        return self.wanted.name

    @property
    def metadata(self) -> str:
        """The name of its folder of metadata."""
        return f"{self.name}-{self.version}.dist-info"

    def is_intact(self) -> bool:
        """Tell whether every file is there, with size and time as recorded.

        A hard link shares its file with every environment, so that an edit in one of them shows here. A mode that
        somebody changed (`chmod -R u+w` before a removal, say) is put right again.
        """
        prefix = f"{self.root}{os.sep}"
        lstat, regular = os.lstat, stat.S_IFREG
        try:
            for path, mode, size, mtime_ns in self.files:
                status = lstat(prefix + path)
                if status.st_size != size or status.st_mtime_ns != mtime_ns:
                    return False
                if status.st_mode != regular | mode:
                    if not stat.S_ISREG(status.st_mode):
                        return False
                    os.chmod(prefix + path, mode)
        except OSError:
            return False
        return True


def read(record: Path, wanted: Wanted) -> Unpacked | None:
    """Return what a record describes, or None where there is none, or none that this pyv understands."""
    try:
        with fsops.open_regular(record) as file:
            content = json.load(file)
        if content["schema"] != _SCHEMA:
            return None
        return Unpacked(
            wanted,
            content["version"],
            content["sha256"],
            content["url"],
            float(content["until"]),
            record.parent / content["folder"],
            content["folders"],
            [(path, mode, size, mtime_ns) for path, mode, size, mtime_ns in content["files"]],
            [(name, module, function) for name, module, function in content["scripts"]],
            content["rows"],
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(record: Path, unpacked: Unpacked) -> None:
    """Write the record of what is unpacked beside it."""
    content = {
        "schema": _SCHEMA,
        "version": unpacked.version,
        "sha256": unpacked.sha256,
        "url": unpacked.url,
        "until": unpacked.until,
        "folder": unpacked.root.name,
        "folders": unpacked.folders,
        "files": unpacked.files,
        "scripts": unpacked.scripts,
        "rows": unpacked.rows,
    }
    fsops.write_whole(record, json.dumps(content, separators=(",", ":")).encode(), durable=False)


def discard_others(record: Path, unpacked: Unpacked) -> None:
    """Remove what earlier versions and killed processes left beside a record; environments keep their links."""
    with suppress(OSError):
        for name in os.listdir(record.parent):
            if name.startswith((f"{unpacked.name}-", f".{record.name}.")) and name != unpacked.root.name:
                fsops.remove_tree(record.parent / name)
