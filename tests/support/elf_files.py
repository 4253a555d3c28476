"""Small ELF files made to measure: nothing in them runs, but their dynamic section is that of a real library."""

from __future__ import annotations

import struct

NEEDED, SONAME, RPATH, RUNPATH = 1, 14, 15, 29


class ElfFile:
    """A file in the making.

    Args:
        wide: 64 bit instead of 32.
        little: little-endian.
        strings: the table of strings, without the empty one at its beginning. A text that ends in what another one
            asks for is shared, as linkers do.
    """

    def __init__(self, *strings: str, wide: bool = True, little: bool = True) -> None:
        self.wide = wide
        self.order = "<" if little else ">"
        self.strings = b"\0" + b"".join(text.encode() + b"\0" for text in strings)
        self.dynamic: list[tuple[int, int]] = []
        self.symbols: list[int] = [0]
        self.needed_versions: list[tuple[int, list[int]]] = []
        self.own_versions: list[list[int]] = []

    def place(self, text: str) -> int:
        """Return where a text, or the end of one, is in the table."""
        return self.strings.index(text.encode() + b"\0")

    def entry(self, tag: int, text: str) -> ElfFile:
        """Add an entry of the dynamic section."""
        self.dynamic.append((tag, self.place(text)))
        return self

    def symbol(self, text: str) -> ElfFile:
        """Add a symbol."""
        self.symbols.append(self.place(text))
        return self

    def needs_versions(self, library: str, *versions: str) -> ElfFile:
        """Add versions of symbols that are needed of a library."""
        self.needed_versions.append((self.place(library), [self.place(each) for each in versions]))
        return self

    def has_version(self, *names: str) -> ElfFile:
        """Add a version that symbols have here, with the names of its predecessors."""
        self.own_versions.append([self.place(each) for each in names])
        return self

    def build(self) -> bytes:
        """Return the file."""
        entry = "qQ" if self.wide else "iI"
        dynamic = b"".join(self._pack(entry, *each) for each in [*self.dynamic, (0, 0), (RUNPATH, 0xFFFF)])
        symbols = b"".join(self._pack("I", each).ljust(24 if self.wide else 16, b"\0") for each in self.symbols)
        parts = [b"", self.strings, dynamic, symbols, self._needed_table(), self._own_table()]
        kinds = [0, 3, 6, 11, 0x6FFFFFFE, 0x6FFFFFFD]
        infos = [0, 0, 0, 0, len(self.needed_versions), len(self.own_versions)]
        start = 64 if self.wide else 52
        body = b""
        sections = b""
        row = "IIQQQQIIQQ" if self.wide else "IIIIIIIIII"
        for kind, part, info in zip(kinds, parts, infos, strict=True):
            link = 1 if kind not in (0, 3) else 0
            sections += self._pack(row, 0, kind, 0, 0, start + len(body), len(part), link, info, 1, 0)
            body += part
        count = len(kinds)
        header = b"\x7fELF" + bytes([2 if self.wide else 1, 1 if self.order == "<" else 2, 1]) + bytes(9)
        fields = "HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH"
        row_size = struct.calcsize(self.order + row)
        header += self._pack(fields, 3, 62, 1, 0, 0, start + len(body), 0, start, 0, 0, row_size, count, 1)
        return header + body + sections

    def _needed_table(self) -> bytes:
        table = b""
        for index, (library, versions) in enumerate(self.needed_versions):
            last = index == len(self.needed_versions) - 1
            table += self._pack("HHIII", 1, len(versions), library, 16, 0 if last else 16 + 16 * len(versions))
            for inner, version in enumerate(versions):
                table += self._pack("IHHII", 0, 0, 2, version, 0 if inner == len(versions) - 1 else 16)
        return table

    def _own_table(self) -> bytes:
        table = b""
        for index, names in enumerate(self.own_versions):
            last = index == len(self.own_versions) - 1
            table += self._pack("HHHHIII", 1, 0, 1, len(names), 0, 20, 0 if last else 20 + 8 * len(names))
            for inner, name in enumerate(names):
                table += self._pack("II", name, 0 if inner == len(names) - 1 else 8)
        return table

    def _pack(self, fields: str, *values: int) -> bytes:
        return struct.pack(self.order + fields, *values)
