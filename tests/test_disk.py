"""What was written reaches the disk, while it comes and before somebody relies on it."""

from __future__ import annotations

import errno
import os
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest

from pyv import disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the descriptors of all syncs, and let them be made."""
    made: list[int] = []
    real = disk._sync

    def noting(descriptor: int, folder: Path) -> None:
        made.append(descriptor)
        real(descriptor, folder)

    monkeypatch.setattr(disk, "_sync", noting)
    monkeypatch.setattr(disk, "_PAUSE_SECONDS", 0.001)
    return made


def comes_true(condition: Callable[[], bool]) -> bool:
    """Wait for something that another thread brings about, a minute at most, and tell whether it has come true."""
    pause = threading.Event()
    for _ in range(6000):
        if condition():
            return True
        pause.wait(0.01)
    return False


def test_a_folder_of_any_kind_can_be_synced(tmp_path: Path) -> None:
    disk.sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        disk.sync(tmp_path / "none")


def test_files_are_written_back_while_they_come_and_once_more_at_the_end(tmp_path: Path, syncs: list[int]) -> None:
    come = count(1, disk._ENOUGH)
    with disk.WriteBack(tmp_path, lambda: next(come)) as written:
        assert comes_true(lambda: len(syncs) >= 3)
        written.finish()
        assert len(set(syncs)) == 1  # one descriptor: the kernel tells each of them once what could not be written
        before = len(syncs)
    assert len(syncs) == before


def test_what_comes_slowly_is_written_back_when_it_is_worth_it(tmp_path: Path, syncs: list[int]) -> None:
    looked = count()
    seen = [0]

    def come() -> int:
        seen[0] = next(looked)
        return seen[0]

    with disk.WriteBack(tmp_path, come):
        assert comes_true(lambda: seen[0] >= 30)
        assert len(syncs) == 1  # for what others have written


def test_before_anything_has_come_nothing_is_synced(tmp_path: Path, syncs: list[int]) -> None:
    looked = threading.Semaphore(0)

    def come() -> int:
        looked.release()
        return 0

    with disk.WriteBack(tmp_path, come):
        assert all(looked.acquire(timeout=60) for _ in range(10))
        assert syncs == []


def test_the_last_sync_begins_after_the_last_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syncs: list[int]
) -> None:
    monkeypatch.setattr(disk, "_PAUSE_SECONDS", 600)
    with disk.WriteBack(tmp_path, lambda: 0) as written:
        assert syncs == []
        written.finish()
        assert len(syncs) == 1


def test_where_there_is_no_syncfs_there_is_one_sync_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syncs: list[int]
) -> None:
    monkeypatch.setattr(disk, "_syncfs", lambda: None)
    waited = threading.Event()
    with disk.WriteBack(tmp_path, lambda: 0) as written:
        waited.wait(0.1)
        assert syncs == []
        written.finish()
    assert len(syncs) == 1


def test_what_is_not_wanted_any_more_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syncs: list[int]
) -> None:
    monkeypatch.setattr(disk, "_PAUSE_SECONDS", 600)
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), disk.WriteBack(tmp_path, lambda: 0):
        raise ZeroDivisionError
    assert comes_true(lambda: threading.active_count() <= threads)
    assert syncs == []


@pytest.mark.parametrize("fails", [lambda made: made == 1, lambda made: made > 1])
def test_what_could_not_be_written_at_any_time_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]
) -> None:
    made = []

    def failing(descriptor: int, folder: Path) -> None:
        os.fstat(descriptor)
        made.append(descriptor)
        if fails(len(made)):
            raise OSError(errno.EIO, os.strerror(errno.EIO), os.fspath(folder))

    monkeypatch.setattr(disk, "_sync", failing)
    monkeypatch.setattr(disk, "_PAUSE_SECONDS", 0.001)
    with disk.WriteBack(tmp_path, lambda: 1) as written:
        assert comes_true(lambda: bool(made))
        with pytest.raises(OSError, match=r"Input/output error.*" + str(tmp_path)):
            written.finish()
