"""What `pyv sync` does: from a fresh clone to a project that runs, and nothing at all where nothing has changed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import envs, sync
from pyv.cli import venv as making
from pyv.cli.within import Pip
from pyv.errors import NotFoundError, PyvError, UsageError, VerificationError, explained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyv.catalogue import Build
    from pyv.cli.app import App


def sync_(
    app: App,
    *,
    dev: bool = False,
    exact: bool = False,
    force: bool = False,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> None:
    """Bring the environment of the project in the current folder in line with what the project asks for.

    Args:
        app: this run.
        dev: whether what its development needs is wanted, too.
        exact: whether to remove what is not listed.
        force: whether to install everything again, whatever is there: files of a package may have been lost unnoticed.
        extras: extras of the project.
        groups: dependency groups.

    Raises:
        PyvError: it could not be done. What was installed before stays; the next run goes on from there.
    """
    folder = project_folder(app)
    options = sync.Options(dev, tuple(extras), tuple(groups), exact)
    started = time.monotonic()
    venv = app.registry.in_folder(folder) or folder / ".venv"
    envs.sweep(folder, app.registry)
    if not force and _is_done(app, folder, venv, options):
        return
    with explained(f"sync {folder}"), sync.held(venv, app.layout, app.notify):
        if not force and _is_done(app, folder, venv, options):  # the one that was waited for has done it
            return
        source = sync.find(folder, options, app.env)
        wanted = _wanted(app, folder, source, options)  # now: what is changed from here on counts as a change
        _make(app, folder, venv, source)
        stamp = _stamp(venv)
        stamp.begin()
        pip = Pip(app, venv, stamp.folder)
        _install(pip, source, options, ["--force-reinstall"] if force else [])
        if options.exact:
            _remove(pip, source, options, folder)
        stamp.finish(wanted)
    from pyv.cli import shims

    shims.refresh(app)
    if source.kind == sync.NOTHING:
        advice = sync.advice(folder, "sync")
        app.notify(f"{venv} is ready; there is nothing to install{advice and '; '}{advice}")
    else:
        app.notify(f"{venv} is in line with {source.label}, after {time.monotonic() - started:.1f} s")


def project_folder(app: App) -> Path:
    """Return the folder of the project.

    Raises:
        UsageError: it was deleted.
    """
    if not app.cwd:
        raise UsageError("the current folder was deleted", hint="cd to another one")
    return Path(os.path.realpath(app.cwd))


def _stamp(venv: Path) -> sync.Stamp:
    return sync.Stamp(venv, envs.libraries(venv))


def _is_done(app: App, folder: Path, venv: Path, options: sync.Options) -> bool:
    """Tell whether there is nothing to do, without starting anything, and say so."""
    if not app.registry.knows(venv):
        return False
    source = sync.find(folder, options, app.env)
    if not _stamp(venv).holds(_wanted(app, folder, source, options)):
        return False
    app.notify(f"{venv} is in line with {source.label}: nothing to do")
    return True


def _wanted(app: App, folder: Path, source: sync.Source, options: sync.Options) -> str:
    """Return the hash of all that decides, the choice of the interpreter included."""
    pin = app.selector.pin_file()
    metadata = next(
        (each / "pyproject.toml" for each in (folder, *folder.parents) if (each / "pyproject.toml").is_file()), None
    )
    others = [each for each in (pin, metadata) if each is not None]
    return sync.inputs(source, options, others, {"PYV_VERSION": app.env.get("PYV_VERSION", "")})


def _make(app: App, folder: Path, venv: Path, source: sync.Source) -> None:
    """Make or mend the environment, on the interpreter that the lock demands if it demands one."""
    name = venv.name
    demanded = source.lock.interpreter if source.lock is not None else None
    if source.lock is None or demanded is None:
        making.venv(app, [name])
        return
    _check_pin(app, folder, source.lock.path, demanded)
    _provide(app, source.lock.path, demanded)
    making.venv(app, [name], python=demanded.version.name)


def _check_pin(app: App, folder: Path, lock: Path, demanded: sync.Interpreter) -> None:
    file = app.selector.pin_file()
    if file is None or os.path.realpath(file.parent) != os.fspath(folder) or app.env.get("PYV_VERSION"):
        return
    pins = app.selector.pins()
    if not any(pin.request.matches(demanded.version) for pin in pins):
        raise PyvError(
            f"{lock} is made for {demanded.version}, but {pins[0].origin} asks for {pins[0].request}",
            hint="make the lock anew: pyv lock",
        )


def _provide(app: App, lock: Path, demanded: sync.Interpreter) -> None:
    """See to it that the build that a lock demands is installed, and no other of that version.

    Raises:
        VerificationError: another one is installed, or offered.
        NotFoundError: the lock has none for this machine, or the catalogue does not know the version.
    """
    name = demanded.version.name
    installed = app.store.get(name)
    if installed is not None:
        receipt = app.store.receipt(name)
        digest = receipt.get("sha256")
        if not digest or digest != demanded.sha256.get(str(receipt.get("platform"))):
            what = f"build {receipt['build']}" if receipt.get("build") else "of unknown origin"
            raise VerificationError(
                f"{lock} demands build {demanded.build} of {name}, and the installed one, {what}, is another",
                hint=f"to replace it: pyv uninstall --force {name}, then pyv sync; to lock the installed one: pyv lock",
            )
        return
    build = _build(app, lock, demanded)
    from pyv.cli import progress
    from pyv.install import Options

    watcher = progress.watch(name, 0, app.env, quiet=app.quiet)
    try:
        outcome = app.installer().install_build(build, Options(), watcher)
    finally:
        watcher.close()
    app.notify(f"{outcome.name}, build {build.build}, {outcome.what}: {outcome.path}")


def _build(app: App, lock: Path, demanded: sync.Interpreter) -> Build:
    """Return the build that a lock demands. Where it comes from is for the user's catalogue alone to say."""
    platform = app.host.platform
    digest = demanded.sha256.get(platform.key)
    name = demanded.version.name
    if digest is None:
        raise NotFoundError(
            f"{lock} has no build of {name} for {platform}", hint="to make it anew, on this machine: pyv lock"
        )
    for each in app.index.builds(platform=platform, wanted=None, refresh=False) or ():
        if each.version.name == name:
            break
    else:
        raise NotFoundError(f"{lock} demands {name}, which the catalogue does not know", hint="pyv index update")
    if each.build != demanded.build:
        # An older build of the same version has the same name but for its date, and lies in the folder of that date
        each = each._replace(url=each.url.replace(each.build, demanded.build), build=demanded.build)
    return each._replace(sha256=digest)


