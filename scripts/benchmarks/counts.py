"""What needs no clock: processes and system calls of a shim, of a prompt and of the start of a shell."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.benchmarks.bench import OURS
from scripts.benchmarks.peers import direct
from scripts.benchmarks.process import Command, FailedError, spend
from scripts.benchmarks.results import Race
from scripts.benchmarks.shells import CHANGED, NONE, UNCHANGED, found, hooks_of, interactive, places, stepping
from scripts.benchmarks.world import PATH, SHORT

if TYPE_CHECKING:
    from scripts.benchmarks.bench import Bench

# Each call has its flags on one line, even if it is noted in two; threads are no processes
_STARTED = re.compile(r"\b(?:fork|vfork)\(|\bclone3?\(.*\bflags=(?!\S*CLONE_THREAD)")
_CALL = re.compile(r"\d+ +\w+\(")
PROCESSES, CALLS = "processes started", "system calls"
_STEPS, _STEPS_OF_OTHERS = 10, 2


def measure(bench: Bench) -> None:
    """Count with strace, where it is and may trace."""
    strace = shutil.which("strace", path=PATH)
    if strace is None:
        bench.skip("strace", "it is not installed here")
        return
    try:
        count(bench, strace, Command((shutil.which("true", path=PATH) or "/bin/true",), bench.world.env(), "/"))
    except FailedError as error:
        bench.skip("strace", f"it may not trace here: {error}")
        return
    _shims(bench, strace)
    for shell in found(bench):
        _hooks(bench, strace, shell)


def count(bench: Bench, strace: str, command: Command) -> tuple[int, int]:
    """Return how many processes a command starts, and how many system calls it and they make."""
    with tempfile.TemporaryDirectory(dir=bench.world.scratch) as folder:
        trace = Path(folder, "trace")
        spend(Command((strace, "-f", "-qq", "-e", "signal=none", "-o", str(trace), *command.words), *command[1:]))
        started = calls = 0
        # Line by line: what this process needs itself is counted as memory of those that it starts
        with trace.open(errors="replace") as lines:
            for line in lines:
                started += bool(_STARTED.search(line))
                calls += bool(_CALL.match(line))
    return started, calls


def _shims(bench: Bench, strace: str) -> None:
    world = bench.world
    store, top = world.store(10), world.project(SHORT)
    project = world.deep(top, 5)
    commands = {"no shim": direct(world, store.root / "versions", project), OURS: store.shim("program", cwd=project)}
    pyenv = bench.peers.pyenv(10)
    if pyenv is not None:
        commands["pyenv"] = pyenv.shim(project)
    mise = bench.peers.mise(5)
    if mise is not None:
        commands["mise, exact pin"] = mise
    case = "shim, short pin, 5 folders up"
    counted = _counted(bench, strace, case, commands)
    for number, unit in enumerate((PROCESSES, CALLS)):
        bench.keep(Race("counts", case, unit, {name: [float(each[number])] for name, each in counted.items()}))


def _counted(bench: Bench, strace: str, case: str, commands: dict[str, Command]) -> dict[str, tuple[int, int]]:
    """Return what each of some commands counts, without those that fail."""
    counted = {}
    for name, command in commands.items():
        try:
            counted[name] = count(bench, strace, command)
        except FailedError as error:
            bench.skip(f"{name} (counts, {case})", str(error))
    return counted


def _hooks(bench: Bench, strace: str, shell: str) -> None:
    folders = places(bench, shell)
    if folders is None:
        return
    store, project, other = folders
    hooks = hooks_of(bench, shell, store)
    if shell != "bash":  # those of others start so many that tracing them takes minutes
        hooks = {who: hook for who, hook in hooks.items() if who in (NONE, OURS)}
    case = f"{shell}, start"
    commands = {who: interactive(shell, hook, "exit", project) for who, hook in hooks.items()}
    starts = {who: started for who, (started, _) in _counted(bench, strace, case, commands).items()}
    if NONE in starts:
        over = {who: [float(each - starts[NONE])] for who, each in starts.items() if who != NONE}
        bench.keep(Race("counts", case, PROCESSES, over))
    for what, body in ((UNCHANGED, ""), (CHANGED, f"cd '{other}'\n{{prompt}}\ncd '{project}'")):
        case, values = f"{shell}, {what}", {}
        for who, hook in hooks.items():
            steps = _STEPS if who in (NONE, OURS) else _STEPS_OF_OTHERS
            runs = [{who: stepping(shell, hook, body, project, number)} for number in (steps, 0)]
            some, none = (_counted(bench, strace, case, run) for run in runs)
            if some and none:
                values[who] = [(some[who][0] - none[who][0]) / steps / (1 + body.count("{prompt}"))]
        bench.keep(Race("counts", case, PROCESSES, values))
