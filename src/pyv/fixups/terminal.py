"""Backspace and arrow keys at the prompt of upstream's older Linux builds.

Until February 2024 these knew one folder of terminal descriptions, `/usr/share/terminfo`. Debian keeps its own in
`/lib/terminfo`, Alpine in `/etc/terminfo`, and a slim container has none at all; the prompt, pdb and curses then treat
every terminal as a typewriter. The library reads TERMINFO_DIRS when it is first used, so that a few lines that run
before that are enough. They go into `encodings`, the first module that every start reads from a file, whether in an
environment or not: `site` is compiled into the program from 3.11 on, `sitecustomize` is the user's, and a `.pth` file
is not seen by environments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyv.fixups.tree import Tree

# The last releases of CPython that upstream built in the old way
_LAST_OLD = {8: 18, 9: 18, 10: 13, 11: 8, 12: 2}
_RELEASE = re.compile(rb'#define[ \t]+PY_VERSION[ \t]+"3\.(?P<minor>\d+)\.(?P<patch>\d+)')
# At this point of the start nothing but what is compiled in can be imported, so there is no os. What os.environ will
# be is taken from posix.environ later on.
_LINES = b"""

# Added by pyv: this build looks for descriptions of terminals in one folder, and many systems keep theirs in another.
# Without one, backspace and arrow keys do not work. The last folder comes with this Python.
def _find_terminals():
    import posix
    known = posix.environ
    if sys.flags.ignore_environment or b'TERM' not in known or b'TERMINFO_DIRS' in known or not posix.isatty(0):
        return
    bundled = __path__[0].rpartition('/lib/')[0] + '/share/terminfo'
    try:
        folders = b'/etc/terminfo:/lib/terminfo:/usr/share/terminfo:' + bundled.encode()
    except UnicodeError:
        return
    known[b'TERMINFO_DIRS'] = folders
    posix.putenv(b'TERMINFO_DIRS', folders)

_find_terminals()
del _find_terminals
"""


def find_terminals(tree: Tree) -> None:
    """Let an old build find the descriptions of terminals, its own or the system's. Other builds stay as they are.

    Processes without a terminal, with `-E` or `-I`, or with a TERMINFO_DIRS of their own see no difference.
    """
    if not tree.exists("share/terminfo") or not _is_old(tree):
        return
    for folder in tree.folders("lib", r"python3\.\d+[a-z]*"):
        for name in tree.files(f"{folder}/encodings", r"__init__\.py"):
            before = tree.read(name)
            if _LINES not in before:
                tree.write(name, before + _LINES)


def _is_old(tree: Tree) -> bool:
    for folder in tree.folders("include", r"python3\.\d+[a-z]*"):
        for name in tree.files(folder, r"patchlevel\.h"):
            match = _RELEASE.search(tree.read(name))
            if match:
                return int(match["patch"]) <= _LAST_OLD.get(int(match["minor"]), -1)
    return False
