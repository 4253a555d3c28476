"""Turns a wheel into what stands in site-packages: its files, their bytecode, and the records that pip would write."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import stat
from configparser import Error, RawConfigParser
from typing import TYPE_CHECKING, NamedTuple

from pyv import proc
from pyv.archive import DEFAULT_LIMITS
from pyv.archive.model import RefusedError
from pyv.archive.tree import Tree
from pyv.archive.zipfiles import zip_members
from pyv.errors import StoreError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyv.seed.kept import Wanted

_TOP = "wheel"
_SECONDS = 300
# Names of console scripts, and of what they run (packaging guide, entry points)
_SCRIPT = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_TARGET = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(\[[^\]]*\])?", re.ASCII)
# A wheel names one version of its commands; each environment gets that of its own Python
_VERSIONED = re.compile(r"(pip|easy_install)-?\d+(\.\d+)?", re.ASCII)
_WRITTEN = {"INSTALLER": b"pip\n", "REQUESTED": b""}
# Times, not hashes, decide whether bytecode is stale, as in every environment; and no path of the cache is left in it:
# Python puts in the path that it loads the source from
_COMPILE = """
import compileall, os, py_compile, sys
modes = getattr(py_compile, "PycInvalidationMode", None)  # Python 3.6 knows no other
mode = {"invalidation_mode": modes.TIMESTAMP} if modes else {}
def work(workers):
    compileall.compile_dir(sys.argv[1], ddir="", force=True, quiet=2, workers=workers, **mode)
try:
    work(min(os.cpu_count() or 1, 4))
except (OSError, ImportError):  # no semaphores here
    work(1)
