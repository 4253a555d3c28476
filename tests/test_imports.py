"""Taking over what pyenv and uv have: what comes, under which name, and what does not; repeating it is harmless."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from pyv.cli.group import pyv as group
from pyv.layout import Layout
from pyv.registry import Registry
from tests.support.command import Result, pyv, says, store
from tests.support.packs import other_pythons
from tests.support.stores import make_environment, make_version, program


def interpreter(prefix: Path, said: str) -> Path:
    """Make an installation whose Python says what it is, and nothing else."""
    program(prefix / "bin/python3", f"echo '{said}'")
    (prefix / "bin/python").symlink_to("python3")
    return prefix


def cpython(prefix: Path, version: str, flags: str = "") -> Path:
    major, minor, patch = version.split(".")
    return interpreter(prefix, f"pyv: cpython {major} {minor} {patch} final 0 flags={flags}")


@pytest.fixture
def pyenv(isolated: Path) -> Path:
    """Return a pyenv with versions of all kinds, and environments of pyenv-virtualenv's."""
    root = isolated / ".pyenv"
    versions = root / "versions"
    cpython(versions / "3.12.7", "3.12.7")
    cpython(versions / "3.11.8", "3.11.8")
    interpreter(versions / "pypy3.10-7.3.17", "pyv: pypy 3 10 14 final 0 flags= 7 3 17 final 0")
    interpreter(versions / "miniconda3-latest", "Python 3.12.1")
    (versions / "3.12").symlink_to("3.12.7")
    make_environment(versions / "3.12.7/envs/tools", versions / "3.12.7/bin", "hammer")
    (versions / "tools").symlink_to(versions / "3.12.7/envs/tools")
    make_environment(versions / "3.11.8/envs/lone", versions / "3.11.8/bin")
    make_environment(versions / "plain", versions / "3.11.8/bin")
    (root / "version").write_text("3.11.8\n")
    return root


def results(result: Result) -> dict[str, str]:
    assert result.status == 0, result.err
    return {each["name"]: each["result"] for each in result.json["entries"]}


def reasons(result: Result) -> dict[str, str]:
    return {each["name"]: each["reason"] for each in result.json["entries"] if each["reason"]}


def knows(venv: Path) -> bool:
    return Registry(Layout(os.environ, "/")).knows(venv)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path): os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_versions_environments_and_the_pin_of_a_pyenv_come_and_work(pyenv: Path) -> None:
    result = pyv("import", "pyenv", "-y")
    assert (result.status, result.out) == (0, "")
    versions = store() / "versions"
    for name in ("3.12.7", "3.11.8", "pypy3.10-7.3.17", "miniconda3-latest"):
        assert os.readlink(versions / name) == str(pyenv / "versions" / name)
        assert f"pyv: {name} linked: {pyenv}/versions/{name}" in result.err.splitlines()
    assert {name: os.readlink(versions / name) for name in ("3", "3.12", "3.11", "pypy3.10")} == {
        "3": "3.12.7",
        "3.12": "3.12.7",
        "3.11": "3.11.8",
        "pypy3.10": "pypy3.10-7.3.17",
    }
    assert (store() / "version").read_text() == "3.11.8\n"
    assert {"python", "hammer"} <= set(os.listdir(store() / "shims"))
    for name, folder in (("tools", "3.12.7/envs/tools"), ("lone", "3.11.8/envs/lone"), ("plain", "plain")):
        assert knows(pyenv / "versions" / folder)
        assert os.readlink(versions / name) == str(pyenv / "versions" / folder)
    assert pyv("which", "hammer", PYV_VERSION="3.12.7/envs/tools").lines == [f"{versions}/tools/bin/hammer"]
    assert pyv("which", "python", PYV_VERSION="lone").lines == [f"{versions}/lone/bin/python"]


def test_environments_of_a_pyenv_are_listed_and_deleted_by_name_and_their_folders_stay(pyenv: Path) -> None:
    pyv("import", "pyenv", "-y")
    versions = pyenv / "versions"
    assert pyv("virtualenvs", PYV_VERSION="tools").lines == [
        f"  lone (created from {versions}/3.11.8)",
        f"  plain (created from {versions}/3.11.8)",
        f"* tools (created from {versions}/3.12.7)",
    ]
    assert pyv("virtualenvs", "--bare").lines == ["lone", "plain", "tools"]
    assert pyv("virtualenv-delete", "tools").status == 2  # nobody can be asked
    result = pyv("virtualenv-delete", "-f", "3.12.7/envs/tools", "plain")
    assert result.status == 0
    assert f"tools is forgotten; its folder stays: {versions}/3.12.7/envs/tools" in result.err
    assert pyv("venvs", "remove", "-y", "lone").status == 0
    assert pyv("virtualenvs", "--bare").lines == []
    assert not os.path.lexists(store() / "versions/tools")
    assert not knows(versions / "3.12.7/envs/tools")
    assert (versions / "3.12.7/envs/tools/pyvenv.cfg").exists()
    assert (versions / "plain/pyvenv.cfg").exists()


