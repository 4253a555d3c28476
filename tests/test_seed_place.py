"""What stands in an environment: the tree of `python -m venv`, a whole pip, and neighbours that nothing reaches."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyv.errors import StoreError
from pyv.seed.place import script
from tests.support.seeds import (
    INTERPRETER,
    PACKAGES,
    PYTHON,
    Nursery,
    bundled,
    offer,
    places,
    renamed_wheel,
    run,
    small_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MINOR = f"{PYTHON[0]}.{PYTHON[1]}"


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache with the seed of ensurepip's own wheels, which takes seconds to compile."""
    bundled()
    folder = tmp_path_factory.mktemp("seed")
    nursery = Nursery(folder, "", offline=True)
    nursery.seed.prepare(PYTHON, INTERPRETER, packages=PACKAGES)
    nursery.close()
    return folder


@pytest.fixture
def real(real_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    nursery = Nursery(real_cache, "", offline=True)
    yield nursery
    nursery.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Nursery]:
    folder = tmp_path / "index"
    offer(folder, small_wheel(folder / "wheels", "99.0"))
    nursery = Nursery(tmp_path, str(folder))
    yield nursery
    nursery.close()


def entries(folder: Path) -> dict[str, str]:
    """Return everything below a folder, and what it is."""
    return {
        str(path.relative_to(folder)): "folder" if path.is_dir() else "file"
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


def record(site: Path, name: str) -> dict[str, tuple[str, str]]:
    (path,) = site.glob(f"{name}-*.dist-info/RECORD")
    with path.open(newline="") as file:
        return {row[0]: (row[1], row[2]) for row in csv.reader(file)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_tree_is_the_one_that_pythons_own_venv_makes(real: Nursery, tmp_path: Path) -> None:
    site = real.put(tmp_path / "ours", *PACKAGES)
    run(INTERPRETER, "-m", "venv", tmp_path / "theirs")
    other, _ = places(tmp_path / "theirs")
    assert entries(tmp_path / "ours") == entries(tmp_path / "theirs")
    for name in PACKAGES:
        own, their = record(site, name), record(other, name)
        commands = {path for path in own if path.startswith("..")}
        assert own.keys() == their.keys()
        assert {path: own[path] for path in own.keys() - commands} == {
            path: their[path] for path in their.keys() - commands
        }


def test_every_line_of_record_is_true(real: Nursery, tmp_path: Path) -> None:
    site = real.put(tmp_path / "venv", *PACKAGES)
    known = set()
    for name in PACKAGES:
        for path, (digest, size) in record(site, name).items():
            content = (site / path).read_bytes()
            known.add(os.path.normpath(site / path))
            if digest:
                encoded = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (digest, size) == (f"sha256={encoded}", str(len(content)))
            else:
                assert path.endswith((".pyc", "/RECORD"))
    assert {str(path) for path in site.rglob("*") if path.is_file()} <= known
    assert {str(path) for path in (tmp_path / "venv/bin").glob("pip*")} <= known


def test_pip_works_in_every_way_and_other_environments_stay_as_they_were(real: Nursery, tmp_path: Path) -> None:
    neighbour = real.put(tmp_path / "neighbour")
    before = contents(neighbour)
    venv = tmp_path / "venv"
    site = real.put(venv)
    python, pip = venv / "bin/python", venv / "bin/pip"
    version = bundled().name.split("-")[1]
    assert f"pip {version} from {site}" in run(pip, "--version")
    assert [(each["name"], each["version"]) for each in json.loads(run(pip, "list", "--format=json"))] == [
        ("pip", version)
    ]
    shown = run(pip, "show", "-f", "pip")
    assert f"../../../bin/pip{_MINOR}" in shown
    assert "Cannot locate" not in shown
    assert "No broken requirements" in run(pip, "check")
    assert run(pip, "freeze", "--all").strip() == f"pip=={version}"

    run(python, "-m", "compileall", "-q", "-f", site / "pip/_internal/cli")
    run(python, "-m", "pip", "install", "-q", "--no-index", "--force-reinstall", bundled())
    assert contents(neighbour) == before

    real.put(tmp_path / "second")
    other = tmp_path / "second/bin/python"
    (tmp_path / "newer").mkdir()
    renamed_wheel(bundled(), tmp_path / "newer", "99.0")
    run(other, "-m", "pip", "install", "-q", "--no-index", "-f", tmp_path / "newer", "--upgrade", "pip")
    assert json.loads(run(other, "-m", "pip", "list", "--format=json"))[0]["version"] == "99.0"
    assert len(list(places(tmp_path / "second")[0].glob("pip*"))) == 2, "something of the old pip was left"
    run(other, "-m", "pip", "uninstall", "-q", "-y", "pip")
    assert not list(places(tmp_path / "second")[0].glob("pip*"))
    assert not list((tmp_path / "second/bin").glob("pip*"))

    assert contents(neighbour) == before
    assert real.prepare().is_intact()
    assert f"pip {version}" in run(tmp_path / "neighbour/bin/pip", "--version")


def test_pip_takes_the_bytecode_as_it_is_and_a_traceback_names_the_environment(real: Nursery, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    site = real.put(venv)
    before = {path: path.stat().st_ino for path in site.rglob("*.pyc")}
    run(venv / "bin/pip", "list")
    assert {path: path.stat().st_ino for path in site.rglob("*.pyc")} == before
    program = "import pip._internal.cli.main as m; print(m.main.__code__.co_filename)"
    assert run(venv / "bin/python", "-c", program).strip() == str(site / "pip/_internal/cli/main.py")


def test_linked_files_are_shared_and_protected(small: Nursery, tmp_path: Path) -> None:
    site = small.put(tmp_path / "venv", link_mode="hardlink")
    seed = small.prepare().root
    module = site / "pip/sub/main.py"
    assert module.samefile(seed / "pip/sub/main.py")
    assert not stat.S_IMODE(module.stat().st_mode) & 0o222
    assert small.notes == []


def test_copied_files_are_the_environments_own_with_the_same_times(small: Nursery, tmp_path: Path) -> None:
    site = small.put(tmp_path / "venv", link_mode="copy")
    seed = small.prepare().root
    for path in (path for path in seed.rglob("*") if path.is_file()):
        mine = site / path.relative_to(seed)
        assert not mine.samefile(path)
        assert (mine.read_bytes(), mine.stat().st_mtime_ns) == (path.read_bytes(), path.stat().st_mtime_ns)
        assert mine.stat().st_mode & 0o600 == 0o600
    (site / "pip/__init__.py").write_text("changed")
    assert small.prepare().is_intact()


def test_a_way_that_is_impossible_gives_way_to_the_next_with_a_word(small: Nursery, elsewhere: Path) -> None:
    venv = elsewhere / "venv"
    site = small.put(venv, link_mode="hardlink")
    assert ["no hard links" in note and "copies are used" in note for note in small.notes] == [True]
    assert run(venv / "bin/pip").strip() == "99.0"
    small.put(venv, link_mode="auto")
    assert len(small.notes) == 1
    assert (site / "pip/__init__.py").stat().st_nlink == 1


def test_where_files_cannot_be_cloned_links_take_over(small: Nursery, tmp_path: Path) -> None:
    site = small.put(tmp_path / "venv", link_mode="clone")
    cloned = (site / "pip/__init__.py").stat().st_nlink == 1
    assert ["hard links are used" in note for note in small.notes] == ([] if cloned else [True])
    assert run(tmp_path / "venv/bin/pip").strip() == "99.0"


def test_the_commands_are_named_for_this_python(small: Nursery, tmp_path: Path) -> None:
    small.put(tmp_path / "venv")
    commands = sorted(path.name for path in (tmp_path / "venv/bin").glob("pip*"))
    assert commands == sorted(["pip", f"pip{PYTHON[0]}", f"pip{_MINOR}"])
    assert {run(tmp_path / "venv/bin" / name).strip() for name in commands} == {"99.0"}


def test_another_version_in_the_environment_is_replaced_whole(small: Nursery, tmp_path: Path) -> None:
    site, _ = places(tmp_path / "venv")
    (site / "pip/old").mkdir(parents=True)
    (site / "pip-1.0.dist-info").mkdir()
    (site / "pip_tools").mkdir()
    (site / "pip-tools.txt").write_text("")
    small.put(tmp_path / "venv")
    assert sorted(path.name for path in site.iterdir()) == ["pip", "pip-99.0.dist-info", "pip-tools.txt", "pip_tools"]
    assert not (site / "pip/old").exists()
    small.put(tmp_path / "venv")
    assert run(tmp_path / "venv/bin/pip").strip() == "99.0"


def test_a_command_is_never_written_through_a_link(small: Nursery, tmp_path: Path) -> None:
    _, commands = places(tmp_path / "venv")
    (tmp_path / "precious").write_text("mine")
    (commands / "pip").symlink_to(tmp_path / "precious")
    small.put(tmp_path / "venv")
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (commands / "pip").is_symlink()


@pytest.mark.parametrize("when", ["deleted", "replaced"])
def test_a_seed_that_vanishes_before_it_is_used_is_made_again(small: Nursery, tmp_path: Path, when: str) -> None:
    site, commands = places(tmp_path / "venv")
    unpacked = small.seed.prepare(PYTHON, INTERPRETER)
    if when == "deleted":
        shutil.rmtree(small.layout.cache)
    else:
        offer(tmp_path / "index", small_wheel(tmp_path / "index/wheels", "99.1"))
        small.now += 100_000
        small.prepare()
    small.seed.install(unpacked, site, commands, str(commands / "python"))
    assert run(commands / "pip").strip() == ("99.0" if when == "deleted" else "99.1")
    assert len(list(site.iterdir())) == 2


def test_a_missing_folder_of_the_environment_is_said_to_be_missing(small: Nursery, tmp_path: Path) -> None:
    site, _ = places(tmp_path / "venv")
    with pytest.raises(StoreError, match="put pip into"):
        small.seed.install(small.seed.prepare(PYTHON, INTERPRETER), site, tmp_path / "nowhere", "/python")


@pytest.mark.parametrize(
    "name",
    ["plain", "with blank", "ümlaut", "x" * 130, "it's", 'say "hi" $HOME `id`', "both ' and $", "back\\slash", "a\nb"],
)
def test_commands_start_from_any_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    check(folder)


def test_commands_start_from_a_folder_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    check(folder)


def check(folder: Path) -> None:
    python, command = folder / "python", folder / "cmd"
    python.symlink_to(sys.executable)
    command.write_bytes(script(str(python), "os.path", "basename.__class__"))
    command.chmod(0o755)
    # The class of a function cannot be called without arguments, and the error says so: it was found and called
    assert "TypeError" in error_of(command)
    assert command.read_bytes().startswith(b"#!")


def error_of(command: Path) -> str:
    done = subprocess.run(
        [command, "-W", "error"],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "SyntaxWarning" not in done.stderr
    return done.stderr
