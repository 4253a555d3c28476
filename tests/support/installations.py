"""Installations of CPython made to measure, in milliseconds: nothing in them runs but a script that answers."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

from pyv.pack.source import Source
from pyv.platforms import Platform
from pyv.versions import Version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = (
    "bin/python3.12",
    "bin/pip3.12",
    "bin/pip3.11",
    "bin/pydoc3.12",
    "bin/python3.12-config",
    "bin/python3.12-gdb.py",
    "bin/black",
    "include/python3.12/Python.h",
    "lib/libpython3.12.so.1.0",
    "lib/libpython3.11.so.1.0",
    "lib/libpython3.12.a",
    "lib/libother.so",
    "lib/pkgconfig/python-3.12.pc",
    "lib/pkgconfig/zlib.pc",
    "lib/tcl8.6/init.tcl",
    "lib/python3.12/os.py",
    "lib/python3.12/EXTERNALLY-MANAGED",
    "lib/python3.12/sitecustomize.py",
    "lib/python3.12/__pycache__/os.cpython-312.pyc",
    "lib/python3.12/test/test_os.py",
    "lib/python3.12/unittest/mock.py",
    "lib/python3.12/unittest/test/support.py",
    "lib/python3.12/ctypes/test/__init__.py",
    "lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile",
    "lib/python3.12/config-3.12-x86_64-linux-gnu/libpython3.12.a",
    "lib/python3.12/site-packages/README.txt",
    "lib/python3.12/site-packages/black.py",
    "lib/python3.12/site-packages/other.pth",
    "lib/python3.12/site-packages/pip/__init__.py",
    "lib/python3.12/site-packages/pip/__pycache__/x.pyc",
    "lib/python3.12/site-packages/pip/left-behind.py",
    "lib/python3.12/site-packages/setuptools/__init__.py",
    "share/man/man1/python3.12.1",
    "share/man/man1/black.1",
    "share/terminfo/x/xterm",
)


def program(folder: Path, name: str, script: str) -> Path:
    """Make a program of the shell."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder / name


def environment(*folders: Path) -> dict[str, str]:
    """Return an environment in which programs of these folders come first."""
    return {"PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]])}


def source_at(prefix: Path, *, system: str = "linux", prefixes: tuple[str, ...] = ()) -> Source:
    """Return the description of a CPython 3.12.1 that need not be there."""
    return Source(
        prefix=prefix,
        prefixes=prefixes or (str(prefix),),
        interpreter=prefix / "bin/python3.12",
        name="python3.12",
        stdlib="lib/python3.12",
        include="include/python3.12",
        multiarch="",
        version=Version("cpython", (3, 12, 1)),
        platform=Platform(system, "x86_64", "", "gnu" if system == "linux" else "none"),
        missing=(),
    )


def installation(prefix: Path) -> Source:
    """Make an installation with one of everything, and return its description."""
    for name in FILES:
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(name)
    site = prefix / "lib/python3.12/site-packages"
    record(site, "pip-23", "../../../bin/pip3.12,,", "pip/__init__.py,,", "pip/__pycache__/x.pyc,,", "pip/missing.py,,")
    record(site, "setuptools-23", "setuptools/__init__.py,,")
    answering(prefix)
    (prefix / "bin/pip").symlink_to("pip3.12")
    return source_at(prefix)


def record(site: Path, distribution: str, *lines: str) -> None:
    """Write the list of a distribution's files."""
    folder = site / f"{distribution}.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "RECORD").write_text("\n".join([*lines, f"{distribution}.dist-info/RECORD,,", ""]))


def answering(prefix: Path, *, elsewhere: Mapping[str, object] | None = None, **answers: object) -> None:
    """Make an interpreter that says of itself that it is a CPython 3.12.1 in the folder in which it is.

    Args:
        prefix: where it is now.
        elsewhere: what it says otherwise as soon as it is not there any more. ORIGINAL stands for where it was.
        answers: what it says otherwise at all times. HERE stands for where it is.
    """
    fields: dict[str, object] = {
        "implementation": "cpython",
        "version": [3, 12, 1, "final", 0],
        "abiflags": "",
        "prefix": "HERE",
        "base_prefix": "HERE",
        "exec_prefix": "HERE",
        "freethreaded": False,
        "debug": False,
        "framework": "",
        "stdlib": "HERE/lib/python3.12",
        "include": "HERE/include/python3.12",
        "multiarch": "",
        "machine": "x86_64",
        "system": "linux",
        "built": [],
        "missing": [],
        "mapped": [],
        **answers,
    }
    # Kept outside, for packing rewrites paths in scripts
    original = prefix.with_name(f"{prefix.name}.original")
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_text(os.path.realpath(prefix))
    for name in ("python3.12", "python3"):
        (prefix / "bin" / name).unlink(missing_ok=True)
    program(
        prefix / "bin",
        "python3.12",
        f"""here=$(cd "$(dirname "$0")/.." && pwd -P)
original=$(cat {shlex.quote(str(original))})
answer={shlex.quote(json.dumps(fields))}
[ "$here" = "$original" ] || answer={shlex.quote(json.dumps(fields | dict(elsewhere or {})))}
printf 'pyv:%s\\n' "$answer" | sed "s#HERE#$here#g; s#ORIGINAL#$original#g" """,
    )
    (prefix / "bin/python3").symlink_to("python3.12")
