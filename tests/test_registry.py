"""The registry: which environments are known, and that none can pass for another."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.errors import NotFoundError
from pyv.layout import Layout
from pyv.registry import Environment, Registry
from tests.support.command import store

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
# Nobody, not even root, can make a folder there
NOT_WRITABLE = "/sys/pyv"
LATER = 5 * 10**9


def make(path: Path, content: bytes = b"home = /nowhere\nversion = 3.12\n") -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "pyvenv.cfg").write_bytes(content)
    return path


def registry(**changes: str) -> Registry:
    return Registry(Layout({**os.environ, **changes}, "/"))


def own_list() -> Path:
    return Path(os.environ["HOME"], ".local/share/pyv/venvs")


def first_line(venv: Path) -> bytes:
    return (venv / "pyvenv.cfg").read_bytes().split(b"\n")[0]


def touch(path: Path, by: int = LATER) -> None:
    changed = path.stat().st_mtime_ns + by
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Return an environment that is known."""
    folder = make(tmp_path / "project/.venv")
    registry().register(folder)
    return folder


def test_an_environment_is_known_once_it_is_registered_and_no_longer_once_it_is_revoked(tmp_path: Path) -> None:
    venv = make(tmp_path / "project/.venv")
    known = registry()
    assert not known.knows(venv)
    assert known.stranger(venv.parent) == venv
    identity = known.register(venv)
    assert first_line(venv) == f"pyv = {identity}".encode()
    assert (venv / "pyvenv.cfg").read_bytes().endswith(b"\nhome = /nowhere\nversion = 3.12\n")
    assert known.knows(venv)
    assert (known.in_folder(venv.parent), known.stranger(venv.parent)) == (venv, None)
    assert known.all() == [Environment(identity, venv)]
    assert known.revoke(venv)
    assert not known.knows(venv)
    assert known.all() == []
    assert os.listdir(store() / "venvs") == []
    assert not known.revoke(venv)


def test_registering_again_changes_nothing(venv: Path) -> None:
    before = (venv / "pyvenv.cfg").read_bytes()
    assert registry().register(venv).encode() in before
    assert (venv / "pyvenv.cfg").read_bytes() == before
    assert len(os.listdir(store() / "venvs")) == 2


def test_what_is_no_environment_is_refused(tmp_path: Path, venv: Path) -> None:
    (tmp_path / "link").symlink_to(venv)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "link", tmp_path / "folder", tmp_path / "absent"):
        with pytest.raises(NotFoundError, match="is no virtual environment"):
            registry().register(path)


