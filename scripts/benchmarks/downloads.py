"""Installing from a mirror on this machine: what there is to install, and how long it takes."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from scripts.benchmarks.bench import OURS
from scripts.benchmarks.process import Command, FailedError, output, peak, spend
from scripts.benchmarks.results import Race
from scripts.benchmarks.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.benchmarks.bench import Bench
    from scripts.benchmarks.world import World

LINE = 20_000_000
LOOPBACK, THROTTLED, CACHED = "from the loopback", "over a line of 20 MB/s", "from the cache"
FLOOR = "httpx and smoke runs alone"
_MOST = 6
_LOOKS = 0.5  # times the rounds
# The download through httpx, and then the new interpreter's first start, with what the pyv that is measured asks it in
# an install; several at a time. Nothing is unpacked, hashed or written.
_LEAST = """
import os, sys, threading
from pathlib import Path
from pyv.fetch.lean import import_httpx
import_httpx()
import httpx
from pyv import smoke
mirror, bytecode, *pairs = sys.argv[1:]
free = threading.Semaphore(4)
answered = []
def install(archive, prefix, folder):
    with free:
        if archive:
            with client.stream("GET", archive) as response:
                for _ in response.iter_raw():
                    pass
        os.mkdir(folder)
        answered.append(smoke.ask(Path(prefix), os.environ, Path(folder)))
