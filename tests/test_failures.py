"""What can go wrong: each has one clear message, its exit status, and leaves store and cache as they were."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pty
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv import errors, smoke
from tests.support.command import PYV, cache, everything_in, pyv, pyv_without_privileges, store
from tests.support.packs import relabel
from tests.support.stores import make_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyv.pack import Packed
    from tests.conftest import Offer
    from tests.support.command import Result
    from tests.support.server import Server


def is_clean() -> bool:
    """Tell whether store and cache hold nothing but the skeleton, lock files and what was learnt of the catalogue."""
    kept = ("locks", "tmp", "versions", "archives", "catalogue")
    found = {path for folder in (store(), cache()) if folder.exists() for path in everything_in(folder)}
    return all(
        path.split("/")[0] in kept and ("/" not in path or path.endswith(".lock") or path.startswith("catalogue"))
        for path in found
    )


def said_well(result: Result, status: int, *words: str) -> None:
    assert result.status == status, result
    assert result.out == ""
    lines = [line for line in result.err.splitlines() if "downloading" not in line]
    assert 1 <= len(lines) <= 2, result.err
    assert lines[0].startswith("pyv: ")
    for word in words:
        assert word in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["install", "3.99"], 3, ["3.99"]),
        (["install", "2.7"], 3, ["2.7"]),
        (["install", "cpython-3.12-windows-x86_64-none"], 3, ["windows"]),
        (["install", "../etc"], 2, ["../etc"]),
        (["install", "foo"], 2, ["foo"]),
        (["install", "system"], 2, ["system"]),
        (["install", ">=3.11,"], 2, [">=3.11,"]),
        (["install"], 2, ["no version"]),
        (["install", "--nonsense"], 2, ["--nonsense", "pyv install --help"]),
        (["install", "3.12", "--sha256", "x"], 2, ["--sha256"]),
        (["nonsense"], 2, ["nonsense"]),
        (["uninstall", "-y", "3.12"], 3, ["3.12", "not installed"]),
        (["uninstall"], 2, ["REQUEST"]),
        (["prefix", "3.12"], 3, ["3.12", "pyv install"]),
        (["latest", "3.12"], 3, ["3.12"]),
        (["verify", "3.12"], 3, ["3.12"]),
        (["list", "3.99"], 3, ["3.99"]),
        (["list", "foo"], 2, ["foo"]),
        (["list", "--platform", "nonsense"], 2, ["nonsense"]),
        (["link", "3.12", "/nonexistent"], 2, ["3.12"]),
        (["link", "a/b", "/nonexistent"], 2, ["a/b"]),
        (["link", "mine", "/nonexistent"], 3, ["/nonexistent"]),
        (["pack", "/nonexistent"], 1, ["/nonexistent"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_failure_has_its_exit_status_and_names_the_thing(
    offered: Offer, arguments: list[str], status: int, words: list[str]
) -> None:
    said_well(pyv(*arguments, PYV_MIRROR=str(offered.folder)), status, *words)
    assert is_clean()


def test_exit_statuses_are_those_that_are_documented() -> None:
    assert {name: getattr(errors, name).exit_code for name in dir(errors) if name.endswith("Error")} == {
        "PyvError": 1,
        "StoreError": 1,
        "InUseError": 1,
        "UsageError": 2,
        "RequestError": 2,
        "NotFoundError": 3,
        "NotInstalledError": 3,
        "EnvironmentMismatchError": 1,
        "NetworkError": 4,
        "VerificationError": 5,
        "CommandNotFoundError": 127,
    }


def test_a_network_that_is_not_there_is_said_in_one_message() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    said_well(pyv("install", "3.12", PYV_MIRROR=f"http://me:secret@127.0.0.1:{port}"), 4, f"127.0.0.1:{port}")
    assert is_clean()


def test_a_password_is_in_no_message() -> None:
    result = pyv("install", "3.12", PYV_MIRROR="http://me:secret@127.0.0.1:1", PYV_DEBUG="1")
    assert "secret" not in result.err


def edited(offered: Offer, folder: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """Copy a mirror and change each entry of its catalogue."""
    shutil.copytree(offered.folder, folder)
    path = folder / "download-metadata.json"
    catalogue = json.loads(path.read_text())
    for entry in catalogue.values():
        change(entry)
    path.write_text(json.dumps(catalogue))
    return folder


def test_other_bytes_than_the_hash_promises_are_refused(offered: Offer, tmp_path: Path) -> None:
    mirror = edited(offered, tmp_path / "m", lambda entry: entry.update(sha256="0" * 64))
    said_well(pyv("install", offered.oldest, PYV_MIRROR=str(mirror)), 5, "sha256", offered.oldest)
    assert is_clean()


def test_a_build_without_a_hash_is_refused(offered: Offer, tmp_path: Path) -> None:
    mirror = edited(offered, tmp_path / "m", lambda entry: entry.update(sha256=None))
    for sums in mirror.rglob("SHA256SUMS"):
        sums.unlink()
    said_well(pyv("install", offered.oldest, PYV_MIRROR=str(mirror)), 5, "sha256")
    assert is_clean()


def test_an_archive_that_is_none_is_refused_though_its_hash_is_right(offered: Offer, tmp_path: Path) -> None:
    rubbish = b"rubbish" * 1000
    digest = hashlib.sha256(rubbish).hexdigest()
    mirror = edited(offered, tmp_path / "m", lambda entry: entry.update(sha256=digest))
    for path in mirror.rglob("*.tar.gz"):
        path.write_bytes(rubbish)
    said_well(pyv("install", offered.oldest, PYV_MIRROR=str(mirror)), 5, offered.oldest)
    assert pyv("versions", "--bare").lines == []
    assert everything_in(store() / "tmp") == set()


def test_a_python_that_reports_another_version_is_refused(packed: Packed, offered: Offer, tmp_path: Path) -> None:
    relabel(packed, tmp_path / "m", f"{offered.minor}.80", reports=f"{offered.minor}.79")
    result = pyv("install", f"{offered.minor}.80", PYV_MIRROR=str(tmp_path / "m"))
    said_well(result, 5, f"{offered.minor}.80", f"{offered.minor}.79")
    assert pyv("versions", "--bare").lines == []


def test_an_archive_with_a_description_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, target in (("python/lib/x", ""), ("python/.pyv", "lib")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            archive.addfile(member)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said_well(pyv("install", path, "--sha256", digest), 5, ".pyv of its own")
    assert pyv("versions", "--bare").lines == []


def test_a_python_that_lacks_a_module_is_refused(packed: Packed, offered: Offer, tmp_path: Path) -> None:
    def without_sqlite(name: str, data: bytes) -> bytes | None:
        # Its folder stays, and can be imported as a namespace package with nothing in it
        return None if name.endswith("/sqlite3/__init__.py") else data

    relabel(packed, tmp_path / "m", f"{offered.minor}.80", edit=without_sqlite)
    said_well(pyv("install", f"{offered.minor}.80", PYV_MIRROR=str(tmp_path / "m")), 5, "sqlite3")
    assert pyv("versions", "--bare").lines == []


def test_a_failed_replacement_leaves_the_old_one(offered: Offer, tmp_path: Path) -> None:
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    mirror = edited(offered, tmp_path / "m", lambda entry: entry.update(sha256="0" * 64))
    assert pyv("install", "--force", offered.oldest, PYV_MIRROR=str(mirror)).status == 5
    assert pyv("verify").status == 0


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a file system that nobody can write")
def test_a_store_that_cannot_be_written_is_said_so(offered: Offer) -> None:
    result = pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder), PYV_ROOT="/sys/kernel/pyv")
    said_well(result, 1, "/sys/kernel/pyv")


@contextmanager
def small_file_system(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a file system of its own can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_no_space_is_said_so_and_given_back(offered: Offer, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small", 4) as small:
        result = pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder), PYV_ROOT=str(small))
        said_well(result, 1, "no space left")
        usage = os.statvfs(small)
        assert usage.f_bavail / usage.f_blocks > 0.9
        assert os.listdir(small / "tmp") == []
        assert pyv("versions", "--bare", PYV_ROOT=str(small)).lines == []


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_file_that_stands_where_a_version_should_is_not_lost(offered: Offer, options: list[str]) -> None:
    path = store() / "versions" / offered.oldest
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    said_well(pyv("install", *options, offered.oldest, PYV_MIRROR=str(offered.folder)), 1, f"{path} is no folder")
    assert path.read_text() == "precious"
    assert not list((cache() / "archives").glob("*"))  # it is said before anything is downloaded


@pytest.mark.parametrize("place", ["versions", "tmp", "locks"])
@pytest.mark.parametrize("target", ["", "loop"])
def test_what_stands_where_a_folder_of_the_store_should_is_to_be_moved_away(
    offered: Offer, place: str, target: str
) -> None:
    store().mkdir()
    path = store() / place
    if target:
        path.symlink_to(path)
    else:
        path.write_text("precious")
    result = pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder))
    said_well(result, 1, str(path), "move it away")
    assert path.is_symlink() if target else path.read_text() == "precious"
    assert pyv("versions", "--bare").lines == []


def test_an_archive_that_may_not_be_read_is_no_trouble_of_the_store(offered: Offer, tmp_path: Path) -> None:
    archive = next(offered.folder.rglob(f"*{offered.oldest}*.tar.gz"))
    for path in (tmp_path / archive.name, tmp_path / "closed" / archive.name):
        path.parent.mkdir(exist_ok=True)
        shutil.copy(archive, path)
    (tmp_path / archive.name).chmod(0)
    (tmp_path / "closed").chmod(0)
    for path in (tmp_path / archive.name, tmp_path / "closed" / archive.name):
        said_well(pyv_without_privileges("install", path), 1, f"permission denied at {path}", f"ls -l {path}")
    (tmp_path / "closed").chmod(0o700)
    for path in (tmp_path / "none.tar.gz", tmp_path / archive.name / "x.tar.gz"):
        said_well(pyv("install", path), 3, f"there is no archive {path}")
    (tmp_path / "folder.tar.gz").mkdir()
    said_well(pyv("install", tmp_path / "folder.tar.gz"), 3, "there is no archive")


def test_a_name_that_the_output_cannot_encode_is_printed_as_its_bytes(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + "/stör".encode() + b"\xff"
    for changes in ({"LC_ALL": "C", "PYTHONIOENCODING": "ascii:strict"}, {"PYTHONIOENCODING": "utf-8:strict"}):
        done = subprocess.run(
            [*PYV, "root"],
            env={**os.environ, "PYV_ROOT": os.fsdecode(root), **changes},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, root + b"\n", b"")


@pytest.mark.parametrize("module", ["httpx", "ssl", "json"])
def test_a_module_that_hides_one_of_those_needed_is_looked_for_in_pythonpath(
    mirror: Server, offered: Offer, tmp_path: Path, module: str
) -> None:
    del mirror
    (tmp_path / f"{module}.py").write_text("raise RuntimeError('hidden')\n")
    result = pyv("install", offered.oldest, PYTHONPATH=str(tmp_path))
    said_well(result, 1, "internal error: RuntimeError: hidden", f"does it work without PYTHONPATH={tmp_path}?")


def test_a_store_in_two_file_systems_is_told_what_to_do(offered: Offer, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small", 1) as small:
        store().mkdir()
        (store() / "versions").symlink_to(small)
        result = pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder))
        said_well(result, 1, "versions and tmp have to be on one file system", "PYV_ROOT")


def test_a_cache_that_cannot_be_used_is_no_failure(offered: Offer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    changes = {"PYV_MIRROR": str(offered.folder), "PYV_CACHE_DIR": str(tmp_path / "file")}
    assert pyv("install", offered.oldest, **changes).status == 0
    assert pyv("verify", **changes).status == 0


def test_a_damaged_cached_archive_is_fetched_again(offered: Offer) -> None:
    mirror = str(offered.folder)
    assert pyv("install", offered.oldest, PYV_MIRROR=mirror).status == 0
    archive = next(path for path in (cache() / "archives").iterdir() if len(path.name) == 64)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    result = pyv("install", "--force", offered.oldest, PYV_MIRROR=mirror)
    assert (result.status, "damaged" in result.err) == (0, True)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == archive.name
    assert pyv("verify").status == 0


def test_a_traceback_is_shown_only_when_it_is_asked_for() -> None:
    assert "Traceback" not in pyv("install", "foo").err
    done = subprocess.run(
        [*PYV, "install", "foo"],
        env={**os.environ, "PYV_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_reader_that_has_had_enough_is_no_failure(offered: Offer) -> None:
    command = f"{shlex.join(PYV)} install --list | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, "PYV_MIRROR": str(offered.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_archive_that_proved_useless_does_not_stay_in_the_cache(
    packed: Packed, offered: Offer, tmp_path: Path
) -> None:
    relabel(packed, tmp_path / "m", f"{offered.minor}.80", reports=f"{offered.minor}.79")
    assert pyv("install", f"{offered.minor}.80", PYV_MIRROR=str(tmp_path / "m")).status == 5
    assert is_clean()


def test_a_password_without_a_scheme_before_it_is_not_printed() -> None:
    for mirror in ("me:secret@host/path", "//me:secret@host/path"):
        result = pyv("list", PYV_MIRROR=mirror)
        assert (result.status, "secret" in result.err) == (2, False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("versions", [1, 2])
def test_closed_streams_keep_nothing_from_being_done(offered: Offer, versions: int, closed: str) -> None:
    command = f"{shlex.join(PYV)} install {' '.join([offered.oldest, offered.middle][:versions])} {closed}"
    done = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PYV_MIRROR": str(offered.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0
    assert pyv("verify").status == 0


@pytest.mark.parametrize("closed", ["<&-", "2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("words", "status"),
    [("which nosuchcommand", 127), ("uninstall 9.99", 3), ("install foo", 2), ("exec --shim python", 127)],
)
def test_the_exit_status_does_not_depend_on_who_hears_and_answers(closed: str, words: str, status: int) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(PYV)} {words} {closed}"],
        env={**os.environ, "PYV_VERSION": "3.12.1", "PYV_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "internal error" in done.stderr) == (status, False), done.stderr


def test_what_would_be_asked_without_any_input_is_answered_with_the_option(offered: Offer) -> None:
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    command = f"{shlex.join(PYV)} uninstall {offered.oldest} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "say yes with -y" in done.stderr) == (2, True), done.stderr


# Runs pyv as its command does, and ends it at the first step
_ENDING = """
import functools, os, signal
from pyv import __main__, cli
cli.run = functools.partial(cli.run, checkpoint=lambda _step: os.kill(os.getpid(), signal.SIGTERM))
__main__.leave()
"""


def test_an_interrupt_that_nobody_hears_of_is_one_all_the_same(offered: Offer) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", _ENDING, "install", offered.oldest],
            env={**os.environ, "PYV_MIRROR": str(offered.folder)},
            stderr=full,
            check=False,
        )
    assert done.returncode == 130
    assert is_clean()


def test_own_files_that_are_rubbish_are_no_internal_error(offered: Offer) -> None:
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    description = store() / "versions" / offered.oldest / ".pyv"
    (description / "manifest.json").write_text("[" * 100_000)
    (description / "receipt.json").write_text("[" * 100_000)
    assert pyv("verify").status == 5
    assert pyv("prefix", f"cpython-{offered.oldest}-linux").status == 3
    (description / "receipt.json").unlink()
    os.mkfifo(description / "receipt.json")
    assert pyv("prefix", f"cpython-{offered.oldest}-linux").status == 3


def protect(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o555)


def test_a_version_that_its_owner_has_protected_is_replaced_and_removed(offered: Offer) -> None:
    mirror = str(offered.folder)
    version = store() / "versions" / offered.oldest
    assert pyv("install", offered.oldest, PYV_MIRROR=mirror).status == 0
    listed = sorted(os.listdir(version.parent))
    protect(version)
    result = pyv_without_privileges("install", "--force", offered.oldest, PYV_MIRROR=mirror)
    assert (result.status, sorted(os.listdir(version.parent))) == (0, listed), result.err
    assert os.access(version / "bin/python3", os.X_OK)
    protect(version)
    result = pyv_without_privileges("uninstall", "-y", offered.oldest)
    assert (result.status, os.listdir(version.parent), os.listdir(store() / "tmp")) == (0, [], []), result.err


def test_what_may_not_be_read_is_not_said_to_be_empty(offered: Offer) -> None:
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    for folder, commands in (
        (store() / "versions", (["versions"], ["verify"], ["latest", offered.minor])),
        (cache() / "archives", (["cache"], ["cache", "clean"])),
    ):
        folder.chmod(0o700)
        os.chown(folder, 4242, 4242)
        for words in commands:
            result = pyv_without_privileges(*words)
            assert (result.status, result.out, f"permission denied at {folder}" in result.err) == (1, "", True), words
    assert "set PYV_CACHE_DIR" in pyv_without_privileges("cache", "clean").err


def test_where_somebody_else_locks_the_links_nothing_is_installed(offered: Offer) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    mirror = str(offered.folder)
    assert pyv("install", offered.oldest, PYV_MIRROR=mirror).status == 0
    listed = sorted(os.listdir(store() / "versions"))
    os.chown(store() / "locks/links.lock", 4242, 4242)
    for words in (
        ["install", offered.newest],
        ["install", "--force", offered.oldest],
        ["uninstall", "-y", offered.oldest],
    ):
        result = pyv_without_privileges(*words, PYV_MIRROR=mirror)
        assert (result.status, "permission denied at" in result.err) == (1, True)
        assert f"{store()}/locks/links.lock" in result.err
        assert sorted(os.listdir(store() / "versions")) == listed
        assert os.listdir(store() / "tmp") == []


@pytest.mark.parametrize("shims", ["no shims", "others' shims"])
def test_a_store_that_cannot_be_written_is_one_message_and_none_where_nothing_is_to_be_done(
    offered: Offer, shims: str
) -> None:
    version = make_version(store(), "3.9.1", links=("3.9",))
    for name in ("locks", "tmp"):
        (store() / name).mkdir()
    if shims == "others' shims":
        (store() / "shims").mkdir()
        (store() / "shims/python3").write_text("#!/bin/sh\n")
    protect(store())
    mirror = {"PYV_MIRROR": str(offered.folder)}
    refused = pyv_without_privileges("install", offered.oldest, **mirror)
    assert (refused.status, refused.err.splitlines()) == (
        1,
        [
            f"pyv: permission denied at {store()}/locks/{offered.oldest}.lock: cannot install {offered.oldest}",
            "     set PYV_ROOT to a folder of yours",
        ],
    )
    unknown = pyv_without_privileges("install", "3.2", **mirror)
    assert (unknown.status, "shims" in unknown.err) == (3, False), unknown.err
    there = pyv_without_privileges("install", "3.9.1", **mirror)
    assert (there.status, there.err) == (0, f"pyv: 3.9.1 is already installed: {version}\n")
    assert "shims" not in pyv_without_privileges("upgrade", **mirror).err


def test_a_full_cache_is_gone_past(offered: Offer, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small", 3) as small:
        changes = {"PYV_MIRROR": str(offered.folder), "PYV_CACHE_DIR": str(small)}
        result = pyv("install", offered.oldest, **changes)
        assert (result.status, "cannot be used" in result.err) == (0, True)
        assert not list(small.rglob("*.part"))


def test_a_python_that_cannot_live_in_its_path_is_told_from_one_that_is_broken(tmp_path: Path) -> None:
    for name, said in (("plain", "is broken"), ("c:d", "the ':' in "), ("e\udcff", "is not UTF-8: set PYV_ROOT")):
        python = tmp_path / name / "bin/python3"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
        python.chmod(0o755)
        with pytest.raises(errors.VerificationError, match="its python does not work: no such module") as caught:
            smoke.ask(tmp_path / name, {}, name="a.tar.gz")
        assert caught.value.message.startswith("a.tar.gz: ")
        assert said in caught.value.hint


def test_a_python_that_may_not_be_started_is_told_from_one_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text("#!/bin/sh\n")  # as where the file system allows no programs
    with pytest.raises(errors.VerificationError, match="cannot be started: Permission denied") as caught:
        smoke.ask(tmp_path, {})
    assert caught.value.hint == f"is the file system of {tmp_path} mounted noexec? Then set PYV_ROOT to another place"


def test_what_a_broken_python_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    python = tmp_path / "x/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '\\033[31mred\\007\\n' >&2\nexit 1\n")
    python.chmod(0o755)
    result = pyv("link", "3.12.1", tmp_path / "x")
    assert result.status == 5
    assert "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}" in result.err


def test_a_terminal_that_is_gone_ends_no_install(mirror: Server, offered: Offer) -> None:
    """As when a connection breaks off, and what runs has been told to ignore that."""
    mirror.rate = 10 << 20
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*PYV, "install", offered.oldest], stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    ) as process:
        os.close(follower)
        while not any(path.endswith(".tar.gz") for path in mirror.paths):
            assert process.poll() is None
            time.sleep(0.01)
        os.close(leader)
        assert process.wait(120) == 0
    assert pyv("verify", offered.oldest).status == 0


def test_a_limit_of_the_system_is_no_internal_error() -> None:
    for limit, error in (
        ("-u", errors.unexpected(RuntimeError("can't start new thread"))),
        ("-v", errors.unexpected(MemoryError())),
        ("-n", errors.explain(OSError(errno.EMFILE, "Too many open files"), "install 3.12")),
        ("-n", errors.explain(OSError(errno.ENFILE, "Too many open files in system"), "install 3.12")),
        ("-u", errors.explain(OSError(errno.EAGAIN, "Resource temporarily unavailable"), "install 3.12")),
        ("-f", errors.explain(OSError(errno.EFBIG, "File too large"), "install 3.12")),
    ):
        assert f"ulimit {limit}" in error.hint
        assert "internal" not in error.message
    assert "internal" in errors.unexpected(RuntimeError("something else")).message
