"""`pyv doctor`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv import doctor, envs, init, pins, proc, smoke
from pyv.cli import output
from pyv.cli.verify import shown
from pyv.doctor import contents, entries, place, search_path, surroundings
from pyv.errors import PyvError, explain, explained, shell_word
from pyv.shims import dispatcher
from pyv.shims.commands import commands_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.cli.app import App
    from pyv.doctor import Finding

# Files that a shell may read when it starts, in the home folder
_RC_FILES = {
    "bash": (".bashrc", ".bash_profile", ".bash_login", ".profile"),
    "fish": (".config/fish/config.fish",),
    "sh": (".profile",),
    "tcsh": (".tcshrc", ".cshrc"),
    "zsh": (".zshrc", ".zprofile", ".zshenv"),
}
_ELSEWHERE = {"zsh": ("ZDOTDIR", ".zshrc"), "fish": ("XDG_CONFIG_HOME", "fish/config.fish")}


@click.command("doctor", epilog="Example:  pyv doctor --fix")
@click.option("--fix", is_flag=True, help="Mend what can be mended without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor_command(app: App, *, fix: bool, as_json: bool) -> int:
    """Look for what is wrong around pyv, and name the command that mends it.

    PATH and the shims, the hook, environments, the store and who can write to it, the catalogue, other managers. With
    --fix the shims are made again, and leftovers, dangling links, entries of environments that are gone and the right
    of everybody to write are removed. The exit status is 1 if there are problems left; hints do not count.
    """
    found = list(_findings(app))
    fixed = {number for number, each in enumerate(found) if fix and _mended(app, each)}
    left = [each for number, each in enumerate(found) if number not in fixed]
    problems = sum(each.level == doctor.PROBLEM for each in left)
    if as_json:
        listed = [
            {
                "check": each.check,
                "level": each.level,
                "message": each.message,
                "command": each.command,
                "fixable": each.fix is not None,
                "fixed": number in fixed,
            }
            for number, each in enumerate(found)
        ]
        output.document({"problems": problems, "findings": listed})
    else:
        for number, each in enumerate(found):
            output.data(f"{'mended' if number in fixed else each.level}: {shown(each.message)}")
            if number not in fixed:
                output.data(f"    {shown(each.command)}")
        if not found:
            app.notify("nothing is wrong")
        elif not fix and any(each.fix for each in found):
            app.notify("what can be mended without asking is mended by: pyv doctor --fix")
    return 1 if problems else 0


def _mended(app: App, finding: Finding) -> bool:
    """Mend what was found, if that takes nobody; tell whether it is."""
    if finding.fix is None:
        return False
    try:
        with explained("mend that"):
            finding.fix()
    except PyvError as error:
        app.complain(error)
        return False
    return True


def _findings(app: App) -> Iterator[Finding]:
    layout, env, user = app.layout, app.env, os.geteuid()
    yield from search_path.search_path(layout, env, _shell(app))
    yield from _of_hook(app)
    yield from _of_shims(app)
    yield from contents.versions(app.store, env)
    yield from _of_global_pin(app)
    yield from contents.environments(app.registry)
    yield from contents.staging(layout)
    known = [each.path for each in app.registry.all()]
    folders = (Path(app.cwd or "/"), layout.envs, *(place for path in known for place in (path.parent, path)))
    yield from contents.half_made(folders, envs.orphans, lambda folder: envs.sweep(folder, app.registry))
    yield from place.permissions(layout, user)
    yield from place.cache(layout)
    yield from place.writable(layout, user)
    yield from place.reachable(layout, user)
    yield from place.space(layout)
    yield from place.file_system(layout)
    yield from place.name_of_root(layout)
    yield from surroundings.variables(env)
    yield from _of_catalogue(app)
    yield from _of_certificates(app)


def _shell(app: App) -> str:
    return init.known(app.env.get("SHELL", "")) or "bash"


def _of_hook(app: App) -> list[Finding]:
    shell = _shell(app)
    if shell not in _RC_FILES:
        return []
    home = app.layout.home
    files = [home / name for name in _RC_FILES[shell]]
    variable, name = _ELSEWHERE.get(shell, ("", ""))
    if os.path.isabs(app.env.get(variable, "")):
        files.append(Path(app.env[variable], name))
    wanted = init.code(app.layout, shell)
    return search_path.hooks(app.layout, shell, wanted, files, lambda: init.write_hooks(app.layout))


def _of_shims(app: App) -> Iterator[Finding]:
    known = [each.path for each in app.registry.all() if app.registry.knows(each.path)]
    standing = dispatcher.read(os.path.join(app.layout.shims, dispatcher.OWN))
    try:
        commands = commands_in(app.layout.versions, known)
        yield from entries.shims(
            app.layout.shims,
            commands,
            intact=standing is not None and standing.works(os.fspath(app.layout.root)),
            is_dispatcher=dispatcher.is_marked,
            rehash=app.shims.rehash,
        )
    except OSError as error:
        yield doctor.Finding("shims", doctor.PROBLEM, explain(error, "look at the shims").message, "ls -la")
    if standing is not None:
        search = app.env.get("PATH", "")
        yield from entries.dropped_variables(
            standing.shell, app.env, lambda program: proc.find_program(program, search)
        )


def _of_global_pin(app: App) -> Iterator[Finding]:
    """Check that what holds outside of projects can be had."""
    file = app.layout.global_pin
    try:
        for pin in pins.read(file) if os.path.lexists(file) else ():
            if pin.request.kind != "system" and app.store.find(pin.request) is None:
                message = f"{pin.request} is not installed, and pinned by {pin.origin}"
                yield doctor.Finding(
                    "global-pin", doctor.PROBLEM, message, f"pyv install {shell_word(pin.request.text)}"
                )
    except PyvError as error:
        yield doctor.Finding("global-pin", doctor.PROBLEM, error.message, "pyv global VERSION")


def _of_catalogue(app: App) -> list[Finding]:
    try:
        info = app.index.info()
        mirror = bool(app.settings.mirror)
    except PyvError as error:
        return [doctor.Finding("catalogue", doctor.PROBLEM, error.message, error.hint or "pyv index update")]
    return surroundings.catalogue(info.newest, info.refreshed, time.time(), mirror=mirror)


def _of_certificates(app: App) -> list[Finding]:
    """Check the newest CPython that pyv itself has put there; others know their system."""
    known = [each for each in app.store.installed() if each.version and each.managed and not each.version.own]
    if not known:
        return []
    newest = known[-1]
    return surroundings.certificates(newest.name, smoke.executable(newest.path), app.env)
