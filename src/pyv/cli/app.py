"""What every command needs, made from the environment of this process, each part when it is first asked for.

This is the edge: environment, working directory and clock are read here and passed on.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.layout import Layout
from pyv.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyv import platforms, settings
    from pyv.cache import ArchiveCache
    from pyv.errors import PyvError
    from pyv.fetch import Fetcher
    from pyv.index import Index
    from pyv.install import Installer, Maker
    from pyv.registry import Registry
    from pyv.select import Commands, Selector
    from pyv.shims import Shims
    from pyv.versions import Request, Version
    from pyv.worker import Worker

# Programs of the system itself, whose loader tells the C library; a Python may come from anywhere
_SYSTEM_PROGRAMS = ("/bin/sh", "/usr/bin/env", "/bin/ls", sys.executable)


class App:
    """One run of pyv.

    Args:
        env: the environment.
        cwd: the working directory; empty if it was deleted.
        checkpoint: called at each commit point, see `Maker`.
        root: the store, where the environment does not decide.
        variable: the variable that PYV_VERSION was taken from, if it is another.
        worker: what fetches, if there is one.
        words: the command line, for people who are to repeat it.

    Attributes:
        offline: whether the command line forbids the network.
        quiet: whether it forbids talk.
        checkpoint: to be called at each commit point.
        variable: what the variable that selects versions is called, for people.
        words: the command line.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        cwd: str,
        checkpoint: Callable[[str], None],
        *,
        root: str = "",
        variable: str = "",
        worker: Worker | None = None,
        words: Sequence[str] = (),
    ) -> None:
        self.env = env
        self._worker = worker
        self._root = root
        self.cwd = cwd
        self.offline = False
        self.quiet = False
        self.checkpoint = checkpoint
        self.variable = variable or "PYV_VERSION"
        self.words = words

    def notify(self, line: str) -> None:
        """Say something to the user, on standard error and above any progress bars."""
        if not self.quiet:
            from pyv.cli import progress

            progress.say(line)

    def complain(self, error: PyvError) -> None:
        """Print an error that does not end the command."""
        if self.env.get("PYV_DEBUG", "") not in ("", "0"):
            import traceback

            with suppress(OSError):  # nobody hears it
                traceback.print_exception(error)
        first, *rest = str(error).splitlines()
        from pyv.cli import progress

        progress.say("\n     ".join([first, *rest]))

    @cached_property
    def layout(self) -> Layout:
        """Where everything lies."""
        env = {**self.env, "PYV_ROOT": self._root} if self._root else self.env
        return Layout(env, self.cwd, lambda: self._shared_by_file)

    @cached_property
    def _shared_by_file(self) -> tuple[Path, ...]:
        from pyv import settings

        return settings.shared(self.layout.settings)

    @cached_property
    def settings(self) -> settings.Settings:
        """What the user asked for by variables and files."""
        from pyv import settings

        return settings.load(self.env, self.layout.settings, self.cwd, offline=self.offline)

    @cached_property
    def store(self) -> Store:
        """The installed versions."""
        return Store(self.layout, self.notify, lambda: str(self.host.platform))

    @cached_property
    def shims(self) -> Shims:
        """The shims, which run pyv on the interpreter that runs it now."""
        from pyv.shims import Shims

        # Without the environment's and the folder's modules; so it must be told where a pyv of `pip install --user` is
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        program = f"import sys; sys.path.append({folder!a}); from pyv.__main__ import leave; leave()"
        return Shims(self.layout, self.store, self.registry, (sys.executable, "-I", "-c", program))

    @cached_property
    def host(self) -> platforms.Host:
        """This machine."""
        from pyv import platforms

        return platforms.detect(
            sys.platform, os.uname().machine, [Path(program) for program in _SYSTEM_PROGRAMS], Path("/proc/cpuinfo")
        )

    @cached_property
    def cache(self) -> ArchiveCache:
        """The archives that were downloaded."""
        from pyv.cache import ArchiveCache

        return ArchiveCache(self.layout.archives, self.notify)

    @cached_property
    def _fetcher(self) -> Fetcher:
        from pyv.fetch import Fetcher

        def meanwhile() -> None:
            from pyv.install import maker

            maker.import_later()

        return Fetcher(
            self.env,
            offline=self.settings.offline,
            notify=self.notify,
            worker=self._worker,
            meanwhile=meanwhile,
        )

    def fetcher(self) -> Fetcher:
        """Return what downloads; one for the whole run, so that connections are reused."""
        return self._fetcher

    @cached_property
    def index(self) -> Index:
        """The catalogue in force."""
        return self._index(offline=self.settings.offline)

    def known(self, request: Request) -> list[Version]:
        """Return the versions that can be installed where a request is for, as far as that is known offline.

        Raises:
            PyvError: the mirror is needed to tell.
        """
        builds = self._index(offline=True).builds(refresh=False, wanted=request)
        return [build.version for build in builds if build.sha256]

    def _index(self, *, offline: bool) -> Index:
        from pyv.index import Index

        return Index(
            self.layout,
            self.host,
            self.fetcher,
            mirror=self.settings.mirror,
            offline=offline,
            clock=time.time,
            notify=self.notify,
        )

    @cached_property
    def registry(self) -> Registry:
        """The environments that may be used."""
        from pyv.registry import Registry

        return Registry(self.layout)

    @cached_property
    def selector(self) -> Selector:
        """What is selected here."""
        from pyv.select import Selector

        return Selector(self.store, self.registry, self.env, self.cwd, self.variable)

    @cached_property
    def commands(self) -> Commands:
        """Which program a command is."""
        from pyv.select import Commands

        return Commands(self.store, self.env, os.getpid(), os.getppid())

    def maker(self, store: Store) -> Maker:
        """Return what makes versions for a store."""
        from pyv.install import Maker

        return Maker(
            store=store,
            index=self.index,
            cache=self.cache,
            host=self.host,
            fetcher=self.fetcher,
            env=self.env,
            checkpoint=self.checkpoint,
        )

    def installer(self) -> Installer:
        """Return what installs."""
        from pyv.install import Installer

        return Installer(
            store=self.store,
            index=self.index,
            cache=self.cache,
            host=self.host,
            maker=self.maker(self.store),
            offline=self.settings.offline,
        )


def working_directory() -> str:
    """Return the working directory as its path was spelled on the way to it; nothing if it was deleted."""
    try:
        physical = os.getcwd()
    except OSError:
        return ""
    spelled = os.environ.get("PWD", "")
    if os.path.isabs(spelled) and os.path.normpath(spelled) == spelled:
        try:
            return spelled if os.path.samefile(spelled, physical) else physical
        except OSError:
            pass
    return physical
