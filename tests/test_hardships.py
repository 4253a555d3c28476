"""Full disks, stores that cannot be written, other users, no home: what can be done is done, and no more."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PYV, cache, environment, everything_in, pyv, says, store
from tests.test_failures import small_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Offer

# The seam of the command line: fills a file system when a step has been completed
_FILL = """
import os, sys
from pyv.cli import run

def fill():
    with open(sys.argv[2], "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

def checkpoint(step):
    if step == sys.argv[1]:
        fill()

if sys.argv[1] == "start":
    fill()
sys.exit(run(sys.argv[3:], checkpoint=checkpoint))
"""
NOBODY = 65534


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offered: Offer) -> Iterator[Path]:
    """Return a file system with room for little more than two versions; the store, with one version, is on it."""
    monkeypatch.setenv("PYV_MIRROR", str(offered.folder))
    archive = next(offered.folder.rglob("*.tar.gz")).stat().st_size // 2**20
    with small_file_system(tmp_path / "small", archive * 10) as folder:
        monkeypatch.setenv("PYV_ROOT", str(folder / "store"))
        assert pyv("install", "-q", offered.oldest).status == 0
        yield folder


def when_full(small: Path, step: str, *arguments: str, cwd: Path | None = None) -> tuple[int, list[str]]:
    """Run pyv on a file system that is full from a step on, and return the status and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", _FILL, step, str(small / "filler"), *arguments],
        env=environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode, done.stderr.splitlines()


def used(folder: Path) -> int:
    usage = os.statvfs(folder)
    return (usage.f_blocks - usage.f_bfree) * usage.f_frsize


@pytest.mark.parametrize(
    ("step", "force"),
    [
        ("start", False),
        ("staged", True),
        ("downloaded", False),
        ("unpacked", True),
        ("fixed", False),
        ("described", True),
        ("tried", False),
        ("committed", False),
    ],
)
def test_a_disk_that_fills_up_at_any_step_costs_nothing(small: Path, offered: Offer, step: str, *, force: bool) -> None:
    before = used(small)
    name = offered.oldest if force else offered.middle
    words = ["install", "-q", *(["--force"] if force else []), name]
    status, said = when_full(small, step, *words)
    (small / "filler").unlink()
    late = step in ("described", "tried", "committed")
    assert status == 1 or (late and status == 0), said
    if status:
        assert said[0].startswith("pyv: no space left"), said
        assert len(said) == 2
        assert used(small) - before < 2**20
    assert everything_in(store() / "tmp") == set()
    listed = pyv("versions", "--bare", "--skip-aliases").lines
    assert listed == ([offered.oldest, offered.middle] if status == 0 and not force else [offered.oldest])
    assert pyv("verify").status == 0
    assert pyv(*words).status == 0


def test_on_a_full_disk_every_command_says_what_is_wrong_and_uninstall_makes_room(
    small: Path, offered: Offer, tmp_path: Path
) -> None:
    assert pyv("install", "-q", offered.middle).status == 0
    project = small / "project"
    project.mkdir()
    (project / ".python-version").write_text(f"{offered.oldest}\n")
    for words in (
        ["venv", "--without-pip"],
        ["venv", "--offline", "env"],
        ["venv", "--without-pip", "--name", "named"],
        ["link", "mine", sys.base_prefix],
        ["global", offered.oldest],
        ["rehash"],
        ["local", "3"],
    ):
        status, said = when_full(small, "start", *words, cwd=project)
        assert status in (0, 1), said
        assert status == 0 or "no space left" in said[0].lower(), said
        assert len(said) <= 2, said
        assert (project / ".python-version").read_text() == f"{offered.oldest}\n" or status == 0
        assert not [each for each in os.listdir(project) if each.startswith(".pyv-")]
    assert pyv("which", "python3", cwd=tmp_path, PYV_VERSION=offered.oldest).status == 0
    before = used(small)
    status, said = when_full(small, "start", "uninstall", "-y", offered.middle)
    assert status == 0, said
    assert used(small) < before
    assert (store() / "removed").read_text() == f"{offered.middle}\n"
    (small / "filler").unlink()
    assert pyv("verify").status == 0


def snapshot(*folders: Path) -> dict[str, tuple[int, int, int]]:
    """Return what is in folders, with what would tell that it was changed."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_nothing_is_written_outside_of_store_cache_and_project(offered: Offer, tmp_path: Path) -> None:
    home, temporary, project, elsewhere = (tmp_path / name for name in ("home", "tmp", "project", "elsewhere"))
    for folder in (home, temporary, project, elsewhere):
        folder.mkdir()
        (folder / "canary").write_text("alive")
    (home / ".bashrc").write_text("true\n")
    where = {"HOME": str(home), "TMPDIR": str(temporary), "PYV_MIRROR": str(offered.folder)}
    before = snapshot(home, temporary, elsewhere, offered.folder)
    for words in (
        ["install", offered.oldest, offered.middle],
        ["install", "--force", "--allow-pip", offered.oldest],
        ["upgrade"],
        ["list"],
        ["index", "update"],
        ["local", offered.minor],
        ["global", offered.minor],
        ["venv", "--offline"],
        ["venv", "--without-pip", "--name", "named"],
        ["which", "python"],
        ["exec", "python", "-c", "import json"],
        ["link", "mine", sys.base_prefix],
        ["rehash"],
        ["verify"],
        ["repair"],
        ["venvs"],
        ["versions"],
        ["doctor"],
        ["uninstall", "-y", "-f", offered.middle, "named", "mine"],
        ["prune", "-y"],
        ["install", "nonsense"],
        ["cache", "clean", "-y"],
    ):
        result = pyv(*words, cwd=project, **where)
        assert result.status in ((0, 1) if words == ["doctor"] else (2,) if "nonsense" in words else (0,)), result
    shim = subprocess.run(
        [store() / "shims/python3", "-c", "print(1)"],
        cwd=project,
        env=environment(**where),
        capture_output=True,
        check=False,
    )
    assert shim.returncode == 0, shim.stderr
    assert snapshot(home, temporary, elsewhere, offered.folder) == before
    assert sorted(os.listdir(project)) == [".python-version", ".venv", "canary"]


class Site:
    """A store of one user, and another user who may read it and nothing else.

    Both run pyv on an interpreter of that store, for the one of the tests may lie in somebody's home.
    """

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        self.root = folder / "store"
        self.version = version
        self.project = folder / "project"
        self._pyv = (str(self.root / "versions" / version / "bin/python3"), "-m", "pyv")

    def own(self, *words: str) -> None:
        done = self._run([*self._pyv, *words], self._environment(PYV_MIRROR=os.environ["PYV_MIRROR"]), user=None)
        assert done.returncode == 0, done.stderr

    def other(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run pyv as the other user."""
        return self._run([*self._pyv, *words], self._environment(**changes), user=NOBODY)

    def shim(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a shim as the other user."""
        return self._run([str(self.root / "shims" / words[0]), *words[1:]], self._environment(**changes), user=NOBODY)

    def _environment(self, **changes: str) -> dict[str, str]:
        env = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{self.folder}/pyv/src",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder / "home"),
            "PYV_ROOT": str(self.root),
            "PYV_CACHE_DIR": str(self.folder / "cache"),
            **changes,
        }
        return {name: value for name, value in env.items() if value != "-"}

    def _run(self, command: list[str], env: Mapping[str, str], *, user: int | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=env,
            cwd=self.project,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            umask=0o022 if user is None else 0o077,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )


@pytest.fixture
def site(offered: Offer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Make a store as root, and a home and a project of the other user."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    # The folders of pytest are closed to others
    folder = Path(tempfile.mkdtemp(prefix="pyv-site-"))
    try:
        folder.chmod(0o755)
        monkeypatch.setenv("PYV_MIRROR", str(offered.folder))
        assert pyv("install", "-q", offered.oldest, PYV_ROOT=str(folder / "store")).status == 0
        shutil.copytree(Path(__file__).parents[1] / "src", folder / "pyv/src")
        shutil.copytree(Path(__file__).parents[1] / "shims", folder / "pyv/shims")
        libraries = next(Path(path) for path in sys.path if path.endswith("site-packages"))
        for name in ("click", "platformdirs", "filelock"):
            shutil.copytree(libraries / name, folder / "pyv/src" / name)
        subprocess.run(["chmod", "-R", "a+rX", folder / "pyv"], check=True)
        made = Site(folder, offered.oldest)
        for name in ("home", "project"):
            (folder / name).mkdir()
            os.chown(folder / name, NOBODY, NOBODY)
        shutil.rmtree(made.root / "shims")
        made.own("rehash")
        made.own("global", offered.oldest)
        yield made
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("home", ["home", "unset", "unwritable"])
def test_the_store_of_another_user_is_used_silently(site: Site, home: str) -> None:
    where = {"home": {}, "unset": {"HOME": "-"}, "unwritable": {"HOME": "/proc"}}[home]
    before = snapshot(site.root)
    for done in (
        site.shim("python3", "-c", "import sys; print(sys.prefix)", **where),
        site.other("prefix", site.version, **where),
        site.other("prefix", **where),
        site.shim("pyv", "prefix", **where),
    ):
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{site.root}/versions/{site.version}\n", "")
    program = f"{site.root}/versions/{site.version}/bin/python3"
    for done in (site.other("which", "python3", **where), site.shim("pyv", "which", "python3", **where)):
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{program}\n", "")
    listed = site.other("versions", "--bare", "--skip-aliases", **where)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, f"{site.version}\n", "")
    assert snapshot(site.root) == before


@pytest.mark.parametrize("cache", ["writable", "unwritable"])
def test_an_environment_is_made_from_the_store_of_another_user(site: Site, cache: str) -> None:
    where = {"PYV_CACHE_DIR": f"{site.folder}/home/cache" if cache == "writable" else "/proc/cache"}
    before = snapshot(site.root)
    made = site.other("venv", "--offline", **where)
    assert made.returncode == 0, made.stderr
    assert snapshot(site.root) == before
    venv = site.project / ".venv"
    for done in (
        site.other("which", "python", **where),
        site.shim("python", "-c", "import sys; print(sys.prefix + '/bin/python')", **where),
    ):
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{venv}/bin/python\n", "")
    pip = site.shim("pip", "--version", **where)
    assert (pip.returncode, pip.stderr) == (0, "")
    assert f"{venv}/lib" in pip.stdout
    assert {path.stat().st_uid for path in venv.iterdir()} == {NOBODY}


def test_an_environment_that_can_be_noted_nowhere_is_made_and_that_is_said(site: Site) -> None:
    where = {"HOME": "/nonexistent", "PYV_CACHE_DIR": f"{site.folder}/home/cache"}
    made = site.other("venv", "--offline", "--without-pip", **where)
    assert made.returncode == 0, made.stderr
    assert f"{site.project}/.venv cannot be noted, for neither" in made.stderr
    program = f"{site.project}/.venv/bin/python"
    assert subprocess.run([program, "-c", ""], check=True, timeout=60).returncode == 0
    found = site.other("which", "python", **where)
    assert found.stdout.strip() != program


def test_without_any_home_there_are_a_cache_and_settings_beside_the_store() -> None:
    program = (
        "import os, sys\n"
        "import pwd\n"
        "if os.getuid() == 0:\n"
        "    os.setuid(4242)\n"
        "try:\n"
        "    pwd.getpwuid(os.getuid())\n"
        "except KeyError:\n"
        "    from pyv.layout import Layout\n"
        "    os.environ.pop('HOME')\n"
        "    layout = Layout({'PYV_ROOT': '/somewhere'}, '/')\n"
        "    print(layout.cache, layout.settings)\n"
    )
    # Imported before the user changes, who may not be able to read them
    before = "import platformdirs, pyv.layout; from platformdirs import user_cache_path; user_cache_path('x')\n"
    done = subprocess.run([sys.executable, "-c", before + program], capture_output=True, text=True, check=True)
    if not done.stdout:
        pytest.skip("this user has a home that is known without HOME")
    assert done.stdout.split() == ["/somewhere/cache", "/somewhere/config.toml"]


def test_what_cannot_be_written_is_said_in_two_lines(site: Site) -> None:
    archive = next(Path(os.environ["PYV_MIRROR"]).rglob("*.tar.gz"))
    shutil.copyfile(archive, site.folder / archive.name)
    (site.folder / archive.name).chmod(0o644)
    install = [
        "install",
        "--force",
        str(site.folder / archive.name),
        "--sha256",
        hashlib.sha256(archive.read_bytes()).hexdigest(),
    ]
    for words in (
        install,
        ["uninstall", "-y", site.version],
        ["global", "3"],
        ["rehash"],
        ["link", "x", sys.base_prefix],
    ):
        done = site.other(*words, PYV_OFFLINE="1")
        assert done.returncode in (1, 3), done.stderr
        assert 1 <= len(done.stderr.splitlines()) <= 2, done.stderr
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr
    assert site.other("versions", "--bare", "--skip-aliases").stdout == f"{site.version}\n"


def test_a_store_on_a_read_only_file_system_is_used_silently(small: Path, offered: Offer, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".python-version").write_text(f"{offered.oldest}\n")
    if subprocess.run(["mount", "-o", "remount,ro", small], capture_output=True, check=False).returncode:
        pytest.skip("this file system cannot be made read-only")
    where = {"PYV_CACHE_DIR": str(store() / "cache")}
    for words in (["which", "python3"], ["versions", "--bare"], ["version"], ["prefix"], ["shims"]):
        done = pyv(*words, cwd=project, **where)
        assert (done.status, done.err) == (0, ""), done
    done = pyv("venv", "--without-pip", cwd=project, **where)
    assert done.status == 0, done.err
    assert says(project / ".venv/bin/python", "print(1)") == "1"
    assert pyv("which", "python", cwd=project, **where).lines == [f"{project}/.venv/bin/python"]
    done = pyv("install", offered.middle, **where)
    assert (done.status, "read-only" in done.err) == (1, True), done
    assert cache().exists()
    assert PYV
