"""The catalogue: what the wheel carries, what metadata of others tells, and which build is chosen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyv
from pyv.catalogue import (
    DATA,
    END_OF_LIFE,
    PYPY,
    RELEASES,
    Build,
    alike,
    bundled,
    bundled_info,
    choose,
    dump,
    dump_ends,
    end_of,
    end_of_life,
    files,
    has_ended,
    installable,
    load,
    merge,
    parse_asset,
    parse_ends,
    parse_metadata,
    parse_sums,
    target,
)
from pyv.catalogue.assets import parse_hashes
from pyv.errors import NotFoundError, StoreError, VerificationError
from pyv.platforms import Host, Platform
from pyv.versions import Request, Version

LINUX = Platform("linux", "x86_64", "", "gnu")
V3 = LINUX._replace(level="v3")
MUSL = LINUX._replace(libc="musl")
MAC = Platform("darwin", "aarch64", "", "none")
HERE = Host(LINUX, frozenset({"v2", "v3"}))
SHA = "0123456789abcdef" * 4
KEYS = sorted(bundled_info().counts)


def made(name: str, build: str = "20261110", platform: Platform = LINUX, sha256: str = SHA, url: str = "") -> Build:
    url = url or f"{RELEASES}/{build}/cpython-{name}-{build}-{platform}.tar.gz"
    return Build(Version.parse(name), platform, url, sha256, build)


def entry(**changes: object) -> dict[str, Any]:
    """Return an entry of a metadata file, changed."""
    return {
        "name": "cpython",
        "arch": {"family": "x86_64", "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": 3,
        "minor": 13,
        "patch": 1,
        "prerelease": "",
        "url": f"{RELEASES}/20250106/cpython-3.13.1%2B20250106-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz",
        "sha256": SHA,
        "variant": None,
        "build": "20250106",
    } | changes


def read(*entries: object) -> list[Build]:
    content = {f"entry-{number}": each for number, each in enumerate(entries)}
    return parse_metadata(json.dumps(content).encode(), source="metadata.json").builds


def left_out(*entries: object) -> dict[str, list[str]]:
    content = {f"entry-{number}": each for number, each in enumerate(entries)}
    return parse_metadata(json.dumps(content).encode(), source="metadata.json").left_out


def sums(*names: str) -> str:
    return "".join(f"{number:064x}  {name}\n" for number, name in enumerate(names, 1))


def listed(*names: str) -> list[Build]:
    return parse_sums(sums(*names), base_url="https://example.org/20250529")


# What the wheel carries


@pytest.mark.parametrize("key", KEYS)
def test_every_bundled_build_can_be_downloaded_and_verified(key: str) -> None:
    platform = Platform.parse(key)
    assert platform.key == key
    builds = bundled(platform)
    assert len(builds) == bundled_info().counts[key]
    for build in builds:
        assert build.platform == platform
        assert build.url.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{64}", build.sha256)
        assert re.fullmatch(r"[\w.+-]+\.(tar\.gz|tar\.zst|zip)", build.asset)
        assert build.version.name.startswith(("3.", "pypy3.", "graalpy-"))
        if platform.libc == "musl" and build.version.implementation == "cpython":
            assert int(build.build) >= 20250311
            assert "static" not in build.asset


def test_no_version_is_bundled_twice_for_one_platform() -> None:
    for key in KEYS:
        names = [build.version.name for build in bundled(Platform.parse(key))]
        assert len(set(names)) == len(names)


def test_the_bundled_header_tells_the_whole() -> None:
    header = bundled_info()
    builds = [build for key in KEYS for build in bundled(Platform.parse(key))]
    assert header.total == len(builds) == sum(header.counts.values())
    assert header.newest == max(build.build for build in builds if build.version.implementation == "cpython")
    assert sorted(name.removesuffix(".txt") for name in os.listdir(DATA)) == sorted([*KEYS, "header", "end-of-life"])


def test_the_bundled_files_are_in_the_order_that_is_written() -> None:
    builds = [build for key in reversed(KEYS) for build in bundled(Platform.parse(key))]
    present = {name: Path(DATA, name).read_text("ascii") for name in os.listdir(DATA)}
    assert files(builds) | {END_OF_LIFE: dump_ends(end_of_life())} == present


def test_the_end_of_every_released_minor_version_is_known() -> None:
    versions = [build.version for build in bundled(LINUX) if build.version.implementation == "cpython"]
    ends = end_of_life()
    assert not [version for version in versions if not version.pre[0] and not end_of(version, ends)]
    assert end_of(Version.parse("3.8.20"), ends) == "2024-10-07"
    assert end_of(Version.parse("3.14.0t"), ends) == "2030-10"
    assert end_of(Version.parse("pypy3.8-7.3.11"), ends) == ""


@pytest.mark.parametrize(
    ("date", "today", "over"),
    [
        ("2025-10-31", "2025-10-31", False),
        ("2025-10-31", "2025-11-01", True),
        ("2026-10", "2026-10-31", False),
        ("2026-10", "2026-11-01", True),
        ("2026-10", "2027-01-01", True),
        ("", "2027-01-01", False),
    ],
)
def test_support_ends_when_the_day_or_the_month_is_over(date: str, today: str, *, over: bool) -> None:
    assert has_ended(date, today) == over


@pytest.mark.parametrize("line", ["3.12", "3.12 2028", "3.12 2028-13", "3.12.1 2028-10", "3 2028-10", "3.11 2028-10"])
def test_a_damaged_file_of_dates_is_named(tmp_path: Path, line: str) -> None:
    tmp_path.joinpath(END_OF_LIFE).write_text(f"3.11 2027-10\n{line}\n")
    with pytest.raises(StoreError, match=r"end-of-life\.txt cannot be read: line 2"):
        end_of_life(str(tmp_path))


def test_dates_are_written_in_the_order_of_versions_and_read_back() -> None:
    ends = {"3.10": "2026-10", "3.9": "2025-10-31"}
    assert dump_ends(ends) == "3.9 2025-10-31\n3.10 2026-10\n"
    assert parse_ends(f"# why\n\n{dump_ends(ends)}") == ends


def test_names_of_other_implementations_are_pyenvs() -> None:
    names = {build.version.name: build.version for build in bundled(LINUX)}
    assert names["pypy3.10-7.3.19"] == Version("pypy", (3, 10, 16), own=(7, 3, 19))
    assert names["graalpy-24.2.2"] == Version("graalpy", (3, 11, 0), own=(24, 2, 2))


def test_nothing_is_bundled_for_an_unknown_platform() -> None:
    assert bundled(Platform("plan9", "mips", "", "none")) == []


def test_a_damaged_bundled_file_is_named(tmp_path: Path) -> None:
    for name, text in files([made("3.12.7")]).items():
        tmp_path.joinpath(name).write_text(text.replace(SHA, SHA[1:]))
    with pytest.raises(StoreError, match=r"linux-x86_64-gnu\.txt cannot be read: line 1"):
        bundled(LINUX, str(tmp_path))
    tmp_path.joinpath("header.txt").write_text("format 2\nnewest 20270101\ntotal 0\n")
    with pytest.raises(StoreError, match="format 2"):
        bundled_info(str(tmp_path))
    tmp_path.joinpath("header.txt").unlink()
    with pytest.raises(StoreError, match="header"):
        bundled_info(str(tmp_path))


def test_loading_the_bundled_catalogue_imports_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from pyv.catalogue import bundled\n"
        "from pyv.platforms import Platform\n"
        "assert bundled(Platform('linux', 'x86_64', '', 'gnu'))\n"
        "print(*sys.modules)"
    )
    env = {"PYTHONPATH": str(Path(pyv.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True, env=env)
    heavy = {"dataclasses", "importlib.resources", "json", "httpx", "filelock", "inspect", "urllib.request", "shutil"}
    assert set(done.stdout.split()) & heavy == set()


# Lines

ROUND_TRIPS = [
    made("3.13.1", "20250106", url=entry()["url"]),
    made(
        "3.13.1td", "20250106", url=f"{RELEASES}/20250106/cpython-3.13.1%2B20250106-x86_64-unknown-linux-gnu-x.tar.zst"
    ),
    made("3.14.0rc2t", url=f"{RELEASES}/20261110/cpython-3.14.0rc2%2B20261110-x86_64-unknown-linux-gnu-full.tar.zst"),
    made("3.10.0", "20211017", url=f"{RELEASES}/20211017/cpython-3.10.0-x86_64-unknown-linux-gnu-20211017T1.tar.zst"),
    made("3.10.0", "20211017", url=f"{RELEASES}/20211018/cpython-3.10.0-x86_64-unknown-linux-gnu-20211017T1.tar.zst"),
    made("3.10.1", url=f"{RELEASES}/20261110/cpython-3.10.0%2B20261110-x86_64-unknown-linux-gnu-full.tar.zst"),
    made("3.10.1", url=f"{RELEASES}/20261110/cpython-3.10.1%2B20261110-x86_64-unknown-linux-gnu-cpython-x.tar.zst"),
    made("3.10.1", url="cpython-3.10.1.tar.gz"),
    made("3.10.1", url="pypy.tar.gz"),
    made("3.10.1", url="sub/cpython-3.10.1.tar.gz"),
    made("3.10.1", url="https://example.org/3.10.1.tar.gz", sha256=""),
    Build(
        Version("pypy", (3, 10, 16), own=(7, 3, 19)), LINUX, f"{PYPY}/pypy3.10-v7.3.19-linux64.tar.gz", SHA, "7.3.19"
    ),
    Build(Version("pypy", (3, 10, 0), ("rc", 1), own=(7, 3, 12)), LINUX, "https://example.org/p.zip", SHA, "7.3.12rc1"),
    Build(Version("graalpy", (3, 11, 0), own=(24, 2, 2)), LINUX, "https://example.org/g-1/g.tar.gz", SHA, "24.2.2"),
]


@pytest.mark.parametrize("build", ROUND_TRIPS, ids=lambda build: build.url)
def test_a_build_survives_being_written_and_read(build: Build) -> None:
    assert load(dump([build]), LINUX) == [build]


def test_paths_are_read_below_a_base_and_urls_are_not() -> None:
    builds = [
        made("3.10.1", url="a/b.tar.gz"),
        made("3.10.2", url="b.tar.gz"),
        made("3.10.3", url="https://e.org/b.gz"),
    ]
    urls = [build.url for build in load(dump(builds), LINUX, "https://mirror")]
    assert urls == ["https://mirror/a/b.tar.gz", "https://mirror/b.tar.gz", "https://e.org/b.gz"]


def test_lines_are_in_the_order_of_versions_whatever_theirs_was() -> None:
    builds = [made(name) for name in ("3.9.1", "3.12.10", "3.12.9", "3.13.0rc1", "3.13.0", "3.13.0t")]
    text = dump(builds)
    assert dump(reversed(builds)) == text
    names = [line.split(" ")[0] for line in text.splitlines()]
    assert names == ["3.9.1", "3.12.9", "3.12.10", "3.13.0rc1", "3.13.0", "3.13.0t"]


@pytest.mark.parametrize(
    "line",
    [
        "3.12.7 20241016 abc install_only.tar.gz",
        f"3.12 20241016 {SHA} install_only.tar.gz",
        f"3.12.7 20241016 {SHA} install_only.tar.gz more",
        f"3.12.7 20241016 {SHA.upper()} install_only.tar.gz",
        f"3.12.7 ../20241016 {SHA} install_only.tar.gz",
        f"graalpy3.11.0-24.2.2 24.2.2 {SHA} graalpy.tar.gz",
        "",
    ],
)
def test_a_line_that_is_no_build_is_refused(line: str) -> None:
    good = dump([made("3.12.7")])
    with pytest.raises(ValueError, match="line 2 is no build"):
        load(good + line + "\n", LINUX)


def test_asset_and_tag_are_the_end_of_the_url() -> None:
    build = read(entry())[0]
    assert build.asset == "cpython-3.13.1+20250106-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    assert build.tag == "20250106"


# Merging


def test_the_newest_build_of_a_version_wins() -> None:
    old, new = made("3.12.7", "20241008"), made("3.12.7", "20241016")
    other = made("3.12.7", "20241008", MUSL)
    assert merge([old, other], [new]) == [new, other]
    assert merge([new], [old, other]) == [new, other]


def test_of_builds_of_one_date_the_second_catalogue_wins() -> None:
    old, new = made("3.12.7", sha256="0" * 64), made("3.12.7", sha256="1" * 64)
    assert merge([old], [new]) == [new]


def test_what_has_no_date_is_older_than_what_has_one() -> None:
    assert merge([made("3.12.7", "20241008")], [made("3.12.7", "nightly")]) == [made("3.12.7", "20241008")]


# Metadata in uv's format


def test_an_entry_becomes_a_build() -> None:
    assert read(entry()) == [Build(Version("cpython", (3, 13, 1)), LINUX, entry()["url"], SHA, "20250106")]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"variant": "freethreaded"}, "3.13.1t"),
        ({"variant": "debug"}, "3.13.1d"),
        ({"variant": "freethreaded+debug"}, "3.13.1td"),
        ({"patch": 0, "prerelease": "rc2"}, "3.13.0rc2"),
        ({"prerelease": None}, "3.13.1"),
        ({"name": "pypy", "build": "7.3.19"}, "pypy3.13-7.3.19"),
        ({"name": "pypy", "build": "7.3.12rc1"}, "pypy3.13-7.3.12rc1"),
        ({"name": "graalpy", "build": "24.2.2"}, "graalpy-24.2.2"),
    ],
)
def test_versions_get_their_names(changes: dict[str, Any], name: str) -> None:
    assert [build.version.name for build in read(entry(**changes))] == [name]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"arch": {"family": "x86_64", "variant": "v3"}}, "linux-x86_64_v3-gnu"),
        ({"arch": "x86_64_v3"}, "linux-x86_64_v3-gnu"),
        ({"arch": "aarch64"}, "linux-aarch64-gnu"),
        ({"os": "darwin", "libc": "none"}, "darwin-x86_64-none"),
        ({"arch": {"family": "armv7", "variant": None}, "libc": "gnueabihf"}, "linux-armv7-gnueabihf"),
    ],
)
def test_platforms_get_their_keys(changes: dict[str, Any], key: str) -> None:
    assert [build.platform.key for build in read(entry(**changes))] == [key]


def test_metadata_of_older_tools_tells_the_build_by_the_archives_name() -> None:
    old = entry()
    del old["build"]
    assert read(old)[0].build == "20250106"
    pypy = entry(name="pypy", minor=10, patch=14, url=f"{PYPY}/pypy3.10-v7.3.17-linux64.tar.gz")
    del pypy["build"]
    assert read(pypy)[0].version == Version("pypy", (3, 10, 14), own=(7, 3, 17))


@pytest.mark.parametrize(
    "sha256", [None, "", "abc", SHA + "0", "g" * 64, 5, ["x"], SHA[:-1] + "\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_a_hash_that_is_none_is_unknown(sha256: object) -> None:
    assert [build.sha256 for build in read(entry(sha256=sha256))] == [""]


def test_a_hash_in_capitals_is_the_same_hash() -> None:
    assert read(entry(sha256=SHA.upper()))[0].sha256 == SHA


UNUSABLE = [
    {"name": "jython"},
    {"name": None},
    {"name": ["cpython"]},
    {"os": "emscripten", "arch": {"family": "wasm32", "variant": None}, "libc": "musl"},
    {"os": 3},
    {"libc": "none"},
    {"libc": "uclibc"},
    {"arch": {"family": "../x86_64", "variant": None}},
    {"arch": {"family": "x86_64", "variant": "v9"}},
    {"arch": {"family": "aarch64", "variant": "v2"}},
    {"arch": {"family": "x86_64", "variant": ["v3"]}},
    {"arch": {}},
    {"arch": None},
    {"variant": "jit"},
    {"variant": ["debug"]},
    {"major": "3"},
    {"major": True},
    {"minor": 3.5},
    {"patch": -1},
    {"patch": 10**30},
    {"patch": None},
    {"prerelease": "rc"},
    {"prerelease": "rc1/../.."},
    {"prerelease": {"rc": 1}},
    {"build": 20250106},
    {"build": "../20250106"},
    {"build": "2025 0106"},
    {"build": "x" * 100},
    {"name": "pypy", "build": "nightly"},
    {"name": "pypy", "build": "7.3.19", "variant": "debug"},
    {"url": None},
    {"url": ["https://example.org/a.tar.gz"]},
    {"url": ""},
    {"url": "https://example.org"},
    {"url": "https://example.org/"},
    {"url": "https:///a.tar.gz"},
    {"url": "https:/example.org/a.tar.gz"},
    {"url": "ftp://example.org/a.tar.gz"},
    {"url": "javascript:alert(1)"},
    {"url": "data:text/plain,x"},
    {"url": "https://user:secret@example.org/a.tar.gz"},
    {"url": "https://example.org/a.tar.gz?token=secret"},
    {"url": "https://example.org/a.tar.gz#part"},
    {"url": "https://example.org/x/../a.tar.gz"},
    {"url": "https://example.org/x/%2e%2e/a.tar.gz"},
    {"url": "https://example.org/x/..%2fa.tar.gz"},
    {"url": "https://example.org/x/..%5ca.tar.gz"},
    {"url": "https://example.org/x/%00a.tar.gz"},
    {"url": "https://example.org/-rf"},
    {"url": "https://example.org/a b.tar.gz"},
    {"url": "https://example.org/a\n.tar.gz"},
    {"url": "https://example.org/\N{LATIN SMALL LETTER E WITH ACUTE}.tar.gz"},
    {"url": "https://example.org/\ud800.tar.gz"},
    {"url": "https://example.org/" + "a" * 5000},
    {"url": "../a.tar.gz"},
    {"url": "20250106/../../a.tar.gz"},
    {"url": "/etc/passwd"},
    {"url": "//example.org/a.tar.gz"},
    {"url": "..\\a.tar.gz"},
    {"url": "file://host/a.tar.gz"},
    {"url": "file:a.tar.gz"},
    {"url": "C:/a.tar.gz"},
    {"url": "file:///etc/passwd"},
    {"url": "https://example.org/a.exe"},
]


@pytest.mark.parametrize("changes", UNUSABLE, ids=str)
def test_an_unusable_entry_is_left_out_and_the_others_count(changes: dict[str, Any]) -> None:
    assert read(entry(**changes), entry()) == read(entry())
    assert list(left_out(entry(**changes), entry()).values()) == [["entry-0"]]


@pytest.mark.parametrize("field", sorted(set(entry()) - {"sha256", "variant", "build", "prerelease"}))
def test_an_entry_without_a_field_is_left_out(field: str) -> None:
    broken = entry()
    del broken[field]
    assert read(broken, entry()) == read(entry())


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a.tar.gz", "http://e.org:80/a.tar.gz", "file:///srv/a.tar.gz", "20250106/a.tar.gz", "a.zip"],
)
def test_urls_of_known_kinds_and_relative_ones_stay_as_they_are(url: str) -> None:
    assert [build.url for build in read(entry(url=url))] == [url]


def test_a_scheme_in_capitals_is_the_same_scheme() -> None:
    assert read(entry(url="HTTP://example.org/a.tar.gz"))[0].url == "http://example.org/a.tar.gz"


@pytest.mark.parametrize(
    "changes",
    [
        {"libc": "musl", "build": "20250310"},
        {"libc": "musl", "build": "20250529", "url": "https://e.org/cpython-musl-lto%2Bstatic-full.tar.zst"},
    ],
    ids=["before upstream linked dynamically", "by name"],
)
def test_a_static_build_for_musl_is_left_out(changes: dict[str, Any]) -> None:
    assert list(left_out(entry(**changes))) == ["statically linked with musl"]


def test_a_dynamic_build_for_musl_is_a_build() -> None:
    assert [build.platform for build in read(entry(libc="musl", build="20250311"))] == [MUSL]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\xfa",
        b"<!doctype html><title>Log in</title>",
        b"[]",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"message": "API rate limit exceeded"}',
        b'{"a": {}, "b": []}',
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_object_of_objects_is_refused_by_the_name_of_its_source(data: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^https://example\.org/metadata\.json is not"):
        parse_metadata(data, source="https://example.org/metadata.json")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["3.13.1", "x86_64", "v3", "..", SHA]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(entry())), values))
def test_whatever_the_fields_hold_an_entry_is_a_build_or_left_out(changes: dict[str, object]) -> None:
    parsed = parse_metadata(json.dumps({"key": entry(**changes)}).encode(), source="x")
    assert len(parsed.builds) + len(parsed.left_out) == 1
    for build in parsed.builds:
        assert load(dump([build]), build.platform) == [build]
        assert not {"..", "/"} & set(build.asset.split("/"))


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode) | values.map(lambda value: json.dumps(value).encode()))
def test_rubbish_is_no_catalogue_and_nothing_else_happens(data: bytes) -> None:
    try:
        parsed = parse_metadata(data, source="x")
    except VerificationError:
        return
    assert parsed.builds == []


# Names and hash lists

STEM = "cpython-3.13.9+20251120"
ASSETS = [
    ("cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz", "3.12.7", "linux-x86_64-gnu"),
    ("cpython-3.13.0rc2+20240909-aarch64-apple-darwin-install_only.tar.gz", "3.13.0rc2", "darwin-aarch64-none"),
    ("cpython-3.13.0+20241016-x86_64_v3-unknown-linux-gnu-debug-full.tar.zst", "3.13.0d", "linux-x86_64_v3-gnu"),
    (f"{STEM}-ppc64le-unknown-linux-gnu-freethreaded+lto-full.tar.zst", "3.13.9t", "linux-powerpc64le-gnu"),
    (f"{STEM}-armv7-unknown-linux-gnueabihf-freethreaded-install_only.tar.gz", "3.13.9t", "linux-armv7-gnueabihf"),
    (f"{STEM}-x86_64-unknown-linux-musl-freethreaded+debug-full.tar.zst", "3.13.9td", "linux-x86_64-musl"),
    ("cpython-3.12.7+20241016-i686-pc-windows-msvc-shared-install_only.tar.gz", "3.12.7", "windows-i686-none"),
    ("cpython-3.8.2-x86_64-unknown-linux-gnu-pgo-20200418T2243.tar.zst", "3.8.2", "linux-x86_64-gnu"),
    ("pypy3.10-v7.3.19-linux64.tar.gz", "pypy3.10-7.3.19", "linux-x86_64-gnu"),
    ("pypy3.9-v7.3.12rc1-macos_arm64.tar.bz2", "pypy3.9-7.3.12rc1", "darwin-aarch64-none"),
    ("graalpy3.12-25.2.4-linux-amd64.tar.gz", "graalpy-25.2.4", "linux-x86_64-gnu"),
    ("graalpy-24.2.2-macos-aarch64.tar.gz", "graalpy-24.2.2", "darwin-aarch64-none"),
]  # fmt: skip


@pytest.mark.parametrize(("asset", "name", "key"), ASSETS)
def test_an_archives_name_tells_what_it_holds(asset: str, name: str, key: str) -> None:
    build = parse_asset(asset, f"https://example.org/x/{asset}")
    assert build is not None
    assert (build.version.name, build.platform.key, build.sha256) == (name, key, "")
    assert build.url == f"https://example.org/x/{asset}"


@pytest.mark.parametrize(
    "asset",
    [
        "",
        "python.tar.gz",
        "cpython-3.12.7.tar.gz",
        "cpython-3.12.7-x86_64-unknown-linux-gnu-install_only.tar.gz",
        "cpython-3.12+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz",
        "cpython-3.12.7+20241016-mips-unknown-linux-gnu-install_only.tar.gz",
        "cpython-3.12.7+20241016-x86_64_v9-unknown-linux-gnu-install_only.tar.gz",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-uclibc-install_only.tar.gz",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz.sha256",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-jit-full.tar.zst",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-pgo+pgo-full.tar.zst",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-pgo.tar.zst",
        "cpython-3.12.7+20250529-x86_64-unknown-linux-musl-lto+static-full.tar.zst",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-musl-install_only.tar.gz",
        "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz\n",
        "cpython-3.\N{ARABIC-INDIC DIGIT ONE}.7+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz",
        "pypy3.10-v7.3.19-amiga.tar.gz",
        "pypy3.10-v7.3.19-src.tar.gz",
    ],
)
def test_a_name_in_no_known_scheme_tells_nothing(asset: str) -> None:
    assert parse_asset(asset, "https://example.org/x") is None


def test_of_one_version_the_smallest_flavour_that_does_the_job_is_listed() -> None:
    stem = "cpython-3.13.3+20250529-x86_64-unknown-linux-gnu-"
    flavours = [
        "install_only_stripped.tar.gz",
        "install_only.tar.gz",
        "pgo+lto-full.tar.zst",
        "pgo-full.tar.zst",
        "lto-full.tar.zst",
        "noopt-full.tar.zst",
    ]
    names = [stem + flavour for flavour in flavours]
    while names:
        assert [build.asset for build in listed(*names)] == [build.asset for build in listed(*reversed(names))]
        assert [build.asset for build in listed(*names)] == [names.pop(0)]


def test_variants_and_platforms_are_listed_apart() -> None:
    stem = "cpython-3.13.3+20250529-x86_64"
    builds = listed(
        f"{stem}-unknown-linux-gnu-install_only_stripped.tar.gz",
        f"{stem}-unknown-linux-gnu-debug-full.tar.zst",
        f"{stem}-unknown-linux-gnu-freethreaded-install_only_stripped.tar.gz",
        f"{stem}-unknown-linux-gnu-freethreaded+pgo+lto-full.tar.zst",
        f"{stem}-unknown-linux-gnu-freethreaded+debug-full.tar.zst",
        f"{stem}_v3-unknown-linux-gnu-install_only_stripped.tar.gz",
        f"{stem}-unknown-linux-musl-install_only_stripped.tar.gz",
    )
    found = {(build.version.name, build.platform.key): build.asset.rpartition("-")[2] for build in builds}
    assert found == {
        ("3.13.3", "linux-x86_64-gnu"): "install_only_stripped.tar.gz",
        ("3.13.3d", "linux-x86_64-gnu"): "full.tar.zst",
        ("3.13.3t", "linux-x86_64-gnu"): "install_only_stripped.tar.gz",
        ("3.13.3td", "linux-x86_64-gnu"): "full.tar.zst",
        ("3.13.3", "linux-x86_64_v3-gnu"): "install_only_stripped.tar.gz",
        ("3.13.3", "linux-x86_64-musl"): "install_only_stripped.tar.gz",
    }


def test_listed_builds_have_the_url_that_upstreams_metadata_gives_them() -> None:
    name = "cpython-3.13.1+20250106-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    assert parse_sums(f"{SHA}  {name}\n", base_url=f"{RELEASES}/20250106") == read(entry())


def test_static_builds_for_musl_are_not_listed() -> None:
    assert not listed(
        "cpython-3.13.3+20250529-x86_64-unknown-linux-musl-lto+static-full.tar.zst",
        "cpython-3.13.1+20250106-x86_64-unknown-linux-musl-install_only_stripped.tar.gz",
    )


GOOD = "cpython-3.13.3+20250529-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"


@pytest.mark.parametrize(
    "line",
    [
        f"{SHA}  {GOOD}.sha256",
        f"{SHA}  ../{GOOD}",
        f"{SHA}  x/{GOOD}",
        f"{SHA}  {GOOD}\x1b[2J",
        f"{SHA}  {GOOD}\t",
        f"{SHA} {GOOD}",
        f"{SHA}   {GOOD}",
        f"{SHA[1:]}  {GOOD}",
        f"{SHA}g  {GOOD}",
        f"  {GOOD}",
        GOOD,
        f"{SHA}  pypy3.10-v7.3.19-linux64.tar.gz",
        f"{SHA}  graalpy-24.2.2-linux-amd64.tar.gz",
        "<html>",
        "",
    ],
)
def test_a_line_about_something_else_is_left_out(line: str) -> None:
    other = "cpython-3.13.3+20250529-x86_64-unknown-linux-musl-install_only_stripped.tar.gz"
    builds = parse_sums(f"{line}\n{SHA}  {other}\n", base_url="https://example.org/20250529")
    assert [build.asset for build in builds] == [other]


def test_hash_lists_with_binary_marks_and_other_line_ends_are_read() -> None:
    builds = parse_sums(f"{SHA.upper()} *{GOOD}\r\n", base_url="https://example.org/20250529")
    assert [build.sha256 for build in builds] == [SHA]


@pytest.mark.parametrize(
    ("text", "sha256"),
    [
        (f"{SHA}  ./{GOOD}\n", SHA),
        (f"{SHA} *./{GOOD}\n", SHA),
        (f"SHA256 ({GOOD}) = {SHA}\n", SHA),
        (f"SHA256 (./{GOOD}) = {SHA}\n", SHA),
        (f"\ufeff{SHA}  {GOOD}\n", SHA),
        (f"{SHA}  {GOOD}\n{SHA.upper()}  {GOOD}\n", SHA),
        (f"{SHA}  {GOOD}\n{'0' * 64}  {GOOD}\n", None),
        (f"{SHA}  ../{GOOD}\n", None),
        (f"{SHA}  ././{GOOD}\n", None),
        (f"MD5 ({GOOD}) = {SHA}\n", None),
    ],
)
def test_a_hash_list_is_what_sha256sum_writes_and_tells_one_hash_of_each_file(text: str, sha256: str | None) -> None:
    assert parse_hashes(text) == ({GOOD: sha256} if sha256 else {})


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from([SHA, "  ", " *", GOOD, "\n", "..", "/", "+static", "\0"])).map("".join))
def test_whatever_a_hash_list_holds_its_builds_are_plain_names(text: str) -> None:
    for build in parse_sums(text, base_url="https://example.org/20250529"):
        assert re.fullmatch(r"[\w.+-]+", build.asset)
        assert build.url.startswith("https://example.org/20250529/cpython-")


# Choosing


def chosen(request: str, *builds: Build, host: Host = HERE, elsewhere: list[str] | None = None) -> str:
    return choose(builds, Request.parse(request), host, "test data", lambda _: elsewhere or []).version.name


CHOICE = [made(name) for name in ("3.11.9", "3.12.7", "3.12.16", "3.12.9", "3.13.0rc1", "3.12.16t", "3.12.16d")]


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        ("3", "3.12.16"),
        ("3.12", "3.12.16"),
        ("3.12.7", "3.12.7"),
        ("3.12t", "3.12.16t"),
        ("3.12d", "3.12.16d"),
        ("3.13", "3.13.0rc1"),
        (">=3.11,<3.12", "3.11.9"),
        ("cpython-3.12-linux", "3.12.16"),
        ("cpython-3.12-linux-x86_64-gnu", "3.12.16"),
        ("cpython-3.12-linux-amd64", "3.12.16"),
    ],
)
def test_the_newest_match_is_chosen(request_: str, name: str) -> None:
    assert chosen(request_, *CHOICE) == name


def test_what_does_not_run_here_is_not_chosen() -> None:
    builds = [made("3.12.9", platform=MUSL), made("3.12.8", platform=MAC), made("3.12.7")]
    assert chosen("3.12", *builds) == "3.12.7"
    assert installable(builds, HERE) == [builds[2]]


def test_installable_builds_are_for_every_processor_first_and_newest_first() -> None:
    v2, v4 = LINUX._replace(level="v2"), LINUX._replace(level="v4")
    builds = [made("3.12.7", "20240101", V3), made("3.12.7", "20240101"), made("3.12.7", "20250101", v4)]
    builds += [made("3.12.7", "20250101"), made("3.12.7", "20250101", V3), made("3.12.7", "20240101", v2)]
    found = [(build.platform.level, build.build) for build in installable(builds, HERE)]
    assert found == [("", "20250101"), ("", "20240101"), ("v2", "20240101"), ("v3", "20250101"), ("v3", "20240101")]


def test_a_build_for_a_processor_level_is_chosen_only_by_those_who_spell_it_out() -> None:
    builds = [made("3.12.9", platform=V3), made("3.12.7")]
    assert chosen("3.12", *builds) == "3.12.7"
    assert chosen("cpython-3.12-linux-x86_64", *builds) == "3.12.7"
    assert chosen("cpython-3.12-linux-x86_64_v3", *builds) == "3.12.9"
    assert target(Request.parse("cpython-3.12-linux-x86_64_v3"), HERE) == V3


def test_a_level_that_this_processor_lacks_is_refused() -> None:
    with pytest.raises(NotFoundError, match=r"needs a processor of level v4, and this one has v2, v3"):
        chosen("cpython-3.12-linux-x86_64_v4", made("3.12.9", platform=LINUX._replace(level="v4")))


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        ("cpython-3.12-darwin-arm64", "darwin-aarch64-none"),
        ("cpython-3.12-linux-aarch64", "linux-aarch64-gnu"),
        ("cpython-3.12-linux-x86_64-musl", "linux-x86_64-musl"),
        ("cpython-3.12-windows", "windows-x86_64-none"),
    ],
)
def test_a_request_for_another_platform_is_refused(request_: str, key: str) -> None:
    with pytest.raises(NotFoundError, match=f" is for {key}, and this is linux-x86_64-gnu"):
        chosen(request_, *CHOICE)


def test_a_build_without_sha256_is_passed_over_for_one_that_has_it() -> None:
    assert chosen("3.12", made("3.12.9", sha256=""), made("3.12.7")) == "3.12.7"


def test_builds_that_all_lack_a_sha256_are_refused() -> None:
    with pytest.raises(VerificationError, match=r"refused: cpython-3\.12\.9.* has no sha256 \(test data\)"):
        chosen("3.12", made("3.12.9", sha256=""), made("3.11.9"))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("3.12.99", "there is no build of 3.12.99 for linux-x86_64-gnu (test data); the newest known 3.12 is 3.12.16"),
        ("3.99", "there is no build of 3.99 for linux-x86_64-gnu (test data); the newest known 3 is 3.12.16"),
        ("3.13d", "there is no build of 3.13d for linux-x86_64-gnu (test data); the newest known debug 3 is 3.12.16d"),
        (">=4", "there is no build of >=4 for linux-x86_64-gnu (test data); the newest known version is 3.12.16"),
        ("pypy3.10", "there is no build of pypy3.10 for linux-x86_64-gnu (test data)"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_denied_with_what_comes_close(request_: str, message: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        chosen(request_, *CHOICE)
    assert caught.value.message == message
    assert "pyv index update" in caught.value.hint


def test_the_hint_lists_the_minor_version_that_was_asked_for() -> None:
    with pytest.raises(NotFoundError) as caught:
        chosen("3.12.99", *CHOICE)
    hint = "did you mean 3.12.9? Else see 'pyv list 3.12 --all', or refresh with 'pyv index update'"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("request_", "meant"), [("3.21", "3.12"), ("3.112", "3.12"), ("cpython@3.21", "3.12"), ("2.7", ""), (">=4", "")]
)
def test_the_hint_names_what_was_perhaps_meant(request_: str, meant: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        chosen(request_, *CHOICE)
    assert caught.value.hint.startswith(
        f"did you mean {meant}? Else see 'pyv list --all'" if meant else "see 'pyv list "
    )


@pytest.mark.parametrize(
    ("request_", "meant"),
    [("3.15.99", "3.15.0rc2"), ("3.14.99", "3.14.9"), ("pypy3.10-7.4.1", "pypy3.10-7.3.17"), ("3.13.9", "3.14.9")],
)
def test_a_patch_that_does_not_exist_stands_for_one_of_its_minor_version(request_: str, meant: str) -> None:
    names = ("3.12.9", "3.14.1", "3.14.9", "3.15.0rc2", "3.15.0b1", "3.15.0rc2t", "pypy3.10-7.3.17", "pypy3.11-7.4.1")
    assert alike(Request.parse(request_), map(Version.parse, names)) == meant


def test_what_exists_for_other_platforms_only_is_denied_by_their_names() -> None:
    with pytest.raises(NotFoundError, match=r"3\.8\.20 is not made for linux-x86_64-gnu, only for a, b \(test data\)"):
        chosen("3.8.20", *CHOICE, elsewhere=["a", "b"])
    with pytest.raises(NotFoundError, match="only for a, b, c, d and 2 more"):
        chosen("3.8.20", *CHOICE, elsewhere=list("abcdef"))


def test_other_platforms_are_looked_at_only_when_nothing_is_found_here() -> None:
    def never(_request: Request) -> list[str]:
        raise AssertionError

    assert choose(CHOICE, Request.parse("3.12"), HERE, "x", never).version.name == "3.12.16"
