"""What of an installation goes into an archive, and that the installation stays as it is."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from pyv.errors import PyvError
from pyv.pack.contents import collect, link_target
from pyv.pack.stage import stage
from pyv.pack.tools import Tools
from pyv.versions import Version
from tests.support.elf_files import RUNPATH, ElfFile
from tests.support.installations import environment, installation, program, record

if TYPE_CHECKING:
    from pathlib import Path


def test_only_what_belongs_to_python_is_chosen(tmp_path: Path) -> None:
    source = installation(tmp_path)
    assert set(collect(source, with_tests=False)) == {
        "bin/pip",
        "bin/pip3.12",
        "bin/pydoc3.12",
        "bin/python",
        "bin/python3",
        "bin/python3.12",
        "bin/python3.12-config",
        "include/python3.12/Python.h",
        "lib/libpython3.12.so.1.0",
        "lib/pkgconfig/python-3.12.pc",
        "lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile",
        "lib/python3.12/os.py",
        "lib/python3.12/site-packages/README.txt",
        "lib/python3.12/site-packages/pip-23.dist-info/RECORD",
        "lib/python3.12/site-packages/pip/__init__.py",
        "lib/python3.12/unittest/mock.py",
        "lib/tcl8.6/init.tcl",
        "share/man/man1/python3.12.1",
        "share/terminfo/x/xterm",
    }


def test_tests_of_the_library_are_chosen_on_request(tmp_path: Path) -> None:
    source = installation(tmp_path)
    more = set(collect(source, with_tests=True)) - set(collect(source, with_tests=False))
    assert more == {
        "lib/python3.12/ctypes/test/__init__.py",
        "lib/python3.12/test/test_os.py",
        "lib/python3.12/unittest/test/support.py",
    }


def test_setuptools_is_chosen_for_versions_that_brought_it(tmp_path: Path) -> None:
    source = installation(tmp_path)
    old = source._replace(version=Version("cpython", (3, 11, 9)))
    assert "lib/python3.12/site-packages/setuptools/__init__.py" in collect(old, with_tests=False)


def test_commands_of_pip_stay_out_without_pip(tmp_path: Path) -> None:
    source = installation(tmp_path)
    (tmp_path / "lib/python3.12/site-packages/pip-23.dist-info/RECORD").unlink()
    assert not [name for name in collect(source, with_tests=False) if "pip" in name]


def test_a_record_that_climbs_out_of_site_packages_brings_nothing(tmp_path: Path) -> None:
    source = installation(tmp_path)
    site = tmp_path / "lib/python3.12/site-packages"
    record(site, "pip-23", "pip/../../../../outside,,", "/etc/passwd,,", "../../../bin/black,,", "")
    (tmp_path / "outside").write_text("")
    chosen = {name for name in collect(source, with_tests=False) if "site-packages/" in name}
    assert {name.rpartition("site-packages/")[2] for name in chosen} == {"README.txt", "pip-23.dist-info/RECORD"}


def test_a_library_without_os_is_an_error(tmp_path: Path) -> None:
    source = installation(tmp_path)
    (tmp_path / "lib/python3.12/os.py").unlink()
    with pytest.raises(PyvError, match=r"no standard library in lib/python3\.12"):
        collect(source, with_tests=False)


def test_links_lead_to_what_is_packed_and_become_files_otherwise(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")
    outside = tmp_path / "elsewhere.py"
    outside.write_text("")
    library = source.prefix / "lib/python3.12"
    (library / "absolute.py").symlink_to(library / "os.py")
    (library / "relative.py").symlink_to("unittest/mock.py")
    (library / "outside.py").symlink_to(outside)
    (library / "dangling.py").symlink_to("nowhere.py")
    (library / "dangling_too.py").symlink_to("dangling.py")
    (library / "folder").symlink_to("unittest")
    (source.prefix / "bin/python3.12m").hardlink_to(source.interpreter)
    chosen = collect(source, with_tests=False)
    targets = {
        name.removeprefix("lib/python3.12/"): link_target(name, path, chosen, source) for name, path in chosen.items()
    }
    assert targets["absolute.py"] == "os.py"
    assert targets["relative.py"] == "unittest/mock.py"
    assert targets["outside.py"] is None
    assert {"dangling.py", "dangling_too.py", "folder"}.isdisjoint(targets)
    assert targets["bin/python3.12"] is None
    assert {targets[f"bin/{name}"] for name in ("python", "python3", "python3.12m")} == {"python3.12"}
    assert targets["bin/pip"] == "pip3.12"


def test_the_copy_has_the_modes_of_upstreams_archives_whatever_the_umask(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")
    (source.prefix / "bin/python3.12").chmod(0o700)
    (source.prefix / "lib/python3.12/os.py").chmod(0o660)
    before = os.umask(0o077)
    try:
        stage(source, tmp_path / "copy", Tools({}), with_tests=False)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "copy").rglob("*")}
    assert {name: modes[name] for name in ("python3.12", "os.py", "lib")} == {
        "python3.12": 0o755,
        "os.py": 0o644,
        "lib": 0o755,
    }


def test_the_original_is_left_as_it_is(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")
    library = source.prefix / "lib/python3.12/lib-dynload/_x.so"
    library.parent.mkdir()
    library.write_bytes(ElfFile("a" * 40, f"{source.prefix}/lib").entry(RUNPATH, f"{source.prefix}/lib").build())

    def state() -> list[object]:
        paths = sorted(source.prefix.rglob("*"))
        return [
            (path, (info := path.lstat()).st_mode, info.st_mtime_ns, info.st_ctime_ns, info.st_nlink) for path in paths
        ]

    before = state()
    time.sleep(0.02)  # for times to differ
    stage(source, tmp_path / "copy", Tools(environment()), with_tests=False)
    assert state() == before


def test_what_cannot_be_stripped_is_packed_as_it_is_and_said(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")
    (source.prefix / "lib/libpython3.12.so.1.0").write_bytes(ElfFile("x").build())
    program(tmp_path / "tools", "strip", "echo no such format >&2; exit 1")
    notes = stage(source, tmp_path / "one", Tools({"PATH": str(tmp_path / "tools")}), with_tests=False)
    assert "cannot strip everything that is packed: strip: no such format" in notes
    notes = stage(source, tmp_path / "two", Tools({"PATH": str(tmp_path)}), with_tests=False)
    assert "nothing is stripped: there is no strip on PATH" in notes


def test_missing_modules_and_missing_pip_are_said(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")._replace(missing=("ctypes", "ssl"))
    (source.prefix / "lib/python3.12/site-packages/pip/__init__.py").unlink()
    notes = stage(source, tmp_path / "copy", Tools({}), with_tests=False)
    assert "was built without ctypes, ssl" in notes
    assert "has no pip" in notes
