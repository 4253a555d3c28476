"""The catalogue in force: refreshed from upstream without getting in the way, or a mirror's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pyv
from pyv.catalogue import GRAALPY, PYPY, RELEASES, Build, bundled, bundled_info
from pyv.errors import NetworkError, NotFoundError, StoreError, UsageError, VerificationError
from pyv.fetch import Fetcher
from pyv.index import UPSTREAM, Index, Upstream
from pyv.index.kept import read, write
from pyv.layout import Layout
from pyv.platforms import Host, Platform
from pyv.versions import Request
from tests.support.certificates import make_certificates
from tests.support.downloads import SHORT
from tests.support.server import Fault, Server
from tests.test_catalogue import ROUND_TRIPS, SHA, entry

if TYPE_CHECKING:
    from collections.abc import Iterator

LINUX = Platform("linux", "x86_64", "", "gnu")
HOST = Host(LINUX, frozenset({"v2", "v3"}))
DAY, HOUR = 86400, 3600
# Releases after the bundled ones, whatever those are
TAG, NEXT = "90000101", "90000201"
BUNDLED = bundled(LINUX)
OF_3_12 = [build for build in BUNDLED if build.version.minor == "3.12"]
KNOWN = max(OF_3_12, key=lambda build: build.version.order)
LATEST = "/latest-release.json"
OTHER = "1" * 64


def asset(version: str, tag: str = TAG, triple: str = "x86_64-unknown-linux-gnu") -> str:
    return f"cpython-{version}+{tag}-{triple}-install_only_stripped.tar.gz"


def put(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def release(folder: Path, tag: str, *versions: str, sha256: str = SHA) -> None:
    """Publish a release as the newest one."""
    put(folder / tag / "SHA256SUMS", "".join(f"{sha256}  {asset(version, tag)}\n" for version in versions))
    put(folder / LATEST[1:], {"version": 1, "tag": tag, "asset_url_prefix": "https://evil.example/"})


def names(builds: list[Build]) -> set[str]:
    return {build.version.name for build in builds}


class Site:
    """A machine with an own cache, and a server on 127.0.0.1 that is upstream, its fallback and a mirror."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "served"
        self.folder.mkdir()
        self.cache = folder / "cache"
        self.server = Server(self.folder)
        self.now = 2e9
        self.notes: list[str] = []
        self.env: dict[str, str] = {}
        self._fetchers: list[Fetcher] = []

    def index(self, mirror: str = "", *, offline: bool = False, host: Host = HOST, upstream: bool = True) -> Index:
        """Return what a new process would have."""
        url = self.server.url
        places = (url("/up" + LATEST), url("/up"), url("/fallback"))
        if not upstream:
            places = ("https://upstream.invalid/latest", "https://upstream.invalid", "")
        fetcher = Fetcher(self.env, offline=offline, limits=SHORT, sleep=lambda _: None, notify=self.notes.append)
        self._fetchers.append(fetcher)
        return Index(
            Layout({"PYV_CACHE_DIR": str(self.cache), "PYV_ROOT": "/nowhere"}, "/"),
            host,
            lambda: fetcher,
            mirror=mirror,
            offline=offline,
            clock=lambda: self.now,
            notify=self.notes.append,
            upstream=Upstream(*places),
        )

    def close(self) -> None:
        for fetcher in self._fetchers:
            fetcher.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with made.server:
        yield made
        made.close()


@pytest.fixture
def up(site: Site) -> Path:
    """Return upstream's folder, with one release that pyv does not carry."""
    release(site.folder / "up", TAG, "3.12.90", "3.12.91rc1", "3.13.90")
    return site.folder / "up"


# Upstream


def test_upstreams_places_are_static_files_over_https() -> None:
    assert all(place.startswith("https://") for place in UPSTREAM)
    assert not any("api.github.com" in place for place in UPSTREAM)
    assert UPSTREAM.releases == RELEASES


def test_without_a_refresh_the_bundled_builds_are_known_and_nobody_is_asked(site: Site, up: Path) -> None:
    assert up.is_dir()
    assert site.index().builds(refresh=False) == BUNDLED
    assert site.server.requests == []
    assert not site.cache.exists()


def test_a_new_release_is_known_by_itself(site: Site, up: Path) -> None:
    assert up.is_dir()
    builds = site.index().builds()
    assert names(builds) == names(BUNDLED) | {"3.12.90", "3.12.91rc1", "3.13.90"}
    assert site.server.paths == ["/up" + LATEST, f"/up/{TAG}/SHA256SUMS"]
    found = next(build for build in builds if build.version.name == "3.12.90")
    assert found == Build(found.version, LINUX, f"{RELEASES}/{TAG}/{quote(asset('3.12.90'))}", SHA, TAG)


