"""What was measured, and the arithmetic on it."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Race(NamedTuple):
    """Several subjects measured by turns, so that what the machine does meanwhile hits all of them alike.

    Attributes:
        measure: the name of the measure, as on the command line.
        case: what they had to do.
        unit: of the values.
        values: those of each subject, in the order of the rounds.
        floor: the subject that does nothing but what all of them do besides; empty if there is none.
        sizes: how much there was for each subject, in races that show growth.
    """

    measure: str
    case: str
    unit: str
    values: Mapping[str, Sequence[float]]
    floor: str = ""
    sizes: Mapping[str, int] = {}

    def median(self, subject: str) -> float:
        """Return the median of a subject."""
        return statistics.median(self.values[subject])

    def over(self, subject: str) -> float:
        """Return the median, over the rounds, of what a subject took more than the floor."""
        pairs = zip(self.values[subject], self.values[self.floor], strict=True)
        return statistics.median(one - other for one, other in pairs)

    def ratio(self, subject: str, to: str) -> float:
        """Return the median, over the rounds, of how many times as much a subject took as another one."""
        pairs = zip(self.values[subject], self.values[to], strict=True)
        return statistics.median(one / other for one, other in pairs)

    def first(self) -> str:
        """Return the subject that the others are compared with; empty where there is a floor, or it took nothing."""
        subject = next(iter(self.values))
        return subject if not self.floor and all(self.values[subject]) else ""

    def exponent(self) -> float | None:
        """Return the growth: the slope of the logarithms of time over size. None where the sizes are not all there.

        0 is flat, 1 is linear. Where there is a floor, it is that of the time above it.
        """
        points = []
        for subject, size in self.sizes.items():
            value = self.over(subject) if self.floor else self.median(subject)
            if value > 0:
                points.append((math.log(size), math.log(value)))
        if len(points) < 3:
            return None
        return statistics.linear_regression(*zip(*points, strict=True)).slope

    def describe(self) -> dict[str, object]:
        """Return all of it for JSON."""
        subjects = {}
        for subject, values in self.values.items():
            low, high = spread(values)
            numbers = {"median": self.median(subject), "min": min(values), "q1": low, "q3": high, "max": max(values)}
            if self.floor and subject != self.floor:
                numbers["over_floor"] = self.over(subject)
                numbers["over_floor_min"] = min(values) - min(self.values[self.floor])
            elif (first := self.first()) and subject != first:
                numbers["ratio_to_first"] = self.ratio(subject, first)
            if subject in self.sizes:
                numbers["size"] = self.sizes[subject]
            subjects[subject] = {
                "rounds": len(values),
                **{name: _short(number) for name, number in numbers.items()},
                "values": [_short(value) for value in values],  # of each round, in their order
            }
        growth = self.exponent() if self.sizes else None
        return {
            "measure": self.measure,
            "case": self.case,
            "unit": self.unit,
            "floor": self.floor or None,
            "first": self.first() or None,
            "exponent": None if growth is None else _short(growth),
            "subjects": subjects,
        }


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the quartiles; half of the values lie between them."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


def turns(
    contenders: Mapping[str, Callable[[], float]],
    rounds: int,
    *,
    warm_ups: int,
    failed: Callable[[str, Exception], None],
    failures: tuple[type[Exception], ...],
) -> dict[str, list[float]]:
    """Run contenders by turns, A B A B, and return the values of those that succeeded each time.

    Args:
        contenders: what to run; each returns its value.
        rounds: how many values are kept of each.
        warm_ups: how many rounds go before, and are forgotten.
        failed: is told the name of one that failed, which then takes part no more.
        failures: the errors that mean so.
    """
    values: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(-warm_ups, rounds):
        for name in list(values):
            try:
                value = contenders[name]()
            except failures as error:
                failed(name, error)
                del values[name]
                continue
            if turn >= 0:
                values[name].append(value)
    return values


def _short(number: float) -> float:
    return float(f"{number:.5g}")
