"""The README's first command, as somebody runs it who has nothing yet, and taking it back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.package_index import SETTINGS, configuration, trouble
from tests.support.session import shared_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a new user, to whom the place of the builds is out of reach."""
    why_not = trouble(shared_folder(tmp_path_factory, "quickstart"))
    if why_not:
        pytest.skip(f"no package index can be reached: {why_not}")
    mirror = "http://127.0.0.1:1"
    return {name: os.environ[name] for name in ("HOME", "PATH")} | SETTINGS | configuration() | {"PYV_MIRROR": mirror}


def run(env: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_the_first_command_sets_pyv_up_installs_a_python_and_runs_it(env: dict[str, str]) -> None:
    done = run(env, "sh", ROOT / "scripts/quickstart.sh")
    assert (done.returncode, done.stderr.count("upstream cannot be reached")) == (0, 1), done.stderr
    store = Path(env["HOME"], ".local/share/pyv")
    assert done.stdout.startswith("Hello from Python 3.")
    assert f" in {store}/versions/3." in done.stdout
    pyv = Path(env["HOME"], ".local/bin/pyv")
    # Whatever pip has set it up: no command of pyv's imports what only pip's own lines make use of
    version = run(env | {"PYTHONPROFILEIMPORTTIME": "1"}, pyv, "--version")
    assert version.stdout.startswith("pyv ")
    imported = {line.rpartition("|")[2].strip() for line in version.stderr.splitlines()}
    assert "pyv" in imported
    assert "re" not in imported
    # It says what comes next, and that is taken back with it
    bashrc = Path(env["HOME"], ".bashrc")
    assert f"{pyv} init --install" in done.stderr
    assert run(env, pyv, "init", "bash", "--install").returncode == 0
    assert str(store) in bashrc.read_text()
    taken_back = run(env, "sh", ROOT / "scripts/install.sh", "--uninstall")
    assert (taken_back.returncode, pyv.exists(), Path(env["HOME"], ".local/lib/pyv").exists()) == (0, False, False)
    assert (taken_back.stderr.count(f"still in {store}"), bashrc.exists()) == (1, False)
    assert run(env, store / "versions" / "3" / "bin/python3", "-c", "import ssl").returncode == 0
