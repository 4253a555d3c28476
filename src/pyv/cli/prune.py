"""`pyv prune`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pyv import disk, fsops, prune, uninstall, upgrade
from pyv.cli import output, shims
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyv.cli.app import App
    from pyv.pins import Pin
    from pyv.prune import Pruner
    from pyv.store import Installed


@click.command("prune", epilog="Examples:  pyv prune --dry-run    pyv prune -y")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def prune_command(app: App, *, yes: bool, dry_run: bool, quiet: bool) -> int:
    """Remove the versions that nothing refers to, such as old patches after an upgrade.

    A version stays if a short name means it; if a pin asks for it: the global one, the one that holds here, or that of
    a project with a known environment; if an environment is made from it; if a process runs on it, or pyv itself; or if
    pyv did not install it. Registered environments that are no more are forgotten.
    """
    app.quiet = quiet
    if not dry_run:
        fsops.sweep(app.layout.staging)  # also where a killed one has left nothing else to do
    pruner = prune.Pruner(app.store, app.registry, _pins(app), (sys.prefix, sys.base_prefix), app.complain)
    unused, gone = pruner.unused(), pruner.gone()
    total = _show(app, unused, gone)
    if dry_run or not (unused or gone):
        return 0
    what = []
    if unused:
        what.append(f"remove {_count(len(unused), 'version')} ({output.size(total)})")
    if gone:
        what.append(f"forget {_count(len(gone), 'environment')}")
    question = " and ".join(what)
    if not output.confirm(f"{question[0].upper()}{question[1:]}?", yes=yes):
        app.notify("everything stays")
        return 1
    for path in gone:
        app.registry.revoke(path)
    return _remove(app, pruner, unused)


def _pins(app: App) -> list[Pin]:
    try:
        return app.selector.pins()
    except PyvError as error:
        app.complain(error)
        return []


def _show(app: App, unused: Sequence[Installed], gone: Sequence[Path]) -> int:
    """List what can go, and return how many bytes that would free."""
    sizes = [disk.usage(each.path) for each in unused]
    output.table([(each.name, output.size(size)) for each, size in zip(unused, sizes, strict=True)])
    for each in unused:
        packages = upgrade.own_packages(each)
        if packages:
            app.notify(f"{each.name} has packages of its own, which go with it: {', '.join(packages)}")
    for path in gone:
        app.notify(f"there is no environment {path} any more")
    if not unused and not gone:
        app.notify("there is nothing to prune")
    return sum(sizes)


def _remove(app: App, pruner: Pruner, unused: Sequence[Installed]) -> int:
    status = 0
    for each in unused:
        if each not in pruner.unused():  # the answer may have taken its time
            app.notify(f"{each.name} stays: it is in use by now")
            continue
        try:
            uninstall.uninstall(app.store, app.registry, each, remember=False)
        except PyvError as error:
            app.complain(error)
            status = status or error.exit_code
        else:
            app.notify(f"{each.name} removed")
    if unused:
        shims.refresh(app)
    return status


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
