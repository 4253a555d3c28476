"""`pyv venv` as people use it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import pyv, says, store
from tests.support.environments import PYTHONS, RUNNING, settings
from tests.support.seeds import small_wheel
from tests.support.server import Server

if TYPE_CHECKING:
    from tests.conftest import Offer

pytestmark = pytest.mark.usefixtures("pip_at_hand")

MINOR = ".".join(RUNNING.split(".")[:2])
OTHER = next((version for version in PYTHONS if not version.startswith(f"{MINOR}.")), "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project; the Python that runs the tests, and another, are in the store."""
    for version in filter(None, (RUNNING, OTHER)):
        assert pyv("link", version, PYTHONS[version]).status == 0
    folder = tmp_path / "my project"
    folder.mkdir()
    return folder


def make(project: Path, *arguments: str | Path, **changes: str) -> str:
    done = pyv("venv", "--offline", *arguments, cwd=project, **changes)
    assert done.status == 0, done.err
    assert done.out == "" or "-r" in arguments
    return done.err


def refusal(project: Path, *arguments: str | Path) -> str:
    done = pyv("venv", "--offline", *arguments, cwd=project)
    assert done.status != 0
    return done.err


def test_a_project_gets_its_environment_with_pip_from_its_pin(project: Path) -> None:
    (project / ".python-version").write_text(f"{MINOR}\n")
    said = make(project)
    venv = project / ".venv"
    assert said.splitlines()[-1] == f"pyv: {venv} is ready, on {store()}/versions/{MINOR}/bin/python{MINOR}"
    assert subprocess.run([venv / "bin/pip", "--version"], capture_output=True, check=True).stdout.startswith(b"pip ")
    assert pyv("which", "python", cwd=project).out == f"{venv}/bin/python\n"
    assert make(project) == (f"pyv: {venv} is healthy, on {store()}/versions/{MINOR}/bin/python{MINOR}: left alone\n")


@pytest.mark.parametrize("where", ["env", "env/", "./deep/er/env", "{here}/env", "."])
def test_the_folder_may_be_named_in_any_way(project: Path, where: str) -> None:
    here = project / "inner"
    here.mkdir()
    assert pyv("venv", "--without-pip", where.format(here=here), cwd=here).status == 0
    venv = Path(os.path.normpath(here / where.format(here=here)))
    assert says(venv / "bin/python", "import sys; print(sys.prefix)") == str(venv)


def test_an_exact_version_stays_exact(project: Path) -> None:
    make(project, "--without-pip", "-p", RUNNING)
    assert settings(project / ".venv")["home"] == str(store() / "versions" / RUNNING / "bin")
    make(project, "--without-pip", "-p", MINOR)
    assert settings(project / ".venv")["home"] == str(store() / "versions" / MINOR / "bin")


def test_without_a_pin_the_project_decides_and_else_the_newest(project: Path) -> None:
    make(project, "--without-pip")
    newest = max((RUNNING, OTHER or RUNNING), key=lambda name: [int(part) for part in name.split(".")])
    assert settings(project / ".venv")["version"] == ".".join(newest.split(".")[:2])
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "=={MINOR}.*"\n')
    make(project, "--without-pip", "env")
    assert settings(project / "env")["version"] == MINOR


@pytest.mark.skipif(not OTHER, reason="there is no other Python on this machine")
def test_a_global_pin_that_the_project_rules_out_is_not_taken(project: Path) -> None:
    other = ".".join(OTHER.split(".")[:2])
    assert pyv("global", OTHER, RUNNING).status == 0
    make(project, "--without-pip", "global")
    assert settings(project / "global")["version"] == other
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "=={MINOR}.*"\n')
    make(project, "--without-pip", "second")
    assert settings(project / "second")["version"] == MINOR
    assert pyv("global", OTHER).status == 0
    make(project, "--without-pip")
    assert settings(project / ".venv")["version"] == MINOR
    # One of the project's own is, with a warning elsewhere
    (project / ".python-version").write_text(f"{OTHER}\n")
    make(project, "--without-pip", "env")
    assert settings(project / "env")["version"] == other


