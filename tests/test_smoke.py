"""The smoke run: what it finds, and the copy of the interpreter that compiles ahead of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from pyv import smoke
from pyv.errors import VerificationError
from tests.support.command import everything_in, pyv, store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Offer


@pytest.fixture
def prefix(offered: Offer) -> Path:
    """Return an installed CPython, which has no bytecode."""
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    return store() / "versions" / offered.oldest


def compiled_in(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.rglob("*.pyc")}


def test_the_answer_is_the_same_with_a_folder_for_bytecode(prefix: Path, offered: Offer, tmp_path: Path) -> None:
    before = everything_in(prefix)
    assert smoke.ask(prefix, {}).version.name == offered.oldest
    assert smoke.ask(prefix, {}, tmp_path) == smoke.ask(prefix, {})
    assert everything_in(prefix) == before


def test_a_copy_compiles_ahead_what_is_going_to_be_imported(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = smoke._QUESTION.replace("import enum", "os.waitpid(copy, 0)\ncopy = None\nimport enum")
    monkeypatch.setattr(smoke, "_QUESTION", patient)
    smoke.ask(prefix, {}, tmp_path)
    compiled = compiled_in(tmp_path)
    assert {"ssl", "socket", "selectors", "base64"} <= compiled
    assert {"_parser", "_compiler"} <= compiled or {"sre_parse", "sre_compile"} <= compiled
    assert "enum" not in compiled  # is left to the original


def test_nothing_is_compiled_into_a_folder_that_is_gone(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = smoke._QUESTION.replace("import enum", "os.waitpid(copy, 0)\ncopy = None\nimport enum")
    monkeypatch.setattr(smoke, "_QUESTION", patient)
    smoke.ask(prefix, {}, tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_a_copy_that_cannot_be_made_is_gone_without(
    prefix: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "_QUESTION", smoke._QUESTION.replace("os.fork()", "os.rmdir('/no such folder')"))
    assert smoke.ask(prefix, {}, tmp_path).version.name == offered.oldest


@pytest.mark.parametrize("with_folder", [True, False])
def test_a_module_that_is_broken_is_found_by_the_smoke_run(prefix: Path, tmp_path: Path, *, with_folder: bool) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(prefix, broken, symlinks=True, copy_function=os.link)
    module = next(broken.glob("lib/python3*/ssl.py"))
    module.unlink()
    module.write_text("raise ImportError('the ssl of this build is broken')\n")
    (tmp_path / "bytecode").mkdir()
    with pytest.raises(VerificationError, match="the ssl of this build is broken"):
        smoke.ask(broken, {}, tmp_path / "bytecode" if with_folder else None)
