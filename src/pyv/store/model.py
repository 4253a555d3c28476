"""What an entry of a store is, and what follows from a set of them: their order, and what the short names mean."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import NotInstalledError, PyvError, StoreError
from pyv.versions import Version, folder_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pyv.versions import Request

_INTERPRETERS = ("python", "python3", "pypy3", "graalpy")


class Installed(NamedTuple):
    """One entry of the store.

    Attributes:
        name: the folder's name.
        path: the folder.
        version: what the name says, or None where it is no version's name, as with named environments.
        target: where it is a link to a folder elsewhere, that folder; else empty.
        managed: whether pyv put it there and can vouch for it.
    """

    name: str
    path: Path
    version: Version | None
    target: str
    managed: bool

    @property
    def remedy(self) -> str:
        """What to type, for people, where its interpreter is gone or does not work."""
        return f"to repair it: pyv repair {self.name}" if self.managed else "see: pyv doctor"


def fits(request: Request, platform: str) -> bool:
    """Tell whether a platform is the one that a request spells out; which processors of its family, is no matter.

    Args:
        request: with the platform, or parts of it.
        platform: the key of one, such as `linux-x86_64_v3-gnu`; empty where it is not known.
    """
    from pyv.platforms import split_arch

    parts = platform.split("-")
    if len(parts) != len(request.platform):
        return False
    wanted = (request.platform[0], split_arch(request.platform[1])[0], request.platform[2])
    found = (parts[0], split_arch(parts[1])[0], parts[2])
    return all(want in ("", has) for want, has in zip(wanted, found, strict=True))


def language(receipt: Mapping[str, object]) -> tuple[int, ...]:
    """Return the version of the language that a receipt tells; nothing if it tells none."""
    return tuple(int(part) for part in str(receipt.get("python", "")).split(".") if part.isdecimal())


class Lost(NamedTuple):
    """A link to a version elsewhere, at which nothing is any more.

    Attributes:
        name: of the link.
        version: what the name says, or None where it is no version's name.
        folder: the one that it was in.
        store: the shared store that this belongs to, or nothing.
    """

    name: str
    version: Version | None
    folder: str
    store: str

    @classmethod
    def read(cls, name: str, target: str, shared: Iterable[Path]) -> Lost:
        """Return what a link tells of where it led.

        Args:
            name: of the link.
            target: what it leads to.
            shared: the roots of shared stores.
        """
        version: Version | None = None
        with suppress(PyvError):
            version = Version.parse(name)
        roots = [os.fspath(root) for root in shared if target.startswith(f"{root}{os.sep}")]
        return cls(name, version, os.path.dirname(os.path.normpath(target)), "".join(roots[:1]))

    @property
    def is_reachable(self) -> bool:
        """Whether the folder that it was in can be seen; if not, as without its mount, it may be there still."""
        return os.path.isdir(self.folder)

    @property
    def reason(self) -> str:
        """What has become of it, as a sentence."""
        place = f"the shared store {self.store}" if self.store else self.folder
        if self.is_reachable:
            return f"{self.name} is gone from {place}"
        return f"{self.name} is in {place}, which cannot be reached"

    def remedy(self, wanted: str) -> str:
        """Return what to type.

        Args:
            wanted: the request that it was to answer.
        """
        if self.version is None:
            return f"to forget it: pyv uninstall {self.name}"
        return f"{'' if self.is_reachable else 'mount it, or '}to have one again: pyv install {quoted(wanted)}"

    def answers(self, request: Request) -> bool:
        """Tell whether a request would have meant it."""
        if request.kind == "name" or self.version is None:
            return self.name in (request.name, *folder_names(request.text))
        return request.kind in ("version", "range") and request.matches(self.version)

    def missed(self, wanted: str, origin: str = "") -> NotInstalledError:
        """Return the error for somebody who needs it.

        Args:
            wanted: the request that it was to answer.
            origin: where that came from.
        """
        by = f", pinned by {origin}" if origin else ""
        return NotInstalledError(f"{self.reason}{by}", hint=self.remedy(wanted))


def target_of(path: str) -> str:
    """Return what a link points to; nothing if it is none, or has just gone."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def has_python(path: Path) -> bool:
    """Tell whether there is an interpreter in a folder; an empty one must not become the newest version."""
    return any(os.path.exists(path / "bin" / name) for name in _INTERPRETERS)


def can_start(path: Path) -> bool:
    """Tell whether this user can start the interpreter in a folder, as far as its file tells: it is not empty, say."""
    for program in (path / "bin" / name for name in _INTERPRETERS):
        with suppress(OSError):
            if os.path.getsize(program) > 0 and os.access(program, os.X_OK):
                return True
    return False


def quoted(text: str) -> str:
    """Return a request as one types it in a shell."""
    return f"'{text}'" if any(each in text for each in "<>=!~, ") else text


def version_of(installed: Installed) -> Version:
    """Return the version of an installed interpreter that has one.

    Raises:
        StoreError: it is not named like a version.
    """
    if installed.version is None:
        raise StoreError(f"{installed.name} is not named like a version")
    return installed.version


def order(name: str, version: Version | None) -> tuple[object, ...]:
    """Return what puts entries in their order: the oldest version first, names that are no versions last."""
    return (1, name) if version is None else (0, *version.order)


def short_links(versions: Iterable[Version]) -> Mapping[str, str]:
    """Return for each short name the name of the newest version that it means."""
    best: dict[str, Version] = {}
    for version in versions:
        for short in version.short_names:
            other = best.get(short)
            if other is None or (not version.pre[0], version.order) > (not other.pre[0], other.order):
                best[short] = version
    return {short: version.name for short, version in best.items()}


def current_links(versions: Iterable[Version], held: Mapping[str, str]) -> Mapping[str, str]:
    """Return for each short name the version that it shall mean, if some are held."""
    return short_links([version for version in versions if is_current(version, held)])


def is_current(version: Version, held: Mapping[str, str]) -> bool:
    """Tell whether a version is one that short names may mean: any, but of a minor version that is held only that."""
    return held.get(version.minor, version.name) == version.name
