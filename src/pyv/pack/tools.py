"""The programs of the system that packing may need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyv import proc
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SECONDS = 120


class Tools:
    """Programs on a PATH.

    Args:
        env: what they run in; its PATH is where they are looked for.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def has(self, name: str) -> bool:
        """Tell whether there is such a program."""
        return proc.find_program(name, self._env.get("PATH", "")) is not None

    def run(self, name: str, args: Sequence[str | Path], *, purpose: str) -> str:
        """Run a program and return what it printed.

        Args:
            name: the program.
            args: its arguments.
            purpose: what could not be done without it, to complete "cannot …".

        Raises:
            PyvError: it is missing, or failed.
        """
        program = proc.find_program(name, self._env.get("PATH", ""))
        if program is None:
            raise PyvError(
                f"cannot {purpose} without {name}, which is not on PATH", hint=f"install {name}, then repeat"
            )
        done = proc.run([program, *args], env=self._env, timeout=_SECONDS)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise PyvError(
                f"cannot {purpose}: {name}: {reason}", hint=f"see whether {name} works here: {name} --version"
            )
        return done.stdout
