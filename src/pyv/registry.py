"""Known environments: those that pyv made, or that the user accepted, and that are still the same ones at that place.

A shell can check the form without starting a process: line 1 of the environment's pyvenv.cfg is `pyv = <id>`, the
registry has a link of that name to the environment's folder, and a stamp `.<id>`, a hard link to that pyvenv.cfg. A
copy, a clone or a moved environment is another folder than the link's; one that was deleted and put there again, as by
a clone or an archive at the same place, has another pyvenv.cfg than the stamp's. Where the registry cannot have a hard
link to it, the stamp is empty and has the file's time, and whatever is newer is another one.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.errors import NotFoundError, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.layout import Layout

# In the order in which a project's folder is searched
NAMES = (".venv", "venv", "env")
CONFIG = "pyvenv.cfg"
# Exactly what shells accept, to which a CR is part of the id
_LINE = re.compile(rb"pyv = ([0-9a-f]{32})\n")
_OLD_LINE = re.compile(rb"pyv = ([0-9a-f]{32})\r?\n")
_ID = re.compile(r"[0-9a-f]{32}")
_MAX_BYTES = 64 * 1024


class Environment(NamedTuple):
    """An entry of the registry: its id, and the folder it stands for, which may be gone or another one by now."""

    id: str
    path: Path


class Registry:
    """The project environments that shims and hooks may use.

    Args:
        layout: where the registry lies.
    """

    def __init__(self, layout: Layout) -> None:
        self._folders = tuple(dict.fromkeys((layout.venvs, layout.own_venvs)))

    def knows(self, venv: Path) -> bool:
        """Tell whether an environment is known, at this place, unchanged since it was made or accepted."""
        return bool(self._entry(venv))

    def _entry(self, venv: Path) -> Path | None:
        """Return the registry's link for a known environment."""
        if os.path.islink(venv):
            return None
        identity = _identity(venv)
        if not identity:
            return None
        for folder in self._folders:
            with suppress(OSError):
                if os.path.samefile(venv, folder / identity) and _is_stamped(venv, folder / f".{identity}"):
                    return folder / identity
        return None

    def in_folder(self, folder: Path) -> Path | None:
        """Return the known environment of a project's folder, if it has one."""
        for name in NAMES:
            venv = folder / name
            if os.path.isdir(venv) and self.knows(venv):
                return venv
        return None

    def stranger(self, folder: Path) -> Path | None:
        """Return an environment of a project's folder that is not known, if there is one and none that is."""
        found = [folder / name for name in NAMES if os.path.isfile(folder / name / CONFIG)]
        return found[0] if found and not any(self.knows(venv) for venv in found) else None

    def register(self, venv: Path) -> str:
        """Make an environment known, and return its id.

        Its pyvenv.cfg gets the id as its first line. Repeating it accepts what has changed since.

        Raises:
            NotFoundError: there is no environment.
            OSError: it, or the registry, cannot be written.
        """
        config = venv / CONFIG
        if os.path.islink(venv) or not os.path.isfile(config):
            raise NotFoundError(
                f"{venv} is no virtual environment of its own", hint=f"make one: pyv venv {shell_word(venv)}"
            )
        identity = _identity(venv)
        if not identity or self._belongs_elsewhere(identity, venv):
            identity = os.urandom(16).hex()
            data = config.read_bytes()
            old = _OLD_LINE.match(data)
            rest = data[old.end() :] if old else data
            mode = config.stat().st_mode & 0o777
            fsops.write_whole(config, f"pyv = {identity}\n".encode() + rest, mode=mode, durable=False)
        for folder in self._folders:
            try:
                self._enter(folder, identity, venv)
            except OSError as error:
                if folder == self._folders[-1] or error.errno not in fsops.NOT_WRITABLE:
                    raise
            else:
                break
        self._forget_former(venv)
        return identity

    def _forget_former(self, venv: Path) -> None:
        """Remove what stands for environments that were at the same place before."""
        wanted, entries = os.path.realpath(venv), list(self._entries())
        # After the list: whoever registers it at the same time writes first the id, and then the entry
        current = _identity(venv)
        for folder, each in entries:
            if each.id != current and os.fspath(each.path) == wanted:
                with suppress(OSError):
                    _remove(folder, each.id)

    @staticmethod
    def _enter(folder: Path, identity: str, venv: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # First the link, then the stamp, without which it counts for nothing
        fsops.replace_link(folder / identity, os.path.realpath(venv))
        stamp = folder / f".{identity}"
        if _link_stamp(venv / CONFIG, stamp):
            return
        fsops.write_whole(stamp, b"", durable=False)
        # The two may lie on file systems with different clocks, so the time is not left to them
        written = os.stat(venv / CONFIG).st_mtime_ns
        os.utime(stamp, ns=(written, written))
        if os.stat(stamp).st_mtime_ns < written:  # this one keeps no fractions of a second
            os.utime(stamp, ns=(written, written + 2 * 10**9))

    def _belongs_elsewhere(self, identity: str, venv: Path) -> bool:
        """Tell whether an id stands for another environment: this one is a copy, and the other stays known."""
        for folder in self._folders:
            target = folder / identity
            with suppress(OSError):
                if os.path.exists(target / CONFIG) and not os.path.samefile(target, venv):
                    return True
        return False

    def revoke(self, venv: Path) -> bool:
        """Forget an environment, whatever has become of it; tell whether it was there to be forgotten.

        Where one of the registries cannot be written, what that one has of it stays.

        Raises:
            OSError: nothing could be removed.
        """
        wanted = os.path.realpath(venv)
        found = [(folder, each) for folder, each in self._entries() if _is_at(each.path, wanted)]
        failures = []
        for folder, each in found:
            try:
                _remove(folder, each.id)
            except OSError as error:
                if error.errno not in fsops.NOT_WRITABLE:
                    raise
                failures.append(error)
        if failures and len(failures) == len(found):
            raise failures[0]
        return bool(found)

    def all(self) -> list[Environment]:
        """Return every entry, also those whose folder is gone, by their paths."""
        return sorted({each for _, each in self._entries()}, key=lambda each: each.path)

    def _entries(self) -> Iterator[tuple[Path, Environment]]:
        for folder in self._folders:
            with suppress(OSError):
                for name in os.listdir(folder):
                    if _ID.fullmatch(name):
                        with suppress(OSError):
                            yield folder, Environment(name, Path(os.readlink(folder / name)))


def _remove(folder: Path, identity: str) -> None:
    """Remove an entry: first the link, without which the stamp means nothing."""
    for name in (identity, f".{identity}"):
        with suppress(FileNotFoundError):
            os.unlink(folder / name)


def _is_at(path: Path, wanted: str) -> bool:
    """Tell whether an entry stands for a path, or for the same folder by another path, as below a bind mount."""
    if os.fspath(path) == wanted:
        return True
    try:
        return os.path.samefile(path, wanted)
    except OSError:
        return False


def _is_stamped(venv: Path, stamp: Path) -> bool:
    """Tell whether an environment's pyvenv.cfg is still the file that it was when the stamp was made.

    Raises:
        OSError: one of them is not there.
    """
    seal, file = os.stat(stamp), os.stat(venv / CONFIG)
    if seal.st_size:
        return os.path.samestat(seal, file)
    return file.st_mtime_ns <= seal.st_mtime_ns


def _link_stamp(config: Path, stamp: Path) -> bool:
    """Make the stamp another name of pyvenv.cfg itself; false where the two file systems or their owners forbid it.

    Whatever is put there later, with whatever times, is another file.
    """
    temporary = stamp.with_name(f"{stamp.name}.{os.urandom(4).hex()}")
    try:
        os.link(config, temporary)
    except OSError:
        return False
    os.replace(temporary, stamp)
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # two names of one file: the rename has then done nothing
    return True


def _identity(venv: Path) -> str:
    """Return the id in the first line of an environment's pyvenv.cfg, or nothing."""
    try:
        with fsops.open_regular(venv / CONFIG) as file:
            found = _LINE.match(file.read(_MAX_BYTES))
    except OSError:
        return ""
    return found[1].decode() if found else ""