def test_beside_a_pin_that_names_an_environment_there_is_no_other(project: Path) -> None:
    make(project, "--without-pip", "--name", "tools")
    (project / ".python-version").write_text("tools\n")
    (project / "requirements.txt").write_text("tool\n")
    for pin in ("tools", f"{settings(store() / 'envs/tools')['version']}/envs/tools"):
        (project / ".python-version").write_text(f"{pin}\n")
        for command in (["venv", "--offline"], ["sync", "--offline"]):
            done = pyv(*command, cwd=project)
            assert done.status == 2
            assert f":1 asks for the environment {pin}, and {project}/.venv would be another" in done.err
    assert not (project / ".venv").exists()
    make(project, "--without-pip", "elsewhere")  # which decides nothing
    (project / ".python-version").write_text(f"tools\n{MINOR}\n")
    make(project, "--without-pip")
    assert pyv("which", "python", cwd=project).out == f"{project}/.venv/bin/python\n"


def test_an_environment_is_not_what_a_pin_for_another_platform_or_folder_means(project: Path) -> None:
    make(project, "--without-pip", "-p", MINOR)
    (project / ".python-version").write_text(f"{MINOR}-musl\n")
    assert "asks for" in pyv("which", "python", cwd=project).err
    program = store() / "versions" / f"{MINOR}-own/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (project / ".python-version").write_text(f"{MINOR}-own\n")
    assert f"but {project}/.python-version:1 asks for {MINOR}-own" in pyv("which", "python", cwd=project).err


