"""Stores of others: what stands in them is linked, serves many users, and nothing is ever written there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pyv.cli.app import App
from pyv.cli.progress import Silent
from pyv.install import Options
from tests.support.command import PYV, Result, pyv, store
from tests.support.stores import know, make_environment, make_version, program
from tests.support.users import User, make_tool, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Offer

ROOT = os.geteuid() == 0
SOMEBODY = 54321
PAGE = Path(__file__).parents[1] / "docs/shared.md"


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything about everything in a folder, but for when it was last read."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        is_link = path.is_symlink()
        content = (
            os.readlink(path) if is_link else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        )
        each = path.lstat()
        found[str(path)] = (each.st_mode, each.st_uid, each.st_size, each.st_mtime_ns, each.st_ctime_ns, content)
    return found


# Made to measure: nothing in these stores runs but a script that tells its own path


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a shared store with one version, which is the one that PYV_SHARED names."""
    root = tmp_path / "lab"
    make_version(root, "3.12.7", links=("3.12", "3"))
    monkeypatch.setenv("PYV_SHARED", str(root))
    monkeypatch.setenv("PYV_OFFLINE", "1")
    return root


def linked(name: str) -> str:
    return os.readlink(store() / "versions" / name)


def test_a_link_takes_the_place_of_no_file(lab: Path) -> None:
    path = store() / "versions/3.12.7"
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    result = pyv("install", "3.12", PYV_SHARED=str(lab))
    assert (result.status, f"{path} is no folder" in result.err) == (1, True)
    assert path.read_text() == "precious"


def test_the_newest_match_of_all_shared_stores_is_linked_and_of_equals_the_nearest(tmp_path: Path, lab: Path) -> None:
    far = tmp_path / "far"
    for name in ("3.12.7", "3.12.9", "3.11.4"):
        make_version(far, name)
    both = {"PYV_SHARED": f"{tmp_path}/nowhere:{lab}:{far}"}
    assert pyv("install", "3.12.7", **both).status == 0
    assert linked("3.12.7") == f"{lab}/versions/3.12.7"
    result = pyv("install", "3.12", **both)
    assert (result.status, "3.12.9 linked from a shared store" in result.err) == (0, True)
    assert (linked("3.12.9"), linked("3.12")) == (f"{far}/versions/3.12.9", "3.12.9")
    assert pyv("install", ">=3.10,<3.12", **both).status == 0
    assert linked("3.11.4") == f"{far}/versions/3.11.4"
    assert "is already installed" in pyv("install", "3.12", **both).err


