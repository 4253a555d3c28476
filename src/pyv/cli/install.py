"""What `pyv install` does."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.cli import output, progress, shims
from pyv.errors import PyvError, UsageError
from pyv.install import Options
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from pyv.cli.app import App
    from pyv.install import Installer, Outcome

_ARCHIVES = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".zip")
# How long the other installs of an interrupted command may take to clean up after themselves, in seconds
_GRACE = 5
# How long an interrupt may go unheard while other threads work, in seconds
_EAR_SECONDS = 0.1
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
    sha256: str = "",
) -> int:
    """Install what is wanted, and return the exit status of the first that failed."""
    if list_:
        builds = sorted(app.index.builds(), key=lambda build: build.version.order)
        requests = [Request.parse(text) for text in wanted]
        for version in dict.fromkeys(build.version for build in builds if build.sha256):
            if not requests or any(request.matches(version) for request in requests):
                output.data(version.name)
        return 0
    targets = [_understand(text, app.cwd) for text in dict.fromkeys(wanted)] or _pinned(app)
    sha256 = _hash(sha256)
    if sha256 and [target.archive for target in targets].count(None) != len(targets) - 1:
        raise UsageError("--sha256 belongs to one archive", hint="pyv install ./archive.tar.gz --sha256 HASH")
    options = Options(force=force, skip_existing=skip_existing, allow_pip=allow_pip, compile_bytecode=compile_bytecode)
    try:
        return _install_all(app, targets, options, sha256)
    finally:
        # Also for those that were finished before another one failed, or the command was interrupted
        if os.path.isdir(app.layout.versions) and not app.shims.intact():
            shims.refresh(app)


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
    if text and not re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
        raise UsageError(f"--sha256 {text!r} is no sha256", hint="it has 64 digits: sha256sum FILE prints it")
    return digest


class _Watched:
    """A watcher that ends its install when the command was interrupted."""

    def __init__(self, watcher: progress.Silent, stop: threading.Event) -> None:
        self._watcher = watcher
        self._stop = stop

    def phase(self, text: str) -> None:
        self._check()
        self._watcher.phase(text)

    def progress(self, received: int, total: int | None) -> None:
        self._check()
        self._watcher.progress(received, total)

    def close(self) -> None:
        self._watcher.close()

    def _check(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt


def _install_all(app: App, targets: Sequence[_Wanted], options: Options, sha256: str) -> int:
    """Install everything, several at the same time; return the exit status of the first that failed."""
    if not targets:
        return 0
    installer = app.installer()
    stop = threading.Event()
    if len(targets) == 1:
        return _install_one(app, installer, targets[0], options, sha256, _watcher(app, targets[0], 0, stop))
    from concurrent.futures import ThreadPoolExecutor, wait

    futures: list[Future[int]] = []
    with ThreadPoolExecutor(len(targets), thread_name_prefix="install") as pool:
        try:
            for number, target in enumerate(targets):
                watcher = _watcher(app, target, number, stop)
                futures.append(pool.submit(_install_one, app, installer, target, options, sha256, watcher))
            # With a time limit: a signal that comes just before a wait without one is heard only after it
            while wait(futures, timeout=_EAR_SECONDS).not_done:
                pass
            statuses = [future.result() for future in futures]
        except KeyboardInterrupt:
            stop.set()
            deadline = time.monotonic() + _GRACE
            while time.monotonic() < deadline and not all(future.done() for future in futures):
                time.sleep(0.05)
            if not all(future.done() for future in futures):
                # One hangs in a call that hears nothing. What it leaves is swept by the next command.
                sys.stderr.write("pyv: interrupted\n")  # also to who wants it quiet
                sys.stderr.flush()
                os._exit(130)
            raise
    return next((status for status in statuses if status), 0)


def _watcher(app: App, target: _Wanted, position: int, stop: threading.Event) -> _Watched:
    return _Watched(progress.watch(target.label, position, quiet=app.quiet), stop)


def _install_one(
    app: App, installer: Installer, target: _Wanted, options: Options, sha256: str, watcher: _Watched
) -> int:
    started = time.monotonic()
    try:
        if target.archive is not None:
            outcome = installer.install_archive(target.archive, sha256, options, watcher)
        elif target.request is not None:
            outcome = installer.install(target.request, options, watcher)
    except PyvError as error:
        watcher.close()
        if target.origin:
            error.message = f"{target.origin}: {error.message}"
        app.complain(error)
        return error.exit_code
    finally:
        watcher.close()
    app.notify(_sentence(outcome, time.monotonic() - started))
    if options.compile_bytecode and outcome.what == "already":
        app.notify(f"its bytecode is compiled by: pyv install --force --compile-bytecode {outcome.name}")
    return 0


def ensure(app: App, request: Request) -> None:
    """Install what another command needs, and say so; the shims come along.

    Raises:
        PyvError: it could not be installed, with the reason.
    """
    started = time.monotonic()
    watcher = progress.watch(request.text, 0, quiet=app.quiet)
    try:
        outcome = app.installer().install(request, Options(), watcher)
    finally:
        watcher.close()
    app.notify(_sentence(outcome, time.monotonic() - started))
    shims.refresh(app)


def _sentence(outcome: Outcome, seconds: float) -> str:
    said = _SAID[outcome.what]
    took = f" in {seconds:.1f} s" if outcome.what in ("installed", "replaced") else ""
    return f"{outcome.name} {said}{took}: {outcome.path}"
