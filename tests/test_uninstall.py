"""Uninstalling what environments and processes need, and named environments."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import environment, everything_in, python_of, pyv, says, store
from tests.support.stores import make_version

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Offer

pytestmark = pytest.mark.usefixtures("mirror", "pip_at_hand")


def make(venv: Path, request: str) -> Path:
    done = pyv("venv", "-q", "--without-pip", "-p", request, venv)
    assert done.status == 0, done.err
    return venv


def named(name: str, request: str) -> Path:
    folder = make(store() / "envs" / name, request)
    (store() / "versions" / name).symlink_to(f"../envs/{name}")
    assert pyv("rehash").status == 0
    return folder


def test_environments_on_an_exact_version_keep_it_from_going(offered: Offer, tmp_path: Path) -> None:
    pyv("install", "-q", offered.oldest, offered.newest)
    exact = make(tmp_path / "exact", offered.newest)
    moving = make(tmp_path / "moving", offered.minor)
    web = named("web", offered.newest)
    done = pyv("uninstall", "-y", offered.newest)
    assert done.status == 1
    assert f"the environment {exact} is made from it" in done.err
    assert f"the environment {web} is made from it" in done.err
    assert (str(moving) in done.err, "--force" in done.err) == (False, True)
    # The one on the short name lives on, for another patch is there
    assert pyv("uninstall", "-y", "--force", offered.newest).status == 0
    assert says(moving / "bin/python", "print(1)") == "1"
    assert not os.path.exists(exact / "bin/python")


def test_the_last_patch_is_kept_by_environments_on_the_short_name(offered: Offer, tmp_path: Path) -> None:
    pyv("install", "-q", offered.oldest)
    moving = make(tmp_path / "moving", offered.minor)
    web = named("web", offered.minor)
    done = pyv("uninstall", "-y", offered.oldest)
    assert done.status == 1
    assert f"the environment {moving} is made from it" in done.err
    assert f"the environment {web} is made from it" in done.err
    pyv("install", "-q", offered.newest)
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert says(moving / "bin/python", "print(1)") == says(web / "bin/python", "print(1)") == "1"


def test_a_process_in_an_environment_keeps_its_version(offered: Offer, tmp_path: Path) -> None:
    pyv("install", "-q", offered.oldest, offered.newest)
    moving = make(tmp_path / "moving", offered.minor)
    process = subprocess.Popen([moving / "bin/python", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        done = pyv("uninstall", "-y", offered.newest)
        assert (done.status, f"processes run on it: {process.pid}" in done.err) == (1, True)
    finally:
        process.communicate(b"\n")
    assert pyv("uninstall", "-y", offered.newest).status == 0


def test_a_process_keeps_the_version_that_has_replaced_its_own(offered: Offer) -> None:
    pyv("install", "-q", offered.oldest)
    process = subprocess.Popen([python_of(offered.oldest), "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert pyv("install", "-q", "--force", offered.oldest).status == 0
        done = pyv("uninstall", "-y", offered.oldest)
        assert (done.status, f"processes run on it: {process.pid}" in done.err) == (1, True)
        assert pyv("install", "-q", offered.newest).status == 0
        assert pyv("prune", "-y").err == "pyv: there is nothing to prune\n"
    finally:
        process.communicate(b"\n")
    assert pyv("uninstall", "-y", offered.oldest).status == 0


def test_a_named_environment_goes_with_its_folder_and_what_is_known_of_it(offered: Offer) -> None:
    pyv("install", "-q", offered.oldest)
    web, other = named("web", offered.minor), named("other", offered.minor)
    assert len(list((store() / "venvs").glob("[0-9a-f]*"))) == 2
    done = pyv("uninstall", "-y", "web")
    assert (done.status, done.err) == (0, "pyv: web removed\n")
    assert not os.path.lexists(web)
    assert not os.path.lexists(store() / "versions/web")
    assert [os.readlink(each) for each in (store() / "venvs").glob("[0-9a-f]*")] == [str(other)]
    assert everything_in(store() / "tmp") == set()
    assert "web" not in pyv("versions").out
    assert pyv("uninstall", "-y", "web").status == 3


def test_a_folder_that_is_called_like_a_request_is_what_goes(tmp_path: Path) -> None:
    make_version(store(), "3.12.7", links=("3.12", "3"))
    elsewhere = make_version(tmp_path / "far", "3.12.9")
    for name in ("v3.12", "cp312", "3.12-b2", "python-3.12"):
        (store() / "versions" / name).symlink_to(elsewhere)
        assert pyv("prefix", name).lines == [f"{store()}/versions/{name}"]
        result = pyv("uninstall", "-y", name)
        assert (result.status, result.err) == (0, f"pyv: {name} removed\n")
        (store() / "versions" / name).symlink_to(tmp_path / "gone")
        assert pyv("uninstall", "-y", name).status == 0
    assert sorted(os.listdir(store() / "versions")) == ["3", "3.12", "3.12.7"]


@pytest.mark.parametrize("start", ["envs/web", "versions/web"])
def test_a_named_environment_in_use_is_spared_unless_forced(offered: Offer, start: str) -> None:
    pyv("install", "-q", offered.oldest)
    web = named("web", offered.minor)
    process = subprocess.Popen([store() / start / "bin/python", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        done = pyv("uninstall", "-y", "web")
        assert (done.status, f"processes run on it: {process.pid}" in done.err) == (1, True)
        assert web.exists()
        assert pyv("uninstall", "-y", "--force", "web").status == 0
    finally:
        process.communicate(b"\n")
    assert not web.exists()


def test_what_a_killed_uninstall_left_of_a_named_environment_can_be_removed(offered: Offer) -> None:
    pyv("install", "-q", offered.oldest)
    web = named("web", offered.minor)
    web.rename(web.with_name("elsewhere"))
    assert pyv("uninstall", "-y", "web").status == 0
    assert not os.path.lexists(store() / "versions/web")
    assert list((store() / "venvs").glob("[0-9a-f]*")) == []


def test_the_environment_that_pyv_runs_in_stays(offered: Offer) -> None:
    pyv("install", "-q", offered.oldest)
    web = named("web", offered.minor)
    packages = os.pathsep.join(path for path in sys.path if path.endswith(("site-packages", "src")))
    done = subprocess.run(
        [web / "bin/python", "-m", "pyv", "uninstall", "-y", "--force", "web"],
        env=environment(PYTHONPATH=packages),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "pyv itself runs on web" in done.stderr) == (1, True), done.stderr
    assert web.exists()
