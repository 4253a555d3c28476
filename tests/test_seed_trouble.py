"""Many at once, killed ones, and caches of other people."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.seeds import Nursery, offer, run, small_wheel
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHEEL = "/wheels/pip-99.0-py3-none-any.whl"
_PROGRAM = """
import sys
from pathlib import Path
from tests.support.seeds import Nursery
folder, index, venv = sys.argv[1:]
nursery = Nursery(Path(folder), index)
site = nursery.layout.cache.parent / "venvs" / venv / "site"
commands = site.parent / "bin"
site.mkdir(parents=True)
commands.mkdir()
nursery.seed.install([nursery.prepare()], site, commands, sys.executable)
nursery.close()
print((site / "pip/sub/main.py").stat().st_ino)
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "index"
    offer(folder, small_wheel(folder / "wheels", "99.0"))
    with Server(folder) as server:
        server.always("/pip/", Fault(body=(folder / "pip/index.html").read_bytes().replace(b'"../', b'"/')))
        yield server


def begin(tmp_path: Path, index: Server, venv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path), index.url(), venv],
        cwd=os.path.dirname(os.path.dirname(__file__)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_of_many_at_once_one_prepares_and_all_succeed(tmp_path: Path, index: Server) -> None:
    running = [begin(tmp_path, index, str(number)) for number in range(24)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in running]
    assert [(error, status) for (_, error), status in ended] == [("", 0)] * 24
    assert len({out for (out, _), _ in ended}) == 1, "there was more than one seed"
    assert (index.count("/pip/"), index.count(WHEEL)) == (1, 1)


def test_what_a_killed_one_left_is_swept_and_in_nobodys_way(tmp_path: Path, index: Server) -> None:
    index.next(WHEEL, Fault(stall=200))
    victim = begin(tmp_path, index, "victim")
    limit = time.monotonic() + 60
    while not index.count(WHEEL):
        assert time.monotonic() < limit, "the download never began"
        time.sleep(0.02)
    staging = tmp_path / "cache/seed/tmp"
    assert list(staging.iterdir())
    os.killpg(victim.pid, signal.SIGKILL)
    victim.communicate()
    nursery = Nursery(tmp_path, index.url())
    try:
        pip = nursery.prepare()
    finally:
        nursery.close()
    assert (pip.version, nursery.notes) == ("99.0", [])
    assert list(staging.iterdir()) == []


def test_orphans_of_one_killed_between_two_steps_are_removed(tmp_path: Path, index: Server) -> None:
    nursery = Nursery(tmp_path, index.url())
    try:
        orphan = nursery.folder / "pip-98.0-0123abcd"
        orphan.mkdir(parents=True)
        (nursery.folder / ".pip.json.0123abcd").write_text("{")
        pip = nursery.prepare()
    finally:
        nursery.close()
    assert sorted(path.name for path in nursery.folder.iterdir()) == sorted([pip.root.name, "pip.json", "pip.lock"])


def test_another_users_files_are_copied(tmp_path: Path, index: Server) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act as two users")
    protected = "/proc/sys/fs/protected_hardlinks"
    if not os.path.exists(protected) or run("cat", protected).strip() != "1":
        pytest.skip("this kernel lets everybody link everything")
    nursery = Nursery(tmp_path, index.url())
    try:
        pip = nursery.prepare()
    finally:
        nursery.close()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    target = tmp_path / "theirs"
    target.mkdir()
    os.chown(target, 65534, 65534)
    program = (
        "import os, sys; sys.path[:] = eval(sys.argv[1])\n"
        "from pyv.seed.links import lay\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "print(lay(sys.argv[2], sys.argv[3], [('INSTALLER', 0o444, 4, 1_000_000_000_000_000_000)], 'hardlink'))\n"
    )
    source = pip.root / pip.metadata
    assert run(sys.executable, "-c", program, repr(sys.path), source, target).strip() == "copy"
    assert (target / "INSTALLER").read_text() == "pip\n"
    assert (target / "INSTALLER").stat().st_mtime == 1_000_000_000
