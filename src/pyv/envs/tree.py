"""Making the tree of an environment: directly, or through the interpreter's own `venv`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import fsops, proc
from pyv.envs import config, recipe, scripts
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyv.envs.config import Options
    from pyv.envs.interpreter import Interpreter
    from pyv.envs.recipe import Recipe

_SECONDS = 120
_IGNORE = b"# Made by pyv: an environment belongs into no repository\n*\n"


def build(folder: Path, target: Path, interpreter: Interpreter, options: Options, env: Mapping[str, str]) -> None:
    """Make an environment without pip.

    Args:
        folder: where it is made: a path that does not exist, called like the target.
        target: where it will be, and what its scripts say.
        interpreter: what it is made from.
        options: what it is to be like.
        env: the environment of the process, for interpreters that make environments themselves.

    Raises:
        PyvError: the interpreter could not make it.
        OSError: it cannot be written.
    """
    known = recipe.of(interpreter)
    if known is None:
        _through_its_own(folder, target, interpreter, options, env)
    else:
        _directly(folder, target, interpreter, options, known)


def _directly(folder: Path, target: Path, interpreter: Interpreter, options: Options, known: Recipe) -> None:
    for name in ("bin", known.include, f"lib/{interpreter.library}/site-packages"):
        os.makedirs(folder / name)
    if known.lib64:
        os.symlink("lib", folder / "lib64")
    _write(folder / ".gitignore", _IGNORE)
    link_programs(folder, interpreter, known)
    write_activation(folder, target, known, options.prompt)
    _write(folder / config.NAME, config.make(interpreter, target, options, describes=known.describes))


def link_programs(venv: Path, interpreter: Interpreter, known: Recipe | None) -> None:
    """Make the names of the interpreter in an environment, or correct them.

    Raises:
        OSError: they cannot be written.
    """
    fsops.replace_link(venv / "bin/python", os.fspath(interpreter.path))
    for name in known.links if known else ("python3",):
        fsops.replace_link(venv / "bin" / name, "python")


def write_activation(venv: Path, target: Path, known: Recipe, prompt: str | None) -> None:
    """Write the activation scripts of an environment.

    Args:
        venv: where it is now.
        target: where it will be.
        known: how its interpreter makes environments.
        prompt: what the shell is to show; None for the folder's name.

    Raises:
        OSError: they cannot be written.
    """
    for template in known.templates:
        path = venv / "bin" / template.name
        content = recipe.render(known, template, target, prompt)
        with open(path, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), template.mode)


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)


def _through_its_own(
    folder: Path, target: Path, interpreter: Interpreter, options: Options, env: Mapping[str, str]
) -> None:
    """Let the interpreter make it, and put what it says of itself right."""
    words = ["--without-pip"]
    words += ["--system-site-packages"] * options.system_site_packages
    words += [f"--prompt={options.prompt}"] * (options.prompt is not None)
    done = proc.run([interpreter.path, "-I", "-B", "-m", "venv", *words, folder], env=env, timeout=_SECONDS)
    if done.returncode != 0 or not os.path.exists(folder / config.NAME):
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise PyvError(f"{interpreter.path} makes no environment: {reason}", hint="take another Python: pyv venv -p 3")
    scripts.relocate(folder, folder, target)
    if not os.path.exists(folder / ".gitignore"):
        _write(folder / ".gitignore", _IGNORE)
    data = (folder / config.NAME).read_bytes()
    settings = config.parse(data)
    changes = {"version": ".".join(settings.get("version", interpreter.minor).split(".")[:2])}
    if "command" in settings:
        command = settings["command"].replace(os.fspath(folder), os.fspath(target))
        # pip is put into it afterwards, and this is what tells later that it belongs there
        changes["command"] = command.replace(" -m venv --without-pip", " -m venv", 1) if options.pip else command
    if "executable" in settings and _same(settings["executable"], interpreter.path):
        changes["executable"] = os.fspath(interpreter.path)
    if settings.get("home") != os.fspath(interpreter.home) and _same(settings.get("home", ""), interpreter.home):
        # It has followed a link that is to stay one
        changes["home"] = os.fspath(interpreter.home)
        relink(folder / "bin", settings["home"], interpreter.home)
    (folder / config.NAME).write_bytes(config.changed(data, changes))


def relink(folder: Path, old: str, new: Path) -> None:
    """Point links to programs of one folder to those of another."""
    for name in os.listdir(folder):
        if os.path.islink(folder / name):
            where, _, program = os.readlink(folder / name).rpartition("/")
            if where == old:
                fsops.replace_link(folder / name, os.fspath(new / program))


def _same(one: str, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
