"""Requests that a worker sends: what becomes of them when it ends, or is not wanted any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pyv.errors import NetworkError, VerificationError
from pyv.fetch import Fetcher, Limits, MissingError
from tests.support.command import python_of, pyv, says, start, store
from tests.support.downloads import DATA, DIGEST, Reader
from tests.support.server import Fault, Server
from tests.support.workers import FetchingWorker, Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Offer

PATH, OTHER = "/build.tar.gz", "/other"
LINUX = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux has workers in a command")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / PATH[1:]).write_bytes(DATA)
    (folder / OTHER[1:]).write_bytes(b"other")
    with Server(folder) as running:
        yield running


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[FetchingWorker]:
    """Return a worker whose requests are known by the login that only it has."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login worker password its\n")
    made = FetchingWorker({"NETRC": str(netrc)}, Limits())
    yield made
    made.end()


@pytest.fixture
def fetcher(worker: FetchingWorker) -> Iterator[Fetcher]:
    with Fetcher({}, sleep=lambda _: None, worker=worker) as made:
        yield made


def senders(server: Server) -> list[str]:
    """Return who has sent each request."""
    return ["worker" if "authorization" in request.headers else "here" for request in server.requests]


def fetch(fetcher: Fetcher, url: str, path: Path, *, reader: Reader | None = None) -> bytes:
    reader = reader or Reader()
    fetcher.download([url], path, sha256=DIGEST, consumer=reader, progress=lambda *_: None)
    return bytes(reader.data)


