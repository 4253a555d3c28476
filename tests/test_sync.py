"""`pyv sync`: from a fresh clone to a project that runs, and nothing at all where nothing has changed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.cli.app import App
from pyv.errors import PyvError
from pyv.layout import Layout
from pyv.sync import Options, Stamp, find, inside
from pyv.sync.requirements import follow
from tests.support.command import Result, pyv, store
from tests.support.environments import PYTHONS, RUNNING, settings
from tests.support.server import Fault, Server
from tests.support.wheels import locked, project, wheel

if TYPE_CHECKING:
    from pyv.catalogue import Build
    from tests.conftest import Offer

pytestmark = pytest.mark.usefixtures("pip_at_hand")

MINOR = ".".join(RUNNING.split(".")[:2])
OTHER = next((version for version in PYTHONS if not version.startswith(f"{MINOR}.")), "")
NOTHING_TO_DO = "nothing to do"
# Its backend reads TOML with the standard library
builds = pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python reads no TOML by itself")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with packages: `app` needs `base`, and `tool` needs nothing."""
    folder = tmp_path / "wheels"
    wheel(folder, "app", requires=["base>=1"])
    for name, version in (("base", "1.0"), ("tool", "1.0"), ("tool", "2.0"), ("other", "1.0")):
        wheel(folder, name, version)
    return folder


