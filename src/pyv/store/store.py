"""The store: which versions are installed, their receipts, and the short-name links that define the newest of each."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.errors import NotInstalledError, PyvError, StoreError, explain
from pyv.layout import RECEIPT
from pyv.store import placing
from pyv.store.model import (
    Installed,
    Lost,
    current_links,
    fits,
    has_python,
    is_current,
    language,
    order,
    quoted,
    short_links,
    target_of,
    version_of,
)
from pyv.versions import Request, Version, folder_names, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pyv.layout import Layout

_SHORT_NAME = re.compile(r"\d+(\.\d+)?t?d?|(pypy|graalpy)(\d+(\.\d+)?)?", re.ASCII)
# A chain of links that is longer is a loop
_MOST_LINKS = 8


class Store:
    """The versions below one root.

    Args:
        layout: where everything lies.
        notify: called with a line for the user, such as what is being waited for.
        here: tells this machine's platform, which is that of what pyv did not install.
    """

    def __init__(self, layout: Layout, notify: Callable[[str], None], here: Callable[[], str] = str) -> None:
        self._layout = layout
        self._notify = notify
        self._here = here

    @property
    def layout(self) -> Layout:
        """Where everything lies."""
        return self._layout

    def installed(self) -> list[Installed]:
        """Return what is installed, oldest first and names that are no versions last, without the short-name links."""
        found = []
        try:
            entries = [each for each in os.scandir(self._layout.versions) if not each.name.startswith(".")]
        except PermissionError as error:  # it is not known to be empty
            raise explain(error, "see what is installed") from None
        except OSError:
            return []
        for entry in entries:
            target = target_of(entry.path) if entry.is_symlink() else ""
            # No short-name link; and not entry.is_dir(), which fails where a link leads to what this user may not see
            if (not target or "/" in target) and os.path.isdir(entry.path):
                found.append(self._describe(entry.name, target))
        return sorted(found, key=lambda each: order(each.name, each.version))

    def _describe(self, name: str, target: str) -> Installed:
        path = self._layout.version(name)
        managed = os.path.exists(path / RECEIPT)
        version: Version | None = None
        with suppress(Exception):
            version = Version.parse(name)
        if version and version.implementation != "cpython" and managed:
            # GraalPy's name does not tell which Python it is, nor PyPy's which patch of it
            version = version._replace(release=language(self.receipt(name)) or version.release)
        return Installed(name, path, version, target, managed)

    def aliases(self) -> dict[str, str]:
        """Return the short-name links: name and the folder each one means."""
        links: dict[str, str] = {}
        with suppress(OSError):
            for entry in list(os.scandir(self._layout.versions)):
                target = target_of(entry.path) if entry.is_symlink() else ""
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
        # A folder that is called so comes first, as for what is pinned
        names = [each for each in (request.name, *folder_names(request.text)) if each not in ("", request.short_name)]
        if (found := next(filter(None, map(self.get, names)), None)) or request.kind == "name":
            return found
        if (exact := request.exact) is not None:
            return self.get(exact.name) if self.fits(exact.name, request) else None
        if request.short_name:
            with suppress(OSError):
                target = os.readlink(self._layout.version(request.short_name))
                if "/" not in target and self.fits(target, request) and (linked := self.get(target)):
                    return linked
        known = [each for each in self.installed() if each.version and self.fits(each.name, request)]
        held = self.held()
        current = [each for each in known if is_current(version_of(each), held)]
        return newest(current, request, version_of) or newest(known, request, version_of)

    def fits(self, name: str, request: Request) -> bool:
        """Tell whether an installed version was made for the platform that a request spells out, if it does."""
        if not any(request.platform):
            return True
        managed = os.path.lexists(self._layout.version(name) / RECEIPT)
        return fits(request, str(self.receipt(name).get("platform")) if managed else self._here())

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
            for lost in self.lost(request)[-1:]:
                raise lost.missed(request.text)
            can_be = request.kind in ("version", "range")
            hint = hint or (f"pyv install {quoted(request.text)}" if can_be else "see: pyv versions")
            raise NotInstalledError(f"{request} is not installed", hint=hint)
        return found

    def lost(self, request: Request | None = None) -> list[Lost]:
        """Return the links to versions elsewhere at which nothing is any more, oldest first.

        Args:
            request: what they would have answered; without it, all of them.
        """
        found = []
        with suppress(OSError):
            for name in sorted(os.listdir(self._layout.versions)):
                target = "" if name.startswith(".") else self.broken_link(name)
                if "/" in target:
                    found.append(Lost.read(name, target, self._shared()))
        found.sort(key=lambda each: order(each.name, each.version))
        return [each for each in found if request is None or each.answers(request)]

    def _shared(self) -> tuple[Path, ...]:
        try:
            return self._layout.shared
        except PyvError:  # the file that names them is broken, which is told where they are looked at
            return ()

    def usual_request(self, lost: Lost) -> str:
        """Return what brings back a version that is lost: the short name that it was the newest of, else its own."""
        minor = lost.version.minor if lost.version else ""
        return minor if self.aliases().get(minor) == lost.name else lost.name

    def broken_link(self, name: str) -> str:
        """Return where the link of a version points to, if nothing is there any more."""
        path = self._layout.version(name)
        return "" if os.path.exists(path) else target_of(os.fspath(path))

    def name_behind(self, name: str) -> str:
        """Return the name of the version that a name in versions/ leads to, through links that stay in that folder.

        A link out of the store is a version of its own name.
        """
        for _ in range(_MOST_LINKS):
            target = target_of(os.fspath(self._layout.version(name)))
            folder, last = os.path.split(os.path.join(self._layout.versions, target))
            try:
                if not target or not os.path.samefile(folder, self._layout.versions):
                    break
            except OSError:
                break
            name = last
        return name

    def receipt(self, name: str) -> dict[str, object]:
        """Return what was noted when a version was installed; empty where there is no readable receipt."""
        import json

        try:
            with fsops.open_regular(self._layout.version(name) / RECEIPT) as file:
                content = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def lock(self, name: str, purpose: str, *, patient: bool = True) -> AbstractContextManager[None]:
        """Hold the lock of one version, or of `links`.

        Args:
            name: what is locked.
            purpose: what this process waits for, should another hold it.
            patient: whether to wait for it; else StoreError is raised.
        """

        def waiting() -> None:
            if not patient:
                raise StoreError(f"another pyv is at work: {purpose}")
            self._notify(f"waiting for another pyv: {purpose}")

        if name != "links":  # which it will need as well, when there is no way back
            fsops.check_writable(self._lock_file("links"))
        return fsops.lock(self._lock_file(name), waiting=waiting, warn=self._notify)

    def _lock_file(self, name: str) -> Path:
        return self._layout.locks / f"{name}.lock"

    def check_place(self, name: str) -> None:
        """Make sure that a version can have its place.

        Raises:
            StoreError: a file of somebody's stands there.
        """
        placing.check(self._layout.version(name))

    def commit(self, staged: Path, name: str) -> None:
        """Put a finished folder into its place, replacing what stood there without a moment of absence.

        The caller holds the lock of that version. What was replaced is left at `staged`.

        Raises:
            StoreError: a file of somebody's stands there.
            OSError: the rename failed; nothing has changed.
        """
        placing.put(staged, self._layout.version(name))

    def recover(self) -> None:
        """Put back the versions whose replacement was killed when they had no place, where nobody is at it."""
        with suppress(OSError):
            for name in placing.interrupted(self._layout.versions):
                with fsops.try_lock(self._lock_file(name)) as free:
                    if free:
                        placing.put_back(self._layout.version(name))

    def discard(self, name: str, *, remember: bool = True) -> None:
        """Take a version out of the store in one rename, then delete it. Links to it move to the next newest before.

        Args:
            name: the version.
            remember: whether it may come back only when somebody asks for it.
        """
        path = self._layout.version(name)
        noted = not remember
        with fsops.staging(self._layout.staging, f"removed-{name}") as area:
            with self.lock("links", "it changes the short-name links"):  # over both, or another would link it anew
                self._update_links(without=name)
                if remember:
                    noted = self._has_noted(name)
                if os.path.islink(path):
                    os.unlink(path)
                else:
                    fsops.move(path, area / name)
            fsops.sync_folder(path.parent)
        if not noted:  # now there is room for it
            with self.lock("links", "it changes the short-name links"):
                if self.get(name) is None:
                    self._remember_removed({*self.removed(), name})

    def _has_noted(self, name: str) -> bool:
        """Note that a version is removed; tell whether that was possible on a disk that is perhaps full."""
        try:
            self._remember_removed({*self.removed(), name})
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        return True

    def update_links(self, *, installed: str = "") -> None:
        """Point each short name at the newest version of its kind, and remove those that have none left.

        Final releases go before pre-releases. Folders and links of the user's own making are never touched.

        Args:
            installed: a version that somebody asked for. If it is the newest patch of its minor version, that is
                held no longer.
        """
        with self.lock("links", "it changes the short-name links"):
            self._update_links(installed=installed)

    def renew_links(self) -> None:
        """Do the same for who holds the lock `links` already, as far as the links can be written."""
        with suppress(OSError):  # somebody else's store: without the links it is only slower to search
            self._update_links()

    def missing_links(self) -> dict[str, str]:
        """Return the short names that lead to another version than they should, or nowhere, and that version."""
        usable = [each.version for each in self.installed() if each.version and has_python(each.path)]
        return self._to_link(current_links(usable, self.held()), self.aliases())

    def _to_link(self, wanted: Mapping[str, str], existing: Mapping[str, str]) -> dict[str, str]:
        changed = {name: target for name, target in wanted.items() if existing.get(name) != target}
        theirs = {name for name in changed if name not in existing and os.path.lexists(self._layout.version(name))}
        return {name: target for name, target in changed.items() if name not in theirs}

    def hold(self, minor: str, name: str = "") -> None:
        """Point a short name at one of its versions, and keep it there until somebody asks for the newest one.

        Args:
            minor: the short name that follows patches, such as `3.12`; `3` follows it.
            name: the version; without it, the one that it means now.
        """
        with self.lock("links", "it changes the short-name links"):
            if target := name or self.aliases().get(minor):
                # First the note: links that are made again meanwhile are then made right
                self._write_held({**self.held(), minor: target})
                self._update_links()

    def held(self) -> dict[str, str]:
        """Return the short names that do not follow the newest patch, and the version at which each one is held."""
        try:
            lines = self._layout.held.read_text("utf-8").splitlines()
        except (OSError, ValueError):
            return {}
        return {words[0]: words[1] for words in map(str.split, lines) if len(words) == 2}

    def _write_held(self, held: Mapping[str, str]) -> None:
        fsops.write_whole(self._layout.held, "".join(f"{key} {held[key]}\n" for key in sorted(held)).encode())

    def _update_links(self, *, without: str = "", installed: str = "") -> None:
        """Do it, holding the lock, as if a version that is about to go were gone."""
        present = [each for each in self.installed() if each.version and each.name != without]
        usable = [each.version for each in present if each.version and has_python(each.path)]
        minors, newest_of = {version.name: version.minor for version in usable}, short_links(usable)
        noted = self.held()
        # A version that is gone holds nothing
        held = {
            minor: name for minor, name in noted.items() if minors.get(name) == minor and newest_of[minor] != installed
        }
        if held != noted:
            self._write_held(held)
        wanted, existing = current_links(usable, held), self.aliases()
        for name, target in self._to_link(wanted, existing).items():
            fsops.replace_link(self._layout.version(name), target)
        for name, target in existing.items():
            # One that is elsewhere may only be out of reach, and what is made from it needs the name when it is back
            waits = target != without and self.broken_link(target)
            if name not in wanted and not waits and _SHORT_NAME.fullmatch(name):
                with suppress(FileNotFoundError):
                    os.unlink(self._layout.version(name))
        self._remember_removed(set(self.removed()) - {each.name for each in present})

    def removed(self) -> list[str]:
        """Return the names of the versions that were uninstalled and have not been installed since."""
        try:
            return self._layout.removed.read_text("utf-8").split()
        except (OSError, ValueError):
            return []

    def _remember_removed(self, names: set[str]) -> None:
        if names != set(self.removed()):
            fsops.write_whole(self._layout.removed, "".join(f"{name}\n" for name in sorted(names)).encode())

    def names_lost_with(self, name: str) -> set[str]:
        """Return the names that would mean nothing any more without a version: its own, and those it alone answers."""
        remaining = short_links([each.version for each in self.installed() if each.version and each.name != name])
        return {name, *(alias for alias, target in self.aliases().items() if target == name and alias not in remaining)}
