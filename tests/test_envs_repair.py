"""Environments over time: found out about without running strangers' files, and repaired with their packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pyv import envs
from pyv.envs import config, scripts
from tests.support.environments import RUNNING, Made, create, every_python, make_store, says, settings


@pytest.fixture
def made() -> Made:
    return make_store(RUNNING)


def health(made: Made, venv: Path) -> envs.Health:
    return envs.inspect(venv, made.interpreter, made.registry, os.environ)


def site_of(venv: Path) -> Path:
    (site,) = venv.glob("lib/*/site-packages")
    return site


def with_package(venv: Path) -> Path:
    """Put a package with a command into an environment, as pip would."""
    (site_of(venv) / "mine.py").write_text("import sys\ndef main(): print(sys.prefix)\n")
    tool = venv / "bin/mine"
    tool.write_bytes(scripts.first_lines(venv / "bin/python") + b"from mine import main\nmain()\n")
    tool.chmod(0o755)
    return venv


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def mend(made: Made, venv: Path) -> None:
    with envs.held(venv, made.layout, made.registry, pytest.fail):
        envs.repair(venv, made.interpreter, made.registry, os.environ)


def test_a_healthy_one_is_healthy(tmp_path: Path, made: Made) -> None:
    assert health(made, create(made, tmp_path / ".venv")) == envs.Health(envs.HEALTHY)


@pytest.mark.parametrize("how", ["stranger", "copy", "changed", "link"])
def test_nothing_of_one_that_is_not_known_is_run(tmp_path: Path, made: Made, how: str) -> None:
    venv = create(made, tmp_path / "a" / ".venv")
    (site_of(venv) / "evil.pth").write_text(f"import os; os.mkdir({str(tmp_path / 'hit')!r})\n")
    if how == "stranger":
        made.registry.revoke(venv)
    elif how == "copy":
        venv = Path(shutil.copytree(venv.parent, tmp_path / "b", symlinks=True), ".venv")
    elif how == "changed":
        data = (venv / "pyvenv.cfg").read_bytes()
        (venv / "pyvenv.cfg").unlink()
        (venv / "pyvenv.cfg").write_bytes(data)
        os.utime(venv / "pyvenv.cfg", ns=(2**61, 2**61))
    else:
        (tmp_path / "b").mkdir()
        (tmp_path / "b/.venv").symlink_to(venv)
        venv = tmp_path / "b/.venv"
    assert health(made, venv).kind == envs.STRANGE
    assert not (tmp_path / "hit").exists()


@pytest.mark.parametrize("name", ["b", "two words", "it's", "x" * 150, 'a"$b`', "line\nbreak"])
@every_python
def test_a_moved_one_works_again_with_its_packages(tmp_path: Path, version: str, name: str) -> None:
    made = make_store(version)
    old = with_package(create(made, tmp_path / "a b" / ".venv")).parent
    assert output_of(old / ".venv/bin/mine") == str(old / ".venv")
    venv = old.rename(tmp_path / name) / ".venv"
    found = health(made, venv)
    assert (found.kind, found.reason) == (envs.STALE, f"was moved here from {tmp_path}/a b/.venv")
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY
    assert output_of(venv / "bin/mine") == str(venv)
    for path in [venv / "pyvenv.cfg", venv / "bin/mine", *(venv / "bin").glob("activate*")]:
        assert b"a b/.venv" not in path.read_bytes()
    if "\n" not in name:
        shell = '. "$1"/bin/activate && printf "%s\n" "$VIRTUAL_ENV"'
        assert output_of("bash", "-c", shell, "bash", venv) == str(venv)


def test_one_that_was_moved_back_and_forth_is_the_same_again(tmp_path: Path, made: Made) -> None:
    venv = with_package(create(made, tmp_path / "a" / ".venv", envs.Options("it's", pip=False)))
    before = {path: path.read_bytes() for path in venv.rglob("*") if path.is_file() and not path.is_symlink()}
    for name in ("b c", "a"):
        venv = venv.parent.rename(tmp_path / name) / ".venv"
        mend(made, venv)
    assert {path: path.read_bytes() for path in before} == before


@every_python
def test_one_whose_interpreter_is_gone_gets_another_one_and_keeps_its_packages(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    venv = with_package(create(made, tmp_path / ".venv", envs.Options("mine", system_site_packages=True, pip=False)))
    identity = settings(venv)["pyv"]
    minor = made.layout.version(".".join(version.split(".")[:2]))
    # As if it had been made from an exact version that is gone
    old = made.layout.version(f"{minor.name}.99") / "bin"
    mine = config.changed((venv / "pyvenv.cfg").read_bytes(), {"home": str(old), "own-key": "kept"})
    config.replace(venv, mine)
    made.registry.register(venv)
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to(old / "python3")
    found = health(made, venv)
    assert (found.kind, found.reason) == (envs.STALE, f"has lost its interpreter, {old}")
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY
    assert made.registry.knows(venv)
    after = settings(venv)
    assert (after["pyv"], after["own-key"], after["home"]) == (identity, "kept", str(minor / "bin"))
    assert (after["include-system-site-packages"], after["prompt"]) == ("true", "'mine'")
    assert output_of(venv / "bin/mine") == str(venv)
    assert str(old) not in (venv / "pyvenv.cfg").read_text()


def test_one_on_an_exact_patch_is_not_on_the_short_name(tmp_path: Path, made: Made) -> None:
    exact = made.interpreter._replace(home=made.layout.version(RUNNING) / "bin")
    venv = create(made._replace(interpreter=exact), tmp_path / ".venv")
    found = health(made, venv)
    assert (found.kind, found.reason) == (envs.STALE, f"is on {exact.home}, not on {made.interpreter.home}")
    assert envs.inspect(venv, None, made.registry, os.environ).kind == envs.HEALTHY
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY


@pytest.mark.parametrize("damage", ["python", "answer", "activate", "site-packages"])
def test_damage_is_found_and_repaired(tmp_path: Path, made: Made, damage: str) -> None:
    venv = create(made, tmp_path / ".venv")
    if damage == "python":
        (venv / "bin/python").unlink()
    elif damage == "answer":
        (venv / "bin/python").unlink()
        (venv / "bin/python").write_text("#!/bin/sh\nexit 3\n")
        (venv / "bin/python").chmod(0o755)
    elif damage == "activate":
        (venv / "bin/activate").unlink()
    else:
        site_of(venv).rmdir()
    assert damage == "activate" or health(made, venv).kind == envs.STALE
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY
    assert (venv / "bin/activate").exists()


def test_one_that_does_not_start_is_told_with_its_last_words(tmp_path: Path, made: Made) -> None:
    venv = create(made, tmp_path / ".venv")
    (site_of(venv) / "sitecustomize.py").write_text("raise SystemExit('out of order')\n")
    found = health(made, venv)
    assert (found.kind, found.reason) == (envs.STALE, "has a Python that does not work: SystemExit: out of order")


def test_one_for_another_minor_version_has_to_be_made_anew(tmp_path: Path, made: Made) -> None:
    venv = create(made, tmp_path / ".venv")
    other = made.interpreter._replace(minor="3.99")
    found = envs.inspect(venv, other, made.registry, os.environ)
    assert (found.kind, found.reason) == (envs.OTHER, f"is for python{made.interpreter.minor}, not for python3.99")


def test_what_was_in_one_is_listed_so_that_pip_installs_it_again(tmp_path: Path, made: Made) -> None:
    venv = create(made, tmp_path / ".venv")
    project = tmp_path / "my project"
    project.mkdir()
    origins: dict[str, object] = {
        "pip-24.0": None,
        "wheel-0.40.0": None,
        "Django-4.2.1": None,
        "ruamel.yaml-0.18.6": None,
        "zope_interface-6.0+local.1": None,
        "editable-1.0": {"url": project.as_uri(), "dir_info": {"editable": True}},
        "folder-1.0": {"url": "file:///x%20y", "dir_info": {}},
        "from_git-1.0": {
            "url": "https://h/g",
            "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"},
        },
        "archive-1.0": {"url": "https://h/a-1.0.zip", "archive_info": {}, "subdirectory": "sub"},
        "sly-1.0": {"url": "https://h/a\n--index-url=https://evil"},
        "odd-1.0": ["no object"],
    }
    for name, origin in origins.items():
        folder = site_of(venv) / f"{name}.dist-info"
        folder.mkdir()
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))
    (site_of(venv) / "wheel-0.40.0.dist-info/REQUESTED").touch()
    (site_of(venv) / "old_style.egg-link").write_text(f"{project}\n.\n")
    (site_of(venv) / "bad name==;.dist-info").mkdir()
    found = envs.inventory(venv)
    assert found.pip
    assert found.requirements == [
        "archive @ https://h/a-1.0.zip#subdirectory=sub",
        "Django==4.2.1",
        f"-e {project}",
        "folder @ file:///x%20y",
        "from-git @ git+https://h/g@abc",
        "odd==1.0",
        f"-e {project}",
        "ruamel.yaml==0.18.6",
        "sly==1.0",
        "wheel",
        "zope-interface==6.0+local.1",
    ]


@pytest.mark.parametrize(
    ("name", "requested", "library", "listed"),
    [
        ("setuptools", False, "python3.12", False),
        ("setuptools", True, "python3.12", True),
        ("setuptools", True, "python3.11", False),  # every environment of this one came with it
        ("wheel", False, "python3.11", False),
        ("wheel", True, "python3.11", True),
    ],
)
def test_tools_that_nobody_asked_for_are_not_installed_again(
    tmp_path: Path, name: str, library: str, *, requested: bool, listed: bool
) -> None:
    metadata = tmp_path / "lib" / library / "site-packages" / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    if requested:
        (metadata / "REQUESTED").touch()
    found = envs.inventory(tmp_path)
    assert found.requirements == [name] * listed
    assert found.left_out == [name] * (not listed)


def with_metadata(venv: Path, name: str, entry_points: str, *record: str) -> Path:
    folder = site_of(venv) / f"{name}-1.0.dist-info"
    folder.mkdir()
    if entry_points:
        (folder / "entry_points.txt").write_text(entry_points)
    (folder / "RECORD").write_text("".join(f"{row},,\n" for row in record))
    return folder


def test_lost_commands_are_written_again_and_the_others_are_told(tmp_path: Path, made: Made) -> None:
    venv = create(made, tmp_path / "two words")
    (site_of(venv) / "mine.py").write_text("class Main:\n    def run(): print('mine')\n")
    (venv / "bin/kept").write_text("as it was")
    with_metadata(
        venv,
        "mine",
        "[console_scripts]\nmine = mine:Main.run [extra]\nkept = mine:Main.run\nunwanted = mine:Main.run\n"
        "[gui_scripts]\nMine-Window=mine:Main.run\n[other]\nno = mine\n",
        *("../../../bin/mine", "../../../bin/kept", "../../../bin/Mine-Window", "../../../bin/compiled"),
        *("mine.py", "../../../bin/../../outside", "../../../bin/sub/x"),
    )
    with_metadata(venv, "pip", "[console_scripts]\npip = mine:Main.run\npip3 = mine:Main.run", "../../../bin/pip3.9")
    with_metadata(venv, "broken", "no section", "../../../bin/broken")
    gone = envs.restore_commands(venv)
    assert [(each.name, each.package) for each in gone] == [("broken", "broken==1.0"), ("compiled", "mine==1.0")]
    for name in ("mine", "Mine-Window", "pip3.9"):
        assert output_of(venv / "bin" / name) == "mine"
    assert (venv / "bin/kept").read_text() == "as it was"
    assert not (venv / "bin/unwanted").exists()
    assert not (tmp_path / "outside").exists()


def test_without_a_record_all_entry_points_are_commands(tmp_path: Path, made: Made) -> None:
    venv = with_package(create(made, tmp_path / ".venv"))
    folder = with_metadata(venv, "mine", "[console_scripts]\nother = mine:main\n../../evil = mine:main\n")
    (folder / "RECORD").unlink()
    assert envs.restore_commands(venv) == []
    assert output_of(venv / "bin/other") == str(venv)
    assert {path.name for path in tmp_path.iterdir()} == {".venv"}


@pytest.mark.parametrize("known", [True, False])
def test_a_lost_bin_is_made_anew(tmp_path: Path, made: Made, *, known: bool) -> None:
    if not known:
        made = made._replace(interpreter=made.interpreter._replace(stdlib=None))
    venv = create(made, tmp_path / ".venv")
    (site_of(venv) / "mine.py").write_text("def main(): print('mine')\n")
    with_metadata(venv, "mine", "[console_scripts]\nmine = mine:main\n", "../../../bin/mine")
    before = {path.name for path in (venv / "bin").iterdir()}
    shutil.rmtree(venv / "bin")
    assert envs.restore_commands(venv) == []
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY
    assert {path.name for path in (venv / "bin").iterdir()} == {*before, "mine"}
    assert output_of(venv / "bin/mine") == "mine"


@pytest.mark.parametrize("left", ["nothing", "empty"])
def test_one_that_has_lost_its_settings_is_repaired_with_its_packages(tmp_path: Path, made: Made, left: str) -> None:
    venv = with_package(create(made, tmp_path / ".venv"))
    (venv / "pyvenv.cfg").unlink()
    if left == "empty":
        (venv / "pyvenv.cfg").touch()
    assert envs.has_lost_settings(venv, made.registry)
    found = health(made, venv)
    assert (found.kind, found.reason) == (envs.STALE, "has lost its pyvenv.cfg")
    mend(made, venv)
    assert health(made, venv).kind == envs.HEALTHY
    assert not envs.has_lost_settings(venv, made.registry)
    assert [each.path for each in made.registry.all()] == [venv]
    assert output_of(venv / "bin/mine") == str(venv)


def test_only_the_folder_that_the_registry_names_can_have_lost_its_settings(tmp_path: Path, made: Made) -> None:
    venv = create(made, tmp_path / ".venv")
    (venv / "pyvenv.cfg").unlink()
    copy = Path(shutil.copytree(venv, tmp_path / "copy", symlinks=True))
    (tmp_path / "link").symlink_to(venv)
    for path in (copy, tmp_path / "link"):
        assert not envs.has_lost_settings(path, made.registry)
        assert health(made, path).kind == envs.STRANGE
    (venv / "pyvenv.cfg").write_text("home = /elsewhere\n")
    assert not envs.has_lost_settings(venv, made.registry)
    assert health(made, venv).kind == envs.STRANGE


@pytest.mark.parametrize("prompt", [None, "plain", "it's", 'say "x"', "two\nlines"])
def test_what_an_environment_is_like_can_be_read_back(tmp_path: Path, made: Made, prompt: str | None) -> None:
    for options in (envs.Options(prompt, pip=True), envs.Options(prompt, system_site_packages=True)):
        data = config.make(made.interpreter, tmp_path, options, describes=True)
        assert envs.options_of(config.parse(data)) == options


def test_long_and_odd_paths_start_a_script_with_its_flags(tmp_path: Path, made: Made) -> None:
    for name in ("x" * 200, "two words", "it's", "\"both' $x"):
        venv = create(made, tmp_path / name)
        tool = venv / "bin/tool"
        tool.write_bytes(
            scripts.first_lines(venv / "bin/python", b"-I") + "import sys; print(sys.flags.isolated, 'ü')\n".encode()
        )
        tool.chmod(0o755)
        assert output_of(tool) == "1 ü"
        assert says(venv / "bin/python", "import sys; print(sys.prefix)") == str(venv)
