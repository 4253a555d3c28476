"""The pip of an environment, and questions that only its Python can answer."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from pyv import envs, proc
from pyv.cli import pip
from pyv.errors import PyvError, shell_word
from pyv.sync import inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyv.cli.app import App

_SECONDS = 120


class Pip:
    """The pip of an environment.

    Args:
        app: this run.
        venv: the environment.
        folder: where files for it are written.

    Raises:
        PyvError: there is none.
    """

    def __init__(self, app: App, venv: Path, folder: Path) -> None:
        self._app = app
        self._venv = venv
        self._folder = folder
        sites = [venv / "lib" / library / "site-packages" for library in envs.libraries(venv)]
        if not any(os.path.isdir(site / "pip") for site in sites):
            raise PyvError(f"{venv} has no pip", hint=f"to put one into it: pyv venv --repair {shell_word(venv)}")

    def write(self, name: str, text: str) -> str:
        """Write a file for pip, and return its path."""
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return os.fspath(path)

    def listed(self, requirements: Sequence[str]) -> list[str]:
        """Return what tells pip of requirements."""
        if not requirements:
            return []
        return ["-r", self.write("groups.txt", "".join(f"{line}\n" for line in requirements))]

    def install(self, *arguments: str, what: str) -> None:
        """Install.

        Args:
            arguments: pip's.
            what: the file that says what, for messages.

        Raises:
            PyvError: pip failed, and has said why.
        """
        self.run("install", *arguments, what=f"install what {what} lists")

    def run(self, command: str, *arguments: str, what: str) -> None:
        """Run pip in the foreground.

        Args:
            command: such as `install`.
            arguments: for it.
            what: what it does, for messages.

        Raises:
            PyvError: it failed, and has said why.
        """
        quiet = ["-q"] if self._app.quiet else []
        if pip.run(self._app, self._venv, command, *quiet, *arguments):
            again = " ".join(map(shell_word, self._app.words))
            raise PyvError(f"pip could not {what}; it says why above", hint=f"then again: pyv {again}")

    def ask(self, what: str, question: Mapping[str, object], file: Path) -> Any:  # noqa: ANN401 - as JSON has it
        """Ask something that depends on this Python and machine, see `pyv.sync.inside`.

        Args:
            what: the function there.
            question: what it is given.
            file: what the question is about, for messages.

        Raises:
            PyvError: the answer is no.
        """
        asked = self.write("question.json", json.dumps(question, default=str))
        program = [os.fspath(self._venv / "bin/python"), "-I", "-B", inside.__file__, what, asked]
        done = proc.run(program, env=self._app.env, timeout=_SECONDS)
        try:
            reply = json.loads(done.stdout)
        except ValueError:
            said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise PyvError(f"the Python of {self._venv} does not answer: {said}", hint="pyv venv --repair") from None
        if "refusal" in reply:
            hint = "to make a lock for it: pyv lock" if what == "select" else ""
            raise PyvError(f"{file} does not fit {self._venv}: {reply['refusal']}", hint=hint)
        return reply["answer"]
