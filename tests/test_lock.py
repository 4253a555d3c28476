"""`pyv lock`: pip writes the packages, and pyv the interpreter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.errors import UsageError
from pyv.sync import Interpreter, read, with_interpreter
from pyv.versions import Version
from tests.support.command import Result, pyv, store
from tests.support.environments import PYTHONS, RUNNING, settings
from tests.support.wheels import locked, project, wheel

if TYPE_CHECKING:
    from tests.conftest import Offer

MINOR = ".".join(RUNNING.split(".")[:2])
# A wheel of pip 25.1 or newer: what `ensurepip` brings along is older, and tests leave the network alone
PIP = os.environ.get("PYV_TEST_PIP", "")
real_pip = pytest.mark.skipif(not PIP, reason="PYV_TEST_PIP names no wheel of a pip that can lock")
# Says that it is new, and writes the same lock whatever it is asked
_STAND_IN = """
import sys
words = sys.argv[1:]
if "--fail" in open({folder!r} + "/requirements.txt").read():
    sys.exit("no such package")
open(words[words.index("-o") + 1], "w").write(open({folder!r} + "/made").read())
open({folder!r} + "/words", "w").write(" ".join(words))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project whose pip finds two packages, and no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    wheel(tmp_path / "wheels", "app", requires=["base"])
    wheel(tmp_path / "wheels", "base")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text("app\n")
    return folder


def lock(folder: Path, *arguments: str, status: int = 0) -> Result:
    done = pyv("lock", *arguments, cwd=folder)
    assert done.status == status, done.err + done.out
    return done


def link_running() -> None:
    assert pyv("link", RUNNING, PYTHONS[RUNNING]).status == 0


def with_new_pip(folder: Path) -> None:
    link_running()
    assert pyv("venv", cwd=folder).status == 0
    python = folder / ".venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", PIP], check=True)


