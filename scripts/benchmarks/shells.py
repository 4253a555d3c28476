"""What the hooks cost: when a shell starts, at each prompt, and when the folder changes."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.benchmarks.bench import OURS
from scripts.benchmarks.process import Command, FailedError, output, spend
from scripts.benchmarks.world import PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scripts.benchmarks.bench import Bench
    from scripts.benchmarks.world import Store, World

NONE = "no hook"
UNCHANGED, CHANGED = "prompt, folder unchanged", "cd and prompt"
_STEPS = {NONE: 300, OURS: 300}
_STEPS_OF_OTHERS = 3
_FAST = 3


class Hook(NamedTuple):
    """What somebody's rc file holds, and the environment that it needs."""

    rc: str
    env: Mapping[str, str]


class Shell(NamedTuple):
    """How a shell is asked for something.

    Attributes:
        words: an interactive shell without the files of the system, before the text that it runs; `{rc}` is its folder.
        rc: the name of its rc file.
        prompt: what a prompt runs.
        loop: `{steps}` times `{body}`.
    """

    words: tuple[str, ...]
    rc: str
    prompt: str
    loop: str


SHELLS = {
    "bash": Shell(
        ("bash", "--noprofile", "--rcfile", "{rc}/bashrc", "-i", "-c"),
        "bashrc",
        'for each in "${PROMPT_COMMAND[@]}"; do eval "$each"; done',
        "step={steps}\nwhile ((step-- > 0)); do\n{body}\ndone",
    ),
    "zsh": Shell(
        ("zsh", "-o", "no_global_rcs", "-i", "-c"),
        ".zshrc",
        "for each in $precmd_functions; do $each; done",
        "step={steps}\nwhile ((step-- > 0)); do\n{body}\ndone",
    ),
    "fish": Shell(
        ("fish", "-i", "-c"),
        "fish/config.fish",
        "emit fish_prompt",
        "set step {steps}\nwhile test $step -gt 0\nset step (math $step - 1)\n{body}\nend",
    ),
}


def measure_prompts(bench: Bench) -> None:
    """Measure the hook of each shell in a loop within one shell, less a loop without steps."""
    for name in found(bench):
        folders = places(bench, name)
        if folders is None:
            continue
        store, project, other = folders
        hooks = hooks_of(bench, name, store)
        for case, body in ((UNCHANGED, ""), (CHANGED, f"cd '{other}'\n{{prompt}}\ncd '{project}'")):
            contenders = {
                who: _step(name, hook, body, project, _STEPS.get(who, _STEPS_OF_OTHERS)) for who, hook in hooks.items()
            }
            bench.race("prompt", f"{name}, {case}", contenders, times=1, floor=NONE)


def measure_start(bench: Bench) -> None:
    """Measure how long an interactive shell takes that ends at once."""
    for name in found(bench):
        store = bench.world.store(10)
        commands = {
            who: interactive(name, hook, "exit", bench.world.home) for who, hook in hooks_of(bench, name, store).items()
        }
        bench.time("start", name, commands, times=_FAST, floor=NONE)


def found(bench: Bench) -> list[str]:
    """Return the shells that are here."""
    here = [name for name in SHELLS if shutil.which(name, path=PATH)]
    for name in set(SHELLS) - set(here):
        bench.skip(name, "it is not installed here")
    return here


def places(bench: Bench, shell: str) -> tuple[Store, Path, Path] | None:
    """Return a store with the hook of a shell, a project with a known environment, and a folder beside it."""
    try:
        store = bench.world.store(10)
        store.pyv("init", shell)
        project = store.project()
    except FailedError as error:
        bench.skip(f"the hooks of {shell}", str(error))
        return None
    return store, project, bench.world.deep(bench.world.fresh(), 3)


def hooks_of(bench: Bench, shell: str, store: Store) -> dict[str, Hook]:
    """Return the hooks that there are for a shell: none at all, ours, pyenv's with its environments, and mise's."""
    world = bench.world
    hooks = {NONE: no_hook(world)}
    try:
        hooks[OURS] = own_hook(shell, store)
    except FailedError as error:
        bench.skip(f"pyv's hook of {shell}", str(error))
    pyenv = bench.peers.pyenv(10)
    if pyenv is not None:
        lines = [_evaluated(shell, f"{pyenv.path} init - {shell}")]
        try:
            output((pyenv.path, "virtualenv-init", "-"), pyenv.env, "/")
            lines.append(_evaluated(shell, f"{pyenv.path} virtualenv-init - {shell}"))
        except FailedError:
            bench.skip("pyenv-virtualenv", "it is not installed here")
        hooks["pyenv"] = Hook("\n".join(lines), pyenv.env)
    mise = bench.peers.find("mise")
    if mise:
        hooks["mise"] = Hook(_evaluated(shell, f"{mise} activate {shell}"), world.env())
    return hooks


def no_hook(world: World) -> Hook:
    """Return what a shell costs without any."""
    return Hook("", world.env())


def own_hook(shell: str, store: Store) -> Hook:
    """Return pyv's hook.

    Raises:
        FailedError: pyv cannot make it.
    """
    return Hook(store.pyv("init", shell), store.world.env())


def interactive(shell: str, hook: Hook, text: str, cwd: Path) -> Command:
    """Return an interactive shell that reads an rc file with a hook, and runs a text."""
    how = SHELLS[shell]
    folder = Path(tempfile.mkdtemp(prefix=f"rc-{shell}-", dir=hook.env["HOME"]))
    file = folder / how.rc
    file.parent.mkdir(parents=True, exist_ok=True)
    # The usual prompt of fish looks for repositories, which is not ours
    own = "function fish_prompt; end\n" if shell == "fish" else ""
    file.write_text(f"{own}{hook.rc}\n")
    (Path(hook.env["HOME"]) / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
    program = shutil.which(how.words[0], path=PATH) or how.words[0]
    words = (program, *(word.format(rc=folder) for word in how.words[1:]), text)
    return Command(words, {**hook.env, "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": str(folder)}, os.fspath(cwd))


def stepping(shell: str, hook: Hook, body: str, project: Path, steps: int) -> Command:
    """Return a shell that makes so many steps, each a body and a prompt, in a project."""
    how = SHELLS[shell]
    body = body.replace("{prompt}", how.prompt)
    loop = how.loop.replace("{steps}", str(steps)).replace("{body}", f"{body}\n{how.prompt}")
    return interactive(shell, hook, f"{how.prompt}\n{loop}\nexit 0", project)


def _step(shell: str, hook: Hook, body: str, project: Path, steps: int) -> Callable[[], float]:
    """Return a function that tells how many milliseconds one prompt takes, with what goes before it."""
    some, none = (stepping(shell, hook, body, project, number) for number in (steps, 0))
    prompts = steps * (1 + body.count("{prompt}"))

    def run() -> float:
        return (spend(some).seconds - spend(none).seconds) / prompts * 1000

    return run


def _evaluated(shell: str, command: str) -> str:
    return f"{command} | source" if shell == "fish" else f'eval "$({command})"'
