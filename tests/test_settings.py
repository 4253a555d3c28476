"""Settings: variables before the user's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyv import settings
from pyv.errors import UsageError
from pyv.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_without_anything_there_is_no_mirror_and_the_network_is_used(tmp_path: Path) -> None:
    assert settings.load({}, tmp_path / "none.toml", "/cwd") == Settings(mirror="", offline=False)


def test_the_file_is_read_and_variables_go_before_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('mirror = "http://127.0.0.1/a/"\noffline = true\n')
    assert settings.load({}, file, "/cwd") == Settings("http://127.0.0.1/a", offline=True)
    env = {"PYV_MIRROR": "/srv/mirror", "PYV_OFFLINE": "0"}
    assert settings.load(env, file, "/cwd") == Settings("/srv/mirror", offline=False)
    assert settings.load(env, file, "/cwd", offline=True).offline


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("", False), ("no", False), ("ON", True)])
def test_offline_is_a_truth_value(tmp_path: Path, value: str, *, offline: bool) -> None:
    assert settings.load({"PYV_OFFLINE": value}, tmp_path / "none", "/cwd").offline is offline


@pytest.mark.parametrize("content", ["mirror = 3", "offline = 'yes'", "=", "mirror"])
def test_a_file_that_means_nothing_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=r"config\.toml"):
        settings.load({}, file, "/cwd")


def test_a_variable_that_means_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PYV_OFFLINE='maybe'"):
        settings.load({"PYV_OFFLINE": "maybe"}, tmp_path / "none", "/cwd")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("mirror", "/cwd/mirror"),
        ("./m/", "/cwd/m"),
        ("/m", "/m"),
        ("file:///m/", "file:///m"),
        ("https://h/m/", "https://h/m"),
    ],
)
def test_a_mirrors_folder_may_be_relative(tmp_path: Path, given: str, used: str) -> None:
    assert settings.load({"PYV_MIRROR": given}, tmp_path / "none", "/cwd").mirror == used
