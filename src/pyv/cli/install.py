"""What `pyv install` does."""

from __future__ import annotations

import math
import os
import re
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyv.catalogue import Build
from pyv.cli import output, progress, shims
from pyv.errors import NotFoundError, PyvError, UsageError, explain, unexpected
from pyv.install import Options, Outcome
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyv.cli.app import App
    from pyv.install import Installer
    from pyv.together import Tell

_ARCHIVES = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".zip")
# So many are made at the same time, or as many as there are processors, if that is more
_AT_A_TIME = 2
# A download that takes longer than this one keeps processors waiting
_SLOW_SECONDS = 0.6
_SAID = {
    "installed": "installed",
    "replaced": "installed again",
    "linked": "linked from a shared store",
    "already": "is already installed",
    "opened": "is now open to pip",
}


class _Wanted(NamedTuple):
    """What one argument or pin asks for: a request, or an archive's path; and where a pin came from."""

    label: str
    request: Request | None
    archive: Path | None
    origin: str = ""


def install(
    app: App,
    wanted: Sequence[str],
    *,
    force: bool = False,
    skip_existing: bool = False,
    list_: bool = False,
    allow_pip: bool = False,
    compile_bytecode: bool = False,
    sha256: str | None = None,
) -> int:
    """Install what is wanted, and return the exit status of the first that failed."""
    if list_:
        builds = sorted(app.index.builds(), key=lambda build: build.version.order)
        requests = [Request.parse(text) for text in wanted]
        known = dict.fromkeys(build.version for build in builds if build.sha256)
        found = [each for each in known if not requests or any(request.matches(each) for request in requests)]
        if not found:
            raise NotFoundError(f"nothing known matches {' '.join(wanted) or 'that'}", hint="see: pyv list --all")
        for version in found:
            output.data(version.name)
        return 0
    targets = [_understand(text, app.cwd) for text in dict.fromkeys(wanted)] or _pinned(app)
    sha256 = _hash(sha256) if sha256 is not None else ""
    if sha256 and [target.archive for target in targets].count(None) != len(targets) - 1:
        raise UsageError("--sha256 belongs to one archive", hint="pyv install ./archive.tar.gz --sha256 HASH")
    options = Options(force=force, skip_existing=skip_existing, allow_pip=allow_pip, compile_bytecode=compile_bytecode)
    with shims.kept_in_line(app):
        return _install_all(app, targets, options, sha256)


def _understand(text: str, cwd: str) -> _Wanted:
    if text.endswith(_ARCHIVES):
        return _Wanted(text, None, Path(os.path.normpath(os.path.join(cwd, text))))
    return _Wanted(text, Request.parse(text), None)


def _pinned(app: App) -> list[_Wanted]:
    found = app.selector.pins()
    wanted = [pin for pin in found if pin.request.kind != "system"]
    if not found:
        raise UsageError("no version is given, and nothing is pinned here", hint="name one: pyv install 3.12")
    for pin in wanted:
        app.notify(f"{pin.request}, from {pin.origin}")
    if not wanted:
        app.notify(f"{found[0].origin} asks for the system's Python: there is nothing to install")
    return [_Wanted(pin.request.text, pin.request, None, pin.origin) for pin in wanted]


def _hash(text: str) -> str:
    """Return a sha256 as digests are compared.

    Raises:
        UsageError: it is none.
    """
    digest = text.lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
        raise UsageError(f"--sha256 {text!r} is no sha256", hint="it has 64 digits: sha256sum FILE prints it")
    return digest


