"""Where everything lies."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pyv.errors import UsageError
from pyv.layout import Layout


@pytest.mark.parametrize(
    ("env", "root"),
    [
        ({"PYV_ROOT": "/opt/pyv", "HOME": "/h", "XDG_DATA_HOME": "/d"}, "/opt/pyv"),
        ({"PYV_ROOT": "store", "HOME": "/h"}, "/cwd/store"),
        ({"PYV_ROOT": "", "HOME": "/h"}, "/h/.local/share/pyv"),
        ({"XDG_DATA_HOME": "/d", "HOME": "/h"}, "/d/pyv"),
        ({"XDG_DATA_HOME": "d", "HOME": "/h"}, "/h/.local/share/pyv"),
        ({"HOME": "/h"}, "/h/.local/share/pyv"),
    ],
)
def test_the_root_is_what_the_environment_says(env: dict[str, str], root: str) -> None:
    assert Layout(env, "/cwd").root == Path(root)


def test_without_home_the_user_database_tells() -> None:
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert Layout({}, "/").root == Path(home, ".local/share/pyv")


def test_the_store_has_the_folders_that_other_tools_know() -> None:
    layout = Layout({"PYV_ROOT": "/r", "PYV_CACHE_DIR": "/c"}, "/")
    assert [
        layout.versions,
        layout.shims,
        layout.venvs,
        layout.envs,
        layout.global_pin,
        layout.locks,
        layout.staging,
    ] == [Path("/r", name) for name in ("versions", "shims", "venvs", "envs", "version", "locks", "tmp")]
    assert (layout.archives, layout.catalogue) == (Path("/c/archives"), Path("/c/catalogue"))
    assert layout.version("3.12.7") == Path("/r/versions/3.12.7")


def test_shared_stores_are_listed_nearest_first() -> None:
    assert Layout({"PYV_SHARED": "/opt/a::/opt/b"}, "/").shared == (Path("/opt/a"), Path("/opt/b"))


def test_the_users_file_tells_the_shared_stores_where_the_variable_does_not() -> None:
    def told() -> tuple[Path, ...]:
        return (Path("/opt/c"),)

    assert Layout({}, "/", told).shared == (Path("/opt/c"),)
    assert Layout({"PYV_SHARED": "/opt/a"}, "/", told).shared == (Path("/opt/a"),)
    assert Layout({"PYV_SHARED": ""}, "/", told).shared == ()
    assert Layout({}, "/").shared == ()


def test_what_is_relative_to_a_deleted_folder_is_nowhere() -> None:
    with pytest.raises(UsageError, match="PYV_ROOT=rel is relative, and the current folder was deleted"):
        Layout({"PYV_ROOT": "rel"}, "")
    layout = Layout({"PYV_ROOT": "/r", "PYV_CACHE_DIR": "rel", "PYV_SHARED": "/opt:rel"}, "")
    assert layout.versions == Path("/r/versions")
    with pytest.raises(UsageError, match="PYV_CACHE_DIR=rel is relative"):
        _ = layout.archives
    with pytest.raises(UsageError, match="PYV_SHARED=rel is relative"):
        _ = layout.shared


def test_nothing_is_created(tmp_path: Path) -> None:
    layout = Layout({"PYV_ROOT": str(tmp_path / "r"), "PYV_CACHE_DIR": str(tmp_path / "c")}, "/")
    for name in ("versions", "shims", "archives", "catalogue", "settings", "home", "shared", "staging"):
        getattr(layout, name)
    assert list(tmp_path.iterdir()) == []
