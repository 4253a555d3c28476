"""The files of docs/ci and the action: their commands are run in order, as the runner of each would run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.recipes_support import TREE, User, adapted
from tests.support.projects import program
from tests.support.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Offer

pytest_plugins = ["tests.acceptance.recipes_fixtures"]
CI = TREE / "docs/ci"
# What a CI machine has besides, to be left alone here
SYSTEM_COMMANDS = ("apt-get", "useradd")
NOBODY = 65534


def load(file: Path) -> Any:  # noqa: ANN401 - whatever the document holds
    yaml = pytest.importorskip("yaml", reason="needs pyyaml")
    return yaml.safe_load(adapted(file.read_text()))


def make_project(folder: Path) -> Path:
    """Make what a CI checks out."""
    folder.mkdir()
    (folder / "requirements.txt").write_text("idna\n")
    (folder / "requirements-dev.txt").write_text("-r requirements.txt\npytest\n")
    (folder / "hello.py").write_text("import idna, os, sys; print(os.getuid(), sys.prefix, sys.version)\n")
    (folder / "test_hello.py").write_text(
        "import sys, hello\n\ndef test_hello():\n    open('seen', 'w').write(f'{sys.prefix} {sys.version}')\n"
    )
    return folder


@pytest.fixture
def runner(isolated: Path, offered: Offer, shared: Path) -> Iterator[User]:
    """Return the user of a CI machine, with nothing of pyv's but a mirror."""
    with Server(offered.folder) as server:
        made = User(isolated / "runner", server.url(), shared)
        (made.home / ".local/bin/pyv").unlink()
        yield made


class Job:
    """One job of a workflow on GitHub's runner, as far as these files make use of it."""

    def __init__(self, user: User, project: Path, matrix: dict[str, str]) -> None:
        self.user = user
        self.project = project
        self.contexts = {"matrix": matrix}
        temporary = user.home / "runner-temp"
        temporary.mkdir(exist_ok=True)
        self.env = {**user.env, "RUNNER_TEMP": str(temporary)}

    def steps(self, steps: list[dict[str, Any]]) -> None:
        """Run steps."""
        for step in steps:
            used = step.get("uses", "").partition("@")[0]
            if used == "actions/checkout":
                make_project(self.project)
            elif used:
                self.use(used, step.get("with", {}))
            else:
                self.run(step)

    def use(self, name: str, given: dict[str, str]) -> None:
        """Run the steps of a composite action of pyv's own repository."""
        assert name.startswith("OWNER/pyv/"), name
        folder = TREE / name.removeprefix("OWNER/pyv/")
        action = load(folder / "action.yml")
        assert action["runs"]["using"] == "composite"
        assert given.keys() <= action["inputs"].keys()
        inputs = {name: each.get("default", "") for name, each in action["inputs"].items()}
        self.contexts["inputs"] = {**inputs, **{name: self.fill(value) for name, value in given.items()}}
        self.env["GITHUB_ACTION_PATH"] = str(folder)
        for step in action["runs"]["steps"]:
            assert step["shell"] == "bash"  # which a composite action must say
            self.run(step)
        del self.contexts["inputs"]

    def fill(self, text: str) -> str:
        """Put in the values of expressions."""

        def value(found: re.Match[str]) -> str:
            return self.contexts[found[1]][found[2]]

        return re.sub(r"\$\{\{ ([a-z]+)\.([a-z-]+) \}\}", value, text)

    def run(self, step: dict[str, Any]) -> None:
        """Run the commands of a step, in the shell that the runner would take."""
        file = self.user.home / "step.sh"
        file.write_text(self.fill(step["run"]))
        path = self.user.home / "github-path"
        path.touch()
        own = {name: self.fill(value) for name, value in step.get("env", {}).items()}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if "shell" in step else ["bash", "-e"]
        env = {**self.env, **own, "GITHUB_PATH": str(path)}
        self.user.start([*shell, str(file)], cwd=self.project if self.project.exists() else None, env=env)
        for line in path.read_text().splitlines():
            self.env["PATH"] = f"{line}:{self.env['PATH']}"
        path.unlink()


@pytest.mark.usefixtures("index")
def test_the_workflow_passes_for_each_python(runner: User, offered: Offer) -> None:
    workflow = load(CI / "github.yml")
    job = workflow["jobs"]["test"]
    pythons = job["strategy"]["matrix"]["python"]
    assert len(pythons) == 2
    for python, expected in zip(pythons, (offered.middle, offered.newest), strict=True):
        project = runner.work / f"checkout-{python}"
        Job(runner, project, {"python": python}).steps(job["steps"])
        prefix, version = (project / "seen").read_text().split()[:2]
        assert (prefix, version) == (f"{project}/.venv", expected)
    pinned = make_project(runner.work / "checkout")
    (pinned / ".python-version").write_text(f"{offered.oldest}\n")
    alone = Job(runner, pinned, {})
    alone.use("OWNER/pyv/.github/actions/setup-pyv", {})
    said = runner.start(["python", "-c", "import sys; print(sys.version)"], cwd=pinned, env=alone.env)
    assert said.startswith(f"{offered.oldest} ")


