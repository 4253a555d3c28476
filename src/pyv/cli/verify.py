"""`pyv verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv import manifest
from pyv.cli import output
from pyv.errors import VerificationError
from pyv.versions import Request

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("verify", epilog="Example:  pyv verify 3.12")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify_command(app: App, requests: tuple[str, ...], *, as_json: bool) -> int:
    """Compare versions with the manifest of their installation: changed, missing and added files.

    Without a REQUEST, all that pyv installed. Every file is read. The exit status is 5 if anything differs.
    """
    if requests:
        chosen = list(dict.fromkeys(app.store.require(Request.parse(text)) for text in requests))
    else:
        chosen = [each for each in app.store.installed() if each.managed]
    results = {each.name: manifest.compare(each.path, manifest.load(each.path)) for each in chosen}
    if as_json:
        output.document(
            {
                "versions": [
                    {"name": name, "differences": [found._asdict() for found in differences]}
                    for name, differences in results.items()
                ]
            }
        )
    else:
        for name, differences in results.items():
            for found in differences:
                output.data(f"{name}  {found.kind:7}  {found.path}{f'  ({found.detail})' if found.detail else ''}")
            if not differences:
                app.notify(f"{name} is as it was installed")
    spoilt = [name for name, differences in results.items() if differences]
    if not spoilt:
        return 0
    error = VerificationError(f"{', '.join(spoilt)} differ from the manifest", hint=f"pyv install --force {spoilt[0]}")
    app.complain(error)
    return error.exit_code
