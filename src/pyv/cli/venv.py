"""What `pyv venv` does: makes the environment of a project, or mends the one that is there."""

from __future__ import annotations

import os
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import envs, proc, smoke
from pyv.cli import shims
from pyv.cli.metadata import requires_python
from pyv.cli.pip import run as run_pip
from pyv.cli.wanted import wanted
from pyv.errors import EnvironmentMismatchError, NotInstalledError, PyvError, UsageError, explained, shell_word
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App
    from pyv.envs import Inventory
    from pyv.seed import Seed
    from pyv.store import Installed

# From this version on `venv` puts no setuptools into an environment
_WITHOUT_SETUPTOOLS = (3, 12)
_LIBRARY = re.compile(r"(?:python|pypy)3\.(?P<minor>\d+)(?P<variant>t?)", re.ASCII)


def venv(
    app: App,
    words: Sequence[str] = (),
    *,
    name: str | None = None,
    python: str = "",
    prompt: str | None = None,
    without_pip: bool = False,
    system_site_packages: bool = False,
    clear: bool = False,
    repair: bool = False,
    requirements: Sequence[str] = (),
    link_mode: str = "auto",
) -> int:
    """Make an environment, or mend it, and return the exit status of what was installed into it.

    Args:
        app: this run.
        words: its folder; without one `.venv` in the current folder.
        name: its name instead, if it is to be one of the store's that any folder can pin.
        python: what it is made from; without it what is pinned, what the project requires, or the newest installed.
        prompt: what the activated shell shows; `.` for the name of the current folder.
        without_pip: whether it gets no pip.
        system_site_packages: whether the packages of its interpreter can be imported.
        clear: whether to replace what is there.
        repair: whether to mend what is there even if it seems healthy, and to make none.
        requirements: files of requirements to install.
        link_mode: how pip comes out of the cache, see `pyv.seed`.

    Raises:
        PyvError: it could not be made or mended. What was there is then still there.
    """
    if name is not None:
        envs.check_name(name)
        if words:
            raise UsageError(f"{words[0]} and --name contradict each other", hint=f"pyv venv --name {name}")
    target = app.layout.envs / name if name else _target(app, words)
    envs.check(target)
    _refuse_contradictions(clear=clear, repair=repair, requirements=requirements, without_pip=without_pip)
    requirements = envs.requirement_files(requirements, app.cwd)
    if clear:
        envs.check_clearing(target, app.layout, app.cwd)
    shown = os.path.basename(app.cwd) if prompt == "." else prompt
    options = envs.Options(shown, system_site_packages, pip=not without_pip, clear=clear)
    work = _Work(app, target, python, link_mode)
    with (
        explained(f"make {target}"),
        app.store.lock(name, f"it works on {name}") if name else nullcontext(),
        envs.held(target, app.layout, app.registry, app.notify),
    ):
        if name:
            _refuse_taken(app, name, may_exist=clear or repair)
        work.run(options, repair=repair, needs_pip=bool(requirements))
        if name:
            envs.link(app.layout, name)
    if requirements:
        arguments = [word for file in requirements for word in ("-r", file)]
        status = work.install(target, *arguments)
        shims.refresh(app)
        return status
    if name or work.has_new_commands():
        shims.refresh(app)
    if python and not name:
        _name_contradiction(app, python)
    return 0


def _refuse_contradictions(*, clear: bool, repair: bool, requirements: Sequence[str], without_pip: bool) -> None:
    if requirements and without_pip:
        raise UsageError("-r needs pip, and --without-pip leaves it out", hint="leave one of them out")
    if clear and repair:
        raise UsageError("--clear and --repair contradict each other", hint="leave one of them out")


def _name_contradiction(app: App, python: str) -> None:
    """Say so if the pin of this folder rules out what was asked for: no command would run here."""
    try:
        app.selector.select()
    except EnvironmentMismatchError as error:
        app.notify(f"{error.message}: nothing runs here until the two agree; to pin it: pyv local {python}")
    except PyvError:
        return  # of a pin that cannot be used, the next command tells


