"""`pyv uninstall`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pyv import fsops, uninstall
from pyv.cli import output, shims
from pyv.cli.query import required
from pyv.errors import InUseError, PyvError
from pyv.store import Installed
from pyv.versions import Request, folder_names

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("uninstall", epilog="Example:  pyv uninstall 3.12.7")
@click.argument("requests", nargs=-1, required=True, metavar="REQUEST...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-f", "--force", is_flag=True, help="Remove it even if environments or running processes need it.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def uninstall_command(app: App, requests: tuple[str, ...], *, yes: bool, force: bool, quiet: bool) -> int:
    """Remove installed versions and named environments. Of one that is linked from elsewhere, only the link goes."""
    app.quiet = quiet
    fsops.sweep(app.layout.staging)  # also where a killed one has left nothing else to do
    status = 0
    changed = False
    for installed in dict.fromkeys(_find(app, text) for text in requests):
        try:
            registered = [each.path for each in app.registry.all()]
            against = uninstall.objections(app.store, installed, registered, (sys.prefix, sys.base_prefix))
            if against and not force:
                raise InUseError(
                    f"{installed.name} is in use: {'; '.join(against)}", hint="remove it even so with --force"
                )
            for line in against:
                app.notify(f"{installed.name}: {line}")
            what = uninstall.folder_of(app.store, installed) or f"the link {installed.path}"
            if not output.confirm(f"Remove {what}?", yes=yes):
                app.notify(f"{installed.name} stays")
                status = status or 1
                continue
            uninstall.uninstall(app.store, app.registry, installed)
        except PyvError as error:
            if len(requests) == 1:
                raise
            app.complain(error)
            status = status or error.exit_code
            continue
        changed = True
        app.notify(f"{installed.name} removed")
    if changed:
        shims.refresh(app)
    return status


def _find(app: App, text: str) -> Installed:
    """Return the version that a request means, a link among them whose target is gone."""
    request = Request.parse(text)
    for name in folder_names(text):
        if name != request.short_name and (target := app.store.broken_link(name)):
            return Installed(name, app.layout.version(name), None, target, managed=False)
    return required(app, request)
