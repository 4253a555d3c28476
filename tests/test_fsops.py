"""Locks, staging, and changes that are whole or absent."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from pyv import fsops
from pyv.errors import explain

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from pyv import fsops
with fsops.{what}:
    print("held", flush=True)
    time.sleep(60)
"""


def nothing() -> None:
    pass


def ignore(_line: str) -> None:
    pass


def holder(what: str) -> subprocess.Popen[str]:
    """Start a process that holds something until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD.format(what=what)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_file_is_written_whole_with_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        fsops.write_whole(tmp_path / "a/b", b"one")
        fsops.write_whole(tmp_path / "a/b", b"two")
    finally:
        os.umask(before)
    assert (tmp_path / "a/b").read_bytes() == b"two"
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path / "a") == ["b"]


def test_a_write_that_fails_leaves_the_old_content_and_no_rubbish(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="directory"):
        fsops.write_whole(tmp_path / "b", b"x")
    assert os.listdir(tmp_path) == ["b"]


def test_a_link_is_replaced_in_one_step(tmp_path: Path) -> None:
    fsops.replace_link(tmp_path / "3.12", "3.12.1")
    fsops.replace_link(tmp_path / "3.12", "3.12.2")
    assert os.readlink(tmp_path / "3.12") == "3.12.2"
    assert os.listdir(tmp_path) == ["3.12"]


def test_a_folder_is_never_replaced_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "3.12").mkdir()
    with pytest.raises(OSError, match="directory"):
        fsops.replace_link(tmp_path / "3.12", "3.12.2")
    assert os.listdir(tmp_path) == ["3.12"]


def test_two_folders_are_exchanged(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not fsops.exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this kernel or file system cannot exchange")
    assert os.listdir(tmp_path / "one") == ["other"]
    assert not fsops.exchange(tmp_path / "one", tmp_path / "absent")


def test_a_tree_with_folders_that_cannot_be_written_is_removed(tmp_path: Path) -> None:
    deep = tmp_path / "x/y/z"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (tmp_path / "x/link").symlink_to(outside)
    for folder in (deep, deep.parent):
        folder.chmod(0o500)
    fsops.remove_tree(tmp_path / "x")
    fsops.remove_tree(tmp_path / "x")
    assert os.listdir(tmp_path) == ["outside"]
    assert outside.stat().st_mode & 0o777 == 0o500


def test_what_a_link_points_to_survives_the_removal_of_the_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    fsops.remove_tree(tmp_path / "link")
    assert os.listdir(tmp_path) == ["real"]


def test_a_lock_excludes_other_processes_and_says_that_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "locks/x.lock"
    with holder(f"lock(Path({str(path)!r}), waiting=print, warn=print)") as process:
        with fsops.try_lock(path) as held:
            assert not held
        told: list[str] = []
        waits = threading.Event()

        def waiting() -> None:
            told.append("waiting")
            waits.set()

        def take() -> None:
            with fsops.lock(path, waiting=waiting, warn=ignore):
                told.append("held")

        thread = threading.Thread(target=take)
        thread.start()
        assert waits.wait(30)
        process.kill()  # the kernel lets go of what a killed process held
        thread.join(30)
        assert told == ["waiting", "held"]


def test_a_file_system_without_locks_gets_one_warning_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fsops, "_told", set())
    told: list[str] = []
    for name in ("x.lock", "y/y.lock"):
        with fsops.lock(tmp_path / name, waiting=nothing, warn=told.append):
            pass
    assert len(told) == 1
    assert "without locks" in told[0]


def test_a_lock_file_has_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with fsops.lock(tmp_path / "x.lock", waiting=nothing, warn=ignore):
            pass
        waited = fsops._file_lock(tmp_path / "y.lock")
        waited.acquire()
        waited.release()
    finally:
        os.umask(before)
    (tmp_path / "z.lock").touch(mode=0o640)
    with fsops._file_lock(tmp_path / "z.lock"):
        pass
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"x.lock": 0o664, "y.lock": 0o664, "z.lock": 0o640}


def test_staging_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with fsops.staging(tmp_path / "tmp", "3.12.1") as area:
        assert area.is_dir()
        assert area.name.startswith("3.12.1.")
        (area / "file").touch()
        fsops.sweep(tmp_path / "tmp")  # it is in use
        assert (area / "file").exists()
    assert os.listdir(tmp_path / "tmp") == []


def test_staging_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError), fsops.staging(tmp_path, "x"):
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_that_staging_cannot_be_removed_is_no_failure_of_what_was_done_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files", os.fspath(path))

    with fsops.staging(tmp_path, "x") as area:
        monkeypatch.setattr(fsops, "remove_tree", fail)
    assert area.exists()
    monkeypatch.undo()
    fsops.sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_staged_is_swept(tmp_path: Path) -> None:
    with holder(f"staging(Path({str(tmp_path)!r}), 'x')") as process:
        fsops.sweep(tmp_path)
        assert len(os.listdir(tmp_path)) == 2
        process.kill()
    (tmp_path / "x.pyv-0a1b2c3d").mkdir()  # without its guard
    fsops.sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_is_no_staging_area_is_not_swept(tmp_path: Path) -> None:
    """Where the store is the home or the root of the file system, its `tmp` is everybody's."""
    others = ["notes", "backup.20261130", "backup.20261130.lock", "x.pyv-0a1b2c3", "x.pyv-0A1B2C3D", "pyv-0a1b2c3d"]
    for name in others:
        (tmp_path / name).mkdir()
    assert fsops.orphans(tmp_path) == []
    fsops.sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(others)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left at /x: cannot install 3.12.1"),
        (errno.EROFS, "the file system is read-only at /x: cannot install 3.12.1"),
        (errno.EACCES, "permission denied at /x: cannot install 3.12.1"),
        (errno.EXDEV, "Invalid cross-device link at /x: cannot install 3.12.1"),
        (errno.EIO, "Input/output error at /x: cannot install 3.12.1"),
    ],
)
def test_failed_system_calls_are_explained(number: int, words: str) -> None:
    error = explain(OSError(number, os.strerror(number), "/x"), "install 3.12.1")
    assert error.message == words
    assert error.exit_code == 1


