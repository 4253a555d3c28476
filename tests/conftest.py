"""What every test gets: a home, a store and a cache of its own, and no way out to the network."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import settings

from pyv.fetch import fetcher
from pyv.fetch.remote import RemoteWire
from tests.support.packs import make_mirror, session_pack, session_seed
from tests.support.server import Server
from tests.support.workers import FetchingWorker, Forgetful

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.pack import Packed

# Variables of the machine that would steer what is tested
_STEERING = ("PYV_", "PYENV_", "PYTHON", "UV_", "PIP_", "VIRTUAL_ENV", "XDG_", "CONDA_")
# pytest-xdist tells its workers how wide its own terminal is; and not every machine names a login shell
_OF_THE_SESSION = ("COLUMNS", "LINES", "SHELL")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# No clock decides, and nothing is written into the folder that the tests are started from
settings.register_profile("pyv", deadline=None, database=None, max_examples=50)
settings.load_profile("pyv")


class Offer(NamedTuple):
    """What a mirror offers: its folder, the minor version, and three versions of it, the newest last."""

    folder: Path
    minor: str
    oldest: str
    middle: str
    newest: str


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point home, store and cache to a folder of this test, and deny connections that leave the machine."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_STEERING) or name.lower() in _PROXIES or name in _OF_THE_SESSION:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PYV_ROOT", str(folder / "store"))
    monkeypatch.setenv("PYV_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin")
    yield folder
    # Most hold a Python, and there are thousands; what a test has made unreadable stays
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections from this process to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - the type is socket's own
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise PermissionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(params=["from here", "by a worker"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have what is fetched be fetched by this process, and in another test by a worker."""
    wires: list[Forgetful] = []

    def remote(*arguments: Any) -> RemoteWire:  # noqa: ANN401 - whatever a wire is made of
        env, limits, _clock, notify = arguments
        wire = Forgetful(*arguments)
        wire.worker = FetchingWorker(env, limits)
        wires.append(wire)
        return RemoteWire(wire.worker, wire, notify, lambda: None)

    if request.param == "by a worker":
        monkeypatch.setattr(fetcher, "Wire", remote)
    yield request.param
    for wire in wires:
        wire.worker.end()
        assert not wire.forgot, "it was sent from here though there was a worker"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder on another file system than the test's own."""
    for place in ("/dev/shm", "/var/tmp", os.getcwd()):
        if os.access(place, os.W_OK) and os.stat(place).st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(prefix=".pyv-test-", dir=place) as folder:
                yield Path(folder)
            return
    pytest.skip("no second file system to write to")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Return the CPython that runs the tests, as an archive."""
    return session_pack(tmp_path_factory)


@pytest.fixture(scope="session")
def offered(tmp_path_factory: pytest.TempPathFactory, packed: Packed) -> Offer:
    """Return a mirror's folder with three versions of one minor version: the packed one, and two newer patches."""
    minor = ".".join(packed.version.split(".")[:2])
    names = (packed.version, f"{minor}.90", f"{minor}.91")
    return Offer(make_mirror(tmp_path_factory.mktemp("mirror"), packed, *names[1:]), minor, *names)


@pytest.fixture
def pip_at_hand(isolated: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Put pip into the cache, as the first environment leaves it: to unpack and compile it takes seconds."""
    shutil.copytree(session_seed(tmp_path_factory), isolated / "cache/seed", copy_function=os.link)


@pytest.fixture
def mirror(offered: Offer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve the offered versions on 127.0.0.1, as the mirror in use."""
    with Server(offered.folder) as server:
        monkeypatch.setenv("PYV_MIRROR", server.url())
        yield server
