"""What goes wrong between here and a server: what is tried again, when, and what the user hears."""

from __future__ import annotations

import socket
import threading
import traceback
from typing import TYPE_CHECKING

import httpx
import pytest

from pyv.errors import NetworkError, PyvError
from pyv.fetch import Fetcher, Limits, MissingError
from pyv.fetch.failures import explain
from tests.support.downloads import DATA, SHORT, TRICKLING, Download, chain_of
from tests.support.proxy import Proxy
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_way")
PATH = "/build.tar.gz"
WORD = "hunter2"
NOW = "Sat, 21 Nov 2026 12:00:00 GMT"


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_status_that_passes_is_waited_out(server: Server, download: Download, status: int) -> None:
    server.next(PATH, Fault(status=status), Fault(status=status))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501, 204, 300, 416, 304])
def test_a_status_that_does_not_pass_is_not_asked_for_again(server: Server, download: Download, status: int) -> None:
    server.always(PATH, Fault(status=status))
    with pytest.raises(NetworkError, match=str(status)):
        download.run(server.url(PATH))
    assert len(server.requests) == 1
    assert download.pauses == []


@pytest.mark.parametrize("status", [403, 404, 410, 503])
def test_the_next_source_is_tried_when_one_fails(server: Server, download: Download, status: int) -> None:
    server.always("/first", Fault(status=status))
    download.run(server.url("/first"), server.url(PATH))
    assert download.is_whole()


def test_a_busy_server_is_given_four_tries_with_growing_pauses(server: Server, download: Download) -> None:
    server.always(PATH, Fault(status=503))
    with pytest.raises(NetworkError) as caught:
        download.run(server.url(PATH))
    assert len(server.requests) == 4
    first, second, third = download.pauses
    assert 0.25 <= first <= 0.5 <= second <= 1 <= third <= 2
    assert "503 Service Unavailable (4 tries)" in caught.value.message
    assert server.url(PATH) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_every_source_is_named_when_all_fail(server: Server, download: Download) -> None:
    server.always("/a", Fault(status=403))
    with pytest.raises(NetworkError) as caught:
        download.run(server.url("/a"), server.url("/b"))
    assert not isinstance(caught.value, MissingError)
    assert f"{server.url('/a')}: answered 403 Forbidden" in caught.value.message
    assert f"{server.url('/b')}: not found (404)" in caught.value.message


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "100000"}, 60),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:09 GMT", "Date": NOW}, 9),
    ],
    ids=["seconds", "too many seconds", "date"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_a_server_asks_for_is_kept_and_announced(
    server: Server, download: Download, status: int, headers: dict[str, str], pause: float
) -> None:
    server.next(PATH, Fault(status=status, headers=headers))
    download.run(server.url(PATH))
    assert download.pauses == [pause]
    assert server.url(PATH) in download.notes[0]
    assert f"{pause} s" in download.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "-5",
        "",
        "1e9",
        "Sat, 21 Nov 2020 12:00:09 GMT",
        "Sat, 21 Nov 2020 12:00:09 +99999999999999999999",
        "Sat, 21 Nov 99999999999999999999 12:00:09 GMT",
        "Sat, 99999999999999999999 Nov 2020 12:00:09 GMT",
    ],
)
def test_a_pause_that_makes_no_sense_is_not_kept(server: Server, download: Download, text: str) -> None:
    server.next(PATH, Fault(status=503, headers={"Retry-After": text}))
    download.run(server.url(PATH))
    assert len(download.pauses) == 1
    assert download.pauses[0] <= 0.5


def test_who_has_no_network_hears_so_after_a_few_quick_tries(download: Download) -> None:
    one, two = (f"http://127.0.0.1:{free_port()}{PATH}" for _ in range(2))
    with pytest.raises(NetworkError) as caught:
        download.run(one, two)
    assert len(download.pauses) == 4
    assert sum(download.pauses) < 3
    assert one in caught.value.message
    assert two in caught.value.message
    assert "Connection refused" in caught.value.message
    assert "PYV_MIRROR" in caught.value.hint


def test_a_host_without_an_address_is_told_from_one_that_refuses() -> None:
    error = httpx.ConnectError("")
    error.__cause__ = socket.gaierror(-3, "Temporary failure in name resolution")
    assert str(explain(error, "")) == "its host name cannot be resolved"
    assert str(explain(error, "http://proxy.test:3128")) == "the proxy http://proxy.test:3128 cannot be found"
    assert not explain(error, "").reached


