"""Repairing an environment in place, and the list of what is in one that has to be made anew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from pyv import fsops
from pyv.envs import commands, config, health, place, recipe, scripts, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyv.envs.interpreter import Interpreter
    from pyv.registry import Registry

# They may come with an environment; an old one of them may not even work on a newer Python
_TOOLS = frozenset({"setuptools", "wheel"})
# Up to this version `venv` puts setuptools into every environment, marked as if somebody had asked for it
_WITH_SETUPTOOLS = 11


def repair(venv: Path, interpreter: Interpreter, registry: Registry, env: Mapping[str, str]) -> None:
    """Put an environment onto an interpreter of the same minor version, where it stands, and keep its packages.

    Nothing of it is run. Done again after a kill it goes on where it was. Commands that are gone are another matter:
    see `restore_commands`.

    Args:
        venv: the environment: known, moved, or without its settings.
        interpreter: what it is to be made from.
        registry: what makes it known again.
        env: the environment of the process, for interpreters that make environments themselves.

    Raises:
        PyvError: the interpreter could not make an environment.
        OSError: something cannot be written.
    """
    old = health.was_at(venv, registry)
    data = config.read_bytes(venv)
    settings = config.parse(data)
    options = options_of(settings)
    known = recipe.of(interpreter)
    if known is not None:
        for name in ("bin", known.include, f"lib/{interpreter.library}/site-packages"):
            os.makedirs(venv / name, exist_ok=True)
        tree.link_programs(venv, interpreter, known)
    else:
        os.makedirs(venv / "bin", exist_ok=True)
        tree.relink(venv / "bin", settings.get("home", ""), interpreter.home)
    if old:
        scripts.relocate(venv, Path(old), venv)
    made = b""
    if known is not None:
        if old or not os.path.exists(venv / "bin/activate"):
            tree.write_activation(venv, venv, known, options.prompt)
    elif old or not data or not all(os.path.exists(venv / "bin" / name) for name in ("activate", "python")):
        made = _take_from_another(venv, interpreter, options, registry, env)
    if data or not made:
        describes = "command" in settings or (not data and known is not None and known.describes)
        fresh = config.parse(config.make(interpreter, venv, options, describes=describes))
        made = config.changed(data, {key: value for key, value in fresh.items() if key != "prompt" and value})
    if made != data:
        config.replace(venv, made)
    if old or made != data:
        place.note(venv, registry)


def _take_from_another(
    venv: Path, interpreter: Interpreter, options: config.Options, registry: Registry, env: Mapping[str, str]
) -> bytes:
    """Have the interpreter make another environment, take what is in its bin, and return its pyvenv.cfg."""
    with place.Site(venv, registry) as site:
        tree.build(site.folder, venv, interpreter, options, env)
        for name in os.listdir(site.folder / "bin"):
            if name.lower().startswith("activate") or not os.path.exists(venv / "bin" / name):
                os.replace(site.folder / "bin" / name, venv / "bin" / name)
        return config.read_bytes(site.folder)


def options_of(settings: Mapping[str, str]) -> config.Options:
    """Return what an environment is like, from its pyvenv.cfg."""
    prompt = settings.get("prompt")
    if prompt and prompt[0] in "'\"":
        import ast

        try:
            prompt = str(ast.literal_eval(prompt))
        except (ValueError, SyntaxError):
            prompt = prompt[1:-1]
    return config.Options(
        prompt=prompt,
        system_site_packages=settings.get("include-system-site-packages", "").lower() == "true",
        pip="--without-pip" not in settings.get("command", "").split(),
    )


def environment_options(venv: Path) -> config.Options:
    """Return what an environment at a path is like."""
    return options_of(config.read(venv))


def notes_pip(venv: Path) -> bool:
    """Tell whether an environment notes that it was made with pip. Those of Pythons before 3.11 note nothing."""
    settings = config.read(venv)
    return "command" in settings and options_of(settings).pip


class Inventory(NamedTuple):
    """What was in an environment.

    Attributes:
        requirements: a line of a requirements file for each package, so that pip installs the same ones again.
        pip: whether pip was among it.
        left_out: the tools among it that nobody had asked for: they had come with the environment.
    """

    requirements: list[str]
    pip: bool
    left_out: list[str]


def inventory(venv: Path) -> Inventory:
    """Return what is in an environment, read from its metadata without running anything."""
    found: dict[str, str] = {}
    left_out = set()
    for library in health.libraries(venv):
        site = venv / "lib" / library / "site-packages"
        for name in sorted(os.listdir(site)):
            match = commands.DISTRIBUTION.fullmatch(name)
            if match:
                key = re.sub(r"[-_.]+", "-", match[1]).lower()
                if key in _TOOLS and _came_along(key, library, site / name):
                    left_out.add(key)
                    continue
                found[key] = _requirement(match[1].replace("_", "-"), match[2], site / name)
        found.update(_linked(site))
    pip = found.pop("pip", None) is not None
    lines = [name if name in _TOOLS else line for name, line in sorted(found.items())]
    return Inventory(lines, pip, sorted(left_out - found.keys()))


def _came_along(name: str, library: str, metadata: Path) -> bool:
    """Tell whether a tool is in an environment without anybody having asked for it (PEP 376: REQUESTED)."""
    minor = re.sub(r"\D", "", library.partition(".")[2])
    always = name == "setuptools" and int(minor) <= _WITH_SETUPTOOLS
    return always or not os.path.exists(metadata / "REQUESTED")


def _requirement(name: str, version: str, metadata: Path) -> str:
    """Return the line for one package: from where it came (PEP 610), or from the index."""
    plain = f"{name}=={version}"
    try:
        with fsops.open_regular(metadata / "direct_url.json") as file:
            origin = json.loads(file.read(1 << 16))
        url = str(origin["url"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return plain
    if not url.isprintable() or " " in url:
        return plain
    vcs = origin.get("vcs_info")
    if isinstance(vcs, dict):
        at = f"@{vcs.get('commit_id') or vcs.get('requested_revision') or ''}".rstrip("@")
        return f"{name} @ {vcs.get('vcs', 'git')}+{url}{at}"
    folder = origin.get("dir_info")
    if isinstance(folder, dict) and folder.get("editable") and url.startswith("file:"):
        return f"-e {unquote(urlsplit(url).path)}"
    part = origin.get("subdirectory")
    return f"{name} @ {url}" + (f"#subdirectory={part}" if isinstance(part, str) and part.isprintable() else "")


def _linked(site: Path) -> Iterator[tuple[str, str]]:
    """Yield the projects that old versions of setuptools have linked in (`setup.py develop`)."""
    for name in sorted(os.listdir(site)):
        if name.endswith(".egg-link"):
            with open(site / name, encoding="utf-8", errors="replace") as file:
                folder = file.readline().strip()
            if folder.isprintable() and os.path.isdir(folder):
                yield re.sub(r"[-_.]+", "-", name.removesuffix(".egg-link")).lower(), f"-e {folder}"
