"""What a project asks to have installed: its lock, else its requirements files, else its pyproject.toml."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import NotFoundError, UsageError
from pyv.sync import locked
from pyv.sync.requirements import BUILD_FILES, follow, local_files, local_path
from pyv.sync.texts import table, toml_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pyv.sync.locked import Lock

LOCK, REQUIREMENTS, PROJECT, NOTHING = "lock", "requirements", "project", "nothing"
_REQUIREMENTS = "requirements.txt"
_FOR_DEVELOPMENT = ("requirements-dev.txt", "requirements/dev.txt", "dev-requirements.txt")
_PROJECT = "pyproject.toml"
_DEV = "dev"
_CONDA = ("environment.yml", "environment.yaml")


class Options(NamedTuple):
    """What of a project is wanted.

    Attributes:
        dev: what it needs for its development, too, if it says so.
        extras: extras of the project.
        groups: dependency groups (PEP 735).
        exact: whether to remove what is not listed.
    """

    dev: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    exact: bool = False


class Source(NamedTuple):
    """What is to be installed.

    Attributes:
        kind: `LOCK`, `REQUIREMENTS`, `PROJECT` or `NOTHING`.
        label: the file that says so, for messages.
        files: all files that it depends on, whether they exist or not.
        arguments: what pip is told; not for a lock.
        listed: requirements of dependency groups, which go to pip in a file; not for a lock.
        roots: each thing that is asked for, without what it depends on; not for a lock.
        lock: the lock.
    """

    kind: str
    label: str
    files: tuple[Path, ...]
    arguments: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    lock: Lock | None = None


def find(folder: Path, options: Options, env: Mapping[str, str], *, locks: bool = True) -> Source:
    """Find out what a project asks for.

    Args:
        folder: the project's, with its links resolved.
        options: what of it is wanted.
        env: what variables in requirements files stand for.
        locks: whether a lock counts; not for whoever is about to write one.

    Raises:
        NotFoundError: it asks for nothing at all.
        UsageError: a file cannot be understood, or there is no such extra or group.
    """
    lock = locked.read(folder / locked.FILE_NAME) if locks else None
    if lock is not None:
        return _of_lock(folder, lock, options)
    pyproject = toml_of(folder / _PROJECT)
    dev = [name for name in _FOR_DEVELOPMENT if options.dev and os.path.isfile(folder / name)]
    if os.path.isfile(folder / _REQUIREMENTS):
        return _of_requirements(folder, [_REQUIREMENTS, *dev], pyproject, options, env)
    source = _of_project(folder, pyproject, options, env)
    if dev and source.kind == PROJECT:  # such lists add to the project, and never stand for it
        lists = _of_requirements(folder, dev, pyproject, options._replace(extras=()), env)
        return _together(folder, source, lists)
    if dev:
        return _of_requirements(folder, dev, pyproject, options, env)
    if source.kind == NOTHING and pyproject is None and not os.path.lexists(folder / ".python-version"):
        others = [os.fspath(path.relative_to(folder)) for path in _lists(folder)]
        conda = "" if others else _conda(folder)
        if conda:
            raise NotFoundError(
                f"{folder / conda}", hint="to use what conda made, here: pyv link NAME PREFIX, then pyv local NAME"
            )
        raise NotFoundError(
            f"there is no {locked.FILE_NAME}, {_REQUIREMENTS} or {_PROJECT} in {folder}"
            + (f"; there are {', '.join(others)}" if len(others) > 1 else f"; there is {others[0]}" if others else ""),
            hint=advice(folder, "sync" if locks else "lock") or _elsewhere(folder),
        )
    return source


def advice(folder: Path, command: str) -> str:
    """Return how to use files of requirements whose names mean nothing to pyv; empty if there are none.

    Args:
        folder: the project's.
        command: the one that found nothing to install, which may find more with `--dev`.
    """
    names = [os.fspath(path.relative_to(folder)) for path in _lists(folder)]
    others = [name for name in names if name not in _FOR_DEVELOPMENT]
    if others:
        import shlex

        return f"to install what such a file lists: pyv venv -r {shlex.quote(others[0])}"
    return f"to install what {names[0]} lists: pyv {command} --dev" if names else _conda(folder)


def _conda(folder: Path) -> str:
    """Return what to do with the list of an environment of conda's, which pip cannot read; empty if there is none."""
    found = [name for name in _CONDA if os.path.isfile(folder / name)]
    return f"{found[0]} is conda's; to install what it lists: conda env create -f {found[0]}" if found else ""


def _elsewhere(folder: Path) -> str:
    for each in folder.parents:
        if any(os.path.isfile(each / name) for name in (locked.FILE_NAME, _REQUIREMENTS, _PROJECT)):
            return f"is it the project around it? cd '{each}'"
    return "to make an empty environment: pyv venv"


def _of_lock(folder: Path, lock: Lock, options: Options) -> Source:
    for wanted, known, what in ((options.extras, lock.extras, "extra"), (options.groups, lock.groups, "group")):
        for name in wanted:
            if _plain(name) not in map(_plain, known):
                raise UsageError(
                    f"{folder / locked.FILE_NAME} was not made for the {what} {name}",
                    hint=f"to make it so: pyv lock --{what} {name}",
                )
    files = [folder / locked.FILE_NAME]
    for path in lock.paths:
        files += local_files(os.fspath(path), folder)
    return Source(LOCK, locked.FILE_NAME, tuple(files), lock=lock)


