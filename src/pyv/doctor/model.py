"""A finding: what is wrong, how bad that is, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

PROBLEM, HINT = "problem", "hint"


class Finding(NamedTuple):
    """One thing that was found.

    Attributes:
        check: which check found it, a short name that stays the same.
        level: `PROBLEM`, which keeps something from working or from being safe, or `HINT`.
        message: what is wrong, in one line that names the thing.
        command: what to type.
        fix: mends it; None where that takes a person.
    """

    check: str
    level: str
    message: str
    command: str
    fix: Callable[[], object] | None = None
