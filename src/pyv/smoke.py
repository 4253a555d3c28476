"""The smoke run: an interpreter is started once, with the modules that break first, and asked what it is."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops, proc
from pyv.errors import VerificationError
from pyv.versions import IMPLEMENTATIONS, Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What the folder for bytecode is called in a staging area
BYTECODE = "bytecode"
_SECONDS = 60
_MOST_BYTES = 1 << 20
# Most of a smoke run is the compiler's, for an interpreter comes without bytecode. So a copy of the process compiles
# these ahead of their import, in the order in which they are needed; about as much is left to the original.
_AHEAD = ("enum", "socket", "warnings", "datetime", "ctypes")
# The modules that are asked for import these, too, but use them only when somebody calls a function. So, in an install,
# they are loaded when something in them is asked for: `base64` brings the modules for patterns, a fifth of all there is
# to compile.
_ON_DEMAND = ("base64", "selectors")
# It prints the implementation, then major minor patch level serial of the language, abiflags, and its own version. It
# collects no garbage and leaves without taking its modules apart: an install waits for it.
_QUESTION = f"""
import gc, os, sys
gc.disable()
class OnDemand(type(sys)):
    def __getattr__(self, name):
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        __import__(self.__name__)
        return getattr(sys.modules[self.__name__], name)
bytecode = getattr(sys, "pycache_prefix", None) if sys.implementation.name == "cpython" else None
find = bytecode and sys.modules["_frozen_importlib_external"].PathFinder.find_spec
for name in {_ON_DEMAND} if bytecode else ():
    if name not in sys.modules and find(name):
        sys.modules[name] = OnDemand(name)
copy = None
if bytecode and os.path.isdir(bytecode):
    try:
        copy = os.fork()
    except OSError:
        pass  # too many processes: it only takes longer
if copy == 0:
    try:
        sys.dont_write_bytecode = False
        for name in {_AHEAD}:
            if name not in sys.modules and os.path.isdir(bytecode):  # or else nobody waits any more
                find(name).loader.get_code(name)
    finally:
        os._exit(0)
import collections
import ssl, sqlite3, zlib, ctypes
ssl.SSLContext, sqlite3.connect, zlib.crc32, ctypes.CDLL  # a folder without its files imports, too, as a namespace
own = getattr(sys, "pypy_version_info", ())
print("pyv:", sys.implementation.name, *sys.version_info, "flags=" + getattr(sys, "abiflags", ""), *own, flush=True)
if copy:
    os.kill(copy, 9)
    os.waitpid(copy, 0)
os._exit(0)
"""
# So much of what it says fits into a message
_MOST_SHOWN = 200
# How the lines begin that tell of frames
_FRAMES = (" ", "\t", "Current thread ", "Thread ")
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}


class NotStartedError(VerificationError):
    """An interpreter could not even be started. It may be the machine that forbids it, and not the build's fault."""


class Reported(NamedTuple):
    """What an interpreter says of itself."""

    version: Version

    def agrees(self, expected: Version) -> bool:
        """Tell whether this is the version that was expected.

        GraalPy does not tell its own version's number, and the name of its archive need not tell the language's.
        """
        if expected.implementation == "graalpy":
            mine, theirs = self.version, expected
            return mine.implementation == "graalpy" and mine.release[:2] == (theirs.release or mine.release)[:2]
        return self.version.name == expected.name


def executable(prefix: Path) -> Path:
    """Return the interpreter in an installation's folder."""
    for name in ("bin/python3", "bin/python", "bin/pypy3", "bin/graalpy"):
        if os.path.exists(prefix / name):
            return prefix / name
    return prefix / "bin/python3"