def test_a_copy_is_another_one_and_both_can_be_known(venv: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy/.venv"
    shutil.copytree(venv, copy, symlinks=True)
    assert not registry().knows(copy)
    assert registry().register(copy) not in first_line(venv).decode()
    assert registry().knows(copy)
    assert registry().knows(venv)
    assert registry().revoke(copy)
    assert registry().knows(venv)


def test_a_link_to_a_known_one_is_not_known(venv: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/.venv").symlink_to(venv)
    assert not registry().knows(tmp_path / "other/.venv")
    assert registry().in_folder(tmp_path / "other") is None
    assert registry().stranger(tmp_path / "other") == tmp_path / "other/.venv"


def test_a_moved_one_is_not_known_and_can_be_known_again(venv: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    venv.parent.rename(moved)
    assert not registry().knows(moved / ".venv")
    registry().register(moved / ".venv")
    assert registry().knows(moved / ".venv")
    assert [each.path for each in registry().all()] == [moved / ".venv"]


def test_two_that_change_places_are_both_strangers(venv: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other/.venv")
    registry().register(other)
    venv.rename(tmp_path / "aside")
    other.rename(venv)
    (tmp_path / "aside").rename(other)
    assert not registry().knows(venv)
    assert not registry().knows(other)


def test_one_with_the_id_of_another_is_not_known(venv: Path, tmp_path: Path) -> None:
    forged = make(tmp_path / "forged/.venv", first_line(venv) + b"\nhome = /planted\n")
    assert not registry().knows(forged)
    identity = registry().register(forged)
    assert identity.encode() not in first_line(venv)
    assert forged.joinpath("pyvenv.cfg").read_bytes().count(b"pyv = ") == 1
    assert registry().knows(venv)


def test_one_that_is_deleted_and_cloned_into_the_same_place_is_not_known(venv: Path) -> None:
    config = (venv / "pyvenv.cfg").read_bytes()
    shutil.rmtree(venv)
    assert not registry().knows(venv)
    make(venv, config)
    os.utime(venv / "pyvenv.cfg", ns=(time.time_ns() + LATER,) * 2)  # the clock of the file system may be coarse
    assert not registry().knows(venv)


def test_a_rewritten_file_makes_it_a_stranger_until_it_is_accepted_again(venv: Path) -> None:
    shutil.copy2(venv / "pyvenv.cfg", venv / "new")
    (venv / "new").replace(venv / "pyvenv.cfg")
    assert not registry().knows(venv)
    identity = first_line(venv)
    assert registry().register(venv).encode() in identity
    assert registry().knows(venv)


def test_one_that_is_put_into_the_place_of_another_leaves_no_second_entry(venv: Path) -> None:
    shutil.rmtree(venv)
    make(venv)
    identity = registry().register(venv)
    assert registry().all() == [Environment(identity, venv)]
    assert len(os.listdir(store() / "venvs")) == 2


def test_the_same_project_through_another_path_is_known(venv: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(venv.parent)
    through = tmp_path / "way/.venv"
    assert registry().knows(through)
    assert registry().in_folder(tmp_path / "way") == through
    identity = first_line(venv)
    assert registry().register(through).encode() in identity
    assert [each.path for each in registry().all()] == [venv]
    assert registry().revoke(through)
    assert not registry().knows(venv)


def test_without_its_stamp_or_its_link_it_is_not_known(venv: Path) -> None:
    identity = first_line(venv).decode().removeprefix("pyv = ")
    stamp, link = store() / "venvs" / f".{identity}", store() / "venvs" / identity
    stamp.rename(stamp.with_name("aside"))
    assert not registry().knows(venv)
    stamp.with_name("aside").rename(stamp)
    assert registry().knows(venv)
    link.unlink()
    assert not registry().knows(venv)


ID = b"0123456789abcdef" * 2


@pytest.mark.parametrize(
    "line",
    [
        b"pyv = %b\r" % ID,
        b"pyv = %b" % ID.upper(),
        b"pyv = %b " % ID,
        b"pyv = %b0" % ID,
        b"pyv = %b" % ID[:31],
        b"pyv= %b" % ID,
        b" pyv = %b" % ID,
        b"\xef\xbb\xbfpyv = %b" % ID,
        b"pyv = ../../%b" % ID[:26],
        b"pyv = " + b"g" * 32,
        b"pyv = ",
        b"\xff\x00\xfe",
        b"home = /nowhere\npyv = %b" % ID,
        b"",
    ],
    ids=ascii,
)
def test_a_line_that_is_not_exactly_an_id_is_none_and_is_put_right_by_registering(line: bytes, tmp_path: Path) -> None:
    venv = make(tmp_path / ".venv", line + b"\nversion = 3.12\n")
    entries = store() / "venvs"
    entries.mkdir(parents=True)
    for name in {ID.decode(), ID.decode().upper()}:
        (entries / name).symlink_to(venv)
        (entries / f".{name}").touch()
        touch(entries / f".{name}")
    assert not registry().knows(venv)
    identity = registry().register(venv)
    assert first_line(venv) == f"pyv = {identity}".encode()
    assert registry().knows(venv)
    assert (venv / "pyvenv.cfg").read_bytes().endswith(b"\nversion = 3.12\n")


def test_a_file_that_is_no_regular_one_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    os.mkfifo(tmp_path / ".venv/pyvenv.cfg")
    assert not registry().knows(tmp_path / ".venv")
    with pytest.raises(NotFoundError):
        registry().register(tmp_path / ".venv")


def test_the_permissions_of_the_file_stay(tmp_path: Path) -> None:
    venv = make(tmp_path / ".venv")
    (venv / "pyvenv.cfg").chmod(0o640)
    registry().register(venv)
    assert (venv / "pyvenv.cfg").stat().st_mode & 0o777 == 0o640


def test_the_first_known_one_of_a_project_counts(tmp_path: Path) -> None:
    first, second, third = (make(tmp_path / name) for name in (".venv", "venv", "env"))
    assert registry().stranger(tmp_path) == first
    registry().register(third)
    assert registry().in_folder(tmp_path) == third
    assert registry().stranger(tmp_path) is None
    registry().register(second)
    assert registry().in_folder(tmp_path) == second


def test_entries_of_what_is_gone_are_listed_and_can_be_revoked(venv: Path, tmp_path: Path) -> None:
    (store() / "venvs/notes.txt").touch()
    (store() / "venvs" / ("a" * 32)).mkdir()
    shutil.rmtree(venv.parent)
    assert [each.path for each in registry().all()] == [venv]
    assert registry().revoke(venv)
    assert registry().all() == []
    assert not registry().revoke(tmp_path / "never")


def test_without_a_store_nothing_is_known(tmp_path: Path) -> None:
    venv = make(tmp_path / ".venv")
    assert registry().all() == []
    assert not registry().knows(venv)
    assert not registry().revoke(venv)
    assert not store().exists()


def test_where_the_store_cannot_be_written_the_users_own_registry_is_used(tmp_path: Path) -> None:
    if not Path("/sys/kernel").is_dir():
        pytest.skip("needs a file system that nobody can write")
    venv = make(tmp_path / ".venv")
    poor = registry(PYV_ROOT=NOT_WRITABLE)
    identity = poor.register(venv)
    assert set(os.listdir(own_list())) == {identity, f".{identity}"}
    assert poor.knows(venv)
    assert poor.revoke(venv)
    assert not poor.knows(venv)
    assert os.listdir(own_list()) == []


def test_what_is_broken_otherwise_is_told(tmp_path: Path) -> None:
    store().mkdir(parents=True)
    (store() / "venvs").touch()
    venv = make(tmp_path / ".venv")
    with pytest.raises(OSError, match="File exists"):
        registry().register(venv)
    assert not own_list().exists()
    assert not registry().knows(venv)
    assert not registry().revoke(venv)


@contextmanager
def as_a_normal_user(*folders: Path) -> Iterator[None]:
    """Let a test that root runs meet permissions."""
    if os.getuid() != 0:
        yield
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_revoking_goes_on_where_one_registry_cannot_be_written(public: Path) -> None:
    shared = public / "store"
    venv = make(public / "project/.venv")
    (public / "home").mkdir()
    both = registry(PYV_ROOT=str(shared), HOME=str(public / "home"))
    both.register(venv)
    with as_a_normal_user(public):
        (shared / "venvs").chmod(0o555)
        with pytest.raises(PermissionError):
            both.revoke(venv)
        assert both.knows(venv)
        # The same environment is noted in the user's own registry too
        own = public / "home/.local/share/pyv"
        registry(PYV_ROOT=str(own)).register(venv)
        assert len(os.listdir(own / "venvs")) == 2
        assert both.revoke(venv)
        assert os.listdir(own / "venvs") == []
        assert both.knows(venv)  # by the store still, which is for its owner to change
        (shared / "venvs").chmod(0o755)
        assert both.revoke(venv)
        assert not both.knows(venv)


def test_a_store_that_may_not_be_written_is_no_trouble_to_whoever_registers(public: Path) -> None:
    shared = public / "store"
    (shared / "venvs").mkdir(parents=True)
    (public / "home").mkdir()
    venv = make(public / "project/.venv")
    known = registry(PYV_ROOT=str(shared), HOME=str(public / "home"))
    with as_a_normal_user(public):
        (shared / "venvs").chmod(0o555)
        known.register(venv)
        assert known.knows(venv)
        assert os.listdir(shared / "venvs") == []
        assert known.revoke(venv)
        assert not known.knows(venv)


def test_twenty_at_once_are_all_known(tmp_path: Path) -> None:
    venvs = [make(tmp_path / f"{number}/.venv") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(registry().register, venvs))
    assert len(set(ids)) == 20
    assert all(registry().knows(venv) for venv in venvs)
    assert {each.path for each in registry().all()} == set(venvs)
    assert len(os.listdir(store() / "venvs")) == 40


def test_one_that_is_registered_by_many_at_once_is_known(venv: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: registry().register(venv), range(8)))) == 1
    assert registry().knows(venv)
    assert len(os.listdir(store() / "venvs")) == 2


def test_one_that_many_make_known_at_once_has_one_entry(tmp_path: Path) -> None:
    for number in range(10):
        venv = make(tmp_path / f"{number}/.venv")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, venv=venv: registry().register(venv), range(4)))
        assert registry().knows(venv)
        assert (venv / "pyvenv.cfg").read_bytes().count(b"pyv = ") == 1
    assert len(registry().all()) == 10
