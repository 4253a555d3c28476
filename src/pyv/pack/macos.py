"""Shared libraries of a macOS build: which ones to pack along, and install names that lead from each file to them.

Apple's own tools do the work: `otool` tells, `install_name_tool` changes, `codesign` signs what was changed, for the
kernel of newer Macs kills what is not signed.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from pyv.pack.source import Source
    from pyv.pack.tools import Tools

# Mach-O files of 32 and 64 bit in both byte orders, and files that hold several of them
_MAGICS = tuple(bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe"))
_SYSTEM = ("/usr/lib/", "/System/", "@")


class MacLinking:
    """How the binaries of one installation find their libraries, see `Linking`.

    Args:
        source: the installation.
        tools: where Apple's tools are looked for.
    """

    def __init__(self, source: Source, tools: Tools) -> None:
        self._source = source
        self._tools = tools
        self._foreign: set[str] = set()

    def recognises(self, head: bytes) -> bool:
        """Tell from its first bytes whether a file is a program or a library."""
        return head.startswith(_MAGICS)

    def libraries(self, name: str, path: Path) -> Iterator[tuple[str, Path]]:
        """Yield what a binary needs of its own prefix: the names for an archive, and the files."""
        for library in self._needed(name, path):
            inside = self._inside(library)
            if inside and (self._source.prefix / inside).is_file():
                yield inside, self._source.prefix / inside

    def relocate(self, root: Path, name: str, packed: Container[str]) -> None:
        """Make a binary find the packed libraries wherever the whole tree lies.

        Raises:
            PyvError: one of the tools is missing or failed.
        """
        arguments: list[str | Path] = []
        if name.endswith(".dylib"):
            arguments += ["-id", f"@rpath/{posixpath.basename(name)}"]
        for library in self._needed(name, root / name):
            inside = self._inside(library)
            if inside in packed:
                # A library is also loaded by programs that embed it, whose place says nothing
                step = posixpath.relpath(inside, posixpath.dirname(name))
                start = "@executable_path" if name.startswith("bin/") else "@loader_path"
                arguments += ["-change", library, f"{start}/{step}"]
            elif not library.startswith(_SYSTEM):
                self._foreign.add(library)
        if arguments:
            self._tools.run("install_name_tool", [*arguments, root / name], purpose=f"make {name} find its libraries")

    def finish(self, root: Path, names: list[str]) -> None:
        """Sign all binaries again, since stripping and renaming void a signature.

        Raises:
            PyvError: they cannot be signed.
        """
        if names:
            files = [root / name for name in names]
            self._tools.run("codesign", ["--force", "--sign", "-", *files], purpose="sign what was changed")

    def notes(self) -> list[str]:
        """Return what a person should know who is going to install the archive on other machines."""
        if not self._foreign:
            return []
        return [f"needs libraries from outside the system's folders: {', '.join(sorted(self._foreign))}"]

    def _needed(self, name: str, path: Path) -> list[str]:
        """Return the libraries that a file loads, by the names that it has for them."""
        output = self._tools.run("otool", ["-L", path], purpose=f"see what {name} needs")
        # A headline with the file's name, for each processor in it, and then one library on each line
        lines = [line.strip() for line in output.splitlines() if line[:1].isspace()]
        found = list(dict.fromkeys(line.partition(" (")[0] for line in lines))
        return found[1:] if name.endswith(".dylib") else found  # a library names itself first

    def _inside(self, library: str) -> str:
        """Return a library's name in an archive if it is one of the prefix, else nothing."""
        for prefix in self._source.prefixes:
            if library.startswith(f"{prefix}/") and not self._source.of_the_system:
                return posixpath.normpath(library[len(prefix) + 1 :])
        return ""