def test_all_that_changes_there_is_the_first_line_of_an_environments_settings(pyenv: Path) -> None:
    before = tree(pyenv)
    assert pyv("import", "pyenv", "-y").status == 0
    after = tree(pyenv)
    changed = {path for path in after if after[path] != before.get(path)}
    assert set(after) == set(before)
    assert {Path(path).name for path in changed} == {"pyvenv.cfg"}
    for path in changed:
        line, rest = after[path].split(b"\n", 1)
        assert (line[:6], rest) == (b"pyv = ", before[path])


def test_nothing_of_an_environment_is_run(pyenv: Path, tmp_path: Path) -> None:
    python = pyenv / "versions/plain/bin/python"
    python.unlink()
    program(python, f"touch {tmp_path}/planted")
    assert pyv("import", "pyenv", "-y").status == 0
    assert knows(pyenv / "versions/plain")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("pyenv")
def test_repeating_it_changes_nothing_and_brings_what_is_new(isolated: Path) -> None:
    pyv("import", "pyenv", "-y")
    before = tree(store() / "versions") | tree(store() / "venvs")
    assert set(results(pyv("import", "pyenv", "-y", "--json")).values()) == {"already"}
    assert tree(store() / "versions") | tree(store() / "venvs") == before
    cpython(isolated / ".pyenv/versions/3.13.1", "3.13.1")
    found = results(pyv("import", "pyenv", "--json"))
    assert {name for name, result in found.items() if result != "already"} == {"3.13.1"}
    assert os.readlink(store() / "versions/3") == "3.13.1"


def test_a_dry_run_says_the_same_and_does_nothing(pyenv: Path) -> None:
    before = tree(pyenv)
    result = pyv("import", "pyenv", "--dry-run", "--json")
    assert f"3.12.7 would be linked: {pyenv}/versions/3.12.7" in result.err
    assert not store().exists()
    assert tree(pyenv) == before
    assert results(result) == results(pyv("import", "pyenv", "-y", "--json"))


def test_what_cannot_come_is_listed_with_the_reason(pyenv: Path) -> None:
    versions = pyenv / "versions"
    (versions / "3.9.1/bin").mkdir(parents=True)
    interpreter(versions / "3.9.2", "nothing sensible")
    cpython(versions / "3.9.3", "3.9.4")
    cpython(versions / "3.9", "3.9.4")
    program(interpreter(versions / "odd", "") / "bin/python3", "echo broken >&2; exit 1")
    (versions / "gone").symlink_to("/nowhere")
    (versions / "deleted").symlink_to(versions / "3.12.7/envs/deleted")
    program(versions / "2.7.18/bin/python", "exit 1")
    (versions / "old/bin").mkdir(parents=True)
    (versions / "old/bin/activate").touch()
    make_environment(versions / "3.11.8/envs/tools", versions / "3.11.8/bin")
    make_environment(versions / "3.11.8/envs/stale", Path("/nowhere"))
    make_environment(versions / "3.11.8/envs/3.10", versions / "3.11.8/bin")
    (versions / "miniconda3-latest/envs/data/conda-meta").mkdir(parents=True)
    make_version(store(), "3.12.7")
    result = pyv("import", "pyenv", "-y", "--json")
    told = reasons(result)
    expected = {
        "3.9.1": "no Python",
        "3.9.2": "does not work",
        "3.9.3": "is 3.9.4",
        "3.9": "pyv link NAME",
        "odd": "broken",
        "gone": "no Python",
        "deleted": "is gone",
        "2.7.18": "Python 2",
        "3.12.7": f"{store()}/versions/3.12.7",
        "old": "pyvenv.cfg",
        "tools": "the name is that of",
        "stale": "its Python is gone",
        "3.10": "reads as a version",
        "data": "Conda",
    }
    assert {name: part for name, part in expected.items() if part not in told.get(name, "")} == {}
    assert set(told) == set(expected)
    for name in set(expected) - {"3.12.7", "tools"}:
        assert not os.path.lexists(store() / "versions" / name)
    assert not (store() / "versions/3.12.7").is_symlink()


def test_a_link_that_leads_nowhere_any_more_is_taken_over(pyenv: Path) -> None:
    (store() / "versions").mkdir(parents=True)
    (store() / "versions/3.12.7").symlink_to("/nowhere")
    pyv("import", "pyenv")
    assert os.readlink(store() / "versions/3.12.7") == str(pyenv / "versions/3.12.7")