@pytest.fixture
def clone(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project that was just cloned; pip has no index but the wheels."""
    assert pyv("link", RUNNING, PYTHONS[RUNNING]).status == 0
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    folder = tmp_path / "my clone"
    folder.mkdir()
    (folder / ".python-version").write_text(f"{MINOR}\n")
    return folder


def sync(folder: Path, *arguments: str, **changes: str) -> str:
    done = pyv("sync", *arguments, cwd=folder, **changes)
    assert done.status == 0, done.err + done.out
    return done.err.splitlines()[-1] if done.err else ""


def refused(folder: Path, *arguments: str, status: int = 1, **changes: str) -> Result:
    done = pyv("sync", *arguments, cwd=folder, **changes)
    assert done.status == status, done.err + done.out
    return done


def site(folder: Path) -> Path:
    return folder / f".venv/lib/python{MINOR}/site-packages"


def packages(folder: Path) -> dict[str, str]:
    """Return what is installed besides what every new environment has."""
    found = dict(path.name.removesuffix(".dist-info").split("-", 1) for path in site(folder).glob("*.dist-info"))
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools")}


def test_a_fresh_clone_runs_after_one_command_and_the_second_one_starts_nothing(clone: Path) -> None:
    (clone / "requirements.txt").write_text("app\ntool<2  # not yet\n")
    assert f"{clone}/.venv is in line with requirements.txt, after " in sync(clone)
    assert packages(clone) == {"app": "1.0", "base": "1.0", "tool": "1.0"}
    assert subprocess.run([clone / ".venv/bin/tool"], capture_output=True, check=True).stdout == b"1.0\n"
    assert pyv("which", "tool", cwd=clone).out == f"{clone}/.venv/bin/tool\n"
    (site(clone) / "sitecustomize.py").write_text(f"open({str(clone / 'started')!r}, 'w').close()\n")
    done = pyv("sync", cwd=clone)
    assert done == (0, "", f"pyv: {clone}/.venv is in line with requirements.txt: nothing to do\n")
    assert not (clone / "started").exists()
    sync(clone, "--dev")
    assert (clone / "started").exists()


def test_a_change_in_any_file_that_counts_is_noticed(clone: Path) -> None:
    (clone / "parts").mkdir()
    (clone / "requirements.txt").write_text("-r parts/more.txt\n")
    (clone / "parts/more.txt").write_text("--constraint=../limits.txt\ntool\n")
    (clone / "limits.txt").write_text("tool==1.0\n")
    sync(clone)
    assert packages(clone) == {"tool": "1.0"}
    (clone / "limits.txt").write_text("tool==2.0\n")
    sync(clone)
    assert packages(clone) == {"tool": "2.0"}
    (clone / "parts/more.txt").write_text("tool\nother\n")
    sync(clone)
    assert packages(clone) == {"tool": "2.0", "other": "1.0"}
    assert NOTHING_TO_DO in sync(clone)
    (clone / ".python-version").write_text(f"{RUNNING}\n")
    assert NOTHING_TO_DO not in sync(clone)
    assert NOTHING_TO_DO in sync(clone)


@pytest.mark.skipif(not OTHER, reason="there is no other Python on this machine")
def test_a_pin_that_is_not_beside_the_environment_does_not_move_it_to_another_version(clone: Path) -> None:
    assert pyv("link", OTHER, PYTHONS[OTHER]).status == 0
    (clone / "requirements.txt").write_text("tool<2\n")
    sync(clone)
    (clone / ".python-version").unlink()
    for pin in (store() / "version", clone.parent / ".python-version"):
        pin.write_text(f"{OTHER}\n")
    (clone / "requirements.txt").write_text("tool>1\n")
    assert "left alone" in pyv("sync", cwd=clone).err
    assert packages(clone) == {"tool": "2.0"}


def test_what_was_changed_by_hand_is_noticed(clone: Path) -> None:
    (clone / "requirements.txt").write_text("app\n")
    sync(clone)
    subprocess.run([clone / ".venv/bin/pip", "uninstall", "-qy", "base"], check=True)
    sync(clone)
    assert packages(clone) == {"app": "1.0", "base": "1.0"}
    (clone / ".venv/bin/python").unlink()
    sync(clone)
    assert subprocess.run([clone / ".venv/bin/app"], capture_output=True, check=True).stdout == b"1.0\n"


@pytest.mark.parametrize("is_locked", [False, True])
def test_force_brings_back_files_that_were_lost(clone: Path, wheels: Path, *, is_locked: bool) -> None:
    if is_locked:
        (clone / "pylock.toml").write_text(locked(wheels / "tool-2.0-py3-none-any.whl"))
    else:
        (clone / "requirements.txt").write_text("tool\n")
    sync(clone)
    lost = site(clone) / "tool/__init__.py"
    lost.unlink()
    assert NOTHING_TO_DO in sync(clone)
    assert NOTHING_TO_DO not in sync(clone, "--force")
    assert lost.exists()
    assert packages(clone) == {"tool": "2.0"}
    assert NOTHING_TO_DO in sync(clone)
    lost.unlink()
    sync(clone, "-f")
    assert lost.exists()


@pytest.mark.parametrize("name", ["requirements-dev.txt", "requirements/dev.txt"])
def test_what_development_needs_comes_with_dev(clone: Path, name: str) -> None:
    (clone / "requirements").mkdir()
    (clone / "requirements.txt").write_text("tool\n")
    (clone / name).write_text("other\n")
    sync(clone)
    assert packages(clone) == {"tool": "2.0"}
    sync(clone, "--dev")
    assert packages(clone) == {"tool": "2.0", "other": "1.0"}


def test_dev_takes_the_group_dev_beside_requirements_txt(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool<2\n")
    (clone / "pyproject.toml").write_text('[dependency-groups]\nDev = ["other"]\n')
    sync(clone)
    assert packages(clone) == {"tool": "1.0"}
    sync(clone, "--dev", "--exact")
    assert packages(clone) == {"tool": "1.0", "other": "1.0"}


@builds
@pytest.mark.parametrize("own", ["", "-e .[test]\n"])
def test_dev_adds_to_a_project_that_lists_only_its_development_in_a_file(clone: Path, own: str) -> None:
    extra = '[project.optional-dependencies]\ntest = ["app"]\n'
    project(clone, f'dependencies = ["base"]\n{extra}[dependency-groups]\ndev = ["tool<2"]\n')
    (clone / "requirements-dev.txt").write_text(f"{own}other\n")
    mine = {"mine": "1.0", "base": "1.0"}
    sync(clone)
    assert packages(clone) == mine
    developed = {**mine, "tool": "1.0", "other": "1.0", **({"app": "1.0"} if own else {})}
    assert "in line with pyproject.toml and requirements-dev.txt" in sync(clone, "--dev", "--exact")
    assert packages(clone) == developed
    assert NOTHING_TO_DO in sync(clone, "--dev", "--exact")
    (clone / "requirements-dev.txt").write_text(f"{own}\n")
    sync(clone, "--dev", "--exact")
    del developed["other"]
    assert packages(clone) == developed
    sync(clone, "--exact")
    assert packages(clone) == mine


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("dev", [True, False])
def test_whether_a_project_counts_depends_on_requirements_txt_alone(tmp_path: Path, *, dev: bool, locks: bool) -> None:
    (tmp_path / "setup.py").touch()
    (tmp_path / "requirements-dev.txt").write_text("other\n")
    options = Options(dev=dev)
    lists = ("-r", f"{tmp_path}/requirements-dev.txt") if dev else ()
    assert find(tmp_path, options, {}, locks=locks).arguments == ("-e", str(tmp_path), *lists)
    (tmp_path / "requirements.txt").write_text("tool\n")
    arguments = find(tmp_path, options, {}, locks=locks).arguments
    assert arguments == ("-r", f"{tmp_path}/requirements.txt", *lists)
    (tmp_path / "requirements.txt").unlink()
    (tmp_path / "setup.py").unlink()
    if dev:
        assert find(tmp_path, options, {}, locks=locks).arguments == lists
        with pytest.raises(PyvError, match="has no extras"):
            find(tmp_path, options._replace(extras=("x",)), {}, locks=locks)
        # The project's own extra is not lost where the list names the project
        (tmp_path / "pyproject.toml").write_text('[project.optional-dependencies]\ndev = ["tool"]\n')
        (tmp_path / "requirements-dev.txt").write_text("-e .[test]\n")
        assert find(tmp_path, options, {}, locks=locks).arguments == ("-e", f"{tmp_path}[dev]", *lists)


def test_exact_removes_what_is_not_listed_and_keeps_what_is_needed(clone: Path) -> None:
    (clone / "requirements.txt").write_text("app\nother\ntool; python_version < '3'\n")
    sync(clone)
    fresh = {path.name for path in site(clone).glob("*.dist-info")}
    subprocess.run([clone / ".venv/bin/pip", "install", "-q", "tool"], check=True)
    (clone / "requirements.txt").write_text("app\n")
    sync(clone)
    assert packages(clone) == {"app": "1.0", "base": "1.0", "other": "1.0", "tool": "2.0"}
    sync(clone, "--exact")
    assert packages(clone) == {"app": "1.0", "base": "1.0"}
    assert {name for name in fresh if name.startswith(("pip-", "setuptools-"))} <= {
        path.name for path in site(clone).glob("*.dist-info")
    }
    assert NOTHING_TO_DO in sync(clone, "--exact")


@builds
def test_a_project_is_installed_editable_with_extras_and_groups(clone: Path) -> None:
    project(
        clone,
        'dependencies = ["app"]\n[project.optional-dependencies]\nextra = ["tool<2"]\n'
        '[dependency-groups]\ndev = ["other", {include-group = "Base_Group"}]\nbase-group = ["tool"]\n',
    )
    sync(clone)
    assert packages(clone) == {"mine": "1.0", "app": "1.0", "base": "1.0"}
    asked = [str(clone / ".venv/bin/python"), "-c", "import mine; print(mine.where)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == f"{clone}/src/mine.py\n"
    sync(clone, "--extra", "extra")
    assert packages(clone)["tool"] == "1.0"
    sync(clone, "--dev")
    assert packages(clone)["other"] == "1.0"
    sync(clone, "--group", "base_group", "--exact")
    assert packages(clone) == {"mine": "1.0", "app": "1.0", "base": "1.0", "tool": "1.0"}
    assert "has no extra nothing" in refused(clone, "--extra", "nothing", status=2).err
    assert "it has: dev, base-group" in refused(clone, "--group", "nothing", status=2).err
    with (clone / "pyproject.toml").open("a") as file:
        file.write('again = [{include-group = "again"}]\n')
    assert "includes itself" in refused(clone, "--group", "again", status=2).err


def test_nothing_is_removed_while_nobody_can_tell_what_is_listed(clone: Path, tmp_path: Path) -> None:
    sync(clone)
    question = tmp_path / "question.json"
    asked = [str(clone / ".venv/bin/python"), "-I", inside.__file__, "surplus", str(question)]
    for root, refusal in {
        "git+https://example.org/x@main": "write NAME @ git+https://example.org/x@main",
        "git+https://example.org/x@main#egg=x": "",
        "x @ git+https://example.org/x": "",
    }.items():
        question.write_text(json.dumps({"folder": str(clone), "roots": [root]}))
        reply = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
        assert refusal in reply["refusal"] if refusal else reply == {"answer": []}


@builds
def test_exact_keeps_local_projects_and_what_they_need(clone: Path, wheels: Path) -> None:
    project(clone / "lib", 'dependencies = ["app"]\n', name="lib")
    (clone / "requirements.txt").write_text(f"-e ./lib\n{wheels}/other-1.0-py3-none-any.whl\n")
    sync(clone)
    subprocess.run([clone / ".venv/bin/pip", "install", "-q", "tool"], check=True)
    sync(clone, "--exact")
    assert packages(clone) == {"lib": "1.0", "app": "1.0", "base": "1.0", "other": "1.0"}
    (clone / "lib/pyproject.toml").write_text((clone / "lib/pyproject.toml").read_text().replace("app", "tool"))
    sync(clone, "--exact")
    assert packages(clone) == {"lib": "1.0", "tool": "2.0", "other": "1.0"}


def test_a_lock_decides_and_its_hashes_hold(clone: Path, wheels: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    elsewhere = wheels.rename(wheels.with_name("elsewhere"))
    names = ("app-1.0", "tool-1.0")
    text = locked(*(elsewhere / f"{name}-py3-none-any.whl" for name in names))
    (clone / "pylock.toml").write_text(text)
    assert "in line with pylock.toml, after" in sync(clone)
    # A lock is complete: nothing else is resolved
    assert packages(clone) == {"app": "1.0", "tool": "1.0"}
    assert not list(site(clone).glob("tool-*/direct_url.json"))
    assert NOTHING_TO_DO in sync(clone)
    (clone / "pylock.toml").write_text(locked(elsewhere / "other-1.0-py3-none-any.whl"))
    sync(clone, "--exact")
    assert packages(clone) == {"other": "1.0"}
    text = locked(elsewhere / "tool-2.0-py3-none-any.whl")
    (clone / "pylock.toml").write_text(re.sub(r'(?<=sha256 = ").{8}', "0" * 8, text))
    assert "pip could not install" in refused(clone).err
    assert "tool" not in packages(clone)


def test_only_what_this_environment_needs_of_a_lock_is_installed(clone: Path, wheels: Path) -> None:
    files = [wheels / f"{name}-py3-none-any.whl" for name in ("app-1.0", "base-1.0", "tool-2.0", "other-1.0")]
    text = locked(*files).replace('"test"\n', '"test"\nextras = ["more"]\ndependency-groups = ["dev"]\n', 1)
    markers = ("'more' in extras or os_name == 'none'", "sys_platform == 'win32'", '\\"dev\\" in dependency_groups', "")
    for file, marker in zip(files, markers, strict=True):
        start = f'name = "{file.name.partition("-")[0]}"\n'
        text = text.replace(start, f'{start}marker = "{marker}"\n')
    (clone / "pylock.toml").write_text(text)
    sync(clone)
    assert packages(clone) == {"other": "1.0"}
    sync(clone, "--dev")
    assert packages(clone) == {"other": "1.0", "tool": "2.0"}
    sync(clone, "--extra", "more", "--exact")
    assert packages(clone) == {"other": "1.0", "app": "1.0"}
    assert "was not made for the extra less" in refused(clone, "--extra", "less", status=2).err


@builds
def test_a_lock_may_hold_local_projects_and_archives(clone: Path, wheels: Path) -> None:
    project(clone, "")
    tool = wheels / "tool-1.0-py3-none-any.whl"
    digest = locked(tool).rpartition('sha256 = "')[2][:64]
    (clone / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "mine"\n'
        'directory = { path = ".", editable = true }\n[[packages]]\nname = "tool"\n'
        f'archive = {{ path = "../wheels/{tool.name}", hashes = {{ sha256 = "{digest}" }} }}\n'
    )
    sync(clone, "--exact")
    assert packages(clone) == {"mine": "1.0", "tool": "1.0"}
    assert NOTHING_TO_DO in sync(clone, "--exact")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("requires-python = '<3'\n", "it requires Python <3"),
        ("environments = [\"os_name == 'nt'\"]\n", "for other environments"),
    ],
)
def test_a_lock_for_others_is_refused(clone: Path, wheels: Path, more: str, reason: str) -> None:
    (clone / "pylock.toml").write_text(
        locked(wheels / "tool-1.0-py3-none-any.whl").replace("created", f"{more}created")
    )
    assert reason in refused(clone).err


def test_a_wheel_for_another_machine_or_without_a_hash_is_refused(clone: Path, wheels: Path) -> None:
    text = locked(wheels / "tool-1.0-py3-none-any.whl")
    (clone / "pylock.toml").write_text(text.replace("py3-none-any", "cp27-cp27mu-win32"))
    assert "no wheel of tool for this Python" in refused(clone).err
    (clone / "pylock.toml").write_text(text.replace("sha256 =", "md5 ="))
    assert "it has no sha256 for tool" in refused(clone).err
    (clone / "pylock.toml").write_text(text.replace('"1.0"', '"2.0"', 1))
    assert "lock-version '2.0'" in refused(clone, status=2).err
    (clone / "pylock.toml").write_text("[")
    assert f"{clone}/pylock.toml is not valid TOML" in refused(clone, status=2).err


def test_what_pip_cannot_do_is_told_by_pip_and_costs_status_1(clone: Path) -> None:
    (clone / "requirements.txt").write_text("nowhere-to-be-found\n")
    done = refused(clone)
    assert "No matching distribution found for nowhere-to-be-found" in done.err
    assert done.err.splitlines()[-2:] == [
        "pyv: pip could not install what requirements.txt lists; it says why above",
        "     then again: pyv sync",
    ]
    kept_off = "pyv: pip was kept off the network: to let it, leave out --offline, or set PYV_OFFLINE=0"
    assert refused(clone, "--dev", "--offline").err.splitlines()[-3:] == [
        kept_off,
        "pyv: pip could not install what requirements.txt lists; it says why above",
        "     then again: pyv sync --dev --offline",
    ]
    (clone / "requirements.txt").write_text("tool\n")
    assert sync(clone, "-q") == ""
    assert packages(clone) == {"tool": "2.0"}


def test_a_module_of_the_project_does_not_stand_in_for_one_of_pips(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    (clone / "pip.py").write_text("raise SystemExit('mine')\n")
    sync(clone, "--exact")
    assert packages(clone) == {"tool": "2.0"}


def test_where_there_is_nothing_to_install_pyv_says_so(clone: Path) -> None:
    assert "there is nothing to install" in sync(clone)
    assert (clone / ".venv/bin/python").exists()
    (clone / "requirements.txt").touch()
    (clone / "below").mkdir()
    assert f"is it the project around it? cd '{clone}'" in refused(clone / "below", status=3).err


def test_a_list_of_condas_is_said_to_be_condas(clone: Path) -> None:
    (clone / "environment.yml").write_text("name: science\ndependencies: [numpy]\n")
    said = "environment.yml is conda's; to install what it lists: conda env create -f environment.yml"
    assert sync(clone) == f"pyv: {clone}/.venv is ready; there is nothing to install; {said}"
    (clone / ".python-version").unlink()
    assert refused(clone, status=3).err.splitlines() == [
        f"pyv: {clone}/{said}",
        "     to use what conda made, here: pyv link NAME PREFIX, then pyv local NAME",
    ]
    (clone / "requirements.txt").write_text("tool\n")
    assert "conda's" not in sync(clone)


def test_lists_of_other_names_are_pointed_out_where_there_is_nothing_else(clone: Path) -> None:
    (clone / ".python-version").unlink()
    (clone / "requirements").mkdir()
    (clone / "requirements/base.txt").write_text("tool\n")
    (clone / "my requirements.txt").write_text("tool\n")
    (clone / "requirements-dev.txt").write_text("other\n")
    reason, hint = refused(clone, status=3).err.splitlines()
    assert reason.endswith("; there are my requirements.txt, requirements-dev.txt, requirements/base.txt")
    assert hint.strip() == "to install what such a file lists: pyv venv -r 'my requirements.txt'"
    (clone / "my requirements.txt").unlink()
    assert refused(clone, status=3).err.endswith(" pyv venv -r requirements/base.txt\n")
    (clone / ".python-version").write_text(f"{MINOR}\n")
    assert sync(clone).endswith(
        "there is nothing to install; to install what such a file lists: pyv venv -r requirements/base.txt"
    )
    assert "pyv venv -r requirements/base.txt" in pyv("lock", cwd=clone).err
    assert pyv("venv", "-r", "requirements/base.txt", cwd=clone).status == 0
    assert packages(clone) == {"tool": "2.0"}
    (clone / "requirements/base.txt").unlink()
    assert sync(clone).endswith("to install what requirements-dev.txt lists: pyv sync --dev")
    assert "requirements-dev.txt lists: pyv lock --dev" in pyv("lock", cwd=clone).err
    sync(clone, "--dev")
    assert packages(clone) == {"tool": "2.0", "other": "1.0"}


def test_a_strangers_environment_is_not_touched(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    assert "pyv trust" in refused(clone).err
    assert packages(clone) == {}


def test_two_at_once_do_the_work_once(clone: Path, wheels: Path) -> None:
    with Server(wheels) as server:
        (clone / "pylock.toml").write_text(locked(wheels / "tool-1.0-py3-none-any.whl", url=server.url()))
        others = {"PWD": str(clone)}
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "pyv", "sync"], cwd=clone, stderr=subprocess.PIPE, env={**os.environ, **others}
            )
            for _ in range(2)
        ]
        said = [process.communicate(timeout=300)[1] for process in running]
        assert [process.returncode for process in running] == [0, 0], said
        assert server.count("/tool-1.0-py3-none-any.whl") == 1
    assert sorted(NOTHING_TO_DO.encode() in each for each in said) == [False, True]
    assert packages(clone) == {"tool": "1.0"}


def test_the_run_after_a_killed_one_completes(clone: Path, wheels: Path) -> None:
    name = "tool-1.0-py3-none-any.whl"
    with Server(wheels) as server:
        server.next(f"/{name}", Fault(stall=100))
        (clone / "pylock.toml").write_text(locked(wheels / name, url=server.url()))
        process = subprocess.Popen(
            [sys.executable, "-m", "pyv", "sync", "-q"], cwd=clone, start_new_session=True, stderr=subprocess.DEVNULL
        )
        while not server.count(f"/{name}"):
            assert process.poll() is None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert packages(clone) == {}
        assert NOTHING_TO_DO not in sync(clone)
    assert packages(clone) == {"tool": "1.0"}
    assert NOTHING_TO_DO in sync(clone)


def test_a_package_that_was_half_installed_when_pip_was_killed_is_installed_again(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    sync(clone)
    before = [name for name in os.listdir(site(clone)) if not name.startswith("tool")]
    (clone / ".venv/.pyv-sync/stamp").unlink()
    (clone / ".venv/.pyv-sync/begun").write_text(json.dumps(before))
    (site(clone) / "tool/__init__.py").unlink()
    (site(clone) / "tool-2.0.dist-info/INSTALLER").unlink()
    (site(clone) / "~ool-1.0.dist-info").mkdir()
    sync(clone)
    assert (site(clone) / "tool/__init__.py").exists()
    assert not list(site(clone).glob("~*"))


def test_a_stamp_that_came_with_a_clone_is_not_believed(clone: Path, tmp_path: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    sync(clone)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", clone, copy], check=True)
    assert "is not one that pyv made here" in refused(copy).err


def test_a_stamp_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path, [])
    assert not stamp.holds("x")
    stamp.begin()
    (stamp.folder / "begun").write_text("[1")
    stamp.begin()
    stamp.finish("x")
    assert stamp.holds("x")
    assert [path.name for path in stamp.folder.iterdir()] == ["stamp"]
    assert not stamp.holds("y")


def test_requirements_files_are_followed_as_pip_follows_them(tmp_path: Path) -> None:
    for name, text in {
        "a.txt": "-r b.txt\n--requirement 'sub/c.txt'\n-r https://example.org/x.txt\none==1 \\\n  --hash=sha256:00\n",
        "b.txt": "\ufeff-cd.txt # limits\n# -r no.txt\n--index-url https://x/-r/no\n-e ./lib[x]\n-r a.txt\n",
        "sub/c.txt": "-r=../${PART}.txt\ntwo @ file:///w/two.whl ; os_name == 'posix'\n",
        "d.txt": "three\n",
        "e.txt": "./four-1-py3-none-any.whl\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = follow([tmp_path / "a.txt"], tmp_path, {"PART": "e"})
    assert found.roots == [
        "one==1",
        "./lib[x]",
        "two @ file:///w/two.whl ; os_name == 'posix'",
        "./four-1-py3-none-any.whl",
    ]
    files = {os.path.relpath(path, tmp_path) for path in found.files if path.is_relative_to(tmp_path)}
    assert files == {
        *("a.txt", "b.txt", "sub/c.txt", "d.txt", "e.txt", "four-1-py3-none-any.whl"),
        *("lib/pyproject.toml", "lib/setup.py", "lib/setup.cfg"),
    }
    assert Path("/w/two.whl") in found.files


def test_requirements_may_be_utf_16_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r pipe\nönë\n", encoding="utf-16")
    os.mkfifo(tmp_path / "pipe")
    found = follow([tmp_path / "a.txt"], tmp_path, {})
    assert found == ([tmp_path / "a.txt", tmp_path / "pipe"], ["önë"])


@pytest.mark.parametrize("item", ['"--index-url=https://x"', "5", '"a\\nb"', '{include-group = "gone"}'])
def test_a_group_lists_requirements_and_nothing_else(tmp_path: Path, item: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[dependency-groups]\nx = [{item}]\n")
    with pytest.raises(PyvError, match=r"no requirement|no dependency group"):
        find(tmp_path, Options(groups=("x",)), {})


def test_the_store_may_be_read_only(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    sync(clone)
    (clone / "requirements.txt").write_text("other\n")
    layout = Layout(os.environ, "/")
    folders = (layout.locks, layout.shims, store())
    for folder in folders:
        folder.chmod(0o555)
    try:
        if os.access(layout.locks, os.W_OK):
            pytest.skip("this user may write everywhere")
        sync(clone)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert "other" in packages(clone)


@pytest.mark.usefixtures("mirror")
def test_the_interpreter_that_a_lock_demands_is_installed_and_no_other(
    clone: Path, wheels: Path, offered: Offer
) -> None:
    (clone / ".python-version").unlink()
    build, platform = describe(offered.middle)
    text = locked(wheels / "tool-1.0-py3-none-any.whl")
    (clone / "pylock.toml").write_text(text + demand(offered.middle, build.build, **{platform: build.sha256}))
    sync(clone)
    assert settings(clone / ".venv")["home"] == str(store() / "versions" / offered.middle / "bin")
    assert packages(clone) == {"tool": "1.0"}
    assert NOTHING_TO_DO in sync(clone)
    # Another build of that version is none that will do
    (clone / "pylock.toml").write_text(text + demand(offered.middle, build.build, **{platform: "0" * 64}))
    done = refused(clone, status=5)
    assert f"demands build {build.build} of {offered.middle}" in done.err
    assert f"pyv uninstall --force {offered.middle}, then pyv sync" in done.err
    # One that is not installed must hash to what the lock says, whatever a mirror serves
    (clone / "pylock.toml").write_text(text + demand(offered.newest, build.build, **{platform: "0" * 64}))
    assert "sha256" in refused(clone, status=5).err
    assert not (store() / "versions" / offered.newest).exists()
    (clone / "pylock.toml").write_text(text + demand(offered.newest, build.build, **{"darwin-aarch64-none": "0" * 64}))
    assert f"has no build of {offered.newest} for {platform}" in refused(clone, status=3).err
    (clone / "pylock.toml").write_text(text + demand(f"{MINOR}.89", build.build, **{platform: "0" * 64}))
    assert "which the catalogue does not know" in refused(clone, status=3).err
    (clone / ".python-version").write_text("2.7\n")
    assert "asks for 2.7" in refused(clone).err


def test_an_older_build_is_asked_for_where_the_catalogue_has_the_newer_one(
    clone: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / ".python-version").unlink()
    (tmp_path / "empty").mkdir()
    with Server(tmp_path / "empty") as server:
        # A mirror without a catalogue is believed to have what upstream has
        monkeypatch.setenv("PYV_MIRROR", server.url())
        app = App(os.environ, "/", lambda _step: None)
        build = next(each for each in app.index.builds(refresh=False) if each.version.implementation == "cpython")
        app.fetcher().close()
        table = demand(build.version.name, "20200102", **{build.platform.key: "0" * 64})
        (clone / "pylock.toml").write_text(locked(wheels / "tool-1.0-py3-none-any.whl") + table)
        refused(clone, status=4)
        asked = [path for path in server.paths if path.endswith((".tar.gz", ".tar.zst"))]
    assert asked
    assert {(path.startswith("/20200102/cpython-"), path.count("20200102"), build.build in path) for path in asked} == {
        (True, 2, False)
    }


def test_a_lock_never_says_where_an_interpreter_comes_from(
    clone: Path, wheels: Path, mirror: Server, tmp_path: Path, offered: Offer
) -> None:
    (clone / ".python-version").unlink()
    build, platform = describe(offered.middle)
    (tmp_path / "elsewhere").mkdir()
    with Server(tmp_path / "elsewhere") as elsewhere:
        url = elsewhere.url()
        table = demand(offered.middle, build.build, **{platform: build.sha256})
        table = table.replace("build =", f'url = "{url}/x.tar.gz"\nmirror = "{url}"\nbuild =')
        (clone / "pylock.toml").write_text(locked(wheels / "tool-1.0-py3-none-any.whl") + table)
        sync(clone)
        assert elsewhere.requests == []
    assert any(path.endswith(".tar.gz") for path in mirror.paths)


def test_a_version_of_unknown_origin_does_not_satisfy_a_lock(clone: Path, wheels: Path) -> None:
    table = demand(RUNNING, "20260101", **{"linux-x86_64-gnu": "0" * 64})
    (clone / "pylock.toml").write_text(locked(wheels / "tool-1.0-py3-none-any.whl") + table)
    assert "the installed one, of unknown origin, is another" in refused(clone, status=5).err
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("3.12.7", "../../x", "is no version"),
        ("20260101", "../x", "is no build"),
        ("linux-x86_64-gnu", "'../x'", "is no platform with its sha256"),
        ("0000", "0", "is no platform with its sha256"),
        ("sha256", "md5", "there is no table sha256"),
    ],
)
def test_a_malformed_demand_is_refused(clone: Path, old: str, new: str, reason: str) -> None:
    table = demand("3.12.7", "20260101", **{"linux-x86_64-gnu": "0" * 64})
    (clone / "pylock.toml").write_text(f'lock-version = "1.0"\n{table}'.replace(old, new))
    assert reason in refused(clone, status=2).err


def describe(version: str) -> tuple[Build, str]:
    """Return a build of the mirror in use, and the platform that it is for."""
    app = App(os.environ, "/", lambda _step: None)
    build = next(each for each in app.index.builds() if each.version.name == version)
    build = app.index.pinned(build)
    app.fetcher().close()
    return build, build.platform.key


def demand(version: str, build: str, **sha256: str) -> str:
    lines = "".join(f'{key} = "{digest}"\n' for key, digest in sha256.items())
    return f'\n[tool.pyv]\nversion = "{version}"\nbuild = "{build}"\n[tool.pyv.sha256]\n{lines}'


def test_start_is_light(clone: Path) -> None:
    (clone / "requirements.txt").write_text("tool\n")
    sync(clone)
    program = "import sys\nfrom pyv.cli import run\nstatus = run(['sync'])\nprint(status, *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=clone, capture_output=True, text=True, check=True)
    status, *modules = done.stdout.split()
    assert status == "0"
    assert not {"httpx", "click", "filelock", "subprocess", "asyncio"} & set(modules)
