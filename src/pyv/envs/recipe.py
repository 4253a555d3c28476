"""How an interpreter's own `venv` makes environments, read off its source and its templates without starting it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv import fsops
from pyv.envs import scripts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyv.envs.interpreter import Interpreter

# Of these the source has been read; a newer one makes its environments itself until somebody has looked
_OLDEST, _NEWEST = 8, 14
_FOLDERS = ("common", "posix")
_MAX_BYTES = 1 << 20


class Template(NamedTuple):
    """An activation script before it has an environment: its name, content and permission bits."""

    name: str
    content: bytes
    mode: int


class Recipe(NamedTuple):
    """What environments of an interpreter look like.

    Attributes:
        links: the further names of the program in bin/.
        include: the folder for headers.
        lib64: whether lib64 is a link to lib.
        describes: whether pyvenv.cfg notes the program and the command.
        bare_prompt: whether the scripts put the parentheses around the prompt.
        quotes: whether values are quoted for the shell where they are put into the scripts.
        templates: the activation scripts.
    """

    links: tuple[str, ...]
    include: str
    lib64: bool
    describes: bool
    bare_prompt: bool
    quotes: bool
    templates: tuple[Template, ...]


def of(interpreter: Interpreter) -> Recipe | None:
    """Return how environments of an interpreter are made; None if it has to make them itself."""
    if interpreter.stdlib is None or not _OLDEST <= int(interpreter.minor.split(".")[1]) <= _NEWEST:
        return None
    folder = interpreter.stdlib / "venv"
    try:
        source = _read(folder / "__init__.py").content
        templates = tuple(_templates(folder / "scripts"))
    except OSError:  # a stripped installation
        return None
    if not any(template.name == "activate" for template in templates):
        return None
    pi = ("𝜋thon",) if "𝜋thon".encode() in source else ()
    own_headers = b"_venv_path(env_dir, 'include')" in source and b"'installed_base'" in source
    return Recipe(
        links=("python3", f"python{interpreter.minor}", *pi),
        include=f"include/python{interpreter.minor}{interpreter.abi}" if own_headers else "include",
        lib64=_is_64_bit_elf(interpreter.path),
        describes=b"'executable = " in source,
        bare_prompt=b"'(%s) '" not in source,
        quotes=b"def quote_ps1" in source,
        templates=templates,
    )


def _templates(folder: Path) -> list[Template]:
    paths = [folder / part / name for part in _FOLDERS for name in sorted(os.listdir(folder / part))]
    return [_read(path) for path in paths if not path.name.startswith((".", "__"))]


def _read(path: Path) -> Template:
    with fsops.open_regular(path) as file:
        return Template(path.name, file.read(_MAX_BYTES), os.fstat(file.fileno()).st_mode & 0o777)


def _is_64_bit_elf(program: Path) -> bool:
    """Tell whether a program is one of a 64-bit system other than macOS, where `venv` makes a lib64."""
    try:
        with fsops.open_regular(program) as file:
            return file.read(5) == b"\x7fELF\x02"
    except OSError:
        return False


def render(recipe: Recipe, template: Template, target: Path, prompt: str | None) -> bytes:
    """Return the content of an activation script for an environment.

    Args:
        recipe: what it is part of.
        template: the script.
        target: the folder of the environment.
        prompt: what the shell is to show; None for the folder's name.
    """
    shown = target.name if prompt is None else prompt
    values = {
        "__VENV_DIR__": os.fspath(target),
        "__VENV_NAME__": target.name,
        "__VENV_PROMPT__": shown if recipe.bare_prompt else f"({shown}) ",
        "__VENV_BIN_NAME__": "bin",
        "__VENV_PYTHON__": os.fspath(target / "bin" / "python"),
    }
    quote = _quoting(template.name) if recipe.quotes else _escaping(template.name)
    content = template.content
    for name, value in values.items():
        content = content.replace(name.encode(), os.fsencode(quote(value)))
    return content


def _quoting(name: str) -> Callable[[str], str]:
    """Return how a value becomes a word of a script whose template leaves the quotes to `venv`."""
    if name.endswith(".ps1"):
        return lambda value: "'" + value.replace("'", "''") + "'"
    return scripts.shell_word


def _escaping(name: str) -> Callable[[str], str]:
    """Return how a value is put between double quotes, where older templates have it.

    The `venv` of these versions puts it there as it is, so that the name of a folder can be a command (CVE-2024-9287).
    """
    if name.endswith(".csh"):
        # Nothing but ! and a line break can be escaped within double quotes, so those are left for a moment
        table = {each: f"\"'{each}'\"" for each in '$"`'} | {"!": "\\!", "\n": "\\\n"}
    elif name.endswith(".fish"):
        table = {each: f"\\{each}" for each in '\\"$'}
    elif name == "activate":
        table = {each: f"\\{each}" for each in '\\"$`'}
    else:
        return str
    return lambda value: "".join(table.get(each, each) for each in value)
