"""The seed: pip, and for old Pythons setuptools, unpacked with bytecode in the cache, ready for environments."""

from pyv.seed.kept import Unpacked
from pyv.seed.links import LINK_MODES
from pyv.seed.seeds import Seed

__all__ = ["LINK_MODES", "Seed", "Unpacked"]
