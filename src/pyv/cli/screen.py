"""What is different for a person at a terminal: the width, and colour where it helps."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CODES = {"": "", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_NARROWEST = 20
_WIDEST = 32
_INDENT = " " * 4


class Cell(NamedTuple):
    """A piece of a line.

    Attributes:
        text: what it says.
        colour: one of those known here; empty for none.
    """

    text: str
    colour: str = ""

    @property
    def shown(self) -> str:
        """The text as one line of a terminal: a path may hold line breaks, and what terminals take for commands."""
        return self.text if self.text.isprintable() else ascii(self.text)[1:-1]


class Screen:
    """The terminal that standard output is.

    Args:
        env: the environment: `COLUMNS`, `NO_COLOR`, `TERM`.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._colour = not env.get("NO_COLOR") and env.get("TERM", "") not in ("", "dumb")

    @property
    def width(self) -> int:
        """Number of columns."""
        given = self._env.get("COLUMNS", "")
        if given.isascii() and given.isdecimal() and 0 < len(given) < 6 and int(given):
            return max(int(given), _NARROWEST)
        try:
            # A terminal that does not know its size says 0
            return max(os.get_terminal_size(sys.stdout.fileno()).columns or 80, _NARROWEST)
        except (OSError, ValueError):
            return 80

    def paint(self, cell: Cell) -> str:
        """Return a cell as it is written."""
        code = _CODES[cell.colour] if self._colour else ""
        return f"\x1b[{code}m{cell.shown}\x1b[0m" if code and cell.text else cell.shown

    def table(self, rows: Sequence[Sequence[Cell]]) -> list[str]:
        """Return rows as lines, their columns aligned; what does not fit beside goes below, and nothing is cut off.

        Args:
            rows: cells, as many in each row; an empty one is a gap.
        """
        widths = [
            # A column is as wide as what has something beside it; what is much wider, such as a path, sticks out
            max((len(row[column].shown) for row in rows if any(cell.text for cell in row[column + 1 :])), default=0)
            for column in range(len(rows[0]) if rows else 0)
        ]
        widths = [min(width, _WIDEST) for width in widths]
        return [line for row in rows for line in self._lines(row, widths)]

    def _lines(self, row: Sequence[Cell], widths: Sequence[int]) -> list[str]:
        lines = [""]
        used = start = 0
        aligned = True
        for cell, width in zip(row, widths, strict=True):
            if cell.text:
                if used and start + len(cell.shown) > self.width:
                    lines.append("")
                    used, start, aligned = 0, len(_INDENT), False
                lines[-1] += " " * (start - used) + self.paint(cell)
                used = start + len(cell.shown)
            if not aligned:
                start = used + 2
            elif width or cell.text:
                start = max(start + width, used) + 2
        return lines
