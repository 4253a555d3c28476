"""What `pyv versions`, `latest`, `prefix` and `root` do: look, without changing anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import pins, proc
from pyv.cli import output
from pyv.errors import NotFoundError, NotInstalledError, PyvError
from pyv.store import version_of
from pyv.versions import Request, newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App


def root(app: App) -> None:
    """Print the folder of the store."""
    output.data(str(app.layout.root))


def prefix(app: App, requests: Sequence[str] = ()) -> None:
    """Print the folders of versions, separated by colons; without a request, of those that are selected here."""
    if requests:
        output.data(os.pathsep.join(_prefix(app, Request.parse(text)) for text in requests))
        return
    found = []
    for pin in _pins(app):
        try:
            found.append(_prefix(app, pin.request))
        except PyvError as error:
            error.message = f"{pin.origin}: {error.message}"
            raise
    output.data(os.pathsep.join(found) or _prefix(app, Request.parse("system")))


def _prefix(app: App, request: Request) -> str:
    if request.kind != "system":
        return str(app.store.require(request).path)
    path = os.pathsep.join(
        folder for folder in app.env.get("PATH", "").split(os.pathsep) if folder != str(app.layout.shims)
    )
    for name in ("python", "python3", "python2"):
        found = proc.find_program(name, path)
        if found:
            return os.path.dirname(os.path.dirname(found)) or "/"
    raise NotInstalledError("there is no Python on PATH besides the store's", hint="pyv install 3")


def latest(app: App, prefix: str, *, known: bool, as_json: bool) -> None:
    """Print the newest installed, or known, version that a request means."""
    request = Request.parse(prefix)
    if known:
        name = app.index.choose(request).version.name
    else:
        named = app.store.get(prefix) if request.kind == "name" else None
        installed = [each for each in app.store.installed() if each.version]
        found = named or newest(installed, request, version_of)
        if found is None:
            raise NotFoundError(f"no installed version matches {prefix}", hint="see: pyv versions")
        name = found.name
    if as_json:
        output.document({"name": name, "installed": app.store.get(name) is not None})
    else:
        output.data(name)


def versions(app: App, *, bare: bool = False, skip_aliases: bool = False, as_json: bool = False) -> None:
    """List the installed versions, and mark those that are selected here."""
    installed = app.store.installed()
    aliases = {} if skip_aliases else app.store.aliases()
    if bare:
        for name in [each.name for each in installed] + sorted(aliases):
            output.data(name)
        return
    selected, problem = _selected(app)
    if as_json:
        output.document(
            {
                "versions": [
                    {
                        "name": each.name,
                        "path": str(each.path),
                        "managed": each.managed,
                        "linked_to": each.target or None,
                        "aliases": sorted(name for name, target in app.store.aliases().items() if target == each.name),
                        "selected_by": selected.get(each.name),
                    }
                    for each in installed
                ]
            }
        )
        return
    rows = [("system", "")] if _has_system(app) else []
    rows += [(each.name, f" --> {each.target}" if each.target else "") for each in installed]
    rows += [(name, f" --> {target}") for name, target in sorted(aliases.items())]
    for name, arrow in rows:
        by = f" (set by {selected[name]})" if name in selected else ""
        output.data(f"{'*' if by else ' '} {name}{arrow}{by}")
    if problem is not None:
        app.complain(problem)
    elif not rows:
        app.notify("no version is installed; install one with: pyv install 3")


def _selected(app: App) -> tuple[dict[str, str], PyvError | None]:
    """Return the names that are selected here with their origin, and what is wrong with unusable pins."""
    try:
        found = _pins(app)
    except PyvError as error:
        return {}, error
    names: dict[str, str] = {}
    for pin in found:
        version = None if pin.request.kind == "system" else app.store.find(pin.request)
        names.setdefault(version.name if version else pin.request.text, pin.origin)
    if not found:
        names["system"] = str(app.layout.global_pin)
    return names, None


def _pins(app: App) -> list[pins.Pin]:
    return pins.find(app.env.get("PYV_DIR") or app.cwd or "/", app.layout.global_pin, app.env)


def _has_system(app: App) -> bool:
    try:
        _prefix(app, Request.parse("system"))
    except NotInstalledError:
        return False
    return True
