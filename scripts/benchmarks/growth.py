"""How what one does often grows with the number of versions and shims: the exponent, 0 flat, 1 linear."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from scripts.benchmarks.peers import direct
from scripts.benchmarks.process import spend
from scripts.benchmarks.shells import NONE, no_hook, own_hook, stepping
from scripts.benchmarks.shim import DIRECT
from scripts.benchmarks.world import PATH, SHORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.benchmarks.bench import Bench
    from scripts.benchmarks.process import Command
    from scripts.benchmarks.world import Store

VERSIONS, SHIMS = (1, 10, 50, 200), (10, 100, 500, 2000)
FLAT = ("shim", "which", "which, by the shim", "version", "versions", "cd hook")
FIRST_REHASH = "rehash into an empty folder"
_OFTEN = 20
_STEPS = 100


def case(what: str, of: str) -> str:
    """Return the name of a case: what grows, with the number of what."""
    return f"{what}, by the number of {of}"


def measure(bench: Bench) -> None:
    """Measure the same with more and more."""
    world = bench.world
    project = world.project(SHORT)
    by_versions = {number: world.store(number) for number in VERSIONS}
    by_shims = {number: world.store(1, number) for number in SHIMS}
    for of, stores in (("versions", by_versions), ("shims", by_shims)):
        floor = {DIRECT: direct(world, stores[10].root / "versions", project)}
        calls = {number: store.shim("program", cwd=project) for number, store in stores.items()}
        _time(bench, "shim", of, calls, times=_OFTEN, floor=floor)
        calls = {number: store.command("rehash", cwd=project) for number, store in stores.items()}
        _time(bench, "rehash", of, calls)
        _first_rehash(bench, of, stores)
    questions = {
        "which": ("which", "program"),
        "version": ("version",),
        "versions": ("versions",),
        "list": ("list", "--offline"),
    }
    for what, words in questions.items():
        _time(bench, what, "versions", {n: store.command(*words, cwd=project) for n, store in by_versions.items()})
    asked = {n: store.shim("pyv", "which", "program", cwd=project) for n, store in by_versions.items()}
    _time(bench, "which, by the shim", "versions", asked, times=_OFTEN)
    if shutil.which("bash", path=PATH):
        _hook(bench, by_versions)


def _time(
    bench: Bench,
    what: str,
    of: str,
    calls: dict[int, Command],
    *,
    times: float = 2,
    floor: dict[str, Command] | None = None,
) -> None:
    sizes = {f"{number} {of}": number for number in calls}
    commands = {**(floor or {}), **{f"{number} {of}": call for number, call in calls.items()}}
    bench.time(
        "growth", case(what, of), commands, times=times, warm_ups=2, floor=next(iter(floor or {}), ""), sizes=sizes
    )


def _first_rehash(bench: Bench, of: str, stores: dict[int, Store]) -> None:
    """Measure the rehash that has each shim to make, for a later one has next to nothing to do."""

    def run(store: Store) -> float:
        shutil.rmtree(store.root / "shims")
        return spend(store.command("rehash")).seconds * 1000

    sizes = {f"{number} {of}": number for number in stores}
    contenders = {f"{number} {of}": partial(run, store) for number, store in stores.items()}
    bench.race("growth", case(FIRST_REHASH, of), contenders, sizes=sizes)


def _hook(bench: Bench, stores: dict[int, Store]) -> None:
    """Measure the hook of bash when the folder changes, between two projects with pins."""
    world = bench.world
    one, other = world.project(SHORT), world.project(SHORT)
    body = f"cd '{other}'\n{{prompt}}\ncd '{one}'"

    def step(store: Store | None) -> Callable[[], float]:
        hook = own_hook("bash", store) if store else no_hook(world)
        some, none = (stepping("bash", hook, body, one, steps) for steps in (_STEPS, 0))
        return lambda: (spend(some).seconds - spend(none).seconds) / _STEPS / 2 * 1000

    contenders = {NONE: step(None), **{f"{number} versions": step(store) for number, store in stores.items()}}
    sizes = {f"{number} versions": number for number in stores}
    bench.race("growth", case("cd hook", "versions"), contenders, times=1, floor=NONE, sizes=sizes)