"""


class Contents(NamedTuple):
    """What is in a folder made from a wheel; the fields are those of `Unpacked`."""

    folders: list[str]
    files: list[tuple[str, int, int, int]]
    scripts: list[tuple[str, str, str]]
    rows: str


def unpack(wheel: Path, version: str, folder: Path, wanted: Wanted, env: Mapping[str, str]) -> Contents:
    """Unpack a wheel into a new folder, compile it, and protect its files from being written in place.

    Args:
        wheel: the file, whose bytes are known to be right.
        version: as the wheel's name spells it.
        folder: is made.
        wanted: what the wheel holds, and for which Python.
        env: the environment to run the interpreter in.

    Raises:
        VerificationError: the wheel is malformed, breaks a rule, or needs more than copying.
        StoreError: the interpreter does not work.
        OSError: it cannot be written.
    """
    folder.mkdir()
    metadata = f"{wanted.name}-{version}.dist-info"
    _extract(wheel, folder)
    _check(folder, metadata)
    scripts = _scripts(folder / metadata / "entry_points.txt", wanted.python)
    for file, content in _WRITTEN.items():
        (folder / metadata / file).write_bytes(content)
    _compile(folder, wanted.interpreter, env)
    rows = _rows(folder, metadata)
    os.unlink(folder / metadata / "RECORD")  # each environment gets its own, with its commands in it
    folders, files = _protect(folder)
    return Contents(folders, files, scripts, rows)


def _extract(wheel: Path, folder: Path) -> None:
    # The rules for names want one folder above all members, which a wheel lacks
    tree = Tree(os.fspath(folder), _TOP, DEFAULT_LIMITS)
    try:
        with open(wheel, "rb") as file:
            for member in zip_members(file, wheel.name, limits=DEFAULT_LIMITS):
                tree.add(member._replace(name=f"{_TOP}/{member.name}"))
        linked = any(entry.kind == "link" for entry in tree.finish())
    except RefusedError as error:
        raise VerificationError(f"{wheel.name}: {error}") from error
    if linked:
        raise VerificationError(f"{wheel.name}: it holds links")


def _check(folder: Path, metadata: str) -> None:
    """See to it that nothing but copying is needed to install the wheel (binary distribution format, version 1)."""
    if not all((folder / metadata / name).is_file() for name in ("RECORD", "WHEEL", "METADATA")):
        raise VerificationError(f"{metadata}: the wheel lacks its records")
    told = (folder / metadata / "WHEEL").read_text(encoding="utf-8", errors="replace").lower()
    if "\nwheel-version: 1." not in f"\n{told}" or "root-is-purelib: true" not in told:
        raise VerificationError(f"{metadata}: a kind of wheel that pyv does not know")
    if any(name.endswith(".data") for name in os.listdir(folder)):
        raise VerificationError(f"{metadata}: the wheel has parts that belong elsewhere than to site-packages")


def _scripts(entry_points: Path, python: tuple[int, int]) -> list[tuple[str, str, str]]:
    """Return the commands of a wheel, with those of pip named for this Python as `ensurepip --default-pip` does."""
    parser = RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep upper case
    try:
        parser.read_string(entry_points.read_text(encoding="utf-8"))
        items = parser.items("console_scripts") if parser.has_section("console_scripts") else []
    except FileNotFoundError:
        return []
    except (Error, UnicodeDecodeError):
        raise VerificationError(f"{entry_points.parent.name}: its entry points are malformed") from None
    scripts = []
    for name, value in items:
        target = _TARGET.fullmatch(value.strip())
        if target is None or not _SCRIPT.fullmatch(name):
            raise VerificationError(f"{entry_points.parent.name}: its entry points are malformed")
        if _VERSIONED.fullmatch(name):
            continue
        names = [name]
        if name == "pip":
            names += [f"pip{python[0]}", f"pip{python[0]}.{python[1]}"]
        elif name == "easy_install":
            names += [f"easy_install-{python[0]}.{python[1]}"]
        scripts += [(each, target[1], target[2]) for each in names]
    return scripts


def _compile(folder: Path, interpreter: Path, env: Mapping[str, str]) -> None:
    done = proc.run([interpreter, "-I", "-B", "-c", _COMPILE, folder], env=env, timeout=_SECONDS)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise StoreError(f"{interpreter} does not work: {reason}", hint="pyv doctor")


def _rows(folder: Path, metadata: str) -> str:
    """Return RECORD as pip writes it: the wheel's own lines, bytecode without hashes, and what was added."""
    with open(folder / metadata / "RECORD", encoding="utf-8", newline="") as file:
        try:
            rows = {row[0]: row for row in csv.reader(file) if len(row) == 3}
        except (csv.Error, UnicodeDecodeError):
            raise VerificationError(f"{metadata}: its RECORD is malformed") from None
    for name, content in _WRITTEN.items():
        rows[f"{metadata}/{name}"] = [f"{metadata}/{name}", digest(content), str(len(content))]
    for base, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.relpath(os.path.join(base, name), folder)
            rows.setdefault(path, [path, "", ""])
    rows[f"{metadata}/RECORD"] = [f"{metadata}/RECORD", "", ""]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows[path] for path in sorted(rows))
    return text.getvalue()


def digest(content: bytes) -> str:
    """Return a hash as RECORD spells it (PEP 376, PEP 427)."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _protect(folder: Path) -> tuple[list[str], list[tuple[str, int, int, int]]]:
    """Take away the right to write, and describe what there is."""
    folders: list[str] = []
    files: list[tuple[str, int, int, int]] = []
    for base, names, found in os.walk(folder):
        names.sort()
        start = os.path.relpath(base, folder)
        start = "" if start == os.curdir else f"{start}/"
        if start:
            folders.append(start[:-1])
            os.chmod(base, 0o755)  # noqa: S103 - like all that is installed, whatever the umask
        for name in sorted(found):
            full = os.path.join(base, name)
            executable = os.lstat(full).st_mode & stat.S_IXUSR
            os.chmod(full, 0o555 if executable else 0o444)
            status = os.lstat(full)
            files.append((start + name, stat.S_IMODE(status.st_mode), status.st_size, status.st_mtime_ns))
    return folders, files
