"""The CPython that is to be packed: asked what it is, and refused if it is something else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import platforms, proc
from pyv.errors import PyvError, shell_word
from pyv.versions import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.platforms import Platform

_SECONDS = 60
# Folders of the system's package manager, where most of what is found is no part of Python
_SYSTEM_PREFIXES = frozenset({"/", "/usr"})
_SHARED_PREFIXES = _SYSTEM_PREFIXES | {"/usr/local"}
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}
_GIVE = "give the prefix: the folder that has bin/python3 in it"
_STEERING = re.compile(r"PYTHON.*|LD_.*|DYLD_.*|VIRTUAL_ENV|__PYVENV_LAUNCHER__")
# What it prints is one line of JSON. It must run on every Python 3.
_QUESTION = """
import json, os, platform, sys, sysconfig
def built(name):
    try:
        data = __import__(sysconfig._get_sysconfigdata_name(), fromlist=["build_time_vars"])
        return data.build_time_vars.get(name) or ""
    except Exception:
        return ""
missing = []
for name in sys.argv[1].split(","):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
try:
    with open("/proc/self/maps", errors="surrogateescape") as file:
        mapped = sorted({line.split(None, 5)[5].rstrip("\\n") for line in file if line.count("/")})
except OSError:
    mapped = []
print("pyv:" + json.dumps({
    "implementation": sys.implementation.name,
    "version": sys.version_info[:],
    "abiflags": getattr(sys, "abiflags", ""),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "exec_prefix": sys.exec_prefix,
    "freethreaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
    "framework": sysconfig.get_config_var("PYTHONFRAMEWORK") or "",
    "stdlib": os.path.dirname(os.__file__),
    "include": sysconfig.get_config_var("INCLUDEPY") or "",
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
    "machine": platform.machine(),
    "system": sys.platform,
    "built": [built("prefix"), built("exec_prefix")],
    "missing": missing,
    "mapped": mapped,
}))
"""
MODULES = ("bz2", "ctypes", "lzma", "sqlite3", "ssl", "zlib")
"""Modules that a complete Python has, and that a machine without their libraries builds it without."""


class Answer(NamedTuple):
    """What an interpreter says of itself."""

    implementation: str
    version: Version
    abiflags: str
    prefix: str
    base_prefix: str
    exec_prefix: str
    framework: str
    stdlib: str
    include: str
    multiarch: str
    machine: str
    system: str
    built: list[str]
    missing: list[str]
    mapped: list[str]


class Source(NamedTuple):
    """An installed CPython.

    Attributes:
        prefix: its folder, without links.
        prefixes: all the ways in which its files may spell that folder, longest first.
        interpreter: the program.
        name: what the program is called in an archive, such as `python3.13t`.
        stdlib: the standard library, relative to the prefix, such as `lib/python3.12`.
        include: the headers, relative to the prefix, such as `include/python3.12`.
        multiarch: the folder in which Debian keeps what differs between processors, or nothing.
        version: what it is.
        platform: what it runs on.
        missing: those of `MODULES` that it was built without.
    """

    prefix: Path
    prefixes: tuple[str, ...]
    interpreter: Path
    name: str
    stdlib: str
    include: str
    multiarch: str
    version: Version
    platform: Platform
    missing: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether the prefix holds much besides Python."""
        return str(self.prefix) in _SHARED_PREFIXES

    @property
    def of_the_system(self) -> bool:
        """Whether the prefix belongs to the system's package manager."""
        return str(self.prefix) in _SYSTEM_PREFIXES


