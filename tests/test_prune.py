"""What nothing refers to any more is removed, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import environment, everything_in, python_of, pyv, store
from tests.test_commands import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Offer


@pytest.fixture
def versions(offered: Offer) -> Offer:
    """Make versions that look installed, all three of the offered ones; nothing in them runs."""
    for name in offered[2:]:
        fake(name)
    assert pyv("rehash").status == 0
    return offered


def fake(name: str) -> None:
    folder = store() / "versions" / name
    (folder / "bin").mkdir(parents=True)
    for program in ("python", "python3"):
        (folder / "bin" / program).write_text("#!/bin/sh\n")
        (folder / "bin" / program).chmod(0o755)
    (folder / ".pyv").mkdir()
    (folder / ".pyv/receipt.json").write_text("{}")


def venv(folder: Path, home: str, *, named: bool = False) -> Path:
    """Make what says that it is an environment, and is known."""
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {store()}/versions/{home}/bin\nversion = 3\n")
    (folder / "bin/python").symlink_to(f"{store()}/versions/{home}/bin/python3")
    if not named:
        register(folder)
    return folder


def register(folder: Path) -> None:
    (store() / "venvs").mkdir(exist_ok=True)
    (store() / "venvs" / os.urandom(16).hex()).symlink_to(folder)


def present() -> set[str]:
    return {name for name in os.listdir(store() / "versions") if not (store() / "versions" / name).is_symlink()}


def test_old_patches_are_listed_with_their_sizes_and_removed(versions: Offer) -> None:
    (store() / "versions" / versions.middle / "large").write_bytes(b"x" * 2_000_000)
    listed = pyv("prune", "--dry-run")
    assert listed.status == 0
    assert [line.split()[0] for line in listed.lines] == [versions.oldest, versions.middle]
    assert listed.lines[1].endswith("2.0 MB")
    assert present() == {*versions[2:]}
    done = pyv("prune", "-y")
    assert (done.status, present()) == (0, {versions.newest})
    assert done.err.splitlines()[-2:] == [f"pyv: {versions.oldest} removed", f"pyv: {versions.middle} removed"]
    again = pyv("prune")
    assert (again.status, again.out, again.err) == (0, "", "pyv: there is nothing to prune\n")
    assert everything_in(store() / "tmp") == set()


def test_without_a_terminal_it_wants_to_be_told(versions: Offer) -> None:
    done = pyv("prune")
    assert (done.status, "Remove 2 versions" in done.err, "-y" in done.err) == (2, True, True)
    assert present() == {*versions[2:]}


@pytest.mark.parametrize(("answer", "stays"), [("n\n", True), ("y\n", False)])
def test_on_a_terminal_prune_asks(versions: Offer, answer: str, *, stays: bool) -> None:
    status, screen = on_terminal("prune", answer=answer, until="[y/N]")
    assert (status == 1) == stays, screen
    assert (versions.oldest in present()) == stays


def global_pin(versions: Offer, _tmp_path: Path) -> None:
    (store() / "version").write_text(f"{versions.oldest}\n")


def pin_of_a_project(versions: Offer, tmp_path: Path) -> None:
    venv(tmp_path / "deep/project/.venv", versions.minor)
    (tmp_path / "deep/.python-version").write_text(f"{versions.newest} {versions.oldest}\n")


def pin_of_a_project_without_its_environment(versions: Offer, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/.python-version").write_text(f"{versions.oldest}\n")
    register(tmp_path / "project/.venv")


def environment_of_a_project(versions: Offer, tmp_path: Path) -> None:
    venv(tmp_path / "project/.venv", versions.oldest)


def environment_by_its_interpreter_alone(versions: Offer, tmp_path: Path) -> None:
    folder = venv(tmp_path / "project/.venv", versions.oldest)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")


def environment_through_another_path(versions: Offer, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(store())
    folder = venv(tmp_path / "project/.venv", versions.oldest)
    (folder / "bin/python").unlink()
    (folder / "pyvenv.cfg").write_text(f"home = {tmp_path}/other/versions/{versions.oldest}/bin\n")


def environment_through_links_of_others(versions: Offer, tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(store() / "versions" / versions.oldest / "bin/python3")
    folder = venv(tmp_path / "project/.venv", versions.oldest)
    (folder / "pyvenv.cfg").write_text(f"home = {tmp_path}\n")
    (folder / "bin/python").unlink()
    (folder / "bin/python").symlink_to("python3")
    (folder / "bin/python3").symlink_to(tmp_path / "python3")


def named_environment(versions: Offer, _tmp_path: Path) -> None:
    venv(store() / "envs/web", versions.oldest, named=True)
    (store() / "versions/web").symlink_to("../envs/web")


def link_of_the_users_own(versions: Offer, _tmp_path: Path) -> None:
    (store() / "versions/mine").symlink_to(versions.oldest)


def short_name_that_is_held(versions: Offer, _tmp_path: Path) -> None:
    assert pyv("upgrade", "-q", "--rollback", versions.oldest).status == 0


def not_installed_by_pyv(versions: Offer, _tmp_path: Path) -> None:
    (store() / "versions" / versions.oldest / ".pyv/receipt.json").unlink()


@pytest.mark.parametrize(
    "refer",
    [
        global_pin,
        pin_of_a_project,
        pin_of_a_project_without_its_environment,
        environment_of_a_project,
        environment_by_its_interpreter_alone,
        environment_through_another_path,
        environment_through_links_of_others,
        named_environment,
        link_of_the_users_own,
        short_name_that_is_held,
        not_installed_by_pyv,
    ],
)
def test_what_is_referred_to_stays(versions: Offer, tmp_path: Path, refer: Callable[[Offer, Path], None]) -> None:
    refer(versions, tmp_path)
    for _ in range(2):
        done = pyv("prune", "-y")
        assert done.status == 0, done.err
        assert versions.oldest in present()
    assert versions.middle not in present()


def test_the_pin_that_holds_here_keeps_its_version(versions: Offer, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(versions.oldest)
    pyv("prune", "-y", cwd=tmp_path)
    assert versions.oldest in present()
    (tmp_path / ".python-version").unlink()
    pyv("prune", "-y", cwd=tmp_path, PYV_VERSION=versions.oldest)
    assert versions.oldest in present()
    pyv("prune", "-y", cwd=tmp_path)
    assert versions.oldest not in present()


def test_a_pin_that_cannot_be_read_is_named(versions: Offer, tmp_path: Path) -> None:
    venv(tmp_path / "project/.venv", versions.minor)
    (tmp_path / "project/.python-version").write_text("!\n")
    done = pyv("prune", "--dry-run")
    assert (done.status, f"{tmp_path}/project/.python-version" in done.err) == (0, True)


def test_environments_that_are_gone_are_forgotten(versions: Offer, tmp_path: Path) -> None:
    kept = venv(tmp_path / "kept/.venv", versions.minor)
    gone = venv(tmp_path / "gone/.venv", versions.oldest)
    shutil.rmtree(gone)
    done = pyv("prune", "-n")
    assert f"there is no environment {gone} any more" in done.err
    assert len(os.listdir(store() / "venvs")) == 2
    assert "forget 1 environment?" in pyv("prune").err
    assert pyv("prune", "-y").status == 0
    assert [os.readlink(each) for each in (store() / "venvs").iterdir()] == [str(kept)]
    assert present() == {versions.newest}


def test_what_was_pruned_may_come_back_by_itself(versions: Offer) -> None:
    assert pyv("prune", "-y").status == 0
    assert not (store() / "removed").exists() or versions.oldest not in (store() / "removed").read_text()
    assert pyv("uninstall", "-y", versions.newest).status == 0
    assert versions.newest in (store() / "removed").read_text()


@pytest.mark.usefixtures("mirror")
def test_what_runs_stays_be_it_pyv_itself(offered: Offer, tmp_path: Path) -> None:
    pyv("install", "-q", *offered[2:])
    packages = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "src")))
    running = subprocess.Popen([python_of(offered.oldest), "-c", "input()"], stdin=subprocess.PIPE)
    try:
        done = subprocess.run(
            [python_of(offered.middle), "-m", "pyv", "prune", "-y"],
            env=environment(PYTHONPATH=packages),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "pyv: there is nothing to prune\n")
    finally:
        running.communicate(b"\n")
    site = next((store() / "versions" / offered.oldest).glob("lib/python3*/site-packages"))
    (site / "requests-2.32.0.dist-info").mkdir()
    pruned = pyv("prune", "-y", cwd=tmp_path)
    assert f"{offered.oldest} has packages of its own, which go with it: requests 2.32.0" in pruned.err
    assert present() == {offered.newest}
