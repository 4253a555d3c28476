"""Minor versions in use: the short names that follow patches, what they mean now, and what they could mean."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pyv import manifest, smoke
from pyv.errors import NotInstalledError, VerificationError
from pyv.store import version_of
from pyv.versions import Request, newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyv.catalogue import Build
    from pyv.store import Installed, Store
    from pyv.versions import Version

# What every Python brings along; a newer pip in it is nobody's work
_USUAL = ("pip", "setuptools", "wheel")


class Minor(NamedTuple):
    """A minor version in use: its short name, such as `3.12`, and the version that this means now."""

    name: str
    current: Installed


def in_use(store: Store, requests: Sequence[Request]) -> list[Minor]:
    """Return the minor versions that requests mean, without any, all that are in use; oldest first.

    Raises:
        NotInstalledError: a request means none.
    """
    links = store.aliases()
    found = [
        Minor(each.version.minor, each)
        for each in store.installed()
        if each.version and links.get(each.version.minor) == each.name
    ]
    for request in requests:
        if not any(_means(request, minor) for minor in found):
            for lost in store.lost(request)[-1:]:
                raise lost.missed(request.text)
            raise NotInstalledError(f"{request} is no version that is installed", hint="see: pyv versions")
    return [minor for minor in found if not requests or any(_means(request, minor) for request in requests)]


def _means(request: Request, minor: Minor) -> bool:
    return request.kind in ("version", "range") and request.matches(version_of(minor.current))


def newest_patch(store: Store, minor: Minor) -> Installed:
    """Return the newest installed patch of a minor version, whatever its short name means at present."""
    return newest(_patches(store, minor), Request.parse(minor.name), version_of) or minor.current


def older_patch(store: Store, minor: Minor) -> Installed:
    """Return the patch before the one that is in use.

    Raises:
        NotInstalledError: there is none.
    """
    now = version_of(minor.current).order
    older = [each for each in _patches(store, minor) if version_of(each).order < now]
    found = newest(older, Request.parse(minor.name), version_of)
    if found is None:
        raise NotInstalledError(
            f"no patch of {minor.name} older than {minor.current.name} is installed",
            hint="to have one: pyv install, with all its numbers",
        )
    return found


def _patches(store: Store, minor: Minor) -> list[Installed]:
    return [
        each
        for each in store.installed()
        if each.version and each.version.minor == minor.name and os.path.exists(smoke.executable(each.path))
    ]


def behind(minor: Minor, builds: Iterable[Build]) -> Version | None:
    """Return the newest version that can be had, if the one in use is behind it."""
    candidates = [build for build in builds if build.sha256]
    found = newest(candidates, Request.parse(minor.name), lambda build: build.version)
    now = version_of(minor.current)
    if found is None or (bool(found.version.pre[0]) and not now.pre[0]):
        return None
    return found.version if found.version.order > now.order else None


def own_packages(installed: Installed) -> list[str]:
    """Return the packages that somebody installed into an interpreter itself, as far as its manifest tells."""
    if installed.target or not installed.managed:
        return []
    try:
        original = manifest.load(installed.path)
    except VerificationError:
        return []
    found = []
    for site in sorted(installed.path.glob("lib/py*/site-packages")):
        with suppress(OSError):
            for entry in sorted(os.listdir(site)):
                name, _, kind = entry.rpartition(".")
                known = os.path.relpath(site / entry, installed.path) in original
                if kind == "dist-info" and not known and name.split("-")[0].lower() not in _USUAL:
                    found.append(name.replace("-", " "))
    return found
