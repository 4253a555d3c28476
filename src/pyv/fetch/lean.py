"""Imports httpx without what it brings along for others, on the way to every download."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# What httpx and httpcore look for and go without: their command line, and with it click and what else there is to
# colour output; asynchronous requests; encodings that pyv does not ask for.
_OPTIONAL = ("httpx._main", "anyio", "trio", "brotli", "brotlicffi", "zstandard")
# Certificates for those who name none; pyv always names some, see `trust`.
_UNUSED = ("certifi",)


def import_httpx() -> None:
    """Import httpx and httpcore, on which it is built, unless that has been done.

    None in sys.modules says that a module cannot be imported (Python's language reference, section 5.3.1). It stands
    there only meanwhile: pyv itself needs some of them elsewhere.
    """
    if {"httpcore", "httpx"} <= sys.modules.keys():
        return
    left_out: dict[str, ModuleType | None] = dict.fromkeys(_OPTIONAL)
    left_out |= {name: ModuleType(name) for name in _UNUSED}
    known: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment] # None is documented
    placed = {name: known.setdefault(name, module) for name, module in left_out.items() if name not in known}
    try:
        importlib.import_module("httpcore")
        importlib.import_module("httpx")
    finally:
        for name, module in placed.items():
            if known.get(name, ...) is module:
                del known[name]