with httpx.Client(verify=False, trust_env=False) as client:
    client.get(f"{mirror}/download-metadata.json").json()
    each = zip(pairs[::2], pairs[1::2], [f"{bytecode}/{number}" for number in range(len(pairs) // 2)])
    threads = [threading.Thread(target=install, args=arguments) for arguments in each]
    for thread in threads[1:]:
        thread.start()
    threads[0].run()
    for thread in threads[1:]:
        thread.join()
sys.exit(len(answered) != len(threads))
"""


class Mirror(NamedTuple):
    """A mirror: its folder, the versions in it, newest first, and the sizes and places of their archives."""

    folder: Path
    versions: tuple[str, ...]
    sizes: tuple[int, ...]
    archives: tuple[str, ...]


def case(mirror: Mirror, source: str, *, every: bool) -> str:
    """Return the name of the case of installing one or all of a mirror's versions."""
    number = len(mirror.versions) if every else 1
    return f"{number} version{'s' if number > 1 else ''}, {source}"


def measure(bench: Bench) -> None:
    """Measure installs beside uv's, each into a new store."""
    world = bench.world
    mirror = make_mirror(bench)
    if mirror is None:
        return
    uv = bench.peers.find("uv")
    costs = [world.file_cost()]
    for every in (False, True)[: 1 + (len(mirror.versions) > 1)]:
        wanted = mirror.versions if every else mirror.versions[:1]
        for source in (LOOPBACK, THROTTLED, CACHED):
            with Server(mirror.folder, LINE if source == THROTTLED else 0) as server:
                runs = _runs(world, uv, server.url, wanted, keep_cache=source == CACHED)
                archives = () if source == CACHED else mirror.archives[: len(wanted)]
                runs |= _floor(bench, server.url, archives, wanted)
                _race(bench, case(mirror, source, every=every), runs, times=0.6 if every else 1)
            # Only now: files that are made beside many that were just deleted cost more
            world.clear()
            costs.append(world.file_cost())
        bytes_ = sum(mirror.sizes[: len(wanted)])
        line = {"the line alone": [bytes_ / LINE * 1000]}
        bench.keep(Race("install", f"{case(mirror, THROTTLED, every=every)}: bytes over rate", "ms", line))
    # Where these differ much, the file system has slowed the installs, and their figures are not to be trusted
    bench.keep(Race("install", "a new small file, before and after each of them", "us", {"the file system": costs}))


def _race(bench: Bench, name: str, runs: dict[str, Callable[[], Command]], *, times: float) -> None:
    def run(who: str) -> float:
        return spend(runs[who]()).seconds * 1000

    def look(who: str) -> float:
        return peak(runs[who]())

    left = bench.race("install", name, {who: partial(run, who) for who in runs}, times=times)
    # In runs of their own, for to look takes time
    looks = {who: partial(look, who) for who in left}
    bench.race("memory", f"install, {name}", looks, unit="MB", times=_LOOKS)


def _runs(
    world: World, uv: str, url: str, versions: tuple[str, ...], *, keep_cache: bool
) -> dict[str, Callable[[], Command]]:
    def ours() -> Command:
        folder = world.fresh()
        cache = world.scratch / "archives-pyv" if keep_cache else folder / "cache"
        env = world.env(PYV_ROOT=folder / "store", PYV_CACHE_DIR=cache, PYV_MIRROR=url)
        return Command((world.pyv, "install", "-q", *versions), env, str(world.home))

    def uvs() -> Command:
        folder = world.fresh()
        env = world.env(
            UV_PYTHON_INSTALL_DIR=folder / "store",
            UV_CACHE_DIR=folder / "cache",
            UV_PYTHON_BIN_DIR=folder / "bin",
            UV_PYTHON_INSTALL_MIRROR=url,
            UV_PYTHON_DOWNLOADS_JSON_URL=f"{url}/download-metadata.json",
            UV_NO_CONFIG="1",
            # Its archives it keeps only on demand
            **({"UV_PYTHON_CACHE_DIR": world.scratch / "archives-uv"} if keep_cache else {}),
        )
        return Command((uv, "python", "install", "-q", "--no-bin", *versions), env, str(world.home))

    return {OURS: ours, **({"uv": uvs} if uv else {})}


def _floor(
    bench: Bench, url: str, archives: tuple[str, ...], versions: tuple[str, ...]
) -> dict[str, Callable[[], Command]]:
    """Return the downloads and the first starts alone, as a contender: where these take long, the rest cannot matter.

    It is no bound for other ways to do it, without httpx or with another question to the interpreter.
    """
    world = bench.world
    python = Path(world.pyv).resolve().parent / "python"
    if not python.exists():  # another pyv was given, and is no environment's
        return {}
    store = world.scratch / "floor"
    missing = [version for version in versions if not (store / "versions" / version).exists()]
    if missing:
        env = world.env(PYV_ROOT=store, PYV_CACHE_DIR=world.scratch / "floor-cache", PYV_MIRROR=url)
        try:
            output((world.pyv, "install", "-q", *missing), env, str(world.home))
        except FailedError as error:
            bench.skip(FLOOR, str(error))
            return {}
    words = []
    for number, version in enumerate(versions):
        words.append(f"{url}/{archives[number]}" if archives else "")
        words.append(str(store / "versions" / version))

    def least() -> Command:
        line = (str(python), "-I", "-c", _LEAST, url, str(world.fresh()), *words)
        return Command(line, world.env(), str(world.home))

    return {FLOOR: least}


def make_mirror(bench: Bench) -> Mirror | None:
    """Pack the CPythons of this machine into a mirror, once for all measures; None where none can be packed."""
    world = bench.world
    folder = world.scratch / "mirror"
    if not folder.exists():
        for prefix in _prefixes():
            try:
                env = world.env(PYV_ROOT=world.scratch / "none", PYV_CACHE_DIR=world.scratch / "cache")
                output((world.pyv, "pack", str(prefix), "-o", str(folder), "--tag", "20261101"), env, str(world.home))
            except FailedError as error:
                bench.skip(f"the CPython in {prefix}", str(error))
    metadata = folder / "download-metadata.json"
    if not metadata.exists():
        bench.skip("install", "no CPython of this machine can be packed into an archive to install")
        return None
    sizes, places = {}, {}
    for entry in json.loads(metadata.read_bytes()).values():
        archive = next(folder.rglob(Path(str(entry["url"])).name.replace("%2B", "+")))
        name = f"{entry['major']}.{entry['minor']}.{entry['patch']}"
        sizes[name], places[name] = archive.stat().st_size, quote(archive.relative_to(folder).as_posix())
    versions = sorted(sizes, key=lambda name: [int(part) for part in name.split(".")], reverse=True)[:_MOST]
    return Mirror(
        folder, tuple(versions), tuple(sizes[name] for name in versions), tuple(places[name] for name in versions)
    )


def _prefixes() -> list[Path]:
    """Return the CPythons to pack: pyenv's, newest first, else the one that runs this."""
    root = os.environ.get("PYENV_ROOT") or os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv")
    found = []
    for path in Path(root).glob("versions/3.*"):
        number = re.fullmatch(r"3\.(\d+)\.(\d+)", path.name)
        # Older than these pyv does not install
        if number and int(number[1]) >= 8 and not path.is_symlink() and _starts(path / "bin/python3"):
            found.append(((int(number[1]), int(number[2])), path))
    prefixes = [path for _, path in sorted(found, reverse=True)]
    return prefixes[:_MOST] or [Path(sys.base_prefix)]


def _starts(python: Path) -> bool:
    try:
        return subprocess.run([python, "-I", "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
