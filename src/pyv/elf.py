"""ELF files: which shared libraries they need, where these are looked for, and how to change the latter in place.

The format is described in the System V ABI (gABI), chapters "Object Files" and "Dynamic Linking"; the tables of symbol
versions in the Linux Standard Base, part "Symbol Versioning".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"

_SHT_DYNAMIC = 6
_SHT_DYNSYM = 11
_SHT_GNU_VERDEF = 0x6FFFFFFD
_SHT_GNU_VERNEED = 0x6FFFFFFE

_DT_NULL = 0
_DT_NEEDED = 1
_DT_RPATH = 15
_DT_RUNPATH = 29
# The entries whose value is a place in the table of strings: needed, soname, rpath, runpath, config, depaudit, audit,
# auxiliary, filter
_STRING_TAGS = frozenset({1, 14, 15, 29, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF})


class _Section(NamedTuple):
    """A row of the section header table, as far as it is of use here."""

    kind: int
    offset: int
    size: int
    link: int
    info: int


class Elf:
    """The dynamic section of a program or a shared library.

    Attributes:
        needed: the names of the libraries that it needs, in the order in which they are loaded.
        run_path: the folders, separated by colons, where these are looked for (DT_RUNPATH, or DT_RPATH where that is
            missing); None without such an entry.
    """

    __slots__ = ("_data", "_dynamic", "_order", "_sections", "_strings", "_wide", "needed", "run_path")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._wide = data[4] == 2
        self._order = "<" if data[5] == 1 else ">"
        self._sections = list(self._read_sections())
        dynamic = next(section for section in self._sections if section.kind == _SHT_DYNAMIC)
        self._strings = self._sections[dynamic.link]
        self._dynamic = list(self._read_dynamic(dynamic))
        self.needed = tuple(self._string(value) for tag, value in self._dynamic if tag == _DT_NEEDED)
        paths = dict(self._dynamic)
        place = paths.get(_DT_RUNPATH, paths.get(_DT_RPATH))
        self.run_path = None if place is None else self._string(place)

    @classmethod
    def parse(cls, data: bytes) -> Elf | None:
        """Read the content of a file.

        Returns:
            None if it is no dynamically linked ELF file, was stripped of its section headers, or is damaged.
        """
        if data[:4] != MAGIC:
            return None
        try:
            return cls(data)
        except (IndexError, StopIteration, ValueError, struct.error):
            return None

    def with_run_path(self, run_path: str) -> bytes | None:
        """Return the file with another run path, written over the old one.

        Nothing moves, so that everything else in the file stays right.

        Returns:
            None where that cannot be done: there is no run path, the new one is longer, or linkers saved space by
            letting a symbol's or a library's name be the end of the same string.
        """
        places = {value for tag, value in self._dynamic if tag in (_DT_RPATH, _DT_RUNPATH)}
        new = run_path.encode()
        table = self._data[self._strings.offset : self._strings.offset + self._strings.size]
        ends = {place: table.find(b"\0", place) for place in places}
        if not places or any(end - place < len(new) for place, end in ends.items()):
            return None
        try:
            others = set(self._other_references())
        except (IndexError, struct.error):
            return None
        changed = bytearray(self._data)
        for place, end in ends.items():
            # A string that begins before this one and has no end before it contains it
            begin = table.rfind(b"\0", 0, place) + 1
            if any(begin <= other < end for other in others | places - {place}):
                return None
            start = self._strings.offset + place
            changed[start : start + end - place] = new.ljust(end - place, b"\0")
        return bytes(changed)

    def _read_sections(self) -> Iterator[_Section]:
        offset = self._unpack("Q", 40)[0] if self._wide else self._unpack("I", 32)[0]
        size, count = self._unpack("HH", 58 if self._wide else 46)
        for place in range(offset, offset + size * count, size):
            fields = self._unpack("IIQQQQII" if self._wide else "IIIIIIII", place)
            yield _Section(fields[1], fields[4], fields[5], fields[6], fields[7])

    def _read_dynamic(self, section: _Section) -> Iterator[tuple[int, int]]:
        entry = "qQ" if self._wide else "iI"
        size = struct.calcsize(f"{self._order}{entry}")
        for place in range(section.offset, section.offset + section.size, size):
            tag, value = self._unpack(entry, place)
            if tag == _DT_NULL:
                return
            yield tag, value

    def _other_references(self) -> Iterator[int]:
        """Yield the place of every string that something other than a run path refers to."""
        for tag, value in self._dynamic:
            if tag in _STRING_TAGS and tag not in (_DT_RPATH, _DT_RUNPATH):
                yield value
        for section in self._sections:
            if self._sections[section.link] is not self._strings:
                continue
            if section.kind == _SHT_DYNSYM:
                # The name is the first field of a symbol, in both classes
                symbol = f"{self._order}I{20 if self._wide else 12}x"
                body = self._data[section.offset : section.offset + section.size]
                yield from (name for (name,) in struct.iter_unpack(symbol, body))
            elif section.kind == _SHT_GNU_VERNEED:
                yield from self._versions(section, count=2, auxiliary=8, following=12, name=4, inner_name=8)
            elif section.kind == _SHT_GNU_VERDEF:
                yield from self._versions(section, count=6, auxiliary=12, following=16, name=None, inner_name=0)

    def _versions(
        self, section: _Section, *, count: int, auxiliary: int, following: int, name: int | None, inner_name: int
    ) -> Iterator[int]:
        """Yield the names in a table of symbol versions: records, each with a list of smaller records.

        The arguments are the offsets of the fields of a record, and of the name in a smaller one, where the distance
        to the next smaller one follows right after the name.
        """
        place = section.offset
        for _ in range(section.info):
            if name is not None:
                yield self._unpack("I", place + name)[0]
            inner = place + self._unpack("I", place + auxiliary)[0]
            for _ in range(self._unpack("H", place + count)[0]):
                string, distance = self._unpack("II", inner + inner_name)
                yield string
                if not distance:
                    break
                inner += distance
            distance = self._unpack("I", place + following)[0]
            if not distance:
                return
            place += distance

    def _unpack(self, fields: str, offset: int) -> tuple[int, ...]:
        if offset > len(self._data):
            raise IndexError(offset)  # struct would say OverflowError of a number that no file is as long as
        return struct.unpack_from(f"{self._order}{fields}", self._data, offset)

    def _string(self, place: int) -> str:
        start = self._strings.offset + place
        end = self._data.index(b"\0", start, self._strings.offset + self._strings.size)
        return self._data[start:end].decode("utf-8", "surrogateescape")