def _refuse_taken(app: App, name: str, *, may_exist: bool) -> None:
    """Refuse a name that is taken.

    Args:
        app: this run.
        name: the name.
        may_exist: whether an environment of that name will do.

    Raises:
        UsageError: it stands for a version, or for an environment.
    """
    if envs.is_taken(app.layout, name) and not (may_exist and envs.is_linked(app.layout, name)):
        hint = "take another name"
        if envs.is_linked(app.layout, name):
            hint = f"to mend it: pyv venv --repair --name {name}; to replace it: pyv venv --clear --name {name}"
        raise UsageError(f"there is a {name} already, at {os.path.realpath(app.layout.version(name))}", hint=hint)


def _target(app: App, words: Sequence[str]) -> Path:
    if len(words) > 1:
        raise UsageError(f"one environment at a time, not {' '.join(words)}", hint="pyv venv DIR")
    folder = words[0] if words else ".venv"
    if not folder:
        raise UsageError("an empty name is no folder", hint="pyv venv")
    if not app.cwd and not os.path.isabs(folder):
        raise UsageError("the current folder was deleted", hint="cd to another one")
    # As `venv` does: what leads to the current folder may change, and scripts with it in them would break
    return Path(os.path.normpath(os.path.join(os.path.realpath(app.cwd or "/"), folder)))


