"""What `pyv versions`, `latest`, `prefix` and `root` do: look, without changing anything."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import pins
from pyv.cli import output
from pyv.cli.selected import only, prefix_of, resolved, select, selected
from pyv.errors import CommandNotFoundError, NotFoundError, NotInstalledError, PyvError, RequestError
from pyv.registry import CONFIG
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.select import Chosen, Selection
    from pyv.store import Installed
    from pyv.versions import Version


def root(app: App) -> None:
    """Print the folder of the store."""
    output.data(str(app.layout.root))


def prefix(app: App, requests: Sequence[str] = ()) -> None:
    """Print the folders of versions, separated by colons; without a request, of those that are selected here."""
    if requests:
        chosen = [installed(app, each) for each in pins.requests(requests)]
        folders = [prefix_of(app, each) or _system_prefix(app) for each in chosen]
    else:
        selection = select(app)
        folders = [prefix_of(app, each) or _system_prefix(app, selection) for each in selection.chosen]
    output.data(os.pathsep.join(folders))


def installed(app: App, request: Request) -> Chosen:
    """Return the installed version that a request on the command line means, or `system` if there is such a Python.

    Raises:
        NotInstalledError: there is none.
    """
    try:
        chosen = app.selector.choose(pins.Pin(request, "", 0))
    except NotInstalledError as error:
        if request.base is not None:  # an environment, and what is said of it is not to be said better
            raise
        for lost in app.store.lost(request)[-1:]:
            raise lost.missed(request.text) from None
        raise NotInstalledError(f"{request} is not installed", hint=meant(app, request) or error.hint) from None
    if chosen.prefix is None:
        _system_prefix(app)
    return chosen


def runs_here(app: App, request: Request) -> bool:
    """Tell whether this machine is of the platform that a request means."""
    from pyv.catalogue import target

    return app.host.runs(target(request, app.host))


def meant(app: App, request: Request) -> str:
    """Return a hint that says what can be had instead of what neither is installed nor can be; else nothing."""
    from pyv.catalogue import advice, alike, siblings

    if any(request.platform) and not runs_here(app, request):
        return f"it is for another platform than {app.host.platform}: leave that out of it"
    if app.store.lost(request):  # it was linked from elsewhere, and there it has to be mended
        return ""
    known: Sequence[Version] = []
    if request.kind in ("version", "range"):
        with suppress(PyvError):  # without a catalogue only what is installed can be meant
            known = app.known(request)
        if any(request.matches(version) for version in known):
            return ""
    here = [each.version for each in app.store.installed() if each.version]
    if siblings(request, here) or not siblings(request, known):
        found = _installed_like(app, request)
        if found:
            return found
    found = alike(request, known)
    if found:
        return f"did you mean {found}? To install it: pyv install {found}"
    return advice(request, known) if known else ""


def meant_by_pin(app: App, pin: pins.Pin) -> str:
    """Return the same for a pin, behind what is installed."""
    found = meant(app, pin.request)
    return f"installed: {app.selector.present(pin.request)}; {found}" if found else ""


def _installed_like(app: App, request: Request) -> str:
    """Return a hint that names what is installed and spelled nearly like a request; nothing if nothing is."""
    from pyv.catalogue import siblings
    from pyv.versions.near import nearest

    there = app.store.installed()[::-1]
    same_minor = siblings(request, [each.version for each in there if each.version])
    names = [each.name for each in same_minor or there]
    found = nearest(request.text, names if request.kind == "name" else [*sorted(app.store.aliases()), *names])
    return f"did you mean {found}, which is installed? See: pyv versions" if found else ""


def required(app: App, request: Request) -> Installed:
    """Return the installed version that a request means, for commands that work on nothing else.

    Raises:
        NotInstalledError: there is none.
    """
    found = app.store.find(request)
    if found is None:
        return app.store.require(request, hint=_installed_like(app, request) or "see: pyv versions")
    app.selector.check_base(found, request)
    return found


def _system_prefix(app: App, selection: Selection | None = None) -> str:
    """Return the prefix of the first Python on PATH, the shims aside.

    Args:
        app: this run.
        selection: what is selected here; where nothing is pinned, a version may stand in for what PATH lacks.

    Raises:
        NotInstalledError: there is none.
    """
    if selection is None or selection.rule != "default":
        from pyv.select import Chosen, Selection

        selection = Selection("variable", "", (Chosen("system", None, None),))
    for name in ("python", "python3", "python2"):
        try:
            found = app.commands.find(name, selection)
        except CommandNotFoundError:
            continue
        return os.path.dirname(os.path.dirname(resolved(app, found.path)))
    raise NotInstalledError("there is no Python on PATH besides the store's", hint="to install one: pyv install 3")


def latest(
    app: App,
    words: Sequence[str] = (),
    *,
    known: bool = False,
    bypass: bool = False,
    force: bool = False,
    as_json: bool = False,
) -> int:
    """Print the newest installed, or known, version that a request means.

    Args:
        app: this run.
        words: the request.
        known: whether to look among all versions that can be installed.
        bypass: whether to print the request itself, and no error, where there is none.
        force: the same, and that this is no failure.
        as_json: whether to print JSON.
    """
    text = only(words, "latest", "version")
    try:
        request = Request.parse(text)
        name = app.index.choose(request).version.name if known else _latest(app, request)
    except (NotFoundError, RequestError) as error:
        if not (bypass or force):
            raise
        output.data(text)
        return 0 if force else error.exit_code
    if as_json:
        output.document({"name": name, "installed": app.store.get(name) is not None})
    else:
        output.data(name)
    return 0


def _latest(app: App, request: Request) -> str:
    if request.kind == "system":
        raise NotFoundError("system is no version of the store", hint="see: pyv versions")
    return installed(app, request).name


def versions(
    app: App, *, bare: bool = False, skip_aliases: bool = False, skip_envs: bool = False, as_json: bool = False
) -> None:
    """List the installed versions, and mark those that are selected here."""
    found = [each for each in app.store.installed() if not (skip_envs and _is_environment(each))]
    aliases = {} if skip_aliases else app.store.aliases()
    if bare:
        for name in [each.name for each in found] + sorted(aliases, key=_numbers):
            output.data(name)
        return
    marked, origin, problems = selected_here(app)
    if as_json:
        output.document({"versions": [_describe(app, each, origin if each.name in marked else None) for each in found]})
        return
    rows: list[tuple[str, str, Installed | None]] = [("system", "", None)] if _has_system(app) else []
    rows += [(each.name, f" --> {each.target}" if each.target else "", each) for each in found]
    rows += [
        (name, f" --> {target}", None) for name, target in sorted(aliases.items(), key=lambda each: _numbers(each[0]))
    ]
    if output.on_terminal():
        from pyv.cli import standing

        standing.show_versions(app, rows, marked, origin)
    else:
        for name, arrow, _ in rows:
            output.data(f"* {name}{arrow} (set by {origin})" if name in marked else f"  {name}{arrow}")
    for problem in problems:
        app.complain(problem)
    for lost in app.store.lost():
        if not any(problem.message.startswith(lost.reason) for problem in problems):
            app.complain(lost.missed(app.store.usual_request(lost)))
    if not rows and not problems:
        app.notify("no version is installed; install one with: pyv install 3")


def _numbers(name: str) -> list[str | int]:
    """Return what puts short names in their order, 3.9 before 3.10: texts and numbers take turns."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _is_environment(each: Installed) -> bool:
    return os.path.isfile(each.path / CONFIG)


def _describe(app: App, each: Installed, selected_by: str | None) -> dict[str, object]:
    from pyv.catalogue import end_of, end_of_life

    return {
        "name": each.name,
        "path": str(each.path),
        "managed": each.managed,
        "linked_to": each.target or None,
        "aliases": sorted(name for name, target in app.store.aliases().items() if target == each.name),
        "selected_by": selected_by,
        "end_of_life": (each.version and end_of(each.version, end_of_life())) or None,
    }


def selected_here(app: App) -> tuple[set[str], str, Sequence[PyvError]]:
    """Return the names that are selected here, what decided so, and what is wrong with it."""
    try:
        selection, missing = selected(app)
    except PyvError as error:
        return set(), "", [error]
    return {each.name for each in selection.chosen}, selection.origin, missing


def _has_system(app: App) -> bool:
    try:
        _system_prefix(app)
    except NotInstalledError:
        return False
    return True