def with_stand_in(folder: Path, *, version: str = "25.1", makes: str = "") -> None:
    """Put something in the place of the environment's pip that only writes a lock."""
    pip = folder / f".venv/lib/python{MINOR}/site-packages/pip"
    shutil.rmtree(pip)
    pip.mkdir()
    (pip / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (pip / "__main__.py").write_text(_STAND_IN.format(folder=str(folder)))
    (folder / "made").write_text(makes or 'lock-version = "1.0"\ncreated-by = "pip"\n')


@real_pip
def test_pip_locks_what_is_listed_and_sync_installs_that(folder: Path) -> None:
    with_new_pip(folder)
    done = lock(folder)
    assert done.err.splitlines()[-1] == f"pyv: {folder}/pylock.toml locks what requirements.txt lists"
    text = (folder / "pylock.toml").read_text()
    assert 'name = "app"' in text
    assert 'name = "base"' in text
    assert "[tool" not in text  # this Python has no known origin
    lock(folder)
    assert (folder / "pylock.toml").read_text() == text
    assert {path.name for path in folder.iterdir()} == {".venv", "pylock.toml", "requirements.txt"}
    assert pyv("sync", "-q", cwd=folder) == (0, "", "")
    done = pyv("exec", "app", cwd=folder)
    assert done.out == "1.0\n"


@real_pip
@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python reads no TOML by itself")
def test_a_project_is_locked_with_extras_and_groups(folder: Path) -> None:
    (folder / "requirements.txt").unlink()
    project(folder, '[project.optional-dependencies]\nx = ["app"]\n[dependency-groups]\ndev = ["base"]\n')
    with_new_pip(folder)
    lock(folder)
    assert [each["name"] for each in packages(folder)] == ["mine"]
    assert packages(folder)[0]["directory"] == {"path": ".", "editable": True}
    lock(folder, "--dev")
    assert [each["name"] for each in packages(folder)] == ["base", "mine"]
    lock(folder, "--extra", "x")
    assert [each["name"] for each in packages(folder)] == ["app", "base", "mine"]
    assert pyv("sync", "-q", cwd=folder) == (0, "", "")
    assert "nothing to do" in pyv("sync", cwd=folder).err


def packages(folder: Path) -> list[dict[str, object]]:
    found = read(folder / "pylock.toml")
    assert found is not None
    listed = found.content["packages"]
    assert isinstance(listed, list)
    return listed


def test_a_pip_that_cannot_lock_is_named_with_what_helps(folder: Path) -> None:
    link_running()
    assert pyv("venv", cwd=folder).status == 0
    with_stand_in(folder, version="25.0.1")
    (folder / "pylock.toml").write_text("mine\n")
    done = lock(folder, status=1)
    assert "is 25.0.1, and 25.1, for Python 3.9 and newer, is the first that can lock" in done.err
    assert f"{folder}/.venv/bin/python -m pip install --upgrade pip" in done.err
    assert (folder / "pylock.toml").read_text() == "mine\n"


def test_a_lock_that_pip_cannot_make_leaves_the_old_one(folder: Path) -> None:
    link_running()
    assert pyv("venv", cwd=folder).status == 0
    with_stand_in(folder)
    (folder / "pylock.pyv-00000000.toml").touch()  # of a killed one
    lock(folder)
    before = (folder / "pylock.toml").read_text()
    assert f"lock -r {folder}/requirements.txt -o {folder}/pylock.pyv-" in (folder / "words").read_text()
    (folder / "requirements.txt").write_text("--fail\n")
    done = lock(folder, status=1)
    assert "pip could not lock what requirements.txt lists" in done.err
    assert "then again: pyv lock" in done.err
    assert (folder / "pylock.toml").read_text() == before
    assert [path.name for path in folder.glob("pylock*")] == ["pylock.toml"]


@pytest.mark.usefixtures("mirror")
def test_the_interpreter_is_locked_with_the_hash_of_its_build(folder: Path, offered: Offer) -> None:
    (folder / ".python-version").write_text(f"{offered.minor}\n")
    assert pyv("venv", "-q", "-p", offered.middle, cwd=folder).status == 0
    with_stand_in(folder, makes=locked(folder.parent / "wheels/app-1.0-py3-none-any.whl"))
    done = lock(folder)
    found = read(folder / "pylock.toml")
    assert found is not None
    assert found.interpreter is not None
    assert found.interpreter.version == Version.parse(offered.middle)
    receipt = (store() / "versions" / offered.middle / ".pyv/receipt.json").read_text()
    assert all(f'"{digest}"' in receipt for digest in found.interpreter.sha256.values())
    assert f'"{found.interpreter.build}"' in receipt
    assert done.err.splitlines()[-1].endswith(f"lists on {offered.middle}, build {found.interpreter.build}")
    # Another clone gets the same one, though it is not the newest
    other = folder.parent / "other"
    other.mkdir()
    shutil.copy(folder / "pylock.toml", other)
    assert pyv("sync", "-q", cwd=other).status == 0
    assert settings(other / ".venv")["home"] == str(store() / "versions" / offered.middle / "bin")


def test_every_platform_of_the_build_is_locked(
    folder: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = shutil.copytree(offered.folder, tmp_path / "mirror")
    catalogue = json.loads((mirror / "download-metadata.json").read_text())
    key, entry = next((key, each) for key, each in catalogue.items() if f"-{offered.middle}-" in key)
    assert "-linux-" in key
    other = {**entry, "os": "darwin", "libc": "none", "sha256": "ab" * 32}
    other["arch"] = {"family": "aarch64", "variant": None}
    catalogue[f"cpython-{offered.middle}-darwin-aarch64-none"] = other
    (mirror / "download-metadata.json").write_text(json.dumps(catalogue))
    monkeypatch.setenv("PYV_MIRROR", str(mirror))
    assert pyv("venv", "-q", "-p", offered.middle, cwd=folder).status == 0
    with_stand_in(folder)
    lock(folder)
    found = read(folder / "pylock.toml")
    assert found is not None
    assert found.interpreter is not None
    assert len(found.interpreter.sha256) == 2
    assert found.interpreter.sha256["darwin-aarch64-none"] == "ab" * 32


def test_a_build_that_is_no_longer_offered_is_locked_for_this_platform(
    folder: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYV_MIRROR", str(offered.folder))
    assert pyv("venv", "-q", "-p", offered.middle, cwd=folder).status == 0
    with_stand_in(folder)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PYV_MIRROR", str(tmp_path / "empty"))
    assert "locked for " in lock(folder).err
    found = read(folder / "pylock.toml")
    assert found is not None
    assert found.interpreter is not None
    assert len(found.interpreter.sha256) == 1


def test_a_lock_is_not_made_for_another_python_than_the_pinned_one(folder: Path) -> None:
    link_running()
    assert pyv("venv", cwd=folder).status == 0
    with_stand_in(folder)
    (folder / ".python-version").write_text("2.7\n")
    done = lock(folder, status=1)
    assert "but" in done.err
    assert "asks for 2.7" in done.err


def test_what_lists_nothing_is_not_locked(folder: Path) -> None:
    (folder / "requirements.txt").unlink()
    lock(folder, status=3)
    (folder / "pyproject.toml").write_text("[tool.x]\n")
    assert "asks for no package" in lock(folder, status=1).err


def test_the_table_is_written_in_one_way_only() -> None:
    made = 'lock-version = "1.0"\n\n[[packages]]\nname = "x"\n'
    version = Version.parse("3.13.1t")
    one = with_interpreter(made, Interpreter(version, "20261110", {"b-c-d": "1" * 64, "a-b-c": "0" * 64}), Path("x"))
    two = with_interpreter(made, Interpreter(version, "20261110", {"a-b-c": "0" * 64, "b-c-d": "1" * 64}), Path("x"))
    assert one == two
    assert one.startswith(made)
    assert one[len(made) :].splitlines() == [
        *("", "[tool.pyv]", 'version = "3.13.1t"', 'build = "20261110"', "", "[tool.pyv.sha256]"),
        f'a-b-c = "{"0" * 64}"',
        f'b-c-d = "{"1" * 64}"',
    ]
    assert with_interpreter(made, None, Path("x")) == made
    with pytest.raises(UsageError, match="not valid TOML"):
        with_interpreter("[", None, Path("x"))