def test_removing_what_is_linked_leaves_what_it_leads_to(pyenv: Path) -> None:
    pyv("import", "pyenv", "-y")
    before = tree(pyenv)
    for name in ("tools", "3.12.7"):
        assert pyv("uninstall", "-y", "--force", name).status == 0
        assert not os.path.lexists(store() / "versions" / name)
    assert tree(pyenv) == before


def test_environments_are_not_accepted_unless_somebody_says_so(pyenv: Path) -> None:
    result = pyv("import", "pyenv", "--json")
    assert "-y" in reasons(result)["tools"]
    assert results(result)["3.12.7"] == "linked"
    assert not knows(pyenv / "versions/3.12.7/envs/tools")
    assert not os.path.lexists(store() / "versions/tools")


@pytest.mark.parametrize(
    ("mine", "theirs", "then", "result"),
    [
        (None, "3.12.7:3.11.8\n", "3.12.7\n3.11.8\n", "pinned"),
        (None, "system\n", "system\n", "pinned"),
        (None, "3.12.7/envs/tools\n", "3.12.7/envs/tools\n", "pinned"),
        (None, "3.12\n", "3.12\n", "pinned"),
        (None, "3.7.1\n", None, "left"),
        (None, "../x\n", None, "left"),
        (None, None, None, None),
        ("3.12\n", "3.11.8\n", "3.12\n", "left"),
        ("3.11.8\n", "3.11.8\n", "3.11.8\n", "already"),
    ],
)
def test_the_global_pin_comes_if_there_is_none_and_it_can_be_used(
    pyenv: Path, mine: str | None, theirs: str | None, then: str | None, result: str | None
) -> None:
    file = store() / "version"
    if mine:
        store().mkdir(parents=True)
        file.write_text(mine)
    (pyenv / "version").unlink()
    if theirs:
        (pyenv / "version").write_text(theirs)
    for dry_run in (["--dry-run"], []):
        entries = pyv("import", "pyenv", "-y", "--json", *dry_run).json["entries"]
        assert [each["result"] for each in entries if each["kind"] == "pin"] == ([result] if result else [])
    assert (file.read_text() if file.exists() else None) == then


def test_where_a_pyenv_is_can_be_said(pyenv: Path, tmp_path: Path) -> None:
    moved = pyenv.rename(tmp_path / "theirs")
    result = pyv("import", "pyenv")
    assert (result.status, "--root" in result.err) == (3, True)
    assert pyv("import", "pyenv", "--dry-run", PYENV_ROOT=str(moved)).status == 0
    assert pyv("import", "pyenv", "--dry-run", "--root", "theirs", cwd=tmp_path).status == 0
    # Other tools may have been told that pyv's store is pyenv's
    moved.rename(pyenv)
    result = pyv("import", "pyenv", "--dry-run", PYENV_ROOT=str(store()))
    assert f"{pyenv}/versions/3.12.7" in result.err


@pytest.fixture
def uv(isolated: Path) -> Path:
    """Return the folder of a uv's interpreters."""
    root = isolated / ".local/share/uv/python"
    cpython(root / "cpython-3.12.7-linux-x86_64-gnu", "3.12.7")
    cpython(root / "cpython-3.13.1+freethreaded-linux-x86_64-gnu", "3.13.1", "t")
    interpreter(root / "pypy-3.10.14-linux-x86_64-gnu", "pyv: pypy 3 10 14 final 0 flags= 7 3 17 final 0")
    program(root / "graalpy-3.11.0-linux-x86_64-gnu/bin/graalpy")
    cpython(root / "somebody", "3.9.1")
    (root / "cpython-3.12-linux-x86_64-gnu").symlink_to("cpython-3.12.7-linux-x86_64-gnu")
    (root / ".temp").mkdir()
    (root / ".lock").touch()
    return root


def test_interpreters_and_the_pin_of_a_uv_come_under_the_names_of_the_store(uv: Path, isolated: Path) -> None:
    (isolated / ".config/uv").mkdir(parents=True)
    (isolated / ".config/uv/.python-version").write_text("cpython-3.12.7-linux-x86_64-gnu\n")
    result = pyv("import", "uv", "--json")
    assert reasons(result).keys() == {"graalpy-3.11.0-linux-x86_64-gnu", "somebody"}
    links = {name: os.readlink(store() / "versions" / name) for name in ("3.12.7", "3.13.1t", "pypy3.10-7.3.17")}
    assert links == {
        "3.12.7": str(uv / "cpython-3.12.7-linux-x86_64-gnu"),
        "3.13.1t": str(uv / "cpython-3.13.1+freethreaded-linux-x86_64-gnu"),
        "pypy3.10-7.3.17": str(uv / "pypy-3.10.14-linux-x86_64-gnu"),
    }
    assert os.readlink(store() / "versions/3.12") == "3.12.7"
    assert (store() / "version").read_text() == "3.12.7\n"