def test_what_was_asked_today_is_not_asked_again(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.index().builds()
    site.now += DAY - 1
    assert "3.12.90" in names(site.index().builds())
    assert len(site.server.requests) == 2


def test_an_unchanged_release_is_not_sent_again(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.index().builds()
    site.now += DAY + 1
    assert "3.12.90" in names(site.index().builds())
    assert [bool(request.headers.get("if-none-match")) for request in site.server.requests] == [
        False,
        False,
        True,
        True,
    ]
    site.now += HOUR + 1
    site.index().builds()
    assert len(site.server.requests) == 4


def test_releases_that_were_newest_before_stay_known(site: Site, up: Path) -> None:
    site.index().builds()
    release(up, NEXT, "3.12.92", "3.12.90", sha256=OTHER)
    site.now += DAY + 1
    site.index().builds()
    builds = {build.version.name: build for build in site.index(offline=True).builds()}
    assert {"3.12.90", "3.12.91rc1", "3.12.92", "3.13.90"} <= set(builds)
    assert (builds["3.12.90"].build, builds["3.12.90"].sha256) == (NEXT, OTHER)
    assert builds["3.13.90"].build == TAG


def test_what_the_wheel_carries_by_now_is_no_longer_kept(site: Site, up: Path) -> None:
    assert up.is_dir()
    file = site.cache / "catalogue/upstream.txt"
    write(file, {"tag": KNOWN.build}, [KNOWN._replace(build="20200101"), KNOWN._replace(version=OF_3_12[0].version)])
    site.index().update()
    kept = read(file)
    assert kept is not None
    assert "20200101" not in {build.build for build in kept.all_builds()}
    assert TAG in {build.build for build in kept.all_builds()}
    assert KNOWN in site.index().builds()


def test_a_release_whose_list_was_corrected_is_read_again(site: Site, up: Path) -> None:
    site.index().builds()
    release(up, TAG, "3.12.90", "3.12.95")
    site.now += DAY + 1
    assert "3.12.95" in names(site.index().builds())


def test_a_refresh_within_the_same_second_is_not_repeated(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.now += 0.6
    site.index().builds()
    asked = len(site.server.requests)
    site.index().builds()
    assert len(site.server.requests) == asked
    site.index().update()
    asked = len(site.server.requests)
    site.index().builds()
    assert len(site.server.requests) == asked


def test_an_update_where_nothing_is_served_says_what_to_do(site: Site) -> None:
    with pytest.raises(NetworkError) as caught:
        site.index().update()
    assert caught.value.hint == "look at what is served there, or try later: pyv index update"


def test_nobody_is_asked_for_an_exact_version_that_is_known(site: Site, up: Path) -> None:
    assert up.is_dir()
    index = site.index()
    index.builds(wanted=Request.parse(KNOWN.version.name))
    assert index.choose(Request.parse(KNOWN.version.name)) == KNOWN
    index.choose(Request.parse("pypy3.10-7.3.19"))
    assert site.server.requests == []


def test_an_exact_version_that_is_not_known_is_asked_for(site: Site, up: Path) -> None:
    assert up.is_dir()
    assert site.index().choose(Request.parse("3.12.90")).build == TAG


def test_offline_nobody_is_asked(site: Site, up: Path) -> None:
    assert up.is_dir()
    assert site.index(offline=True).builds() == BUNDLED
    assert site.server.requests == []


def test_several_threads_ask_once(site: Site, up: Path) -> None:
    assert up.is_dir()
    index = site.index()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(index.choose(Request.parse("3.12")).version.name))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["3.12.90"] * 4
    assert len(site.server.requests) == 2


def test_an_upstream_that_cannot_be_reached_is_no_failure_and_left_alone_for_an_hour(site: Site) -> None:
    site.server.always("*", Fault(status=403))
    assert site.index().builds() == BUNDLED
    asked = len(site.server.requests)
    site.now += HOUR - 1
    assert site.index().builds() == BUNDLED
    assert len(site.server.requests) == asked
    site.now += 2
    site.index().builds()
    assert len(site.server.requests) > asked
    assert site.notes == []


def test_an_upstream_without_any_answer_is_given_up(site: Site) -> None:
    site.server.stop()
    assert site.index().builds() == BUNDLED


def test_a_clock_that_was_set_back_does_not_stop_refreshing(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.index().builds()
    site.now -= 10 * DAY
    site.index().builds()
    assert len(site.server.requests) == 4


@pytest.mark.parametrize(
    "latest",
    [
        "<!doctype html><title>Log in to the airport's network</title>",
        "[]",
        "null",
        "[" * 60_000,
        {"version": 2, "tag": TAG},
        {"tag": TAG},
        {"version": 1},
        {"version": 1, "tag": 90000101},
        {"version": 1, "tag": "../90000101"},
        {"version": 1, "tag": "90000101/.."},
        {"version": 1, "tag": "latest"},
        {"version": 1, "tag": ""},
        {"version": 1, "tag": TAG + "\n"},
        "x" * 100_000,
    ],
    ids=lambda latest: repr(latest)[:40],
)
def test_what_names_no_release_is_refused_and_no_failure_of_other_commands(
    site: Site, up: Path, latest: object
) -> None:
    put(up / LATEST[1:], latest)
    with pytest.raises(VerificationError, match=r"latest-release\.json"):
        site.index().update()
    site.now += HOUR + 1
    assert site.index().builds() == BUNDLED
    assert {path.rpartition("/")[2] for path in site.server.paths} == {"latest-release.json"}


@pytest.mark.parametrize("sums", ["", "<html>", f"{SHA}  readme.txt\n"])
def test_a_hash_list_without_builds_is_refused(site: Site, up: Path, sums: str) -> None:
    put(up / TAG / "SHA256SUMS", sums)
    with pytest.raises(VerificationError, match=f"/{TAG}/SHA256SUMS lists no builds"):
        site.index().update()
    assert site.index().builds(refresh=False) == BUNDLED


def test_upstreams_mirror_is_asked_when_upstream_has_no_answer(site: Site, up: Path) -> None:
    site.server.always(f"/up/{TAG}/SHA256SUMS", Fault(status=403))
    put(site.folder / "fallback" / TAG / "SHA256SUMS", (up / TAG / "SHA256SUMS").read_text())
    site.index().update()
    assert "3.12.90" in names(site.index().builds())
    # What one server said about its copy is not repeated to the other
    site.server.always(f"/up/{TAG}/SHA256SUMS", Fault())
    site.index().update()
    asked = [request for request in site.server.requests if request.path == f"/up/{TAG}/SHA256SUMS"]
    assert "if-none-match" not in asked[-1].headers


def test_an_update_asks_whenever_that_was_last_done(site: Site, up: Path) -> None:
    site.index().builds()
    release(up, NEXT, "3.12.92")
    site.index().update()
    assert "3.12.92" in names(site.index(offline=True).builds())


def test_an_update_that_is_not_possible_says_why(site: Site) -> None:
    with pytest.raises(NetworkError, match="offline"):
        site.index(offline=True).update()
    with pytest.raises(NetworkError, match=r"up/latest-release\.json"):
        site.index().update()
    site.server.stop()
    with pytest.raises(NetworkError, match=r"up/latest-release\.json"):
        site.index().update()


def test_a_cache_that_cannot_be_written_stops_nothing_but_an_update(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.cache.write_text("a file where the folder should be")
    assert site.index().builds() == BUNDLED
    assert site.server.requests == []
    with pytest.raises(StoreError, match="cannot be written"):
        site.index().update()


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "older format", "removed"])
def test_a_damaged_cache_counts_as_none_and_heals(site: Site, up: Path, damage: str) -> None:
    assert up.is_dir()
    site.index().builds()
    file = site.cache / "catalogue/upstream.txt"
    text = file.read_text()
    if damage == "removed":
        file.unlink()
    else:
        damaged = {"cut": text[:-20], "changed": text.replace(SHA, OTHER), "emptied": "", "older format": "pyv 0\n"}
        file.write_text(damaged[damage])
    assert site.index(offline=True).builds() == BUNDLED
    site.now += HOUR + 1
    assert "3.12.90" in names(site.index().builds())
    assert "if-none-match" not in site.server.requests[-1].headers


@pytest.mark.parametrize("text", ["", "1", "nan nan", "inf 1", "x y", "-5 3", "1 2 3", "\x00"])
def test_a_damaged_note_of_the_last_refresh_counts_as_none(site: Site, up: Path, text: str) -> None:
    assert up.is_dir()
    put(site.cache / "catalogue/upstream.tried", text)
    assert "3.12.90" in names(site.index().builds())


def test_validators_that_are_no_plain_text_are_not_kept(site: Site, up: Path) -> None:
    assert up.is_dir()
    site.server.always(f"/up/{TAG}/SHA256SUMS", Fault(etag='"\xe9\xa0"'))
    site.index().update()
    assert "3.12.90" in names(site.index(offline=True).builds())


def test_builds_are_tried_at_upstream_and_then_at_its_mirror(site: Site) -> None:
    index, path = site.index(), KNOWN.url.removeprefix(RELEASES)
    assert index.urls(KNOWN) == [site.server.url(f"/up{path}"), site.server.url(f"/fallback{path}")]
    assert index.pinned(KNOWN) == KNOWN
    pypy = index.choose(Request.parse("pypy3.10"))
    assert index.urls(pypy) == [pypy.url]


def test_builds_for_another_platform_or_level_are_those_of_that_platform(site: Site) -> None:
    mac = Platform("darwin", "aarch64", "", "none")
    index = site.index(offline=True)
    assert index.builds(platform=mac) == bundled(mac)
    assert index.builds(wanted=Request.parse("cpython-3.12-linux-x86_64_v3")) == bundled(LINUX._replace(level="v3"))
    assert index.choose(Request.parse("cpython-3.12-linux-x86_64_v3")).platform.level == "v3"


def test_what_exists_only_for_other_platforms_is_denied_by_their_names(site: Site) -> None:
    riscv = Host(Platform("linux", "riscv64", "", "gnu"), frozenset())
    others = r"linux-aarch64-gnu, linux-i686-gnu, linux-s390x-gnu, .* and 3 more"
    with pytest.raises(NotFoundError, match=rf"pypy3\.9 is not made for linux-riscv64-gnu, only for {others}"):
        site.index(offline=True, host=riscv).choose(Request.parse("pypy3.9"))


def test_what_exists_nowhere_is_denied_with_the_catalogue_that_was_looked_into(site: Site, up: Path) -> None:
    assert up.is_dir()
    with pytest.raises(NotFoundError, match=r"3\.12\.99 .*\(upstream's catalogue, as bundled with pyv\)"):
        site.index(offline=True).choose(Request.parse("3.12.99"))
    with pytest.raises(
        NotFoundError, match=r"\(upstream's catalogue, refreshed\); the newest known 3\.12 is 3\.12\.90"
    ):
        site.index().choose(Request.parse("3.12.99"))


def test_the_state_of_the_catalogue_is_told(site: Site, up: Path) -> None:
    assert up.is_dir()
    header = bundled_info()
    before = site.index(offline=True).info()
    assert before == ("upstream's catalogue, as bundled with pyv", header.newest, len(BUNDLED), header.total, None)
    after = site.index().update()
    assert after == ("upstream's catalogue, refreshed", TAG, len(BUNDLED) + 3, header.total + 3, site.now)
    assert site.index(offline=True).info() == after


def test_looking_at_the_catalogue_offline_imports_no_heavy_library(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pyv.index import Index\n"
        "from pyv.layout import Layout\n"
        "from pyv.platforms import Host, Platform\n"
        "host = Host(Platform('linux', 'x86_64', '', 'gnu'), frozenset())\n"
        f"layout = Layout({{'PYV_CACHE_DIR': {str(tmp_path)!r}, 'PYV_ROOT': '/nowhere'}}, '/')\n"
        "index = Index(layout, host, lambda: None, mirror='', offline=True, clock=lambda: 0, notify=print)\n"
        "assert index.builds() and index.info()\n"
        "print(*sys.modules)"
    )
    env = {"PYTHONPATH": os.pathsep.join([str(Path(pyv.__file__).parent.parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert set(done.stdout.split()) & {"httpx", "filelock", "pyv.fetch", "pyv.fsops", "json", "urllib.request"} == set()


# A mirror with a catalogue of its own


def catalogue(folder: Path, *entries: dict[str, object]) -> None:
    put(folder / "download-metadata.json", {f"entry-{number}": each for number, each in enumerate(entries)})


@pytest.fixture
def mirror(site: Site) -> str:
    """Return the url of a mirror with a catalogue of one build."""
    catalogue(site.folder, entry())
    return site.server.url()


def test_a_mirrors_own_catalogue_is_the_catalogue(site: Site, mirror: str, up: Path) -> None:
    assert up.is_dir()
    builds = site.index(mirror).builds()
    assert names(builds) == {"3.13.1"}
    assert builds[0].url == f"{mirror}/20250106/{quote(asset('3.13.1', '20250106'))}"
    assert site.server.paths == ["/download-metadata.json"]


URLS = [
    (f"{RELEASES}/20250106/a.tar.gz", "{}/20250106/a.tar.gz"),
    ("https://github.com/indygreg/python-build-standalone/releases/download/20250106/a.tar.gz", "{}/20250106/a.tar.gz"),
    (f"{UPSTREAM.fallback}/20250106/a.tar.gz", "{}/20250106/a.tar.gz"),
    (f"{PYPY}/pypy3.10-v7.3.19-linux64.tar.gz", "{}/pypy/pypy3.10-v7.3.19-linux64.tar.gz"),
    (f"{GRAALPY}/graal-24.2.2/graalpy-24.2.2-linux-amd64.tar.gz", "{}/graal-24.2.2/graalpy-24.2.2-linux-amd64.tar.gz"),
    ("20250106/a%2Bb.tar.gz", "{}/20250106/a%2Bb.tar.gz"),
    ("a.tar.gz", "{}/a.tar.gz"),
    ("https://elsewhere.example/a.tar.gz", "https://elsewhere.example/a.tar.gz"),
    ("http://elsewhere.example/a.tar.gz", "http://elsewhere.example/a.tar.gz"),
]


@pytest.mark.parametrize(("url", "place"), URLS)
def test_upstreams_urls_become_the_mirrors_and_others_stay(site: Site, mirror: str, url: str, place: str) -> None:
    catalogue(site.folder, entry(url=url))
    expected = place.format(mirror)
    index = site.index(mirror)
    assert [build.url for build in index.builds()] == [expected]
    assert index.urls(index.builds()[0]) == [expected]
    assert [build.url for build in site.index(mirror, offline=True).builds()] == [expected]


def test_the_mirrors_catalogue_is_asked_for_again_by_every_run_and_sent_only_when_changed(
    site: Site, mirror: str
) -> None:
    site.index(mirror).builds()
    index = site.index(mirror)
    assert names(index.builds()) == {"3.13.1"}
    assert names(index.builds()) == {"3.13.1"}
    assert [bool(request.headers.get("if-none-match")) for request in site.server.requests] == [False, True]
    catalogue(site.folder, entry(patch=2))
    assert names(site.index(mirror).builds()) == {"3.13.2"}
    assert names(site.index(mirror).builds(refresh=False)) == {"3.13.2"}
    assert len(site.server.requests) == 3


def test_a_mirror_that_cannot_be_reached_is_what_it_was_and_that_is_said(site: Site, mirror: str) -> None:
    site.index(mirror).builds()
    site.server.stop()
    assert names(site.index(mirror).builds()) == {"3.13.1"}
    assert len(site.notes) == 1
    assert "download-metadata.json" in site.notes[0]
    assert site.notes[0].endswith("what it offered before is used")


def test_a_mirror_that_was_never_reached_is_an_error_that_costs_one_wait(site: Site, mirror: str) -> None:
    site.server.always("/download-metadata.json", Fault(status=403))
    index = site.index(mirror)
    for _ in range(2):
        with pytest.raises(NetworkError, match=r"127\.0\.0\.1.*download-metadata\.json"):
            index.builds()
    assert len(site.server.requests) == 1


def test_offline_a_mirror_is_what_it_was(site: Site, mirror: str) -> None:
    site.index(mirror).builds()
    assert names(site.index(mirror, offline=True).builds()) == {"3.13.1"}
    assert len(site.server.requests) == 1
    assert site.notes == []


def test_offline_a_mirror_that_was_never_seen_is_taken_for_one_of_upstream(site: Site, mirror: str) -> None:
    builds = site.index(mirror, offline=True).builds()
    assert names(builds) == names(BUNDLED)
    assert all(build.url.startswith(f"{mirror}/") for build in builds)
    with pytest.raises(NetworkError, match="offline"):
        site.index(mirror, offline=True).update()


@pytest.mark.parametrize("body", ["<html>", "[]", '{"error": "not found"}', "[" * 100_000])
def test_a_mirror_that_serves_something_else_is_refused_and_what_it_was_stays_kept(
    site: Site, mirror: str, body: str
) -> None:
    site.index(mirror).builds()
    put(site.folder / "download-metadata.json", body)
    for _ in range(2):
        with pytest.raises(VerificationError, match=r"http://127\.0\.0\.1:\d+/download-metadata\.json is not"):
            site.index(mirror).builds()
    assert names(site.index(mirror, offline=True).builds()) == {"3.13.1"}


def test_an_entry_that_pyv_does_not_understand_leaves_the_others(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(name="jython"), entry(url="../../a.tar.gz"), entry(patch=2))
    assert names(site.index(mirror).builds()) == {"3.13.2"}


def test_of_several_builds_of_a_version_the_mirrors_newest_counts(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(build="20250107", url="b.tar.gz"), entry(url="a.tar.gz"))
    assert [build.asset for build in site.index(mirror).builds()] == ["b.tar.gz"]


def test_a_file_url_of_a_web_mirror_is_refused(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(url="file:///etc/a.tar.gz"), entry(patch=2))
    assert names(site.index(mirror).builds()) == {"3.13.2"}
    assert site.notes == [f"refused 1 of the builds of {mirror}: their urls are less safe than its own"]


def test_an_unencrypted_url_of_an_encrypted_mirror_is_refused(site: Site, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    site.env = {"SSL_CERT_FILE": str(certificates.authority)}
    catalogue(site.folder, entry(url="http://127.0.0.1/a.tar.gz"), entry(patch=2))
    with Server(site.folder, tls=certificates) as server:
        assert names(site.index(server.url()).builds()) == {"3.13.2"}
    assert len(site.notes) == 1


def test_passwords_of_a_mirror_are_sent_and_never_written_or_told(site: Site) -> None:
    catalogue(site.folder, entry(), entry(patch=2, url=site.server.url("/x/a.tar.gz")), entry(patch=3, sha256=None))
    site.server.login = "user:hush"
    url = site.server.url(login="user:hush")
    index = site.index(url)
    assert [build.url.startswith(f"{url}/") for build in index.builds()] == [True] * 3
    assert "hush" not in repr(index.info())
    with pytest.raises(VerificationError) as refused:
        index.choose(Request.parse("3.13.3"))
    with pytest.raises(NotFoundError) as denied:
        index.choose(Request.parse("3.12"))
    put(site.folder / "download-metadata.json", "[]")
    with pytest.raises(VerificationError) as wrong:
        site.index(url).builds()
    site.server.stop()
    assert len(site.index(url).builds()) == 3
    told = [str(caught.value) for caught in (refused, denied, wrong)] + site.notes
    assert "hush" not in "".join(told)
    written = [path.read_text() + str(path) for path in site.cache.rglob("*.txt")]
    assert written
    assert not any("hush" in text or "user:" in text for text in written)


def test_two_mirrors_are_kept_apart(site: Site) -> None:
    catalogue(site.folder / "one", entry())
    catalogue(site.folder / "two", entry(patch=2))
    one, two = site.server.url("/one"), site.server.url("/two/")
    assert names(site.index(one).builds()) == {"3.13.1"}
    assert names(site.index(two).builds()) == {"3.13.2"}
    assert names(site.index(one, offline=True).builds()) == {"3.13.1"}
    assert all(build.url.startswith(f"{two}2025") for build in site.index(two).builds())


def test_a_hash_that_the_catalogue_lacks_comes_from_the_mirrors_hash_list(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(sha256=None))
    put(site.folder / "20250106/SHA256SUMS", f"{OTHER}  {asset('3.13.1', '20250106')}\n")
    index = site.index(mirror)
    assert [build.sha256 for build in index.builds()] == [""]
    chosen = index.choose(Request.parse("3.13"))
    assert chosen.sha256 == OTHER
    assert index.pinned(chosen) == chosen
    assert site.server.count("/20250106/SHA256SUMS") == 1


def test_a_build_whose_hash_nobody_tells_is_refused(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(sha256=None))
    with pytest.raises(VerificationError, match=r"has no sha256 \(the catalogue of the mirror http://127"):
        site.index(mirror).choose(Request.parse("3.13"))


def test_a_hash_of_the_catalogue_is_not_overruled(site: Site, mirror: str) -> None:
    put(site.folder / "20250106/SHA256SUMS", f"{OTHER}  {asset('3.13.1', '20250106')}\n")
    index = site.index(mirror)
    assert index.pinned(index.choose(Request.parse("3.13"))).sha256 == SHA
    assert site.server.count("/20250106/SHA256SUMS") == 0


def test_the_state_of_a_mirror_is_told(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(), entry(os="darwin", libc="none", build="20250107"))
    expected = (f"the catalogue of the mirror {mirror}", "20250107", 1, 2, site.now)
    assert site.index(mirror).update() == expected
    assert site.index(mirror, offline=True).info() == expected
    site.now += HOUR
    assert site.index(mirror).update().refreshed == site.now  # although nothing is new
    assert site.index(mirror, offline=True).info() == (*expected[:4], site.now)


def test_what_a_mirror_lacks_is_denied_with_what_it_has(site: Site, mirror: str) -> None:
    catalogue(site.folder, entry(), entry(minor=12, os="darwin", libc="none"))
    with pytest.raises(NotFoundError, match=r"3\.12 is not made for linux-x86_64-gnu, only for darwin-x86_64-none"):
        site.index(mirror).choose(Request.parse("3.12"))


# A mirror without one


def test_a_mirror_without_a_catalogue_offers_upstreams_builds_and_upstream_is_not_asked(site: Site) -> None:
    mirror = site.server.url("/m")
    builds = site.index(mirror, upstream=False).builds()
    assert {build._replace(url="") for build in builds} == {build._replace(url="") for build in BUNDLED}
    found = next(build for build in builds if build.version == KNOWN.version)
    assert found.url == f"{mirror}{KNOWN.url.removeprefix(RELEASES)}"
    pypy = next(build for build in builds if build.version.name == "pypy3.10-7.3.19")
    assert pypy.url == f"{mirror}/pypy/pypy3.10-v7.3.19-linux64.tar.gz"
    assert {build.url.count("/") for build in builds} == {mirror.count("/") + 2}
    assert set(site.server.paths) == {"/m/download-metadata.json", "/m/latest-release.json"}


def test_what_such_a_mirrors_newest_release_lists_is_offered(site: Site) -> None:
    mirror = site.server.url("/m")
    release(site.folder / "m", "20250107", "3.12.90", KNOWN.version.name, sha256=OTHER)
    builds = {build.version.name: build for build in site.index(mirror, upstream=False).builds()}
    assert builds["3.12.90"].url == f"{mirror}/20250107/{quote(asset('3.12.90', '20250107'))}"
    # The one that is surely there, though upstream's is newer
    assert builds[KNOWN.version.name].build == "20250107"
    site.server.stop()
    again = {build.version.name: build for build in site.index(mirror, upstream=False).builds()}
    assert again == builds
    assert "what it offered before is used" in site.notes[0]


def test_when_such_a_mirror_has_last_answered_is_told_also_if_nothing_is_new(site: Site) -> None:
    mirror = site.server.url("/m")
    assert site.index(mirror).update().refreshed is None
    release(site.folder / "m", TAG, "3.12.90")
    assert site.index(mirror).update().refreshed == site.now
    site.now += HOUR
    assert site.index(mirror).update().refreshed == site.now
    assert site.index(mirror, offline=True).info().refreshed == site.now
    assert "3.12.90" in names(site.index(mirror, offline=True).builds())
    (site.folder / "m" / LATEST[1:]).unlink()
    assert site.index(mirror).update().refreshed is None


def test_a_release_that_such_a_mirror_no_longer_names_is_forgotten(site: Site) -> None:
    mirror = site.server.url("/m")
    release(site.folder / "m", TAG, "3.12.90")
    assert "3.12.90" in names(site.index(mirror, upstream=False).builds())
    (site.folder / "m" / LATEST[1:]).unlink()
    assert "3.12.90" not in names(site.index(mirror, upstream=False).builds())


def test_a_mirror_that_gets_a_catalogue_is_then_ruled_by_it(site: Site) -> None:
    mirror = site.server.url("/m")
    assert len(site.index(mirror, upstream=False).builds()) == len(BUNDLED)
    catalogue(site.folder / "m", entry())
    assert names(site.index(mirror, upstream=False).builds()) == {"3.13.1"}
    (site.folder / "m/download-metadata.json").unlink()
    assert len(site.index(mirror, upstream=False).builds()) == len(BUNDLED)


def test_a_mirrors_own_build_under_upstreams_name_has_the_mirrors_hash(site: Site) -> None:
    mirror = site.server.url("/m")
    put(site.folder / f"m/{KNOWN.build}/SHA256SUMS", f"{OTHER}  {KNOWN.asset}\n{SHA}  other.tar.gz\n")
    index = site.index(mirror, upstream=False)
    chosen = index.choose(Request.parse(KNOWN.version.name))
    assert chosen.sha256 == KNOWN.sha256
    assert index.pinned(chosen) == chosen._replace(sha256=OTHER)
    assert index.pinned(chosen) == chosen._replace(sha256=OTHER)
    assert site.server.count(f"/m/{KNOWN.build}/SHA256SUMS") == 1


def test_upstreams_hash_holds_for_what_the_mirrors_hash_list_does_not_name(site: Site) -> None:
    put(site.folder / f"m/{KNOWN.build}/SHA256SUMS", f"{OTHER}  other.tar.gz\n")
    index = site.index(site.server.url("/m"), upstream=False)
    assert index.pinned(index.choose(Request.parse(KNOWN.version.name))).sha256 == KNOWN.sha256
    graalpy = index.choose(Request.parse("graalpy"))
    assert index.pinned(graalpy) == graalpy


def test_offline_a_mirrors_hash_list_is_not_asked_for(site: Site) -> None:
    index = site.index(site.server.url("/m"), offline=True)
    chosen = index.choose(Request.parse("3.12"))
    assert index.pinned(chosen) == chosen
    assert site.server.requests == []


# A mirror that is a folder


@pytest.fixture(params=["path", "file url", "file url with a host"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Return a folder with a name that urls do not like, and how it is given as a mirror."""
    folder = tmp_path / "a shelf #1 %41"
    folder.mkdir()
    host = "localhost" if "host" in request.param else ""
    return folder, str(folder) if request.param == "path" else f"file://{host}{quote(str(folder))}/"


def archive(folder: Path, tag: str, name: str) -> Path:
    put(folder / tag / name, "bytes")
    return folder / tag / name


def test_a_folder_with_a_catalogue_offers_what_lies_in_it(site: Site, shelf: tuple[Path, str]) -> None:
    folder, mirror = shelf
    catalogue(folder, entry(), entry(patch=2, url=str(entry()["url"]).replace("3.13.1", "3.13.2")))
    file = archive(folder, "20250106", asset("3.13.1", "20250106"))
    for offline in (False, True):
        builds = site.index(mirror, offline=offline).builds()
        assert names(builds) == {"3.13.1"}
        assert builds[0].url == f"file://{quote(str(folder))}/20250106/{quote(file.name)}"
        with Fetcher({}) as fetcher:
            assert fetcher.get(builds[0].url).body == b"bytes"


def test_a_changed_catalogue_of_a_folder_is_seen_without_asking_for_a_refresh(
    site: Site, shelf: tuple[Path, str]
) -> None:
    folder, mirror = shelf
    catalogue(folder, entry(url="a.tar.gz"))
    archive(folder, ".", "a.tar.gz")
    assert names(site.index(mirror, offline=True).builds(refresh=False)) == {"3.13.1"}
    catalogue(folder, entry(url="a.tar.gz", patch=22))
    assert names(site.index(mirror, offline=True).builds(refresh=False)) == {"3.13.22"}


def test_a_folder_without_a_catalogue_offers_upstreams_archives_that_lie_in_it(
    site: Site, shelf: tuple[Path, str]
) -> None:
    folder, mirror = shelf
    assert site.index(mirror).builds() == []
    archive(folder, KNOWN.tag, KNOWN.asset)
    builds = site.index(mirror, upstream=False).builds()
    assert [(build.version, build.sha256) for build in builds] == [(KNOWN.version, KNOWN.sha256)]
    assert not site.cache.exists() or "upstream.txt" not in os.listdir(site.cache / "catalogue")


def test_a_folder_without_a_catalogue_offers_what_its_hash_lists_name(site: Site, shelf: tuple[Path, str]) -> None:
    folder, mirror = shelf
    for tag, sha256 in (("20250106", SHA), ("20250107", OTHER)):
        archive(folder, tag, asset("3.12.90", tag))
        put(folder / tag / "SHA256SUMS", f"{sha256}  {asset('3.12.90', tag)}\n{sha256}  {asset('3.12.91', tag)}\n")
    put(folder / "not a release" / "SHA256SUMS", f"{SHA}  {asset('3.12.95')}\n")
    index = site.index(mirror, offline=True)
    assert [(build.version.name, build.sha256) for build in index.builds()] == [("3.12.90", OTHER)]
    assert index.pinned(index.choose(Request.parse("3.12"))).sha256 == OTHER


def test_an_archive_in_a_folder_whose_hash_nobody_tells_is_named_and_refused(
    site: Site, shelf: tuple[Path, str]
) -> None:
    folder, mirror = shelf
    archive(folder, KNOWN.tag, KNOWN.asset)
    unknown = archive(folder, "20250106", asset("3.12.90", "20250106"))
    newer = archive(folder, "29990101", asset(KNOWN.version.name, "29990101"))
    index = site.index(mirror, offline=True)
    with pytest.raises(VerificationError, match=rf"^refused: {re.escape(unknown.name)} has no sha256 \("):
        index.choose(Request.parse("3.12.90"))
    assert index.choose(Request.parse(KNOWN.version.name)).asset == KNOWN.asset
    put(newer.parent / "SHA256SUMS", f"{SHA}  {newer.name}\n")
    index = site.index(mirror, offline=True)
    assert index.choose(Request.parse(KNOWN.version.name)).asset == newer.name


def test_a_build_that_a_folder_lacks_is_chosen_only_if_nothing_else_matches(
    site: Site, shelf: tuple[Path, str]
) -> None:
    folder, mirror = shelf
    older = min(OF_3_12, key=lambda build: build.version.order)
    archive(folder, older.tag, older.asset)
    index = site.index(mirror)
    assert index.choose(Request.parse("3.12")).version == older.version
    assert index.choose(Request.parse(KNOWN.version.name)).url.endswith(KNOWN.url.removeprefix(RELEASES))


def test_a_file_url_of_a_folder_may_lead_elsewhere(site: Site, shelf: tuple[Path, str]) -> None:
    folder, mirror = shelf
    catalogue(folder, entry(url="file:///srv/a.tar.gz"), entry(patch=2, url="https://example.org/a.tar.gz"))
    assert names(site.index(mirror).builds()) == {"3.13.1", "3.13.2"}


def test_the_state_of_a_folder_counts_what_lies_in_it(site: Site, shelf: tuple[Path, str]) -> None:
    folder, mirror = shelf
    archive(folder, KNOWN.tag, KNOWN.asset)
    info = site.index(mirror).update()
    assert (info.newest, info.here, info.total) == (KNOWN.build, 1, 1)
    assert info.source == f"the known builds for the mirror {folder}"


def test_a_folder_that_is_not_there_is_an_error(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="there is no folder") as caught:
        site.index(str(tmp_path / "absent")).builds()
    assert caught.value.hint == "check PYV_MIRROR"


def test_a_folder_works_without_a_cache(site: Site, shelf: tuple[Path, str]) -> None:
    folder, mirror = shelf
    site.cache.write_text("a file where the folder should be")
    catalogue(folder, entry(url="a.tar.gz"))
    archive(folder, ".", "a.tar.gz")
    assert names(site.index(mirror).builds()) == {"3.13.1"}


@pytest.mark.parametrize(
    "mirror",
    [
        "mirror",
        "./mirror",
        "ftp://example.org/mirror",
        "https://",
        "https:///mirror",
        "http://[::1",
        "http://example.org:99999/mirror",
        "http://example.org:port/mirror",
        "http://example.org/mirror\udcff",
        "https://example.org/mirror?token=hush",
        "https://example.org/a b",
        "file://server/mirror",
        "file:mirror",
        "/mirror\0",
        "user:hush@example.org/mirror",
    ],
)
def test_a_mirror_that_is_no_place_is_wrong_usage(site: Site, mirror: str) -> None:
    with pytest.raises(UsageError, match=r"neither a url nor an absolute path") as caught:
        site.index(mirror)
    assert "hush" not in str(caught.value)


# What is kept


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    builds = sorted({(build.version, build.platform): build for build in ROUND_TRIPS}.values())
    file = tmp_path / "kept.txt"
    for content in (builds, []):
        kept = write(file, {"tag": TAG, "latest.etag": '"a b"'}, content)
        assert read(file) == kept
        assert sorted(kept.all_builds()) == content
        assert kept.validators("latest") == ('"a b"', "")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(), st.none() | st.integers(0, 500))
def test_whatever_happens_to_a_kept_file_it_is_read_whole_or_not_at_all(
    tmp_path: Path, data: bytes, place: int | None
) -> None:
    file = tmp_path / "kept.txt"
    kept = write(file, {"tag": TAG}, ROUND_TRIPS)
    good = file.read_bytes()
    file.write_bytes(data if place is None else good[:place] + data + good[place:])
    assert read(file) in (None, kept)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text().map(str.encode))
def test_whatever_a_mirror_serves_is_a_catalogue_or_an_error(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "shelf").mkdir(exist_ok=True)
    (tmp_path / "shelf/download-metadata.json").write_bytes(body)
    layout = Layout({"PYV_CACHE_DIR": str(tmp_path / "cache"), "PYV_ROOT": "/nowhere"}, "/")
    with Fetcher({}) as fetcher:
        index = Index(
            layout,
            HOST,
            lambda: fetcher,
            mirror=str(tmp_path / "shelf"),
            offline=True,
            clock=lambda: 0.0,
            notify=lambda _: None,
        )
        with suppress(VerificationError):
            assert index.builds() == []