def test_the_users_file_names_a_shared_store_too(tmp_path: Path, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYV_SHARED")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "pyv/config.toml"
    file.parent.mkdir()
    file.write_text(f'shared = ["{lab}"]\n')
    assert pyv("install", "3.12", PYV_SHARED="").status != 0
    assert pyv("install", "3.12").status == 0
    assert linked("3.12.7") == f"{lab}/versions/3.12.7"
    (lab / "versions/3.12.7").rename(lab / "gone")
    assert f"3.12.7 is gone from the shared store {lab}" in pyv("prefix", "3.12.7").err
    file.write_text('shared = "lab"\n')
    result = pyv("install", "3.12")
    assert (result.status, f"{file}: shared has 'lab'" in result.err) == (2, True)


def test_a_shared_store_is_asked_what_a_short_name_means_there(lab: Path) -> None:
    """An owner who has gone back to an older patch knows why."""
    make_version(lab, "3.12.8")
    assert pyv("install", "3.12").status == 0
    assert linked("3.12") == "3.12.7"


def test_what_this_machine_or_this_user_cannot_start_is_passed_over(tmp_path: Path, lab: Path) -> None:
    other = make_version(lab, "3.12.8")
    (other / ".pyv").mkdir()
    (other / ".pyv/receipt.json").write_text('{"platform": "windows-x86_64-none"}')
    make_version(tmp_path / "far", "3.12.5")
    for each in (lab / "versions/3.12.7/bin").iterdir():
        each.chmod(0o644)
    (lab / "versions/3.12").unlink()
    assert pyv("install", "3.12", PYV_SHARED=f"{lab}:{tmp_path / 'far'}").status == 0
    assert linked("3.12") == "3.12.5"


def test_whoever_is_ahead_of_the_shared_stores_stays_so(offered: Offer, tmp_path: Path) -> None:
    make_version(tmp_path / "lab", offered.oldest)
    make_version(store(), offered.newest, links=(offered.minor,))
    shared = {"PYV_SHARED": str(tmp_path / "lab"), "PYV_MIRROR": str(offered.folder)}
    assert f"{offered.newest} is already installed" in pyv("install", offered.minor, **shared).err
    assert pyv("outdated", **shared).status == 0


def test_upgrade_follows_the_shared_store_and_so_does_outdated(offered: Offer, tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    shared = {"PYV_SHARED": str(lab), "PYV_MIRROR": str(offered.folder)}
    make_version(lab, offered.oldest)
    assert pyv("install", offered.minor, **shared).status == 0
    assert pyv("outdated", **shared).status == 0, "what the shared store has is as new as can be had"
    assert "up to date" in pyv("upgrade", **shared).err
    make_version(lab, offered.middle)
    result = pyv("outdated", **shared)
    assert (result.status, result.out.split()) == (1, [offered.minor, offered.oldest, "->", offered.middle])
    result = pyv("upgrade", **shared)
    assert (result.status, f"{offered.middle} linked: " in result.err) == (0, True)
    assert linked(offered.minor) == offered.middle
    assert linked(offered.middle) == f"{lab}/versions/{offered.middle}"
    assert pyv("upgrade", "--rollback", offered.minor).status == 0
    assert linked(offered.minor) == offered.oldest


def test_only_the_link_is_uninstalled(lab: Path) -> None:
    pyv("install", "3.12")
    before = state(lab)
    result = pyv("uninstall", "-y", "3.12")
    assert (result.status, "3.12.7 removed" in result.err) == (0, True)
    assert os.listdir(store() / "versions") == []
    assert state(lab) == before


def test_what_is_listed_names_the_place_that_a_version_is_linked_to(lab: Path) -> None:
    pyv("install", "3.12")
    own = store() / "versions/3.12.7"
    assert f"  3.12.7 --> {lab}/versions/3.12.7" in pyv("versions").lines
    (listed,) = pyv("versions", "--json").json["versions"]
    assert (listed["linked_to"], listed["aliases"]) == (f"{lab}/versions/3.12.7", ["3", "3.12"])
    (row,) = [each for each in pyv("list", "3.12", "--json").json["versions"] if each["installed"]]
    assert (row["name"], row["path"]) == ("3.12.7", str(own))
    assert pyv("prefix", "3.12").lines == [str(own)]
    assert pyv("which", "python", PYV_VERSION="3.12").lines == [f"{own}/bin/python"]
    (lab / "versions/3.12.7/.pyv").mkdir()
    (lab / "versions/3.12.7/.pyv/receipt.json").write_text("{}")
    refused = pyv("repair", "3.12")
    assert (refused.status, f"its owner types: PYV_ROOT={lab} pyv repair 3.12.7\n" in refused.err) == (5, True)


class Scene(NamedTuple):
    """A project that is pinned to a shared version, one with an environment on it, and a shim."""

    pinned: Path
    venv: Path
    shim: Path


@pytest.fixture
def scene(lab: Path, tmp_path: Path) -> Scene:
    pyv("install", "3.12")
    pinned, other = tmp_path / "pinned", tmp_path / "other"
    pinned.mkdir()
    (pinned / ".python-version").write_text("3.12\n")
    venv = make_environment(other / ".venv", store() / "versions/3.12/bin")
    know(store(), venv)
    assert lab.exists()
    return Scene(pinned, venv, store() / "shims/python")


def run_shim(shim: Path, cwd: Path) -> Result:
    done = subprocess.run(
        [shim, "-V"], cwd=cwd, env={**os.environ, "PWD": str(cwd)}, capture_output=True, text=True, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def every_way(scene: Scene) -> dict[str, Result]:
    """Ask for the version in every way that there is."""
    return {
        "shim": run_shim(scene.shim, scene.pinned),
        "exec": pyv("exec", "python", cwd=scene.pinned),
        "which": pyv("which", "python", cwd=scene.pinned),
        "version": pyv("version", cwd=scene.pinned),
        "prefix": pyv("prefix", cwd=scene.pinned),
        "prefix 3.12": pyv("prefix", "3.12"),
        "verify 3.12": pyv("verify", "3.12"),
        "upgrade 3.12": pyv("upgrade", "3.12"),
        "upgrade": pyv("upgrade"),
        "shim in venv": run_shim(scene.shim, scene.venv.parent),
        "which in venv": pyv("which", "python", cwd=scene.venv.parent),
    }


def test_a_version_that_disappears_is_named_with_its_store_and_what_to_type(lab: Path, scene: Scene) -> None:
    shutil.rmtree(lab / "versions/3.12.7")
    make_version(lab, "3.12.8")
    (lab / "versions/3.12").unlink()
    (lab / "versions/3.12").symlink_to("3.12.8")
    for way, result in every_way(scene).items():
        assert f"3.12.7 is gone from the shared store {lab}" in result.err, way
        assert "to have one again: pyv install 3.12\n" in result.err, way
        expected = 127 if way.startswith(("shim", "exec", "which")) else 3
        assert (way, result.status, result.out) == (way, expected, "")
    assert f"pinned by {scene.pinned}/.python-version" in pyv("which", "python", cwd=scene.pinned).err
    assert f"{scene.venv} has lost its Python" in run_shim(scene.shim, scene.venv.parent).err
    listed = pyv("versions")
    assert f"3.12.7 is gone from the shared store {lab}" in listed.err
    assert "3.12.7 -->" not in listed.out
    found = pyv("doctor").out
    assert (
        f"{store()}/versions/3.12.7 leads to {lab}/versions/3.12.7: 3.12.7 is gone from the shared store {lab}" in found
    )
    assert f"the environment {scene.venv} has lost its interpreter" in found
    assert "has lost its interpreter" in pyv("venvs").out
    # What they are told to type helps them all
    assert pyv("install", "3.12").status == 0
    assert run_shim(scene.shim, scene.pinned).lines == [f"{store()}/versions/3.12/bin/python", "-V"]
    assert run_shim(scene.shim, scene.venv.parent).status == 0
    assert pyv("uninstall", "-y", "3.12.7").status == 0
    assert "3.12.7" not in pyv("doctor").out


def test_a_command_of_a_version_that_disappeared_is_not_taken_from_another_place(
    lab: Path, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(store(), "3.11.4", links=("3.11",))
    program(tmp_path / "bin/python3.12")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "pinned-elsewhere").mkdir()
    (tmp_path / "pinned-elsewhere/.python-version").write_text("3.11\n")
    shutil.rmtree(lab / "versions/3.12.7")
    for folder in (tmp_path, tmp_path / "pinned-elsewhere"):
        for result in (run_shim(scene.shim.with_name("python3.12"), folder), pyv("which", "python3.12", cwd=folder)):
            assert (result.status, result.out) == (127, "")
            assert f"3.12.7 is gone from the shared store {lab}" in result.err
            assert "to have one again: pyv install 3.12\n" in result.err


def test_a_shared_store_that_cannot_be_reached_is_told_and_all_is_well_when_it_is_back(
    lab: Path, scene: Scene, tmp_path: Path
) -> None:
    (lab / "versions").rename(tmp_path / "unmounted")
    for way, result in every_way(scene).items():
        assert f"3.12.7 is in the shared store {lab}, which cannot be reached" in result.err, way
        assert "mount it, or to have one again: pyv install 3.12\n" in result.err, way
    make_version(tmp_path / "second", "3.11.4")
    assert pyv("install", "3.11", PYV_SHARED=f"{tmp_path / 'second'}").status == 0, "and the links are made anew"
    pyv("doctor", "--fix")
    pyv("rehash")
    assert run_shim(scene.shim, scene.pinned).status == 127, "the system's Python never stands in for it"
    (tmp_path / "unmounted").rename(lab / "versions")
    for way, result in every_way(scene).items():
        assert result.status == 0 or way in ("verify 3.12", "upgrade"), way  # no manifest; nothing newer
    assert linked("3.12") == "3.12.7"


def test_without_the_variable_the_folder_is_named(lab: Path, scene: Scene) -> None:
    shutil.rmtree(lab / "versions/3.12.7")
    result = pyv("which", "python", cwd=scene.pinned, PYV_SHARED="")
    assert (result.status, f"3.12.7 is gone from {lab}/versions, pinned by" in result.err) == (127, True)


def test_auto_install_links_again_what_has_disappeared(lab: Path, scene: Scene) -> None:
    shutil.rmtree(lab / "versions/3.12.7")
    make_version(lab, "3.12.8")
    result = pyv("exec", "python", cwd=scene.pinned, PYV_AUTO_INSTALL="always")
    assert (result.status, "3.12.8 linked" in result.err) == (0, True)


@pytest.mark.parametrize("same", [True, False])
def test_a_locked_build_is_linked_if_it_is_the_one_that_stands_there(
    offered: Offer, tmp_path: Path, *, same: bool
) -> None:
    """What counts is the archive that a version was made from, and not its name alone."""
    lab = tmp_path / "lab"
    variables = {"PYV_SHARED": str(lab), "PYV_MIRROR": str(offered.folder)}
    app = App({**os.environ, **variables}, "/", lambda _step: None)
    build = next(each for each in app.index.builds() if each.version.name == offered.oldest)
    receipt = {"platform": build.platform.key, "sha256": build.sha256 if same else "0" * 64}
    (make_version(lab, offered.oldest) / ".pyv").mkdir()
    (lab / "versions" / offered.oldest / ".pyv/receipt.json").write_text(json.dumps(receipt))
    outcome = app.installer().install_build(build, Options(), Silent())
    assert outcome.what == ("linked" if same else "installed")


# Real ones: an interpreter that belongs to somebody else, used by people who can write nothing there


class Lab(NamedTuple):
    """A machine with a shared store: its folder, the store, and how everybody runs pyv."""

    folder: Path
    root: Path
    tool: tuple[str, ...]


@pytest.fixture(scope="module")
def machine(offered: Offer) -> Iterator[Lab]:
    """Make a store as its owner does; below /tmp, for pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="pyv-lab-"))
    folder.chmod(0o755)
    root = folder / "opt/pyv"
    try:
        owner = {"PATH": os.environ["PATH"], "HOME": str(folder / "owner"), "PYV_ROOT": str(root)}
        variables = {**owner, "PYV_MIRROR": str(offered.folder), "PYV_CACHE_DIR": str(folder / "cache")}
        (folder / "owner").mkdir(mode=0o700)
        subprocess.run([*PYV, "install", "-q", offered.oldest], env=variables, check=True)
        tool = make_tool(root / "versions" / offered.oldest / "bin/python3", folder / "tool")
        # Nobody else can take a lock in it, or look where its owner works
        for name in ("locks", "tmp"):
            (root / name).chmod(0o700)
        yield Lab(folder, root, tool)
    finally:
        shutil.rmtree(folder)


def somebody(machine: Lab, number: int) -> User:
    """Return another user, who is to use the shared store."""
    if not ROOT:
        pytest.skip("only root can become another user")
    user = make_user(number, machine.folder, machine.tool, PYV_SHARED=str(machine.root), PYV_OFFLINE="1")
    if user.types("--version").status:
        pytest.skip("the tests, or what they need, lie where other users cannot look")
    return user


def test_another_user_works_with_a_shared_version_and_writes_nothing_there(machine: Lab, offered: Offer) -> None:
    user = somebody(machine, SOMEBODY)
    before = state(machine.root)
    result = user.types("install", offered.minor)
    assert (result.status, f"{offered.oldest} linked from a shared store" in result.err) == (0, True), result.err
    name, versions = offered.oldest, user.store / "versions"
    assert os.readlink(versions / name) == f"{machine.root}/versions/{name}"
    assert os.readlink(versions / offered.minor) == name
    project = user.home / "my project"
    assert user.run("mkdir", project).status == 0
    assert user.types("local", offered.minor, cwd=project).status == 0
    assert user.types("which", "python", cwd=project).lines == [f"{versions}/{name}/bin/python"]
    assert user.types("prefix", cwd=project).lines == [f"{versions}/{name}"]
    assert user.types("versions", "--bare", "--skip-aliases").lines == [name]
    assert user.types("verify", "--full", name).status == 0
    assert [each["installed"] for each in user.types("list", name, "--json").json["versions"]] == [True]
    # Imports that would leave bytecode behind, and a refused pip
    asked = "import sys, ssl, json, sqlite3, unittest, xml.dom.minidom; print(sys.prefix, sys.dont_write_bytecode)"
    assert user.run("python", "-c", asked, cwd=project).lines == [f"{versions}/{offered.minor} False"]
    refused = user.run("pip", "install", "--no-index", "anything", cwd=project)
    assert (refused.status, "pyv venv" in refused.err) == (1, True)
    # An environment on it, by the user's own short name
    made = user.types("venv", cwd=project)
    assert made.status == 0, made.err
    settings = dict(line.split(" = ") for line in (project / ".venv/pyvenv.cfg").read_text().splitlines())
    assert settings["home"] == f"{versions}/{offered.minor}/bin"
    assert str(machine.root) not in (project / ".venv/pyvenv.cfg").read_text()
    assert user.run("python", "-c", "import sys; print(sys.prefix)", cwd=project).lines == [f"{project}/.venv"]
    assert user.run(project / ".venv/bin/python", "-m", "pip", "--version").status == 0
    assert user.run("pip", "--version", cwd=project).status == 0
    found = user.types("doctor", "--json").json["findings"]
    assert not [each for each in found if str(machine.root) in each["message"]], found
    assert not [each for each in found if each["level"] == "problem" and each["check"] != "path"], found
    assert user.types("uninstall", "-y", "--force", name).status == 0
    assert state(machine.root) == before


def test_pyv_writes_nothing_there_even_for_the_owner(
    machine: Lab, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image that is built and used by root, who may write everywhere."""
    monkeypatch.setenv("PYV_SHARED", str(machine.root))
    monkeypatch.setenv("PYV_OFFLINE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    before = state(machine.root)
    for words in (["install", offered.minor], ["venv", tmp_path / "venv"], ["verify"], ["doctor"], ["rehash"]):
        assert pyv(*words).status in (0, 1), words
    assert (tmp_path / "venv/bin/pip").exists()
    assert pyv("uninstall", "-y", "-f", offered.oldest).status == 0
    assert state(machine.root) == before


def test_many_users_can_begin_at_the_same_time(machine: Lab, offered: Offer) -> None:
    users = [somebody(machine, SOMEBODY + number) for number in range(1, 5)]
    before = state(machine.root)
    for words in (["install", offered.minor], ["venv", "--without-pip"]):
        started = [user.start(*user.pyv, *words) for user in users]
        for process in started:
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
    for user in users:
        assert user.run(user.home / ".venv/bin/python", "-c", "print(6 * 7)").lines == ["42"]
    assert state(machine.root) == before


# What docs/shared.md says


def commands_of(heading: str) -> list[str]:
    """Return the indented lines of a section of the page."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    section = re.sub(r"^```.*?^```$", "", section, flags=re.DOTALL | re.MULTILINE)
    return [line.strip() for line in section.splitlines() if line.startswith("    ")]


def program_of(folder: Path, command: tuple[str, ...]) -> Path:
    """Make the command `pyv`, and return its folder."""
    folder.mkdir()
    (folder / "pyv").write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    (folder / "pyv").chmod(0o755)
    return folder


def as_written_for(lab: Path, minor: str, text: str) -> str:
    return text.replace("/opt/pyv", f"{lab}/pythons").replace("/home/app", f"{lab}/app").replace("3.12", minor)


def test_the_page_about_shared_stores_is_true(machine: Lab, offered: Offer, tmp_path: Path) -> None:
    bin_folder = program_of(machine.folder / "bin", machine.tool)
    user = make_user(None, tmp_path, (), PYV_MIRROR=str(offered.folder))
    path = f"{bin_folder}:{user.environment()['PATH']}"
    root = machine.folder / "pythons"
    said = {}
    for heading in ("The owner", "The users", "When something changes there"):
        lines = ["set -e", "export PYV_SHARED", *commands_of(heading)]
        assert len(lines) > 2, heading
        script = as_written_for(machine.folder, offered.minor, "\n".join(lines))
        shared = str(root) if heading.startswith("When") else ""
        result = user.run("sh", "-c", script, PATH=path, PYV_SHARED=shared)
        assert result.status == 0, (heading, result)
        said[heading] = result
        if heading == "The owner":
            before = state(root)
    assert f"{offered.newest} --> {root}/versions/{offered.newest}" in said["The users"].out
    assert not (user.store / "versions" / offered.newest).is_symlink(), "at last there is a copy, open to pip"
    assert state(root) == before
    for file in ("EXTERNALLY-MANAGED", "__pycache__/os.cpython-*.pyc"):
        assert list((root / "versions" / offered.newest).glob(f"lib/python3*/{file}"))


def test_the_image_of_the_page_works_for_a_user_without_a_name(machine: Lab, offered: Offer) -> None:
    somebody(machine, 1000)
    block = PAGE.read_text().partition("```Dockerfile\n")[2].partition("```")[0]
    bin_folder = machine.folder / "bin-of-image"
    env = {"PATH": f"{program_of(bin_folder, machine.tool)}:/usr/bin:/bin", "HOME": str(machine.folder / "owner")}
    env |= {"PYV_MIRROR": str(offered.folder), "PYV_CACHE_DIR": str(machine.folder / "cache")}
    user: int | None = None
    cwd = machine.folder
    for line in as_written_for(machine.folder, offered.minor, block).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "ENV":
            for word in rest.split():
                name, _, value = word.partition("=")
                env[name] = value.replace("$PATH", env["PATH"])
        elif instruction == "USER":
            user = int(rest.partition(":")[0])
        elif instruction == "WORKDIR":
            cwd = Path(rest)
        else:
            assert instruction == "RUN"
            groups: list[int] | None = None if user is None else []
            done = subprocess.run(
                ["sh", "-c", rest],
                env=env,
                cwd=cwd,
                user=user,
                group=user,
                extra_groups=groups,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (line, done.stderr)
    assert f"{cwd}/.venv" in done.stdout
