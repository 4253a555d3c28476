"""The place of an environment: what stands there, and putting a finished one there in one step.

Everything is made in a folder beside the target, or within it where it exists already and is empty: it may be a volume,
or the current folder. What a killed process left of such folders is swept by the next one that works beside it; a lock
file, see `fsops.staging`, tells those of living ones.
"""

from __future__ import annotations

import binascii
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.envs import config, scripts
from pyv.errors import UsageError, shell_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyv.layout import Layout
    from pyv.registry import Registry

ABSENT, EMPTY, HALF, ENVIRONMENT, OCCUPIED = "absent", "empty", "half made", "an environment", "occupied"
_BESIDE, _WITHIN, _OLD = ".pyv-venv-", ".pyv-half-", ".replaced"
# All that ever lies in an environment that was not finished
_PARTS = frozenset({"bin", "include", "lib", "lib64", "share", ".gitignore"})
_PROJECT = ("pyproject.toml", "setup.py", ".git", ".hg", ".python-version")
_LOCKS = 0xFFF


def check(target: Path) -> None:
    """Refuse what cannot become an environment.

    Raises:
        UsageError: it is a link, a file, or a path that cannot stand in PATH.
    """
    if os.pathsep in os.fspath(target):
        raise UsageError(
            f"{target} has a {os.pathsep!r} in it, and could not stand in PATH", hint="take a folder of another name"
        )
    if os.path.islink(target):
        raise UsageError(
            f"{target} is a link to {os.readlink(target)}, and links are not trusted",
            hint=f"remove it, or: pyv venv {shell_word(os.path.realpath(target))}",
        )
    if os.path.lexists(target) and not os.path.isdir(target):
        raise UsageError(f"{target} is no folder", hint="take another name")


def check_clearing(target: Path, layout: Layout, cwd: str) -> None:
    """Refuse to replace a folder that is certainly no environment's.

    Raises:
        UsageError: it holds the home folder, the store, the current folder or a project.
    """
    for name in _PROJECT:
        if os.path.lexists(target / name):
            raise UsageError(
                f"{target} is not cleared: it is a project, for it has a {name}",
                hint=f"pyv venv {shell_word(target / '.venv')}",
            )
    for place, what in ((layout.home, "your home"), (layout.root, "the store"), (Path(cwd or "/"), "where you are")):
        if _contains(target, place):
            raise UsageError(f"{target} is not cleared: {what} is in it", hint="name the folder of an environment")
    for folder in (layout.versions, layout.shims, layout.venvs, layout.locks, layout.staging):
        if _contains(folder, target):
            raise UsageError(
                f"{target} is not cleared: it is part of the store",
                hint="what stands there is removed by pyv uninstall",
            )


def _contains(folder: Path, path: Path) -> bool:
    outer, inner = os.path.realpath(folder), os.path.realpath(path)
    return os.path.commonpath((outer, inner)) == outer


