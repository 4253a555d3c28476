"""Workers that are programs of their own: the process of the tests has threads, and is not to be copied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyv.fetch.wire import Answer, Wire
from pyv.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyv.fetch import Limits

_FETCHING = """
import json, sys
from pyv.fetch import Limits, remote
from pyv.worker import work
from pyv.fetch.wire import Wire
env, limits, *pipes = map(json.loads, sys.argv[1:])
def serve(heard, say):
    Wire.prepare()
    say(b"!", b"ready")
    remote.serve(heard, say, env, Limits(*limits))
work(serve, *pipes)
"""


class Program(Worker):
    """A program as a worker. The last of its arguments are the numbers of its two pipes.

    Attributes:
        process: it.
        ended: whether it was ended from here.
    """

    ended = False

    def __init__(self, program: str, *arguments: str) -> None:
        heard, told = os.pipe()
        answers, said = os.pipe()
        words = [sys.executable, "-c", program, *arguments, str(heard), str(said)]
        self.process = subprocess.Popen(words, pass_fds=(heard, said))
        os.close(heard)
        os.close(said)
        super().__init__(self.process.pid, told, answers)

    def end(self) -> None:
        self.ended = True
        super().end()
        self.process.returncode = 0  # it was waited for
        self._answers.close()


class FetchingWorker(Program):
    """Sends requests, and is ready to.

    Attributes:
        asked: how often it was asked to.
    """

    def __init__(self, env: Mapping[str, str], limits: Limits) -> None:
        super().__init__(_FETCHING, json.dumps(dict(env)), json.dumps(limits))
        self.asked = 0
        assert self.hear() == (b"!", b"ready")

    def tell(self, line: bytes) -> None:
        self.asked += 1
        super().tell(line)


class Forgetful(Wire):
    """Sends requests from here, and knows whether that was all right.

    Attributes:
        worker: what should have sent them.
        forgot: whether it was there and was never asked.
    """

    worker: FetchingWorker
    forgot = False

    @contextmanager
    def open(self, *arguments: Any, **options: Any) -> Iterator[Answer]:  # noqa: ANN401 - passed on
        self.forgot = self.forgot or not (self.worker.asked or self.worker.ended)
        with super().open(*arguments, **options) as answer:
            yield answer