def test_the_pipeline_passes_for_each_python(runner: User, wheel: Path, offered: Offer) -> None:
    job = load(CI / "gitlab-ci.yml")["test"]
    (matrix,) = job["parallel"]["matrix"]
    assert len(matrix["PYTHON"]) == 2
    for python, expected in zip(matrix["PYTHON"], (offered.middle, offered.newest), strict=True):
        project = make_project(runner.work / f"checkout-{python}")
        text = "\n".join([*job["before_script"], *job["script"]])
        env = {**runner.env, "PYTHON": python, "PYV_SOURCE": str(wheel)}
        runner.start(["sh", "-e", "-c", text], cwd=project, env=env)
        prefix, version = (project / "seen").read_text().split()[:2]
        assert (prefix, version) == (f"{project}/.venv", expected)


class Image:
    """What a Dockerfile makes, in a folder that stands for `/`: its absolute paths are put below it.

    Attributes:
        root: that folder.
        command: what a container runs.
    """

    def __init__(self, root: Path, user: User, arguments: dict[str, str]) -> None:
        self.root = root
        self.command: list[str] = []
        self._owner = user
        self._arguments = arguments
        self._system = root.parent / "system"
        for name in SYSTEM_COMMANDS:
            program(self._system / name, "#!/bin/sh\n")
        program(self._system / "python3", (user.home / ".local/bin/python3").read_text())
        self._stages = 0
        self._names: dict[str, Path] = {}
        self._begin("", "")

    def _begin(self, former: str, name: str) -> None:
        if self.root.exists():  # what is not copied from it is gone
            self._stages += 1
            kept = self.root.with_name(f"stage{self._stages}")
            self.root.rename(kept)
            self._names[former] = kept
        self.root.mkdir()
        self.name = name
        self.cwd = self.root
        self.uid = os.geteuid()
        self.env = {**self._owner.env, "PATH": f"{self._system}:/usr/bin:/bin"}

    def build(self, file: Path, context: Path) -> None:
        """Do what the lines of a Dockerfile say."""
        text = re.sub(r"^#.*\n", "", adapted(file.read_text()), flags=re.MULTILINE).replace("\\\n", " ")
        for line in filter(None, text.splitlines()):
            word, _, rest = line.partition(" ")
            getattr(self, f"_{word.lower()}")(rest, context)

    def placed(self, text: str) -> str:
        """Return a text with the absolute paths of the image where they are."""
        return re.sub(r"(?<![\w.}])/(opt|app|var)\b", rf"{self.root}/\1", text)

    def start(self, words: list[str]) -> str:
        """Run a program in the image, as its user."""
        done = subprocess.run(
            words,
            cwd=self.cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **({"user": self.uid, "group": self.uid, "extra_groups": ()} if self.uid != os.geteuid() else {}),  # type: ignore[call-overload]  # of no one overload
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)

    def _from(self, rest: str, _context: Path) -> None:
        self._begin(getattr(self, "name", ""), rest.partition(" AS ")[2])

    def _arg(self, rest: str, _context: Path) -> None:
        self.env[rest] = self._arguments[rest]

    def _env(self, rest: str, _context: Path) -> None:
        for each in shlex.split(self.placed(rest)):
            name, _, value = each.partition("=")
            self.env[name] = value.replace("$PATH", self.env["PATH"])

    def _workdir(self, rest: str, _context: Path) -> None:
        self.cwd = Path(self.placed(rest))
        self.cwd.mkdir(exist_ok=True)

    def _copy(self, rest: str, context: Path) -> None:
        *options, source, target = rest.split()
        if options:
            stage = self._names[options[0].removeprefix("--from=")]
            shutil.copytree(stage / source.lstrip("/"), self.placed(target), symlinks=True)
        elif source == ".":
            shutil.copytree(context, self.cwd, dirs_exist_ok=True)
        else:
            shutil.copy(context / source, self.cwd)

    def _run(self, rest: str, _context: Path) -> None:
        self.start(["/bin/sh", "-c", self.placed(rest)])

    def _user(self, rest: str, _context: Path) -> None:
        assert rest == "app"
        if os.geteuid() == 0:
            self.uid = NOBODY

    def _cmd(self, rest: str, _context: Path) -> None:
        self.command = [str(each) for each in json.loads(rest)]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Return a folder that another user can look into; those of pytest are closed."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ran(image: Image, file: Path, project: Path) -> tuple[int, Path]:
    """Build an image, run it, and return as whom it runs, and where its Python is."""
    image.build(file, project)
    image.env = {name: value for name, value in image.env.items() if name in ("PATH", "PYV_ROOT")}
    uid, prefix = image.start(image.command).split()[:2]
    return int(uid), Path(prefix)


def test_the_simple_image_runs_as_another_user(runner: User, wheel: Path, scratch: Path, offered: Offer) -> None:
    image = Image(scratch / "root", runner, {"PYV_SOURCE": str(wheel)})
    uid, prefix = ran(image, CI / "Dockerfile.simple", make_project(runner.work / "context"))
    assert uid == (os.geteuid() or NOBODY)
    assert prefix.samefile(image.root / "opt/pythons/versions" / offered.newest)


def test_the_image_of_two_stages_runs_as_another_user(runner: User, wheel: Path, scratch: Path) -> None:
    image = Image(scratch / "root", runner, {"PYV_SOURCE": str(wheel)})
    uid, prefix = ran(image, CI / "Dockerfile", make_project(runner.work / "context"))
    assert uid == (os.geteuid() or NOBODY)
    assert prefix == image.root / "opt/venv"
    assert {path.name for path in (image.root / "opt").iterdir()} == {"pythons", "venv"}
