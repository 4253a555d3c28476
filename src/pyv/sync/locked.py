"""pylock.toml (PEP 751): what it locks, and the interpreter in its `[tool.pyv]` table.

That table can only narrow what is accepted: a version, a build, and a sha256 for each platform. It names no source.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import RequestError, UsageError
from pyv.sync.texts import parse_toml, table, toml_of
from pyv.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE_NAME = "pylock.toml"
_BUILD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", re.ASCII)
_PLATFORM = re.compile(r"[a-z0-9]+-[a-z0-9_]+-[a-z0-9]+", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
# A part of a marker that only locks have, and that older copies of `packaging` cannot read
_CHOICE = re.compile(
    r"""(?P<quote>['"])(?P<name>[^'"]*)(?P=quote)\s+(?P<no>not\s+)?in\s+(?P<what>extras|dependency_groups)\b"""
)
_LOCAL = ("vcs", "directory", "archive", "sdist")


class Interpreter(NamedTuple):
    """The interpreter that a lock demands: its version, which build of it, and the sha256 for each platform's key."""

    version: Version
    build: str
    sha256: Mapping[str, str]


class Lock(NamedTuple):
    """A lock.

    Attributes:
        path: the file.
        content: all that it says.
        extras: the extras that it can be asked for.
        groups: the same of dependency groups.
        paths: the local projects and archives that it names.
        interpreter: what it demands to be run on; None if it does not care.
    """

    path: Path
    content: Mapping[str, object]
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    paths: tuple[Path, ...]
    interpreter: Interpreter | None

    def question(self, *, dev: bool, extras: Iterable[str], groups: Iterable[str]) -> dict[str, object]:
        """Return what has to be asked inside the environment, where alone markers and wheels can be judged.

        Args:
            dev: whether the extra and the group `dev` are wanted, should the lock have them.
            extras: the extras that are wanted.
            groups: the dependency groups that are wanted, besides those that the lock takes for granted.
        """
        also = ("dev",) if dev else ()
        wanted = {
            "extras": {*extras, *also},
            "dependency_groups": {*groups, *also, *_texts(self.content, "default-groups")},
        }

        def decide(found: re.Match[str]) -> str:
            holds = (found["name"] in wanted[found["what"]]) is not bool(found["no"])
            return "os_name != ''" if holds else "os_name == ''"

        packages = []
        for package in _packages(self.content):
            marker = package.get("marker")
            packages.append({**package, "marker": _CHOICE.sub(decide, marker)} if isinstance(marker, str) else package)
        return {
            "folder": os.fspath(self.path.parent),
            "requires-python": self.content.get("requires-python"),
            "environments": self.content.get("environments"),
            "packages": packages,
        }


def read(path: Path) -> Lock | None:
    """Read a lock; None if there is none.

    Raises:
        UsageError: it cannot be understood.
    """
    content = toml_of(path)
    if content is None:
        return None
    version = content.get("lock-version")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise UsageError(f"{path} has the lock-version {version!r}, and 1.0 is known", hint="make it anew: pyv lock")
    packages = _packages(content)
    if not isinstance(content.get("packages", []), list) or any(
        not isinstance(each.get("name"), str) for each in packages
    ):
        raise UsageError(f"{path} has a package without a name", hint="make it anew: pyv lock")
    return Lock(
        path,
        content,
        _texts(content, "extras"),
        _texts(content, "dependency-groups"),
        tuple(_paths(packages, path.parent)),
        _interpreter(table(content, "tool", "pyv"), path),
    )


def _packages(content: Mapping[str, object]) -> list[dict[str, object]]:
    packages = content.get("packages", [])
    return [each for each in packages if isinstance(each, dict)] if isinstance(packages, list) else []


def _texts(content: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = content.get(key)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def _paths(packages: Iterable[Mapping[str, object]], folder: Path) -> Iterable[Path]:
    for package in packages:
        wheels = package.get("wheels")
        for each in (*map(package.get, _LOCAL), *(wheels if isinstance(wheels, list) else ())):
            path = table(each).get("path")
            if isinstance(path, str):
                yield folder / path


def _interpreter(demands: Mapping[str, object], path: Path) -> Interpreter | None:
    if "version" not in demands:
        return None
    version, build, sha256 = demands["version"], demands.get("build"), demands.get("sha256")
    try:
        known = Version.parse(str(version))
    except RequestError:
        raise _malformed(path, f"version {version!r} is no version") from None
    if not isinstance(build, str) or not _BUILD.fullmatch(build):
        raise _malformed(path, f"build {build!r} is no build")
    if not isinstance(sha256, dict) or not sha256:
        raise _malformed(path, "there is no table sha256")
    for key, digest in sha256.items():
        if not _PLATFORM.fullmatch(key) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise _malformed(path, f"{key} = {digest!r} is no platform with its sha256")
    return Interpreter(known, build, sha256)


def _malformed(path: Path, reason: str) -> RequestError:
    return RequestError(f"{path}: [tool.pyv]: {reason}", hint="make it anew: pyv lock")


def with_interpreter(text: str, interpreter: Interpreter | None, path: Path) -> str:
    """Return a lock with the interpreter written into it.

    Args:
        text: what pip has made.
        interpreter: what the lock is to demand; None for nothing.
        path: the file, for messages.

    Raises:
        UsageError: pip has made something else than a lock.
    """
    if "tool" in parse_toml(text, path):
        raise UsageError(f"{path}: the lock that pip has made has a table [tool] already")
    if interpreter is None:
        return text
    lines = ["", "[tool.pyv]", f'version = "{interpreter.version.name}"', f'build = "{interpreter.build}"']
    lines += ["", "[tool.pyv.sha256]", *(f'{key} = "{digest}"' for key, digest in sorted(interpreter.sha256.items()))]
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
