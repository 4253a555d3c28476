"""What pyv takes a mistyped command or version for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyv.versions.near import nearest
from tests.support.command import pyv, store
from tests.support.stores import make_version

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("3", "3.14", "3.13", "3.12", "3.11", "3.9", "3.8", "install", "uninstall", "version", "versions", "list")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("3.21", "3.12"),
        ("3.112", "3.12"),
        ("3.15", "3.14"),
        ("3.7", "3.8"),
        ("3.2", "3.12"),
        ("instal", "install"),
        ("isntall", "install"),
        ("verison", "version"),
        ("lits", "list"),
        ("3.12", ""),
        ("2.6", ""),
        ("frobnicate", ""),
        ("9", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_found_if_any_is_near(typed: str, meant: str) -> None:
    assert nearest(typed, NAMES) == meant


def test_of_names_that_are_equally_near_the_number_decides_then_the_order() -> None:
    assert nearest("3.112", ["3.11", "3.12"]) == "3.12"
    assert nearest("lisx", ["lisa", "list"]) == "lisa"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["instal"], "pyv install"),
        (["verfy", "--json"], "pyv verify"),
        (["help", "upgarde"], "pyv upgrade"),
        (["rm", "3.12"], "pyv uninstall"),
        (["3.13"], "pyv install 3.13"),
    ],
)
def test_the_error_about_a_command_names_the_one_that_was_meant(words: list[str], meant: str) -> None:
    result = pyv(*words)
    assert (result.status, result.out) == (2, "")
    assert f"did you mean: {meant}?" in result.err
    assert result.err.count("\n") == 2


def test_what_is_near_nothing_is_no_command_either() -> None:
    result = pyv("frobnicate")
    assert result.status == 2
    assert result.err == "pyv: there is no command 'frobnicate'\n     see: pyv commands\n"


@pytest.mark.parametrize("words", [["install", "--offline", "3.21"], ["list", "--offline", "3.21"], ["local", "3.21"]])
def test_the_error_about_a_version_names_the_one_that_was_meant(words: list[str], tmp_path: Path) -> None:
    result = pyv(*words, cwd=tmp_path, PYV_OFFLINE="1")
    assert result.status == 3
    assert "did you mean 3.12?" in result.err


def test_what_cannot_be_had_is_not_said_to_be_installable(tmp_path: Path) -> None:
    make_version(store(), "3.14.1", links=("3.14", "3"))
    for words in (["local", "2.7"], ["prefix", ">=7"], ["latest", "9"]):
        result = pyv(*words, cwd=tmp_path, PYV_OFFLINE="1")
        assert result.status == 3
        assert f"no build of {words[1]} is known; the newest known version is 3." in result.err, words
        assert "; see 'pyv list --all', or refresh with 'pyv index update'" in result.err
        assert "pyv install" not in result.err
    advice = "no build of {} is known; the newest known version is 3."
    for pin, wanted in (
        ("2.7", advice),
        (">=3.30", advice),
        ("9.9", "did you mean 3.9? To install it: pyv install 3.9"),
    ):
        (tmp_path / ".python-version").write_text(f"{pin}\n")
        for line in (["which", "python"], ["version"], ["exec", "python"], ["prefix"], ["virtualenv-prefix"]):
            result = pyv(*line, cwd=tmp_path, PYV_OFFLINE="1")
            assert result.status == (127 if len(line) > 1 else 3), line
            first, second = result.err.splitlines()
            assert first == f"pyv: {pin} is not installed, pinned by {tmp_path}/.python-version:1", line
            assert second.startswith(f"     installed: 3.14.1; {wanted.format(pin)}"), line
            assert f"pyv install {pin}" not in second
    (tmp_path / ".python-version").unlink()
    # Of the same minor version there is a release or a pre-release, and 3.14.1 is no stand-in for it
    for words in (["local", "3.15.99"], ["install", "3.15.99"], ["prefix", "3.15.99"]):
        result = pyv(*words, cwd=tmp_path, PYV_OFFLINE="1")
        assert "did you mean 3.15." in result.err, words


def test_a_pin_for_another_platform_leads_to_one_without_it(tmp_path: Path) -> None:
    make_version(store(), "3.12.4", links=("3.12", "3"))
    for platform in ("windows-x86_64-none", "darwin-armv7-none"):
        for policy in ("never", "ask"):
            result = pyv(
                *("which", "python"),
                cwd=tmp_path,
                PYV_OFFLINE="1",
                PYV_VERSION=f"cpython-3.12-{platform}",
                PYV_AUTO_INSTALL=policy,
            )
            assert (result.status, "pyv install" in result.err) == (127, False)
            assert "     installed: 3.12.4; it is for another platform than " in result.err


def test_versions_are_named_before_anything_else_that_is_installed(tmp_path: Path) -> None:
    for name in ("3.11.8", "3.12.4", "pypy3.10-7.3.17", *"abcdef"):
        make_version(store(), name)
    for pin, hint in (("3.9", "to install it: pyv install 3.9"), ("nope", "nope is not a version; if it names an env")):
        result = pyv("which", "python", cwd=tmp_path, PYV_OFFLINE="1", PYV_VERSION=pin)
        assert f"     installed: 3.11.8, 3.12.4, c, d, e, f and 3 more; {hint}" in result.err


def test_pinning_names_what_is_installed_first_and_keeps_quiet_about_versions_that_exist(tmp_path: Path) -> None:
    make_version(store(), "3.12.4", links=("3.12",))
    make_version(store(), "tools")
    for typed, meant in (("3.112", "3.12"), ("3.21", "3.12"), ("3.12.41", "3.12.4"), ("tool", "tools")):
        result = pyv("local", typed, cwd=tmp_path, PYV_OFFLINE="1")
        assert f"did you mean {meant}, which is installed?" in result.err, typed
    result = pyv("local", "3.11", cwd=tmp_path, PYV_OFFLINE="1")
    assert "did you mean" not in result.err
    assert "pyv install 3.11" in result.err
    assert not (tmp_path / ".python-version").exists()
    for words in (["uninstall", "-y", "3.112"], ["verify", "3.112"], ["repair", "3.112"]):
        result = pyv(*words, PYV_OFFLINE="1")
        assert (result.status, "did you mean 3.12, which is installed?" in result.err) == (3, True), words
    assert (store() / "versions/3.12.4").exists()
