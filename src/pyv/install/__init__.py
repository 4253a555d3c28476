"""Installing: from a request to a verified, relocated interpreter in the store, or to nothing at all.

Everything happens in a private staging folder on the store's file system. One rename makes the finished version
visible, so that an install that ends at any other moment leaves nothing.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fixups, fsops, manifest
from pyv.catalogue import Build, parse_asset
from pyv.errors import (
    NetworkError,
    NotFoundError,
    NotInstalledError,
    PyvError,
    RequestError,
    StoreError,
    VerificationError,
    explained,
    shell_word,
)
from pyv.fetch import redact
from pyv.install.maker import Maker, write_description
from pyv.install.model import Job, Options, Outcome, Watcher
from pyv.store import has_python, shared
from pyv.store.model import quoted
from pyv.versions import newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyv.cache import ArchiveCache
    from pyv.index import Index
    from pyv.platforms import Host
    from pyv.store import Installed, Store
    from pyv.versions import Request, Version

__all__ = ["Installer", "Maker", "Options", "Outcome", "Watcher"]

_MARK = "/EXTERNALLY-MANAGED"
# What is said of a path at which there is no file; the last two of what is none
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO})


class Installer:
    """Installs into one store.

    Args:
        store: where to.
        index: the builds there are.
        cache: the archives that were downloaded before.
        host: what runs here.
        maker: makes versions out of archives.
        offline: whether only cached archives and local mirrors count.
    """

    def __init__(
        self, *, store: Store, index: Index, cache: ArchiveCache, host: Host, maker: Maker, offline: bool
    ) -> None:
        self._store = store
        self._layout = store.layout
        self._index = index
        self._cache = cache
        self._host = host
        self._maker = maker
        self._offline = offline

    def install(self, request: Request, options: Options, watcher: Watcher) -> Outcome:
        """Install the newest version that a request means.

        Raises:
            RequestError: it is no version that can be installed.
            NotFoundError: no build matches.
            NetworkError: the build could not be had.
            VerificationError: the build is not what it should be.
            StoreError: it could not be written.
        """
        meant = self.resolve(request, options)
        return meant if isinstance(meant, Outcome) else self.install_build(meant, options, watcher)

    def resolve(self, request: Request, options: Options) -> Build | Outcome:
        """Return the build that a request means, or what came of it where none has to be installed.

        Raises:
            RequestError: it is no version that can be installed.
            NotFoundError: no build matches.
            NotInstalledError: it was uninstalled, and nobody asks for it.
            NetworkError: the catalogue could not be had.
            VerificationError: it is not what it should be.
            StoreError: what is there could not be linked or opened to pip.
        """
        present = self._present(request, options)
        if present is not None:
            return self._leave(present, options)
        theirs = shared.find(self._store, request, self._host) if _may_be_a_link(options) else None
        if theirs is not None:
            self._refuse_removed(theirs.name, request, options)
            return self._link(theirs, options)
        build = self._choose(request)
        existing = self._store.get(build.version.name)
        if existing is not None and not options.force:
            return self._leave(existing, options)
        self._refuse_removed(build.version.name, request, options)
        return build

    def _refuse_removed(self, name: str, request: Request, options: Options) -> None:
        if options.by_itself and name in self._store.removed():
            raise NotInstalledError(
                f"{name} was uninstalled, and comes back only when asked for",
                hint=f"to have it again: pyv install {quoted(request.text)}",
            )

    def prepare(self, builds: Sequence[Build]) -> Callable[[], None]:
        """Make ready for copies of this process, each of which installs one of these builds, see `Maker.prepare`."""
        # Should there be no locks here, the user is told now, and not by every copy
        with suppress(PyvError, OSError), self._store.lock("links", "it works on short names", patient=False):
            pass
        return self._maker.prepare(builds)

    def install_build(self, build: Build, options: Options, watcher: Watcher) -> Outcome:
        """Install exactly this build, whatever else the catalogue has.

        Raises:
            NetworkError: the build could not be had.
            VerificationError: the build is not what it should be.
            StoreError: it could not be written.
        """
        name = build.version.name
        if not build.sha256:
            raise VerificationError(
                f"refused: {redact(build.url)} has no sha256", hint="it takes one in SHA256SUMS beside it"
            )
        theirs = shared.made_from(self._layout, build.sha256, self._host) if _may_be_a_link(options) else None
        if theirs is not None:
            return self._link(theirs, options)
        with explained(f"install {name}"), self._store.lock(name, f"it installs {name}"):
            existing = self._store.get(name)
            if existing is not None and not options.force:  # the one that was waited for has done it
                return self._leave(existing, options)
            options = _as_it_was(existing, options)
            return self._maker.make(Job(build, None, build.asset, build.url, build.sha256, options, watcher))

    def install_archive(self, path: Path, sha256: str, options: Options, watcher: Watcher) -> Outcome:
        """Install an archive that lies here.

        Args:
            path: the file.
            sha256: what it must hash to; if empty, the catalogue or a `SHA256SUMS` beside it must know.
            options: how.
            watcher: who watches.

        Raises:
            NotFoundError: there is no such file, or it is made for another platform.
            VerificationError: its hash is unknown or another, or it is not what it should be.
            StoreError: it could not be read, or its version not be written.
        """
        _check_readable(path)
        given = sha256
        sha256 = sha256.lower() or self._known_hash(path)
        if not sha256:
            raise VerificationError(f"the sha256 of {path} is not known", hint="give it with --sha256")
        build = parse_asset(path.name, path.as_uri())
        job = Job(build, path, path.name, path.as_uri(), sha256, options, watcher)
        if build is None:
            with explained(f"install {path}"):
                return self._maker.make(job)
        name = build.version.name
        if not self._host.runs(build.platform):
            raise NotFoundError(
                f"{path.name} is made for {build.platform}, and this is {self._host.platform}",
                hint=f"pyv install {name} fetches the build for this machine",
            )
        with explained(f"install {name}"), self._store.lock(name, f"it installs {name}"):
            existing = self._store.get(name)
            if existing is not None and not options.force:
                if given:  # who gives a hash wants to know whether it is right, whatever is installed
                    self._maker.check(job)
                return self._leave(existing, options)
            return self._maker.make(job._replace(options=_as_it_was(existing, options)))

    def _known_hash(self, path: Path) -> str:
        """Return the sha256 that the catalogue, or a SHA256SUMS file in the same folder, has for a file name."""
        for build in self._index.builds(refresh=False):
            if build.asset == path.name and build.sha256:
                return build.sha256
        with suppress(OSError):
            for line in path.with_name("SHA256SUMS").read_text("utf-8", "replace").splitlines():
                digest, _, name = line.partition(" ")
                if name.strip().removeprefix("*") == path.name:
                    return digest.lower()
        return ""

    def _present(self, request: Request, options: Options) -> Installed | None:
        """Return what is installed and makes a look at the catalogue needless."""
        if request.kind == "system":
            raise RequestError(
                "system is the rest of PATH and never installed", hint="name a version: pyv install 3.12"
            )
        if request.kind == "name":
            named = self._store.find(request)
            if named is None:
                raise RequestError(f"{request.text!r} is no version that can be installed", hint="see: pyv list")
            return named
        if options.force:
            return None
        if options.skip_existing or request.exact is not None or options.allow_pip:
            return self._store.find(request)
        return None

    def _leave(self, present: Installed, options: Options) -> Outcome:
        if not has_python(present.path):  # such as a build that was broken off, and copied here
            cure = f"pyv repair {present.name}" if present.managed else f"pyv install --force {present.name}"
            raise StoreError(f"{present.path} holds no interpreter", hint=f"to have one there: {cure}")
        opened = options.allow_pip and self._open_to_pip(present)
        return Outcome(present.name, present.path, "opened" if opened else "already")

    def _open_to_pip(self, present: Installed) -> bool:
        """Remove the mark of an externally managed interpreter; tell whether there was one."""
        if not fixups.is_externally_managed(present.path):
            return False
        if present.target:
            raise RequestError(
                f"{present.name} belongs to {present.target}, and is not changed from here",
                hint=f"make a copy of your own: pyv install --force --allow-pip {present.name}",
            )
        with (
            explained(f"open {present.name} to pip"),
            self._store.lock(present.name, f"it works on {present.name}"),
        ):
            with suppress(VerificationError):
                contents = manifest.load(present.path)
                receipt = {**self._store.receipt(present.name), "externally_managed": False}
                # First the manifest: a file too many is found by verify, a missing one would look like damage
                unmarked = {path: entry for path, entry in contents.items() if not path.endswith(_MARK)}
                write_description(present.path, receipt, unmarked)
            fixups.allow_pip(present.path)
        return True

    def _link(self, theirs: Installed, options: Options) -> Outcome:
        path = self._layout.version(theirs.name)
        if self._store.get(theirs.name) is not None:
            return Outcome(theirs.name, path, "already")
        with explained(f"link {theirs.name}"), self._store.lock(theirs.name, f"it installs {theirs.name}"):
            self._store.check_place(theirs.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            fsops.replace_link(path, os.fspath(theirs.path))
            if not options.keep_links:
                self._store.update_links(installed=theirs.name)
        return Outcome(theirs.name, path, "linked")

    def _choose(self, request: Request) -> Build:
        if not self._offline:
            return self._index.pinned(self._index.choose(request))
        # Only what a local mirror or the cache holds can be installed then: an older version that is at hand is better
        # than a newer one that is not
        builds = [build for build in self._index.builds(refresh=False, wanted=request) if self._at_hand(build)]
        known = [build for build in builds if build.sha256]
        found = newest(known, request, _version_of) or newest(builds, request, _version_of)
        if found is not None:
            return self._index.pinned(found)
        self._index.choose(request)  # which says so if it exists nowhere
        raise NetworkError(
            f"offline, and no archive of {request} is cached", hint="set PYV_OFFLINE=0, or drop --offline"
        )

    def _at_hand(self, build: Build) -> bool:
        return self._cache.holds(build.sha256) or any(not url.startswith("http") for url in self._index.urls(build))


def _check_readable(archive: Path) -> None:
    try:
        fsops.open_regular(archive).close()
    except PermissionError:
        raise StoreError(
            f"permission denied at {archive}", hint=f"see who may read it: ls -l {shell_word(archive)}"
        ) from None
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        raise NotFoundError(f"there is no archive {archive}", hint="to install a version: pyv install 3.12") from None


def _version_of(build: Build) -> Version:
    return build.version


def _as_it_was(existing: Installed | None, options: Options) -> Options:
    """Return the options for a replacement: what was opened to pip stays open."""
    opened = existing is not None and existing.managed and not fixups.is_externally_managed(existing.path)
    return options._replace(allow_pip=True) if opened else options


def _may_be_a_link(options: Options) -> bool:
    """Tell whether a link will do: what belongs to others is not opened to pip or compiled from here."""
    return not (options.force or options.allow_pip or options.compile_bytecode)
