"""Reading and changing run paths of ELF files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyv.elf import Elf
from tests.support.elf_files import NEEDED, RPATH, RUNPATH, SONAME, ElfFile

KINDS = [(wide, little) for wide in (True, False) for little in (True, False)]
IDS = [f"{64 if wide else 32} bit, {'little' if little else 'big'}-endian" for wide, little in KINDS]


def parsed(data: bytes) -> Elf:
    elf = Elf.parse(data)
    assert elf is not None
    return elf


def typical(run_path: str = "/opt/py/lib", *, wide: bool = True, little: bool = True) -> bytes:
    file = ElfFile("libpy.so.1", "libc.so.6", "GLIBC_2.34", "main", run_path, wide=wide, little=little)
    file.entry(NEEDED, "libpy.so.1").entry(NEEDED, "libc.so.6").entry(RUNPATH, run_path)
    return file.symbol("main").needs_versions("libc.so.6", "GLIBC_2.34").build()


@pytest.mark.parametrize(("wide", "little"), KINDS, ids=IDS)
def test_needed_libraries_and_run_path_are_read(wide: bool, little: bool) -> None:  # noqa: FBT001 - a parameter of the test
    elf = parsed(typical(wide=wide, little=little))
    assert elf.needed == ("libpy.so.1", "libc.so.6")
    assert elf.run_path == "/opt/py/lib"


@pytest.mark.parametrize(("wide", "little"), KINDS, ids=IDS)
def test_a_shorter_run_path_replaces_the_old_one_and_nothing_else_changes(wide: bool, little: bool) -> None:  # noqa: FBT001 - a parameter of the test
    before = typical(wide=wide, little=little)
    after = parsed(before).with_run_path("$ORIGIN")
    assert after is not None
    assert after == before.replace(b"/opt/py/lib\0", b"$ORIGIN\0\0\0\0\0")
    assert parsed(after).run_path == "$ORIGIN"
    assert parsed(after).needed == ("libpy.so.1", "libc.so.6")


def test_a_run_path_of_the_same_length_fits() -> None:
    after = parsed(typical("/usr/local/lib")).with_run_path("$ORIGIN/../lib")
    assert after is not None
    assert parsed(after).run_path == "$ORIGIN/../lib"


def test_a_longer_run_path_does_not_fit() -> None:
    assert parsed(typical("/opt/py/lib")).with_run_path("$ORIGIN/../lib") is None


def test_without_a_run_path_there_is_nothing_to_write_over() -> None:
    elf = parsed(ElfFile("libc.so.6").entry(NEEDED, "libc.so.6").build())
    assert elf.run_path is None
    assert elf.with_run_path("") is None


def test_the_older_kind_of_run_path_counts_where_the_newer_one_is_missing() -> None:
    elf = parsed(ElfFile("/opt/py/lib").entry(RPATH, "/opt/py/lib").build())
    assert elf.run_path == "/opt/py/lib"
    after = elf.with_run_path("$ORIGIN")
    assert after is not None
    assert parsed(after).run_path == "$ORIGIN"


def test_both_kinds_of_run_path_are_replaced() -> None:
    file = ElfFile("/opt/older/lib", "/opt/newer/lib").entry(RPATH, "/opt/older/lib").entry(RUNPATH, "/opt/newer/lib")
    elf = parsed(file.build())
    assert elf.run_path == "/opt/newer/lib"
    after = elf.with_run_path("$ORIGIN")
    assert after is not None
    assert after.count(b"$ORIGIN\0") == 2
    assert b"/opt" not in after


def test_both_kinds_of_run_path_may_share_one_string() -> None:
    file = ElfFile("/opt/py/lib").entry(RPATH, "/opt/py/lib").entry(RUNPATH, "/opt/py/lib")
    after = parsed(file.build()).with_run_path("$ORIGIN")
    assert after is not None
    assert parsed(after).run_path == "$ORIGIN"


def base() -> ElfFile:
    return ElfFile("libc.so.6", "/opt/py/lib", "V1").entry(RUNPATH, "/opt/py/lib")


SHARING = {
    "a needed library": base().entry(NEEDED, "lib"),
    "its own name": base().entry(SONAME, "py/lib"),
    "a symbol": base().symbol("ib"),
    "a symbol with the whole string": base().symbol("/opt/py/lib"),
    "a library with versions": base().needs_versions("libc.so.6", "V1").needs_versions("lib", "V1"),
    "a needed version": base().needs_versions("libc.so.6", "V1", "lib"),
    "a version": base().has_version("V1").has_version("V1", "lib"),
    "a longer string": ElfFile("/x/opt/py/lib").entry(RUNPATH, "/opt/py/lib").symbol("/x/opt/py/lib"),
    "the other run path": ElfFile("/x/opt/py/lib").entry(RUNPATH, "/opt/py/lib").entry(RPATH, "/x/opt/py/lib"),
}


@pytest.mark.parametrize("name", SHARING)
def test_a_run_path_that_shares_its_string_is_not_written_over(name: str) -> None:
    assert parsed(SHARING[name].build()).with_run_path("$ORIGIN") is None


def test_strings_before_and_after_the_run_path_do_not_count_as_shared() -> None:
    file = ElfFile("before", "/opt/py/lib", "after").entry(RUNPATH, "/opt/py/lib").symbol("before").symbol("after")
    assert parsed(file.build()).with_run_path("$ORIGIN") is not None


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"!<arch>\n", b"\xcf\xfa\xed\xfe" + bytes(60)])
def test_what_is_no_elf_file_is_none(data: bytes) -> None:
    assert Elf.parse(data) is None


def test_a_cut_file_is_never_an_accident() -> None:
    data = typical()
    for length in range(len(data)):
        elf = Elf.parse(data[:length])
        assert elf is None or elf.needed


@settings(database=None, deadline=None)
@given(place=st.integers(0, len(typical()) - 1), value=st.integers(0, 255))
def test_a_damaged_file_is_never_an_accident(place: int, value: int) -> None:
    data = bytearray(typical())
    data[place] = value
    elf = Elf.parse(bytes(data))
    if elf is not None:
        after = elf.with_run_path("$ORIGIN")
        assert after is None or len(after) == len(data)


def test_versions_that_lead_nowhere_end() -> None:
    file = ElfFile("libc.so.6", "/opt/py/lib", "V1").entry(RUNPATH, "/opt/py/lib")
    file.needed_versions = [(1, [1])]
    data = bytearray(file.build())
    place = data.rindex(b"\x01\0\x01\0\x01\0\0\0\x10\0\0\0")
    data[place + 2 : place + 4] = b"\xff\xff"
    assert parsed(bytes(data)).with_run_path("$ORIGIN") is not None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF files are Linux's")
def test_a_real_program_starts_from_where_it_is_after_the_change(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    old = tmp_path / "a folder with a long name" / "lib"
    old.mkdir(parents=True)
    (tmp_path / "one.c").write_text("int answer(void) { return 42; }")
    (tmp_path / "main.c").write_text("int answer(void); int main(void) { return answer(); }")
    library, program = old / "libanswer.so", tmp_path / "program"
    link = ["-L", str(old), "-lanswer", f"-Wl,-rpath,{old}", "-o", str(program)]
    for arguments in (["-shared", "-fPIC", "one.c", "-o", str(library)], ["main.c", *link]):
        subprocess.run([compiler, *arguments], cwd=tmp_path, check=True, capture_output=True)
    elf = parsed(program.read_bytes())
    assert elf.needed[0] == "libanswer.so"
    assert elf.run_path == str(old)
    changed = elf.with_run_path("$ORIGIN/../lib")
    assert changed is not None
    new = tmp_path / "new"
    (new / "bin").mkdir(parents=True)
    old.rename(new / "lib")
    (new / "bin/program").write_bytes(changed)
    (new / "bin/program").chmod(0o755)
    assert subprocess.run([new / "bin/program"], check=False).returncode == 42


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF files are Linux's")
def test_the_python_that_runs_this_is_read() -> None:
    elf = parsed(Path(sys.executable).resolve().read_bytes())
    assert any("libc" in library for library in elf.needed)
