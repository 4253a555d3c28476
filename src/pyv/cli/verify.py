"""`pyv verify`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from pyv import manifest, repair
from pyv.cli import output
from pyv.cli.query import required
from pyv.errors import PyvError, VerificationError, explained
from pyv.layout import MANIFEST, RECEIPT
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.store import Installed


@click.command("verify", epilog="Example:  pyv verify 3.12")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option("--full", is_flag=True, help="Read every file, not only those whose time has changed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify_command(app: App, requests: tuple[str, ...], *, full: bool, as_json: bool) -> int:
    """Compare versions with the manifest of their installation: changed, missing and added files, and other owners.

    Without a REQUEST, all that pyv installed. A file is taken for unchanged if kind, mode, size and time are; --full
    hashes all. The exit status is 5 if anything differs. `pyv repair` mends it.
    """
    results: dict[str, list[manifest.Difference]] = {}
    errors: dict[str, PyvError] = {}
    versions = chosen(app, requests)
    for each in versions:
        try:
            with explained(f"read {each.name}"):
                results[each.name] = differences(app, each, full=full)
        except PyvError as error:
            errors[each.name] = error
    if as_json:
        listed: list[dict[str, object]] = [
            {"name": name, "differences": [found._asdict() for found in differing]}
            for name, differing in results.items()
        ]
        listed += [{"name": name, "error": error.message, "differences": []} for name, error in errors.items()]
        output.document({"full": full, "versions": listed})
    else:
        for name, differing in results.items():
            for found in differing:
                detail = f"  ({found.detail})" if found.detail else ""
                output.data(f"{name}  {found.kind:7}  {shown(found.path)}{detail}")
            if not differing:
                app.notify(f"{name} is as it was installed")
    complaints = list(errors.values())
    spoilt = [name for name, differing in results.items() if differing]
    if spoilt:
        what = f"{', '.join(spoilt)} {'differs' if len(spoilt) == 1 else 'differ'} from the manifest"
        first = next(each for each in versions if each.name == spoilt[0])
        only_added = all(each.kind == "added" for name in spoilt for each in results[name])
        hint = repair.owners_command(first, only_added=only_added)
        if any(each.path == RECEIPT for each in results[first.name]):
            hint = f"pyv install --force {first.name}"  # without it nobody knows what to repair it from
        complaints.append(VerificationError(what, hint=hint))
    for complaint in complaints:
        app.complain(complaint)
    return complaints[-1].exit_code if complaints else 0


def shown(text: str) -> str:
    """Return a text that may hold a file's name so that it is one line on a terminal, and nothing but that."""
    return text if text.isprintable() else ascii(text)[1:-1]


def chosen(app: App, requests: Sequence[str]) -> list[Installed]:
    """Return the versions that requests mean; without any, all that pyv installed.

    Raises:
        NotInstalledError: one is not there.
    """
    if requests:
        return list(dict.fromkeys(required(app, Request.parse(text)) for text in requests))
    # One that has lost its receipt is no less damaged for it
    return [each for each in app.store.installed() if each.managed or os.path.lexists(each.path / MANIFEST)]


def differences(app: App, version: Installed, *, full: bool) -> list[manifest.Difference]:
    """Return what is not as it was when a version was installed, but for what pip may have done.

    Raises:
        VerificationError: it has no manifest, or none that can be read.
        OSError: it cannot be read.
    """
    contents = manifest.load(version.path)
    receipt = app.store.receipt(version.name)
    open_to_pip = receipt.get("externally_managed") is False
    found = manifest.compare(version.path, contents, full=full, open_to_pip=open_to_pip)
    if not receipt and not version.target:
        is_there = os.path.lexists(version.path / RECEIPT)
        found.insert(0, manifest.Difference(RECEIPT, *("changed", "content") if is_there else ("missing", "file")))
    return found
