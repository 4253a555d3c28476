"""Workers that are programs of their own: the process of the tests has threads, and is not to be copied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from pyv.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyv.fetch import Limits

_FETCHING = """
import json, sys
from pyv.fetch import Limits, remote
from pyv.worker import work
env, limits, *pipes = map(json.loads, sys.argv[1:])
work(lambda heard, say: remote.serve(heard, say, env, Limits(*limits)), *pipes)
"""


class Program(Worker):
    """A program as a worker. The last of its arguments are the numbers of its two pipes.

    Attributes:
        process: it.
    """

    def __init__(self, program: str, *arguments: str) -> None:
        heard, told = os.pipe()
        answers, said = os.pipe()
        words = [sys.executable, "-c", program, *arguments, str(heard), str(said)]
        self.process = subprocess.Popen(words, pass_fds=(heard, said))
        os.close(heard)
        os.close(said)
        super().__init__(self.process.pid, told, answers)

    def end(self) -> None:
        super().end()
        self.process.returncode = 0  # it was waited for
        self._answers.close()


class FetchingWorker(Program):
    """Sends requests."""

    def __init__(self, env: Mapping[str, str], limits: Limits) -> None:
        super().__init__(_FETCHING, json.dumps(dict(env)), json.dumps(limits))
