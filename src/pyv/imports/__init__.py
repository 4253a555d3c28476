"""What other managers have: their interpreters, environments and global pin, as the store could take them over.

Nothing is changed here, and of what is found nothing runs but interpreters, which are asked what they are.
"""

from pyv.imports import pyenv, uv
from pyv.imports.model import Candidate, Source, unfit

__all__ = ["Candidate", "Source", "pyenv", "unfit", "uv"]
