"""docs/tools.md: each section is done as it stands there, with the real tool, which then runs the right Python."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.tools_support import OTHER, PINNED, PROBE, THIRD, Project, World, make_world, sections
from tests.support.command import pyv
from tests.support.projects import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Offer
    from tests.support.server import Server

# Where they are before tests get a PATH of their own
_DIRENV = shutil.which("direnv")
_NOBODY = "nobody"
# As direnv's hook does it at each prompt; what it prints is code, and nothing where nothing has changed
_RELOADED = """
eval "$(direnv export bash 2>/dev/null)"
direnv export bash 2>/dev/null
pyv venv
eval "$(direnv export bash 2>/dev/null)"
echo "$VIRTUAL_ENV"
command -v python
"""
_BACKEND = """
import os, sys, tarfile, zipfile

def build_sdist(folder, settings=None):
    with tarfile.open(os.path.join(folder, "demo-1.tar.gz"), "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py", "PKG-INFO"):
            archive.add(name, f"demo-1/{name}")
    return "demo-1.tar.gz"

def build_wheel(folder, settings=None, metadata=None):
    %s
    with zipfile.ZipFile(os.path.join(folder, "demo-1-py3-none-any.whl"), "w") as archive:
        archive.writestr("demo-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: demo\\nVersion: 1\\n")
        archive.writestr("demo-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("demo-1.dist-info/RECORD", "")
    return "demo-1-py3-none-any.whl"
"""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory)


@pytest.fixture
def made(world: World, tmp_path: Path) -> Callable[..., Project]:
    """Return what makes the project, with some tools on PATH."""

    def make(*packages: str) -> Project:
        return Project(world, tmp_path, *map(world.tool, packages))

    return make


@pytest.fixture
def open_store(world: World) -> Iterator[tuple[Path, Path]]:
    """Return a folder that every user can reach, and a store in it."""
    with tempfile.TemporaryDirectory(prefix="pyv-open-") as name:
        folder = Path(os.path.realpath(name))
        folder.chmod(0o755)
        done = pyv("install", world.archive, PYV_ROOT=str(folder / "store"), PYV_CACHE_DIR=str(world.shared / "cache"))
        assert done.status == 0, done.err
        yield folder, folder / "store"


# Test runners


def test_tox_finds_three_versions_in_a_project_that_is_pinned_to_one(made: Callable[..., Project]) -> None:
    project = made("tox")
    project.world.need_three()
    check_tox(project, project.follow("tox"))


def test_tox_uv_finds_three_versions_in_a_project_that_has_an_environment(made: Callable[..., Project]) -> None:
    project = made("tox-uv")
    project.world.need_three()
    check_tox(project, project.follow("tox-uv"))


def check_tox(project: Project, printed: str) -> None:
    assert printed.count("Python 3.") == 3
    for version in (OTHER, PINNED, THIRD):
        factor = project.world.adapted(f"py{version.replace('.', '')}")
        assert project.probe(f".tox/{factor}/bin/python") == project.world.told(version)


def test_nox_finds_three_versions_in_a_project_that_is_pinned_to_one(made: Callable[..., Project]) -> None:
    project = made("nox")
    project.world.need_three()
    assert project.follow("nox").count("Python 3.") == 3
    for version in (OTHER, PINNED, THIRD):
        session = project.world.adapted(version).replace(".", "-")
        assert project.probe(f".nox/tests-{session}/bin/python") == project.world.told(version)


# Environments


def test_virtualenv_takes_the_version_that_is_asked_for(made: Callable[..., Project]) -> None:
    project = made("virtualenv")
    project.follow("virtualenv")
    assert project.probe("another/bin/python") == project.world.told(OTHER)
    assert project.probe(".venv/bin/python") == project.world.told(PINNED)
    assert project.run('python -c "import sys; print(sys.prefix)"').strip() == str(project.folder / ".venv")
    short = project.root / "versions" / project.world.adapted(PINNED)
    assert f"home = {short}/bin\n" in (project.folder / ".venv/pyvenv.cfg").read_text()


def test_virtualenv_takes_the_new_patch_after_an_upgrade(
    world: World, tmp_path: Path, offered: Offer, mirror: Server
) -> None:
    assert mirror.url()
    packages = next(world.tool("virtualenv").parent.glob("lib/python*/site-packages"))
    assert pyv("install", offered.oldest).status == 0
    root = Path(os.environ["PYV_ROOT"])
    project = Project(world, tmp_path, root=root)
    project.env["PYTHONPATH"] = str(packages)
    (project.folder / ".python-version").unlink()

    def versions() -> list[str]:
        asked = f"python{offered.minor}"
        for number, request in enumerate((offered.minor, asked, f"{root}/shims/{asked}")):
            project.run(f"{asked} -m virtualenv --clear --quiet -p {request} {number}")
        return [project.probe(f"{number}/bin/python").split()[1] for number in range(3)]

    assert versions() == [offered.oldest] * 3
    assert pyv("upgrade", offered.minor).status == 0
    # Those that are there come along
    assert project.probe("0/bin/python").split()[1] == offered.newest
    assert versions() == [offered.newest] * 3
    assert f"version_info = {offered.newest}." in (project.folder / "0/pyvenv.cfg").read_text()


def test_hatch_takes_the_versions_that_its_environments_ask_for(made: Callable[..., Project]) -> None:
    project = made("hatch")
    project.follow("Hatch")
    assert project.world.told(PINNED) in project.run('hatch run python -c "$PROBE"')
    assert project.world.told(OTHER) in project.run('hatch run old:python -c "$PROBE"')


def test_pdm_takes_the_version_that_is_asked_for(made: Callable[..., Project]) -> None:
    project = made("pdm")
    project.follow("PDM")
    assert project.probe(".venv/bin/python") == project.world.told(PINNED)
    project.run("rm -rf .venv .pdm-python; pyv venv")
    before = (project.folder / ".venv/pyvenv.cfg").stat()
    assert project.run('pdm run --quiet python -c "$PROBE"').strip() == project.world.told(PINNED)
    assert os.path.samestat((project.folder / ".venv/pyvenv.cfg").stat(), before)


def test_poetry_uses_the_version_that_is_asked_for_and_an_environment_of_pyv(made: Callable[..., Project]) -> None:
    project = made("poetry")
    told = project.follow("Poetry")
    used = [project.world.told(version).split()[1] for version in (OTHER, PINNED)]
    assert re.findall(r"^Python (\S+)$", told, re.MULTILINE) == used
    assert project.probe(project.only(".cache/pypoetry/virtualenvs/*/bin/python")) == project.world.told(OTHER)
    assert project.run("poetry env info --path").strip() == str(project.folder / ".venv")
    assert project.probe(".venv/bin/python") == project.world.told(PINNED)


def test_pipenv_makes_its_environment_on_the_version_that_is_asked_for(made: Callable[..., Project]) -> None:
    project = made("pipenv")
    project.follow("Pipenv")
    python = project.only(".local/share/virtualenvs/*/bin/python")
    assert project.probe(python) == project.world.told(PINNED)


def test_pip_tools_compile_for_the_python_of_the_project(made: Callable[..., Project]) -> None:
    project = made()
    project.world.need_index()
    project.follow("pip-tools")
    pinned = project.world.adapted(PINNED)
    assert f"with Python {pinned}\n" in (project.folder / "requirements.txt").read_text()
    assert list(project.folder.glob(f".venv/lib/python{pinned}/site-packages/iniconfig"))


def test_pipx_is_installed_and_installs_a_command_on_the_version_that_is_asked_for(
    made: Callable[..., Project],
) -> None:
    project = made()
    project.world.need_index()
    commands = project.home / ".local/bin"
    commands.mkdir(parents=True)
    project.env["PATH"] += f":{commands}"
    project.follow("pipx")
    venv = project.home / ".local/share/pipx/venvs/pipenv"
    assert project.probe(venv / "bin/python") == project.world.told(PINNED)
    short = project.root / "versions" / project.world.adapted(PINNED)
    assert f"home = {short}/bin\n" in (venv / "pyvenv.cfg").read_text()
    assert "pipenv, version " in project.run("pipenv --version")


def test_pre_commit_runs_a_hook_on_its_language_version(made: Callable[..., Project]) -> None:
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    project = made("pre-commit")
    project.run("git init --quiet .")
    project.follow("pre-commit")
    python = project.only(".cache/pre-commit/repo*/py_env-*/bin/python")
    assert python.parts[-3] == f"py_env-python{project.world.adapted(PINNED)}"
    assert project.probe(python) == project.world.told(PINNED)


def test_uv_finds_our_interpreters_on_path(made: Callable[..., Project]) -> None:
    project = made("uv")
    project.follow("uv")
    assert project.probe("another/bin/python") == project.world.told(OTHER)
    assert project.probe(".venv/bin/python") == project.world.told(PINNED)
    assert project.run('python -c "import sys; print(sys.prefix)"').strip() == str(project.folder / ".venv")
    assert project.probe("other/bin/python") == project.world.told(PINNED)
    asked = project.world.adapted(THIRD)
    found = project.run(f"uv python find --no-project {asked}", UV_PYTHON_DOWNLOADS="never").strip()
    assert project.probe(found) == project.world.told(THIRD)


def test_build_builds_with_the_python_of_the_project(made: Callable[..., Project]) -> None:
    project = made()
    project.world.need_index()
    (project.folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "demo"\nversion = "1"\n'
    )
    (project.folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1\n")
    (project.folder / "backend.py").write_text(_BACKEND % PROBE.replace("import os, sys; ", ""))
    assert project.world.told(PINNED) in project.follow("build")
    assert len(list((project.folder / "dist").iterdir())) == 2


# Whoever starts programs


def test_direnv_puts_the_python_of_the_project_first(made: Callable[..., Project], tmp_path: Path) -> None:
    if _DIRENV is None:
        pytest.skip("there is no direnv here")
    project = made()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/direnv").symlink_to(_DIRENV)
    (tmp_path / "bin/pyv").symlink_to(project.root / "shims/pyv")  # and none of the other shims
    project.env["PATH"] = f"{tmp_path}/bin:/usr/local/bin:/usr/bin:/bin"
    project.follow("direnv")
    inside = 'direnv exec . python -c "$PROBE"'
    assert project.run(inside).strip() == project.world.told(PINNED)
    told = project.run(f"exec bash -eu -c {shlex.quote(_RELOADED)}")
    assert told.splitlines() == [f"{project.folder}/.venv", f"{project.folder}/.venv/bin/python"]
    (project.folder / ".envrc").write_text(project.world.adapted("use pyv 3.11 3.13\n"))
    assert project.run(f"direnv allow; {inside}").strip() == project.world.told(OTHER)
    third = project.world.adapted(THIRD)
    assert project.run(f'direnv exec . python{third} -c "$PROBE"').strip() == project.world.told(THIRD)
    (project.folder / ".envrc").write_text("use pyv 3.1\n")
    assert "3.1 is not installed" in project.run("direnv allow; direnv exec . true 2>&1 || true")


def in_place(text: str, project: Project) -> str:
    """Return a line of the page about a project of somebody's, for this one."""
    text = text.replace("/home/me/.local/share/pyv", shlex.quote(str(project.root)))
    return text.replace("/srv/project", shlex.quote(str(project.folder)))


def test_cron_runs_a_job_on_the_python_of_its_project(made: Callable[..., Project]) -> None:
    project = made()
    (project.folder / "job.py").write_text(PROBE)
    (block,) = sections()["cron"]
    line = re.fullmatch(r"(?:\S+ ){5}(.*)\n", block.text)
    assert line
    env = {"HOME": str(project.home), "LOGNAME": "me", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    done = subprocess.run(
        ["/bin/sh", "-c", in_place(line[1], project)],
        env=env,
        cwd=project.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == (project.world.told(PINNED), "")


def test_systemd_runs_a_service_on_the_python_of_its_project(made: Callable[..., Project]) -> None:
    project = made()
    (project.folder / "job.py").write_text(PROBE)
    (block,) = sections()["systemd"]
    unit = dict(line.split("=", 1) for line in block.text.splitlines() if "=" in line)
    (folder,) = shlex.split(in_place(unit["WorkingDirectory"], project))
    words = shlex.split(in_place(unit["ExecStart"], project))
    # A service of the system has no HOME unless it has a user
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "INVOCATION_ID": "0"}
    done = subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (project.world.told(PINNED), "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user without being asked")
def test_sudo_runs_the_python_of_the_project_as_another_user(world: World, open_store: tuple[Path, Path]) -> None:
    folder, root = open_store
    project = Project(world, folder, folder / "bin", root=root)
    (project.folder / ".python-version").write_text(world.adapted(f"{OTHER}\n"))
    (project.folder / "job.py").write_text(f"import getpass; {PROBE}; print(os.geteuid())")
    if not shutil.which("sudo"):
        if not shutil.which("setpriv"):
            pytest.skip("there is neither sudo nor setpriv here")
        # As sudo does it: another user, and an environment of its own
        program(
            folder / "bin/sudo",
            "#!/bin/sh\nuser=$2; shift 2; cmd=$1; shift\n"
            'exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups '
            'env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent LOGNAME="$user" "$cmd" "$@"\n',
        )
    told = project.follow("sudo").splitlines()
    assert told == [world.told(OTHER, root), project.run(f"id -u {_NOBODY}").strip()]


def test_a_program_finds_the_other_versions_by_name(made: Callable[..., Project]) -> None:
    project = made()
    project.world.need_three()
    names = [project.world.names[version] for version in (OTHER, PINNED, THIRD, PINNED)]
    assert project.follow("Subprocesses").splitlines() == [f"Python {name}" for name in names]


def test_tools_that_know_pyenv_find_the_store_through_pyenv_root(world: World, tmp_path: Path) -> None:
    tools = [world.tool(each) for each in ("pipenv", "poetry", "virtualenv")]
    root = Path(os.environ["PYV_ROOT"])  # its own, for it gets a command pyenv
    for name in set(world.names.values()):
        assert pyv("link", name, world.root / "versions" / name).status == 0
    project = Project(world, tmp_path, *tools, root=root)
    project.follow("PYENV_ROOT")
    assert project.probe(project.only(".local/share/virtualenvs/*/bin/python")) == world.told(PINNED)
    assert f"{root}/versions/{world.names[THIRD]}/bin" in project.run("poetry python list", PYENV_ROOT=str(root))
    project.run(world.adapted(f"virtualenv --quiet -p {PINNED} venv"), PYENV_ROOT=str(root))
    assert project.probe("venv/bin/python") == world.told(PINNED)


# The page itself


def test_each_section_of_the_page_is_followed_by_a_test() -> None:
    followed = set()
    for node in ast.walk(ast.parse(Path(__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "follow":
            followed |= {each.value for each in node.args if isinstance(each, ast.Constant)}
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            followed |= {node.slice.value} if "sections()" in ast.unparse(node.value) else set()
    assert followed == set(sections())
