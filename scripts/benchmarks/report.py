"""Writes what was measured: as JSON, and as tables in Markdown."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING

from scripts.benchmarks.budgets import verdicts
from scripts.benchmarks.process import FailedError, output
from scripts.benchmarks.results import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scripts.benchmarks.bench import Bench
    from scripts.benchmarks.results import Race

BEGIN, END = "<!-- scripts/bench begin -->", "<!-- scripts/bench end -->"


def document(bench: Bench) -> dict[str, object]:
    """Return everything for JSON."""
    return {
        "schema": 1,
        "machine": machine(bench),
        "rounds": bench.rounds,
        "budgets": [verdict._asdict() for verdict in verdicts(bench.races)],
        "races": [race.describe() for race in bench.races],
        "skipped": bench.skipped,
    }


def markdown(bench: Bench) -> str:
    """Return the budgets and the figures as tables."""
    marks = {True: "yes", False: "**no**", None: "not measured"}
    budgets = [(each.what, each.budget, each.measured, marks[each.met]) for each in verdicts(bench.races)]
    figures = [row for race in bench.races for row in _rows(race)]
    growth = [
        (race.case, f"{number:.2f}") for race in bench.races if race.sizes and (number := race.exponent()) is not None
    ]
    parts = [
        ", ".join(f"{name} {value}" for name, value in machine(bench).items()) + f"; {bench.rounds} rounds.",
        _table(("what", "budget", "measured", "met"), budgets),
    ]
    parts += ["Growth, as the exponent over the whole range:", _table(("what", "exponent"), growth)] if growth else []
    headings = ("measure", "case", "subject", "median", "min", "half of them within", "beside")
    note = "Half of them within: of fewer than four values all, for they have no quartiles."
    # GitHub folds it, for it is long
    parts += ["<details><summary>All figures</summary>", note, _table(headings, figures), "</details>"]
    parts += [f"Not measured: {name}: {next(iter(reason.splitlines()), '')}" for name, reason in bench.skipped.items()]
    return "\n\n".join(parts) + "\n"


def fill(text: str, tables: str) -> str:
    """Return a text with what is between the two markers replaced.

    Raises:
        ValueError: it does not have them, in this order.
    """
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"there is no {BEGIN} with an {END} after it")
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def machine(bench: Bench) -> dict[str, str]:
    """Return what was measured, and on what."""
    uname = os.uname()
    facts = {
        "on": time.strftime("%Y-%m-%d"),
        "system": f"{uname.sysname} {uname.release} {uname.machine}",
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "sh": os.path.basename(os.path.realpath("/bin/sh")),
    }
    asked = {
        "pyv": bench.world.pyv,
        **{name: bench.peers.known.get(name, "") for name in ("pyenv", "uv", "virtualenv", "mise")},
    }
    for name, command in asked.items():
        try:
            said = output((command, "--version"), bench.world.env(), "/") if command else ""
        except FailedError:
            said = ""
        words = [word for word in said.split() if word[:1].isdigit()]
        facts |= {name: words[0]} if words else {}
    return facts


def _rows(race: Race) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for subject, values in race.values.items():
        low, high = spread(values)
        beside = ""
        if race.floor and subject != race.floor:
            beside = f"{race.over(subject):+.2f} {race.unit}"
        elif (first := race.first()) and subject != first:
            beside = f"{race.ratio(subject, first):.2f} of {first}"
        numbers = (f"{race.median(subject):.2f} {race.unit}", f"{min(values):.2f}", f"{low:.2f} to {high:.2f}")
        rows.append((race.measure, race.case, subject, *numbers, beside))
    return rows


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
