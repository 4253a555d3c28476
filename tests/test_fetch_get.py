"""Small documents: conditional, bounded, and never in the way."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pyv.errors import NetworkError, VerificationError
from pyv.fetch import Fetcher, MissingError, Validators
from pyv.fetch.wire import Wire
from tests.support.downloads import SHORT
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("either_way")
PATH = "/SHA256SUMS"
BODY = b"0123 one.tar.gz\n4567 two.tar.gz\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / PATH[1:]).write_bytes(BODY)
    with Server(folder) as running:
        yield running


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher({}, limits=SHORT, sleep=lambda _: None) as made:
        yield made


def test_a_document_comes_with_its_validators(server: Server, fetcher: Fetcher) -> None:
    document = fetcher.get(server.url(PATH))
    assert document.body == BODY
    assert document.validators.etag.startswith('"')
    assert document.validators.last_modified.endswith("GMT")


@pytest.mark.parametrize("field", ["etag", "last_modified"])
def test_an_unchanged_document_is_not_sent_again(server: Server, fetcher: Fetcher, field: str) -> None:
    validators = fetcher.get(server.url(PATH)).validators
    one = Validators()._replace(**{field: getattr(validators, field)})
    again = fetcher.get(server.url(PATH), validators=one)
    assert again.body is None
    assert again.validators == validators


def test_validators_are_kept_when_unchanged_is_all_that_the_server_says(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(status=304))
    known = Validators('"known"', "")
    assert fetcher.get(server.url(PATH), validators=known) == (None, known)


def test_a_changed_document_is_sent(server: Server, fetcher: Fetcher) -> None:
    validators = fetcher.get(server.url(PATH)).validators
    (server.folder / PATH[1:]).write_bytes(b"new")
    assert fetcher.get(server.url(PATH), validators=validators).body == b"new"


def test_unchanged_without_a_question_is_an_error(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(status=304))
    with pytest.raises(NetworkError, match="304"):
        fetcher.get(server.url(PATH))


def test_one_connection_serves_many_requests(server: Server, fetcher: Fetcher) -> None:
    validators = fetcher.get(server.url(PATH)).validators
    fetcher.get(server.url(PATH), validators=validators)
    fetcher.get(server.url(PATH))
    assert server.connections == 1


@pytest.mark.parametrize("status", [404, 410])
def test_an_absent_document_is_told_apart(server: Server, fetcher: Fetcher, status: int) -> None:
    server.always(PATH, Fault(status=status))
    with pytest.raises(MissingError, match=f"not found .{status}.") as caught:
        fetcher.get(server.url(PATH))
    assert server.url(PATH) in caught.value.message
    assert len(server.requests) == 1


def test_a_forbidden_document_is_not_an_absent_one(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(status=403))
    with pytest.raises(NetworkError, match="403 Forbidden") as caught:
        fetcher.get(server.url(PATH))
    assert not isinstance(caught.value, MissingError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(cut=5), Fault(reset=5), Fault(stall=5)], ids=["busy", "cut", "reset", "stalled"]
)
def test_what_passes_is_tried_again(server: Server, fetcher: Fetcher, fault: Fault) -> None:
    server.next(PATH, fault)
    assert fetcher.get(server.url(PATH)).body == BODY


def test_a_document_may_come_compressed(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}))
    assert fetcher.get(server.url(PATH)).body == BODY
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_a_document_that_cannot_be_decompressed_is_an_error(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(body=b"\x1f\x8b no gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(NetworkError, match="malformed"):
        fetcher.get(server.url(PATH))


@pytest.mark.parametrize("coding", ["gzip, gzip", "zstd", "br", "\x1b[31m"])
def test_an_encoding_that_was_not_asked_for_is_refused(server: Server, fetcher: Fetcher, coding: str) -> None:
    server.always(PATH, Fault(headers={"Content-Encoding": coding}))
    with pytest.raises(NetworkError, match="encoding") as caught:
        fetcher.get(server.url(PATH))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=bytes(2000)),
        Fault(body=bytes(2000), chunked=True),
        Fault(endless=True),
        Fault(body=gzip.compress(bytes(2000)), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["announced", "chunked", "endless", "compressed"],
)
def test_a_document_that_is_too_long_is_refused(server: Server, fetcher: Fetcher, fault: Fault) -> None:
    server.always(PATH, fault)
    with pytest.raises(VerificationError, match="more than 1,999 bytes"):
        fetcher.get(server.url(PATH), max_bytes=1999)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "told", "patience"),
    [
        (Fault(silent=True), "cannot fetch", 0.2),
        (Fault(drip=0.05), "cannot fetch", 0.2),
        (Fault(status=503, headers={"Retry-After": "50"}), "503", 20),
    ],
    ids=["silent", "dripping", "busy"],
)
def test_patience_ends_every_kind_of_waiting(server: Server, fault: Fault, told: str, patience: float) -> None:
    server.always(PATH, fault)
    Wire.prepare()  # or that alone could exhaust it
    with Fetcher({}) as fetcher:
        with pytest.raises(NetworkError, match=told):
            fetcher.get(server.url(PATH), patience=patience)
        for thread in threading.enumerate():  # what waited in our stead does not go on waiting
            if thread.name == "patience":
                thread.join(10)
                assert not thread.is_alive()
    assert len(server.requests) == 1


def test_patience_ends_even_what_cannot_be_interrupted() -> None:
    over = threading.Event()

    def stuck() -> float:  # as a resolver without a network is
        over.wait()
        return 0

    with Fetcher({}, clock=stuck, sleep=lambda _: None) as fetcher:
        with pytest.raises(NetworkError, match=r"no answer within 0\.2 s"):
            fetcher.get("http://127.0.0.1:1/", patience=0.2)
        over.set()


def test_within_patience_an_answer_and_an_error_arrive_as_without(server: Server, fetcher: Fetcher) -> None:
    assert fetcher.get(server.url(PATH), patience=30).body == BODY
    with pytest.raises(MissingError):
        fetcher.get(server.url("/absent"), patience=30)


def test_a_file_is_read_unless_it_is_unchanged(tmp_path: Path) -> None:
    fetcher = Fetcher({}, offline=True)
    path = tmp_path / "catalogue.json"
    path.write_bytes(b"{}")
    for source in (str(path), path.as_uri()):
        first = fetcher.get(source)
        assert first.body == b"{}"
        assert fetcher.get(source, validators=first.validators) == (None, first.validators)
    path.write_bytes(b"[1]")
    assert fetcher.get(str(path), validators=first.validators, patience=30).body == b"[1]"


def test_an_absent_file_is_missing(tmp_path: Path) -> None:
    for source in (str(tmp_path / "absent"), (tmp_path / "absent").as_uri(), f"{tmp_path}/absent/below"):
        with pytest.raises(MissingError, match="no such file"):
            Fetcher({}).get(source)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(11))
    with pytest.raises(VerificationError, match="more than 10 bytes"):
        Fetcher({}).get(str(tmp_path / "big"), max_bytes=10)


def test_offline_means_that_nothing_is_asked(server: Server) -> None:
    with pytest.raises(NetworkError, match="offline") as caught:
        Fetcher({}, offline=True).get(server.url(PATH))
    assert "--offline" in caught.value.hint
    assert server.requests == []


def test_neither_importing_nor_reading_files_imports_the_http_library(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    program = (
        "import sys\n"
        "from pyv.fetch import Fetcher\n"
        "Fetcher({}).get(sys.argv[1])\n"
        "print(sorted({'httpx', 'httpcore', 'ssl', 'email', 'http', 'netrc', 'certifi'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_plain_http_reads_no_certificates(server: Server) -> None:
    program = (
        "import sys\n"
        "from pyv.fetch import Fetcher\n"
        "fetcher = Fetcher({'SSL_CERT_FILE': '/nonexistent'})\n"
        "fetcher.get(sys.argv[1])\n"
        "fetcher.close()\n"
        "print('truststore' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, server.url(PATH)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/a b/é?x=ü y", "/a%20b/%C3%A9?x=%C3%BC%20y"),
        ("/two//slashes/", "/two//slashes/"),
        ("/cpython-3.12.7+20241016-x~[1].tar.gz", "/cpython-3.12.7+20241016-x~[1].tar.gz"),
        ("?only=query", "/?only=query"),
    ],
)
def test_an_address_is_sent_as_urls_are_written(server: Server, fetcher: Fetcher, asked: str, sent: str) -> None:
    with pytest.raises(MissingError):
        fetcher.get(server.url(asked))
    assert server.paths == [sent]
    assert server.requests[0].headers["host"] == server.url().removeprefix("http://")


def test_an_address_with_control_characters_is_not_asked_for(server: Server, fetcher: Fetcher) -> None:
    with pytest.raises(NetworkError, match="not a valid url"):
        fetcher.get(server.url("/a\x7fb"))
    assert server.requests == []


def test_a_document_that_is_not_the_gzip_it_says_is_an_error(server: Server, fetcher: Fetcher) -> None:
    server.always(PATH, Fault(headers={"Content-Encoding": "gzip"}))
    with pytest.raises(NetworkError, match="malformed"):
        fetcher.get(server.url(PATH))
