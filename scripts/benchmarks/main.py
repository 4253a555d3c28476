"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmarks import commands, counts, downloads, growth, report, shells, shim, venvs
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.process import FailedError
from scripts.benchmarks.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURES = {
    "shim": shim.measure,
    "counts": counts.measure,
    "prompt": shells.measure_prompts,
    "start": shells.measure_start,
    "commands": commands.measure,
    "growth": growth.measure,
    "install": downloads.measure,
    "venv": venvs.measure,
}
_ABOUT = """\
Measures pyv side by side with pyenv, uv, virtualenv, venv and mise, as far as they are here; uv and virtualenv are
installed into a scratch folder. Times and memory come from runs by turns, pyv, peer, pyv, peer, after a warm-up; what
is the same each time, counts and the disk, from one run.

measures:
  shim      a shim over the program itself: pins, depth, versions, shims, every sh
  counts    processes and system calls of shims and hooks, with strace
  prompt    the hook at a prompt and when the folder changes, in bash, zsh and fish
  start     the start of an interactive shell
  commands  each command that only tells something, with 10 and 100 versions
  growth    exponents over 1 to 200 versions and 10 to 2,000 shims
  install   from a mirror on this machine, cold, cached, and over a line of 20 MB/s; time and peak memory
  venv      an environment with pip, and the disk of twenty

examples:
  scripts/bench                                     all of them
  scripts/bench shim venv                           two of them
  scripts/bench --json out.json --markdown out.md   into files
  scripts/bench --fill docs/performance.md          between the markers of that page
  scripts/bench --rounds 1 --pyv "$(command -v pyv)" shim
"""


def main(arguments: Sequence[str]) -> int:
    """Measure, and write the results; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help="which; all of them without one")
    parser.add_argument("--rounds", type=int, default=5, help="how often what is slow is measured (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there; - for standard output")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, not on standard output")
    parser.add_argument("--fill", type=Path, metavar="PAGE", help="put the tables between the markers of a page")
    parser.add_argument("--pyv", default="", metavar="COMMAND", help="measure this pyv, not that of the checkout")
    parser.add_argument("--scratch", type=Path, metavar="FOLDER", help="work there, and keep it: peers, archives")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.measures) - set(MEASURES))
    if unknown or options.rounds < 1:
        parser.error(f"no such measure: {unknown[0]}" if unknown else "there is nothing without a round")
    for name in ("json", "markdown", "fill"):  # what is measured is run elsewhere
        path = getattr(options, name)
        if path and (name, str(path)) != ("json", "-"):
            setattr(options, name, path.absolute())
            if problem := _problem(path.absolute(), fill=name == "fill"):
                parser.error(f"--{name}: {problem}")
    kept = options.scratch is not None
    scratch = options.scratch.absolute() if kept else Path(tempfile.mkdtemp(prefix="pyv-bench-"))
    try:
        return _run(options, World(scratch, shutil.which(options.pyv) or options.pyv))
    except FailedError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not kept:
            shutil.rmtree(scratch, ignore_errors=True)


def _problem(path: Path, *, fill: bool) -> str:
    """Return what keeps results from being written somewhere, as it is better known before than after measuring."""
    if fill:
        try:
            report.fill(path.read_text(), "")
        except (OSError, ValueError) as error:
            return str(error) if str(path) in str(error) else f"{path}: {error}"
    if path.is_dir():
        return f"{path} is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return f"{path} cannot be written"
    return ""


def _run(options: argparse.Namespace, world: World) -> int:
    started = time.monotonic()
    world.install_pyv()
    bench = Bench(world, options.rounds)
    for name, measure in MEASURES.items():
        if not options.measures or name in options.measures:
            try:
                measure(bench)
            except (FailedError, OSError) as error:
                bench.skip(name, str(error))  # with what it had already found
    tables = report.markdown(bench)
    _write(options, json.dumps(report.document(bench), indent=1) + "\n", tables)
    print(f"bench: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def _write(options: argparse.Namespace, document: str, tables: str) -> None:
    if options.json and str(options.json) == "-":
        print(document, end="")
    elif options.json:
        options.json.write_text(document)
    if options.markdown:
        options.markdown.write_text(tables)
    elif not options.json and not options.fill:
        print(tables, end="")
    if options.fill:
        options.fill.write_text(report.fill(options.fill.read_text(), tables))
