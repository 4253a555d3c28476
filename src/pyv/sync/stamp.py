"""The stamp in an environment: what it was last brought in line with, so that nothing is done when nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pyv.sync.project import Options, Source

FOLDER = ".pyv-sync"
_STAMP, _BEGUN = "stamp", "begun"
_FORMAT = 1
_CHUNK = 1 << 18
_METADATA = (".dist-info", ".egg-info", ".egg-link", ".pth")


def inputs(source: Source, options: Options, others: Iterable[Path], decided: Mapping[str, str]) -> str:
    """Return the hash of all that decides what an environment is to hold.

    Args:
        source: what is to be installed.
        options: what was asked for.
        others: more files that count: pins, metadata.
        decided: more values that count: variables.
    """
    files = {os.fspath(path): _hash(path) for path in (*source.files, *others)}
    content = [_FORMAT, source.kind, source.label, options, source.arguments, source.listed, files, dict(decided)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with fsops.open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


class Stamp:
    """What was noted in an environment.

    Args:
        venv: the environment.
        libraries: its folders below lib/ that packages are installed into.
    """

    def __init__(self, venv: Path, libraries: Iterable[str]) -> None:
        self._venv = venv
        self._sites = [venv / "lib" / library / "site-packages" for library in libraries]

    @property
    def folder(self) -> Path:
        """Where the stamp lies, and what is written for pip."""
        return self._venv / FOLDER

    def holds(self, wanted: str) -> bool:
        """Tell whether an environment was brought in line with these inputs, and is still as it was then."""
        try:
            with fsops.open_regular(self.folder / _STAMP) as file:
                return file.read(200).decode("ascii", "replace") == self._line(wanted)
        except OSError:
            return False

    def begin(self) -> None:
        """Note that work on the environment begins, and clean up what was left by one that did not end.

        A package that was being installed when pip was killed has metadata, but not all of its files. pip notes last
        that it was the installer, so what was not there before and lacks that note is installed again.

        Raises:
            OSError: the environment cannot be written.
        """
        self.folder.mkdir(exist_ok=True)
        begun = self.folder / _BEGUN
        with suppress(OSError, ValueError):
            before = set(json.loads(begun.read_text("utf-8")))
            for site in self._sites:
                for name in set(os.listdir(site)) - before:
                    half = name.endswith(".dist-info") and not os.path.exists(site / name / "INSTALLER")
                    if half or name.startswith("~"):  # what pip sets aside while it replaces something
                        fsops.remove_tree(site / name)
        with suppress(FileNotFoundError):
            os.unlink(self.folder / _STAMP)
        names = [name for site in self._sites for name in sorted(os.listdir(site))]
        fsops.write_whole(begun, json.dumps(names).encode(), durable=False)

    def finish(self, wanted: str) -> None:
        """Note that the environment is in line with these inputs.

        Raises:
            OSError: it cannot be written.
        """
        fsops.write_whole(self.folder / _STAMP, self._line(wanted).encode(), durable=False)
        for name in os.listdir(self.folder):
            if name != _STAMP:
                with suppress(OSError):
                    os.unlink(self.folder / name)

    def _line(self, wanted: str) -> str:
        """Return what the stamp must say: the inputs, the interpreter, and the packages that are there."""
        state: list[object] = [os.fspath(self._venv)]
        with suppress(OSError):
            program = os.path.realpath(self._venv / "bin/python")
            about = os.stat(program)
            state += [program, about.st_size, about.st_mtime_ns, os.access(program, os.X_OK)]
        for site in self._sites:
            with suppress(OSError):
                state.append(sorted(name for name in os.listdir(site) if name.endswith(_METADATA)))
        found = hashlib.sha256(json.dumps(state).encode("utf-8", "surrogateescape")).hexdigest()
        return f"{wanted} {found}\n"