def test_a_slow_failure_to_connect_is_not_repeated(tmp_path: Path) -> None:
    now = iter(range(0, 1000, 5))
    with Fetcher({}, clock=lambda: float(next(now)), sleep=lambda _: pytest.fail("tried again")) as fetcher:
        url = f"http://127.0.0.1:{free_port()}{PATH}"
        with pytest.raises(NetworkError):
            fetcher.download([url], tmp_path / "part", sha256="", consumer=None, progress=lambda *_: None)


def test_a_connection_that_nobody_accepts_ends_in_time(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # they fill its queue, so that the kernel drops what comes next
        for each in waiting:
            each.setblocking(False)  # noqa: FBT003 - the standard library's signature
            each.connect_ex(deaf.getsockname())
        download = Download(tmp_path, limits=Limits(connect=0.2, read=0.2))
        with pytest.raises(NetworkError, match=r"time allowed|no more data"):
            download.run(f"http://127.0.0.1:{deaf.getsockname()[1]}{PATH}")
        for each in waiting:
            each.close()


def test_a_server_that_comes_back_is_found_again(server: Server, download: Download) -> None:
    server.next(PATH, Fault(reset=0), Fault(reset=0))
    download.run(server.url(PATH))
    assert download.is_whole()


def test_a_server_that_never_answers_is_asked_twice(server: Server, download: Download) -> None:
    server.always(PATH, Fault(silent=True))
    with pytest.raises(NetworkError, match="no more data came"):
        download.run(server.url(PATH))
    assert len(server.requests) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TRICKLES = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "a chunk's head": (CHUNKED + b"5;x=", b"a"),
}
NAMED_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\x03"


@pytest.mark.parametrize("trickle", TRICKLES.values(), ids=TRICKLES)
def test_an_answer_that_trickles_for_ever_is_given_up(
    server: Server, tmp_path: Path, trickle: tuple[bytes, bytes]
) -> None:
    server.always(PATH, Fault(trickle=trickle))
    server.always("/start", Fault(redirect=PATH))  # so that a connection is used again
    with pytest.raises(NetworkError, match="data comes too slowly") as caught:
        Download(tmp_path, limits=TRICKLING).run(server.url("/start"))
    assert server.count(PATH) == 2
    assert "PYV_MIRROR" in caught.value.hint


def test_a_document_that_trickles_and_never_says_a_word_is_given_up(server: Server) -> None:
    server.always(PATH, Fault(trickle=(NAMED_GZIP, b"a")))
    with (
        Fetcher({}, limits=TRICKLING, sleep=lambda _: None) as fetcher,
        pytest.raises(NetworkError, match="data comes too slowly"),
    ):
        fetcher.get(server.url(PATH))


def test_the_time_for_an_answer_is_each_requests_own(server: Server) -> None:
    now = 0.0
    with Fetcher({}, clock=lambda: now) as fetcher:
        for _ in range(3):
            assert fetcher.get(server.url(PATH)).body == DATA
            now += 10_000
        assert server.connections == 1


def test_a_server_that_speaks_no_http_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        download = Download(tmp_path, limits=SHORT._replace(tries=1))
        client = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 ftp.test ready\r\n\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NetworkError, match="broke off"):
            download.run(client)
        thread.join()


def test_redirects_are_followed(server: Server, download: Download) -> None:
    for number in range(10):
        server.always(f"/{number}", Fault(redirect=f"/{number + 1}"))
    server.always("/10", Fault(body=DATA))
    download.run(server.url("/0"))
    assert download.is_whole()


def test_an_eleventh_redirect_is_not_followed(server: Server, download: Download) -> None:
    for number in range(11):
        server.always(f"/{number}", Fault(redirect=f"/{number + 1}"))
    with pytest.raises(NetworkError, match="more than 10 times"):
        download.run(server.url("/0"))


def test_redirects_in_a_circle_end(server: Server, download: Download) -> None:
    server.always("/a", Fault(redirect="/b"))
    server.always("/b", Fault(redirect=server.url("/a#fragment")))
    with pytest.raises(NetworkError, match="circle"):
        download.run(server.url("/a"))
    assert server.paths == ["/a", "/b"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "http://["])
def test_a_redirect_to_anything_but_http_is_refused(server: Server, download: Download, target: str) -> None:
    server.always(PATH, Fault(redirect=target))
    with pytest.raises(NetworkError, match="refused its redirect"):
        download.run(server.url(PATH))
    assert len(server.requests) == 1


