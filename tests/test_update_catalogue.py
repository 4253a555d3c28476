"""The script that writes the bundled catalogue."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pyv
from pyv.catalogue import RELEASES, Build, bundled, bundled_info, end_of_life, parse_ends
from pyv.platforms import Platform
from pyv.versions import Version
from tests.support.server import Fault, Server
from tests.test_catalogue import SHA, entry

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parent.parent / "scripts/update_catalogue.py"
LINUX = Platform("linux", "x86_64", "", "gnu")
MAC = Platform("darwin", "aarch64", "", "none")
PYPY = "https://downloads.python.org/pypy/pypy3.10-v7.3.19-linux64.tar.gz"
STRIPPED = "x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
METADATA = {
    "cpython-3.13.1-linux-x86_64-gnu": entry(),
    "cpython-3.13.0-linux-x86_64-gnu": entry(patch=0, sha256=None),
    "cpython-3.12.1-linux-x86_64-gnu": entry(minor=12, url="http://example.org/a.tar.gz"),
    "cpython-3.13.1-darwin-aarch64-none": entry(os="darwin", libc="none", arch={"family": "aarch64", "variant": None}),
    "cpython-3.13.1-emscripten-wasm32-musl": entry(os="emscripten", arch={"family": "wasm32", "variant": None}),
    "cpython-3.13.1-old": entry(build="20241230", url=f"{RELEASES}/20241230/a.tar.gz"),
    "pypy-3.10.16-linux-x86_64-gnu": entry(name="pypy", minor=10, patch=16, build="7.3.19", url=PYPY),
}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": os.pathsep.join([str(Path(pyv.__file__).parent.parent), *sys.path]), "PATH": os.defpath}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False, env=env, timeout=60
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "download-metadata.json"
    path.write_text(json.dumps(METADATA))
    return path


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> Path:
    """Return a folder with a catalogue."""
    done = run(source, "--into", tmp_path / "catalogue")
    assert done.returncode == 0, done.stderr
    return tmp_path / "catalogue"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "served").mkdir()
    with Server(tmp_path / "served") as running:
        yield running


def test_metadata_becomes_the_files_of_the_catalogue(folder: Path) -> None:
    assert bundled_info(str(folder)) == ("20250106", 3, {LINUX.key: 2, MAC.key: 1})
    assert bundled(LINUX, str(folder)) == [
        Build(Version("cpython", (3, 13, 1)), LINUX, str(entry()["url"]), SHA, "20250106"),
        Build(Version("pypy", (3, 10, 16), own=(7, 3, 19)), LINUX, PYPY, SHA, "7.3.19"),
    ]
    assert set(contents(folder)) == {"header.txt", "end-of-life.txt", f"{LINUX.key}.txt", f"{MAC.key}.txt"}


def test_what_was_left_out_is_told_with_the_reason(tmp_path: Path, source: Path) -> None:
    done = run(source, "--into", tmp_path / "catalogue")
    assert done.stdout.splitlines() == [
        "left out 1: no sha256",
        "  '3.13.0 for linux-x86_64-gnu'",
        "left out 1: not https",
        "  '3.12.1 for linux-x86_64-gnu'",
        "left out 1: unknown platform",
        "  'cpython-3.13.1-emscripten-wasm32-musl'",
        "left out 1: older builds of the same version",
        "darwin-aarch64-none.txt: changed",
        "end-of-life.txt: changed",
        "header.txt: changed",
        "linux-x86_64-gnu.txt: changed",
        "     1 darwin-aarch64-none",
        "     2 linux-x86_64-gnu",
        "     3 in all, the newest of 20250106",
    ]


def test_the_same_metadata_in_another_order_and_packed_changes_nothing(tmp_path: Path, folder: Path) -> None:
    before = contents(folder)
    packed = tmp_path / "download-metadata.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(dict(reversed(METADATA.items()))).encode()))
    done = run(packed, "--into", folder)
    assert "nothing changed" in done.stdout
    assert contents(folder) == before


def test_files_of_platforms_that_are_gone_are_removed(folder: Path, source: Path) -> None:
    source.write_text(json.dumps({"one": entry()}))
    assert run(source, "--into", folder).returncode == 0
    assert set(contents(folder)) == {"header.txt", "end-of-life.txt", f"{LINUX.key}.txt"}


def test_a_check_changes_nothing_and_tells_whether_something_would_change(folder: Path, source: Path) -> None:
    assert run("--check", source, "--into", folder).returncode == 0
    source.write_text(json.dumps({"one": entry()}))
    before = contents(folder)
    done = run("--check", source, "--into", folder)
    assert done.returncode == 1
    assert "darwin-aarch64-none.txt: changed" in done.stdout
    assert contents(folder) == before


def test_a_check_without_metadata_finds_files_that_were_edited(folder: Path) -> None:
    assert run("--check", "--into", folder).returncode == 0
    file = folder / f"{LINUX.key}.txt"
    file.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))
    assert run("--check", "--into", folder).returncode == 1
    file.write_text("3.13.1\n")
    done = run("--check", "--into", folder)
    assert done.returncode == 1
    assert "line 1 is no build" in done.stderr


def test_the_dates_go_along_and_may_be_given(folder: Path, tmp_path: Path) -> None:
    assert end_of_life(str(folder)) == end_of_life()
    (tmp_path / "ends.txt").write_text("# schedule\n3.13 2029-10\n")
    before = contents(folder)
    assert run("--ends", "--end-of-life", tmp_path / "ends.txt", "--into", folder).returncode == 0
    assert contents(folder) == before | {"end-of-life.txt": b"3.13 2029-10\n"}
    (tmp_path / "ends.txt").write_text("3.13 soon\n")
    done = run("--ends", "--end-of-life", tmp_path / "ends.txt", "--into", folder)
    assert (done.returncode, "ends.txt cannot be read: line 1" in done.stderr) == (2, True)


def test_the_bundled_dates_are_those_of_the_script() -> None:
    assert end_of_life() == parse_ends(SCRIPT.with_name("end_of_life.txt").read_text())


def test_metadata_comes_from_a_url_too(folder: Path, source: Path, server: Server) -> None:
    (server.folder / "metadata.json").write_bytes(source.read_bytes())
    assert run("--check", server.url("/metadata.json"), "--into", folder).returncode == 0


def test_upstreams_newest_release_is_added(folder: Path, server: Server) -> None:
    (server.folder / "latest.json").write_text(json.dumps({"version": 1, "tag": "20250107"}))
    names = [f"cpython-3.13.1+20250107-{STRIPPED}", f"cpython-3.13.2+20250107-{STRIPPED}"]
    (server.folder / "releases/20250107").mkdir(parents=True)
    (server.folder / "releases/20250107/SHA256SUMS").write_text("".join(f"{SHA}  {name}\n" for name in names))
    places = (server.url("/latest.json"), server.url("/releases"), server.url("/fallback"))
    done = run("--upstream", "--into", folder, "--urls", *places)
    assert done.returncode == 0, done.stderr
    assert "upstream's newest release lists 2 builds" in done.stdout
    builds = {build.version.name: build for build in bundled(LINUX, str(folder))}
    assert set(builds) == {"3.13.1", "3.13.2", "pypy3.10-7.3.19"}
    assert {builds["3.13.1"].build, builds["3.13.2"].build} == {"20250107"}
    assert builds["3.13.1"].url == f"{RELEASES}/20250107/cpython-3.13.1%2B20250107-{STRIPPED}"
    assert bundled_info(str(folder)).newest == "20250107"


def test_when_upstream_fails_the_files_stay_as_they_are(folder: Path, server: Server) -> None:
    before = contents(folder)
    server.always("*", Fault(status=403))
    done = run("--upstream", "--into", folder, "--urls", server.url("/latest.json"), server.url(), server.url())
    assert done.returncode == 4
    assert "latest.json" in done.stderr
    assert contents(folder) == before


def test_rubbish_is_refused_and_the_files_stay_as_they_are(tmp_path: Path, folder: Path) -> None:
    before = contents(folder)
    (tmp_path / "rubbish").write_bytes(b"<html>")
    done = run(tmp_path / "rubbish", "--into", folder)
    assert done.returncode == 5
    assert "is not JSON" in done.stderr
    assert contents(folder) == before


def test_without_anything_to_do_the_script_says_how_it_is_used() -> None:
    done = run()
    assert done.returncode == 2
    assert "give a SOURCE" in done.stderr
