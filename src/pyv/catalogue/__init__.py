"""The catalogue: which builds exist, where they are had, and what they must hash to."""

from pyv.catalogue.assets import parse_asset, parse_sums
from pyv.catalogue.builds import GRAALPY, PYPY, RELEASES, Build, dump, load, merge
from pyv.catalogue.bundle import DATA, Header, bundled, bundled_info, files
from pyv.catalogue.choice import advice, alike, choose, installable, siblings, target
from pyv.catalogue.metadata import Parsed, parse_metadata
from pyv.catalogue.support import END_OF_LIFE, dump_ends, end_of, end_of_life, has_ended, parse_ends

__all__ = [
    "DATA",
    "END_OF_LIFE",
    "GRAALPY",
    "PYPY",
    "RELEASES",
    "Build",
    "Header",
    "Parsed",
    "advice",
    "alike",
    "bundled",
    "bundled_info",
    "choose",
    "dump",
    "dump_ends",
    "end_of",
    "end_of_life",
    "files",
    "has_ended",
    "installable",
    "load",
    "merge",
    "parse_asset",
    "parse_ends",
    "parse_metadata",
    "parse_sums",
    "siblings",
    "target",
]