def _of_requirements(
    folder: Path,
    names: Sequence[str],
    pyproject: Mapping[str, object] | None,
    options: Options,
    env: Mapping[str, str],
) -> Source:
    if options.extras:
        raise UsageError(
            f"{names[0]} has no extras, and it is what counts in {folder}",
            hint=f"write them into it, such as: -e .[{options.extras[0]}]",
        )
    listed = _expanded(pyproject, _groups(pyproject, options), folder)
    paths = [folder / name for name in names]
    known = follow(paths, folder, env)
    arguments = [word for path in paths for word in ("-r", os.fspath(path))]
    files = [*known.files, folder / _PROJECT]
    label = " and ".join(names)
    return Source(REQUIREMENTS, label, tuple(files), tuple(arguments), tuple(listed), (*known.roots, *listed))


def _of_project(
    folder: Path, pyproject: Mapping[str, object] | None, options: Options, env: Mapping[str, str]
) -> Source:
    extras = _extras(pyproject, options, folder)
    listed = _expanded(pyproject, _groups(pyproject, options), folder)
    files = [folder / name for name in BUILD_FILES]
    arguments: list[str] = []
    if any(os.path.isfile(path) for path in files[1:]) or {"project", "build-system"} & set(pyproject or ()):
        suffix = f"[{','.join(extras)}]" if extras else ""
        arguments = ["-e", f"{folder}{suffix}"]
        # Build backends read lists of dependencies from such files
        files += follow(_lists(folder), folder, env).files
    kind = PROJECT if arguments or listed else NOTHING
    label = _PROJECT if pyproject is not None else "setup.py"
    return Source(kind, label, tuple(files), tuple(arguments), tuple(listed), (*arguments[1:], *listed))


def _together(folder: Path, project: Source, lists: Source) -> Source:
    """Return a project and lists besides; they may name the project themselves, and pip takes it in one form only."""
    named = any(local_path(root, folder) == folder for root in lists.roots)
    own = () if named and project.arguments == ("-e", os.fspath(folder)) else project.arguments
    return project._replace(
        label=f"{project.label} and {lists.label}",
        files=tuple(dict.fromkeys((*project.files, *lists.files))),
        arguments=(*own, *lists.arguments),
        roots=(*own[1:], *lists.roots),  # those of groups are among them
    )


def _lists(folder: Path) -> list[Path]:
    names = ("*requirements*.txt", "requirements/*.txt")
    return [path for name in names for path in sorted(folder.glob(name)) if path.is_file()]


def _extras(pyproject: Mapping[str, object] | None, options: Options, folder: Path) -> list[str]:
    project = table(pyproject, "project")
    known = table(project, "optional-dependencies")
    dynamic = project.get("dynamic")
    is_open = not project or (isinstance(dynamic, list) and "optional-dependencies" in dynamic)
    for name in options.extras:
        if not is_open and _plain(name) not in map(_plain, known):
            raise UsageError(f"{folder / _PROJECT} has no extra {name}", hint=_have(known))
    return [*options.extras, *(name for name in known if options.dev and _plain(name) == _DEV)]


def _groups(pyproject: Mapping[str, object] | None, options: Options) -> list[str]:
    groups = table(pyproject, "dependency-groups")
    return [*options.groups, *(name for name in groups if options.dev and _plain(name) == _DEV)]


def _expanded(pyproject: Mapping[str, object] | None, names: Iterable[str], folder: Path) -> list[str]:
    """Return the requirements of dependency groups, those of included groups among them.

    Raises:
        UsageError: there is no such group, or it is malformed.
    """
    groups = table(pyproject, "dependency-groups")
    known = {_plain(name): content for name, content in groups.items()}
    found: list[str] = []

    def add(name: str, around: tuple[str, ...]) -> None:
        content = known.get(_plain(name))
        if not isinstance(content, list):
            raise UsageError(f"{folder / _PROJECT} has no dependency group {name}", hint=_have(groups))
        if _plain(name) in around:
            raise UsageError(
                f"{folder / _PROJECT}: the dependency group {name} includes itself",
                hint="take one of its include-group entries out",
            )
        for item in content:
            included = item.get("include-group") if isinstance(item, dict) else None
            if isinstance(included, str):
                add(included, (*around, _plain(name)))
            elif isinstance(item, str) and item.isprintable() and not item.lstrip().startswith(("-", "#")):
                found.append(item)
            else:  # a line of its own kind would be an option of pip's
                raise UsageError(
                    f"{folder / _PROJECT}: {item!r} in the dependency group {name} is no requirement",
                    hint='write "NAME>=1", or {include-group = "NAME"}',
                )

    for name in names:
        add(name, ())
    return list(dict.fromkeys(found))


def _have(known: Iterable[str]) -> str:
    return f"it has: {', '.join(known) or 'none'}"


def _plain(name: str) -> str:
    """Return a name as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
