"""Keeps the seed: makes it once for each Python, asks once a day for a newer one, and never stands in the way."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import disk, fsops
from pyv.errors import NetworkError, NotFoundError, PyvError, VerificationError, explained
from pyv.seed import kept
from pyv.seed.kept import Unpacked, Wanted
from pyv.seed.place import place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    from pyv.fetch import Fetcher
    from pyv.layout import Layout
    from pyv.seed.source import Archives, Source, Wheel

_DAY = 86_400.0
# How soon the index is asked again after it could not be had
_HOUR = 3_600.0
# Seconds that its answer may take: where there is none to use, and where there is
_PATIENCE = 20.0
_HURRY = 3.0
_ATTEMPTS = 3
_WITHOUT = "check PIP_INDEX_URL and the connection, or make the environment with --without-pip"


class Seed:
    """The packages that a new environment begins with. To be closed, or used as a context manager.

    Args:
        layout: where the cache is.
        archives: the cache of downloads, which keeps the wheels.
        fetcher: makes what downloads; called only when the index is asked.
        env: the environment: pip's variables, and what interpreters are run in.
        offline: whether the network is left alone.
        clock: seconds since the epoch.
        notify: called with a line for the user.
        index_url: the simple index; without it the one that pip is set up to use.
    """

    def __init__(
        self,
        layout: Layout,
        archives: Archives,
        fetcher: Callable[[], Fetcher],
        env: Mapping[str, str],
        *,
        offline: bool,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        index_url: str | None = None,
    ) -> None:
        self._layout = layout
        self._folder = layout.cache / "seed"
        self._archives = archives
        self._fetcher = fetcher
        self._env = env
        self._offline = offline
        self._clock = clock
        self._notify = notify
        self._index_url = index_url
        self._scratch = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was made for this run only, because the cache could not be written."""
        self._scratch.close()

    def prepare(
        self, python: tuple[int, int], interpreter: Path, *, packages: Sequence[str] = ("pip",), variant: str = ""
    ) -> list[Unpacked]:
        """Return packages that are ready to be put into environments of a Python.

        While an intact one is in the cache, not older than a day, nothing is asked, run or written.

        Args:
            python: its major and minor version.
            interpreter: it, or another of the same version.
            packages: `pip`, `setuptools`.
            variant: what else decides about bytecode: `t` for a free-threaded build.

        Raises:
            NetworkError: there is none in the cache, the index cannot be had, and the interpreter brings none along.
            NotFoundError: the same, but nobody was to be asked, or the index has none.
            VerificationError: the same, but what the index has is refused.
            StoreError: there is no place to make it, or the interpreter does not work.
        """
        return [self._prepare(Wanted(name, python, variant, interpreter)) for name in packages]

    def install(
        self,
        unpacked: Sequence[Unpacked],
        site_packages: Path,
        bin_folder: Path,
        python_executable_path: str,
        *,
        link_mode: str = "auto",
    ) -> None:
        """Put packages into an environment, in place of other versions of them.

        Args:
            unpacked: what `prepare` returned. Should it vanish from the cache meanwhile, it is made again.
            site_packages: an existing folder.
            bin_folder: an existing folder for the commands; from the first to it leads the way that RECORD names.
            python_executable_path: the python that the commands start.
            link_mode: one of `LINK_MODES`; `auto` is the first of clone, hard link and copy that is possible.

        Raises:
            StoreError: something cannot be written.
        """
        for package in unpacked:
            with explained(f"put {package.name} into {site_packages}"):
                self._install(package, site_packages, bin_folder, python_executable_path, link_mode)

    def _install(self, package: Unpacked, site_packages: Path, bin_folder: Path, executable: str, mode: str) -> None:
        attempts = _ATTEMPTS
        while True:
            try:
                place(package, site_packages, bin_folder, executable, link_mode=mode, notify=self._notify)
            except FileNotFoundError:
                # Another pyv has replaced it, or somebody deletes the cache; if not, the environment is incomplete
                attempts -= 1
                if not attempts or package.is_intact():
                    raise
                package = self._prepare(package.wanted)
            else:
                return

    def _prepare(self, wanted: Wanted) -> Unpacked:
        record = self._folder / wanted.series / f"{wanted.name}.json"
        found = kept.read(record, wanted)
        if found is not None and found.is_intact():
            # A time further ahead comes from a clock that was wrong
            fresh = 0 < found.until - self._clock() <= _DAY
            return found if self._offline or fresh else self._refresh(record, found)
        for _ in range(_ATTEMPTS):
            try:
                return self._make(record, wanted)
            except FileNotFoundError:  # the cache may be deleted at any time, this instant too
                continue
            except OSError as error:
                reason = error.strerror or str(error)
                self._notify(f"the cache {self._folder} cannot be used ({reason}): {wanted} is prepared for this once")
                break
        with explained(f"prepare {wanted}"):
            folder = Path(self._env.get("TMPDIR") or "/tmp")  # noqa: S108 - the area in it gets a name of its own
            area = self._scratch.enter_context(fsops.staging(folder, "pyv-seed"))
            return self._best(wanted, None, area, area)

    def _make(self, record: Path, wanted: Wanted) -> Unpacked:
        """Make a package, unless another process does: then wait for it."""

        def wait() -> None:
            self._notify(f"waiting for another pyv: it prepares {wanted}")

        with fsops.lock(record.with_suffix(".lock"), waiting=wait, warn=self._notify):
            found = kept.read(record, wanted)
            if found is not None and found.is_intact():
                return found
            if found is not None:
                self._notify(f"the {wanted} in the cache was changed or is damaged: it is made anew")
            with self._staging(wanted) as area:
                made = self._best(wanted, found, area, record.parent)
            kept.write(record, made)
            kept.discard_others(record, made)
            return made

    def _refresh(self, record: Path, found: Unpacked) -> Unpacked:
        """Return a newer version if there is one; what there is, if anything goes wrong or another process is at it."""
        with suppress(OSError), fsops.try_lock(record.with_suffix(".lock")) as mine:
            now = kept.read(record, found.wanted)
            if not mine or now != found:  # another process is at it, or was quicker: what the record names is whole
                return now or found
            fresh, until = found, self._clock() + _DAY
            try:
                release = self._source().newest(found.wanted, _HURRY)
                if release is not None and release.name.version != found.version:
                    with self._staging(found.wanted) as area:
                        wheel = self._source().fetch(found.wanted, release, area)
                        fresh = self._build(wheel, found.wanted, area, record.parent)
            except PyvError as error:
                until = self._clock() + _HOUR
                if isinstance(error, VerificationError):
                    self._notify(f"{error.message}: {found.name} {found.version} stays in use")
            fresh = fresh._replace(until=until)
            kept.write(record, fresh)
            kept.discard_others(record, fresh)
            return fresh
        return found

    def _source(self) -> Source:
        from pyv.seed.source import Source

        return Source(self._archives, self._fetcher, self._env, self._layout.home, self._index_url, self._notify)

    def _staging(self, wanted: Wanted) -> AbstractContextManager[Path]:
        folder = self._folder / "tmp"
        fsops.sweep(folder)
        return fsops.staging(folder, wanted.name)

    def _best(self, wanted: Wanted, before: Unpacked | None, area: Path, home: Path) -> Unpacked:
        """Make a package of the best wheel that can be had: the one from before, the index's, the interpreter's own."""
        source, reason = self._source(), None
        try:
            release = source.kept(before) if before is not None else None
            until = before.until if before is not None and release is not None else self._clock() + _DAY
            if release is None and not self._offline:
                release = source.newest(wanted, _PATIENCE)
            if release is not None:
                return self._build(source.fetch(wanted, release, area), wanted, area, home)._replace(until=until)
        except (NetworkError, NotFoundError, VerificationError) as error:
            reason = error
        wheel = source.bundled(wanted)
        if wheel is None:
            reason = reason or NotFoundError(
                f"there is no {wanted}: it brings none along, and no index was to be asked"
            )
            raise type(reason)(reason.message, hint=_WITHOUT)
        if reason is not None:
            self._notify(
                f"{reason.message}: {wanted.name} {wheel.version}, which the interpreter brings along, is used"
            )
        until = self._clock() + _HOUR if reason is not None else 0
        return self._build(wheel, wanted, area, home)._replace(until=until)

    def _build(self, wheel: Wheel, wanted: Wanted, area: Path, home: Path) -> Unpacked:
        """Unpack a wheel in a staging area, and move it, whole, to where it stays."""
        from pyv.seed.wheel import unpack

        name = f"{wanted.name}-{wheel.version}-{os.urandom(4).hex()}"
        contents = unpack(wheel.path, wheel.version, area / name, wanted, self._env)
        if home != area:
            disk.sync(area)
            os.rename(area / name, home / name)
        return Unpacked(wanted, wheel.version, wheel.sha256, wheel.url, 0, home / name, *contents)
