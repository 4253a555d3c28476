"""Which Python is meant in a folder, and what decided so."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import pins, proc
from pyv.errors import EnvironmentMismatchError, NotInstalledError, PyvError, RequestError, shell_word
from pyv.registry import CONFIG
from pyv.select.model import Chosen, Selection
from pyv.store import can_start
from pyv.versions import Request, Version, folder_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyv.pins import Pin
    from pyv.registry import Registry
    from pyv.store import Installed, Store

_SECONDS = 20
# How many installed versions a message names
_MOST_NAMED = 6
_ASK_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


class Selector:
    """Selects for one folder.

    Args:
        store: the installed versions.
        registry: the known environments.
        env: the environment: `PYV_VERSION`, `PYV_DIR`, and, for an interpreter that has to be asked, the rest.
        cwd: the working directory, as its path is spelled; empty if it was deleted.
        variable: what `PYV_VERSION` is called, for people: a script for pyenv sets another.
    """

    def __init__(
        self, store: Store, registry: Registry, env: Mapping[str, str], cwd: str, variable: str = pins.VARIABLE
    ) -> None:
        self._variable = variable
        self._store = store
        self._layout = store.layout
        self._registry = registry
        self._env = env
        self._cwd = cwd

    def pins(self) -> list[Pin]:
        """Return the pins that hold here, environments aside; none where nothing is pinned.

        Raises:
            RequestError: the pin that holds cannot be understood.
        """
        if self._env.get(pins.VARIABLE):
            return self._pins_of_variable()
        file = self.pin_file()
        return pins.read(file) if file else []

    def _pins_of_variable(self) -> list[Pin]:
        return pins.parse(self._env[pins.VARIABLE], self._variable, numbered=False)

    def pin_file(self) -> Path | None:
        """Return the pin file that holds here: the nearest upward, else the global one; None if there is neither."""
        for start in self._starts():
            found = pins.nearest(start)
            if found is not None:
                return found
        return self._layout.global_pin if os.path.lexists(self._layout.global_pin) else None

    def _starts(self) -> list[str]:
        given = dict.fromkeys((self._env.get("PYV_DIR", ""), self._cwd))
        return [os.path.join(self._cwd or "/", start) for start in given if start]

    def _folders(self) -> Iterator[Path]:
        for start in self._starts():
            yield from pins.folders_upward(start)

    def stranger(self) -> Path | None:
        """Return the environment that would decide here, were it known: named to people, and never used."""
        if self._env.get(pins.VARIABLE):
            return None
        for folder in self._folders():
            if self._registry.in_folder(folder) is not None:
                return None
            found = self._registry.stranger(folder)
            if found is not None or os.path.lexists(folder / pins.FILE_NAME):
                return found
        return None

    def select(self) -> Selection:
        """Return what holds here.

        Raises:
            RequestError: a pin cannot be understood. Another is never taken in its place.
            NotInstalledError: a pinned version is not installed.
            EnvironmentMismatchError: the project's environment is on another Python than its pin names.
        """
        if self._env.get(pins.VARIABLE):
            return self._of(self._pins_of_variable(), "variable")
        for folder in self._folders():
            venv = self._registry.in_folder(folder)
            file = folder / pins.FILE_NAME
            pinned = pins.read(file) if os.path.lexists(file) else []
            if venv is not None:
                return self._of_environment(venv, pinned)
            if pinned:
                return self._of(pinned, "file")
        file = self._layout.global_pin
        if os.path.lexists(file):
            return self._of(pins.read(file), "global")
        return Selection("default", os.fspath(file), (Chosen("system", None, None),))

    def _of(self, pinned: list[Pin], rule: str) -> Selection:
        return Selection(rule, pinned[0].source, tuple(self.choose(pin) for pin in pinned))

    def choose(self, pin: Pin) -> Chosen:
        """Return the installed version that a pin means.

        Raises:
            NotInstalledError: there is none.
        """
        request = pin.request
        if request.kind == "system":
            return Chosen("system", None, pin)
        # A folder's exact name is that folder, whatever else it may read as
        named = self._named(request)
        if named is not None:
            return Chosen(self._name(named), named, pin)
        if request.short_name and not any(request.platform):
            prefix = self._layout.version(request.short_name)
            if not os.path.isdir(prefix):
                self._mend_links(request)
            if os.path.isdir(prefix):
                return Chosen(self._name(prefix), prefix, pin)
        found = self._store.find(request)
        if found is None:
            raise self._missing(pin)
        self.check_base(found, request, pin.origin)
        return Chosen(found.name, found.path, pin)

    def check_base(self, found: Installed, request: Request, origin: str = "") -> None:
        """Make sure that an environment is on the minor version that `3.12.7/envs/NAME` tells, if that was written.

        Args:
            found: what is called NAME.
            request: what was asked for.
            origin: where that came from; empty for the command line.

        Raises:
            NotInstalledError: it is on another Python.
        """
        if request.base is None:
            return
        name, version = self._python_of(found.path)
        if self._satisfies(found.path, name, version, request.base.any_patch):
            return
        if version is None and not os.path.exists(found.path / "bin/python") and _starts_alike(name, request.base):
            return  # it is gone, but for the name by which the environment found it
        missed = lost_under(self._store, found.path) or damage_of(self._store, found.path)
        if missed is not None:
            raise missed
        raise NotInstalledError(
            f"{request} is not installed{_pinned_by(origin)}: {found.name} is on {_is_on(name, version)}",
            hint=f"write {found.name} if it is the one; to make it anew: {_making(request)} --clear",
        )

    def _named(self, request: Request) -> Path | None:
        """Return the folder that a request names as it is written, but for a prefix; None if there is none."""
        folders = map(self._layout.version, folder_names(request.text))
        return next(filter(os.path.isdir, folders), None)

    def _mend_links(self, request: Request) -> None:
        """Make the short-name links anew where one is missing although its versions are there, as after a copy."""
        if self._store.find(request) is not None:
            try:
                self._store.update_links()
            except OSError:  # not ours to write; the version itself will do
                return

    def _name(self, prefix: Path) -> str:
        """Return the name of the version that a name in versions/ leads to, through its link if it is a short one."""
        return self._store.name_behind(prefix.name)

    def _missing(self, pin: Pin) -> NotInstalledError:
        request = pin.request
        for lost in self._store.lost(request)[-1:]:
            return lost.missed(request.text, pin.origin)
        can_be = request.kind in ("version", "range")
        word = f"'{request}'" if re.search(r"[^\w.+-]", request.text) else request.text
        todo = f"to install it: pyv install {word}"
        if not can_be:
            todo = f"{request} is not a version; if it names an environment: {_making(request)}"
        hint = f"installed: {self.present(request)}; {todo}"
        return NotInstalledError(f"{request} is not installed{_pinned_by(pin.origin)}", hint=hint)

    def present(self, request: Request) -> str:
        """Return the names of what is installed of a request's minor version, else of the newest, for people."""
        installed = self._store.installed()
        near = [each for each in installed if request.release and each.name.startswith(_stem(request))] or installed
        more = f" and {len(near) - _MOST_NAMED} more" if len(near) > _MOST_NAMED else ""
        # What is most likely meant is not left out
        kept = sorted(near, key=_is_cpython)[-_MOST_NAMED:]
        return ", ".join(each.name for each in near if each in kept) + more if near else "nothing"

    def _of_environment(self, venv: Path, pinned: list[Pin]) -> Selection:
        name = self._satisfying(venv, pinned)
        return Selection("environment", os.fspath(venv), (Chosen(name, venv, None),), venv)

    def _satisfying(self, venv: Path, pinned: list[Pin]) -> str:
        """Return the name of the version that an environment is on.

        Raises:
            NotInstalledError: that version is gone from where it is linked to.
            EnvironmentMismatchError: it satisfies none of the pins.
        """
        base = os.path.realpath(venv / "bin/python")
        if not pinned:
            return name_in(self._store, base) or _version_text(base)
        name, version = self._python_of(venv)
        for pin in pinned:
            if self._satisfies(venv, name, version, pin.request):
                return name or (str(version) if version else "unknown")
        missed = lost_under(self._store, venv)
        if missed is not None:
            raise missed
        if not os.path.exists(base):  # what it was on is what is pinned, mostly, and gone or damaged
            for pin in pinned:
                damage = damage_of(self._store, self.choose(pin).prefix)
                if damage is not None:
                    raise damage
        wanted = " or ".join(str(pin.request) for pin in pinned)
        is_on = _is_on(name, version)
        hint = f"to rebuild it: pyv venv {shell_word(venv)}"
        if any(self.names_environment(pin.request) for pin in pinned):
            hint = f"only one of them can be meant; to keep that one: rm -r {shell_word(venv)}"
        raise EnvironmentMismatchError(f"{venv} is on {is_on}, but {pinned[0].origin} asks for {wanted}", hint=hint)

    def _python_of(self, venv: Path) -> tuple[str, Version | None]:
        """Return the name and the version that an environment is on, as far as they can be known."""
        name = name_in(self._store, os.path.realpath(venv / "bin/python"))
        return name, self._version_in(name) or self._ask(venv)

    def _satisfies(self, venv: Path, name: str, version: Version | None, request: Request) -> bool:
        if request.kind == "system":
            return not name
        environment = self._environment(request)
        if environment is not None:
            return same(venv, environment)  # it names an environment, and not the Python that this is on
        folder = self._named(request)
        if folder is not None and same(venv / "bin/python", folder / "bin/python"):
            return True
        if request.kind == "name":
            return name == request.name
        if folder is not None and folder.name != request.short_name and self._version_in(folder.name) is None:
            return False  # it names that folder, whatever else it may read as
        if name and any(request.platform) and not self._store.fits(name, request):
            return False
        return version is not None and request.matches(version)

    def names_environment(self, request: Request) -> bool:
        """Tell whether a pin names an environment of the store."""
        return self._environment(request) is not None

    def _environment(self, request: Request) -> Path | None:
        """Return the environment of the store that a request names, be it as `3.12.7/envs/NAME`; else None."""
        folder = self._named(request) if request.base is None else self._layout.version(request.name)
        return folder if folder is not None and os.path.isfile(folder / CONFIG) else None

    def _version_in(self, name: str) -> Version | None:
        found = self._store.get(name) if name else None
        return found.version if found else None

    def _ask(self, venv: Path) -> Version | None:
        """Start a known environment's Python, of which nothing else tells the version."""
        done = proc.run([venv / "bin/python", "-I", "-B", "-c", _ASK_VERSION], env=self._env, timeout=_SECONDS)
        try:
            return Version.parse(done.stdout.strip())
        except PyvError:
            return None


