"""What a shim costs over the program itself, and that the number of versions, shims and folders does not matter."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from scripts.benchmarks.peers import direct
from scripts.benchmarks.process import Command, FailedError
from scripts.benchmarks.world import EXACT, PATH, SHORT

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.benchmarks.bench import Bench
    from scripts.benchmarks.world import Store

DIRECT, BARE = "no shim", "an sh that only execs"
PINS = "short and exact pin, 5 folders up"
DEPTHS = "by how many folders up the pin is"
COUNTS = "by installed versions and shims"
PEERS = "pyv and others"
_FAST = 60


def measure(bench: Bench) -> None:
    """Measure shims by turns with the program itself."""
    world = bench.world
    few, short, exact = world.store(10), world.project(SHORT), world.project(EXACT)
    depth_5 = world.deep(short, 5)
    floor = {DIRECT: direct(world, few.root / "versions", depth_5)}
    bare = {BARE: _bare(few)}
    pins = {
        "pyv, short pin": few.shim("program", cwd=depth_5),
        "pyv, exact pin": few.shim("program", cwd=world.deep(exact, 5)),
    }
    for name in ("dash", "bash", "busybox", "zsh"):
        shell = shutil.which(name, path=PATH)
        if shell is None:
            bench.skip(name, "it is not installed here")
            continue
        link = world.scratch / name / "sh"  # it goes by this name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(shell)
        try:
            pins[f"pyv, {name} as sh"] = world.store(10, shell=str(link)).shim("program", cwd=depth_5)
        except FailedError as error:
            bench.skip(f"{name} as sh", str(error))
    bench.time("shim", PINS, floor | bare | pins, times=_FAST, warm_ups=5, floor=DIRECT)

    depths = {f"{depth} up": few.shim("program", cwd=world.deep(short, depth)) for depth in (1, 5, 30)}
    bench.time("shim", DEPTHS, floor | bare | depths, times=_FAST, warm_ups=5, floor=DIRECT)

    counts = {f"{number} versions": world.store(number).shim("program", cwd=depth_5) for number in (1, 50, 200)}
    for number in (10, 2000):
        counts[f"{number} shims"] = world.store(1, number).shim("program", cwd=depth_5)
    bench.time("shim", COUNTS, floor | counts, times=_FAST, warm_ups=5, floor=DIRECT)
    _peers(bench, few, depth_5, world.deep(exact, 5))


def _peers(bench: Bench, store: Store, short: Path, exact: Path) -> None:
    world = bench.world
    commands = {
        DIRECT: direct(world, store.root / "versions", world.home),
        "pyv, short pin": store.shim("program", cwd=short),
        "pyv, exact pin": store.shim("program", cwd=exact),
    }
    pyenv = bench.peers.pyenv(10)
    if pyenv is not None:
        commands["pyenv, short pin"] = pyenv.shim(short)
        commands["pyenv, exact pin"] = pyenv.shim(exact)
    mise = bench.peers.mise()
    if mise is not None:
        commands["mise, exact pin"] = mise
    bench.time("shim", PEERS, commands, times=4, warm_ups=2, floor=DIRECT)


def _bare(store: Store) -> Command:
    """Return what no dispatcher in the language of the shell can be faster than."""
    script = store.world.scratch / "bare"
    script.write_text(f"#!/bin/sh\nexec '{store.root}/versions/{EXACT}/bin/program' \"$@\"\n")
    script.chmod(0o755)
    return Command((str(script),), {"PATH": PATH, "HOME": str(store.world.home)}, str(store.world.home))
