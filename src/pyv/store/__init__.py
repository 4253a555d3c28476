"""The store: which versions are installed, and those of other people's stores that can be linked into it."""

from pyv.store.model import Installed, Lost, can_start, has_python, version_of
from pyv.store.store import Store

__all__ = ["Installed", "Lost", "Store", "can_start", "has_python", "version_of"]
