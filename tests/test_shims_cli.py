"""`pyv rehash`, `pyv shims`, and the shims that other commands make and remove."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv import __version__
from pyv.layout import resources
from tests.support.command import environment, pyv, store

if TYPE_CHECKING:
    from tests.conftest import Offer

# These have shims whatever is installed
ALWAYS = ("python", "python3", "pip", "pip3")
PROJECT = Path(__file__).parents[1]


def add(version: str, *commands: str) -> Path:
    """Make a version whose commands say what they are called."""
    folder = store() / "versions" / version / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in commands:
        (folder / name).write_text(f"#!/bin/sh\necho {name} of {version}\n")
        (folder / name).chmod(0o755)
    return folder


def shims() -> set[str]:
    return set(os.listdir(store() / "shims"))


def test_rehash_says_nothing_and_shims_lists_what_it_made() -> None:
    add("3.12.7", "python", "ruff", "Black")
    assert pyv("rehash") == (0, "", "")
    names = sorted({"Black", "pyv", "ruff", *ALWAYS})
    assert pyv("shims", "--short") == (0, "".join(f"{name}\n" for name in names), "")
    assert pyv("shims").lines == [str(store() / "shims" / name) for name in names]
    shutil.rmtree(store() / "versions/3.12.7")
    assert pyv("rehash") == (0, "", "")
    assert pyv("shims").lines == [str(store() / "shims" / name) for name in sorted({"pyv", *ALWAYS})]


def test_where_nothing_is_installed_a_pin_is_an_error_and_the_python_of_path_runs_without_one(tmp_path: Path) -> None:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "python3").write_text("#!/bin/sh\necho the python of PATH\n")
    (folder / "python3").chmod(0o755)
    assert pyv("rehash").status == 0
    env = environment(PATH=f"{store()}/shims:{folder}")

    def run(command: str) -> tuple[int, str, str]:
        words = [store() / "shims" / command]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("python3") == (0, "the python of PATH\n", "")
    assert run("pip")[:2] == (127, "")
    (tmp_path / ".python-version").write_text("3.12\n")
    for name in ALWAYS:
        status, out, err = run(name)
        assert (status, out) == (127, "")
        assert "3.12 is not installed, pinned by" in err


def test_without_a_store_there_are_no_shims() -> None:
    assert pyv("shims") == (0, "", "")
    assert not store().exists()


def test_another_shell_is_taken_or_refused(tmp_path: Path) -> None:
    add("3.12.7", "python")
    (tmp_path / "sh").symlink_to("/bin/sh")
    assert pyv("rehash", "--shell", tmp_path / "sh") == (0, "", "")
    assert (store() / "shims/python").read_text().startswith(f"#!{tmp_path}/sh\n")
    assert pyv("rehash") == (0, "", "")
    assert (store() / "shims/python").read_text().startswith(f"#!{tmp_path}/sh\n")
    for word in ("sh", "/nonexistent/sh", "/bin/true"):
        refused = pyv("rehash", "--shell", word)
        assert (refused.status, refused.out) == (2, "")
        assert word in refused.err
        assert "pyv rehash --shell" in refused.err
    assert pyv("rehash", "--shell").status == 2
    assert pyv("rehash", "python").status == 2


def test_a_shim_runs_the_command_of_the_pinned_version(tmp_path: Path) -> None:
    add("3.12.7", "tool")
    add("3.11.9", "tool")
    pyv("rehash")
    for version in ("3.12.7", "3.11.9"):
        (tmp_path / ".python-version").write_text(f"{version}\n")
        done = subprocess.run([store() / "shims/tool"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout == f"tool of {version}\n"


@pytest.mark.parametrize("python", [sys.executable, "another"])
def test_the_shim_of_pyv_runs_this_pyv_and_no_module_of_the_folder(tmp_path: Path, python: str) -> None:
    """Also where pyv is not among the interpreter's own packages, as after `pip install --user`."""
    if python == "another":
        python = next(
            (each for name in ("bin/python3", "bin/python") if os.access(each := f"{sys.base_prefix}/{name}", os.X_OK)),
            "",
        )
        if not python:
            pytest.skip("the interpreter behind this environment has no name that is known")
    add("3.12.7", "python")
    path = os.pathsep.join(each for each in sys.path if each.endswith(("src", "site-packages")))
    subprocess.run([python, "-m", "pyv", "rehash"], env=environment(PYTHONPATH=path), check=True, timeout=60)
    for name in ("pyv", "re", "os", "sys"):
        (tmp_path / f"{name}.py").write_text("print('gotcha')\n")
    done = subprocess.run(
        [store() / "shims/pyv", "--version"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"pyv {__version__}\n", "")


@pytest.mark.parametrize("damage", ["write", "remove", "replace"])
def test_any_damaged_shim_is_repaired_by_pyv_among_the_shims(tmp_path: Path, damage: str) -> None:
    add("3.12.7", "python", "tool")
    pyv("rehash")
    (tmp_path / ".python-version").write_text("3.12.7\n")
    shims = store() / "shims"
    for name in ("python", "tool"):
        if damage != "write":
            (shims / name).unlink()
        if damage != "remove":
            (shims / name).write_text("")
        for command in ("pyv version-name", name, "pyv versions --bare", name):
            word, *more = command.split()
            done = subprocess.run([shims / word, *more], cwd=tmp_path, capture_output=True, text=True, check=True)
            assert "3.12.7" in done.stdout


def test_a_version_whose_replacement_was_killed_is_back_with_the_next_shim(tmp_path: Path) -> None:
    add("3.12.7", "python")
    pyv("rehash")
    (tmp_path / ".python-version").write_text("3.12.7\n")
    (store() / "versions/3.12.7").rename(store() / "versions/.3.12.7.replaced")
    done = subprocess.run([store() / "shims/python"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "python of 3.12.7\n"


def test_a_version_that_was_copied_there_runs_by_its_short_name(tmp_path: Path) -> None:
    add("3.12.7", "python", "python3.12")
    pyv("rehash")
    add("3.11.8", "python", "python3.11")
    assert pyv("versions", "--bare") == (0, "3.11.8\n3.12.7\n3\n3.11\n3.12\n", "")
    done = subprocess.run([store() / "shims/python3.11"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "python3.11 of 3.11.8\n"


def test_a_command_does_not_wait_for_shims_that_another_process_makes() -> None:
    add("3.12.7", "python")
    pyv("rehash")
    (store() / "shims/python").unlink()
    with open(store() / "locks/links.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert pyv("versions", "--bare", "--skip-aliases") == (0, "3.12.7\n", "")
    assert pyv("versions", "--bare").status == 0
    assert (store() / "shims/python").exists()


@pytest.mark.usefixtures("mirror")
def test_installing_and_uninstalling_make_and_remove_shims(offered: Offer) -> None:
    assert pyv("install", offered.oldest).status == 0
    assert {"pyv", "python", "python3", f"python{offered.minor}"} <= shims()
    shim = store() / "shims/python"
    first = shim.stat()
    assert pyv("install", offered.oldest).status == 0
    assert shim.stat().st_ctime_ns == first.st_ctime_ns
    assert pyv("install", offered.newest).status == 0
    assert shim.stat().st_mtime_ns != first.st_mtime_ns
    says = "import sys; print(sys.prefix)"
    done = subprocess.run(
        [shim, "-c", says], env=environment(PYV_VERSION="3"), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{store()}/versions/3\n"
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert "python" in shims()
    assert pyv("uninstall", "-y", offered.newest).status == 0
    assert shims() == {"pyv", *ALWAYS}


@pytest.mark.usefixtures("mirror")
def test_what_was_installed_beside_a_failure_has_its_shims(offered: Offer) -> None:
    assert pyv("install", offered.oldest, "3.99").status == 3
    assert "python" in shims()


@pytest.mark.usefixtures("mirror")
def test_an_install_that_fails_makes_no_shims() -> None:
    assert pyv("install", "3.99").status == 3
    assert not (store() / "shims").exists()


def test_linking_makes_shims(tmp_path: Path) -> None:
    (tmp_path / "conda/bin").mkdir(parents=True)
    for name in ("python3", "conda"):
        (tmp_path / "conda/bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "conda/bin" / name).chmod(0o755)
    assert pyv("link", "conda", tmp_path / "conda").status == 0
    assert shims() == {"pyv", "conda", *ALWAYS}
    assert pyv("uninstall", "-y", "conda").status == 0
    assert shims() == {"pyv", *ALWAYS}


@pytest.mark.usefixtures("mirror")
def test_shims_that_cannot_be_made_are_named_in_one_line_and_fail_nothing_else(offered: Offer) -> None:
    store().mkdir()
    (store() / "shims").write_text("in the way")
    for command in (["install", offered.oldest], ["uninstall", "-y", offered.oldest]):
        result = pyv(*command)
        assert result.status == 0
        assert sum("shims" in line for line in result.err.splitlines()) == 1
        assert str(store() / "shims") in result.err
    failed = pyv("rehash")
    assert (failed.status, failed.out) == (1, "")
    assert str(store() / "shims") in failed.err


def test_the_wheel_has_the_dispatcher_where_pyv_looks_for_it(tmp_path: Path) -> None:
    assert (resources() / "dispatcher.sh").read_bytes().startswith(b"#!@SHELL@\n# pyv dispatcher @VERSION@ @CHECK@\n")
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which makes the wheel, is not installed here")
    build: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(build, cwd=PROJECT, capture_output=True, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    program = "from pyv.layout import resources; print(resources())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(PYTHONPATH=str(tmp_path / "installed")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path}/installed/pyv/shell\n"
    assert (tmp_path / "installed/pyv/shell/dispatcher.sh").read_bytes() == (resources() / "dispatcher.sh").read_bytes()
