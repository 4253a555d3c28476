"""What every measure is given: the world, the peers, and races whose results are kept."""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING

from scripts.benchmarks.peers import Peers
from scripts.benchmarks.process import Command, FailedError, spend
from scripts.benchmarks.results import Race, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from scripts.benchmarks.world import World

OURS = "pyv"


class Bench:
    """One run of the benchmarks.

    Args:
        world: where it is measured.
        rounds: how often what takes long is measured; what is short, some times as often.
    """

    def __init__(self, world: World, rounds: int) -> None:
        self.world = world
        self.rounds = rounds
        self.races: list[Race] = []
        self.skipped: dict[str, str] = {}
        self.peers = Peers(world, self.skip)

    def skip(self, name: str, reason: str) -> None:
        """Note that something is not measured."""
        if name not in self.skipped:
            self.skipped[name] = reason
            print(f"bench: without {name}: {reason}", file=sys.stderr)

    def race(
        self,
        measure: str,
        case: str,
        contenders: Mapping[str, Callable[[], float]],
        *,
        unit: str = "ms",
        times: float = 1,
        warm_ups: int = 1,
        floor: str = "",
        sizes: Mapping[str, int] | None = None,
    ) -> Collection[str]:
        """Run contenders by turns, keep the result, and return the names of those that never failed.

        Args:
            measure: its name.
            case: what they do.
            contenders: by name; each returns one value.
            unit: of the values.
            times: how many times the usual number of rounds.
            warm_ups: how many rounds go before.
            floor: which of them does what all others do besides.
            sizes: how much there is for each, where growth is to be seen.
        """
        rounds = max(round(self.rounds * times), 1)
        started = time.perf_counter()
        gc.disable()
        values = turns(
            contenders,
            rounds,
            warm_ups=warm_ups,
            failed=lambda name, error: self.skip(f"{name} ({measure}, {case})", str(error)),
            failures=(FailedError, OSError),
        )
        gc.enable()
        self.keep(Race(measure, case, unit, values, floor if floor in values else "", sizes or {}))
        print(f"bench: {measure}, {case}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        return values.keys()

    def keep(self, race: Race) -> None:
        """Keep the result of what was measured otherwise."""
        if race.values:
            self.races.append(race)

    def time(
        self,
        measure: str,
        case: str,
        commands: Mapping[str, Command],
        *,
        times: float = 1,
        warm_ups: int = 1,
        floor: str = "",
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        """Time commands by turns, in milliseconds; the arguments are those of `race`."""
        contenders = {name: milliseconds(command) for name, command in commands.items()}
        self.race(measure, case, contenders, times=times, warm_ups=warm_ups, floor=floor, sizes=sizes)


def milliseconds(command: Command) -> Callable[[], float]:
    """Return a function that runs a command and tells how long it took."""
    return lambda: spend(command).seconds * 1000
