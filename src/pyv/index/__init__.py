"""The catalogue in force: bundled with pyv and refreshed from upstream, or a mirror's."""

from pyv.index.index import Index, Info
from pyv.index.upstream import UPSTREAM, Upstream

__all__ = ["UPSTREAM", "Index", "Info", "Upstream"]
