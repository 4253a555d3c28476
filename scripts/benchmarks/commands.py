"""How long the commands take that only tell something, with few and with many versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.benchmarks.bench import OURS
from scripts.benchmarks.process import Command
from scripts.benchmarks.world import EXACT, SHORT

if TYPE_CHECKING:
    from scripts.benchmarks.bench import Bench

THROUGH_SHIMS = "pyv in the shims folder"
MANY = 100
SIZES = (10, MANY)
_OF_ENVIRONMENTS = ("virtualenv-prefix",)
_OUTDATED = ("outdated", "--offline")
# Without a prompt, the network, and any change
EVERY: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("version",),
    ("version-name",),
    ("version-file",),
    ("version-origin",),
    ("versions",),
    ("which", "program"),
    ("whence", "program"),
    ("prefix",),
    ("prefix", EXACT),
    ("root",),
    ("latest", SHORT),
    ("shims",),
    ("commands",),
    ("help",),
    ("completions", "install"),
    ("venvs",),
    ("virtualenvs",),
    _OF_ENVIRONMENTS,
    ("local",),
    ("global",),
    ("list", "--offline"),
    _OUTDATED,
    ("index", "--offline"),
    ("cache",),
    ("cache", "dir"),
    ("verify",),  # of fakes, which have no manifest: what there is to read, the disk decides
    ("doctor",),
)
# Those that change nothing by themselves either, and why they are not among them
LEFT_OUT = {
    "init": "what it prints belongs into rc files, whose cost is the measure `start`",
    "shell": "without words it repeats a variable; its function in the shell sets it without pyv's help",
    "exec": "it becomes what it runs; what finds that is measured as `which`, and the same in sh as `shim`",
    "activate": "it is a function of the shell, and pyv itself only says so",
    "deactivate": "the same",
}
_OF_PYENV = {"--version", "version", "version-name", "version-file", "version-origin", "versions", "which", "whence"}
_OF_PYENV |= {"prefix", "root", "latest", "shims", "commands", "local", "global"}
_OF_SHIMS = {"version", "version-name", "which", "prefix", "root"}
# The nearest that uv has; it looks for interpreters, and finds those that can be started
_OF_UV = {"version": ("python", "find"), "versions": ("python", "list", "--only-installed")}


def case(words: tuple[str, ...], versions: int) -> str:
    """Return the name of the case of a command."""
    return f"{' '.join(words)}, {versions} versions"


def measure(bench: Bench) -> None:
    """Measure each command, with pyenv's where it has it."""
    uv = bench.peers.find("uv")
    for size in SIZES:
        store = bench.world.store(size)
        pyenv = bench.peers.pyenv(size)
        project, with_environment = bench.world.project(SHORT), store.project()
        for words in EVERY:
            ours = store.command(*words, cwd=with_environment if words == _OF_ENVIRONMENTS else project)
            commands = {OURS: ours._replace(status=1) if words == _OUTDATED else ours}  # 1: something is
            if pyenv is not None and words[0] in _OF_PYENV:
                commands["pyenv"] = pyenv.command(*words, cwd=project)
            if uv and words[0] in _OF_UV:
                commands["uv"] = _uv(bench, uv, _OF_UV[words[0]])
            bench.time("commands", case(words, size), commands, times=2)
            if words[0] in _OF_SHIMS and len(words) == 1 + (words[0] == "which"):
                through = {THROUGH_SHIMS: store.shim("pyv", *words, cwd=project)}
                bench.time("commands", f"{case(words, size)}, {THROUGH_SHIMS}", through, times=10)


def _uv(bench: Bench, uv: str, words: tuple[str, ...]) -> Command:
    """Return a command of uv with a store of its own, which is empty: it tells of what PATH has."""
    folders = {
        "UV_PYTHON_INSTALL_DIR": bench.world.scratch / "uv-none",
        "UV_CACHE_DIR": bench.world.scratch / "uv-cache",
    }
    env = bench.world.env(UV_NO_CONFIG="1", UV_OFFLINE="1", **folders)
    return Command((uv, *words, *(("--no-project",) if words[1] == "find" else ())), env, str(bench.world.home))
