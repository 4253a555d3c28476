"""What `pyv version` and its kin, `which` and `whence` do: tell what is selected here, and what decided so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import pins
from pyv.cli import output, stranger
from pyv.errors import (
    CommandNotFoundError,
    EnvironmentMismatchError,
    NotInstalledError,
    PyvError,
    RequestError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.select import Chosen, Commands, Found, Selection


def version(app: App, *, bare: bool = False, verbose: bool = False, as_json: bool = False) -> int:
    """Print what is selected here and what decided so, a line for each version.

    Args:
        app: this run.
        bare: whether to print just the names.
        verbose: whether to say rule, file and line, too.
        as_json: whether to print JSON.
    """
    selection, missing = selected(app)
    if as_json:
        output.document(_describe(app, selection))
    else:
        for each in selection.chosen:
            output.data(each.name if bare else f"{each.name} (set by {selection.origin})")
        if verbose:
            _explain(app, selection)
    return _complain(app, missing)


def version_name(app: App, *, force: bool = False) -> int:
    """Print the names of what is selected here, separated by colons; by force also of what is not installed."""
    selection, missing = selected(app, force=force)
    if selection.chosen:
        output.data(":".join(each.name for each in selection.chosen))
    return _complain(app, missing)


def version_file(app: App, words: Sequence[str] = ()) -> int:
    """Print the pin file that holds here, or the nearest one of another folder; a status of 1 where that has none."""
    if len(words) > 1:
        raise UsageError("version-file takes one folder", hint="pyv version-file --help")
    if not words:
        output.data(str(app.selector.pin_file() or app.layout.global_pin))
        return 0
    file = pins.nearest(os.path.join(app.cwd or "/", words[0]))
    if file is not None:
        output.data(str(file))
    return 0 if file is not None else 1


def version_origin(app: App) -> None:
    """Print what decides here: a variable, an environment or a file, whether or not that can be satisfied."""
    try:
        origin = app.selector.select().origin
    except (RequestError, NotInstalledError):
        by_variable = bool(app.env.get(pins.VARIABLE))
        file = app.selector.pin_file() or app.layout.global_pin
        origin = f"{app.variable} environment variable" if by_variable else str(file)
    output.data(origin)


def select(app: App) -> Selection:
    """Return what is selected here.

    Raises:
        NotInstalledError: it is not installed; with a hint that leads to what can be installed.
        PyvError: a pin cannot be used for another reason.
    """
    try:
        return app.selector.select()
    except NotInstalledError as error:
        error.hint = next((each.hint for each in selected(app)[1] if each.message == error.message), error.hint)
        raise


def selected(app: App, *, force: bool = False) -> tuple[Selection, list[NotInstalledError]]:
    """Return what is selected here, and what is missing of it. Where something is, the selection may be empty.

    Args:
        app: this run.
        force: whether what is missing is selected too, under the name by which it was asked for.

    Raises:
        RequestError: a pin cannot be understood.
        EnvironmentMismatchError: the environment is not on what is pinned.
    """
    try:
        return app.selector.select(), []
    except NotInstalledError:
        pinned = app.selector.pins()
    from pyv.select import Chosen, Selection

    chosen: list[Chosen] = []
    missing: list[NotInstalledError] = []
    for pin in pinned:
        try:
            chosen.append(app.selector.choose(pin))
        except NotInstalledError as error:
            if force:
                chosen.append(Chosen(pin.request.text.removeprefix("python-"), None, pin))
            else:
                from pyv.cli.query import meant_by_pin  # it imports this module

                error.hint = meant_by_pin(app, pin) or error.hint
                missing.append(error)
    rules = {app.variable: "variable", str(app.layout.global_pin): "global"}
    return Selection(rules.get(pinned[0].source, "file"), pinned[0].source, tuple(chosen)), missing


def _complain(app: App, errors: Sequence[PyvError]) -> int:
    """Print what is wrong, and return the exit status for it."""
    for error in errors:
        app.complain(error)
    return errors[0].exit_code if errors else 0


def _describe(app: App, selection: Selection) -> dict[str, object]:
    versions = [
        {
            "name": each.name,
            "prefix": prefix_of(app, each),
            "request": each.pin.request.text if each.pin else None,
            "line": (each.pin.line or None) if each.pin else None,
        }
        for each in selection.chosen
    ]
    first = versions[0] if versions else {"prefix": None, "line": None}
    return {
        "rule": selection.rule,
        "source": selection.source,
        "line": first["line"],
        "names": [each.name for each in selection.chosen],
        "prefix": first["prefix"],
        "environment": str(selection.environment) if selection.environment else None,
        "versions": versions,
    }


def prefix_of(app: App, chosen: Chosen) -> str | None:
    """Return the folder of a selected version or environment, short-name links resolved; None for the system's."""
    return resolved(app, str(chosen.prefix)) if chosen.prefix is not None else None