def test_a_redirect_is_shown_without_its_secrets_and_without_control_characters(
    server: Server, download: Download
) -> None:
    server.always(PATH, Fault(redirect="ftp://user:hunter2@host/x\x1b[2J?token=hunter2"))
    with pytest.raises(NetworkError) as caught:
        download.run(server.url(PATH))
    assert "ftp://host/x" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["//user:hunter2@host:99999/x?token=hunter2", "//user:hunter2@[::1/x", "https:user:hunter2@host"]
)
def test_a_redirect_that_cannot_be_understood_is_not_shown(server: Server, download: Download, target: str) -> None:
    server.always(PATH, Fault(redirect=target))
    with pytest.raises(NetworkError, match="refused its redirect: ") as caught:
        download.run(server.url(PATH))
    assert "hunter2" not in str(caught.value)


def test_a_password_in_a_url_is_sent_and_never_shown(server: Server, download: Download) -> None:
    server.login = "user:p@ss/word"
    download.run(server.url(PATH, login="user:p%40ss%2Fword"))
    assert download.is_whole()
    server.always("/absent", Fault(status=404))
    with pytest.raises(NetworkError) as caught:
        download.run(server.url("/absent", login="user:p%40ss%2Fword"), sha256="")
    assert "p%40ss" not in str(caught.value)


def test_a_refused_password_is_told_from_a_missing_one(server: Server, tmp_path: Path) -> None:
    server.login = "user:right"
    with pytest.raises(NetworkError, match="wants a user name"):
        Download(tmp_path).run(server.url(PATH))
    with pytest.raises(NetworkError, match="refuses the user name or password") as caught:
        Download(tmp_path).run(server.url(PATH, login="user:hunter2"))
    assert "hunter2" not in str(caught.value)


def test_a_password_stays_with_its_host(server: Server, tmp_path: Path) -> None:
    server.always("/there", Fault(redirect="http://other.test/here"))
    server.always("/here", Fault(redirect="http://mirror.test/back"))
    server.always("/back", Fault(body=DATA))
    server.always("/same", Fault(redirect="/back"))
    with Proxy(to=server) as proxy:
        download = Download(tmp_path, {"http_proxy": proxy.url()})
        download.run("http://user:secret@mirror.test/there")
        Download(tmp_path / "2", {"http_proxy": proxy.url()}).run("http://user:secret@mirror.test/same")
    sent = {(request.headers["host"], request.path): "authorization" in request.headers for request in server.requests}
    assert sent == {
        ("mirror.test", "/there"): True,
        ("other.test", "/here"): False,
        ("mirror.test", "/back"): True,  # of the second download
        ("mirror.test", "/same"): True,
    }
    assert ["authorization" in request.headers for request in server.requests if request.path == "/back"] == [
        False,
        True,
    ]


def test_a_password_stays_with_its_port(server: Server, download: Download) -> None:
    with Server(server.folder) as other:
        server.always("/there", Fault(redirect=other.url(PATH)))
        download.run(server.url("/there", login="user:secret"))
        assert download.is_whole()
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers


def test_a_password_that_a_redirect_brings_along_is_not_sent(server: Server, download: Download) -> None:
    server.always("/there", Fault(redirect=server.url(PATH, login="evil:twin")))
    download.run(server.url("/there"))
    assert download.is_whole()
    assert "authorization" not in server.requests[1].headers


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=404),
        Fault(status=503),
        Fault(reset=0),
        Fault(silent=True),
        Fault(wrong=True),
        Fault(cut=5),
        Fault(redirect=f"ftp://user:{WORD}@host/?{WORD}"),
        Fault(redirect=f"{PATH}?token={WORD}"),
    ],
    ids=["absent", "busy", "reset", "silent", "wrong", "cut", "redirect", "circle"],
)
def test_no_secret_is_in_an_error_or_in_its_traceback(server: Server, tmp_path: Path, fault: Fault) -> None:
    path, login = f"{PATH}?token={WORD}", f"user:{WORD}"
    server.login = login
    server.always(path, fault)
    download = Download(tmp_path, limits=SHORT._replace(tries=1))
    with pytest.raises(PyvError) as caught:
        download.run(server.url(path, login=login))
    shown = [*traceback.format_exception(caught.value), *download.notes, *map(repr, chain_of(caught.value))]
    assert WORD not in "".join(shown)
    assert list(chain_of(caught.value)) == [caught.value]


def test_a_request_can_follow_a_closed_connection(server: Server) -> None:
    with Fetcher({}) as fetcher:
        assert fetcher.get(server.url(PATH)).body == DATA
        fetcher.close()
        assert fetcher.get(server.url(PATH)).body == DATA