class _Work:
    """One environment that is being made or mended."""

    def __init__(self, app: App, target: Path, python: str, link_mode: str) -> None:
        self._app = app
        self._target = target
        self._python = python
        self._link_mode = link_mode
        self._request: Request | None = None
        self._origin = ""

    def run(self, options: envs.Options, *, repair: bool, needs_pip: bool) -> None:
        """Do it."""
        standing = envs.standing(self._target)
        lost = envs.has_lost_settings(self._target, self._app.registry)
        if (standing == envs.ENVIRONMENT or lost) and not options.clear:
            if lost and not repair:
                # That it is the same one is likely, but as good as for others it cannot be known
                shown = envs.shell_word(os.fspath(self._target))
                raise PyvError(
                    f"{self._target} has lost its pyvenv.cfg",
                    hint=f"to mend it, with its packages: pyv venv --repair {shown}; "
                    f"to replace it: pyv venv --clear {shown}",
                )
            noted = envs.notes_pip(self._target)
            self._request, self._origin = wanted(self._app, self._target, self._python, is_there=True)
            self._mend(repair=repair, pip=options.pip and (repair or needs_pip or noted))
        elif repair:
            raise UsageError(f"there is no environment at {self._target}", hint=f"pyv venv {shell_word(self._target)}")
        elif standing == envs.OCCUPIED and not options.clear:
            raise UsageError(
                f"{self._target} is not empty, and no environment",
                hint=f"to replace it: pyv venv --clear {shell_word(self._target)}",
            )
        else:
            self._request, self._origin = wanted(self._app, self._target, self._python, is_there=False)
            interpreter = self._interpreter(None)
            if options.clear:
                self._refuse_broken(interpreter)
            self._make(interpreter, options, None)
            self._app.notify(f"{self._target} is ready, on {interpreter.path}")

    def _mend(self, *, repair: bool, pip: bool) -> None:
        app, target, shown = self._app, self._target, shell_word(self._target)
        interpreter = self._interpreter(self._current()) if self._request else None
        health = envs.inspect(target, interpreter, app.registry, app.env)
        if health.kind == envs.STRANGE:
            to_use = "" if envs.objection(target, os.getuid()) else f"to use it: pyv trust {shown}; "
            raise PyvError(f"{target} {health.reason}", hint=f"{to_use}to replace it: pyv venv --clear {shown}")
        lacks_pip = pip and not envs.has_pip(target)
        if health.kind == envs.HEALTHY and not (lacks_pip or repair):
            program = interpreter.path if interpreter else envs.program_of(target)
            app.notify(f"{target} is healthy, on {program}: left alone")
            project, required = (None, None) if self._request else requires_python(os.fspath(target.parent))
            current = self._current() if required else None
            if required and current and current.version and not required.matches(current.version):
                app.notify(f"{project} requires Python {required}; to move it there: pyv venv -p '{required}' {shown}")
            return
        if interpreter is None:
            interpreter = self._own(health)
            health = envs.inspect(target, interpreter, app.registry, app.env)
        reason = health.reason or ("has no pip" if lacks_pip else "seemed healthy")
        if health.kind != envs.OTHER:
            gone = envs.restore_commands(target)  # first, for after a kill a missing Python shows that all is not done
            envs.repair(target, interpreter, app.registry, app.env)
            health = envs.inspect(target, interpreter, app.registry, app.env)
            if health.kind == envs.HEALTHY:
                if pip and not envs.has_pip(target):
                    self._seed(target, interpreter, only_pip=True)
                self._tell_repaired(f"{target} {reason}: repaired, with its packages", gone, interpreter)
                return
        self._refuse_broken(interpreter)
        listed = envs.inventory(target)
        options = envs.environment_options(target)._replace(pip=pip or listed.pip)
        self._make(interpreter, options, listed)
        left_out = sorted(set(listed.left_out).difference(envs.inventory(target).left_out))
        without = f", without {' and '.join(left_out)}, which had come with it" if left_out else ""
        app.notify(
            f"{target} {reason}: made anew on {interpreter.path}, "
            f"{len(listed.requirements)} packages installed again{without}"
        )

    def _refuse_broken(self, interpreter: envs.Interpreter) -> None:
        """Leave what is there as it is if the interpreter itself does not start, for nothing made from it would.

        Raises:
            PyvError: it is so.
        """
        if said := smoke.failure(interpreter.path, self._app.env):
            app, home = self._app, interpreter.home.parent
            installed = app.store.get(app.store.name_behind(home.name)) if home.parent == app.layout.versions else None
            hint = installed.remedy if installed else ""
            raise PyvError(f"{interpreter.path} does not start: {said}", hint=hint)

    def _tell_repaired(self, done: str, gone: Sequence[envs.Gone], interpreter: envs.Interpreter) -> None:
        gone = [each for each in gone if not os.path.lexists(self._target / "bin" / each.name)]
        if not gone:
            self._app.notify(f"{done}, on {interpreter.path}")
            return
        names = ", ".join(each.name for each in gone)
        program = envs.shell_word(os.fspath(self._target / "bin/python"))
        packages = " ".join(dict.fromkeys(each.package for each in gone))
        what, it = ("the command", "it") if len(gone) == 1 else ("the commands", "them")
        self._app.notify(f"{done} but for {what} {names}, on {interpreter.path}")
        self._app.notify(f"to have {it} again: {program} -m pip install --force-reinstall --no-deps {packages}")

    def _make(self, interpreter: envs.Interpreter, options: envs.Options, listed: Inventory | None) -> None:
        app, target = self._app, self._target
        with envs.Site(target, app.registry) as site:
            envs.build(site.folder, target, interpreter, options, app.env)
            wanted = listed.requirements if listed else []
            if options.pip or wanted:
                self._seed(site.folder, interpreter)
            if wanted:
                self._install_again(site.folder, wanted)
            site.commit()
        if not app.registry.knows(target):
            places = " nor ".join(dict.fromkeys(map(os.fspath, (app.layout.venvs, app.layout.own_venvs))))
            app.notify(f"{target} cannot be noted, for neither {places} can be written: activate it to use it")

    def _seed(self, folder: Path, interpreter: envs.Interpreter, *, only_pip: bool = False) -> None:
        libraries = envs.libraries(folder)
        library = interpreter.library if interpreter.library in libraries else libraries[0]
        match = _LIBRARY.fullmatch(library)
        if match is None:
            raise PyvError(
                f"pip cannot be put into {self._target}: {library} is no known library",
                hint=f"to have it without pip: pyv venv --without-pip {shell_word(self._target)}",
            )
        python = (3, int(match["minor"]))
        packages = ("pip",) if only_pip or python >= _WITHOUT_SETUPTOOLS else ("pip", "setuptools")
        with _seed(self._app) as seed:
            unpacked = seed.prepare(python, interpreter.path, packages=packages, variant=match["variant"])
            site_packages = folder / "lib" / library / "site-packages"
            program = os.fspath(self._target / "bin/python")
            seed.install(unpacked, site_packages, folder / "bin", program, link_mode=self._link_mode)

    def _install_again(self, folder: Path, requirements: Sequence[str]) -> None:
        listed = folder.parent / "requirements.txt"
        listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        self._app.notify(f"installing {len(requirements)} packages again")
        if self.install(folder, "-r", os.fspath(listed)):
            raise PyvError(
                f"the packages of {self._target} could not be installed again: it stays as it was",
                hint=f"to begin with none: pyv venv --clear {shell_word(self._target)}",
            )

    def install(self, folder: Path, *arguments: str) -> int:
        """Install something into an environment, and return pip's exit status."""
        return run_pip(self._app, folder, "install", *arguments)

    def _own(self, health: envs.Health) -> envs.Interpreter:
        """Return what the environment is on, by the name that it uses, if that is there; else one of its minor version.

        Args:
            health: that of the environment; none of a stranger.
        """
        home, current = envs.home_of(self._target), self._current()
        if home is not None and current is not None:
            return envs.at(home.parent, current)
        if health.kind == envs.HEALTHY or envs.was_at(self._target, self._app.registry):
            found = envs.of_program(self._target / "bin/python")
            if os.path.exists(found.path) and f"python{found.minor}" in envs.libraries(self._target):
                return found
        return self._interpreter(None)

    def _current(self) -> Installed | None:
        """Return the installed version that the environment is on, if it is one of the store."""
        home = envs.home_of(self._target)
        store = self._app.store
        if home is None or home.parent.parent != self._app.layout.versions:
            return None
        name = home.parent.name
        return store.get(store.aliases().get(name, name))

    def _interpreter(self, current: Installed | None) -> envs.Interpreter:
        """Return what the environment is to be made from.

        Args:
            current: what it is made from, which stays if it is one of those that are asked for.
        """
        app, request = self._app, self._request
        if request is not None and current is not None and current.version and request.matches(current.version):
            return envs.of_store(app.store, current, request)
        if request is not None and request.kind == "system":
            return self._system()
        if request is None:
            minors = [library.removeprefix("python") for library in envs.libraries(self._target)]
            request = Request.parse(minors[0] if minors else "3")
        try:
            found = app.store.require(request)
            app.selector.check_base(found, request)
            return envs.of_store(app.store, found, request if self._request else None)
        except NotInstalledError as error:
            if request.kind not in ("version", "range"):
                error.message = f"{self._origin}: {error.message}"
                raise
        from pyv.cli.install import ensure

        try:
            ensure(app, request, by_itself=not self._python)
        except NotInstalledError as error:
            error.message = f"{self._origin}: {error.message}" if self._origin else error.message
            raise
        return envs.of_store(app.store, app.store.require(request), request if self._request else None)

    def _system(self) -> envs.Interpreter:
        shims_folder = os.path.realpath(self._app.layout.shims)
        folders = self._app.env.get("PATH", "").split(os.pathsep)
        path = os.pathsep.join(folder for folder in folders if os.path.realpath(folder) != shims_folder)
        found = proc.find_program("python3", path) or proc.find_program("python", path)
        if not found:
            raise NotInstalledError("there is no Python on PATH besides the store's", hint="pyv venv -p 3")
        return envs.of_program(Path(found))

    def has_new_commands(self) -> bool:
        """Tell whether the environment has a command that has no shim yet."""
        folder = self._app.layout.shims
        present = set(os.listdir(folder)) if folder.is_dir() else None
        return present is not None and any(
            name not in present and os.access(self._target / "bin" / name, os.X_OK)
            for name in os.listdir(self._target / "bin")
        )


def _seed(app: App) -> Seed:
    from pyv.seed import Seed

    return Seed(
        app.layout, app.cache, app.fetcher, app.env, offline=app.settings.offline, clock=time.time, notify=app.notify
    )
