"""`pyv doctor`: each thing that can be wrong is found, named with what mends it, and mended if that is safe."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyv.doctor import HINT, PROBLEM, entries, place, search_path, surroundings
from pyv.errors import UsageError
from pyv.layout import Layout
from tests.support.command import Result, cache, pyv, store
from tests.support.stores import know, make_environment, make_version

ROOT = os.geteuid() == 0
# What depends on the machine that the tests run on, and is tested by itself
_OF_THE_MACHINE = ("space", "root-only", "certificates", "permissions-above")


@pytest.fixture
def healthy(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store with a version, its shims on PATH, and a shell that loads pyv."""
    isolated.chmod(0o755)
    make_version(store(), "3.12.7", links=("3.12", "3"))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setenv("PATH", f"{store() / 'shims'}:/usr/local/bin:/usr/bin:/bin")
    assert pyv("rehash").status == 0
    assert pyv("init", "bash", "--install").status == 0
    return store()


def findings(*arguments: str, **env: str) -> dict[str, list[dict[str, Any]]]:
    result = pyv("doctor", "--json", *arguments, **env)
    assert result.json["schema"] == 1
    found: dict[str, list[dict[str, Any]]] = {}
    for each in result.json["findings"]:
        assert each["level"] in (PROBLEM, HINT)
        assert each["command"]
        if each["check"] not in _OF_THE_MACHINE:
            found.setdefault(each["check"], []).append(each)
    problems = [each for each in result.json["findings"] if each["level"] == PROBLEM and not each["fixed"]]
    assert (result.status, result.json["problems"]) == (int(bool(problems)), len(problems))
    return found


def one(check: str, **env: str) -> dict[str, Any]:
    """Return the only finding that there is."""
    found = findings(**env)
    assert list(found) == [check], found
    assert len(found[check]) == 1, found
    return found[check][0]


@pytest.mark.usefixtures("healthy")
def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert findings() == {}


@pytest.mark.usefixtures("healthy")
def test_hints_leave_the_exit_status_alone_and_problems_do_not() -> None:
    told: Result = pyv("doctor", PYTHONPATH="/somewhere")
    assert "hint: PYTHONPATH is set" in told.out
    assert "    unset PYTHONPATH" in told.out
    assert one("variable", PYTHONPATH="/somewhere")["level"] == HINT
    assert pyv("doctor", PYTHONPATH="/somewhere").status == 0
    assert pyv("doctor", PYTHONHOME="/usr").status == 1


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("name", ["PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET", "PYV_VERSION", "VIRTUAL_ENV"])
def test_variables_that_surprise_are_named(name: str) -> None:
    assert one("variable", **{name: "3.12"})["command"] == f"unset {name}"


