"""The catalogue: which builds exist, where they are had, and what they must hash to."""

from pyv.catalogue.assets import parse_asset, parse_sums
from pyv.catalogue.builds import GRAALPY, PYPY, RELEASES, Build, dump, load, merge
from pyv.catalogue.bundle import DATA, Header, bundled, bundled_info, files
from pyv.catalogue.choice import choose, installable, target
from pyv.catalogue.metadata import Parsed, parse_metadata

__all__ = [
    "DATA",
    "GRAALPY",
    "PYPY",
    "RELEASES",
    "Build",
    "Header",
    "Parsed",
    "bundled",
    "bundled_info",
    "choose",
    "dump",
    "files",
    "installable",
    "load",
    "merge",
    "parse_asset",
    "parse_metadata",
    "parse_sums",
    "target",
]
