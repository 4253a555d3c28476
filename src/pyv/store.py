"""The store: which versions are installed, their receipts, and the short-name links that define the newest of each."""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.errors import NotInstalledError, StoreError
from pyv.layout import RECEIPT
from pyv.versions import Request, Version, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pyv.layout import Layout

_SHORT_NAME = re.compile(r"\d+(\.\d+)?t?d?|(pypy|graalpy)(\d+(\.\d+)?)?", re.ASCII)


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


class Store:
    """The versions below one root.

    Args:
        layout: where everything lies.
        notify: called with a line for the user, such as what is being waited for.
    """

    def __init__(self, layout: Layout, notify: Callable[[str], None]) -> None:
        self._layout = layout
        self._notify = notify

    @property
    def layout(self) -> Layout:
        """Where everything lies."""
        return self._layout

    def installed(self) -> list[Installed]:
        """Return what is installed, oldest first and names that are no versions last, without the short-name links."""
        found = []
        try:
            entries = list(os.scandir(self._layout.versions))
        except OSError:
            return []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            target = _target(entry.path) if entry.is_symlink() else ""
            if (target and "/" not in target) or not entry.is_dir():
                continue  # a short-name link, or no version at all
            found.append(self._describe(entry.name, target))
        return sorted(found, key=_order)

    def _describe(self, name: str, target: str) -> Installed:
        path = self._layout.version(name)
        managed = os.path.exists(path / RECEIPT)
        version: Version | None = None
        with suppress(Exception):
            version = Version.parse(name)
        if version and version.implementation == "graalpy" and managed:
            # GraalPy's name does not tell which Python it is
            numbers = str(self.receipt(name).get("python", "")).split(".")
            version = version._replace(release=tuple(int(part) for part in numbers if part.isdecimal()))
        return Installed(name, path, version, target, managed)

    def aliases(self) -> dict[str, str]:
        """Return the short-name links: name and the folder each one means."""
        links: dict[str, str] = {}
        with suppress(OSError):
            for entry in list(os.scandir(self._layout.versions)):
                target = _target(entry.path) if entry.is_symlink() else ""
                if target and "/" not in target and not entry.name.startswith("."):
                    links[entry.name] = target
        return links

    def get(self, name: str) -> Installed | None:
        """Return the version of exactly this name, or None."""
        path = self._layout.version(name)
        target = ""
        with suppress(OSError):
            target = os.readlink(path)
        return self._describe(name, target) if os.path.isdir(path) else None

    def find(self, request: Request) -> Installed | None:
        """Return the installed version that a request means, or None.

        A short name means what its link means; only without that link are the folders compared.
        """
        if request.kind == "name":
            return self.get(request.name)
        exact = request.exact
        if exact is not None:
            return self.get(exact.name) if self._fits(exact.name, request) else None
        if request.short_name:
            with suppress(OSError):
                target = os.readlink(self._layout.version(request.short_name))
                if "/" not in target:
                    linked = self.get(target)
                    if linked is not None:
                        return linked
        known = [each for each in self.installed() if each.version and self._fits(each.name, request)]
        return newest(known, request, version_of)

    def _fits(self, name: str, request: Request) -> bool:
        """Tell whether an installed version was made for the platform that a request spells out, if it does."""
        if not any(request.platform):
            return True
        parts = str(self.receipt(name).get("platform", "")).split("-")
        return len(parts) == 3 and all(want in ("", has) for want, has in zip(request.platform, parts, strict=True))

    def require(self, request: Request, *, hint: str = "") -> Installed:
        """Return the installed version that a request means.

        Args:
            request: what is asked for.
            hint: what to type where there is none; without it, the command that installs it.

        Raises:
            NotInstalledError: there is none.
        """
        found = self.find(request)
        if found is None:
            can_be = request.kind in ("version", "range")
            hint = hint or (f"pyv install {_quoted(request.text)}" if can_be else "see: pyv versions")
            raise NotInstalledError(f"{request} is not installed", hint=hint)
        return found

    def broken_link(self, name: str) -> str:
        """Return where the link of a version points to, if nothing is there any more."""
        path = self._layout.version(name)
        return "" if os.path.exists(path) else _target(os.fspath(path))

    def receipt(self, name: str) -> dict[str, object]:
        """Return what was noted when a version was installed; empty where there is no readable receipt."""
        try:
            with fsops.open_regular(self._layout.version(name) / RECEIPT) as file:
                content = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def lock(self, name: str, purpose: str) -> AbstractContextManager[None]:
        """Hold the lock of one version, or of `links`.

        Args:
            name: what is locked.
            purpose: what this process waits for, should another hold it.
        """
        return fsops.lock(
            self._layout.locks / f"{name}.lock",
            waiting=lambda: self._notify(f"waiting for another pyv: {purpose}"),
            warn=self._notify,
        )

    def commit(self, staged: Path, name: str) -> None:
        """Put a finished folder into its place, replacing what stood there without a moment of absence.

        The caller holds the lock of that version. What was replaced is left at `staged`.

        Raises:
            OSError: the rename failed; nothing has changed.
        """
        final = self._layout.version(name)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(staged, final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            if not fsops.exchange(staged, final):
                # No kernel support: two renames, as close together as can be
                aside = staged.with_name(f"{staged.name}.old")
                os.rename(final, aside)
                os.rename(staged, final)
                os.rename(aside, staged)
        fsops.sync_folder(final.parent)

    def discard(self, name: str) -> None:
        """Take a version out of the store in one rename, then delete it. Links to it move to the next newest before."""
        path = self._layout.version(name)
        with fsops.staging(self._layout.staging, f"removed-{name}") as area:
            with self.lock("links", "it changes the short-name links"):  # over both, or another would link it anew
                self._update_links(without=name)
                if os.path.islink(path):
                    os.unlink(path)
                else:
                    os.rename(path, area / name)
            fsops.sync_folder(path.parent)

    def update_links(self) -> None:
        """Point each short name at the newest version of its kind, and remove those that have none left.

        Final releases go before pre-releases. Folders and links of the user's own making are never touched.
        """
        with self.lock("links", "it changes the short-name links"):
            self._update_links()

    def _update_links(self, *, without: str = "") -> None:
        """Do it, holding the lock, as if a version that is about to go were gone."""
        present = [each for each in self.installed() if each.version and each.name != without]
        wanted = _links([each.version for each in present if each.version and _has_python(each.path)])
        existing = self.aliases()
        for name, target in wanted.items():
            path = self._layout.version(name)
            if existing.get(name) != target and (name in existing or not os.path.lexists(path)):
                fsops.replace_link(path, target)
        for name in existing:
            if name not in wanted and _SHORT_NAME.fullmatch(name):
                with suppress(FileNotFoundError):
                    os.unlink(self._layout.version(name))

    def environments_on(self, name: str) -> list[str]:
        """Return the registered project environments that would lose their interpreter with a version."""
        remaining = [each.version for each in self.installed() if each.version and each.name != name]
        lost = {name, *(set(self.aliases()) - set(_links(remaining)))}
        found = []
        with suppress(OSError):
            for entry in sorted(os.scandir(self._layout.venvs), key=lambda each: each.name):
                home = _home_of(entry.path)
                if any(home.startswith(f"{self._layout.version(each)}{os.sep}") for each in lost):
                    found.append(os.path.realpath(entry.path))
        return found


def _target(path: str) -> str:
    """Return what a link points to; nothing if it is none, or has just gone."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _has_python(path: Path) -> bool:
    """Tell whether there is an interpreter in a folder; an empty one must not become the newest version."""
    return any(os.path.exists(path / "bin" / name) for name in ("python", "python3", "pypy3", "graalpy"))


def _quoted(text: str) -> str:
    return f"'{text}'" if any(each in text for each in "<>=!~, ") else text


def _home_of(environment: str) -> str:
    """Return the `home` of a virtual environment's pyvenv.cfg (PEP 405), or nothing."""
    with suppress(OSError), open(os.path.join(environment, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition("=")
            if key.strip().lower() == "home":
                return value.strip()
    return ""


def version_of(installed: Installed) -> Version:
    """Return the version of an installed interpreter that has one.

    Raises:
        StoreError: it is not named like a version.
    """
    if installed.version is None:
        raise StoreError(f"{installed.name} is not named like a version")
    return installed.version


def _order(installed: Installed) -> tuple[object, ...]:
    if installed.version is None:
        return (1, installed.name)
    return (0, *installed.version.order)


def _links(versions: Iterable[Version]) -> Mapping[str, str]:
    """Return for each short name the name of the newest version that it means."""
    best: dict[str, Version] = {}
    for version in versions:
        for short in version.short_names:
            other = best.get(short)
            if other is None or (not version.pre[0], version.order) > (not other.pre[0], other.order):
                best[short] = version
    return {short: version.name for short, version in best.items()}
