"""Versions and requests: the whole grammar, the order, and what matches what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version as PackagingVersion

from pyv.errors import RequestError
from pyv.versions import Request, Version, is_safe_name, newest

NUMBERS = st.integers(0, 40)
PRE = st.one_of(st.just(("", 0)), st.tuples(st.sampled_from(["a", "b", "rc"]), st.integers(0, 12)))
CPYTHON = st.builds(
    Version,
    st.just("cpython"),
    st.tuples(NUMBERS, NUMBERS, NUMBERS),
    PRE,
    own=st.just(()),
    freethreaded=st.booleans(),
    debug=st.booleans(),
)


def version(name: str) -> Version:
    return Version.parse(name)


@given(CPYTHON)
def test_a_version_is_what_its_name_says(one: Version) -> None:
    assert Version.parse(one.name) == one


@given(CPYTHON, CPYTHON)
def test_versions_are_ordered_as_their_publishers_order_them(one: Version, other: Version) -> None:
    mine, theirs = (PackagingVersion(each._replace(freethreaded=False, debug=False).name) for each in (one, other))
    if mine != theirs:
        assert (one.order < other.order) == (mine < theirs)


def test_stages_of_one_release_follow_each_other() -> None:
    names = ["3.13.9", "3.14.0a1", "3.14.0a7", "3.14.0b1", "3.14.0rc1", "3.14.0rc2", "3.14.0", "3.14.1", "3.14.10"]
    assert sorted(names, key=lambda name: version(name).order) == names


def test_pypy_is_ordered_by_python_and_then_by_its_own_version() -> None:
    names = ["pypy3.9-7.3.16", "pypy3.10-7.3.9", "pypy3.10-7.3.17rc1", "pypy3.10-7.3.17", "pypy3.11-7.3.17"]
    assert sorted(names, key=lambda name: version(name).order) == names


@pytest.mark.parametrize(
    "name", ["3.12", "3", "03.12.1", "3.12.1 ", "3.12.1.2", "v3.12.1", "3.12.1dt", "pypy3.10", "x"]
)
def test_what_is_no_whole_version_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError):
        Version.parse(name)


@pytest.mark.parametrize(
    ("text", "short", "exact"),
    [
        ("3", "3", None),
        ("3.12", "3.12", None),
        ("3.12.7", "", "3.12.7"),
        ("3.13t", "3.13t", None),
        ("3.13.1t", "", "3.13.1t"),
        ("3.12.7d", "", "3.12.7d"),
        ("3.13td", "3.13td", None),
        ("3.14.0rc2", "", "3.14.0rc2"),
        ("python-3.12", "3.12", None),
        ("python3.12", "3.12", None),
        ("python3", "3", None),
        ("cpython-3.12", "3.12", None),
        ("cpython@3.12", "3.12", None),
        ("cpython3.12.1", "", "3.12.1"),
        ("CPython-3.12", "3.12", None),
        ("cp312", "3.12", None),
        ("cp313t", "3.13t", None),
        ("312", "3.12", None),
        ("27", "2.7", None),
        ("py39", "3.9", None),
        ("3.13+freethreaded", "3.13t", None),
        ("3.13+debug", "3.13d", None),
        ("3.13.1+freethreaded+debug", "", "3.13.1td"),
        ("3.14+gil", "3.14", None),
        ("cpython-3.12.7-linux-x86_64-gnu", "", "3.12.7"),
        ("cpython-3.13.1+freethreaded-linux-x86_64-gnu", "", "3.13.1t"),
        ("cpython-3.12-macos", "3.12", None),
        ("cpython-3.12-gnu", "3.12", None),
        ("cpython-3.12.7-x86_64", "", "3.12.7"),
        ("3.12-linux-x86_64-gnu", "3.12", None),
        ("3.13t-musl", "3.13t", None),
        ("312-linux", "3.12", None),
        ("v3.12-linux", "3.12", None),
        ("3.14.0rc1-any-aarch64", "", "3.14.0rc1"),
        ("cpython-x86_64", "", None),
        ("cpython-any-linux", "", None),
        ("cp-linux", "", None),
        ("pypy-linux", "pypy", None),
        ("pypy-3.10-linux", "pypy3.10", None),
        ("pypy3.10-7.3.17-linux-x86_64-gnu", "", "pypy3.10-7.3.17"),
        ("graalpy-any-any-any-musl", "graalpy", None),
        ("pypy", "pypy", None),
        ("pypy3", "pypy3", None),
        ("pypy3.10", "pypy3.10", None),
        ("pypy@3.10", "pypy3.10", None),
        ("pypy-3.10", "pypy3.10", None),
        ("pp310", "pypy3.10", None),
        ("pypy3.10-7.3.17", "", "pypy3.10-7.3.17"),
        ("pypy3.10-v7.3.17", "", "pypy3.10-7.3.17"),
        ("graalpy", "graalpy", None),
        ("graalpy3.11", "graalpy3.11", None),
        ("graalpy-24.2.2", "", "graalpy-24.2.2"),
        ("pypy3.10-7.3", "", None),
        ("pypy3.10-7", "", None),
        ("pypy3.10-v7", "", None),
        ("pypy-7", "", None),
        ("graalpy-24.2", "", None),
        ("graalpy-24", "", None),
        ("graalpy@24", "", None),
        (" 3.12 ", "3.12", None),
        ("v3.12", "3.12", None),
        ("V3.12.7t", "", "3.12.7t"),
        ("python-v3.12.7", "", "3.12.7"),
        ("3.14.0-rc2", "", "3.14.0rc2"),
        ("3.14.0.rc2", "", "3.14.0rc2"),
        ("3.14.0rc.2", "", "3.14.0rc2"),
        ("3.14.0_rc-2", "", "3.14.0rc2"),
        ("3.14.0c2", "", "3.14.0rc2"),
        ("cpython-3.14.0-pre2", "", "3.14.0rc2"),
        ("3.14.0preview2t", "", "3.14.0rc2t"),
        ("cpython@3.14.0-alpha1", "", "3.14.0a1"),
        ("3.14.0beta2", "", "3.14.0b2"),
    ],
)
def test_every_spelling_of_pyenv_and_uv_is_understood(text: str, short: str, exact: str | None) -> None:
    request = Request.parse(text)
    assert (request.kind, request.short_name) == ("version", short)
    assert (request.exact.name if request.exact else None) == exact


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("myenv", "myenv"),
        ("3.12.7/envs/NAME", "NAME"),
        ("3.12-dev", "3.12-dev"),
        ("café", "café"),
        ("v3", "v3"),
        ("v3.12-x", "v3.12-x"),
        ("foo@bar", "foo@bar"),
        ("Foo@3.12", "Foo@3.12"),
        ("cpythonic@x", "cpythonic@x"),
        ("_odd", "_odd"),
        ("any", "any"),
        ("default", "default"),
        ("any-3.12", "any-3.12"),
        ("any-linux", "any-linux"),
        ("linux-x86_64", "linux-x86_64"),
        ("x86_64", "x86_64"),
        ("python-linux", "python-linux"),
        ("py-any-gnu", "py-any-gnu"),
        ("system-linux", "system-linux"),
        ("tools-x86_64-gnu", "tools-x86_64-gnu"),
        ("3.12-gnu2", "3.12-gnu2"),
        ("cpython-3.12-x86_64-linux", "cpython-3.12-x86_64-linux"),
        ("cpython-3.12-linux-linux", "cpython-3.12-linux-linux"),
        ("cpython-3.12-linux-mine", "cpython-3.12-linux-mine"),
        ("__x__", "__x__"),
        ("3.12.7/envs/_odd@home", "_odd@home"),
    ],
)
def test_a_word_is_the_name_of_a_folder_in_the_store(text: str, name: str) -> None:
    assert Request.parse(text)[:2] == (text, "name")
    assert Request.parse(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        ".",
        "..",
        "../x",
        "./py",
        "3.12/",
        "/usr/bin/python3",
        "a/b",
        "3.12/envs/..",
        "../envs/x",
        "a/envs/b/c",
        "a/envs/b/envs/c",
        "3.12/envs/",
        "/envs/x",
        "system/envs/x",
        ">=3.12/envs/x",
        "cpython@x/envs/x",
        "3..12",
        "a..b",
        "-x",
        "--help",
        "3 12",
        "3.12\x1c",
        "3.12\x85",
        "\xa03.12",
        "3.12\u2028",
        "3.12\x00",
        "3.12\nx",
        "x\x1b[0m",
        "C:\\x",
        ">=",
        ">=3.11,",
        ">=3.11,<",
        ">=3.12.*",
        "~=3",
        "=3.12",
        "=>3.12",
        "^3.12",
        ">=3.x",
        ">=3.12 <3.13",
        ">=3.13 t",
        ">=3.13t,<3.15",
        ">=3.13dt",
        ">=3.13t+freethreaded",
        ">=3.13+freethreaded+gil",
        ">=3.13+debug+debug",
        ">=3.13+",
        ">=3.13+x",
        "pypy>=3.10t",
        ">=t",
        "-linux",
        ">=3.12,\x0b<4",
        "<\r3.12",
        "$HOME",
        "`x`",
        "x;y",
        "~",
        "@3.12",
        "@x",
        "cpython@x",
        "CPython@x",
        "python@",
        "py@x",
        "pypy@nonsense",
        "graalpy@3.12@x",
        "3.12/envs/cpython@x",
        "foo@../bar",
        "foo@/bar",
        "foo@bar\x1b",
        "_/x",
        "_..",
        "x" * 300,
    ],
)
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        Request.parse(text)


@pytest.mark.parametrize(
    ("base", "name", "holds"),
    [
        ("3.12.7", "3.12.7", True),
        ("3.12.7", "3.12.1", True),
        ("3.12.7", "3.12.7t", False),
        ("3.12.7", "3.11.8", False),
        ("3.14.0rc1", "3.14.2", True),
        ("cpython@3.12", "3.12.7", True),
        ("3", "3.12.7", True),
        ("9", "3.12.7", False),
        ("pypy3.10-7.3.16", "pypy3.10-7.3.17", True),
        ("pypy3.10-7.3.16", "pypy3.9-7.3.16", False),
        ("graalpy-24.1.1", "graalpy-24.1.2", True),
        ("graalpy-24.1.1", "graalpy-24.2.0", False),
    ],
)
def test_what_an_environment_has_to_be_on_is_kept_and_any_patch_of_it_will_do(
    base: str, name: str, *, holds: bool
) -> None:
    request = Request.parse(f"{base}/envs/web")
    assert request.base == Request.parse(base)
    assert request.base.any_patch.matches(version(name)) == holds


@given(st.text())
def test_no_text_becomes_a_path_or_breaks_the_parser(text: str) -> None:
    try:
        request = Request.parse(text)
    except RequestError:
        return
    for folder in (request.name, request.short_name, request.exact.name if request.exact else ""):
        assert "/" not in folder
        assert ".." not in folder
        assert folder.isprintable()


@given(
    st.from_regex(
        r"(cp|pypy|cpython|graalpy|python|>=|~=)?[-@]?[0-9.]{0,8}(rc|a|b|t|d|\+debug|,<)?[0-9.]{0,4}(-[a-z0-9_]+){0,4}",
        fullmatch=True,
    )
)
def test_whatever_looks_like_a_request_is_understood_the_same_way_twice(text: str) -> None:
    try:
        request = Request.parse(text)
    except RequestError:
        return
    assert Request.parse(request.text) == request


OPERATORS = st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~="])
CLAUSES = st.builds(
    lambda operator, release, pre: operator + ".".join(map(str, release)) + (pre if len(release) > 1 else ""),
    OPERATORS,
    st.lists(st.integers(0, 4), min_size=2, max_size=3),
    st.sampled_from(["", "", "", "a1", "rc2"]),
)
SMALL = st.builds(
    Version,
    st.just("cpython"),
    st.tuples(*[st.integers(0, 4)] * 3),
    st.sampled_from([("", 0), ("", 0), ("a", 1), ("rc", 2)]),
)


RANGES = st.lists(st.one_of(CLAUSES, st.sampled_from(["==1.2.*", "!=1.2.*", "==3.*"])), min_size=1, max_size=3)


@given(RANGES, SMALL)
def test_ranges_mean_what_pep_440_says(clauses: list[str], one: Version) -> None:
    text = ",".join(clauses)
    assert Request.parse(text).matches(one) == SpecifierSet(text).contains(one.name, prereleases=True)


@given(RANGES, SMALL, st.sampled_from(["", "t", "d", "td"]), st.sampled_from(["", "t", "d", "td"]), st.data())
def test_a_variant_at_the_end_of_a_range_is_that_of_all_of_it(
    clauses: list[str], one: Version, asked: str, built: str, data: st.DataObject
) -> None:
    text = ",".join(clauses)
    plain = one._replace(freethreaded=False, debug=False)
    long = ("+freethreaded" if "t" in asked else "") + ("+debug" if "d" in asked else "")
    request = Request.parse(text + data.draw(st.sampled_from([asked, long])))
    built_so = one._replace(freethreaded="t" in built, debug="d" in built)
    assert request.matches(built_so) == (asked == built and Request.parse(text).matches(plain))


@given(
    st.sampled_from(["3", "3.12", "3.12.7t", "cpython", "cpython-3.12", "pypy3.10-7.3.17", ">=3.12,<3.14t"]),
    st.sampled_from(["", "-any"]),
    st.sampled_from(["", "-any", "-linux", "-darwin"]),
    st.sampled_from(["", "-any", "-x86_64", "-x86_64_v3", "-aarch64", "-arm64"]),
    st.sampled_from(["", "-any", "-gnu", "-musl", "-gnueabihf", "-none"]),
)
def test_each_part_of_a_platform_is_known_by_its_kind(text: str, every: str, system: str, arch: str, libc: str) -> None:
    request = Request.parse(text + every + system + arch + libc)
    assert request.platform == tuple(part.removeprefix("-").removeprefix("any") for part in (system, arch, libc))
    assert request._replace(text=text, platform=("", "", "")) == Request.parse(text)


KNOWN = [
    version(name) for name in ["3.11.9", "3.12.1", "3.12.7", "3.13.0", "3.13.0t", "3.13.1d", "3.14.0rc1", "3.14.0rc2"]
] + [
    Version("pypy", (3, 10, 14), own=(7, 3, 17)),
    Version("pypy", (3, 9, 19), own=(7, 3, 16)),
    Version("pypy", (3, 11), ("rc", 1), own=(7, 3, 20)),
    Version("graalpy", (3, 11, 0), own=(24, 2, 2)),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3", "3.13.0"),
        ("3.12", "3.12.7"),
        ("3.12.1", "3.12.1"),
        ("3.13", "3.13.0"),
        ("3.13t", "3.13.0t"),
        ("3.13d", "3.13.1d"),
        ("3.14", "3.14.0rc2"),
        ("3.14.0rc1", "3.14.0rc1"),
        ("3.14rc1", "3.14.0rc1"),
        ("3.14.0", None),
        ("3.15", None),
        ("python", "3.13.0"),
        (">=3.11,<3.13", "3.12.7"),
        (">3.13.0", "3.14.0rc2"),
        ("<3.13", "3.12.7"),
        ("<3.14", "3.13.0"),
        ("~=3.12.1", "3.12.7"),
        ("==3.11.*", "3.11.9"),
        (">=3.14.0rc1", "3.14.0rc2"),
        (">=3.12t", "3.13.0t"),
        (">=3.12,<3.15t", "3.13.0t"),
        ("cpython@>=3.12+freethreaded", "3.13.0t"),
        (">=3.12d", "3.13.1d"),
        (">=3.12+gil", "3.13.0"),
        ("<3.13t", None),
        ("pypy", "pypy3.10-7.3.17"),
        ("pypy3.9", "pypy3.9-7.3.16"),
        ("pypy3.10.14", "pypy3.10-7.3.17"),
        ("pypy3.10.13", None),
        ("pypy-7.3.16", "pypy3.9-7.3.16"),
        ("pypy3.10-7.3.17", "pypy3.10-7.3.17"),
        ("pypy3.10-7.3", "pypy3.10-7.3.17"),
        ("pypy3.10-7", "pypy3.10-7.3.17"),
        ("pypy3.10-8", None),
        ("pypy-7", "pypy3.10-7.3.17"),
        ("pypy3.11-7", "pypy3.11-7.3.20rc1"),
        ("pypy3.11-7.3.20", None),
        ("graalpy-24", "graalpy-24.2.2"),
        ("graalpy-24.2", "graalpy-24.2.2"),
        ("graalpy-24.1", None),
        ("graalpy", "graalpy-24.2.2"),
        ("graalpy3.11", "graalpy-24.2.2"),
        ("graalpy-24.2.2", "graalpy-24.2.2"),
        ("graalpy3.12", None),
    ],
)
def test_the_newest_match_is_chosen_and_pre_releases_only_when_they_must(text: str, found: str | None) -> None:
    chosen = newest(KNOWN, Request.parse(text), lambda each: each)
    assert (chosen.name if chosen else None) == found


@given(st.lists(CPYTHON, min_size=1))
def test_the_chosen_version_matches_and_nothing_better_is_left_out(versions: list[Version]) -> None:
    request = Request.parse(f"{versions[0].release[0]}{versions[0].variant}")
    chosen = newest(versions, request, lambda each: each)
    if versions[0].pre[0] or chosen is None:
        return
    assert request.matches(chosen)
    assert not chosen.pre[0]
    assert all(each.order <= chosen.order for each in versions if request.matches(each) and not each.pre[0])


@given(st.from_regex(r"[A-Za-z0-9_@.+-]{1,12}", fullmatch=True))
def test_every_safe_name_is_a_request_and_begins_as_no_option_and_no_hidden_file(name: str) -> None:
    if is_safe_name(name):
        assert Request.parse(name).text == name
        assert name[0] not in ".-+@"


@pytest.mark.parametrize("name", ["system", "", ".x", "a/b", "..", "a..b", "-n", "x\n", "@x", "cp@x", "PyPy@3.10"])
def test_unsafe_names_are_no_folders(name: str) -> None:
    assert not is_safe_name(name)
