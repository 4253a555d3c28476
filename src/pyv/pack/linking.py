"""Shared libraries of a Linux build: which ones to pack along, and run paths that lead from each file to them."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from pyv.elf import MAGIC, Elf

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from pyv.pack.source import Source
    from pyv.pack.tools import Tools

# Where the dynamic linker looks by itself, with Debian's folders for each kind of processor
_SYSTEM_FOLDER = re.compile(r"(?:/usr)?/lib(?:32|64|x32)?(?:/[\w-]+-linux-[\w-]+)?")
# Where it looks, too, but what lies there was installed by hand, on this machine
_LOCAL_FOLDERS = ("/usr/local/lib", "/usr/local/lib64")
# The C library and the compiler's: whoever starts a program for this platform has them
_BASIC = re.compile(r"(?:lib(?:c|m|dl|pthread|rt|util|resolv|gcc_s)|libc\.musl-.*|ld-.*|ld64)\.so(?:\.[\d.]*)?")


class Linking:
    """How the binaries of one installation find their libraries.

    Args:
        source: the installation.
        tools: where patchelf is looked for.
    """

    def __init__(self, source: Source, tools: Tools) -> None:
        self._source = source
        self._tools = tools
        self._from_system: set[str] = set()
        self._foreign: set[str] = set()

    def recognises(self, head: bytes) -> bool:
        """Tell from its first bytes whether a file is a program or a library."""
        return head.startswith(MAGIC)

    def libraries(self, name: str, path: Path) -> Iterator[tuple[str, Path]]:
        """Yield what a binary needs of its own prefix: the names for an archive, and the files.

        Args:
            name: the name of the binary in the archive.
            path: where it is.
        """
        elf = Elf.parse(path.read_bytes())
        if elf is None or self._source.of_the_system:
            return
        folders = [*self._folders(elf, name)[0], "lib"]
        for library in elf.needed:
            found = next((folder for folder in folders if (self._source.prefix / folder / library).is_file()), None)
            if found is not None:
                yield f"{found}/{library}", self._source.prefix / found / library

    def relocate(self, root: Path, name: str, packed: Container[str]) -> None:
        """Make a binary find the packed libraries wherever the whole tree lies.

        Args:
            root: the staged tree, in which the binary is changed.
            name: its name there.
            packed: the names of all that is in the tree.

        Raises:
            PyvError: the file has no room for what has to be written, and patchelf is missing or failed.
        """
        path = root / name
        elf = Elf.parse(path.read_bytes())
        if elf is None:
            return
        inside, outside = self._folders(elf, name)
        inside = [folder for folder in inside if folder in packed]
        needs_inside = False
        rest = []
        for library in elf.needed:
            if any(f"{folder}/{library}" in packed for folder in inside):
                needs_inside = True
            elif f"lib/{library}" in packed:
                needs_inside = True
                inside.append("lib")
            else:
                rest.append(library)
        kept = [folder for folder in outside if any(os.path.isfile(f"{folder}/{library}") for library in rest)]
        self._remember(rest, kept)
        here = posixpath.dirname(name)
        steps = [posixpath.relpath(folder, here) for folder in inside]
        entries = ["$ORIGIN" if step == "." else f"$ORIGIN/{step}" for step in steps] + kept
        wanted = ":".join(dict.fromkeys(entries))
        if wanted == (elf.run_path or ""):
            return
        changed = elf.with_run_path(wanted)
        if changed is None and not needs_inside and not kept:
            changed = elf.with_run_path("")  # the entry led nowhere that matters; no room is needed to take it out
        if changed is not None:
            path.write_bytes(changed)
        else:
            self._tools.run("patchelf", ["--set-rpath", wanted, path], purpose=f"make {name} find its libraries")

    def finish(self, root: Path, names: list[str]) -> None:
        """Do what is left to do after all binaries have been changed: nothing on Linux."""

    def notes(self) -> list[str]:
        """Return what a person should know who is going to install the archive on other machines."""
        notes = []
        if self._foreign:
            notes.append(f"needs libraries from outside the system's folders: {', '.join(sorted(self._foreign))}")
        if self._from_system:
            notes.append(f"needs libraries of the system: {', '.join(sorted(self._from_system))}")
        return notes

    def _folders(self, elf: Elf, name: str) -> tuple[list[str], list[str]]:
        """Return a run path's folders: those inside the prefix, relative to it, and the others but the system's."""
        inside, outside = [], []
        for entry in (elf.run_path or "").split(":"):
            origin = re.match(r"\$(?:ORIGIN|\{ORIGIN\})(?=/|$)", entry)
            if origin:
                # The source may lie anywhere, so an entry of this kind is best understood inside the archive
                folder = posixpath.normpath(f"{posixpath.dirname(name)}/{entry[origin.end() :]}")
                if not folder.startswith(".."):
                    inside.append(folder)
                continue
            below = next(
                (entry[len(prefix) :] for prefix in self._source.prefixes if f"{entry}/".startswith(f"{prefix}/")), None
            )
            if below is not None and not self._source.of_the_system:
                inside.append(posixpath.normpath(below.strip("/")))
            elif entry.startswith("/") and not _SYSTEM_FOLDER.fullmatch(posixpath.normpath(entry)):
                outside.append(entry)
        return inside, outside

    def _remember(self, libraries: list[str], folders: list[str]) -> None:
        for library in libraries:
            places = (*folders, *_LOCAL_FOLDERS)
            place = next((folder for folder in places if os.path.isfile(f"{folder}/{library}")), "")
            if place:
                self._foreign.add(f"{library} ({place})")
            elif not _BASIC.fullmatch(library):
                self._from_system.add(library)
