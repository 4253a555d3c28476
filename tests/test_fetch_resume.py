"""Downloads that stop, and go on: in the same run, in the next one, from another source."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from pyv.errors import NetworkError
from pyv.fetch import Fetcher, Limits
from tests.support.downloads import DATA, DIGEST, SHORT, Download, Reader
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_way")
PATH = "/build.tar.gz"
HALF = len(DATA) // 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / PATH[1:]).write_bytes(DATA)
    with Server(folder) as running:
        yield running


@pytest.fixture
def download(tmp_path: Path) -> Download:
    return Download(tmp_path)


@pytest.mark.parametrize("fault", [Fault(cut=HALF), Fault(reset=HALF)], ids=["cut", "reset"])
def test_a_download_that_breaks_off_goes_on_where_it_stopped(server: Server, download: Download, fault: Fault) -> None:
    server.next(PATH, fault)
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.reader.restarts == 0
    begin = int(server.requests[1].headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begin <= HALF
    assert server.requests[1].headers["if-range"].startswith('"')


def test_a_download_that_breaks_off_often_arrives_as_long_as_each_try_brings_more(
    server: Server, download: Download
) -> None:
    server.next(PATH, *[Fault(cut=len(DATA) // 10)] * 9)
    download.run(server.url(PATH))
    assert download.is_whole()


def test_tries_that_each_bring_a_little_add_up(server: Server, download: Download) -> None:
    server.next(PATH, *[Fault(cut=30_000)] * 8)
    download.run(server.url(PATH))
    assert download.is_whole()


def test_tries_that_bring_next_to_nothing_are_soon_given_up(server: Server, download: Download) -> None:
    server.always(PATH, Fault(cut=10))
    with pytest.raises(NetworkError, match="broke off"):
        download.run(server.url(PATH))
    assert len(server.requests) == 4


def test_a_download_that_stops_coming_is_taken_up_again(server: Server, download: Download) -> None:
    server.next(PATH, Fault(stall=HALF))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert len(server.requests) == 2


def test_a_trickle_counts_as_a_stall(server: Server, download: Download) -> None:
    server.always(PATH, Fault(drip=0.02))
    with pytest.raises(NetworkError, match="too slowly"):
        download.run(server.url(PATH))
    assert len(server.requests) == 2


def test_a_slow_consumer_is_no_stall(server: Server, tmp_path: Path) -> None:
    now = [0.0]

    class Slow(Reader):
        def write(self, data: bytes) -> None:
            now[0] += 100
            super().write(data)

    reader = Slow()
    with Fetcher({}, limits=Limits(), clock=lambda: now[0]) as fetcher:
        url = server.url(PATH)
        fetcher.download([url], tmp_path / "part", sha256=DIGEST, consumer=reader, progress=lambda *_: None)
    assert reader.data == DATA
    assert len(server.requests) == 1


def test_what_an_earlier_run_left_is_read_again_and_the_rest_fetched(server: Server, download: Download) -> None:
    download.leave(DATA[:HALF])
    download.run(server.url(PATH))
    assert download.is_whole()
    assert server.requests[0].headers["range"] == f"bytes={HALF}-"
    assert "if-range" not in server.requests[0].headers


def test_an_interrupted_run_leaves_what_the_next_one_needs(server: Server, tmp_path: Path) -> None:
    first = Download(tmp_path)
    first.reader = Reader(failing=KeyError("stop"), after=HALF)
    with pytest.raises(KeyError):
        first.run(server.url(PATH))
    assert 0 < first.partial.stat().st_size < len(DATA)
    second = Download(tmp_path)
    second.run(server.url(PATH))
    assert second.is_whole()
    assert server.requests[1].headers["if-range"].startswith('"')


def test_the_note_beside_a_partial_file_holds_no_password(server: Server, tmp_path: Path) -> None:
    server.next(PATH + "?token=secret2", Fault(cut=HALF))
    download = Download(tmp_path, limits=SHORT._replace(tries=1))
    with pytest.raises(NetworkError):
        download.run(server.url(PATH + "?token=secret2", login="user:secret1"))
    assert json.loads(download.note.read_text())["url"] == server.url(PATH)


def test_a_complete_leftover_needs_no_request(server: Server, download: Download) -> None:
    download.leave(DATA, note="{}")
    download.run(server.url(PATH))
    assert download.is_whole()
    assert server.requests == []


def test_a_complete_leftover_is_enough_offline(tmp_path: Path) -> None:
    download = Download(tmp_path, offline=True)
    download.leave(DATA)
    download.run("https://mirror.test/build.tar.gz")
    assert download.is_whole()


@pytest.mark.parametrize("leftover", [DATA[::-1], DATA + b"more"], ids=["as long", "longer"])
def test_a_leftover_that_is_wrong_and_too_long_to_go_on_with_is_fetched_anew(
    server: Server, download: Download, leftover: bytes
) -> None:
    download.leave(leftover)
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.reader.restarts == 1


def test_a_leftover_that_turns_out_wrong_is_fetched_anew_once(server: Server, download: Download) -> None:
    download.leave(b"x" * HALF)
    download.run(server.url(PATH))
    assert download.is_whole()
    assert [request.headers.get("range") for request in server.requests] == [f"bytes={HALF}-", None]


def test_a_leftover_without_a_file_system_bound_is_not_read(server: Server, tmp_path: Path) -> None:
    download = Download(tmp_path, limits=SHORT._replace(body=len(DATA)))
    download.leave(b"x" * (len(DATA) + 1))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.reader.restarts == 0


@pytest.mark.parametrize("note", ["", "{", "[]", '{"url": 1}', "\x00", 100_000 * "["])
def test_a_broken_note_does_no_harm(server: Server, download: Download, note: str) -> None:
    download.leave(DATA[:HALF], note=note)
    download.run(server.url(PATH))
    assert download.is_whole()


def test_a_file_that_changed_between_two_tries_is_fetched_from_its_beginning(
    server: Server, download: Download
) -> None:
    server.next(PATH, Fault(cut=HALF, etag='"old"', body=b"o" * len(DATA), headers={"Last-Modified": None}))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.reader.restarts == 1
    assert server.requests[1].headers["if-range"] == '"old"'
    assert len(server.requests) == 2


@pytest.mark.parametrize("etag", ['"v\xe4"', '"' + 600 * "x" + '"'])
def test_an_etag_that_cannot_be_sent_back_is_no_condition(server: Server, download: Download, etag: str) -> None:
    server.next(PATH, Fault(cut=HALF, etag=etag))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert "if-range" not in server.requests[1].headers


def test_neither_is_what_somebody_has_written_into_the_note(server: Server, download: Download) -> None:
    download.leave(DATA[:HALF], note=json.dumps({"url": server.url(PATH), "condition": '"a"\r\nX: y'}))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert "if-range" not in server.requests[0].headers


@pytest.mark.parametrize("name", ["partial", "note"])
@pytest.mark.parametrize("kind", ["pipe", "link to a device"])
def test_what_is_no_file_is_not_waited_for(server: Server, download: Download, name: str, kind: str) -> None:
    download.leave(DATA[:HALF], note="{}")
    path: Path = getattr(download, name)
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    download.run(server.url(PATH))
    assert download.is_whole()


def test_a_weak_etag_is_no_condition(server: Server, download: Download) -> None:
    server.next(PATH, Fault(cut=HALF, etag='W/"weak"'))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert server.requests[1].headers["if-range"].endswith("GMT")


def test_a_server_without_ranges_sends_everything_again(server: Server, download: Download) -> None:
    server.always(PATH, Fault(ranges=False))
    server.next(PATH, Fault(cut=HALF, ranges=False))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.reader.restarts == 1


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(server: Server, download: Download) -> None:
    server.always(PATH, Fault(cut=HALF, ranges=False))
    with pytest.raises(NetworkError, match="broke off"):
        download.run(server.url(PATH))
    assert len(server.requests) < 10


def test_another_part_than_asked_for_is_not_taken(server: Server, download: Download) -> None:
    download.leave(DATA[:HALF])
    server.next(PATH, Fault(range_start=HALF - 7))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert "range" not in server.requests[1].headers
    assert max(done for done, _ in download.steps) == len(DATA)


def test_a_part_that_nobody_asked_for_is_not_taken(server: Server, download: Download) -> None:
    server.always(PATH, Fault(status=206))
    with pytest.raises(NetworkError, match="206"):
        download.run(server.url(PATH))


def test_a_server_that_sends_smaller_parts_than_asked_for_is_asked_for_the_next(
    server: Server, download: Download
) -> None:
    download.leave(DATA[:HALF])
    rest = DATA[HALF:-5]
    told = {"Content-Range": f"bytes {HALF}-{len(DATA) - 6}/{len(DATA)}", "Content-Length": str(len(rest))}
    server.next(PATH, Fault(range_start=HALF, body=DATA[:-5], headers=told))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert server.requests[1].headers["range"] == f"bytes={len(DATA) - 5}-"
