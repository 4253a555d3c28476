"""Platforms: what this machine is, and which builds run on it.

A platform is written as in upstream's and uv's keys: `linux-x86_64-gnu`, `linux-x86_64_v3-musl`, `darwin-aarch64-none`.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# What a CPU must be able to do for each x86-64 level, in the words of /proc/cpuinfo
# (System V ABI, AMD64 supplement, section 3.1.1: micro-architecture levels)
_LEVEL_FLAGS: dict[str, frozenset[str]] = {
    "v2": frozenset({"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    "v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}),
    "v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
# ELF machine numbers (System V gABI, e_machine) by class (32 or 64 bit) and byte order
_ELF_MACHINES = {
    (3, 1, 1): "i686",
    (62, 2, 1): "x86_64",
    (40, 1, 1): "armv7",
    (183, 2, 1): "aarch64",
    (21, 2, 1): "powerpc64le",
    (22, 2, 2): "s390x",
    (243, 2, 1): "riscv64",
}
_ARCH_ALIASES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "ppc64le": "powerpc64le",
    "armv7l": "armv7",
    "i386": "i686",
    "x86": "i686",
}
_PT_INTERP = 3
_ELF_HEADER = 64


class Platform(NamedTuple):
    """An operating system, a processor and a C library that builds are made for.

    Attributes:
        system: `linux`, `darwin` or `windows`.
        arch: processor family, such as `x86_64` or `aarch64`.
        level: processor level within the family, such as `v3`; empty for the baseline that runs everywhere.
        libc: `gnu`, `musl`, `gnueabihf`, …; `none` where the system has only one.
    """

    system: str
    arch: str
    level: str
    libc: str

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return the platform of a key such as `linux-x86_64-gnu` or `darwin-arm64`.

        Raises:
            UsageError: it is no such key.
        """
        parts = text.lower().split("-")
        if len(parts) not in (2, 3) or not all(re.fullmatch(r"[a-z0-9_]+", part, re.ASCII) for part in parts):
            raise UsageError(f"{text!r} is not a platform", hint="write it as linux-x86_64-gnu or darwin-aarch64")
        system = {"macos": "darwin"}.get(parts[0], parts[0])
        arch, level = split_arch(parts[1])
        default = "gnu" if system == "linux" else "none"
        return cls(system, arch, level, parts[2] if len(parts) > 2 else default)

    @property
    def key(self) -> str:
        """The platform in upstream's spelling."""
        return f"{self.system}-{self.arch}{'_' + self.level if self.level else ''}-{self.libc}"

    def __str__(self) -> str:
        return self.key


class Host(NamedTuple):
    """This machine: its platform, and the processor levels beyond the baseline that it has."""

    platform: Platform
    levels: frozenset[str]

    def runs(self, build: Platform) -> bool:
        """Tell whether a build made for that platform starts here."""
        same = (build.system, build.arch, build.libc) == (
            self.platform.system,
            self.platform.arch,
            self.platform.libc,
        )
        return same and (not build.level or build.level in self.levels)


def split_arch(text: str) -> tuple[str, str]:
    """Split `x86_64_v3` into family and level, and translate other spellings of a family."""
    family, _, level = text.partition("_v")
    return _ARCH_ALIASES.get(family, family), f"v{level}" if level else ""


def detect(system: str, machine: str, programs: Sequence[Path], cpuinfo: Path) -> Host:
    """Find out what this machine runs.

    Args:
        system: as `sys.platform` has it.
        machine: as `os.uname` has it; on Linux only the fall-back, for a 64-bit kernel may carry a 32-bit userland.
        programs: programs that belong to the system, best first; the loader that the first readable one asks for tells
            the C library, and its header the architecture that really runs here.
        cpuinfo: the file that lists the processor's features.
    """
    if system == "darwin":
        return Host(Platform("darwin", split_arch(machine)[0], "", "none"), frozenset())
    if system.startswith("win"):
        return Host(Platform("windows", split_arch(machine.lower())[0], "", "none"), frozenset())
    for program in programs:
        found = _read_elf(program)
        if found is not None:
            arch, libc = found
            levels = _levels(cpuinfo) if arch == "x86_64" else frozenset()
            return Host(Platform("linux", arch, "", libc), levels)
    return Host(Platform("linux", split_arch(machine)[0], "", "gnu"), frozenset())


def _read_elf(program: Path) -> tuple[str, str] | None:
    """Return architecture and C library of a dynamically linked program, or None if it is none."""
    try:
        with program.open("rb") as file:
            header = file.read(_ELF_HEADER)
            if header[:4] != b"\x7fELF":
                return None
            wide, order = header[4] == 2, "<" if header[5] == 1 else ">"
            machine = struct.unpack_from(order + "H", header, 18)[0]
            offset = struct.unpack_from(order + ("Q" if wide else "I"), header, 32 if wide else 28)[0]
            size, count = struct.unpack_from(order + "HH", header, 54 if wide else 42)
            arch = _ELF_MACHINES.get((machine, header[4], header[5]))
            if arch is None:
                return None
            file.seek(offset)
            table = file.read(size * count)
            for start in range(0, size * count, size):
                if struct.unpack_from(order + "I", table, start)[0] == _PT_INTERP:
                    fields = struct.unpack_from(order + ("Q" if wide else "I"), table, start + (8 if wide else 4))
                    length = struct.unpack_from(order + ("Q" if wide else "I"), table, start + (32 if wide else 16))
                    file.seek(fields[0])
                    return arch, _libc(file.read(min(length[0], 4096)))
    except (OSError, struct.error, IndexError):
        return None
    return None


def _libc(loader: bytes) -> str:
    if b"musl" in loader:
        return "musl"
    if b"armhf" in loader:
        return "gnueabihf"
    return "gnueabi" if loader.rstrip(b"\0").endswith(b"/ld-linux.so.3") else "gnu"


def _levels(cpuinfo: Path) -> frozenset[str]:
    try:
        found = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text("ascii", "replace"), re.MULTILINE)
    except OSError:
        return frozenset()
    flags = set(found[1].split()) if found else set()
    levels = []
    for level, needed in _LEVEL_FLAGS.items():  # each level includes those before it
        if not needed <= flags:
            break
        levels.append(level)
    return frozenset(levels)