def test_a_lock_that_is_taken_at_once_and_one_that_is_waited_for_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    theirs = FileLock(path, thread_local=False)
    with fsops.try_lock(path) as held:
        assert held
        with pytest.raises(Timeout):
            theirs.acquire(blocking=False)
        with fsops.try_lock(path) as again:
            assert not again
    theirs.acquire(blocking=False)
    with fsops.try_lock(path) as held:
        assert not held
    theirs.release()
    with fsops.try_lock(path) as held:
        assert held


def test_a_free_lock_costs_no_library(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pyv import fsops\n"
        f"with fsops.lock(Path({os.fspath(tmp_path / 'b.lock')!r}), waiting=print, warn=print): pass\n"
        "assert 'filelock' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def test_where_everybody_gets_the_lock_nobody_is_told_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    with fsops.staging(tmp_path, "x") as area:
        monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
        with fsops.try_lock(tmp_path / "y.lock") as held:
            assert not held
        fsops.sweep(tmp_path)
        assert area.exists()


def test_a_lock_whose_file_was_removed_by_its_holder_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the opening of a guard and its locking, somebody who sweeps may have locked and removed it."""
    import fcntl

    path = tmp_path / "x.lock"
    flock = fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with fsops.lock(path, waiting=lambda: None, warn=lambda _: None):
        assert path.exists()
        with fsops.try_lock(path) as held:
            assert not held


def test_living_staging_areas_survive_any_number_of_sweeps(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pyv import fsops\n"
        "for _ in range(60):\n"
        "    fsops.sweep(Path(sys.argv[1]))\n"
        "    with fsops.staging(Path(sys.argv[1]), 'x') as area:\n"
        "        (area / 'a').mkdir()\n"
        "        (area / 'a/b').write_text('b')\n"
        "        assert (area / 'a/b').read_text() == 'b'\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, tmp_path / "tmp"]) for _ in range(8)]
    assert [process.wait(120) for process in running] == [0] * 8
    assert list((tmp_path / "tmp").iterdir()) == []
