"""Upgrading: which minor versions are in use, and whether their environments work on a newer patch."""

from pyv.upgrade.minors import Minor, behind, in_use, newest_patch, older_patch, own_packages
from pyv.upgrade.trial import Trial, try_out

__all__ = ["Minor", "Trial", "behind", "in_use", "newest_patch", "older_patch", "own_packages", "try_out"]
