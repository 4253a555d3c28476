"""What can be wrong around pyv: on PATH, among the shims, in the store, with environments, on this machine.

Each group of checks is a module with functions that return findings. They change nothing, and get what they need
passed in. A finding that can be mended without asking carries the function that does it.
"""

from pyv.doctor.model import HINT, PROBLEM, Finding

__all__ = ["HINT", "PROBLEM", "Finding"]
