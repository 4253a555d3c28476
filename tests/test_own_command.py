"""The `pyv` in the shims folder: what it answers by itself is what the real one prints, word for word."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyv.cli import run
from tests.support.cases import CASES, Case
from tests.support.stores import program
from tests.test_selection import ASKED, World, environment, ids, place_shims, project, shells, world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["project", "shells", "world"]  # the fixtures of the table

_ALL = ("version", "version-name", "prefix", "which")
# What must be answered without starting Python, and which of the questions; the rest may be handed over
_ANSWERED = {
    **dict.fromkeys(("a minor version", "colons", "two lines: the second has it", "a comment after it"), _ALL),
    **dict.fromkeys(("python-3.12", "below the pin", "the global pin", "the variable goes before the file"), _ALL),
    **dict.fromkeys(("the project's environment", "with its pin", "a named environment"), _ALL),
    **dict.fromkeys(("nothing is pinned", "system"), ("version", "version-name", "which")),
    **dict.fromkeys(("pythonX.Y of another version", "what it lacks its interpreter has"), _ALL),
    **dict.fromkeys(("another command goes to PATH", "what both lack is on PATH"), _ALL),
    "nothing pinned: pythonX.Y is the store's": ("version", "version-name", "which"),
    "nothing pinned: what PATH lacks, the newest has": ("version", "version-name", "which"),
}


@pytest.fixture
def signals() -> Iterator[None]:
    """Leave the signals of this process as they were: the command line has them end it cleanly."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_it_prints_what_python_prints_or_asks_it(
    case: Case,
    world: World,
    project: Path,
    shells: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cwd = project / case.below
    env = environment(world, case, cwd) | {"PYV_ROOT": str(world.root)}
    asker = program(world.root.parent / "asker", f'echo "{ASKED}"')
    questions = ("version", "version-name", "prefix", "root", f"which {case.command}")
    answers = {}
    # In this process, for a process of its own for each of a thousand answers would take minutes
    with monkeypatch.context() as here:
        here.chdir(cwd)
        for name in set(os.environ) - set(env):
            here.delenv(name)
        for name, value in env.items():
            here.setenv(name, value)
        for question in questions:
            status = run(question.split())
            answers[question] = (status, *capfd.readouterr())
    # Each sh reads the table in test_selection; here one is enough but for what must be answered
    for shell, path in list(shells.items())[: None if case.name in _ANSWERED else 1]:
        shims = world.root / f"own-{shell}"
        if not shims.exists():
            place_shims(world.root, shims.name, path, [str(asker)])
        for question in questions:
            done = subprocess.run(
                [shims / "pyv", *question.split()],
                env=env,
                cwd=cwd,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            if done.stdout.strip() != ASKED:
                assert (done.returncode, done.stdout, done.stderr) == answers[question], (shell, question)
            else:
                assert question != "root", shell
                assert question.split()[0] not in _ANSWERED.get(case.name, ()), (shell, question)


def test_the_answered_cases_are_in_the_table() -> None:
    assert {case.name for case in CASES} >= set(_ANSWERED)
