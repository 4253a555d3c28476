"""What somebody may have meant who mistyped a name: a version's, or a command's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two letters that changed places are the likeliest slip, one too many or too few the next: 3.21 is 3.12 rather than
# 3.11, and 3.2 is 3.12 rather than 3.8
_SWAP, _SLIP, _OTHER = 1, 2, 3
# In a short text two slips leave hardly anything of what was meant
_SHORT = 4


def nearest(text: str, names: Iterable[str]) -> str:
    """Return the name that a text is closest to, or nothing if it is close to none, or is one itself.

    Args:
        text: what was typed.
        names: what there is. Of two that are equally close, the one whose last number is closer counts, then the first.
    """
    best: tuple[int, int] | None = None
    found = ""
    most = _OTHER if len(text) <= _SHORT else 2 * _OTHER
    for name in names:
        if name == text:
            return ""
        if abs(len(name) - len(text)) * _SLIP > most:
            continue
        # Where every letter is another, nothing is left of what was typed
        distance = _distance(text, name)
        key = (distance, abs(_last_number(text) - _last_number(name)))
        if distance <= most and distance < len(text) * _OTHER and (best is None or key < best):
            best, found = key, name
    return found


def _distance(one: str, other: str) -> int:
    """Return what it costs to turn one text into the other by changing, adding, dropping and swapping letters."""
    before: list[int] = []
    row = [_SLIP * column for column in range(len(other) + 1)]
    for line, letter in enumerate(one, 1):
        before, above, row = row, before, [_SLIP * line]
        for column, theirs in enumerate(other, 1):
            cost = min(before[column] + _SLIP, row[-1] + _SLIP, before[column - 1] + (letter != theirs) * _OTHER)
            if line > 1 and column > 1 and letter == other[column - 2] and theirs == one[line - 2] and letter != theirs:
                cost = min(cost, above[column - 2] + _SWAP)
            row.append(cost)
    return row[-1]


def _last_number(text: str) -> int:
    numbers = re.findall(r"\d{1,9}", text, re.ASCII)
    return int(numbers[-1]) if numbers else 0