def resolved(app: App, path: str) -> str:
    """Return a path with the version's own name in it, where it leads into the store through a short-name link."""
    versions = str(app.layout.versions)
    if not path.startswith(versions + os.sep):
        return path
    name, slash, rest = path[len(versions) + 1 :].partition(os.sep)
    return os.path.join(versions, app.store.name_behind(name)) + slash + rest


def which(
    app: App,
    words: Sequence[str] = (),
    *,
    verbose: bool = False,
    nosystem: bool = False,
    skip_advice: bool = False,
    as_json: bool = False,
) -> None:
    """Print the path of the program that a command means here.

    Args:
        app: this run.
        words: the command.
        verbose: whether to say what decided, too.
        nosystem: whether PATH may not stand in for versions that lack the command.
        skip_advice: whether an error comes without advice.
        as_json: whether to print JSON.

    Raises:
        CommandNotFoundError: there is no such command, or nothing usable is pinned.
    """
    command = only(words, "which", "command")
    stranger.mention(app)
    try:
        selection = app.selector.select() if skip_advice else select(app)
        found = _commands(app, selection, nosystem=nosystem).find(command, selection)
    except (CommandNotFoundError, RequestError, NotInstalledError, EnvironmentMismatchError) as error:
        raise CommandNotFoundError(error.message, hint="" if skip_advice else error.hint) from error
    by = _by(found)
    why = found.why or f"found in {by.name if by else 'PATH'}"
    path = resolved(app, found.path)
    if as_json:
        pin = (by or selection.chosen[0]).pin
        document = {
            "command": command,
            "path": path,
            "rule": selection.rule,
            "source": selection.source,
            "line": (pin.line or None) if pin else None,
            "request": pin.request.text if pin else None,
            "version": by.name if by else None,
            "environment": str(selection.environment) if selection.environment else None,
            "why": why,
        }
        output.document(document)
        return
    output.data(path)
    if verbose:
        _explain(app, selection)
        app.notify(why)


def _explain(app: App, selection: Selection) -> None:
    for line in (f"rule: {selection.rule}", *_reasons(app, selection)):
        app.notify(line)


def _commands(app: App, selection: Selection, *, nosystem: bool) -> Commands:
    if not nosystem or any(each.prefix is None for each in selection.chosen):
        return app.commands
    from pyv.select import Commands

    return Commands(app.store, {**app.env, "PATH": ""}, os.getpid())


def _by(found: Found) -> Chosen | None:
    """Return the selected version that a command was found in; None if another one had to stand in."""
    if found.why:
        return None
    inside = [
        each for each in found.selection.chosen if each.prefix and found.path.startswith(f"{each.prefix}{os.sep}")
    ]
    system = [each for each in found.selection.chosen if each.prefix is None]
    return next(iter(inside + system), None)


def _reasons(app: App, selection: Selection) -> list[str]:
    """Return a line for each pin that decides."""
    if selection.environment:
        return [f"set by the environment {selection.environment}, which is on {selection.chosen[0].name}"]
    if selection.rule == "default":
        return [
            f"nothing is pinned: no {pins.VARIABLE}, nothing in this folder or above it, no {app.layout.global_pin}"
        ]
    lines = []
    for each in selection.chosen:
        if each.pin:
            where = f", line {each.pin.line}" if each.pin.line else ""
            lines.append(f"set by {each.pin.source}{where}: {each.pin.request}")
    return lines


def whence(app: App, words: Sequence[str] = (), *, path: bool = False) -> int:
    """Print the versions that have a command, or its paths in them; a status of 1 where none has it."""
    command = only(words, "whence", "command")
    names = app.commands.having(command)
    for name in names:
        output.data(os.path.join(app.layout.version(name), "bin", command) if path else name)
    return 0 if names else 1


def only(words: Sequence[str], command: str, what: str) -> str:
    """Return the one word that a command takes.

    Raises:
        UsageError: there is none, or there are more.
    """
    if len(words) != 1 or not words[0]:
        raise UsageError(f"pyv {command} takes one {what}", hint=f"see: pyv {command} --help")
    return words[0]
