"""The store: what is installed, and the short-name links that define the newest."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from pyv import fsops
from pyv.errors import NotInstalledError, StoreError
from pyv.layout import Layout
from pyv.store import Store
from pyv.versions import Request

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Layout({"PYV_ROOT": str(tmp_path), "PYV_CACHE_DIR": str(tmp_path / "cache")}, "/"), print)


def add(store: Store, *names: str, **receipt: str) -> None:
    for name in names:
        folder = store.layout.version(name)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python3").touch()
        if receipt:
            (folder / ".pyv").mkdir()
            (folder / ".pyv/receipt.json").write_text(json.dumps(receipt))


def links(store: Store) -> dict[str, str]:
    return store.aliases()


def test_an_empty_store_lists_nothing_and_is_not_created(store: Store) -> None:
    assert store.installed() == []
    assert store.aliases() == {}
    assert not store.layout.versions.exists()


def test_versions_are_listed_in_order_and_other_names_last(store: Store) -> None:
    add(store, "3.12.10", "3.12.9", "conda", "pypy3.10-7.3.17", "3.13.0t", "3.13.0", ".3.1.4")
    (store.layout.versions / "file").touch()
    (store.layout.versions / "gone").symlink_to("/nonexistent")
    store.update_links()
    names = [each.name for each in store.installed()]
    assert names == ["3.12.9", "3.12.10", "3.13.0", "3.13.0t", "pypy3.10-7.3.17", "conda"]


def test_links_mean_the_newest_final_release_of_their_kind(store: Store) -> None:
    add(store, "3.12.10", "3.12.9", "3.13.0rc1", "3.14.0a1", "3.14.0a2", "3.13.0t", "pypy3.10-7.3.17", "pypy3.9-7.3.17")
    store.update_links()
    assert links(store) == {
        "3": "3.12.10",
        "3.12": "3.12.10",
        "3.13": "3.13.0rc1",
        "3.14": "3.14.0a2",
        "3t": "3.13.0t",
        "3.13t": "3.13.0t",
        "pypy": "pypy3.10-7.3.17",
        "pypy3": "pypy3.10-7.3.17",
        "pypy3.10": "pypy3.10-7.3.17",
        "pypy3.9": "pypy3.9-7.3.17",
    }


def test_graalpy_is_found_by_the_python_that_its_receipt_tells(store: Store) -> None:
    add(store, "graalpy-24.2.2", python="3.11.0")
    store.update_links()
    assert links(store) == dict.fromkeys(("graalpy", "graalpy3", "graalpy3.11"), "graalpy-24.2.2")


def test_links_of_the_users_own_are_never_touched(store: Store) -> None:
    add(store, "3.12.9")
    (store.layout.versions / "3.12").mkdir()
    (store.layout.versions / "3").symlink_to("/opt/python")
    (store.layout.versions / "mine").symlink_to("3.12.9")
    store.update_links()
    assert os.readlink(store.layout.versions / "3") == "/opt/python"
    assert links(store) == {"mine": "3.12.9"}


def test_links_without_a_version_go(store: Store) -> None:
    add(store, "3.12.9", "3.11.1")
    store.update_links()
    store.discard("3.12.9")
    assert links(store) == {"3": "3.11.1", "3.11": "3.11.1"}
    assert [each.name for each in store.installed()] == ["3.11.1"]
    assert os.listdir(store.layout.staging) == []


def test_of_a_linked_version_only_the_link_goes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/bin").mkdir(parents=True)
    store.layout.versions.mkdir()
    store.layout.version("conda").symlink_to(tmp_path / "elsewhere")
    found = store.get("conda")
    assert found
    assert (found.target, found.managed) == (str(tmp_path / "elsewhere"), False)
    store.discard("conda")
    assert store.get("conda") is None
    assert (tmp_path / "elsewhere/bin").is_dir()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("3", "3.13.0"),
        ("3.12", "3.12.9"),
        ("3.12.1", "3.12.1"),
        ("3.12.2", None),
        (">=3.11,<3.13", "3.12.9"),
        ("3.13t", "3.13.0t"),
        ("conda", "conda"),
        ("3.12.9/envs/web", "web"),
        ("nothing", None),
        ("3.14", "3.14.0rc1"),
        ("3.14.0rc1", "3.14.0rc1"),
        ("3.14.0", None),
        ("python3.12", "3.12.9"),
        ("pypy3.10-7.3.16", "pypy3.10-7.3.16"),
        ("pypy3.10-7.3.15", None),
        ("pypy3.10-7.3", "pypy3.10-7.3.17"),
        ("pypy3.10-7", "pypy3.10-7.3.17"),
        ("pypy3.10-7.2", None),
        ("graalpy-24.1", "graalpy-24.1.1"),
        ("graalpy-24", "graalpy-24.2.0"),
        ("graalpy-24.0", "graalpy-24.0"),
    ],
)
@pytest.mark.parametrize("linked", [True, False])
def test_a_request_finds_what_it_means(store: Store, text: str, name: str | None, *, linked: bool) -> None:
    add(store, "3.12.1", "3.12.9", "3.13.0", "3.13.0t", "3.14.0rc1", "conda", "web")
    add(store, "pypy3.10-7.3.16", "pypy3.10-7.3.17", "graalpy-24.0", "graalpy-24.1.1", "graalpy-24.2.0")
    if linked:
        store.update_links()
    found = store.find(Request.parse(text))
    assert (found.name if found else None) == name


def test_the_link_defines_the_newest_even_if_it_is_not(store: Store) -> None:
    add(store, "3.12.1", "3.12.9")
    store.update_links()
    (store.layout.versions / "3.12").unlink()
    (store.layout.versions / "3.12").symlink_to("3.12.1")
    found = store.find(Request.parse("3.12"))
    assert found
    assert found.name == "3.12.1"


def test_a_platform_that_is_spelled_out_must_be_the_one_installed(store: Store) -> None:
    add(store, "3.12.1", platform="linux-x86_64-gnu")
    assert store.find(Request.parse("cpython-3.12.1-linux-x86_64-gnu"))
    assert store.find(Request.parse("cpython-3.12-linux"))
    assert store.find(Request.parse("cpython-3.12.1-darwin-aarch64-none")) is None
    store.update_links()
    assert store.find(Request.parse("cpython-3.12-linux"))
    for other in ("darwin", "linux-aarch64", "linux-x86_64-musl"):
        assert store.find(Request.parse(f"cpython-3.12-{other}")) is None


def test_a_platform_is_met_by_any_processor_of_its_family_and_by_what_is_not_pyvs_as_this_machine(
    tmp_path: Path,
) -> None:
    store = Store(Layout({"PYV_ROOT": str(tmp_path)}, "/"), print, lambda: "linux-x86_64-gnu")
    add(store, "3.12.1")
    add(store, "3.13.1", platform="linux-x86_64_v3-gnu")
    store.update_links()
    for minor in ("3.12", "3.13"):
        for version in (minor, f"{minor}.1"):
            for met in (
                "linux",
                "linux-x86_64-gnu",
                "linux-x86_64_v2-gnu",
                "linux-amd64",
                "any-x86_64",
                "x86_64",
                "gnu",
            ):
                assert store.find(Request.parse(f"cpython-{version}-{met}")), (version, met)
            for other in ("linux-x86_64-musl", "musl", "aarch64", "darwin", "linux-aarch64-gnu", "windows-x86_64-none"):
                assert store.find(Request.parse(f"cpython-{version}-{other}")) is None, (version, other)


def test_a_pypy_is_known_by_the_patch_of_the_language_that_its_receipt_tells(store: Store) -> None:
    add(store, "pypy3.10-7.3.17", python="3.10.14")
    add(store, "pypy3.10-7.3.19", python="3.10.16")
    add(store, "pypy3.9-7.3.16")
    store.update_links()

    def found(text: str) -> str:
        one = store.find(Request.parse(text))
        return one.name if one else ""

    assert (
        found("pypy3.10")
        == found("pypy-3.10.16")
        == found("pypy>=3.10.15")
        == found("pypy==3.10.16")
        == "pypy3.10-7.3.19"
    )
    assert found("pypy-3.10.14") == found("pypy<3.10.15,>3.10") == found("pypy3.10-7.3.17") == "pypy3.10-7.3.17"
    assert found("pypy-3.10.99") == found("pypy<3.9") == ""


def test_what_is_not_installed_is_said_with_the_command_that_installs_it(store: Store) -> None:
    with pytest.raises(NotInstalledError, match=r"3\.12 is not installed") as caught:
        store.require(Request.parse("3.12"))
    assert (caught.value.hint, caught.value.exit_code) == ("pyv install 3.12", 3)


def test_a_finished_folder_replaces_what_stood_there(store: Store, tmp_path: Path) -> None:
    add(store, "3.12.1")
    (store.layout.version("3.12.1") / "old").touch()
    staged = tmp_path / "staged"
    (staged / "bin").mkdir(parents=True)
    store.commit(staged, "3.12.1")
    assert os.listdir(store.layout.version("3.12.1")) == ["bin"]
    assert "old" in os.listdir(staged)
    store.commit(staged, "3.12.2")
    assert not staged.exists()


def test_a_finished_folder_replaces_a_link_without_touching_what_it_points_to(store: Store, tmp_path: Path) -> None:
    (tmp_path / "shared/bin").mkdir(parents=True)
    store.layout.versions.mkdir()
    store.layout.version("3.12.1").symlink_to(tmp_path / "shared")
    (tmp_path / "staged").mkdir()
    store.commit(tmp_path / "staged", "3.12.1")
    assert not store.layout.version("3.12.1").is_symlink()
    assert (tmp_path / "shared/bin").is_dir()


def test_a_file_of_somebody_is_not_replaced(store: Store, tmp_path: Path) -> None:
    store.layout.versions.mkdir()
    store.layout.version("3.12.1").write_text("precious")
    (tmp_path / "staged").mkdir()
    with pytest.raises(StoreError, match=r"3\.12\.1 is no folder") as caught:
        store.commit(tmp_path / "staged", "3.12.1")
    assert caught.value.hint == "move it away"
    assert store.layout.version("3.12.1").read_text() == "precious"


def test_names_that_would_mean_nothing_without_a_version_are_known(store: Store) -> None:
    add(store, "3.12.1", "3.12.9", "3.13.0")
    store.update_links()
    (store.layout.versions / "mine").symlink_to("3.12.9")
    assert store.names_lost_with("3.12.9") == {"3.12.9", "mine"}
    store.discard("3.12.1")
    assert store.names_lost_with("3.12.9") == {"3.12.9", "3.12", "mine"}
    assert store.names_lost_with("web") == {"web"}


def test_a_held_name_stays_until_the_newest_patch_is_asked_for(store: Store) -> None:
    add(store, "3.11.1", "3.12.1", "3.12.5")
    store.hold("3.12", "3.12.1")
    add(store, "3.12.7", "3.12.9")
    store.update_links()
    assert store.aliases() == {"3.11": "3.11.1", "3.12": "3.12.1", "3": "3.12.1"}
    for installed in ("3.11.1", "3.12.7"):
        store.update_links(installed=installed)
        assert store.aliases()["3.12"] == "3.12.1"
    store.update_links(installed="3.12.9")
    assert store.aliases() == {"3.11": "3.11.1", "3.12": "3.12.9", "3": "3.12.9"}
    assert store.held() == {}


def test_ranges_mean_the_held_patch_if_it_is_one_of_them(store: Store) -> None:
    add(store, "3.12.1", "3.12.9")
    store.hold("3.12", "3.12.1")
    for text, name in (("~=3.12.0", "3.12.1"), (">=3.12.2", "3.12.9"), ("3.12.9", "3.12.9"), ("3", "3.12.1")):
        found = store.find(Request.parse(text))
        assert found
        assert found.name == name


def test_a_version_that_is_gone_holds_nothing(store: Store) -> None:
    add(store, "3.12.1", "3.12.5", "3.12.9")
    store.hold("3.12", "3.12.1")
    store.discard("3.12.1")
    assert (store.aliases()["3.12"], store.held()) == ("3.12.9", {})


def test_a_damaged_note_of_what_is_held_counts_for_nothing(store: Store) -> None:
    add(store, "3.12.1", "3.12.5")
    store.layout.held.write_bytes(b"3.12\n\xff 3.12.1\n")
    assert store.held() == {}
    store.layout.held.write_text("3.12\n3.12 3.12.1 3.12.5\n3.13 3.12.1\n")
    store.update_links()
    assert (store.aliases()["3.12"], store.held()) == ("3.12.5", {})


def staged(store: Store, tmp_path: Path, mark: str) -> Path:
    folder = tmp_path / "staged"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python3").write_text(mark)
    store.layout.locks.mkdir(exist_ok=True)
    return folder


def test_where_folders_cannot_be_swapped_a_version_is_replaced_by_renames(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsops, "exchange", lambda _one, _other: False)
    add(store, "3.12.1")
    old = staged(store, tmp_path, "new")
    store.commit(old, "3.12.1")
    assert (store.layout.version("3.12.1") / "bin/python3").read_text() == "new"
    assert (old / "bin/python3").read_text() == ""
    assert os.listdir(store.layout.versions) == ["3.12.1"]


def test_a_replacement_by_renames_that_fails_changes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsops, "exchange", lambda _one, _other: False)
    add(store, "3.12.1")
    folder = staged(store, tmp_path, "new")
    rename = os.rename

    def full(source: Path, target: Path) -> None:
        if source == folder and len(os.listdir(store.layout.versions)) == 1 and not target.exists():
            raise OSError(errno.ENOSPC, "full")
        rename(source, target)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="full"):
        store.commit(folder, "3.12.1")
    assert (store.layout.version("3.12.1") / "bin/python3").read_text() == ""
    assert os.listdir(store.layout.versions) == ["3.12.1"]


@pytest.mark.parametrize("has_place", [True, False])
def test_what_a_killed_replacement_put_aside_is_put_back_unless_somebody_is_at_it(
    store: Store, *, has_place: bool
) -> None:
    add(store, ".3.12.1.replaced", *["3.12.1"] * has_place)
    store.layout.locks.mkdir()
    before = sorted(os.listdir(store.layout.versions))
    with store.lock("3.12.1", "the test"):
        store.recover()
        assert sorted(os.listdir(store.layout.versions)) == before
    store.recover()
    assert os.listdir(store.layout.versions) == ["3.12.1"]


def test_a_link_that_cannot_be_followed_does_not_hide_the_other_versions(store: Store, tmp_path: Path) -> None:
    """As one into the home of another user, which may not be looked into."""
    add(store, "3.12.7")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    (store.layout.versions / "mine").symlink_to(loop)
    assert [each.name for each in store.installed()] == ["3.12.7"]
    assert [each.name for each in store.lost()] == ["mine"]
