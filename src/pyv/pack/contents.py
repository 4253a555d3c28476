"""What of an installation goes into an archive: Python itself, and not what people installed into it."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.pack.source import Source

# The commands that CPython's own installation, pip and setuptools make; the number must be this interpreter's
_COMMAND = r"(?:python|idle|pydoc|2to3|pip|pyvenv|easy_install)-?(?:{major}(?:\.{minor}[tdmu]*)?)?(?:-config)?"
_LIBRARY = r"libpython{major}(?:\.{minor}[tdmu]*)?\.(?:so|dylib)[\w.]*"
_PACKAGE_CONFIG = r"python-?{major}(?:\.{minor}[tdmu]*)?(?:-embed)?\.pc"
_MANUAL = r"python(?:{major}(?:\.{minor})?)?\.1"
# Tcl and Tk, which some builds bring along
_TCL = re.compile(r"(?:tcl|tk|itcl|thread|tdbc|sqlite)\d[\d.]*")
# The parts of the library that only CPython's own developers run
_TESTS = frozenset(
    {
        "test",
        "ctypes/test",
        "distutils/tests",
        "idlelib/idle_test",
        "lib2to3/tests",
        "sqlite3/test",
        "tkinter/test",
        "unittest/test",
    }
)
# What a distribution or an administrator added; and static libraries, which are larger than all the rest
_LEFT_OUT = re.compile(r"EXTERNALLY-MANAGED|(?:site|user)customize\.py|libpython.*|python\.o")
_SITE = ("site-packages", "dist-packages")


def collect(source: Source, *, with_tests: bool) -> dict[str, Path]:
    """Choose what to pack.

    Args:
        source: the installation.
        with_tests: whether the tests of the standard library are to be in.

    Returns:
        For each name in the archive, relative and with slashes, the file or link that belongs there. Links among them
        lead to other names of the archive.

    Raises:
        PyvError: something that must be in is not there.
        OSError: a folder could not be read.
    """
    chosen = _matching(source, "bin", _COMMAND)
    chosen |= {f"bin/{name}": source.interpreter for name in ("python", "python3", source.name)}
    chosen |= _matching(source, "lib", _LIBRARY)
    chosen |= _matching(source, "lib/pkgconfig", _PACKAGE_CONFIG)
    chosen |= _matching(source, "share/man/man1", _MANUAL)
    chosen |= _headers(source)
    chosen |= _library(source, with_tests=with_tests)
    if not source.shared:
        chosen |= _everything_below(source.prefix, "share/terminfo")
        for name in _names(source.prefix / "lib"):
            if _TCL.fullmatch(name):
                chosen |= _everything_below(source.prefix, f"lib/{name}")
    if not any(name.startswith(f"{source.stdlib}/site-packages/pip/") for name in chosen):
        chosen = {name: path for name, path in chosen.items() if not re.match(r"bin/(?:pip|easy_install)", name)}
    return {name: path for name, path in sorted(chosen.items()) if path.is_file()}


def link_target(name: str, path: Path, chosen: dict[str, Path], source: Source) -> str | None:
    """Return where a link in the archive leads, relative to its own folder; None if it is to be a file.

    Args:
        name: its name in the archive.
        path: what belongs there.
        chosen: all that is in the archive.
        source: the installation.
    """
    folder = PurePosixPath(name).parent
    program = f"bin/{source.name}"
    if name != program and folder.name == "bin" and _same(path, source.interpreter):
        return source.name  # among these are hard links, which would be packed as often as they have names
    if not path.is_symlink():
        return None
    target = os.readlink(path)
    for prefix in source.prefixes:
        if target.startswith(f"{prefix}/"):
            target = os.path.relpath(target.removeprefix(f"{prefix}/"), folder)
    target = os.path.normpath(folder / target)
    return os.path.relpath(target, folder) if target in chosen and target != name else None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _matching(source: Source, folder: str, pattern: str) -> dict[str, Path]:
    major, minor, _ = source.version.release
    matches = re.compile(pattern.replace("{major}", str(major)).replace("{minor}", str(minor))).fullmatch
    return {
        f"{folder}/{name}": source.prefix / folder / name for name in _names(source.prefix / folder) if matches(name)
    }


def _headers(source: Source) -> dict[str, Path]:
    chosen = _everything_below(source.prefix, source.include)
    # Debian's pyconfig.h includes another one from a folder that only the system's own compiler looks into
    real = source.prefix / "include" / source.multiarch / source.name / "pyconfig.h"
    if source.multiarch and real.is_file():
        chosen[f"{source.include}/pyconfig.h"] = real
    return chosen


def _library(source: Source, *, with_tests: bool) -> dict[str, Path]:
    root = source.prefix / source.stdlib
    if not (root / "os.py").is_file():
        raise PyvError(
            f"{source.prefix} has no standard library in {source.stdlib}",
            hint="give the folder of a whole installation",
        )
    left_out = set(_SITE) if with_tests else {*_SITE, *_TESTS}
    chosen = {
        f"{source.stdlib}/{name}": path
        for name, path in _walk(root, "", left_out)
        if not _LEFT_OUT.fullmatch(path.name)
    }
    return chosen | {
        f"{source.stdlib}/site-packages/{name}": path for name, path in _distributions(source, root / "site-packages")
    }


def _distributions(source: Source, site: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of what ensurepip installs: pip, and setuptools as long as CPython brought it (until 3.11)."""
    wanted = "pip" if source.version.release >= (3, 12) else "pip|setuptools"
    if (site / "README.txt").is_file():
        yield "README.txt", site / "README.txt"
    for folder in _names(site):
        if not re.fullmatch(rf"(?:{wanted})-[^-]+\.dist-info", folder):
            continue
        # The list of installed files, a table of comma-separated values whose first column is a path (PEP 376)
        try:
            lines = (site / folder / "RECORD").read_text("utf-8").splitlines()
        except FileNotFoundError:
            continue
        for row in csv.reader(lines):
            name = os.path.normpath(row[0]) if row else ".."
            if not name.startswith(("/", "..")) and "__pycache__" not in name and (site / name).is_file():
                yield name, site / name


def _everything_below(prefix: Path, folder: str) -> dict[str, Path]:
    return {f"{folder}/{name}": path for name, path in _walk(prefix / folder, "", set())}


def _walk(folder: Path, name: str, left_out: set[str]) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        inner = f"{name}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__" and inner not in left_out:
                yield from _walk(folder / entry.name, f"{inner}/", left_out)
        else:
            yield inner, folder / entry.name
