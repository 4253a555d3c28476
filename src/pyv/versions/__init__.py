"""Versions and requests: what exists, what somebody asked for, and which of the first meets the second.

A `Version` is a fact, a `Request` a wish; the two are different types, and only `Request.matches` joins them. Both are
parsed strictly: the whole text is understood, or `RequestError` says that it is not.
"""

from pyv.versions.grammar import folder_names, is_safe_name
from pyv.versions.request import Request, newest
from pyv.versions.version import IMPLEMENTATIONS, Version

__all__ = ["IMPLEMENTATIONS", "Request", "Version", "folder_names", "is_safe_name", "newest"]