def test_the_worker_sends_over_one_connection(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    document = fetcher.get(server.url(OTHER))
    assert document.body == b"other"
    assert fetcher.get(server.url(OTHER), validators=document.validators).body is None
    assert fetch(fetcher, server.url(PATH), tmp_path / "part") == DATA
    assert senders(server) == ["worker"] * 3
    assert server.connections == 1


def test_what_there_is_to_do_meanwhile_is_done_once(server: Server, worker: FetchingWorker) -> None:
    done: list[None] = []
    with Fetcher({}, worker=worker, meanwhile=lambda: done.append(None)) as fetcher:
        assert done == []
        for _ in range(2):
            fetcher.get(server.url(OTHER))
    assert done == [None]


def test_after_a_failure_the_worker_goes_on(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.next(OTHER, Fault(status=404))
    with pytest.raises(MissingError):
        fetcher.get(server.url(OTHER))
    server.next(PATH, Fault(status=503), Fault(cut=1000))
    assert fetch(fetcher, server.url(PATH), tmp_path / "part") == DATA
    assert senders(server) == ["worker"] * 4


def test_after_an_archive_the_worker_ends(
    server: Server, worker: FetchingWorker, fetcher: Fetcher, tmp_path: Path
) -> None:
    assert fetch(fetcher, server.url(PATH), tmp_path / "part") == DATA
    assert worker.process.wait(60) == 0
    assert fetcher.get(server.url(OTHER)).body == b"other"
    assert senders(server) == ["worker", "here"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_without_the_worker_requests_are_sent_from_here(
    server: Server, worker: FetchingWorker, fetcher: Fetcher, tmp_path: Path, number: int
) -> None:
    fetcher.get(server.url(OTHER))
    worker.process.send_signal(number)
    worker.process.wait()
    assert fetcher.get(server.url(OTHER)).body == b"other"
    assert fetch(fetcher, server.url(PATH), tmp_path / "part") == DATA
    assert senders(server) == ["worker", "here", "here"]


def test_an_interrupt_is_not_for_the_worker(server: Server, worker: FetchingWorker, fetcher: Fetcher) -> None:
    fetcher.get(server.url(OTHER))
    worker.process.send_signal(signal.SIGINT)
    fetcher.get(server.url(OTHER))
    assert senders(server) == ["worker", "worker"]


def test_what_the_worker_had_not_received_when_it_was_killed_is_received_here(
    server: Server, worker: FetchingWorker, fetcher: Fetcher, tmp_path: Path
) -> None:
    class Killing(Reader):
        def write(self, data: bytes) -> None:
            super().write(data)
            worker.process.kill()

    server.next(PATH, Fault(stall=len(DATA) // 2))
    assert fetch(fetcher, server.url(PATH), tmp_path / "part", reader=Killing()) == DATA
    assert senders(server) == ["worker", "here"]
    assert "range" in server.requests[1].headers


def test_a_body_that_nobody_takes_is_not_in_the_way_of_the_next(
    server: Server, worker: FetchingWorker, fetcher: Fetcher
) -> None:
    with pytest.raises(VerificationError):
        fetcher.get(server.url(PATH), max_bytes=10)
    assert fetcher.get(server.url(OTHER)).body == b"other"
    assert senders(server) == ["worker", "here"]
    assert worker.process.returncode == 0


def test_while_one_thread_has_the_worker_others_send_from_here(
    server: Server, fetcher: Fetcher, tmp_path: Path
) -> None:
    class Other(Reader):
        def write(self, data: bytes) -> None:
            super().write(data)
            if len(server.requests) == 1:
                assert fetcher.get(server.url(OTHER)).body == b"other"

    assert fetch(fetcher, server.url(PATH), tmp_path / "part", reader=Other()) == DATA
    assert senders(server) == ["worker", "here"]


def test_a_line_for_the_user_may_name_any_file_and_is_told_once(server: Server, tmp_path: Path) -> None:
    netrc = f"{tmp_path}/netrc-\udcff"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 rubbish\n")
    env, notes = {"NETRC": netrc}, list[str]()
    worker = FetchingWorker(env, Limits())
    with Fetcher(env, worker=worker, notify=notes.append) as fetcher:
        fetcher.get(server.url(OTHER))
        assert worker.process.poll() is None
        worker.end()
        fetcher.get(server.url(OTHER))
    assert len(notes) == 1
    assert netrc in notes[0]


def test_whatever_happens_before_an_answer_is_heard_the_next_request_gets_its_own(
    server: Server, worker: FetchingWorker
) -> None:
    def fail() -> None:
        raise MemoryError

    with Fetcher({}, worker=worker, meanwhile=fail) as fetcher:
        with pytest.raises(MemoryError):
            fetcher.get(server.url(OTHER))
        assert fetcher.get(server.url(PATH)).body == DATA


@pytest.mark.parametrize("said", ["b'?', b''", "b'C', b'piece'", "b'E', b''"])
def test_a_worker_that_talks_nonsense_is_not_listened_to(server: Server, said: str) -> None:
    program = (
        "import sys\nfrom pyv.worker import work\ndef serve(heard, say):\n"
        f"    for line in open(heard):\n        say({said})\nwork(serve, *map(int, sys.argv[1:]))"
    )
    with Fetcher({}, worker=Program(program)) as fetcher:
        assert fetcher.get(server.url(OTHER)).body == b"other"
        assert fetcher.get(server.url(PATH)).body == DATA


def test_that_the_worker_is_lost_breaks_no_connection_from_here(server: Server, tmp_path: Path) -> None:
    class Waiting(Reader):
        def write(self, data: bytes) -> None:
            super().write(data)
            asking.join()

    server.always(OTHER, Fault(drip=0.4))
    with Fetcher({}, sleep=lambda _: None, worker=FetchingWorker({}, Limits())) as fetcher:
        with pytest.raises(NetworkError):
            fetcher.get(server.url(OTHER), patience=0.5)
        # It has been given up, and notices that with the next byte
        asking = next(thread for thread in threading.enumerate() if thread.name == "patience")
        assert fetch(fetcher, server.url(PATH), tmp_path / "part", reader=Waiting()) == DATA
    assert server.count(PATH) == 1


def test_what_the_worker_cannot_import_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys\nsys.modules['httpcore'] = None\nfrom pyv.fetch import remote\nfrom pyv.worker import work\n"
        "work(lambda heard, say: remote.serve(heard, say, {}), *map(int, sys.argv[1:]))"
    )
    worker = Program(program)
    assert worker.process.wait(60) == 1
    worker.end()
    assert capfd.readouterr() == ("", "")


def modules_of_an_install(version: str, before: str = "") -> set[str]:
    program = (
        f"import os, sys\n{before}\nsys.argv = ['pyv', 'install', '-q', {version!r}]\n"
        "from pyv.__main__ import main\nstatus = main()\nprint(*sys.modules)\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


@LINUX
@pytest.mark.usefixtures("mirror")
def test_a_command_that_installs_one_version_does_not_import_httpx_itself(offered: Offer) -> None:
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("there is one processor")
    modules = modules_of_an_install(offered.oldest)
    assert {"httpx", "ssl", "socket"}.isdisjoint(modules)
    assert {"pyv.worker", "pyv.archive.extract"} <= modules
    assert says(python_of(offered.oldest), "print(1)") == "1"


@LINUX
def test_of_several_installs_the_first_has_the_worker(mirror: Server, offered: Offer) -> None:
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("there is one processor")
    program = """
import os, sys
from pyv import __main__, worker
from pyv.install import Maker
made = Maker.make

def make(self, job):  # in a copy
    outcome = made(self, job)
    print(job.build.version.name, "httpx" in sys.modules, flush=True)
    return outcome

Maker.make = make
sys.argv[1:] = ["install", "-q", *sys.argv[1:]]
status = __main__.main()
print("main", "httpx" in sys.modules)
sys.exit(status)
"""
    versions = [offered.newest, offered.oldest, offered.middle]
    done = subprocess.run([sys.executable, "-c", program, *versions], capture_output=True, text=True, check=True)
    lines = [f"{offered.newest} False", f"{offered.oldest} True", f"{offered.middle} True", "main True"]
    assert sorted(done.stdout.splitlines()) == sorted(lines)
    assert done.stderr == ""
    assert mirror.count("/download-metadata.json") == 1
    assert pyv("verify").status == 0


@LINUX
@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    "before",
    ["os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})", "del os.sched_getaffinity", "os.fork = None"],
    ids=["one processor", "no Linux", "no process"],
)
def test_where_a_worker_gains_nothing_or_cannot_be_there_is_none(offered: Offer, before: str) -> None:
    if before == "os.fork = None":
        before = "def fork():\n    raise BlockingIOError\nos.fork = fork"
    assert "httpx" in modules_of_an_install(offered.oldest, before)
    assert says(python_of(offered.oldest), "print(1)") == "1"


def those_of(session: int) -> list[str]:
    """Return the processes of a session, but for those that have ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/stat") as file:
            state, _parent, _group, its, *_ = file.read().rpartition(")")[2].split()
            if int(its) == session and state != "Z":
                found.append(pid)
    return found


@LINUX
@pytest.mark.usefixtures("mirror")
def test_the_worker_has_nothing_to_say_where_warnings_are_wanted(offered: Offer) -> None:
    for number, wanted in enumerate(("error", "always")):
        result = pyv("install", "-q", "--force", offered.oldest, PYTHONWARNINGS=wanted, PYTHONDEVMODE=str(number))
        assert (result.status, result.out, result.err) == (0, "", "")


@LINUX
def test_a_command_that_is_killed_while_it_downloads_leaves_no_process(mirror: Server, offered: Offer) -> None:
    mirror.rate = 1 << 20
    process = start("install", offered.oldest)
    while not any(path.endswith(".tar.gz") for path in mirror.paths):
        assert process.poll() is None
        time.sleep(0.01)
    assert len(those_of(process.pid)) == 1 + (len(os.sched_getaffinity(0)) > 1)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while those_of(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    mirror.rate = 0
    assert pyv("install", offered.oldest).status == 0
    assert list((store() / "tmp").iterdir()) == []
