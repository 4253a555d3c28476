"""Making environments with pip: how long it takes, and how much of the disk twenty of them need."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scripts.benchmarks.bench import OURS
from scripts.benchmarks.downloads import make_mirror
from scripts.benchmarks.process import Command, FailedError, output, spend
from scripts.benchmarks.results import Race
from scripts.benchmarks.world import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripts.benchmarks.bench import Bench

MANY = 20
WITH_PIP = "one with pip"
SLOW = "one with pip, python -m venv too"
DISK = f"{MANY} of one version, in the disk of the first"
_BLOCK = 512


def measure(bench: Bench) -> None:
    """Measure what makes an environment with pip in it, and then what twenty take."""
    tools = _tools(bench)
    if tools is None:
        return
    quick = {name: tool for name, tool in tools.items() if name != "python -m venv"}
    bench.race("venv", WITH_PIP, {name: _maker(bench, tool) for name, tool in quick.items()}, times=3, warm_ups=2)
    # It takes seconds, and would make the others wait
    bench.race("venv", SLOW, {name: _maker(bench, tools[name]) for name in (OURS, "python -m venv")}, times=0.6)
    measure_disk(bench, quick)
    bench.world.clear()


def measure_disk(bench: Bench, tools: dict[str, Callable[[Path], Command]]) -> None:
    """Measure how many times the disk of the first environment twenty take."""
    for name, tool in tools.items():
        folder = bench.world.fresh()
        seen: set[tuple[int, int]] = set()
        try:
            blocks = []
            for number in range(MANY):
                venv = folder / str(number) / ".venv"
                venv.parent.mkdir()
                spend(tool(venv))
                blocks.append(_new_blocks(venv, seen))
        except FailedError as error:
            bench.skip(f"{name} (disk)", str(error))
            continue
        bench.keep(Race("disk", DISK, "times", {name: [sum(blocks) / blocks[0]]}))
        bench.keep(Race("disk", f"{MANY} of one version", "MB", {name: [sum(blocks) * _BLOCK / 1e6]}))


def _tools(bench: Bench) -> dict[str, Callable[[Path], Command]] | None:
    """Return what makes environments: commands by the folder. None where there is no interpreter to make them of."""
    world = bench.world
    mirror = make_mirror(bench)
    if mirror is None:
        return None
    version = mirror.versions[0]
    store = Store(world, world.scratch / "venv-store")
    try:
        env = store.env(PYV_MIRROR=mirror.folder)
        output((world.pyv, "install", "-q", version), env, str(world.home))
    except FailedError as error:
        bench.skip("venv", str(error))
        return None
    minor = version.rpartition(".")[0]
    python = str(store.root / "versions" / version / "bin" / f"python{minor}")
    tools: dict[str, Callable[[Path], Command]] = {
        OURS: lambda venv: store.command("venv", "-q", "-p", minor, str(venv), cwd=venv.parent),
        "python -m venv": lambda venv: Command((python, "-m", "venv", str(venv)), world.env(), str(world.home)),
    }
    uv, virtualenv = bench.peers.find("uv"), bench.peers.find("virtualenv")
    if uv:
        # Behind an index with a certificate of its own it has to be told to look at the system's
        told: dict[str, str | Path] = {
            "UV_NO_CONFIG": "1",
            "UV_SYSTEM_CERTS": "1",
            "UV_CACHE_DIR": world.scratch / "uv-seeds",
        }
        seeding = (uv, "venv", "-q", "--seed", "-p", python)
        tools["uv venv --seed"] = lambda venv: Command((*seeding, str(venv)), world.env(**told), str(world.home))
    if virtualenv:
        words = (virtualenv, "-q", "--no-periodic-update", "-p", python)
        tools["virtualenv"] = lambda venv: Command((*words, str(venv)), world.env(), str(world.home))
    return tools


def _maker(bench: Bench, tool: Callable[[Path], Command]) -> Callable[[], float]:
    def run() -> float:
        return spend(tool(bench.world.fresh() / ".venv")).seconds * 1000

    return run


def _new_blocks(folder: Path, seen: set[tuple[int, int]]) -> int:
    """Return how many blocks a folder takes, but for files that were counted before under another name."""
    blocks = 0
    for parent, folders, files in os.walk(folder):
        for name in (*files, *folders, "."):
            status = os.lstat(os.path.join(parent, name))
            if (key := (status.st_dev, status.st_ino)) not in seen:
                seen.add(key)
                blocks += status.st_blocks
    return blocks
