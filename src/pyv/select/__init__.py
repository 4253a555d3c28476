"""Selection: which Python, and which command of it, is meant in a folder, and what decided so.

The dispatcher (`shims/dispatcher.sh`) answers the plain cases by itself, from the same links, folders, environments and
pins. Whatever is decided here is decided there alike, or handed over to here; one table of cases drives both in the
tests.
"""

from pyv.errors import shell_word
from pyv.select.commands import Commands
from pyv.select.model import Chosen, Found, Selection
from pyv.select.selector import Selector

__all__ = ["Chosen", "Commands", "Found", "Selection", "Selector", "shell_word"]