def test_shims_that_are_not_on_path_or_come_too_late_are_found(healthy: Path, tmp_path: Path) -> None:
    assert "init bash --install" in one("path", PATH="/usr/bin:/bin")["command"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    found = one("path-order", PATH=f"{tmp_path / 'bin'}:{healthy / 'shims'}:/usr/bin:/bin")
    assert (found["level"], str(tmp_path / "bin") in found["message"]) == (PROBLEM, True)
    (tmp_path / "bin/python3").unlink()
    assert findings(PATH=f"{tmp_path / 'bin'}:{healthy / 'shims'}:/usr/bin:/bin") == {}
    assert one("path-relative", PATH=f"{healthy / 'shims'}::/usr/bin:/bin")["level"] == PROBLEM


def test_an_active_environment_comes_before_the_shims_and_nowhere_else(healthy: Path, tmp_path: Path) -> None:
    venv = make_environment(tmp_path / "p/.venv", healthy / "versions/3.12.7/bin")
    first = f"{venv}/bin:{healthy / 'shims'}:/usr/bin:/bin"
    assert findings(PATH=first, VIRTUAL_ENV=str(venv)) == {}
    last = f"{healthy / 'shims'}:{venv}/bin:/usr/bin:/bin"
    assert "deactivate" in one("path-environment", PATH=last, VIRTUAL_ENV=str(venv))["command"]


@pytest.mark.parametrize(
    ("folder", "variable", "name"),
    [
        (".pyenv/shims", "", "pyenv"),
        ("elsewhere/shims", "PYENV_ROOT", "pyenv"),
        (".local/share/mise/shims", "", "mise"),
        (".asdf/shims", "", "asdf"),
        ("miniconda/condabin", "", "conda"),
        ("miniconda/bin", "CONDA_PREFIX", "conda"),
    ],
)
def test_other_managers_before_the_shims_are_named(
    healthy: Path, tmp_path: Path, folder: str, variable: str, name: str
) -> None:
    theirs = tmp_path / folder
    theirs.mkdir(parents=True)
    changes = {variable: str(theirs.parent)} if variable else {}
    path = f"{theirs}:{healthy / 'shims'}:/usr/bin:/bin"
    found = one("manager", PATH=path, **changes)
    assert (found["level"], found["message"].startswith(f"{name}'s ")) == (HINT, True)
    (theirs / "python").symlink_to(sys.executable)
    assert one("manager", PATH=path, **changes)["level"] == PROBLEM
    assert findings(PATH=f"{healthy / 'shims'}:{theirs}:/usr/bin:/bin", **changes) == {}


def test_a_hook_that_is_not_loaded_or_not_this_pyvs_is_found(healthy: Path, isolated: Path) -> None:
    (healthy / "hooks/pyv.bash").write_text("# of a pyv of long ago\n")
    found = findings("--fix")
    assert [each["fixed"] for each in found["hook"]] == [True]
    assert findings() == {}
    (isolated / ".bashrc").unlink()
    for name in (".bash_profile", ".profile", ".bash_login"):
        (isolated / name).unlink(missing_ok=True)
    assert one("hook")["level"] == HINT


def test_each_damaged_missing_or_foreign_shim_is_found_and_made_again(healthy: Path) -> None:
    shims = healthy / "shims"
    (shims / "pip").unlink()
    (shims / "python3").unlink()
    (shims / "python3").write_text("#!/bin/sh\nexec /bin/false\n")
    (shims / "notes.txt").write_text("mine\n")
    found = findings()
    assert [each["message"].split(": ")[1] for each in found["shims"]] == ["python3", "pip"]
    assert [each["level"] for each in found["shims-foreign"]] == [HINT]
    mended = findings("--fix")
    assert all(each["fixed"] for each in mended["shims"])
    assert list(findings()) == ["shims-foreign"]
    assert (shims / "pip").samefile(shims / "python3")
    assert (shims / "notes.txt").read_text() == "mine\n"


def test_shims_that_cannot_be_mended_are_a_problem(tmp_path: Path) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    found = entries.shims(shims, ["python"], intact=False, is_dispatcher=bool, rehash=int)
    assert [(each.level, each.command) for each in found] == [(PROBLEM, "pyv rehash")]
    assert entries.shims(tmp_path / "none", [], intact=False, is_dispatcher=bool, rehash=int) == []


def test_a_sh_that_drops_variables_is_named_when_there_are_such_variables() -> None:
    odd = {"a.b": "1", "GOOD": "1"}
    kept = subprocess.run(["/bin/sh", "-c", "exec /usr/bin/env"], env=odd, capture_output=True, text=True, check=True)
    found = entries.dropped_variables("/bin/sh", odd, lambda _name: "/bin/bash")
    if "a.b=1" in kept.stdout:
        assert found == []
        pytest.skip("the sh of this machine keeps them")
    assert [(each.level, each.command) for each in found] == [(HINT, "pyv rehash --shell /bin/bash")]
    assert "a.b" in found[0].message
    assert entries.dropped_variables("/bin/sh", {"GOOD": "1"}, lambda _name: None) == []
    bash = shutil.which("bash")
    if bash:
        assert entries.dropped_variables(bash, odd, lambda _name: None) == []


def test_links_that_lead_nowhere_are_found_and_removed(healthy: Path, tmp_path: Path) -> None:
    (healthy / "versions/3.11").symlink_to("3.11.9")
    (healthy / "versions/theirs").symlink_to(tmp_path / "gone")
    assert len(findings()["link"]) == 2
    findings("--fix")
    assert sorted(os.listdir(healthy / "versions")) == ["3", "3.12", "3.12.7"]
    assert findings() == {}


def test_a_version_that_its_short_names_do_not_lead_to_is_a_problem(healthy: Path) -> None:
    make_version(healthy, "3.11.8")
    make_version(healthy, "3.12.9")
    found = findings()["short-name"]
    assert [each["message"].split("versions/")[1] for each in found] == [
        "3.11.8 is not what 3.11 leads to",
        "3.12.9 is not what 3 and 3.12 lead to",
    ]
    assert {each["command"] for each in found} == {"pyv rehash"}
    findings("--fix")
    assert findings() == {}


def test_a_version_without_an_interpreter_is_a_problem(healthy: Path) -> None:
    (healthy / "versions/3.11.9/bin").mkdir(parents=True)
    assert one("version")["command"] == "pyv uninstall 3.11.9"
    (healthy / "versions/3.11.9/.pyv").mkdir()
    (healthy / "versions/3.11.9/.pyv/receipt.json").write_text("{}")
    assert one("version")["command"] == "pyv repair 3.11.9"
    shutil.rmtree(healthy / "versions/3.11.9")
    (healthy / "versions/3.12.7/.pyv").mkdir()
    (healthy / "versions/3.12.7/.pyv/manifest.json").write_text("{}")
    assert one("receipt")["command"] == "pyv install --force 3.12.7"


def test_an_interpreter_that_cannot_run_is_a_problem_told_once_and_not_by_its_short_names(healthy: Path) -> None:
    python = healthy / "versions/3.12.7/bin/python3.12"
    for name in ("python", "python3"):
        (python.parent / name).unlink()
        (python.parent / name).symlink_to("python3.12")
    python.write_text("#!/bin/sh\necho 'no module named encodings' >&2\nexit 1\n")
    python.chmod(0o755)
    found = one("version")
    assert found["message"].endswith("does not start: no module named encodings")
    assert found["command"] == f"{python.parent}/python3 -V"
    (healthy / "versions/3.12.7").rename(healthy / "versions/2.7.18")  # which knows none of the options
    assert "version" not in findings()
    (healthy / "versions/2.7.18").rename(healthy / "versions/3.12.7")
    (healthy / "versions/3.12.7/.pyv").mkdir()
    (healthy / "versions/3.12.7/.pyv/receipt.json").write_text("{}")
    assert one("version")["command"] == "pyv repair 3.12.7"
    python.write_text("")
    assert one("version")["message"].endswith("has no interpreter in its bin that could run")


@pytest.mark.usefixtures("healthy")
def test_with_broken_settings_a_link_that_leads_nowhere_is_still_told(isolated: Path) -> None:
    file = isolated / ".config/pyv/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("shared = [ broken")
    (store() / "versions/3.9.9").symlink_to(isolated / "gone")
    assert pyv("versions").status == 0
    assert "link" in findings()


@pytest.mark.usefixtures("healthy")
def test_a_global_pin_that_is_not_installed_or_not_understood_is_a_problem() -> None:
    file = store() / "version"
    file.write_text("system\n3.12\n3.11.8\n")
    found = one("global-pin")
    assert (found["message"], found["command"]) == (
        f"3.11.8 is not installed, and pinned by {file}:3",
        "pyv install 3.11.8",
    )
    file.write_text("%\n")
    assert one("global-pin")["command"] == "pyv global VERSION"


def test_environments_that_are_gone_broken_or_exchanged_are_found(healthy: Path, tmp_path: Path) -> None:
    venvs = {}
    for name in ("gone", "broken", "changed", "fine"):
        venvs[name] = make_environment(tmp_path / name / ".venv", healthy / "versions/3.12.7/bin")
        know(healthy, venvs[name])
    shutil.rmtree(venvs["gone"])
    (venvs["broken"] / "bin/python").unlink()
    (venvs["broken"] / "bin/python").symlink_to("/nowhere/python")
    shutil.rmtree(venvs["changed"])
    make_environment(venvs["changed"], healthy / "versions/3.12.7/bin")
    found = findings()
    assert found["environment"][0]["command"] == f"pyv venv --repair {venvs['broken']}"
    assert found["environment-changed"][0]["command"] == f"pyv trust {venvs['changed']}"
    assert found["environment-gone"][0]["level"] == HINT
    assert {key: len(each) for key, each in found.items()} == {
        "environment": 1,
        "environment-changed": 1,
        "environment-gone": 1,
    }
    findings("--fix")
    assert "environment-gone" not in findings()
    assert len([name for name in os.listdir(healthy / "venvs") if not name.startswith(".")]) == 3


def test_an_environment_whose_whole_folder_is_away_is_forgotten_by_its_owner_alone(
    healthy: Path, tmp_path: Path
) -> None:
    """It may be on a drive that is not mounted now."""
    venv = make_environment(tmp_path / "drive/my project/.venv", healthy / "versions/3.12.7/bin")
    know(healthy, venv)
    (tmp_path / "drive").rename(tmp_path / "away")
    (found,) = findings("--fix")["environment-gone"]
    assert (found["fixable"], found["command"]) == (False, f"pyv venvs remove '{venv}'")
    (tmp_path / "away").rename(tmp_path / "drive")
    assert findings() == {}
    (tmp_path / "drive").rename(tmp_path / "away")
    typed = ["sh", "-c", f"{sys.executable} -m {found['command']}"]
    assert subprocess.run(typed, check=False).returncode == 0
    assert findings() == {}


def test_links_to_what_is_out_of_reach_stay_and_those_to_what_is_gone_go(healthy: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    for name in ("3.13.1", "3.13.2"):
        make_version(lab, name)
        (healthy / "versions" / name).symlink_to(lab / "versions" / name)
    (healthy / "versions/3.13").symlink_to("3.13.2")
    (lab / "versions").rename(tmp_path / "unmounted")
    found = findings("--fix", PYV_SHARED=str(lab))["link"]
    assert [(each["fixable"], each["command"]) for each in found] == [
        (False, "mount it, or to have one again: pyv install 3.13.1"),
        (False, "mount it, or to have one again: pyv install 3.13"),
    ]
    assert f"3.13.2 is in the shared store {lab}, which cannot be reached" in found[1]["message"]
    (tmp_path / "unmounted").rename(lab / "versions")
    assert os.readlink(healthy / "versions/3.13") == "3.13.2"
    shutil.rmtree(lab / "versions/3.13.2")
    (gone,) = findings("--fix")["link"]
    assert (gone["fixed"], gone["command"]) == (True, "to have one again: pyv install 3.13")
    assert f"3.13.2 is gone from {lab}/versions" in gone["message"]
    assert os.readlink(healthy / "versions/3.13") == "3.13.1"


def test_what_killed_commands_left_is_found_and_swept(healthy: Path) -> None:
    (healthy / "tmp/3.11.9.pyv-deadbeef/tree").mkdir(parents=True)
    assert one("staging")["level"] == HINT
    findings("--fix")
    assert not (healthy / "tmp/3.11.9.pyv-deadbeef").exists()
    assert findings() == {}


@pytest.mark.parametrize(
    "what", ["", "shims", "versions", "versions/3.12.7/bin", "hooks/pyv.bash", "shims/pyv", "shims/python3"]
)
def test_what_everybody_can_write_is_a_problem_and_closed(healthy: Path, what: str) -> None:
    path = healthy / what if what else healthy
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    found = one("permissions")
    assert (found["level"], found["command"]) == (PROBLEM, f"chmod o-w {path}")
    findings("--fix")
    assert not path.stat().st_mode & stat.S_IWOTH
    assert findings() == {}


@pytest.mark.usefixtures("healthy")
def test_a_cache_that_everybody_can_write_is_a_problem_and_closed() -> None:
    folders = [cache(), cache() / "archives", cache() / "seed"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
    found = findings()["permissions"]
    assert [(each["level"], each["command"]) for each in found] == [(PROBLEM, f"chmod o-w {each}") for each in folders]
    findings("--fix")
    assert findings() == {}


def test_a_place_above_the_store_that_everybody_can_write_is_a_problem(tmp_path: Path) -> None:
    root = tmp_path / "open/store"
    (root / "versions").mkdir(parents=True)
    root.parent.chmod(0o777)
    layout = Layout({"PYV_ROOT": str(root)}, "/")
    found = place.permissions(layout, os.geteuid())
    assert [each.command for each in found] == [f"chmod o-w {root.parent}"]
    assert found[0].fix is None
    root.parent.chmod(0o1777)
    assert place.permissions(layout, os.geteuid()) == []


def test_a_store_of_somebody_else_is_a_problem(tmp_path: Path) -> None:
    root = tmp_path / "store"
    (root / "shims").mkdir(parents=True)
    layout = Layout({"PYV_ROOT": str(root)}, "/")
    found = place.permissions(layout, os.geteuid() + 1)
    if ROOT:  # what belongs to root is trusted by all
        assert found == []
        os.chown(root / "shims", 12345, -1)
        found = place.permissions(layout, 0)
    assert {each.level for each in found} == {PROBLEM}
    assert {each.check for each in found} == {"owner"}


def test_shared_stores_are_checked(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "lab").mkdir()
    shared = f"{tmp_path / 'lab'}:{tmp_path / 'none'}"
    layout = Layout({"PYV_ROOT": str(tmp_path / "own"), "PYV_SHARED": shared}, "/")
    assert [each.check for each in place.permissions(layout, os.geteuid())] == ["shared"]
    (tmp_path / "lab").chmod(0o777)
    assert [each.check for each in place.permissions(layout, os.geteuid())] == ["permissions", "shared"]

    def misread() -> tuple[Path, ...]:
        raise UsageError("config.toml: shared is wrong")

    layout = Layout({"PYV_ROOT": str(tmp_path / "own")}, "/", misread)
    assert [each.message for each in place.permissions(layout, os.geteuid())] == ["config.toml: shared is wrong"]


def test_a_store_of_root_that_others_cannot_reach_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "store").mkdir()
    layout = Layout({"PYV_ROOT": str(tmp_path / "store")}, "/")
    found = place.reachable(layout, 0)
    assert [(each.level, each.check) for each in found] == [(HINT, "root-only")]
    assert place.reachable(layout, 1000) == []


def test_a_blank_in_the_path_of_the_store_is_told() -> None:
    assert place.name_of_root(Layout({"PYV_ROOT": "/opt/my pythons"}, "/"))[0].level == HINT
    assert place.name_of_root(Layout({"PYV_ROOT": "/opt/pythons"}, "/")) == []


def test_working_locks_are_no_finding(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    assert place.file_system(Layout({"PYV_ROOT": str(tmp_path)}, "/")) == []


@pytest.mark.parametrize(
    ("newest", "refreshed", "mirror", "old"),
    [
        ("20261110", None, False, False),
        ("20260101", None, False, True),
        ("20260101", 1.0, False, True),
        ("20260101", 1.79e9, False, False),
        ("20260101", None, True, False),
        ("", None, False, False),
    ],
)
def test_an_old_catalogue_is_told(newest: str, refreshed: float | None, *, mirror: bool, old: bool) -> None:
    now = 1.7945e9  # November 2026
    found = surroundings.catalogue(newest, refreshed, now, mirror=mirror)
    assert [each.command for each in found] == (["pyv index update"] if old else [])


def test_a_python_without_certificates_is_told() -> None:
    nowhere = {"SSL_CERT_FILE": "/nonexistent/file", "SSL_CERT_DIR": "/nonexistent", "PATH": os.defpath}
    found = surroundings.certificates("3.12.7", Path(sys.executable), nowhere)
    assert [each.level for each in found] == [HINT]
    assert "SSL_CERT_FILE=" in found[0].command or "ca-certificates" in found[0].command
    assert surroundings.certificates("3.12.7", Path("/bin/false"), nowhere) == []


def test_a_folders_modules_are_not_run_by_looking_for_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssl.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(tmp_path)
    surroundings.certificates("3.12.7", Path(sys.executable), dict(os.environ))
    assert not (tmp_path / "ran").exists()


def test_an_empty_machine_is_told_what_to_do_first_and_nothing_is_made() -> None:
    result = pyv("doctor", SHELL="/bin/zsh")
    assert (result.status, "pyv init zsh --install" in result.out) == (1, True)
    assert not store().exists()
    assert pyv("doctor", "--fix").status == 1


def test_the_hook_of_a_shell_is_looked_for_in_all_its_files(tmp_path: Path) -> None:
    layout = Layout({"PYV_ROOT": str(tmp_path / "store")}, "/")
    layout.hooks.mkdir(parents=True)
    (layout.hooks / "pyv.zsh").write_text("hook\n")
    (tmp_path / "b").write_text(f". {layout.hooks}/pyv.zsh\n")
    assert search_path.hooks(layout, "zsh", "hook\n", [tmp_path / "a", tmp_path / "b"]) == []
    (layout.hooks / "pyv.zsh").unlink()
    assert search_path.hooks(layout, "zsh", "hook\n", [tmp_path / "b"])[0].level == PROBLEM
