"""What a page of an index means, and which index pip is set up to use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pyv.errors import VerificationError
from pyv.seed.configured import PYPI, index_url
from pyv.seed.simple import newest, wheel_name

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "https://me:word@index.example/simple/pip/"
HASH = "ab" * 32


def entry(version: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever an index says
    name = f"pip-{version}-py3-none-any.whl"
    return {"filename": name, "url": f"https://files.example/{name}", "hashes": {"sha256": HASH}, **changes}


def page(*files: dict[str, Any], api: str = "1.0") -> bytes:
    return json.dumps({"meta": {"api-version": api}, "name": "pip", "files": files}).encode()


def version(body: bytes, python: tuple[int, int] = (3, 12)) -> str | None:
    found = newest(body, PAGE, "pip", python)
    return found.name.version if found else None


def test_the_newest_version_is_the_highest_number_not_the_last_or_longest_name() -> None:
    assert version(page(entry("9.0.3"), entry("24.10"), entry("24.9.1"), entry("24.2"))) == "24.10"


def test_pre_releases_withdrawn_ones_source_archives_and_those_without_a_hash_are_passed_over() -> None:
    files = [
        entry("30.0b1"),
        entry("30.0rc1"),
        entry("30.0.dev1"),
        entry("29.0", yanked="broken"),
        entry("28.9", yanked=""),
        entry("28.0", yanked=True),
        entry("27.0", hashes={}),
        entry("26.0", hashes={"sha256": "short"}),
        entry("25.5", filename="pip-25.5.tar.gz"),
        entry("25.4", filename="pip-25.4-cp312-cp312-linux_x86_64.whl"),
        entry("25.3", filename="pip-25.3-py2-none-any.whl"),
        entry("25.2", filename="pip_tools-25.2-py3-none-any.whl"),
        entry("25.1", filename="pip-25.1-py2.py3-none-any.whl"),
        entry("25.0", yanked=False),
    ]
    assert version(page(*files)) == "25.1"


@pytest.mark.parametrize(
    ("python", "expected"), [((3, 8), "24.3.1"), ((3, 9), "25.0"), ((3, 12), "26.0"), ((3, 7), "21.0"), ((2, 7), None)]
)
def test_a_python_gets_the_newest_one_that_supports_it(python: tuple[int, int], expected: str | None) -> None:
    files = [
        entry("21.0", **{"requires-python": ">=2.6,!=2.7.*,!=3.0.*"}),
        entry("24.3.1", **{"requires-python": ">=3.8"}),
        entry("25.0", **{"requires-python": ">= 3.9 , < 4"}),
        entry("26.0", **{"requires-python": ">=3.10"}),
        entry("27.0", **{"requires-python": ">=3.99"}),
        entry("28.0", **{"requires-python": "whatever"}),
    ]
    assert version(page(*files), python) == expected


def test_a_page_in_html_says_the_same() -> None:
    body = f"""<!DOCTYPE html><html><head><base href="https://files.example/x/"></head><body>
      <a href="pip-30.0-py3-none-any.whl#sha256={HASH}" data-yanked>yanked</a>
      <a href="pip-29.0-py3-none-any.whl#md5=0123">no sha256</a>
      <a href="pip-28.0-py3-none-any.whl#sha256={HASH}" data-requires-python="&gt;=3.99">too new</a>
      <a href="../p%69p-27.0-py3-none-any.whl#sha256={HASH.upper()}" data-requires-python="&gt;=3.8">this one</a>
      <a>nothing</a></body></html>"""
    found = newest(body.encode(), PAGE, "pip", (3, 12))
    assert found is not None
    assert (found.name.version, found.sha256) == ("27.0", HASH)
    assert found.url == "https://files.example/p%69p-27.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("../../files/p.whl", "https://me:word@index.example/files/p.whl"),
        ("https://index.example/p.whl", "https://me:word@index.example/p.whl"),
        ("https://index.example:444/p.whl", "https://index.example:444/p.whl"),
        ("https://other.example/p.whl", "https://other.example/p.whl"),
        ("https://you:too@index.example/p.whl", "https://you:too@index.example/p.whl"),
    ],
)
def test_a_link_is_resolved_and_the_password_goes_to_the_index_alone(link: str, url: str) -> None:
    found = newest(page(entry("25.0", url=link)), PAGE, "pip", (3, 12))
    assert found is not None
    assert found.url == url


@pytest.mark.parametrize("link", ["file:///etc/passwd", "http://index.example/p.whl", "ftp://x/p.whl", "http://[x"])
def test_a_link_to_this_machine_or_without_tls_is_passed_over(link: str) -> None:
    assert version(page(entry("25.0", url=link), entry("24.0"))) == "24.0"


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"not found", b"{", b"{}", b'{"meta": {"api-version": "2.0"}, "files": []}', b"[" * 9999]
)
def test_what_is_no_page_of_an_index_is_refused(body: bytes) -> None:
    with pytest.raises(VerificationError, match="no list of files"):
        newest(body, PAGE, "pip", (3, 12))


def test_a_page_of_a_portal_has_no_pip() -> None:
    assert version(b"<html><body><a href='/login'>log in first</a></body></html>") is None


@pytest.mark.parametrize("name", ["pip-24.0-py3/../../x-none-any.whl", "pip-../24-py3-none-any.whl", "pip.whl", ""])
def test_only_the_name_of_a_pure_wheel_is_one(name: str) -> None:
    assert wheel_name("pip", name) is None or "/" not in str(wheel_name("pip", name))


def configured(home: Path, env: dict[str, str] | None = None) -> str:
    notes: list[str] = []
    # The machine's own files are not the test's
    found = index_url(
        {"XDG_CONFIG_DIRS": str(home / "xdg"), **(env or {})}, home, notes.append, machine=home / "machine.conf"
    )
    assert all("s3cret" not in note for note in notes)
    return found


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_any_setting_the_index_is_pypi(tmp_path: Path) -> None:
    assert configured(tmp_path) == PYPI


def test_pips_variable_beats_its_files_and_the_users_file_that_of_the_machine(tmp_path: Path) -> None:
    write(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://desktop.example/simple\n")
    assert configured(tmp_path) == "https://desktop.example/simple"
    write(tmp_path / "machine.conf", "[global]\nindex-url = https://machine.example/simple\n")
    assert configured(tmp_path) == "https://machine.example/simple"
    write(tmp_path / ".pip/pip.conf", "[global]\nindex_url = https://old.example/simple/\n")
    assert configured(tmp_path) == "https://old.example/simple"
    write(tmp_path / "own/pip/pip.conf", "[global]\nindex-url = https://u:p%40@user.example/simple\n")
    assert configured(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "own")}) == "https://u:p%40@user.example/simple"
    write(tmp_path / "named.conf", "[global]\ntimeout = 5\nindex-url = https://named.example\n")
    named = {"PIP_CONFIG_FILE": str(tmp_path / "named.conf")}
    assert configured(tmp_path, named) == "https://named.example"
    assert configured(tmp_path, {**named, "PIP_INDEX_URL": "https://variable.example/"}) == "https://variable.example"
    assert configured(tmp_path, {"PIP_CONFIG_FILE": "/dev/null"}) == PYPI


@pytest.mark.parametrize("text", ["[global\nindex-url=https://u:s3cret@x\n", "index-url=https://u:s3cret@x\n", "\xff"])
def test_a_malformed_file_is_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".pip/pip.conf"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    assert configured(tmp_path) == PYPI


def test_a_user_may_want_no_index_at_all(tmp_path: Path) -> None:
    assert configured(tmp_path, {"PIP_NO_INDEX": "yes", "PIP_INDEX_URL": "https://x"}) == ""
    write(tmp_path / ".pip/pip.conf", "[global]\nno-index = true\n")
    assert configured(tmp_path) == ""
    assert configured(tmp_path, {"PIP_NO_INDEX": "false", "PIP_INDEX_URL": "https://x"}) == "https://x"