class _Install:
    """One install of a command, from what it means to what is said of it.

    Args:
        app: the run of pyv.
        installer: what installs.
        target: what is asked for.
        options: how.
        sha256: what the archive must hash to, if the command line says so.

    Attributes:
        label: what it is called, for people.
        what: what there is to be installed; None once nothing is left to be done.
        status: its exit status.
    """

    def __init__(self, app: App, installer: Installer, target: _Wanted, options: Options, sha256: str) -> None:
        self.label = target.label
        self.what: Build | Path | None = target.archive
        self.status = 0
        self._app = app
        self._installer = installer
        self._target = target
        self._options = options
        self._sha256 = sha256
        self._started = time.monotonic()

    def resolve(self, watcher: progress.Silent) -> None:
        """Find out which build is meant, and whether it has to be installed at all."""
        if self._target.request is None:
            return
        with self._reported(watcher):
            meant = self._installer.resolve(self._target.request, self._options)
            if isinstance(meant, Outcome):
                self._tell(meant, watcher)
            else:
                self.what = meant

    def carry_out(self, watcher: progress.Silent) -> None:
        """Install what is meant."""
        if self.what is None:
            return
        with self._reported(watcher):
            if isinstance(self.what, Path):
                outcome = self._installer.install_archive(self.what, self._sha256, self._options, watcher)
            else:
                outcome = self._installer.install_build(self.what, self._options, watcher)
            self._tell(outcome, watcher)

    def copied(self, tell: Tell) -> int:
        """Install what is meant in a copy of the process that watches, and return the exit status."""
        from pyv import together

        if together.COPIES:
            progress.tell_all(tell)
        try:
            self.carry_out(progress.Told(tell))
        except OSError as error:
            self._app.complain(explain(error, f"install {self.label}"))
            return 1
        except Exception as error:  # noqa: BLE001 - a traceback is of no use to whoever reads it
            self._app.complain(unexpected(error, self._app.env.get("PYTHONPATH", "")))
            return 1
        return self.status

    def ended(self, status: int) -> None:
        """Hear how the copy has ended."""
        from pyv import together

        self.status = status
        if status == together.INTERRUPTED:
            self._app.complain(PyvError(f"{self.label}: interrupted"))
        elif status < 0:
            name = next((each.name for each in signal.Signals if each == -status), f"signal {-status}")
            error = PyvError(
                f"{self.label}: {name} has ended the process that installed it",
                hint="nothing of it is half there: run the command again",
            )
            self._app.complain(error)
            self.status = error.exit_code

    @contextmanager
    def _reported(self, watcher: progress.Silent) -> Iterator[None]:
        try:
            yield
        except PyvError as error:
            watcher.close()
            if self._target.origin:
                error.message = f"{self._target.origin}: {error.message}"
            self._app.complain(error)
            self.status = error.exit_code
            self.what = None

    def _tell(self, outcome: Outcome, watcher: progress.Silent) -> None:
        watcher.close()
        self._app.notify(_sentence(outcome, time.monotonic() - self._started))
        if self._options.compile_bytecode and outcome.what == "already":
            self._app.notify(f"its bytecode is compiled by: pyv install --force --compile-bytecode {outcome.name}")


def _install_all(app: App, targets: Sequence[_Wanted], options: Options, sha256: str) -> int:
    """Install everything, several at the same time; return the exit status of the first that failed."""
    if not targets:
        return 0
    installer = app.installer()
    installs = [_Install(app, installer, target, options, sha256) for target in targets]
    watchers = [progress.watch(each.label, number, app.env, quiet=app.quiet) for number, each in enumerate(installs)]
    try:
        for each, watcher in zip(installs, watchers, strict=True):
            each.resolve(watcher)
        once: dict[Build | Path, tuple[_Install, progress.Silent]] = {}
        for each, watcher in zip(installs, watchers, strict=True):
            if each.what is not None:
                once.setdefault(each.what, (each, watcher))  # several requests may mean one build
        left = list(once.values())
        if len(left) > 1:
            _at_the_same_time(installer, left)
        else:
            for each, watcher in left:
                each.carry_out(watcher)
    finally:
        for watcher in watchers:
            watcher.close()
    return next((each.status for each in installs if each.status), 0)


def _at_the_same_time(installer: Installer, installs: Sequence[tuple[_Install, progress.Silent]]) -> None:
    from pyv import together

    between = installer.prepare([each.what for each, _ in installs if isinstance(each.what, Build)])

    begun: dict[int, float] = {}

    def hear(number: int, words: list[Any]) -> bool:
        progress.hear(installs[number][1], words)
        if words[0] != "phase":
            return False
        if "downloading" in words:
            begun[number] = time.monotonic()
        # Only a slow line is to be kept busy while what has come is tried out; elsewhere that would gain nothing
        return time.monotonic() - begun.get(number, math.inf) > _SLOW_SECONDS

    # Those that share a line end together, and then wait for processors together, with the memory of all: rather one
    # after another, no fewer than keep line and processors busy
    most = max(_AT_A_TIME, os.cpu_count() or 1)
    works = [each.copied for each, _ in installs]
    statuses = together.run(works, hear, most=most, copies=together.COPIES, between=between)
    for (each, _), status in zip(installs, statuses, strict=True):
        each.ended(status)


def ensure(app: App, request: Request, *, by_itself: bool = False) -> None:
    """Install what another command needs, and say so; the shims come along.

    Args:
        app: this run.
        request: what it needs.
        by_itself: whether nobody asks for it now, so that what was uninstalled stays away.

    Raises:
        PyvError: it could not be installed, with the reason.
    """
    started = time.monotonic()
    watcher = progress.watch(request.text, 0, app.env, quiet=app.quiet)
    try:
        outcome = app.installer().install(request, Options(by_itself=by_itself), watcher)
    finally:
        watcher.close()
    app.notify(_sentence(outcome, time.monotonic() - started))
    shims.refresh(app)


def _sentence(outcome: Outcome, seconds: float) -> str:
    said = _SAID[outcome.what]
    took = f" in {seconds:.1f} s" if outcome.what in ("installed", "replaced") else ""
    return f"{outcome.name} {said}{took}: {outcome.path}"
