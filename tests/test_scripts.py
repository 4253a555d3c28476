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
    from collections.abc import Callable

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


# What the set-up does with a Python, without an index: an environment that finds this pyv and its libraries here
STAND_IN = r"""#!{python}
import os, sys
if sys.argv[1:3] != ["-m", "venv"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
import venv
venv.create(sys.argv[3], symlinks=True)
folder = os.path.join(sys.argv[3], "lib/python%d.%d/site-packages" % sys.version_info[:2])
with open(os.path.join(folder, "here.pth"), "w") as file:
    file.write({path!r})
with open(os.path.join(folder, "pip.py"), "w") as file:
    file.write('''
import os, sys
path = os.path.join(os.path.dirname(sys.executable), "pyv")
with open(path, "w") as file:
    file.write("#!" + sys.executable + "\\nfrom pyv.__main__ import leave\\nleave()\\n")
os.chmod(path, 0o755)
''')
"""


@pytest.fixture
def updated(bare_path: Path, tmp_path: Path) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Return what sets pyv up in the home folder of the test, or does so again."""
    script = copy_of_the_scripts(tmp_path / "repository", "0" * 64)
    text = STAND_IN.format(python=sys.executable, path="\n".join(each for each in sys.path if os.path.isabs(each)))
    (bare_path / "stand-in").write_text(text)
    (bare_path / "stand-in").chmod(0o755)
    # The script would look for what is behind it, as behind an environment's Python
    (script.parent / "find_python.sh").write_text(f"find_python() {{ echo {bare_path}/stand-in; }}\n")
    return lambda: set_up(script, bare_path, PYV_ROOT=str(store()))


@pytest.mark.parametrize("has_version", [True, False])
def test_setting_it_up_again_leaves_the_shims_with_a_pyv_that_runs(
    updated: Callable[[], subprocess.CompletedProcess[str]], *, has_version: bool
) -> None:
    first = updated()
    assert first.returncode == 0, first.stderr
    assert not store().exists()
    command = Path(os.environ["HOME"], ".local/bin/pyv")
    env = {"HOME": os.environ["HOME"], "PATH": os.defpath, "PYV_ROOT": str(store())}
    if has_version:
        (store() / "versions/3.12.7/bin").mkdir(parents=True)
        (store() / "versions/3.12.7/bin/python").symlink_to(sys.executable)
    subprocess.run([command, "init", "bash", "--install"], env=env, check=True, capture_output=True)
    shim, hook = store() / "shims/pyv", store() / "hooks/pyv.bash"
    made_first = shim.read_bytes()
    hook.write_text("old")
    again = updated()
    assert again.returncode == 0, again.stderr
    assert (len(list(Path(os.environ["HOME"], ".local/lib/pyv").iterdir())), hook.read_text() != "old") == (1, True)
    assert shim.read_bytes() != made_first
    done = subprocess.run([shim, "versions"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "3.12.7" in done.stdout) == (0, has_version), done.stderr


def test_shims_that_cannot_be_changed_fail_no_set_up(updated: Callable[[], subprocess.CompletedProcess[str]]) -> None:
    (store() / "shims/pyv.d").mkdir(parents=True)
    (store() / "locks").touch()
    done = updated()
    assert done.returncode == 0, done.stderr
    assert f"the shims in {store()}/shims do not run this pyv: " in done.stderr
    assert " is ready: " in done.stderr


def test_an_unknown_argument_is_refused(bare_path: Path) -> None:
    env = {"HOME": os.environ["HOME"], "PATH": str(bare_path)}
    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts/install.sh", "--nonsense"], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--nonsense" in done.stderr) == (2, True)
