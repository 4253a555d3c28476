"""The mark of an externally managed interpreter, and its absence.

PEP 668: pip and others refuse to install into an interpreter whose folder of the standard library holds a file
EXTERNALLY-MANAGED, and print the text that stands in it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.errors import RequestError
from pyv.fixups.tree import Tree
from pyv.versions import Version

if TYPE_CHECKING:
    from pathlib import Path

_MARK = "EXTERNALLY-MANAGED"
# Readers of the file strip every line, so nothing may depend on indentation
_TEXT = """\
[externally-managed]
Error=This Python ({name}) was installed by pyv, and all projects on this machine share it.
 pip leaves it alone, so that no project breaks another one. Type instead:

 - for a project, in its folder, then repeat your pip command there:
 $ pyv venv

 - for a tool such as poetry: an environment of its own, and its command in a folder that is on PATH:
 $ pyv venv ~/.local/share/poetry -p {minor}
 $ ~/.local/share/poetry/bin/pip install poetry
 $ ln -s ~/.local/share/poetry/bin/poetry ~/.local/bin/

 - on a CI machine or in a container that is yours alone (pip install -r works from then on):
 $ pyv install --allow-pip {name}
"""


def _stdlib_folders(tree: Tree) -> list[str]:
    folders = [*tree.folders("lib", r"(?:python|pypy)3\.\d+[a-z]*"), *tree.folders("", "Lib")]
    return [folder for folder in folders if tree.files(folder, r"os\.py")]


def mark(tree: Tree, name: str) -> None:
    """Mark a staged interpreter as externally managed.

    Args:
        tree: what to work on.
        name: of the version, for the text: what `pyv install` takes.
    """
    for folder in _stdlib_folders(tree):
        tree.write(f"{folder}/{_MARK}", _text(name))


def unmark(tree: Tree) -> None:
    """Take the mark off an interpreter, be it pyv's or upstream's."""
    for folder in _stdlib_folders(tree):
        tree.remove(f"{folder}/{_MARK}")


def is_externally_managed(prefix: Path) -> bool:
    """Tell whether pip refuses to install into the interpreter at a prefix."""
    tree = Tree(prefix)
    return any(tree.exists(f"{folder}/{_MARK}") for folder in _stdlib_folders(tree))


def allow_pip(prefix: Path) -> set[str]:
    """Open an installed interpreter for pip.

    Returns:
        The names, relative to the prefix, of what was removed; none if it was open.
    """
    tree = Tree(prefix)
    unmark(tree)
    return tree.changed


def _text(name: str) -> bytes:
    minor = name
    with suppress(RequestError):  # a name that is no version's has no short one
        minor = Version.parse(name).minor
    return _TEXT.format(name=name, minor=minor).encode("utf-8", "replace")
