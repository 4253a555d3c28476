"""Imports httpx without what it brings along for others, on the way to every download."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# What httpx and httpcore look for and go without: their command line, and with it click and what else there is to
# colour output; asynchronous requests; an encoding that pyv does not ask for. Nothing
# else in pyv imports them.
_OPTIONAL = ("httpx._main", "anyio", "trio", "brotli", "brotlicffi")
# What is used only by functions that pyv has no need of, or not for most hosts: certificates for those who name none,
# as pyv does (see `trust`); names of hosts that are not ASCII; the types of files that are uploaded; names of days; one
# more encoding.
_ON_DEMAND = ("certifi", "idna", "mimetypes", "locale", "zstandard")


class _OnDemand(ModuleType):
    """Is loaded when something in it is asked for.

    A module of importlib's LazyLoader is loaded when it is imported for a second time.
    """

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            sys.modules.pop(self.__name__, None)  # another thread may have been faster
        return getattr(importlib.import_module(self.__name__), name)


def import_httpx() -> None:
    """Import httpx and httpcore, on which it is built, unless that has been done.

    None in sys.modules says that a module cannot be imported (Python's language reference, section 5.3.1). It stands
    there only meanwhile.
    """
    if {"httpcore", "httpx"} <= sys.modules.keys():
        return
    known: dict[str, object] = sys.modules  # type: ignore[assignment] # None is documented
    placed = [name for name in _OPTIONAL if name not in known]
    known.update(dict.fromkeys(placed))
    for name in _ON_DEMAND:
        sys.modules.setdefault(name, _OnDemand(name))
    try:
        importlib.import_module("httpcore")
        importlib.import_module("httpx")
    finally:
        for name in placed:
            if known.get(name, ...) is None:
                del known[name]