def ask(prefix: Path, env: Mapping[str, str], bytecode: Path | None = None, *, name: str = "") -> Reported:
    """Start the interpreter of a prefix and return what it says of itself.

    Args:
        prefix: its installation's folder.
        name: what it is to be called in a message; its folder by default.
        env: the environment to start it in. It writes no bytecode there, and ignores the variables that steer Python.
        bytecode: for what comes out of an archive, whose hash says that its files are whole: an empty folder for
            bytecode that nobody needs afterwards, in the staging area. If it exists, the answer comes sooner where the
            prefix has no bytecode and another processor is free.

    Raises:
        NotStartedError: it cannot be started at all.
        VerificationError: it does not work, lacks a module that every complete Python has, or says nothing sensible.
        OSError: this system lets nothing be started now, see `proc.contain`.
    """
    python = executable(prefix)
    # Without the columns that tracebacks point at: they take the compiler time
    options = ["-I", "-B", "-X", "no_debug_ranges"]
    if bytecode is not None:
        options += mark(bytecode.parent)
    ahead = ["-X", f"pycache_prefix={bytecode}"] if bytecode is not None else []
    done = _run([python, *options, *ahead], env)
    if bytecode is not None and os.path.isdir(bytecode) and done.returncode not in (0, proc.TOO_LONG):
        # On a full disk its copy writes bytecode that is torn, and does not notice: only without that is it the build
        with suppress(OSError):
            fsops.remove_tree(bytecode)
        done = _run([python, *options], env)
    answers = [line for line in done.stdout.splitlines() if line.startswith("pyv: ")]
    if answers and not done.returncode:
        return Reported(_understand(answers[-1].split()[1:], python))
    reason = _reason(done)
    hint = "this build does not fit this machine, or is broken"
    if done.returncode == proc.NOT_STARTED and os.access(python, os.R_OK) and not os.access(python, os.X_OK):
        hint = f"is the file system of {prefix} mounted noexec? Then set PYV_ROOT to another place"
    place = os.fspath(prefix)
    if os.pathsep in place:  # which separates folders where Python before 3.11 looks for its own
        hint = f"it may be the {os.pathsep!r} in {prefix}: set PYV_ROOT to a plainer path"
    elif os.fsencode(place).decode("utf-8", "replace") != place:  # from where none of them imports an extension module
        hint = f"it may be that {prefix} is not UTF-8: set PYV_ROOT to a plainer path"
    if done.returncode == proc.NOT_STARTED:
        raise NotStartedError(f"{name or prefix}: its python does not work: {reason}", hint=hint)
    raise VerificationError(f"{name or prefix}: its python does not work: {reason}", hint=hint)


def failure(program: Path, env: Mapping[str, str]) -> str:
    """Return why an interpreter does not start, in its own words; nothing if it starts.

    Args:
        program: the interpreter.
        env: the environment to start it in.
    """
    done = proc.run([program, "-I", "-B", "-c", "pass"], env=env, timeout=_SECONDS)
    return _reason(done) if done.returncode else ""


def _run(words: Sequence[str | Path], env: Mapping[str, str]) -> proc.Completed:
    return proc.contain([*words, "-c", _QUESTION], env=env, timeout=_SECONDS, most=_MOST_BYTES)


def sweep(staging: Path) -> None:
    """Remove the staging areas of killed processes, and end the interpreters that those had on trial.

    Such a one would make folders in an area that is being removed; and if it hangs, nobody waits for it any more.
    """

    def clean(area: Path) -> None:
        proc.end_those_with(mark(area)[-1])
        fsops.remove_tree(area)

    fsops.sweep(staging, clean=clean)


def mark(area: Path) -> list[str]:
    """Return the option by which `sweep` knows an interpreter at work in a staging area; to Python it means nothing."""
    return ["-X", f"pyv={area}"]


def _reason(done: proc.Completed) -> str:
    """Return what an interpreter has said last; of one that failed while it started, not where it was then."""
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith(_FRAMES)]
    return _shown(lines[-1] if lines else f"no answer, exit status {done.returncode}")


def _shown(said: str) -> str:
    return said if len(said) <= _MOST_SHOWN else f"{said[:_MOST_SHOWN]}..."


def _understand(words: list[str], python: Path) -> Version:
    try:
        implementation = IMPLEMENTATIONS[IMPLEMENTATIONS.index(words[0])]
        release = (int(words[1]), int(words[2]), int(words[3]))
        pre = (_LEVELS[words[4]], int(words[5]) if words[4] != "final" else 0)
        flags = words[6].removeprefix("flags=")
        if implementation == "pypy":
            own_level = _LEVELS[words[10]]
            own = (int(words[7]), int(words[8]), int(words[9]))
            return Version("pypy", release, (own_level, int(words[11]) if own_level else 0), own=own)
        return Version(implementation, release, pre, freethreaded="t" in flags, debug="d" in flags)
    except (IndexError, ValueError, KeyError):
        raise VerificationError(
            f"{python} describes itself as {_shown(' '.join(words))!r}, which is no known version",
            hint="pyv knows CPython, PyPy and GraalPy",
        ) from None
