"""Which program a command is, by what is selected: in the selection, or what may stand in for what it lacks."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import CommandNotFoundError, NotInstalledError, shell_word
from pyv.registry import CONFIG
from pyv.select.model import Found, Selection
from pyv.select.selector import damage_of, home_of, lost_under, same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyv.store import Store

# A shim sets it when it passes a command on to what may be another manager that passes it back: process id, how many
# entries of PATH may be searched then, how often this has happened, how many words the same call by a child of that
# process would have, its name among them, if that counts as well, else 0; and the command
GUARD = "_PYV_GUARD"
_MAX_PASSES = 32
# A program that is no script may be a manager, too, or be a Python, whose scripts start others of its folder: it is
# passed over only after so many calls right back, and what the system has in these folders gets no guard at all
_PATIENCE = 8
_ALL_OF_PATH = 999999
_OF_SYSTEM = ("/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin")
# Of longer numbers, and of leading zeros, not every sh makes the same
_GUARD = re.compile(" ".join([r"(0|[1-9][0-9]{0,10})"] * 4) + " (.+)", re.DOTALL)
_LIKE_PIP = re.compile(r"\A(?:easy_install|conda )| -m pip ")
_INTERPRETER = re.compile(r"(?:python|pip)(\d+\.\d+t?d?)", re.ASCII)
# pip under all its names; pipx and pip-compile are programs of their own
_PIP = re.compile(r"pip(?:-?\d.*)?", re.ASCII)
# Commands that are part of a Python: another one's must never stand in for a missing one
_OWN = re.compile(rf"(?:python|pydoc|idle).*|{_PIP.pattern}", re.ASCII | re.DOTALL)


class Commands:
    """The commands that can be had.

    Args:
        store: the installed versions.
        env: the environment: `PATH`, and a shim's guard.
        pid: this process, as a guard names it.
        parent: the process that started it.
    """

    def __init__(self, store: Store, env: Mapping[str, str], pid: int, parent: int = 0) -> None:
        self._store = store
        self._layout = store.layout
        self._env = env
        self._pid = pid
        self._parent = parent

    def find(self, command: str, selection: Selection, arguments: Sequence[str] | None = None) -> Found:
        """Return the program that a command means.

        Args:
            command: its name.
            selection: where it comes from.
            arguments: what it is going to be called with, if it is.

        Raises:
            CommandNotFoundError: the selection has no such command, and nothing else may stand in for it.
            NotInstalledError: it belongs to a version that is gone from where it was linked to.
        """
        if command and "/" not in command:
            limit = self._guarded(command, arguments)
            for found in self._candidates(command, selection, limit):
                if found.path:
                    return found
        raise self._no_command(command, selection)

    def _candidates(self, command: str, selection: Selection, limit: int) -> Iterator[Found]:
        """Yield where a command may come from, best first; an empty path where it is not.

        Only entries of PATH count that have less than `limit` others after them.
        """
        pinned = selection.rule != "default"
        only_system = pinned and all(chosen.prefix is None for chosen in selection.chosen)
        number = _INTERPRETER.fullmatch(command)
        newest = self._layout.version(number[1]) if number and not only_system else None
        if newest and not pinned:
            self._check_present(newest)
            yield Found(_program(newest, command), selection, f"nothing is pinned, and {newest.name} is installed")
        for chosen in selection.chosen:
            if chosen.prefix is None:
                yield Found(self._on_path(command, limit), selection, "", of_path=True)
            else:
                yield Found(_program(chosen.prefix, command), selection, "")
        if not _PIP.fullmatch(command) and command not in ("python", "python3"):  # those would lack its packages
            for chosen in selection.chosen:
                home = home_of(chosen.prefix) if chosen.prefix else ""
                path = f"{home}/{command}"
                there = path if home and _runs(path) else ""
                yield Found(there, selection, "the environment lacks it, its interpreter has it")
        if newest and pinned and not _is_own_pip(selection, command):
            self._check_present(newest)
            yield Found(_program(newest, command), selection, f"the selection lacks it, and {newest.name} is installed")
        if pinned and not only_system and not _OWN.fullmatch(command):
            yield Found(
                self._on_path(command, limit),
                selection,
                "the selection lacks it, the rest of PATH has it",
                of_path=True,
            )
        if not pinned:
            for name in ("3", *reversed(self.having(command))):
                path = _program(self._layout.version(name), command)
                yield Found(path, selection, f"nothing is pinned, PATH lacks it, {name} has it")

    def _check_present(self, newest: Path) -> None:
        """Raise what has become of the newest version of a minor one, if it was linked from elsewhere and is gone."""
        if os.path.islink(newest) and not os.path.exists(newest):
            for lost in self._store.lost():
                if lost.name == self._store.name_behind(newest.name):
                    raise NotInstalledError(lost.reason, hint=lost.remedy(newest.name))

    def having(self, command: str) -> list[str]:
        """Return the names of the installed versions that have a command, the newest version last but for names."""
        found = [each for each in self._store.installed() if _program(each.path, command)]
        return [each.name for each in sorted(found, key=lambda each: each.version is not None)]

    def _no_command(self, command: str, selection: Selection) -> CommandNotFoundError:
        names = ", ".join(chosen.name for chosen in selection.chosen)
        where = f"{names} (set by {selection.origin})" if selection.rule != "default" else "PATH"
        have = self.having(command)
        hint = f"these have it: {', '.join(have)}" if have else _advice(command)
        venv = selection.environment
        missed = lost_under(self._store, venv) if venv else None
        if missed is not None:
            return CommandNotFoundError(missed.message, hint=missed.hint)
        damage = next(filter(None, (damage_of(self._store, chosen.prefix) for chosen in selection.chosen)), None)
        if damage is not None:
            return CommandNotFoundError(damage.message, hint=damage.hint)
        if venv and not os.path.exists(venv / "bin/python"):
            return CommandNotFoundError(
                f"{venv} is broken: its Python is gone", hint=f"to rebuild it: pyv venv {shell_word(venv)}"
            )
        if venv and command in ("python", "python3"):
            hint = f"it is damaged; to repair it: pyv venv --repair {shell_word(venv)}"
        if venv and _PIP.fullmatch(command):
            hint = f"to put pip into the environment: pyv venv --repair {shell_word(venv)}"
        return CommandNotFoundError(f"{command}: no such command in {where}", hint=hint)

    def _on_path(self, command: str, limit: int) -> str:
        """Return a command on the rest of PATH: no folder of shims, no entry that is a shim, nothing before a guard."""
        shims = [self._layout.shims / name for name in ("pyv", command)]
        for left, folder in self._path():
            candidate = os.path.join(folder, command)
            if left >= limit or not os.path.isabs(folder) or not _runs(candidate):
                continue
            if not same(folder, self._layout.shims) and not any(same(candidate, shim) for shim in shims):
                return candidate
        return ""

    def _path(self) -> list[tuple[int, str]]:
        """Return the entries of PATH, each with how many come after it."""
        entries = self._env.get("PATH", os.defpath).split(os.pathsep)
        return [(len(entries) - number, entry) for number, entry in enumerate(entries, 1)]

    def _guarded(self, command: str, arguments: Sequence[str] | None) -> int:
        """Return how much of PATH may still be searched, by the guard of a shim that was this process before.

        `#!/usr/bin/env python3` makes one process of two commands, of which only the first has been passed on. Of pip
        other managers stay the parent, as pyv does, and call again; but any other program may start itself by its name.
        """
        guard = _Guard.read(self._env.get(GUARD, ""))
        if guard and guard.command == command:
            again = arguments is not None and guard.words == len(arguments) + 1
            if guard.pid == self._pid or (guard.pid == self._parent and again):
                return guard.left
        return 1 << 62

    def passing(self, found: Found, arguments: Sequence[str], *, is_pip: bool) -> dict[str, str]:
        """Return the environment for a program: with a guard if it is one of PATH that could call a shim again.

        Args:
            found: the program.
            arguments: what it is going to be called with.
            is_pip: whether it is pip, under whichever name.

        Raises:
            CommandNotFoundError: it did so again and again.
        """
        program = found.path
        env = {name: value for name, value in self._env.items() if name != GUARD}
        folder, name = os.path.split(program)
        script = folder.endswith("/shims") or _is_script(program)
        if not found.of_path or (not script and any(same(folder, each) for each in _OF_SYSTEM)):
            return env
        guard = _Guard.read(self._env.get(GUARD, ""))
        if guard and not script and guard.pid not in (self._pid, self._parent):
            guard = None  # of a process further up, which has not been called back: a job may start jobs for ever
        passes = guard.passes + 1 if guard else 1
        if passes > _MAX_PASSES:
            raise CommandNotFoundError(
                f"{program} calls the shim that called it", hint=f"take one of the two off PATH: {folder}"
            )
        left = next((left for left, entry in self._path() if os.path.join(entry, name) == program), 0)
        if not script and passes <= _PATIENCE:
            left = _ALL_OF_PATH
        # What pyenv, too, takes for pip, or for something like it
        like_pip = folder.endswith("/shims") and _LIKE_PIP.search(" ".join((name, *arguments, "")))
        words = len(arguments) + 1 if is_pip or like_pip else 0
        env[GUARD] = f"{self._pid} {left} {passes} {words} {name}"
        return env


class _Guard(NamedTuple):
    pid: int
    left: int
    passes: int
    words: int
    command: str

    @classmethod
    def read(cls, text: str) -> _Guard | None:
        found = _GUARD.fullmatch(text)
        return cls(int(found[1]), int(found[2]), int(found[3]), int(found[4]), found[5]) if found else None


def _runs(path: str) -> bool:
    """Tell whether a file can be executed and is not empty: an empty one would be a silent success."""
    try:
        return os.path.isfile(path) and os.access(path, os.X_OK) and os.path.getsize(path) > 0
    except OSError:
        return False


def _program(prefix: Path, command: str) -> str:
    path = f"{prefix}/bin/{command}"
    return path if _runs(path) else ""


def _advice(command: str) -> str:
    """Return what to type for a command that no installed version has."""
    number = _INTERPRETER.fullmatch(command)
    if number:
        return f"no installed version has it; to install one: pyv install {number[1]}"
    if _OWN.fullmatch(command):
        return "no installed version has it; to install one: pyv install 3"
    return f"no installed version has it; if it comes from a package of that name: pip install {shell_word(command)}"


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _is_own_pip(selection: Selection, command: str) -> bool:
    """Tell whether a command is the pip of an environment that has none: its interpreter's must not stand in."""
    return _PIP.fullmatch(command) is not None and any(
        chosen.prefix is not None
        and os.path.isfile(chosen.prefix / CONFIG)
        and os.path.exists(chosen.prefix / "bin" / command.replace("pip", "python", 1))
        for chosen in selection.chosen
    )
