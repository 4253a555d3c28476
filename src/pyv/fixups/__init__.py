"""Repairs of an extracted interpreter, so that it works where it will be.

They run on a staging folder that nobody else sees, before one rename brings it to its final place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv.fixups.managed import allow_pip, forbid_pip, is_externally_managed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Applied", "allow_pip", "apply", "forbid_pip", "is_externally_managed"]


class Applied(NamedTuple):
    """What the repairs did: names of what they wrote, made or removed, relative to the tree, and lines to tell."""

    changed: frozenset[str]
    notes: tuple[str, ...]


def apply(
    staged: Path,
    final: Path,
    *,
    implementation: str,
    system: str,
    allow_pip: bool,
    find_program: Callable[[str], str | None],
    run: Callable[[Sequence[str]], int],
) -> Applied:
    """Repair an extracted interpreter.

    What comes from upstream is built for a prefix and with a compiler that exist nowhere else. A tree that needs none
    of this stays as it is, but for the mark of an externally managed interpreter.

    Args:
        staged: the folder that holds the tree now: the one with `bin`, on Windows with `python.exe`.
        final: where it will be; its last part is the name of the version.
        implementation: `cpython`, `pypy` or `graalpy`.
        system: `linux`, `darwin` or `windows`.
        allow_pip: whether pip may install into it; else it is marked as externally managed (PEP 668).
        find_program: returns the path of a program on the user's PATH, or None.
        run: runs a program to its end and returns its exit status.

    Raises:
        VerificationError: the tree is not what it should be: there is no interpreter, or a file is malformed.
        OSError: the tree could not be written.
    """
    from pyv.fixups import commands, macos, managed, metadata, terminal
    from pyv.fixups.tree import Tree

    tree = Tree(staged)
    notes = []
    if system != "windows":
        place = os.fspath(final)
        commands.complete_names(tree, implementation)
        commands.relocate_scripts(tree)
        if implementation == "cpython":
            metadata.rewrite(tree, place)
        if implementation == "cpython" and system == "linux":
            terminal.find_terminals(tree)
        if implementation == "cpython" and system == "darwin":
            notes.append(macos.name_libraries(tree, place, find_program=find_program, run=run))
    if allow_pip:
        managed.unmark(tree)
    else:
        managed.mark(tree, final.name)
    return Applied(frozenset(tree.changed), tuple(filter(None, notes)))
