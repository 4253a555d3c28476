"""Downloads of archives: streamed, verified, bounded."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from pyv.cache import ArchiveCache
from pyv.errors import NetworkError, VerificationError
from pyv.fetch import Fetcher, Limits, MissingError
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


def test_a_download_reaches_the_file_the_consumer_and_the_bar(server: Server, download: Download) -> None:
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.steps[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in download.steps] == sorted(done for done, _ in download.steps)


def test_bytes_arrive_as_they_come_and_not_at_the_end(server: Server, download: Download) -> None:
    download.run(server.url(PATH))
    assert len(download.steps) > 2


@pytest.mark.parametrize("other", [b"half of another", None], ids=["replaced", "deleted"])
def test_whose_cache_was_deleted_meanwhile_takes_nothing_for_the_archive(
    server: Server, tmp_path: Path, other: bytes | None
) -> None:
    class Deleting(Reader):
        def write(self, data: bytes) -> None:
            if not self.data:
                for file in folder.iterdir():
                    file.unlink()
                if other is not None:
                    (folder / f"{DIGEST}.part").write_bytes(other)
            super().write(data)

    folder, reader = tmp_path / "archives", Deleting()
    cache = ArchiveCache(folder, lambda _line: None)
    with Fetcher({}) as fetcher:
        urls = [server.url(PATH)]
        cache.obtain(urls, DIGEST, lambda: fetcher, reader, scratch=tmp_path, progress=lambda *_: None)
    assert reader.data == DATA
    assert not cache.holds(DIGEST)
    cached = Reader()
    with Fetcher({}) as fetcher:
        cache.obtain(urls, DIGEST, lambda: fetcher, cached, scratch=tmp_path, progress=lambda *_: None)
    assert cached.data == DATA
    assert cache.path(DIGEST).read_bytes() == DATA


def test_the_consumer_may_be_left_out(server: Server, tmp_path: Path) -> None:
    with Fetcher({}) as fetcher:
        path = tmp_path / "part"
        fetcher.download([server.url(PATH)], path, sha256=DIGEST, consumer=None, progress=lambda *_: None)
    assert path.read_bytes() == DATA


def test_a_plus_sign_in_a_name_is_asked_for_as_it_is_written(server: Server, download: Download) -> None:
    (server.folder / "cpython-3.12.7+1-x.tar.gz").write_bytes(DATA)
    download.run(server.url("/cpython-3.12.7%2B1-x.tar.gz"))
    assert server.paths == ["/cpython-3.12.7%2B1-x.tar.gz"]
    Download(download.partial.parent / "other").run(server.url("/cpython-3.12.7+1-x.tar.gz"))
    assert server.paths[1] == "/cpython-3.12.7+1-x.tar.gz"


def test_wrong_bytes_are_deleted_and_not_asked_for_again(server: Server, download: Download) -> None:
    server.always(PATH, Fault(wrong=True))
    with pytest.raises(VerificationError) as caught:
        download.run(server.url(PATH, login="user:secret"))
    wrong = bytes(byte ^ 0x55 for byte in DATA)
    assert server.url(PATH) in caught.value.message
    assert DIGEST in caught.value.message
    assert hashlib.sha256(wrong).hexdigest() in caught.value.message
    assert "secret" not in str(caught.value)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert len(server.requests) == 1
    assert download.left_nothing()
    assert download.reader.data == b""


def test_wrong_bytes_after_a_resume_are_refused_after_one_fresh_try(server: Server, download: Download) -> None:
    server.always(PATH, Fault(wrong=True))
    download.leave(DATA[:HALF])
    with pytest.raises(VerificationError):
        download.run(server.url(PATH))
    assert len(server.requests) == 2
    assert download.left_nothing()


def test_after_wrong_bytes_the_next_source_is_tried(server: Server, download: Download) -> None:
    (server.folder / "copy").write_bytes(DATA)
    server.always(PATH, Fault(wrong=True))
    download.run(server.url(PATH), server.url("/copy"))
    assert download.is_whole()
    assert download.reader.restarts == 1


def test_what_one_source_began_another_can_finish(server: Server, download: Download) -> None:
    (server.folder / "copy").write_bytes(DATA)
    server.next(PATH, Fault(cut=HALF))
    server.always(PATH, Fault(status=404))
    download.run(server.url(PATH), server.url("/copy"))
    assert download.is_whole()
    assert download.reader.restarts == 0
    assert "if-range" not in server.requests[-1].headers


def test_wrong_bytes_are_told_even_if_another_source_could_not_be_reached(server: Server, download: Download) -> None:
    server.always(PATH, Fault(wrong=True))
    with pytest.raises(VerificationError) as caught:
        download.run(server.url(PATH), server.url("/absent"))
    assert "not found" in caught.value.message


def test_a_body_announced_as_longer_than_a_gibibyte_is_refused_unread(server: Server, tmp_path: Path) -> None:
    download = Download(tmp_path, limits=Limits())
    server.always(PATH, Fault(length=(1 << 30) + 1))
    with pytest.raises(VerificationError, match="more than"):
        download.run(server.url(PATH))
    assert download.steps == []
    assert download.left_nothing()


@pytest.mark.parametrize("fault", [Fault(endless=True), Fault(chunked=True)], ids=["endless", "chunked"])
def test_a_body_that_goes_on_and_on_is_refused(server: Server, tmp_path: Path, fault: Fault) -> None:
    download = Download(tmp_path, limits=SHORT._replace(body=len(DATA) - 1))
    server.always(PATH, fault)
    with pytest.raises(VerificationError, match="more than"):
        download.run(server.url(PATH))
    assert len(server.requests) == 1
    assert download.left_nothing()


def test_a_length_that_lies_short_is_refused(server: Server, download: Download) -> None:
    server.always(PATH, Fault(length=HALF))
    with pytest.raises(VerificationError):
        download.run(server.url(PATH))
    assert download.left_nothing()


def test_a_length_that_lies_long_is_corrected_by_the_hash(server: Server, download: Download) -> None:
    server.always(PATH, Fault(length=len(DATA) + 1000))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [204, 300, 304, 403, 999])
def test_an_answer_of_no_use_leads_on(server: Server, download: Download, status: int) -> None:
    server.always(PATH, Fault(status=status))
    with pytest.raises(NetworkError) as caught:
        download.run(server.url(PATH))
    assert f"{server.url(PATH)}: answered {status}" in caught.value.message
    assert caught.value.hint == "look at what is served there, or set PYV_MIRROR to another place"


@pytest.mark.parametrize("fault", [Fault(no_length=True), Fault(chunked=True)], ids=["until closed", "chunked"])
def test_a_body_without_a_length_is_taken(server: Server, download: Download, fault: Fault) -> None:
    server.always(PATH, fault)
    download.run(server.url(PATH))
    assert download.is_whole()
    assert download.steps[-1] == (len(DATA), None)


def test_a_body_without_a_length_that_ends_early_is_fetched_once_more(server: Server, download: Download) -> None:
    server.next(PATH, Fault(no_length=True, cut=HALF))
    download.run(server.url(PATH))
    assert download.is_whole()


def test_a_label_of_an_encoding_changes_no_byte(server: Server, download: Download) -> None:
    server.always(PATH, Fault(headers={"Content-Encoding": "gzip"}))
    download.run(server.url(PATH))
    assert download.is_whole()
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_failure_of_the_consumer_ends_the_download_and_reaches_the_caller(server: Server, tmp_path: Path) -> None:
    download = Download(tmp_path)
    download.reader = Reader(failing=OSError(errno.ENOSPC, "full"))
    with pytest.raises(OSError, match="full"):
        download.run(server.url(PATH))
    assert len(server.requests) == 1


def test_a_file_that_cannot_be_made_reaches_the_caller_as_it_is(server: Server, download: Download) -> None:
    download.partial.parent.parent.joinpath("cache").write_text("in the way")
    with pytest.raises(OSError):  # noqa: PT011 - NotADirectoryError or FileExistsError, whichever comes first
        download.run(server.url(PATH))


def test_the_file_can_be_read_by_others(server: Server, download: Download) -> None:
    mask = os.umask(0)
    try:
        download.run(server.url(PATH))
    finally:
        os.umask(mask)
    assert download.partial.stat().st_mode & 0o777 == 0o644


def test_nothing_is_left_where_nothing_came(server: Server, download: Download) -> None:
    with pytest.raises(MissingError):
        download.run(server.url("/absent"))
    assert not download.partial.parent.exists()


def test_threads_share_one_fetcher_and_its_connections(server: Server, tmp_path: Path, either_way: str) -> None:
    errors: list[BaseException] = []
    with Fetcher({}) as fetcher:

        def fetch(name: str) -> None:
            path = tmp_path / name
            try:
                for _ in range(3):
                    url, reader = server.url(PATH), Reader()
                    fetcher.download([url], path, sha256=DIGEST, consumer=reader, progress=lambda *_: None)
                    assert path.read_bytes() == DATA == reader.data
                    path.unlink()
            except BaseException as error:  # noqa: BLE001 - shown by the assertion below
                errors.append(error)

        threads = [threading.Thread(target=fetch, args=(str(number),)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(server.requests) == 18
        assert server.connections <= 6 + (either_way == "by a worker")


def test_a_file_url_and_a_plain_path_are_sources(server: Server, tmp_path: Path) -> None:
    odd = server.folder / "a b%+#?.tar.gz"
    odd.write_bytes(DATA)
    for number, source in enumerate((odd.as_uri(), f"file://localhost{server.folder}{PATH}", str(odd))):
        download = Download(tmp_path / str(number), offline=True)
        download.leave(DATA[:100])
        download.run(source)
        assert download.is_whole()
        assert max(download.steps) == download.steps[-1] == (len(DATA), len(DATA))


def test_files_are_verified_too(tmp_path: Path, download: Download) -> None:
    (tmp_path / "bad").write_bytes(b"something else")
    with pytest.raises(VerificationError, match=str(tmp_path / "bad")):
        download.run(str(tmp_path / "bad"))
    assert download.left_nothing()


def test_files_are_bounded_too(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(DATA)
    with pytest.raises(VerificationError, match="more than"):
        Download(tmp_path, limits=SHORT._replace(body=1000)).run(str(tmp_path / "big"))


def test_an_absent_file_is_missing_and_the_next_source_is_tried(
    tmp_path: Path, server: Server, download: Download
) -> None:
    download.run(str(tmp_path / "absent"), server.url(PATH))
    assert download.is_whole()
    with pytest.raises(MissingError, match="no such file"):
        Download(tmp_path / "other").run((tmp_path / "absent").as_uri())


@pytest.mark.parametrize(
    "source", ["file://elsewhere/x", "ftp://127.0.0.1/x", "http:///x", "http://a..b/x", "http://["]
)
def test_a_source_of_another_kind_is_refused_by_name(download: Download, source: str) -> None:
    with pytest.raises(NetworkError) as caught:
        download.run(source)
    assert source in caught.value.message
    assert download.pauses == []


def test_a_folder_or_pipe_as_a_source_is_refused(tmp_path: Path, download: Download) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(NetworkError, match="not a file"):
            download.run(str(path))


def test_offline_means_that_nothing_is_asked(server: Server, tmp_path: Path) -> None:
    download = Download(tmp_path, offline=True)
    with pytest.raises(NetworkError, match="offline") as caught:
        download.run(server.url(PATH))
    assert "PYV_OFFLINE" in caught.value.hint
    assert server.requests == []
    assert download.pauses == []