def name_in(store: Store, program: str) -> str:
    """Return the name of the version in the store that a program belongs to, or nothing.

    Args:
        store: the store.
        program: its path, without links.
    """
    home = os.path.realpath(store.layout.versions) + os.sep
    if program.startswith(home):
        return program[len(home) :].partition(os.sep)[0]
    for each in store.installed():
        if each.target and program.startswith(os.path.realpath(each.path) + os.sep):
            return each.name
    return ""


def damage_of(store: Store, prefix: Path | None) -> NotInstalledError | None:
    """Return what to say of a version of the store, or an environment on one, that cannot be started; else None."""
    if prefix is None or can_start(prefix):
        return None
    program = os.path.realpath(prefix / "bin/python")
    installed = None
    if name := name_in(store, program):
        with suppress(RequestError):  # what cannot be started has no short name any more
            installed = store.get(name) or store.find(Request.parse(name))
    if installed is None or can_start(installed.path):
        return None
    return NotInstalledError(f"{program} is gone, or cannot be run", hint=installed.remedy)


def home_of(venv: Path) -> str:
    """Return the folder with the interpreter that an environment was made with, from its pyvenv.cfg (PEP 405)."""
    try:
        text = (venv / CONFIG).read_text("utf-8", "replace")
    except OSError:
        return ""
    for line in text.splitlines():
        if line.startswith("home = /"):
            return line.removeprefix("home = ")
    return ""


