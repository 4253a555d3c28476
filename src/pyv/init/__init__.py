"""What shells need: the hook files in the store, the line of an rc file that sources one, and variables to set."""

from pyv.init.hooks import code, line, write_hooks
from pyv.init.rc import install, uninstall
from pyv.init.shells import SHELLS, assignments, known

__all__ = ["SHELLS", "assignments", "code", "install", "known", "line", "uninstall", "write_hooks"]
