"""The shell scripts: that they run under every sh, and what the set-up does where there is no Python or no index."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import pyv, store

if TYPE_CHECKING:
    from pyv.pack import Packed

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*ROOT.glob("scripts/*.sh"), ROOT / ".ci/run"])
# What the set-up may lean on where nothing is installed yet
TOOLS = [
    *("sh", "uname", "mkdir", "mktemp", "cut", "sha256sum", "tar", "gzip", "rm", "mv", "cp", "ln", "dirname", "date"),
    *("env", "cat", "readlink", "sed", "rmdir"),
]


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh", "zsh"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_sh_can_read_the_scripts(shell: str, script: Path) -> None:
    if not shutil.which(shell.split(maxsplit=1)[0]):
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run([*shell.split(), "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("there is no shellcheck here")
    done = subprocess.run(
        ["shellcheck", "--external-sources", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Make a PATH without any Python on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if not found:
            pytest.skip(f"there is no {tool} here")
        (folder / tool).symlink_to(found)
    return folder


def copy_of_the_scripts(folder: Path, sha256: str) -> Path:
    """Copy what the set-up needs, with another hash for the build that it fetches."""
    (folder / "scripts").mkdir(parents=True)
    for name in ("install.sh", "find_python.sh"):
        text = (ROOT / "scripts" / name).read_text()
        (folder / "scripts" / name).write_text(re.sub(r"(?m)^(\S+) [0-9a-f]{64}$", rf"\1 {sha256}", text))
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '0'\ndependencies = ['nowhere']\n")
    return folder / "scripts/install.sh"


def mirror_for(script: Path, packed: Packed, folder: Path) -> Path:
    """Serve a packed Python under the name of the build that the set-up fetches."""
    text = script.read_text()
    tag, version = (re.search(rf"(?m)^{name}=(\S+)$", text) for name in ("TAG", "VERSION"))
    triple = re.search(r"\d{8}-(.*)-install_only_stripped", packed.archive.name)
    assert tag
    assert version
    assert triple
    if not re.search(rf"(?m)^{triple[1]} ", text):
        pytest.skip(f"the set-up knows no build for {triple[1]}")
    (folder / tag[1]).mkdir(parents=True)
    name = f"cpython-{version[1]}+{tag[1]}-{triple[1]}-install_only_stripped.tar.gz"
    shutil.copyfile(packed.archive, folder / tag[1] / name)
    return folder


def set_up(script: Path, path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {"HOME": os.environ["HOME"], "PATH": str(path), "PIP_NO_INDEX": "1", **changes}
    return subprocess.run(["/bin/sh", script], env=env, capture_output=True, text=True, check=False, timeout=120)


def test_where_there_is_no_python_one_is_fetched_and_checked(packed: Packed, bare_path: Path, tmp_path: Path) -> None:
    script = copy_of_the_scripts(tmp_path / "repository", packed.sha256)
    mirror = mirror_for(script, packed, tmp_path / "mirror")
    done = set_up(script, bare_path, PYV_MIRROR=f"file://{mirror}")
    home = Path(os.environ["HOME"], ".local/lib/pyv")
    # There is no index in tests, so it ends where pyv's libraries are to be installed, and leaves no environment behind
    assert done.returncode == 4, done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    assert sorted(path.name for path in home.iterdir()) == ["python"]
    subprocess.run([home / "python/bin/python3", "-c", "import ssl"], check=True)
    assert not (Path(os.environ["HOME"]) / ".local/bin/pyv").exists()


def test_a_python_with_another_hash_is_not_unpacked(packed: Packed, bare_path: Path, tmp_path: Path) -> None:
    script = copy_of_the_scripts(tmp_path / "repository", hashlib.sha256(b"").hexdigest())
    mirror = mirror_for(script, packed, tmp_path / "mirror")
    done = set_up(script, bare_path, PYV_MIRROR=f"file://{mirror}")
    assert (done.returncode, packed.sha256 in done.stderr) == (5, True)
    assert list(Path(os.environ["HOME"], ".local/lib/pyv").iterdir()) == []


def test_without_python_and_without_network_it_says_what_to_do(bare_path: Path, tmp_path: Path) -> None:
    script = copy_of_the_scripts(tmp_path / "repository", "0" * 64)
    done = set_up(script, bare_path, PYV_MIRROR=f"file://{tmp_path / 'nothing'}")
    assert (done.returncode, "PYV_MIRROR" in done.stderr) == (4, True)
    assert "curl nor wget" in set_up(script, bare_path, PYV_MIRROR="http://127.0.0.1:1").stderr
    folder = set_up(script, bare_path, PYV_MIRROR=str(tmp_path / "nothing"))
    assert (folder.returncode, str(tmp_path / "nothing") in folder.stderr) == (4, True)


def test_the_set_up_prints_no_password(bare_path: Path, tmp_path: Path) -> None:
    (bare_path / "curl").symlink_to("/bin/false")
    script = copy_of_the_scripts(tmp_path / "repository", "0" * 64)
    done = set_up(script, bare_path, PYV_MIRROR="http://me:secret@127.0.0.1:1")
    assert (done.returncode, "secret" in done.stderr, "//127.0.0.1:1/" in done.stderr) == (4, False, True)


def test_the_set_up_is_taken_back(bare_path: Path) -> None:
    home = Path(os.environ["HOME"], ".local/lib/pyv")
    command = Path(os.environ["HOME"], ".local/bin/pyv")
    (home / "env.1").mkdir(parents=True)
    (home / "mine").touch()
    command.parent.mkdir(parents=True)
    command.symlink_to(home / "env.1/bin/pyv")
    env = {"HOME": os.environ["HOME"], "PATH": str(bare_path)}
    subprocess.run(["/bin/sh", ROOT / "scripts/install.sh", "--uninstall"], env=env, check=True, capture_output=True)
    assert [path.name for path in home.iterdir()] == ["mine"]
    assert not command.is_symlink()


def test_with_the_set_up_goes_what_loads_pyv_in_new_shells(bare_path: Path, tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    (home / ".local/bin").mkdir(parents=True)
    (tmp_path / "pyv").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pyv "$@"\n')
    (tmp_path / "pyv").chmod(0o755)
    (home / ".local/bin/pyv").symlink_to(tmp_path / "pyv")
    (home / ".zshrc").write_text("x=1\n")
    for name in ("bash", "zsh", "fish", "tcsh", "sh", "direnv"):
        assert pyv("init", name, "--install").status == 0
    loading = {path for path in home.rglob("*") if path.is_file() and b"pyv" in path.read_bytes()}
    files = (".bashrc", ".zshrc", ".tcshrc", ".profile", ".config/fish/config.fish", ".config/direnv/lib/pyv.sh")
    assert {home / name for name in files} <= loading
    env = {"HOME": str(home), "PATH": str(bare_path), "PYV_ROOT": str(store())}
    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts/install.sh", "--uninstall"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith(f", and what loaded pyv in new shells; the installed Pythons are still in {store()}")
    assert (home / ".zshrc").read_text() == "x=1\n"
    assert not [path for path in loading - {home / ".zshrc"} if path.exists() and store() not in path.parents]


def test_an_unknown_argument_is_refused(bare_path: Path) -> None:
    env = {"HOME": os.environ["HOME"], "PATH": str(bare_path)}
    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts/install.sh", "--nonsense"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--nonsense" in done.stderr) == (2, True)