def damage(part: str) -> None:
    """Damage the newest version so that its Python does not start, in a way that copies have in their places."""
    prefix = store() / "versions" / MINOR
    if part == "library":
        (prefix / f"lib/python{MINOR}/encodings").rename(prefix / "encodings")
    elif part == "empty":
        os.truncate(prefix / f"bin/python{MINOR}", 0)
    else:
        (prefix / f"bin/python{MINOR}").unlink()


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("part", ["library", "empty", "program"])
def test_an_interpreter_that_is_damaged_is_to_be_repaired_and_packages_stay(
    tmp_path: Path, offered: Offer, part: str
) -> None:
    assert pyv("install", offered.newest).status == 0
    make(tmp_path, "-p", offered.minor)
    wheel = small_wheel(tmp_path / "wheels", "1.0", name="tool")
    subprocess.run([tmp_path / ".venv/bin/pip", "install", "-q", "--no-index", wheel], check=True)
    (tmp_path / ".python-version").write_text(f"{offered.minor}\n")
    damage(part)
    remedy = f"     to repair it: pyv repair {offered.newest}\n"
    for arguments in ([], ["--repair"], ["--clear"]):
        said = refusal(tmp_path, *arguments)
        assert said.endswith(remedy)
        assert ("does not start: ModuleNotFoundError: No module named 'encodings'" in said) == (part == "library")
    assert (tmp_path / ".venv/bin/tool").exists()
    if part != "library":
        assert pyv("exec", "python", "-V", cwd=tmp_path).err.endswith(remedy)
        (tmp_path / ".venv").rename(tmp_path / "elsewhere")
        assert pyv("exec", "python", "-V", cwd=tmp_path).err.endswith(remedy)
        (tmp_path / "elsewhere").rename(tmp_path / ".venv")
    assert pyv("repair", offered.newest).status == 0
    done = subprocess.run([tmp_path / ".venv/bin/tool"], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0\n"


@pytest.mark.usefixtures("mirror")
def test_a_named_environment_on_what_is_damaged_leads_to_its_repair_and_on_what_is_gone_can_be_removed(
    tmp_path: Path, offered: Offer
) -> None:
    assert pyv("install", offered.newest).status == 0
    make(tmp_path, "--without-pip", "--name", "tools", "-p", offered.minor)
    (store() / "versions" / offered.newest / f"bin/python{MINOR}").unlink()
    assert pyv("rehash").status == 0  # what cannot be started has no short name
    for pin in (f"{offered.minor}/envs/tools", "tools"):
        (tmp_path / ".python-version").write_text(f"{pin}\n")
        assert f"to repair it: pyv repair {offered.newest}\n" in pyv("which", "python", cwd=tmp_path).err
    shutil.rmtree(store() / "versions" / offered.newest)
    assert pyv("rehash").status == 0
    assert pyv("virtualenv-delete", "-f", "3.99/envs/tools").status == 3
    assert pyv("virtualenv-delete", "-f", f"{offered.minor}/envs/tools").status == 0


@pytest.mark.usefixtures("mirror")
def test_where_the_version_of_an_environment_is_gone_it_is_what_is_missing(tmp_path: Path, offered: Offer) -> None:
    assert pyv("install", offered.newest).status == 0
    (tmp_path / ".python-version").write_text(f"{offered.minor}\n")
    make(tmp_path, "--without-pip")
    shutil.rmtree(store() / "versions" / offered.newest)
    said = pyv("exec", "python", "-V", cwd=tmp_path)
    assert said.status == 127
    assert f"{offered.minor} is not installed, pinned by {tmp_path}/.python-version:1" in said.err
    again = pyv("exec", "python", "-V", cwd=tmp_path, PYV_AUTO_INSTALL="always")
    assert (again.status, again.out[:7]) == (0, "Python "), again.err
    assert (store() / "versions" / offered.newest).exists()


def test_an_environment_that_satisfies_a_range_stays_on_its_version(project: Path) -> None:
    make(project, "--without-pip", "-p", MINOR)
    assert "left alone" in make(project, "-p", ">=3.8")
    assert "left alone" in make(project)


@pytest.mark.skipif(not OTHER, reason="there is no other Python on this machine")
def test_only_what_is_beside_an_environment_or_goes_before_it_moves_it_to_another_version(project: Path) -> None:
    other = ".".join(OTHER.split(".")[:2])
    venv, sub = project / ".venv", project / "sub"
    make(project, "--without-pip", "-p", MINOR)
    sub.mkdir()
    for pin in (store() / "version", project.parent / ".python-version", sub / ".python-version"):
        pin.write_text(f"{other}\n")
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "=={other}.*"\n')
    alone = f"pyv: {venv} is healthy, on {store()}/versions/{MINOR}/bin/python{MINOR}: left alone\n"
    asks = f"pyv: {project}/pyproject.toml requires Python =={other}.*; to move it there: pyv venv -p '=={other}.*' "
    for said in (make(project), make(sub, "../.venv")):
        assert said == f"{alone}{asks}'{venv}'\n"
    # A broken one stays on its version
    (venv / "bin/python").unlink()
    assert f"repaired, with its packages, on {store()}/versions/{MINOR}/bin/python{MINOR}" in make(project)
    for words, changes in ((["-p", other], {}), ([], {"PYV_VERSION": MINOR})):
        assert "made anew" in make(project, *words, **changes), words
    (project / ".python-version").write_text(f"{other}\n")
    assert f"{venv} is for python{MINOR}, not for python{other}: made anew" in make(project)


def test_an_environment_keeps_the_name_of_its_version_where_nothing_asks_for_another(project: Path) -> None:
    make(project, "--without-pip", "-p", RUNNING)
    venv = project / ".venv"
    (store() / "version").write_text(f"{MINOR}\n")
    assert f"{venv} is healthy, on {store()}/versions/{RUNNING}/bin/python{MINOR}: left alone" in make(project)
    (venv / "bin/python").unlink()
    assert "repaired" in make(project)
    make(project, "--repair", "--without-pip")
    assert settings(venv)["home"] == str(store() / "versions" / RUNNING / "bin")


def test_an_environment_that_the_pin_rules_out_is_made_and_the_contradiction_named(project: Path) -> None:
    (project / ".python-version").write_text("3.99\n")
    said = make(project, "--without-pip", "-p", MINOR)
    assert f"{project}/.python-version:1 asks for 3.99: nothing runs here until the two agree" in said
    assert f"to pin it: pyv local {MINOR}" in said
    assert pyv("local", MINOR, cwd=project).status == 0
    assert "agree" not in make(project, "--without-pip", "-p", MINOR)


@pytest.mark.parametrize("prompt", ["mine", "."])
def test_the_prompt_is_what_was_asked_for(project: Path, prompt: str) -> None:
    make(project, "--without-pip", "-p", MINOR, "--prompt", prompt)
    assert settings(project / ".venv")["prompt"] == repr("my project" if prompt == "." else prompt)


def test_what_is_no_environment_is_left_alone(project: Path) -> None:
    (project / "work").mkdir()
    (project / "work/notes").touch()
    assert "is not empty, and no environment\n     to replace it: pyv venv --clear" in refusal(project, "work")
    (project / "pyproject.toml").touch()
    assert "it is a project" in refusal(project, "--clear", project)
    (project / "link").symlink_to("work")
    assert "is a link to work" in refusal(project, "link")
    assert (project / "work/notes").exists()
    make(project, "--without-pip", "--clear", "work")
    assert not (project / "work/notes").exists()


def test_a_strangers_environment_is_neither_run_nor_replaced(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").write_text(f"#!/bin/sh\ntouch '{project}/hit'\n")
    (project / ".venv/bin/python").chmod(0o755)
    for arguments in ([], ["--repair"]):
        hint = f"to use it: pyv trust '{project}/.venv'; to replace it: pyv venv --clear '{project}/.venv'"
        assert hint in refusal(project, *arguments)
    assert not (project / "hit").exists()
    make(project, "--without-pip", "--clear")
    assert "left alone" in make(project)


def test_a_moved_project_is_repaired_with_its_packages(project: Path) -> None:
    wheel = small_wheel(project / "wheels", "1.0", name="tool")
    make(project, "-p", MINOR)
    subprocess.run([project / ".venv/bin/pip", "install", "-q", "--no-index", wheel], check=True)
    moved = project.rename(project.with_name("moved"))
    assert f"{moved}/.venv was moved here from {project}/.venv: repaired, with its packages" in make(moved)
    done = subprocess.run([moved / ".venv/bin/tool"], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0\n"


@pytest.mark.skipif(not OTHER, reason="there is no other Python on this machine")
def test_on_another_minor_version_the_same_packages_are_installed_again(project: Path) -> None:
    wheel = small_wheel(project / "wheels", "1.0", name="tool")
    make(project, "-p", MINOR)
    venv = project / ".venv"
    subprocess.run([venv / "bin/pip", "install", "-q", "--no-index", wheel], check=True)
    done = pyv("venv", "--offline", "-p", OTHER, cwd=project)
    assert (done.status, settings(venv)["version"]) == (0, ".".join(OTHER.split(".")[:2]))
    assert "1 packages installed again" in done.err.splitlines()[-1]
    assert subprocess.run([venv / "bin/tool"], capture_output=True, text=True, check=True).stdout == "1.0\n"
    assert {path.name for path in project.iterdir()} == {".venv", "wheels"}
    # What cannot be had again is not given up
    wheel.unlink()
    done = pyv("venv", "--offline", "-p", MINOR, cwd=project)
    assert done.status == 1
    assert "it stays as it was" in done.err
    assert settings(venv)["version"] == ".".join(OTHER.split(".")[:2])
    assert subprocess.run([venv / "bin/tool"], capture_output=True, text=True, check=True).stdout == "1.0\n"


def test_requirements_are_installed_and_their_failure_is_the_commands(project: Path) -> None:
    wheel = small_wheel(project / "wheels", "1.0", name="tool")
    (project / "requirements.txt").write_text(f"--no-index\n{wheel.as_uri()}\n")
    make(project, "-p", MINOR, "-r", "requirements.txt")
    assert (project / ".venv/bin/tool").exists()
    (project / "requirements.txt").write_text("--no-index\nmissing\n")
    assert pyv("venv", "--offline", "-r", "requirements.txt", cwd=project).status == 1


def test_requirements_that_are_not_there_are_refused_before_anything_is_made(project: Path) -> None:
    (project / "folder").mkdir()
    for name in ("missing.txt", "folder", ""):
        done = pyv("venv", "-p", MINOR, "-r", name, cwd=project)
        assert (done.status, f"{project / name}" in done.err) == (2, True), done.err
    assert not (project / ".venv").exists()


def test_requirements_may_be_a_url(project: Path) -> None:
    wheel = small_wheel(project / "wheels", "1.0", name="tool")
    (project / "wheels/requirements.txt").write_text(f"--no-index\n{wheel.as_uri()}\n")
    with Server(project / "wheels") as server:
        done = pyv("venv", "-p", MINOR, "-r", server.url("/requirements.txt"), cwd=project)
    assert done.status == 0, done.err
    assert (project / ".venv/bin/tool").exists()


def test_repair_makes_no_new_one_and_contradictions_are_refused(project: Path) -> None:
    assert "there is no environment" in refusal(project, "--repair")
    assert "contradict" in refusal(project, "--clear", "--repair")
    assert "needs pip" in refusal(project, "--without-pip", "-r", "x")
    assert "one environment at a time" in refusal(project, "a", "b")
    assert "not installed" in refusal(project, "-p", "nothing")
    make(project, "--without-pip", "-p", MINOR)
    assert "seemed healthy: repaired" in make(project, "--repair", "--without-pip")


@pytest.mark.usefixtures("mirror")
def test_a_version_that_is_missing_is_installed_first(tmp_path: Path, offered: Offer) -> None:
    done = pyv("venv", "--without-pip", "-p", offered.middle, ".venv", cwd=tmp_path)
    assert done.status == 0, done.err
    assert settings(tmp_path / ".venv")["home"] == str(store() / "versions" / offered.middle / "bin")


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("pin", ["", "minor", "exact"])
def test_what_was_uninstalled_comes_back_only_when_asked_for(tmp_path: Path, offered: Offer, pin: str) -> None:
    words = {"": "3", "minor": offered.minor, "exact": offered.newest}[pin]
    origin = f"{tmp_path}/.python-version:1: " if pin else ""
    (tmp_path / "requirements.txt").touch()
    if pin:
        (tmp_path / ".python-version").write_text(f"{words}\n")
    assert pyv("install", words).status == 0
    assert pyv("uninstall", "-y", offered.newest).status == 0
    for command in (["venv", "--without-pip"], ["sync"]):
        result = pyv(*command, cwd=tmp_path)
        assert (result.status, result.out) == (3, "")
        assert result.err.splitlines() == [
            f"pyv: {origin}{offered.newest} was uninstalled, and comes back only when asked for",
            f"     to have it again: pyv install {words}",
        ]
    assert not (tmp_path / ".venv").exists()
    assert not (store() / "versions" / offered.newest).exists()
    assert pyv("venv", "--without-pip", "-p", words, cwd=tmp_path).status == 0
    assert settings(tmp_path / ".venv")["home"].startswith(f"{store()}/versions/")


@pytest.mark.usefixtures("mirror")
def test_another_version_that_the_pin_means_needs_no_asking(tmp_path: Path, offered: Offer) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.minor}\n")
    assert pyv("install", offered.oldest).status == 0
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert pyv("venv", "--without-pip", cwd=tmp_path).status == 0
    assert (store() / "versions" / offered.newest).exists()
    assert not (store() / "versions" / offered.oldest).exists()


def test_the_systems_python_makes_its_environments_itself(project: Path) -> None:
    make(project, "--without-pip", "-p", "system")
    venv = project / ".venv"
    assert "left alone" in make(project, "-p", "system")
    home = settings(venv)["home"]
    assert f"{venv} is healthy, on {home}/python" in make(project)
    make(project, "--repair", "--without-pip")
    venv = venv.rename(project / "moved")
    assert f"{venv} was moved here from {project}/.venv: repaired" in make(project, "moved")
    assert settings(venv)["home"] == home
    assert says(venv / "bin/python", "import sys; print(sys.prefix)") == str(venv)


def remove_pip(venv: Path) -> None:
    subprocess.run([venv / "bin/pip", "uninstall", "-qy", "pip"], check=True)


@pytest.mark.parametrize("arguments", [[], ["--repair"], ["-r", "requirements.txt"]])
def test_pip_comes_back_where_it_was_lost(project: Path, arguments: list[str]) -> None:
    wheel = small_wheel(project / "wheels", "1.0", name="tool")
    (project / "requirements.txt").write_text(f"{wheel.as_uri()}\n")
    make(project, "-p", MINOR)
    venv = project / ".venv"
    remove_pip(venv)
    assert f"{venv} has no pip: repaired, with its packages" in make(project, *arguments)
    assert subprocess.run([venv / "bin/pip", "--version"], capture_output=True, check=True).stdout.startswith(b"pip ")
    assert (venv / "bin/tool").exists() == ("-r" in arguments)
    assert "left alone" in make(project)


def test_an_environment_made_without_pip_gets_it_only_when_asked_to(project: Path) -> None:
    make(project, "--without-pip", "-p", MINOR)
    venv = project / ".venv"
    make(project, "--repair", "--without-pip")
    assert "left alone" in make(project)
    assert not (venv / "bin/pip").exists()
    make(project, "--repair")
    assert (venv / "bin/pip").exists()


def test_commands_come_back_where_bin_was_lost(project: Path) -> None:
    wheel = small_wheel(
        project / "wheels",
        "1.0",
        name="tool",
        extra={"tool-1.0.data/scripts/odd": "#!python\nprint('odd')\n"},
    )
    make(project, "-p", MINOR)
    venv = project / ".venv"
    subprocess.run([venv / "bin/pip", "install", "-q", "--no-index", wheel], check=True)
    before = {path.name for path in (venv / "bin").iterdir()}
    shutil.rmtree(venv / "bin")
    said = make(project)
    assert f"{venv} has lost its interpreter" in said
    assert "repaired, with its packages but for the command odd, on" in said
    again = f"to have it again: {venv}/bin/python -m pip install --force-reinstall --no-deps tool==1.0"
    assert again.replace(f"{venv}/bin/python", f"'{venv}/bin/python'") in said
    assert {path.name for path in (venv / "bin").iterdir()} == before - {"odd"}
    assert subprocess.run([venv / "bin/tool"], capture_output=True, text=True, check=True).stdout == "1.0\n"
    subprocess.run([venv / "bin/pip", "--version"], capture_output=True, check=True)


@pytest.mark.skipif(not OTHER, reason="there is no other Python on this machine")
def test_an_empty_environment_is_made_for_another_version_without_installing_anything(project: Path) -> None:
    make(project, "-p", MINOR)
    said = make(project, "-p", OTHER)
    assert "installing" not in said
    assert "0 packages installed again" in said


def test_pip_is_kept_off_the_network_offline(project: Path) -> None:
    make(project, "-p", MINOR)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        index = f"http://127.0.0.1:{server.getsockname()[1]}"
        for line in ("missing", f"missing @ {index}/missing-1.0-py3-none-any.whl", f"git+{index}/missing"):
            (project / "requirements.txt").write_text(f"--find-links {index}\n{line}\n")
            done = pyv(
                "venv", "-r", "requirements.txt", cwd=project, PYV_OFFLINE="1", PIP_INDEX_URL=index, NO_PROXY="*"
            )
            assert done.status == 1
            assert "pip was kept off the network" in done.err
            with pytest.raises(BlockingIOError):
                server.accept()


def test_what_the_systems_python_made_says_that_it_has_pip(project: Path) -> None:
    make(project, "-p", "system")
    venv = project / ".venv"
    assert "--without-pip" not in settings(venv).get("command", "")
    assert (venv / "bin/pip").exists()


def test_lost_settings_are_mended_when_asked_to(project: Path) -> None:
    make(project, "-p", MINOR)
    venv = project / ".venv"
    for lose in (Path.unlink, lambda path: path.write_bytes(b"")):
        lose(venv / "pyvenv.cfg")
        assert f"has lost its pyvenv.cfg\n     to mend it, with its packages: pyv venv --repair '{venv}'" in refusal(
            project
        )
        assert "repaired, with its packages" in make(project, "--repair")
        assert "left alone" in make(project)
        assert "include-system-site-packages" in settings(venv)


@pytest.mark.usefixtures("mirror")
def test_a_version_that_cannot_be_had_is_told_once_with_its_own_status(tmp_path: Path) -> None:
    result = pyv("venv", "-p", "3.99", cwd=tmp_path)
    assert (result.status, result.out, len(result.err.splitlines())) == (3, "", 2)
    assert "3.99" in result.err
    assert not (tmp_path / ".venv").exists()