def lost_under(store: Store, venv: Path) -> NotInstalledError | None:
    """Return what to say of an environment whose interpreter was linked from elsewhere and is gone there; else None."""
    versions, name = os.path.split(os.path.dirname(home_of(venv)))
    if versions != os.fspath(store.layout.versions):
        return None
    for lost in store.lost():
        if lost.name == store.name_behind(name):
            return NotInstalledError(f"{venv} has lost its Python: {lost.reason}", hint=lost.remedy(name))
    return None


def _pinned_by(origin: str) -> str:
    return f", pinned by {origin}" if origin else ""


def _is_on(name: str, version: Version | None) -> str:
    return name or (str(version) if version else "a Python that is gone")


def _making(request: Request) -> str:
    """Return the command that makes the environment that a request names."""
    return f"pyv venv --name {request.name}" + (f" -p {request.base}" if request.base else "")


def _starts_alike(name: str, request: Request) -> bool:
    """Tell whether the name of a version is of the minor version that a request means."""
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    release = list(request.release[:2])
    return bool(release) and numbers[: len(release)] == release


def _stem(request: Request) -> str:
    return ".".join(str(part) for part in request.release[:2])


def _is_cpython(installed: Installed) -> bool:
    return installed.version is not None and installed.version.implementation == "cpython"


def same(one: str | Path, other: str | Path) -> bool:
    """Tell whether two paths are one file or folder; what is absent is not."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _version_text(program: str) -> str:
    """Return what an interpreter's file name tells of its version."""
    found = re.search(r"(\d+\.\d+t?)$", os.path.basename(program))
    return found[1] if found else "system"
