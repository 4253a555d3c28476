"""Small packages for the tests of `pyv sync` and `pyv lock`, and projects that are built without any tool."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.support.seeds import small_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A build backend (PEP 517, PEP 660) within the project itself, so that nothing has to be fetched to build it
_BACKEND = """
import os, zipfile

def _wheel(folder, files):
    import {toml} as toml
    with open("pyproject.toml", "rb") as file:
        project = toml.load(file)["project"]
    info = "%s-1.0.dist-info" % project["name"]
    lines = ["Metadata-Version: 2.1", "Name: " + project["name"], "Version: 1.0"]
    lines += ["Requires-Dist: " + each for each in project.get("dependencies", [])]
    for extra, requirements in project.get("optional-dependencies", {{}}).items():
        lines += ["Provides-Extra: " + extra]
        lines += ["Requires-Dist: %s; extra == '%s'" % (each, extra) for each in requirements]
    files[info + "/METADATA"] = "\\n".join(lines) + "\\n"
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "/RECORD"] = "".join(name + ",,\\n" for name in files) + info + "/RECORD,,\\n"
    name = "%s-1.0-py3-none-any.whl" % project["name"]
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{"built.py": ""}})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {{"linked.pth": os.path.join(os.getcwd(), "src") + "\\n"}})
"""


def wheel(folder: Path, name: str, version: str = "1.0", requires: Sequence[str] = ()) -> Path:
    """Make a wheel of a package with a command of its name that prints its version."""
    lines = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        *(f"Requires-Dist: {each}\n" for each in requires),
    ]
    return small_wheel(folder, version, name=name, extra={f"{name}-{version}.dist-info/METADATA": "".join(lines)})


def project(folder: Path, text: str, name: str = "mine") -> None:
    """Make a project that builds itself; `text` is more of its pyproject.toml, beginning within `[project]`."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / f"src/{name}.py").write_text("where = __file__\n")
    (folder / "backend.py").write_text(_BACKEND.format(toml="tomllib"))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n{text}'
    )


def locked(*wheels: Path, more: str = "", url: str = "") -> str:
    """Write a lock by hand.

    Args:
        wheels: what it locks.
        more: the end of the file.
        url: where the wheels are; without it where they lie.
    """
    parts = ['lock-version = "1.0"\ncreated-by = "test"\n']
    for each in wheels:
        name, version = each.name.split("-")[:2]
        place = f"{url}/{each.name}" if url else each.as_uri()
        digest = hashlib.sha256(each.read_bytes()).hexdigest()
        parts.append(
            f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\n'
            f'wheels = [{{ name = "{each.name}", url = "{place}", hashes = {{ sha256 = "{digest}" }} }}]\n'
        )
    return "".join(parts) + more
