"""The store: which versions are installed, and those of other people's stores that can be linked into it."""

from pyv.store.model import Installed, Lost, has_python, version_of
from pyv.store.store import Store

__all__ = ["Installed", "Lost", "Store", "has_python", "version_of"]
