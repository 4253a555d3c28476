"""Manifests: every kind of damage is found, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyv import manifest
from pyv.errors import VerificationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def version(tmp_path: Path) -> Path:
    root = tmp_path / "3.12.1"
    (root / "lib/pkg").mkdir(parents=True)
    (root / "lib/pkg/mod.py").write_text("x = 1\n")
    (root / "lib/pkg/mod.py").chmod(0o644)
    (root / "python").symlink_to("lib")
    return root


def recorded(root: Path) -> manifest.Manifest:
    contents = manifest.snapshot(root)
    (root / ".pyv").mkdir()
    (root / ".pyv/manifest.json").write_bytes(manifest.dump(contents))
    return manifest.load(root)


def test_an_untouched_version_is_as_its_manifest_says(version: Path) -> None:
    assert manifest.compare(version, recorded(version)) == []


def damage_content(root: Path) -> None:
    (root / "lib/pkg/mod.py").write_text("x = 2\n")


def damage_mode(root: Path) -> None:
    (root / "lib/pkg/mod.py").chmod(0o755)


def damage_link(root: Path) -> None:
    (root / "python").unlink()
    (root / "python").symlink_to("lib/pkg")


def damage_kind(root: Path) -> None:
    (root / "lib/pkg/mod.py").rename(root / "lib/pkg/moved.py")
    (root / "lib/pkg/mod.py").symlink_to("moved.py")


def damage_missing(root: Path) -> None:
    (root / "lib/pkg/mod.py").unlink()


def damage_added(root: Path) -> None:
    (root / "lib/new").mkdir()
    (root / "lib/new/file").touch()


def damage_fifo(root: Path) -> None:
    (root / "python").unlink()
    os.mkfifo(root / "python")


def damage_stray_bytecode(root: Path) -> None:
    (root / "lib/pkg/__pycache__").mkdir()
    (root / "lib/pkg/__pycache__/evil.cpython-312.pyc").touch()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (damage_content, [("lib/pkg/mod.py", "changed")]),
        (damage_mode, [("lib/pkg/mod.py", "changed")]),
        (damage_link, [("python", "changed")]),
        (damage_kind, [("lib/pkg/mod.py", "changed"), ("lib/pkg/moved.py", "added")]),
        (damage_missing, [("lib/pkg/mod.py", "missing")]),
        (damage_added, [("lib/new", "added"), ("lib/new/file", "added")]),
        (damage_fifo, [("python", "changed")]),
        (damage_stray_bytecode, [("lib/pkg/__pycache__/evil.cpython-312.pyc", "added")]),
    ],
)
def test_every_kind_of_damage_is_found(version: Path, damage: object, found: list[tuple[str, str]]) -> None:
    contents = recorded(version)
    assert callable(damage)
    damage(version)
    assert [each[:2] for each in manifest.compare(version, contents)] == found


def test_bytecode_that_python_wrote_is_no_difference(version: Path) -> None:
    contents = recorded(version)
    (version / "lib/pkg/__pycache__").mkdir()
    (version / "lib/pkg/__pycache__/mod.cpython-312.pyc").touch()
    (version / "lib/pkg/__pycache__/mod.cpython-312.opt-1.pyc").touch()
    assert manifest.compare(version, contents) == []


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"schema": 1}', b'{"schema": 2, "entries": {}}', b"\xff"])
def test_a_manifest_that_cannot_be_used_is_said_so(version: Path, content: bytes | None) -> None:
    if content is not None:
        (version / ".pyv").mkdir()
        (version / ".pyv/manifest.json").write_bytes(content)
    with pytest.raises(VerificationError):
        manifest.load(version)
