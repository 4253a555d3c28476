"""`pyv repair`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv import fsops, manifest, repair
from pyv.cli import output, progress, shims
from pyv.cli.verify import chosen, differences, shown
from pyv.errors import NetworkError, PyvError, VerificationError, explained
from pyv.install import Options
from pyv.install.model import Job
from pyv.versions import Request

if TYPE_CHECKING:
    from pyv.catalogue import Build
    from pyv.cli.app import App
    from pyv.store import Installed


@click.command("repair", epilog="Example:  pyv repair 3.12.7")
@click.argument("requests", nargs=-1, metavar="[VERSION]...")
@click.option("--offline", is_flag=True, help="Use no network: only archives that are at hand.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def repair_command(app: App, requests: tuple[str, ...], *, offline: bool, quiet: bool) -> int:
    """Put back what of a version is damaged or missing, from the archive that it was made from.

    Without a VERSION, all that pyv installed. The archive comes from the cache, else from where the version came from,
    and must have the same sha256. Files that were added stay, and are named; so does what pip has installed.
    """
    app.offline, app.quiet = offline, quiet
    status = 0
    changed = False
    fsops.sweep(app.layout.staging)
    for version in chosen(app, requests):
        if version.target and not requests:
            continue  # its owner's business
        try:
            changed |= _repair(app, version)
        except PyvError as error:
            app.complain(error)
            status = status or error.exit_code
    if changed:
        shims.refresh(app)
    return status


def _repair(app: App, version: Installed) -> bool:
    """Repair one version if it needs it; tell whether it did.

    Raises:
        PyvError: it cannot be repaired.
    """
    name = version.name
    repair.refuse_if_strange(app.store, version)
    with explained(f"repair {name}"), app.store.lock(name, f"it works on {name}"):
        if _is_whole(app, version):
            repair.forget_bytecode(version.path, manifest.load(version.path))
            return False
        receipt = app.store.receipt(name)
        build = _offered(app, repair.build_of(receipt, version))
        _refuse_without_archive(app, build, name)
        place = repair.InPlace(app.layout, app.notify, app.checkpoint)
        maker = app.maker(place)
        options = Options(
            force=True,
            keep_links=True,
            allow_pip=receipt.get("externally_managed") is False,
            compile_bytecode=repair.is_compiled(version.path),
        )
        watcher = progress.watch(name, 0, app.env, quiet=app.quiet)
        try:
            maker.make(Job(build, _file(build), build.asset, build.url, build.sha256, options, watcher))
        except NetworkError as error:
            error.hint = f"if another build of it is as good: pyv install --force {name}"
            raise
        finally:
            watcher.close()
    for path in place.restored:
        output.data(f"{name}  restored  {shown(path)}")
    for path in place.added:
        output.data(f"{name}  added     {shown(path)}")
    left = f"; {len(place.added)} that do not belong to it were left alone" if place.added else ""
    app.notify(f"{name} is repaired, {len(place.restored)} paths restored{left}")
    return True


def _is_whole(app: App, version: Installed) -> bool:
    """Tell whether nothing is damaged or missing; what was added, repairing would not change."""
    try:
        found = differences(app, version, full=True)
    except VerificationError:  # the manifest is a part of the damage
        return False
    for each in found:
        if each.kind != "added":
            return False
    for each in found:
        output.data(f"{version.name}  added     {shown(each.path)}")
    if found:
        app.notify(
            f"{version.name} has nothing damaged or missing; what was added stays: remove it, or type: "
            f"pyv install --force {version.name}"
        )
    else:
        app.notify(f"{version.name} is as it was installed")
    return True


def _offered(app: App, build: Build) -> Build:
    """Return the archive as the catalogue in force offers it, whose place may be nearer; else as it was."""
    if _file(build) is not None:
        return build
    try:
        known = app.index.builds(refresh=False, wanted=Request.parse(build.version.name))
    except PyvError:
        return build
    return next((each for each in known if each.sha256 == build.sha256), build)


def _refuse_without_archive(app: App, build: Build, name: str) -> None:
    """Refuse to repair what was made from a file that is gone, and that nothing else can stand in for.

    Raises:
        NetworkError: it is so.
    """
    if not build.url.startswith("file:") or _file(build) is not None or app.cache.holds(build.sha256):
        return
    path = _path(build)
    hint = f"put it there again, or take another build: pyv install --force {name}"
    what = f"the archive that {name} was made from is gone: {path}"
    if path.is_relative_to(app.layout.staging):
        what = f"{name} is a copy of another manager's, and nothing keeps what it was copied from"
        hint = f"copy it again: pyv uninstall {name}, and pyv import --copy; or take pyv's: pyv install --force {name}"
    raise NetworkError(what, hint=hint)


def _path(build: Build) -> Path:
    """Return the path of a file url."""
    from urllib.parse import unquote, urlsplit

    return Path(unquote(urlsplit(build.url).path))


def _file(build: Build) -> Path | None:
    """Return the archive of a version that was installed from a file, if it is still there."""
    if not build.url.startswith("file:"):
        return None
    path = _path(build)
    return path if os.path.isfile(path) else None
