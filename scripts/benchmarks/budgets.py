"""What the figures must be, and what they are in one run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from scripts.benchmarks import commands, downloads, growth, shim, venvs
from scripts.benchmarks.bench import OURS
from scripts.benchmarks.shells import CHANGED, UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scripts.benchmarks.results import Race


# What an sh that only execs costs where the limits of shims were set
_BARE_MS = 0.6


class Verdict(NamedTuple):
    """A budget and what came of it.

    Attributes:
        what: the thing.
        budget: the most that it may be, in words.
        measured: what it is, in words; empty if it was not measured.
        met: whether that is within the budget; None if it was not measured.
    """

    what: str
    budget: str
    measured: str
    met: bool | None


class _Judge:
    def __init__(self, races: Sequence[Race]) -> None:
        self._races = races
        self.verdicts: list[Verdict] = []

    def matching(self, measure: str, pattern: str) -> list[Race]:
        return [each for each in self._races if each.measure == measure and re.search(pattern, each.case)]

    def values(
        self, measure: str, pattern: str, subjects: Iterable[str], value: Callable[[Race, str], float]
    ) -> list[float]:
        """Return a value of each race that has these subjects; the first of them is asked for."""
        subject, *others = subjects
        return [
            value(each, subject) for each in self.matching(measure, pattern) if each.values.keys() >= {subject, *others}
        ]

    def judge(self, what: str, limit: float, values: Sequence[float], unit: str, *, budget: str = "") -> None:
        """Note a verdict on the worst of some values."""
        budget = budget or f"at most {limit:g} {unit}".strip()
        if not values:
            self.verdicts.append(Verdict(what, budget, "", None))
            return
        worst = max(values)
        self.verdicts.append(Verdict(what, budget, f"{worst:.2f} {unit}".strip(), round(worst, 2) <= limit))


def verdicts(races: Sequence[Race]) -> list[Verdict]:
    """Return all budgets with what was measured."""
    judge = _Judge(races)
    _shims(judge)
    _installs(judge)
    _rest(judge)
    _growth(judge)
    return judge.verdicts


def _shims(judge: _Judge) -> None:
    def over(race: Race, subject: str) -> float:
        return race.over(subject)

    def over_bare(race: Race, subject: str) -> float:
        return race.over(subject) / race.over(shim.BARE)

    for depth, limit in ((5, 1.0), (30, 1.2)):
        what = f"shim over the program itself, dash, {depth} folders up"
        values = judge.values("shim", re.escape(shim.DEPTHS), (f"{depth} up", shim.DIRECT), over)
        judge.judge(what, limit, values, "ms")
        # The same as a ratio: the machine decides what it costs to start an sh at all
        times = limit / _BARE_MS
        values = judge.values("shim", re.escape(shim.DEPTHS), (f"{depth} up", shim.DIRECT, shim.BARE), over_bare)
        budget = f"at most {times:.2f} times what an sh that only execs costs"
        judge.judge(what, round(times, 2), values, "times as much", budget=budget)
    for shell_case, limit, what in ((UNCHANGED, 0.0, "folder unchanged"), ("start$", 0.0, "shell start")):
        values = judge.values("counts", rf"(?:{shell_case})", (OURS,), lambda race, subject: race.median(subject))
        judge.judge(f"{what}: processes", limit, values, "", budget="0")
    values = judge.values("prompt", re.escape(CHANGED), (OURS,), over)
    judge.judge("prompt, folder changed", 5.0, values, "ms")


def _installs(judge: _Judge) -> None:
    def of_uv(race: Race, subject: str) -> float:
        return race.ratio(subject, "uv")

    line, near = re.escape(downloads.THROTTLED), f"(?:{downloads.LOOPBACK}|{downloads.CACHED})"
    for number, what, pattern, limit in (
        ("1 version", downloads.THROTTLED, f"{line}$", 1.5),
        (r"\d+ versions", downloads.THROTTLED, f"{line}$", 1.1),
        ("1 version", "from the loopback and from the cache", near, 2.5),
        (r"\d+ versions", "from the loopback and from the cache", near, 2.0),
    ):
        values = judge.values("install", f"^{number}, {pattern}", (OURS, "uv"), of_uv)
        many = "several versions" if "d" in number else "one version"
        judge.judge(f"install, {many}, {what}", limit, values, "times uv's", budget=f"at most {limit:g} times uv's")
    for number, many in (("1 version", "one version"), (r"\d+ versions", "several versions")):
        values = judge.values("memory", f"{number},", (OURS,), lambda race, subject: max(race.values[subject]))
        judge.judge(f"install, {many}, peak memory", 100.0, values, "MB")


def _rest(judge: _Judge) -> None:
    values = judge.values(
        "venv",
        f"^{venvs.WITH_PIP}$",
        (OURS, "uv venv --seed"),
        lambda race, subject: race.ratio(subject, "uv venv --seed"),
    )
    judge.judge("venv with pip", 1.0, values, "times uv's", budget="at most `uv venv --seed`'s")
    values = judge.values(
        "venv", "", (OURS, "python -m venv"), lambda race, subject: race.ratio(subject, "python -m venv")
    )
    judge.judge("venv with pip", 0.05, values, "times `python -m venv`'s", budget="at most 1/20 of `python -m venv`'s")
    values = judge.values("disk", re.escape(venvs.DISK), (OURS,), lambda race, subject: race.median(subject))
    judge.judge("20 environments of one version", 2.0, values, "times the disk of one")
    for words in (("which", "program"), ("versions",), ("version",), ("--version",)):
        pattern = "|".join(f"^{re.escape(commands.case(words, size))}$" for size in commands.SIZES)
        values = judge.values("commands", pattern, (OURS, "pyenv"), lambda race, subject: race.ratio(subject, "pyenv"))
        judge.judge(f"`pyv {words[0]}`", 1.0, values, "times pyenv's", budget="at most pyenv's")
    values = judge.values("commands", "", (commands.THROUGH_SHIMS,), lambda race, subject: race.median(subject))
    judge.judge("`which`, `version`, `prefix` and `root` in the shims folder", 5.0, values, "ms")


def _growth(judge: _Judge) -> None:
    for what in (*growth.FLAT, "rehash", growth.FIRST_REHASH, "list"):
        races = judge.matching("growth", f"^{re.escape(what)}, by")
        values = [number for race in races if (number := race.exponent()) is not None]
        flat = what in growth.FLAT
        limit, budget = (0.2, "exponent under 0.2") if flat else (1.0, "exponent of at most 1")
        judge.judge(f"growth of {what}", limit, values, "", budget=budget)
