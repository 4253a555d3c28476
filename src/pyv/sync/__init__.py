"""What a project needs installed, read from its own files, and whether its environment has it already.

Nothing here installs: the command line hands what is found here to the pip of the environment.
"""

from pyv.sync.locked import FILE_NAME, Interpreter, Lock, read, with_interpreter
from pyv.sync.place import held
from pyv.sync.project import LOCK, NOTHING, Options, Source, advice, find
from pyv.sync.stamp import FOLDER, Stamp, inputs

__all__ = [
    "FILE_NAME",
    "FOLDER",
    "LOCK",
    "NOTHING",
    "Interpreter",
    "Lock",
    "Options",
    "Source",
    "Stamp",
    "advice",
    "find",
    "held",
    "inputs",
    "read",
    "with_interpreter",
]
