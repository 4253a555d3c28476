"""Printing: data on standard output, and questions before something is deleted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = 1
# Control characters, but for tab and newline
_STEERING = dict.fromkeys({*range(32), *range(127, 160)} - {9, 10}, "\N{REPLACEMENT CHARACTER}")


def data(line: str) -> None:
    """Print one line of what was asked for."""
    sys.stdout.write(f"{line}\n")


def harmless(text: str) -> str:
    """Return text that others wrote without what could steer a terminal; lines stay lines."""
    return text.translate(_STEERING)


def on_terminal() -> bool:
    """Tell whether standard output is read by a person, as far as can be told."""
    try:
        return sys.stdout.isatty()
    except ValueError:  # it was closed
        return False


def document(content: Mapping[str, object]) -> None:
    """Print a JSON document, with the version of its shape."""
    import json

    sys.stdout.write(json.dumps({"schema": SCHEMA, **content}, indent=1) + "\n")


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows with their columns aligned; nothing stands after the last one."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        data("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def size(count: int) -> str:
    """Return a number of bytes for people, in powers of 1000."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def confirm(question: str, *, yes: bool) -> bool:
    """Ask before something is deleted.

    Args:
        question: what will happen, as a question.
        yes: whether the command line has answered already.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} There is no terminal to ask on", hint="say yes with -y")
    return agrees(question)


def agrees(question: str) -> bool:
    """Ask on the terminal, which there has to be, and tell whether the answer is yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):  # Ctrl-D, which ends no line
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")
