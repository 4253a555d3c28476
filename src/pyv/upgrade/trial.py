"""Trying out an environment on another patch of its interpreter, while it stays on the one that it has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv import dependents, fsops, proc, smoke

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyv.dependents import Dependent
    from pyv.layout import Layout

_SECONDS = 120
# Imports each compiled module in turn and notes, before and after, how that went: one that ends the process is known by
# its name, too. Works on every Python since 3.8; libraries that are no modules lack the function that makes one.
_IMPORT = r"""
import importlib, mmap, os, sys, sysconfig
from importlib.machinery import EXTENSION_SUFFIXES

path, wanted = sys.argv[1], set(sys.argv[2:])
with open(path, "a+", encoding="utf-8") as report:
    report.seek(0)
    done = {line.split()[1] for line in report if line.startswith(">")}

def makes(file, name):
    with open(file, "rb") as stream:
        if not os.fstat(stream.fileno()).st_size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = b"PyInit_" if name.isascii() else b"PyInitU_"
            return content.find(start + (name.encode() if name.isascii() else b"")) >= 0

suffixes = sorted(EXTENSION_SUFFIXES, key=len, reverse=True)

def modules(root):
    for base, folders, files in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder.isidentifier())
        inside = [part for part in os.path.relpath(base, root).split(os.sep) if part != "."]
        for file in sorted(files):
            suffix = next((each for each in suffixes if file.endswith(each)), "")
            parts = inside + [file[: len(file) - len(suffix)]]
            if parts[-1] == "__init__":
                parts.pop()
            if suffix and parts and parts[-1].isidentifier() and makes(os.path.join(base, file), parts[-1]):
                yield ".".join(parts)

def note(report, *words):
    report.write(" ".join(words) + "\n")
    report.flush()

with open(path, "a", encoding="utf-8", errors="backslashreplace") as report:
    for root in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        for name in modules(root):
            if name in done or (wanted and name not in wanted):
                continue
            done.add(name)
            note(report, ">", name)
            try:
                importlib.import_module(name)
            except BaseException as error:
                note(report, "!", name, " ".join("{}: {}".format(type(error).__name__, error).split()))
            else:
                note(report, "<", name)
    note(report, ".")
"""


class Trial(NamedTuple):
    """How it went: the environment, and what does not work there that does on its present interpreter."""

    path: Path
    problems: tuple[str, ...]


def try_out(environment: Dependent, prefix: Path, layout: Layout, env: Mapping[str, str]) -> Trial:
    """Start an environment on another interpreter, import its compiled modules and let its pip check it.

    Its files are run, so it has to be one that is trusted. It is not changed: beside a pyvenv.cfg that names the other
    interpreter stands a link to its packages.

    Args:
        environment: the environment.
        prefix: the folder of the other interpreter.
        layout: where there is room for that.
        env: the environment variables to start it with.

    Raises:
        OSError: there is no room.
    """
    with fsops.staging(layout.staging, "trial") as area:
        new = _likeness(environment.path, prefix, area / "env")
        old = environment.path / "bin/python"
        failed = _imports(new, area / "new", env, ())
        if failed:
            # What fails on both is not the upgrade's fault
            before = _imports(old, area / "old", env, tuple(name for name in failed if name))
            failed = {name: reason for name, reason in failed.items() if name not in before and "" not in before}
        problems = [
            f"{name} fails: {reason}" if name else f"its Python fails: {reason}" for name, reason in failed.items()
        ]
        if "" not in failed:
            complaints = _pip_check(new, env)
            if complaints:
                known = _pip_check(old, env)
                problems += [line for line in complaints if line not in known]
    return Trial(environment.path, tuple(problems))


def _likeness(environment: Path, prefix: Path, folder: Path) -> Path:
    """Make what is the environment in all but its interpreter, and return its Python."""
    shared = dependents.settings(environment).get("include-system-site-packages", "false")
    (folder / "bin").mkdir(parents=True)
    text = f"home = {prefix / 'bin'}\ninclude-system-site-packages = {shared}\n"
    (folder / dependents.CONFIG).write_bytes(text.encode("utf-8", "surrogateescape"))
    for name in ("lib", "lib64"):
        if os.path.exists(environment / name):
            os.symlink(environment / name, folder / name)
    program = smoke.executable(prefix)
    for name in ("python", program.name):
        if not os.path.lexists(folder / "bin" / name):
            os.symlink(program, folder / "bin" / name)
    return folder / "bin" / program.name


def _imports(python: Path, report: Path, env: Mapping[str, str], only: Sequence[str]) -> dict[str, str]:
    """Import compiled modules, and return those that fail, with the reasons; under an empty name, if nothing starts."""
    begun = 0
    while True:
        done = proc.run(
            [python, "-I", "-B", "-c", _IMPORT, report, *only], env=env, timeout=_SECONDS, cwd=report.parent
        )
        names, failed, finished = _read(report)
        if finished:
            return failed
        reason = f"it ends with {_status(done.returncode)}"
        if done.returncode == 124:  # it may be the next one, too: nobody waits for all of them
            reason = f"no answer within {_SECONDS} s"
        unfinished = [name for name, ended in names.items() if not ended]
        if len(names) == begun:
            last = (done.stderr.strip().splitlines() or [reason])[-1]
            return {**failed, "": last}
        begun = len(names)
        with open(report, "a", encoding="utf-8") as file:
            file.writelines(f"! {name} {reason}\n" for name in unfinished)
        if done.returncode == 124:
            return _read(report)[1]


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _read(report: Path) -> tuple[dict[str, bool], dict[str, str], bool]:
    """Return the modules that were begun and whether each one ended, those that failed, and whether all was done."""
    names: dict[str, bool] = {}
    failed: dict[str, str] = {}
    finished = False
    try:
        lines = report.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        mark, _, rest = line.partition(" ")
        name, _, reason = rest.partition(" ")
        finished = finished or mark == "."
        if mark == ">":
            names[name] = False
        elif name:
            names[name] = True
            if mark == "!":
                failed[name] = reason
    return names, failed, finished


def _pip_check(python: Path, env: Mapping[str, str]) -> list[str]:
    """Return what pip finds wrong with an environment; nothing if it has no pip."""
    site = list(python.parent.parent.glob("lib/py*/site-packages/pip/__main__.py"))
    if not site:
        return []
    done = proc.run(
        [python, "-I", "-B", "-m", "pip", "--disable-pip-version-check", "check"], env=env, timeout=_SECONDS
    )
    if not done.returncode:
        return []
    return done.stdout.strip().splitlines() or [(done.stderr.strip().splitlines() or ["pip check fails"])[-1]]