def unsteered(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that change what Python and the dynamic linker load."""
    return {name: value for name, value in env.items() if not _STEERING.fullmatch(name)}


def examine(prefix: Path, env: Mapping[str, str]) -> Source:
    """Find out what is installed in a folder. Nothing is written there.

    Args:
        prefix: the folder, or a link to it.
        env: what the interpreter runs in, LD_LIBRARY_PATH included: some builds do not start without it.

    Raises:
        PyvError: it is no CPython, an environment, not able to run, or of a kind that cannot be moved.
    """
    given = os.path.abspath(prefix)
    if os.path.isfile(given):
        raise PyvError(f"{prefix} is a file", hint=_GIVE)
    config = os.path.join(given, "pyvenv.cfg")
    if os.path.lexists(config):
        raise PyvError(
            f"{prefix} is a virtual environment, made from another Python",
            hint=f"pyv pack {shell_word(_base_of(config) or 'PREFIX')}",
        )
    python = _find_interpreter(given)
    if python is None:
        raise PyvError(f"{prefix} holds no CPython 3: there is no bin/python3 in it", hint=_GIVE)
    answer = ask(python, env)
    if answer.implementation != "cpython":
        raise PyvError(
            f"{prefix} holds {answer.implementation}; only CPython can be packed",
            hint=f"to use it where it is: pyv link NAME {shell_word(prefix)}",
        )
    real = Path(os.path.realpath(given))
    base = os.path.realpath(answer.base_prefix)
    if base != os.fspath(real):
        raise PyvError(f"the Python in {prefix} belongs to {base}", hint=f"pyv pack {shell_word(base)}")
    if answer.framework:
        raise PyvError(
            f"{prefix} is a macOS framework build, which cannot be moved",
            hint=f"to use it where it is: pyv link NAME {shell_word(prefix)}",
        )
    short = "python{}.{}".format(*answer.version.release)
    full = short + answer.abiflags
    name = full if os.path.exists(real / "bin" / full) else short
    spellings = (given, answer.prefix, answer.base_prefix, answer.exec_prefix, *answer.built)
    prefixes = {spelling.rstrip("/") for each in spellings for spelling in (each, os.path.realpath(each)) if each}
    host = platforms.detect(answer.system, answer.machine, [python], Path(os.devnull))
    return Source(
        prefix=real,
        prefixes=tuple(sorted(prefixes - {""}, key=lambda each: (-len(each), each))),
        interpreter=Path(os.path.realpath(python)),
        name=name,
        stdlib=_below(answer.stdlib, real, prefix),
        include=_below(answer.include, real, prefix, default=f"include/{name}"),
        multiarch=answer.multiarch,
        version=answer.version,
        platform=host.platform,
        missing=tuple(answer.missing),
    )


def ask(python: Path, env: Mapping[str, str]) -> Answer:
    """Start an interpreter and return what it says of itself. It writes no bytecode, and runs nothing of the site.

    Raises:
        PyvError: it does not start, or says nothing sensible.
    """
    done = proc.run([python, "-I", "-S", "-B", "-c", _QUESTION, ",".join(MODULES)], env=env, timeout=_SECONDS)
    for line in done.stdout.splitlines():
        if line.startswith("pyv:"):
            try:
                fields = json.loads(line[4:])
                *release, level, serial = fields["version"]
                pre = (_LEVELS[level], serial if _LEVELS[level] else 0)
                variant = {name: fields.pop(name) for name in ("freethreaded", "debug")}
                fields["version"] = Version("cpython", tuple(release), pre, **variant)
                return Answer(**fields)
            except (KeyError, TypeError, ValueError):
                break
    reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    raise PyvError(f"{python} does not run: {reason}", hint=f"see what it says: {shell_word(python)} -c pass")


def _find_interpreter(prefix: str) -> Path | None:
    folder = Path(prefix, "bin")
    try:
        names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"python3\.\d+[tdmu]*", name))
    except OSError:
        return None
    for name in ("python3", *names, "pypy3"):
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return folder / name
    return None


def _base_of(config: str) -> str:
    """Return the prefix of the Python that an environment was made from, as its description has it (PEP 405)."""
    try:
        with open(config, encoding="utf-8", errors="replace") as file:
            found = re.search(r"^home\s*=\s*(\S.*?)\s*$", file.read(), re.MULTILINE)
    except OSError:
        return ""
    return os.path.dirname(os.path.realpath(found[1])) if found else ""


def _below(path: str, prefix: Path, given: Path, default: str = "") -> str:
    """Return a folder of an installation relative to its prefix."""
    relative = os.path.relpath(os.path.realpath(path), prefix) if path else default
    if not relative.startswith(".."):
        return relative
    if default:
        return default
    raise PyvError(
        f"{given} is not complete in itself: its standard library is {path}",
        hint=f"to use it where it is: pyv link NAME {shell_word(given)}",
    )
