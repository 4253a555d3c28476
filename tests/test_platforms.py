"""Platforms: reading keys, and finding out what this machine runs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pyv.errors import UsageError
from pyv.platforms import Host, Platform, detect

NOWHERE = Path("/nonexistent")
HASWELL = "flags\t\t: cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe\n"


def program(folder: Path, loader: str, *, machine: int = 62, bits: int = 64) -> Path:
    """Write the smallest file that looks like a dynamically linked program."""
    wide = bits == 64
    header = bytearray(64)
    header[:6] = b"\x7fELF" + bytes([2 if wide else 1, 1])
    struct.pack_into("<H", header, 18, machine)
    struct.pack_into("<Q" if wide else "<I", header, 32 if wide else 28, 64)
    struct.pack_into("<HH", header, 54 if wide else 42, 56 if wide else 32, 1)
    entry = bytearray(56 if wide else 32)
    name = loader.encode() + b"\0"
    struct.pack_into("<I", entry, 0, 3)
    struct.pack_into("<Q" if wide else "<I", entry, 8 if wide else 4, 64 + len(entry))
    struct.pack_into("<Q" if wide else "<I", entry, 32 if wide else 16, len(name))
    path = folder / "sh"
    path.write_bytes(bytes(header) + bytes(entry) + name)
    return path


@pytest.mark.parametrize(
    ("loader", "machine", "bits", "key"),
    [
        ("/lib64/ld-linux-x86-64.so.2", 62, 64, "linux-x86_64-gnu"),
        ("/lib/ld-musl-x86_64.so.1", 62, 64, "linux-x86_64-musl"),
        ("/lib/ld-linux-aarch64.so.1", 183, 64, "linux-aarch64-gnu"),
        ("/lib/ld-linux.so.2", 3, 32, "linux-i686-gnu"),
        ("/lib/ld-linux-armhf.so.3", 40, 32, "linux-armv7-gnueabihf"),
        ("/lib/ld-linux.so.3", 40, 32, "linux-armv7-gnueabi"),
        ("/lib/ld-linux-riscv64-lp64d.so.1", 243, 64, "linux-riscv64-gnu"),
    ],
)
def test_the_systems_own_programs_tell_architecture_and_libc(
    tmp_path: Path, loader: str, machine: int, bits: int, key: str
) -> None:
    shell = program(tmp_path, loader, machine=machine, bits=bits)
    # The kernel says x86_64 whatever the userland is
    assert detect("linux", "x86_64", [NOWHERE, shell], NOWHERE).platform.key == key


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + bytes(60), b"\x7fELF\x02\x01" + b"\xff" * 90]
)
def test_a_program_that_tells_nothing_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sh").write_bytes(content)
    assert detect("linux", "arm64", [tmp_path / "sh"], NOWHERE).platform.key == "linux-aarch64-gnu"


def test_macos_is_what_the_kernel_says() -> None:
    assert detect("darwin", "arm64", [], NOWHERE) == Host(Platform("darwin", "aarch64", "", "none"), frozenset())


def test_levels_of_the_processor_are_read_and_never_guessed(tmp_path: Path) -> None:
    shell = program(tmp_path, "/lib64/ld-linux-x86-64.so.2")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(HASWELL)
    host = detect("linux", "x86_64", [shell], cpuinfo)
    assert host.levels == {"v2", "v3"}
    assert host.runs(Platform.parse("linux-x86_64_v3-gnu"))
    assert not host.runs(Platform.parse("linux-x86_64_v4-gnu"))
    cpuinfo.write_text(HASWELL.replace("popcnt", "") + "flags: avx512f\n")
    assert detect("linux", "x86_64", [shell], cpuinfo).levels == frozenset()
    assert detect("linux", "x86_64", [shell], NOWHERE).levels == frozenset()


@pytest.mark.parametrize("other", ["linux-x86_64-musl", "linux-aarch64-gnu", "darwin-x86_64", "windows-x86_64"])
def test_builds_of_other_platforms_do_not_run_here(other: str) -> None:
    assert not Host(Platform.parse("linux-x86_64-gnu"), frozenset()).runs(Platform.parse(other))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("linux-x86_64-gnu", "linux-x86_64-gnu"),
        ("linux-x86_64", "linux-x86_64-gnu"),
        ("linux-amd64_v3-musl", "linux-x86_64_v3-musl"),
        ("macos-arm64", "darwin-aarch64-none"),
        ("darwin-aarch64-none", "darwin-aarch64-none"),
        ("Windows-x86_64", "windows-x86_64-none"),
        ("linux-ppc64le", "linux-powerpc64le-gnu"),
    ],
)
def test_keys_are_read_in_every_usual_spelling(text: str, key: str) -> None:
    assert Platform.parse(text).key == key


@pytest.mark.parametrize("text", ["", "linux", "a-b-c-d", "linux-x86/64", "linux--gnu", "../x-y"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Platform.parse(text)
