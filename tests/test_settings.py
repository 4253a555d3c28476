"""Settings: variables before the project, and that before the user's file; but a project can only narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyv import settings
from pyv.errors import UsageError
from pyv.settings import Settings


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


def project(folder: Path, content: str) -> str:
    """Make a project, and return a folder in it."""
    (folder / "project/inner").mkdir(parents=True, exist_ok=True)
    (folder / "project/pyproject.toml").write_text(content)
    return str(folder / "project/inner")


@pytest.mark.parametrize(
    ("env", "theirs", "own", "offline"),
    [
        ({}, "true", "false", True),
        ({}, "true", "", True),
        ({}, "false", "true", True),
        ({}, "false", "", False),
        ({"PYV_OFFLINE": "0"}, "true", "true", False),
        ({"PYV_OFFLINE": "1"}, "false", "false", True),
    ],
)
def test_a_project_can_forbid_the_network_and_not_allow_it(
    tmp_path: Path, env: dict[str, str], theirs: str, own: str, *, offline: bool
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"offline = {own}\n" if own else "")
    cwd = project(tmp_path, f"[tool.pyv]\noffline = {theirs}\n")
    assert settings.load(env, file, cwd).offline is offline


def test_a_project_names_no_source(tmp_path: Path) -> None:
    cwd = project(tmp_path, '[tool.pyv]\nmirror = "http://127.0.0.1/a"\nshared = ["/opt/theirs"]\n')
    assert settings.load({}, tmp_path / "none", cwd) == Settings()
    assert settings.shared(tmp_path / "none") == ()


@pytest.mark.parametrize("content", ["[tool.pyv]\noffline = 1", "tool.pyv.offline = 'yes'", "[tool.pyv]\noffline ="])
def test_a_project_that_means_nothing_is_named(tmp_path: Path, content: str) -> None:
    cwd = project(tmp_path, content)
    with pytest.raises(UsageError, match=r"project/pyproject\.toml"):
        settings.load({}, tmp_path / "none", cwd)


@pytest.mark.parametrize(
    "content", ["[project", "<<<<<<<\n[tool.x]\n# pyvista", "tool = 3 # pyv", "[tool]\npyv = 3", "[tool.pyv]", "\xff"]
)
def test_a_project_that_says_nothing_to_pyv_is_left_in_peace(tmp_path: Path, content: str) -> None:
    cwd = project(tmp_path, content)
    (tmp_path / "pyproject.toml").write_text("[tool.pyv]\noffline = true\n")  # another project's, around this one
    assert not settings.load({}, tmp_path / "none", cwd).offline


@pytest.mark.parametrize(
    ("content", "stores"),
    [
        ("", []),
        ('shared = ""', []),
        ("shared = []", []),
        ('shared = "/opt/a"', ["/opt/a"]),
        ('shared = "/opt/a::/opt/b/"', ["/opt/a", "/opt/b"]),
        ('shared = ["/opt/a:b", "~/c"]', ["/opt/a:b", "{home}/c"]),
    ],
)
def test_the_users_file_names_shared_stores(tmp_path: Path, isolated: Path, content: str, stores: list[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    assert settings.shared(file) == tuple(Path(each.format(home=isolated)) for each in stores)


@pytest.mark.parametrize(
    "content", ["shared = 3", "shared = [3]", 'shared = "opt/a"', 'shared = ["/a", ""]', 'shared = "~\\u0000"']
)
def test_shared_stores_that_mean_nothing_are_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=r"config\.toml: shared"):
        settings.shared(file)
