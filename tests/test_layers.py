"""The layers of the code: who may import whom, and what is not imported before it is needed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pyv

if TYPE_CHECKING:
    from tests.conftest import Offer

SOURCE = Path(pyv.__file__).parent
# From the top: a module imports only from layers above its own
LAYERS = (
    ("errors",),
    ("versions", "platforms"),
    ("catalogue", "layout", "ended", "worker"),
    ("fsops", "disk", "proc", "together", "fetch", "archive", "elf"),
    (
        "pins",
        "store",
        "registry",
        "index",
        "settings",
        "cache",
        "manifest",
        "unpack",
        "smoke",
        "fixups",
        "seed",
        "dependents",
    ),
    (
        "install",
        "uninstall",
        "upgrade",
        "prune",
        "link",
        "imports",
        "pack",
        "select",
        "shims",
        "init",
        "sync",
        "envs",
        "doctor",
        "repair",
    ),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
# Each of these belongs to one module, or is used nowhere
OWNERS = {
    "filelock": "fsops",
    "shutil": "fsops",
    "subprocess": "proc",
    "httpx": "fetch",
    "tarfile": "archive",
    "zipfile": "archive",
    "zstandard": "archive",
    "isal": "archive",
    "zlib": "archive",
    "gzip": "archive",
    "click": "cli",
    "tqdm": "cli",
}
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "pyv" else {module}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_layers_above_its_own(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    assert room in RANK, f"{room} has no layer"
    for name in imports_of(path):
        top, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if top == "pyv" and other and other not in ("__version__", room):
            assert RANK[other] < RANK[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_each_outside_world_has_one_owner(path: Path) -> None:
    for name in imports_of(path):
        owner = OWNERS.get(name.split(".")[0])
        assert owner in (None, room_of(path)), f"{path.name} imports {name}, which belongs to {owner}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def modules_after(*arguments: str) -> set[str]:
    program = (
        "import json, sys\n"
        "sys.argv = ['pyv', *sys.argv[1:]]\n"
        "from pyv.__main__ import main\n"
        "status = main()\n"
        "print(json.dumps([status, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 0
    return {name.split(".")[0] for name in modules}


HEAVY = {"httpx", "zstandard", "filelock", "isal", "tqdm", "platformdirs", "asyncio", "subprocess"}


def test_printing_the_version_imports_no_library_and_no_command_line() -> None:
    assert modules_after("--version") & (HEAVY | {"click", "json", "inspect", "re"}) <= {"json", "re"}


@pytest.mark.parametrize("command", [["versions"], ["versions", "--bare"], ["root"]], ids=" ".join)
def test_reading_commands_import_no_heavy_library(command: list[str]) -> None:
    assert modules_after(*command) & HEAVY == set()


def test_reading_commands_read_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("pyv/config.toml", "pyproject.toml"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text('shared = "/opt/pyv"\n[tool.pyv]\noffline = true\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert modules_after("versions") & {"tomllib", "tomli"} == set()


@pytest.mark.usefixtures("mirror")
def test_a_plain_install_from_the_network_imports_no_command_line_library(offered: Offer) -> None:
    modules = modules_after("install", "-q", offered.oldest, offered.newest)  # one alone is downloaded by a worker
    assert "httpx" in modules
    assert modules & {"click", "rich", "tqdm", "concurrent"} == set()


def test_importing_every_module_does_nothing(tmp_path: Path) -> None:
    names = [
        ".".join(("pyv", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__") for path in MODULES
    ]
    program = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
