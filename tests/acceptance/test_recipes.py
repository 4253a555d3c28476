"""The recipes of docs/recipes.md: each section is run as it stands there, and has led to what it promises."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.recipes_support import MINOR, PAGE, User, blocks, index_speaks_json, script, sections
from tests.support.environments import RUNNING
from tests.support.server import Server
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from tests.conftest import Offer

TESTS = {
    "Start a project": "test_start_a_project",
    "Bring a clone to life": "test_bring_a_clone_to_life",
    "Two projects with conflicting versions": "test_two_projects_with_conflicting_versions",
    "Requirements for use, for development, and bounds for both": "test_requirements_and_requirements_dev",
    "Upgrade one package and freeze again": "test_upgrade_one_package_and_freeze_again",
    "pip-tools: compile, upgrade one, sync": "test_pip_tools",
    "Pipenv": "test_pipenv",
    "Poetry": "test_poetry",
    "Develop a package and build it": "test_develop_a_package_and_build_it",
    "Docker, without an environment": "test_the_simple_image_runs_as_another_user",
    "Docker in two stages": "test_the_image_of_two_stages_runs_as_another_user",
    "GitHub Actions": "test_the_workflow_passes_for_each_python",
    "GitLab CI": "test_the_pipeline_passes_for_each_python",
    "VS Code": "test_vs_code",
    "PyCharm": "test_pycharm",
    "Conda beside pyv": "test_conda_beside_pyv",
    "Scripts, cron and systemd": "test_scripts_cron_and_systemd",
}
pytest_plugins = ["tests.acceptance.recipes_fixtures"]
IDNA = "import idna; print(idna.__version__)"


def installed(user: User) -> None:
    user.run(f"pyv install -q {MINOR}")


def test_each_recipe_has_a_test() -> None:
    assert list(TESTS) == list(sections())
    files = [Path(__file__), Path(__file__).with_name("test_recipes_ci.py")]
    trees = [ast.parse(file.read_text()) for file in files]
    names = {each.name for tree in trees for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    assert set(TESTS.values()) <= names
    for title, found in sections().items():
        known = {"sh", "sh interactive", "yaml", "Dockerfile", "crontab", "ini"}
        assert all(each.file or each.language in known for each in found), title


def test_what_the_page_links_to_exists_and_is_what_stands_there() -> None:
    page = PAGE.read_text()
    for name in re.findall(r"\]\(([^)]+)\)", page):
        text = (PAGE.parent / name).read_text()
        if name.startswith("ci/"):
            assert f"({name}):\n\n```{'yaml' if name.endswith('.yml') else 'Dockerfile'}\n{text}```\n" in page, name


@pytest.mark.usefixtures("index")
def test_start_a_project(user: User) -> None:
    said = user.recipe("Start a project")
    project = user.work / "hello"
    version = user.version("idna", project)
    assert said.splitlines()[-1] == version
    assert (project / "requirements.txt").read_text() == f"idna=={version}\n"
    assert (project / ".python-version").read_text() == f"{MINOR}\n"


@pytest.mark.usefixtures("index")
def test_bring_a_clone_to_life(user: User) -> None:
    origin = user.home / "repositories/hello.git"
    origin.mkdir(parents=True)
    (origin / ".python-version").write_text(f"{MINOR}\n")
    (origin / "requirements.txt").write_text("idna\n")
    (origin / "hello.py").write_text(f"import sys; print(sys.prefix); {IDNA}\n")
    git = "git -c user.name=ann -c user.email=ann@example.com"
    user.run(f"git init -q; git add .; {git} commit -qm first", cwd=origin)
    # Whoever asks for https://example.com/ gets the folder
    user.run(f"git config --global url.{origin.parent}/.insteadOf https://example.com/")
    said = user.recipe("Bring a clone to life").splitlines()
    assert said[-2:] == [f"{user.work}/hello/.venv", user.version("idna", user.work / "hello")]
    again = subprocess.run(
        ["bash", "-ic", "pyv sync"], cwd=user.work / "hello", env=user.env, capture_output=True, text=True, check=True
    )
    assert "nothing to do" in again.stderr


@pytest.mark.usefixtures("index")
def test_two_projects_with_conflicting_versions(user: User, offered: Offer) -> None:
    with Server(offered.folder) as server:
        user.env["PYV_MIRROR"] = server.url()
        said = user.recipe("Two projects with conflicting versions").splitlines()
    old, new = (next(line for line in said if line.startswith(f"{name} has")) for name in ("old", "new"))
    assert re.fullmatch(rf"old has 2\.\d+ on {re.escape(offered.middle)}.*", old)
    assert re.fullmatch(rf"new has [^2].* on {re.escape(offered.newest)}.*", new)


@pytest.mark.usefixtures("index")
def test_requirements_and_requirements_dev(user: User) -> None:
    installed(user)
    user.recipe("Requirements for use, for development, and bounds for both")
    assert user.version("idna", user.work) == "3.7"
    assert user.version("iniconfig", user.work) < "3"
    (user.work / "constraints.txt").write_text("idna<3.7\n")
    user.run("pyv sync --dev")
    assert user.version("idna", user.work) == "3.6"
    user.run("pyv sync --exact")
    assert not list(user.work.glob(".venv/lib/python*/site-packages/iniconfig*"))


@pytest.mark.usefixtures("index")
def test_upgrade_one_package_and_freeze_again(user: User) -> None:
    installed(user)
    user.recipe("Upgrade one package and freeze again")
    version = user.version("idna", user.work)
    assert version != "3.6"
    assert (user.work / "requirements.txt").read_text() == f"idna=={version}\niniconfig==1.1.1\n"


@pytest.mark.usefixtures("index")
def test_pip_tools(user: User) -> None:
    installed(user)
    user.recipe("pip-tools: compile, upgrade one, sync")
    assert user.version("idna", user.work) not in ("3.6", "3.7")
    assert user.version("iniconfig", user.work) == "1.1.1"
    compiled = (user.work / "requirements.txt").read_text()
    assert f"idna=={user.version('idna', user.work)}\n" in compiled
    user.run("pyv sync; pip-compile --version")


def test_pipenv(user: User, tools: Path) -> None:
    user.env["PATH"] = f"{tools}:{user.env['PATH']}"
    said = user.recipe("Pipenv").splitlines()
    project = user.work / "hello"
    assert said.count(str(project / ".venv")) == 2
    assert all((project / name).exists() for name in ("Pipfile", "Pipfile.lock"))
    with (user.home / ".bashrc").open("a") as rc:  # a sign of life for each prompt, of the shell in the shell too
        rc.write("PROMPT_COMMAND+=$'\\n: > ~/prompt-${PIPENV_ACTIVE:-0}'\n")
    outside, inside = (user.home / f"prompt-{number}" for number in "01")
    with Terminal("bash", project, program="bash -i", **user.env) as terminal:
        start, line, end = blocks("Pipenv", "sh interactive")[0].splitlines()
        terminal.send(f"{start}\n")
        terminal.wait_until(inside.exists)
        # From here on it hands keys on; those that came before are thrown away when it begins to (TCSAFLUSH)
        terminal.wait_until(lambda: terminal.raw)
        terminal.type(line)
        outside.unlink()
        terminal.send(f"{end}\n")
        terminal.wait_until(outside.exists)
        assert terminal.venv == str(project / ".venv")
    assert (project / "seen").read_text() == str(project / ".venv")
    user.run("rm -rf .venv; pyv venv; pipenv sync --dev; python -c 'import idna, iniconfig'", cwd=project)


def test_poetry(user: User, tools: Path) -> None:
    user.env["PATH"] = f"{tools}:{user.env['PATH']}"
    lines = script("Poetry")
    if not index_speaks_json():  # which Poetry expects of PyPI; of others it does not
        other = "poetry source add --quiet --priority primary other https://pypi.org/simple/\n"
        lines = lines.replace("poetry add", f"{other}poetry add")
    said = user.run(lines).splitlines()
    project = user.work / "hello"
    assert [line for line in said if line.endswith(".venv")] == [str(project / ".venv")] * 2
    assert (project / "poetry.lock").exists()


@pytest.mark.usefixtures("index")
def test_develop_a_package_and_build_it(user: User) -> None:
    installed(user)
    said = user.recipe("Develop a package and build it")
    assert "hello" in said.splitlines()
    assert {path.name for path in (user.work / "dist").iterdir()} == {
        "hello-1.0.tar.gz",
        "hello-1.0-py3-none-any.whl",
    }
    where = user.run("python -c 'import hello; print(hello.__file__)'").strip()
    assert where == str(user.work / "src/hello/__init__.py")


def test_vs_code(user: User) -> None:
    installed(user)
    shown = user.recipe("VS Code")
    assert '"python.defaultInterpreterPath": "${workspaceFolder}/.venv/bin/python"' in shown
    assert "`python.defaultInterpreterPath` to `${workspaceFolder}/.venv/bin/python`" in PAGE.read_text()
    assert os.access(user.work / ".venv/bin/python", os.X_OK)


def test_pycharm(user: User) -> None:
    installed(user)
    paths = user.recipe("PyCharm").split()
    assert paths == [f"{user.work}/.venv/bin/python", f"{user.root}/versions/{MINOR}/bin/python"]
    for path in paths:
        assert user.start([path, "-c", "print(6 * 7)"]) == "42\n"


CONDA = """
conda() {
    if [ "$1" = activate ]; then
        export CONDA_DEFAULT_ENV=$2 CONDA_PREFIX=~/miniconda3/envs/$2
        PATH=$CONDA_PREFIX/bin:$PATH
    else
        PATH=${PATH#"$CONDA_PREFIX/bin:"}
        unset CONDA_DEFAULT_ENV CONDA_PREFIX
    fi
}
"""


def test_conda_beside_pyv(user: User) -> None:
    installed(user)
    prefix = user.home / "miniconda3/envs/science"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "bin").mkdir()
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(Path(sys.base_prefix, "bin/python3"))
    before = sorted(prefix.rglob("*"))
    said = user.recipe("Conda beside pyv").splitlines()
    linked = Path(next(line for line in said if "/bin/python" in line))
    assert linked.parent.samefile(prefix / "bin")
    assert said[-1] == "conda env create -f environment.yml"
    assert sorted(prefix.rglob("*")) == before
    user.run("mkdir hello; cd hello; pyv local 3; pyv venv", cwd=user.home)
    with (user.home / ".bashrc").open("a") as rc:
        rc.write(CONDA)
    with Terminal("bash", user.work, program="bash -i", **user.env) as terminal:
        for line in blocks("Conda beside pyv", "sh interactive")[0].splitlines():
            terminal.type(line)
    assert (user.home / "while-active").read_text() == f"{prefix}/bin/python\n"
    assert (user.home / "afterwards").read_text() == f"{user.home}/hello/.venv/bin/python\n"
    refused = subprocess.run(
        ["bash", "-ic", "pyv sync"], cwd=user.home / "data", env=user.env, capture_output=True, text=True, check=False
    )
    assert "environment.yml is conda's" in refused.stderr
    assert "conda env create -f environment.yml" in refused.stderr


@pytest.mark.usefixtures("index")
def test_scripts_cron_and_systemd(user: User) -> None:
    title = "Scripts, cron and systemd"
    project = user.home / "hello"
    installed(user)
    project.mkdir()
    said = user.recipe(title).splitlines()
    assert Path(said[-1]).samefile(user.root / "versions" / RUNNING)
    # As cron does it: a bare environment, sh, and the home folder
    bare = {"HOME": str(user.home), "LOGNAME": "ann", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    for line in blocks(title, "crontab")[0].splitlines():
        command = re.sub(r"^(@\w+|(\S+ ){4}\S+) ", "", line)
        user.start(["/bin/sh", "-c", command], cwd=user.home, env=bare)
    unit = dict(line.split("=", 1) for line in blocks(title, "ini")[0].splitlines()[1:])
    words = unit["ExecStart"].replace("%h", str(user.home)).split()
    user.start(words, cwd=Path(unit["WorkingDirectory"].replace("%h", str(user.home))), env={"LANG": "C"})
    assert (project / "seen").read_text() == f"{project}/.venv {user.version('idna', project)}\n" * 3
    # Without an environment the shim runs the pinned version
    user.run("rm -rf .venv", cwd=project)
    (project / "job.py").write_text("import sys; print(sys.prefix, file=open('seen', 'w'))\n")
    user.start(["/bin/sh", "-c", "cd ~/hello && ~/.local/share/pyv/shims/python job.py"], cwd=user.home, env=bare)
    assert Path((project / "seen").read_text().strip()).samefile(user.root / "versions" / RUNNING)


def test_every_block_of_a_shell_is_correct_for_bash() -> None:
    for title, found in sections().items():
        if any(each.language == "sh" for each in found):
            subprocess.run(["bash", "-n", "-c", script(title)], check=True)