def _install(pip: Pip, source: sync.Source, options: sync.Options, also: Sequence[str]) -> None:
    """Have pip install it.

    Args:
        pip: that of the environment.
        source: what to install.
        options: what of it is wanted.
        also: more options for pip.
    """
    if source.lock is None:
        arguments = [*source.arguments, *pip.listed(source.listed)]
        if arguments:
            pip.install(*also, *arguments, what=source.label)
        return
    answer = _selected(pip, source, options)
    if answer["hashed"]:
        links = pip.write("links.html", _page(answer["links"]))
        listed = pip.write("locked.txt", "".join(f"{line}\n" for line in answer["hashed"]))
        # What is built needs tools from the index; wheels come from where the lock says, and from nowhere else
        only = [] if answer["built"] else ["--no-index"]
        hashed = ["--no-deps", "--require-hashes", *only, "--find-links", links, "-r", listed]
        pip.install(*also, *hashed, what=source.label)
    if answer["direct"]:
        listed = pip.write("direct.txt", "".join(f"{line}\n" for line in answer["direct"]))
        pip.install(*also, "--no-deps", "-r", listed, what=source.label)


def _selected(pip: Pip, source: sync.Source, options: sync.Options) -> Mapping[str, list[str]]:
    if source.lock is None:
        return {}
    question = source.lock.question(dev=options.dev, extras=options.extras, groups=options.groups)
    answer: Mapping[str, list[str]] = pip.ask("select", question, source.lock.path)
    return answer


def _page(links: Sequence[Sequence[str]]) -> str:
    """Return a page that leads pip to files, whose hashes it then checks against the list."""
    from html import escape

    lines = [f'<a href="{escape(url)}">{escape(name)}</a><br>\n' for url, name in links]
    return "<!DOCTYPE html><html><body>\n" + "".join(lines) + "</body></html>\n"


def _remove(pip: Pip, source: sync.Source, options: sync.Options, folder: Path) -> None:
    """Remove what is neither asked for nor needed by what is."""
    question: dict[str, object] = {"folder": os.fspath(folder), "roots": source.roots}
    if source.lock is not None:
        question["names"] = _selected(pip, source, options)["names"]
    surplus = pip.ask("surplus", question, folder / source.label)
    if surplus:
        pip.run("uninstall", "-y", *surplus, what="uninstall what is not listed")