def standing(target: Path) -> str:
    """Return what is at a path: `ABSENT`, `EMPTY`, `HALF`, `ENVIRONMENT` or `OCCUPIED`.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        names = os.listdir(target)
    except FileNotFoundError:
        return ABSENT
    if not names:
        return EMPTY
    if config.NAME in names:
        return ENVIRONMENT
    rest = {name for name in names if not name.startswith(_WITHIN)}
    return HALF if len(rest) < len(names) and rest <= _PARTS else OCCUPIED


@contextmanager
def held(target: Path, layout: Layout, registry: Registry, notify: Callable[[str], None]) -> Iterator[None]:
    """Let no other pyv work on the same target, and clean up after one that was killed.

    Args:
        target: the environment.
        layout: where the lock lies: in the store, else in the user's own folder, else nowhere: all ends in a rename.
        registry: what is known.
        notify: called when another one has to be waited for.
    """
    # A lock file is never removed, so there are some for all targets together and not one for each
    number = binascii.crc32(os.fsencode(os.path.realpath(target))) & _LOCKS
    paths = [folder / f"venv-{number:03x}.lock" for folder in (layout.locks, layout.own_venvs.parent / "locks")]
    with fsops.lock_first(paths, waiting=lambda: notify(f"waiting for another pyv: it works on {target}"), warn=notify):
        for folder in (target.parent, target):
            sweep(folder, registry)
        for room in target.parent.glob(f"{_mark(target)}.*"):  # left alone where locks do not work
            _put_back(room, target)
        yield


class Site:
    """Where an environment is made before it stands at its place; a context that leaves nothing behind.

    Args:
        target: its place.
        registry: what makes it known.

    Attributes:
        folder: the path at which it is made; it does not exist yet.
    """

    def __init__(self, target: Path, registry: Registry) -> None:
        self._target = target
        self._registry = registry
        self._kind = standing(target)
        self._inside = self._kind in (EMPTY, HALF) or (self._kind != ABSENT and os.path.ismount(target))
        self._unfinished = False
        self._id = ""

    def __enter__(self) -> Site:  # noqa: PYI034 - Self is in typing since 3.11
        if self._kind == HALF:
            for name in os.listdir(self._target):
                fsops.remove_tree(self._target / name)
        place = (self._target, _WITHIN) if self._inside else (self._target.parent, _mark(self._target))
        self._staging = fsops.staging(*place, mode=0o700)  # nobody else looks into what is not finished
        self._room = self._staging.__enter__()
        self.folder = self._room / (self._target.name or "env")
        return self

    def __exit__(self, *_: object) -> None:
        if self._unfinished:
            with suppress(OSError):  # interrupted when it stood there already: it is no stranger's
                if self._id and config.read(self._target).get("pyv") == self._id:
                    self._registry.register(self._target)
            _forget(self.folder, self._registry)
        with suppress(OSError):
            self._staging.__exit__(None, None, None)

    def commit(self) -> None:
        """Put what was made at its place, replacing what stands there, and make it known.

        Raises:
            OSError: it could not be put there. What stood there is then unchanged, if the kernel can swap two folders.
        """
        scripts.relocate(self.folder, self.folder, self._target)
        # Already now: whoever finds it at its place with this id, after a kill, knows that it is none of a stranger
        self._unfinished = True
        self._id = note(self.folder, self._registry)
        if self._inside:
            self._fill()
        elif self._kind == ABSENT:
            os.rename(self.folder, self._target)
        else:
            self._replace()
        if self._kind == ENVIRONMENT:
            _forget(self._target, self._registry)
        note(self._target, self._registry)
        self._unfinished = False

    def _replace(self) -> None:
        aside = self._room / _OLD
        if fsops.exchange(self.folder, self._target):
            os.rename(self.folder, aside)
            return
        os.rename(self._target, aside)
        try:
            os.rename(self.folder, self._target)
        except OSError:
            os.rename(aside, self._target)
            raise

    def _fill(self) -> None:
        old = [name for name in os.listdir(self._target) if not name.startswith(self._room.name)]
        for name in sorted(old, key=lambda each: each != config.NAME):  # without its settings it is no environment
            fsops.remove_tree(self._target / name)
        for name in sorted(os.listdir(self.folder), key=lambda each: each == config.NAME):
            os.rename(self.folder / name, self._target / name)


def remove(venv: Path, registry: Registry) -> None:
    """Delete an environment, and what is known of it.

    Its pyvenv.cfg goes last: what a killed process leaves is still an environment, and known, and can be removed.

    Raises:
        OSError: something cannot be deleted.
    """
    for name in sorted(os.listdir(venv), key=lambda each: each == config.NAME):
        fsops.remove_tree(venv / name)
    with suppress(OSError):  # it may be a volume
        os.rmdir(venv)
    registry.revoke(venv)


def note(venv: Path, registry: Registry) -> str:
    """Make an environment known and return its id; nothing where no registry can be written, as without a home.

    It works then as any other does, once activated; shims and hooks leave it alone.
    """
    try:
        return registry.register(venv)
    except OSError as error:
        if error.errno not in fsops.NOT_WRITABLE:
            raise
        return ""


def _forget(venv: Path, registry: Registry) -> None:
    """Remove what the registry has of a place; where it cannot be written, an entry stays that leads to nothing."""
    with suppress(OSError):
        registry.revoke(venv)


def _mark(target: Path) -> str:
    return f"{_BESIDE}{binascii.crc32(os.fsencode(target.name)):08x}"


def orphans(folder: Path) -> list[str]:
    """Return the names of what killed processes left in a folder of environments for it, or for others beside it."""
    return [name for start in _starts(folder) for name in fsops.orphans(folder, start)]


def sweep(folder: Path, registry: Registry) -> None:
    """Remove what killed processes left in a folder, see `orphans`, and finish what they had all but finished.

    Where the kernel cannot swap two folders, one may have been killed between two renames: the old environment is then
    put back.
    """
    for start in _starts(folder):
        fsops.sweep(folder, start, lambda room: _clean(room, registry))


def _starts(folder: Path) -> tuple[str, ...]:
    # What is half made itself stays recognizable as such
    return (_BESIDE, _WITHIN) if os.path.exists(folder / config.NAME) else (_BESIDE,)


def _clean(room: Path, registry: Registry) -> None:
    if os.path.islink(room):  # somebody planted it
        os.unlink(room)
        return
    place = os.path.realpath(room)
    made = [each for each in registry.all() if os.path.dirname(each.path) == place]
    names = {*(each.path.name for each in made), *(os.listdir(room) if os.path.isdir(room) else ())}
    beside = [room.parent / name for name in names if room.name.startswith(_mark(room.parent / name))]
    for target in [room.parent] if room.name.startswith(_WITHIN) else beside:
        _put_back(room, target)
        if config.read(target).get("pyv") in [each.id for each in made]:
            registry.register(target)
    for each in made:
        _forget(each.path, registry)
    fsops.remove_tree(room)


def _put_back(room: Path, target: Path) -> None:
    if not os.path.lexists(target) and os.path.exists(room / _OLD):
        os.rename(room / _OLD, target)
