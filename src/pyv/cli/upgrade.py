"""`pyv upgrade`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pyv import dependents, fixups, fsops, upgrade
from pyv.cli import output, progress, shims
from pyv.errors import InUseError, NotFoundError, PyvError, UsageError, explained
from pyv.install import Options
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.cli.app import App
    from pyv.store import Installed
    from pyv.upgrade import Minor


@click.command("upgrade", epilog="Examples:  pyv upgrade    pyv upgrade 3.12    pyv upgrade --rollback 3.12")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option("--rollback", is_flag=True, help="Back to the patch before, or to the one that is named.")
@click.option("-y", "--yes", is_flag=True, help="Go on even if environments fail on the new patch.")
@click.option("--offline", is_flag=True, help="Use cached archives and local mirrors only.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def upgrade_command(
    app: App, requests: tuple[str, ...], *, rollback: bool, yes: bool, offline: bool, quiet: bool
) -> int:
    """Install the newest patch of each minor version in use, or of those that REQUEST means, and move over to it.

    Before that, every environment that will get it is tried out on it: compiled modules are imported, and pip checks
    what is installed. Environments on an exact version stay on it, and running processes on what they started with.
    The old patch stays until `pyv prune`.
    """
    app.offline, app.quiet = offline, quiet
    wanted = [Request.parse(text) for text in requests]
    if rollback:
        return _rollback(app, wanted)
    minors = upgrade.in_use(app.store, wanted)
    status = 0
    for lost in [] if wanted else app.store.lost():
        error = lost.missed(app.store.usual_request(lost))
        app.complain(error)
        status = error.exit_code
    if not minors and not status:
        app.notify("no version is installed; install one with: pyv install 3")
        return 0
    fsops.sweep(app.layout.staging)
    with shims.kept_in_line(app):
        for minor in minors:
            try:
                _upgrade(app, minor, yes=yes)
            except NotFoundError as error:
                if wanted:
                    app.complain(error)
                    status = status or error.exit_code
                else:  # a Python from elsewhere, perhaps, of which there never was a build
                    app.notify(f"{minor.name} stays on {minor.current.name}: {error.message}")
            except PyvError as error:
                app.complain(error)
                status = status or error.exit_code
    return status


def _upgrade(app: App, minor: Minor, *, yes: bool) -> None:
    """Upgrade one minor version.

    Raises:
        InUseError: environments fail on the new patch, and nobody said that this is all right.
        PyvError: there is no newer patch to be had.
    """
    with explained(f"upgrade {minor.name}"), _in_place(app, minor):
        target = _install(app, minor)
        if target.name == minor.current.name:
            app.notify(f"{minor.name} is up to date: {target.name}")
            return
        app.checkpoint("upgraded")
        packages = upgrade.own_packages(minor.current)
        if packages:
            app.notify(
                f"{minor.current.name} has packages of its own, which {target.name} lacks: {', '.join(packages)}; "
                f"they stay where they are until it is pruned"
            )
        _try_out(app, minor, target, yes=yes)
        app.store.update_links(installed=target.name)
        app.checkpoint("linked")
    app.notify(f"{minor.name} is {target.name} now; {minor.current.name} stays until: pyv prune")


@contextmanager
def _in_place(app: App, minor: Minor) -> Iterator[None]:
    """Keep a short name where it is, whatever is installed, unless nothing newer came."""
    held = minor.name in app.store.held()
    if not held:
        app.store.hold(minor.name)
    try:
        yield
    finally:
        if not held:
            app.store.update_links(installed=minor.current.name)


def _install(app: App, minor: Minor) -> Installed:
    """Install the newest patch, and return the newest one that there is then."""
    watcher = progress.watch(minor.name, 0, app.env, quiet=app.quiet)
    try:
        installer = app.installer()
        outcome = installer.install(Request.parse(minor.name), Options(keep_links=True), watcher)
        current = minor.current
        if outcome.what == "installed" and current.managed and not fixups.is_externally_managed(current.path):
            installer.install(Request.parse(outcome.name), Options(allow_pip=True, keep_links=True), watcher)
    finally:
        watcher.close()
    if outcome.what != "already":
        app.notify(f"{outcome.name} {outcome.what}: {outcome.path}")
    return upgrade.newest_patch(app.store, minor)


def _try_out(app: App, minor: Minor, target: Installed, *, yes: bool) -> None:
    """Try out every environment that follows a short name to the new patch.

    Raises:
        InUseError: some fail, and the answer is no.
    """
    names = {name for name, version in app.store.aliases().items() if version == minor.current.name}
    registered = [each.path for each in app.registry.all()]
    failed = 0
    for each in dependents.environments(app.layout, registered):
        if not each.names & names:
            continue
        if not (app.registry.knows(each.path) or dependents.is_named(app.layout, each.path)):
            app.notify(f"{each.path} is not tried out: it was changed since it was made known")
            continue
        trial = upgrade.try_out(each, target.path, app.layout, app.env)
        for problem in trial.problems:
            app.notify(f"{each.path} on {target.name}: {problem}")
        failed += bool(trial.problems)
    if not failed or yes:
        return
    which = "1 environment fails" if failed == 1 else f"{failed} environments fail"
    question = f"{which} on {target.name}. Move {minor.name} to it?"
    if not (sys.stdin.isatty() and sys.stderr.isatty() and output.confirm(question, yes=False)):
        raise InUseError(
            f"{which} on {target.name}: {minor.name} stays on {minor.current.name}",
            hint=f"to move on even so: pyv upgrade -y {minor.name}",
        )


def _rollback(app: App, wanted: list[Request]) -> int:
    """Go back to older patches, which are there still.

    Raises:
        NotInstalledError: there is none.
        UsageError: it is not said which.
    """
    if not wanted:
        raise UsageError("--rollback needs to know which version", hint="pyv upgrade --rollback 3.12")
    for request in wanted:
        exact = request.exact
        minors = upgrade.in_use(app.store, [Request.parse(exact.minor) if exact else request])
        for minor in minors:
            target = app.store.require(request) if exact else upgrade.older_patch(app.store, minor)
            with explained(f"roll {minor.name} back"):
                app.store.hold(minor.name, target.name)
                app.checkpoint("linked")
            app.notify(f"{minor.name} is {target.name}, until the next: pyv upgrade {minor.name}")
    shims.refresh(app)
    return 0
