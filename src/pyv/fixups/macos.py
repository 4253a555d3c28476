"""The install name of libpython on macOS: what programs that link with it remember as its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.fsops import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyv.fixups.tree import Tree


def name_libraries(
    tree: Tree,
    final: str,
    *,
    find_program: Callable[[str], str | None],
    run: Callable[[Sequence[str]], int],
) -> str:
    """Make libpython carry its final place, with a new signature: a signed file that changed is killed at start.

    Args:
        tree: what to work on.
        final: absolute path of where the tree will be.
        find_program: returns the path of a program, or None.
        run: runs a program to its end and returns its exit status.

    Returns:
        What a user who embeds Python should know when this could not be done; else nothing.
    """
    libraries = tree.files("lib", r"libpython3\.\d+[a-z]*\.dylib")
    if not libraries:
        return ""
    name_tool, sign_tool, select = map(find_program, ("install_name_tool", "codesign", "xcode-select"))
    # Without the developer tools these programs exist all the same, and open a window that offers to install them
    if not name_tool or not sign_tool or (select and run([select, "-p"]) != 0):
        return "libpython keeps its build-time name: that takes Apple's command line tools (xcode-select --install)"
    for library in libraries:
        # On a copy, so that a failure leaves the file that runs. In a folder of its own, because the signature takes
        # its identifier from the name of the file.
        work = tree.path(f"{library}.signing")
        copy = os.path.join(work, os.path.basename(library))
        os.mkdir(work)
        try:
            with open(copy, "xb") as file:
                file.write(tree.read(library))
            named = run([name_tool, "-id", os.path.join(final, library), copy]) == 0
            if not named or run([sign_tool, "--force", "--sign", "-", copy]) != 0:
                return f"{library} keeps its build-time name: install_name_tool or codesign failed"
            with open(copy, "rb") as file:
                tree.write(library, file.read())
        finally:
            remove_tree(Path(work))
    return ""
