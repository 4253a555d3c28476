"""Repairs of an extracted interpreter, so that it works where it will be.

They run on a staging folder that nobody else sees, before one rename brings it to its final place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pyv.fixups.managed import allow_pip, is_externally_managed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Applied", "allow_pip", "for_building", "for_starting", "is_externally_managed"]


class Applied(NamedTuple):
    """What the repairs did: names of what they wrote, made or removed, relative to the tree, and lines to tell."""

    changed: frozenset[str]
    notes: tuple[str, ...]


def for_starting(
    staged: Path,
    final: Path,
    *,
    implementation: str,
    system: str,
    find_program: Callable[[str], str | None],
    run: Callable[[Sequence[str]], int],
) -> Applied:
    """Repair what a start of an extracted interpreter depends on: names, libraries, terminal, certificates.

    Args:
        staged: the folder that holds the tree now: the one with `bin`, on Windows with `python.exe`.
        final: where it will be.
        implementation: `cpython`, `pypy` or `graalpy`.
        system: `linux`, `darwin` or `windows`.
        find_program: returns the path of a program on the user's PATH, or None.
        run: runs a program to its end and returns its exit status.

    Raises:
        VerificationError: there is no interpreter in the tree.
        OSError: the tree could not be written.
    """
    from pyv.fixups import certificates, commands, macos, terminal
    from pyv.fixups.tree import Tree

    tree = Tree(staged)
    notes = ""
    if system != "windows":
        commands.complete_names(tree, implementation)
    if implementation == "cpython" and system == "linux":
        terminal.find_terminals(tree)
        certificates.find_certificates(tree)
    if implementation == "cpython" and system == "darwin":
        notes = macos.name_libraries(tree, os.fspath(final), find_program=find_program, run=run)
    return Applied(frozenset(tree.changed), (notes,) if notes else ())


def for_building(staged: Path, final: Path, *, implementation: str, system: str, allow_pip: bool) -> Applied:
    """Repair what an extracted interpreter says of its place and its compilers, its scripts, and what pip may do.

    No start depends on any of this. What comes from upstream is built for a prefix and with a compiler that exist
    nowhere else; a tree that needs none of it stays as it is, but for the mark of an externally managed interpreter.

    Args:
        staged: the folder that holds the tree now.
        final: where it will be; its last part is the name of the version.
        implementation: `cpython`, `pypy` or `graalpy`.
        system: `linux`, `darwin` or `windows`.
        allow_pip: whether pip may install into it; else it is marked as externally managed (PEP 668).

    Raises:
        VerificationError: a file is malformed.
        OSError: the tree could not be written.
    """
    from pyv.fixups import commands, managed, metadata
    from pyv.fixups.tree import Tree

    tree = Tree(staged)
    if system != "windows":
        commands.relocate_scripts(tree)
        if implementation == "cpython":
            metadata.rewrite(tree, os.fspath(final))
    if allow_pip:
        managed.unmark(tree)
    else:
        managed.mark(tree, final.name)
    return Applied(frozenset(tree.changed), ())