def test_where_a_uv_keeps_its_interpreters_is_said_by_its_variables(uv: Path, tmp_path: Path) -> None:
    moved = uv.rename(tmp_path / "pythons")
    assert pyv("import", "uv").status == 3
    assert pyv("import", "uv", "--dry-run", UV_PYTHON_INSTALL_DIR=str(moved)).status == 0
    (tmp_path / "data/uv").mkdir(parents=True)
    moved.rename(tmp_path / "data/uv/python")
    assert pyv("import", "uv", "--dry-run", XDG_DATA_HOME=str(tmp_path / "data")).status == 0


def test_what_is_no_cpython_is_not_copied_and_it_says_why(pyenv: Path) -> None:
    for name in ("3.12.7", "3.11.8"):
        shutil.rmtree(pyenv / "versions" / name)
    told = reasons(pyv("import", "pyenv", "--copy", "--json"))
    assert "only CPython" in told["miniconda3-latest"]
    assert "only CPython" in told["pypy3.10-7.3.17"]
    assert not (store() / "versions").exists()


def test_a_copy_of_a_real_one_is_independent_of_where_it_came_from(tmp_path: Path) -> None:
    found = {name: prefix for name, prefix in other_pythons().items() if name.startswith(("3.11.", "3.12."))}
    if not found:
        pytest.skip("there is no pyenv with a Python 3.11 or 3.12 on this machine")
    name, prefix = found.popitem()
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / name).symlink_to(prefix)
    assert results(pyv("import", "pyenv", "--root", tmp_path, "--json"))[name] == "linked"
    result = pyv("import", "pyenv", "--root", tmp_path, "--copy", "--json")
    assert results(result)[name] == "copied", result.err
    copied = store() / "versions" / name
    assert not copied.is_symlink()
    asked = "import sys, sysconfig, os; print(sys.prefix, sysconfig.get_config_var('LIBDIR'), os.__file__)"
    assert str(prefix) not in says(copied / "bin/python3", asked)
    assert pyv("verify", name).status == 0
    assert results(pyv("import", "pyenv", "--root", tmp_path, "--json"))[name] == "left"
    assert list((store() / "tmp").iterdir()) == []
    (copied / "bin/python3").unlink()
    result = pyv("repair", name)
    assert result.status == 4
    assert f"{name} is a copy of another manager's" in result.err
    assert f"pyv uninstall {name}, and pyv import --copy" in result.err


def test_a_real_environment_of_a_real_pyenv_works_as_a_named_one(tmp_path: Path) -> None:
    found = {name: prefix for name, prefix in other_pythons().items() if name.startswith(("3.11.", "3.12."))}
    if not found:
        pytest.skip("there is no pyenv with a Python 3.11 or 3.12 on this machine")
    name, prefix = found.popitem()
    (tmp_path / "versions" / name / "envs").mkdir(parents=True)
    venv = tmp_path / "versions" / name / "envs/tools"
    subprocess.run([prefix / "bin/python3", "-m", "venv", "--without-pip", venv], check=True)
    for each in prefix.iterdir():
        (tmp_path / "versions" / name / each.name).symlink_to(each)
    assert results(pyv("import", "pyenv", "--root", tmp_path, "-y", "--json"))["tools"] == "accepted"
    done = subprocess.run(
        [store() / "shims/python", "-c", "import sys; print(sys.prefix)"],
        env={**os.environ, "PYV_VERSION": "tools"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in (str(venv), str(store() / "versions/tools"))
    assert str(venv) in pyv("venvs").out


def test_what_a_real_uv_has_comes_and_starts() -> None:
    root = Path(pwd.getpwuid(os.getuid()).pw_dir, ".local/share/uv/python")
    if not list(root.glob("cpython-3.*/bin/python3")):
        pytest.skip("there is no uv with a CPython on this machine")
    linked = [
        name for name, result in results(pyv("import", "uv", "--root", root, "--json")).items() if result == "linked"
    ]
    assert linked
    for name in linked:
        assert says(store() / "versions" / name / "bin/python3", "print(1)") == "1"


def test_the_page_for_those_who_come_from_uv_names_only_what_there_is() -> None:
    text = Path(__file__).parents[1].joinpath("docs/coming-from-uv.md").read_text("utf-8")
    lines = [line.split() for line in re.findall(r"`pyv ([a-z][^`]*)`", text)]
    assert len(lines) > 20
    with click.Context(group) as context:
        for command, *words in lines:
            known = group.get_command(context, command)
            assert known is not None, command
            options = {spelling for each in known.params for spelling in each.opts}
            assert {word for word in words if word.startswith("-")} <= options, command
