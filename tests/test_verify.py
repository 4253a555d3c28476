"""`pyv verify`: a fresh version is clean, used or not, and no kind of damage goes unseen."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from pyv import manifest
from pyv.errors import VerificationError
from tests.support.command import pyv, says, store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Offer


def recorded(root: Path) -> manifest.Manifest:
    (root / "lib/pkg").mkdir(parents=True)
    (root / "lib/pkg").chmod(0o755)
    (root / "lib/pkg/mod.py").write_text("x = 1\n")
    (root / "lib/pkg/mod.py").chmod(0o644)
    (root / "bin").mkdir()
    (root / "bin/python3").write_bytes(b"\x7fELF" * 100)
    (root / "bin/python3").chmod(0o755)
    (root / "bin/python").symlink_to("python3")
    return manifest.snapshot(root)


def with_its_time(path: Path, change: Callable[[Path], object]) -> None:
    status = path.stat()
    change(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def changed_byte(root: Path) -> None:
    (root / "lib/pkg/mod.py").write_text("x = 2\n")
    os.utime(root / "lib/pkg/mod.py", (1, 1))


def truncated(root: Path) -> None:
    with_its_time(root / "bin/python3", lambda path: os.truncate(path, 4))


def emptied(root: Path) -> None:
    with_its_time(root / "bin/python3", lambda path: os.truncate(path, 0))


def missing(root: Path) -> None:
    (root / "bin/python3").unlink()


def missing_folder(root: Path) -> None:
    shutil.rmtree(root / "lib/pkg")


def added(root: Path) -> None:
    (root / "lib/new.py").touch()


def mode(root: Path) -> None:
    (root / "bin/python3").chmod(0o4755)


def mode_of_folder(root: Path) -> None:
    (root / "lib/pkg").chmod(0o777)


def link(root: Path) -> None:
    (root / "bin/python").unlink()
    (root / "bin/python").symlink_to("/bin/sh")


def file_to_link(root: Path) -> None:
    (root / "bin/python3").unlink()
    (root / "bin/python3").symlink_to("/bin/sh")


def file_to_folder(root: Path) -> None:
    (root / "bin/python3").unlink()
    (root / "bin/python3").mkdir()


def folder_to_link(root: Path) -> None:
    (root / "lib/pkg").rename(root.with_name("elsewhere"))
    (root / "lib/pkg").symlink_to(root.with_name("elsewhere"))


def file_to_fifo(root: Path) -> None:
    (root / "lib/pkg/mod.py").unlink()
    os.mkfifo(root / "lib/pkg/mod.py")


def open_to_everybody(root: Path) -> None:
    root.chmod(0o777)


def bytecode_that_is_a_link(root: Path) -> None:
    (root / "lib/pkg/__pycache__").symlink_to(root.with_name("elsewhere"))


def bytecode_that_is_elsewhere(root: Path) -> None:
    (root / "lib/pkg/__pycache__").mkdir()
    (root / "lib/pkg/__pycache__/mod.cpython-312.pyc").symlink_to(root.with_name("elsewhere"))


DAMAGE: dict[Callable[[Path], None], list[tuple[str, str, str]]] = {
    changed_byte: [("lib/pkg/mod.py", "changed", "content")],
    truncated: [("bin/python3", "changed", "content")],
    emptied: [("bin/python3", "changed", "content")],
    missing: [("bin/python3", "missing", "file")],
    missing_folder: [("lib/pkg", "missing", "dir"), ("lib/pkg/mod.py", "missing", "file")],
    added: [("lib/new.py", "added", "")],
    mode: [("bin/python3", "changed", "mode 755 became 4755")],
    mode_of_folder: [("lib/pkg", "changed", "mode 755 became 777")],
    link: [("bin/python", "changed", "points elsewhere")],
    file_to_link: [("bin/python3", "changed", "file became link")],
    file_to_folder: [("bin/python3", "changed", "file became dir")],
    folder_to_link: [("lib/pkg", "changed", "dir became link"), ("lib/pkg/mod.py", "missing", "file")],
    file_to_fifo: [("lib/pkg/mod.py", "changed", "file became other")],
    open_to_everybody: [(".", "changed", "mode 777: everybody can write to it")],
    bytecode_that_is_a_link: [("lib/pkg/__pycache__", "added", "")],
    bytecode_that_is_elsewhere: [("lib/pkg/__pycache__/mod.cpython-312.pyc", "added", "")],
}


@pytest.mark.parametrize("full", [False, True], ids=["fast", "full"])
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda each: each.__name__)
def test_every_kind_of_damage_is_found(tmp_path: Path, damage: Callable[[Path], None], *, full: bool) -> None:
    root = tmp_path / "3.12.1"
    contents = recorded(root)
    assert manifest.compare(root, contents, full=full) == []
    damage(root)
    assert [tuple(each) for each in manifest.compare(root, contents, full=full)] == DAMAGE[damage]


def test_a_changed_byte_behind_the_old_time_is_found_only_by_reading_everything(tmp_path: Path) -> None:
    contents = recorded(tmp_path / "v")
    with_its_time(tmp_path / "v/lib/pkg/mod.py", lambda path: path.write_text("x = 2\n"))
    assert manifest.compare(tmp_path / "v", contents, full=False) == []
    found = manifest.compare(tmp_path / "v", contents, full=True)
    assert [tuple(each) for each in found] == [("lib/pkg/mod.py", "changed", "content")]


def test_a_file_that_only_its_time_tells_apart_is_no_damage(tmp_path: Path) -> None:
    contents = recorded(tmp_path / "v")
    (tmp_path / "v/lib/pkg/mod.py").touch()
    for full in (False, True):
        assert manifest.compare(tmp_path / "v", contents, full=full) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
@pytest.mark.parametrize("full", [False, True], ids=["fast", "full"])
def test_what_belongs_to_somebody_else_is_found(tmp_path: Path, *, full: bool) -> None:
    root = tmp_path / "v"
    contents = recorded(root)
    bytecode = root / "lib/pkg/__pycache__/mod.cpython-312.pyc"
    bytecode.parent.mkdir()
    bytecode.touch()
    (root / ".pyv").mkdir(exist_ok=True)
    paths = ["lib/pkg/mod.py", "lib/pkg", "bin/python3", ".pyv", os.fspath(bytecode.relative_to(root))]
    for path in paths:
        os.chown(root / path, 54321, -1, follow_symlinks=False)
    for open_to_pip in (False, True):
        found = manifest.compare(root, contents, full=full, open_to_pip=open_to_pip)
        assert [tuple(each) for each in found] == [(path, "owner", "belongs to user 54321") for path in sorted(paths)]
    for each in (root, *root.rglob("*")):
        os.chown(each, 54321, -1, follow_symlinks=False)
    os.chown(root / "lib/pkg/mod.py", 0, -1)
    assert manifest.compare(root, contents, full=full) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_damage_and_no_crash(tmp_path: Path) -> None:
    contents = recorded(tmp_path / "v")
    (tmp_path / "v/lib/pkg").chmod(0)
    (tmp_path / "v/bin/python3").chmod(0)
    try:
        found = {each.path: each.kind for each in manifest.compare(tmp_path / "v", contents, full=True)}
    finally:
        (tmp_path / "v/lib/pkg").chmod(0o755)
    assert found == {"lib/pkg": "changed", "bin/python3": "changed"}


@pytest.mark.usefixtures("mirror")
def test_a_fresh_install_is_clean_also_after_its_interpreter_wrote_bytecode(offered: Offer) -> None:
    assert pyv("install", offered.oldest).status == 0
    for arguments in ((), ("--full",)):
        assert pyv("verify", *arguments).status == 0
    python = store() / "versions" / offered.oldest / "bin/python3"
    program = "import sys, json, ssl, sqlite3, asyncio, xml.dom.minidom; print(sys.dont_write_bytecode)"
    assert says(python, program) == "False"
    assert list((store() / "versions" / offered.oldest / "lib").glob("python3*/json/__pycache__/*.pyc"))
    for arguments in ((), ("--full",)):
        result = pyv("verify", *arguments)
        assert (result.status, result.out) == (0, ""), result.out


@pytest.mark.usefixtures("mirror")
def test_a_name_that_would_forge_a_line_is_shown_escaped(offered: Offer) -> None:
    assert pyv("install", offered.oldest).status == 0
    folder = store() / "versions" / offered.oldest / "bin"
    (folder / "a\n\x1b[2J").touch()
    (folder / os.fsdecode(b"\xff")).touch()
    result = pyv("verify")
    assert result.lines == [
        f"{offered.oldest}  added    bin/a\\n\\x1b[2J",
        f"{offered.oldest}  added    bin/\\udcff",
    ]
    assert len(pyv("repair").lines) == 2
    assert len(pyv("verify", "--json").json["versions"][0]["differences"]) == 2


@pytest.mark.usefixtures("mirror")
def test_a_version_without_receipt_or_manifest_does_not_pass_unseen(offered: Offer) -> None:
    assert pyv("install", offered.oldest, offered.newest).status == 0
    (store() / "versions" / offered.oldest / ".pyv/receipt.json").unlink()
    (store() / "versions" / offered.oldest / "bin/python3").unlink()
    (store() / "versions" / offered.newest / ".pyv/manifest.json").write_text("{")
    result = pyv("verify", "--json")
    assert result.status == 5
    found = {each["name"]: each for each in result.json["versions"]}
    assert [each["path"] for each in found[offered.oldest]["differences"]] == [".pyv/receipt.json", "bin/python3"]
    assert "manifest.json cannot be read" in found[offered.newest]["error"]
    assert (result.json["schema"], result.json["full"]) == (1, False)
    assert pyv("verify", offered.newest).status == 5
    assert pyv("verify", "3.1.1").status == 3


@pytest.mark.usefixtures("mirror")
def test_a_receipt_that_is_rubbish_and_a_manifest_that_is_gone_are_damage(offered: Offer) -> None:
    assert pyv("install", offered.oldest).status == 0
    description = store() / "versions" / offered.oldest / ".pyv"
    told = (description / "receipt.json").read_bytes()
    (description / "receipt.json").write_text("x\n")
    result = pyv("verify")
    assert result.lines == [f"{offered.oldest}  changed  .pyv/receipt.json  (content)"]
    assert result.err.endswith(f"     pyv install --force {offered.oldest}\n")
    (description / "receipt.json").write_bytes(told)
    (description / "manifest.json").unlink()
    result = pyv("verify")
    assert result.status == 5
    assert f"manifest.json is gone\n     pyv repair {offered.oldest}" in result.err


def test_what_pyv_did_not_install_cannot_be_verified_and_is_no_damage() -> None:
    folder = store() / "versions/3.12.7"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python3").symlink_to(sys.executable)
    assert pyv("verify").status == 0
    result = pyv("verify", "3.12.7")
    assert (result.status, "was not installed by pyv" in result.err) == (5, True)


def test_a_file_named_by_no_installed_package_is_not_pips(tmp_path: Path) -> None:
    root = tmp_path / "v"
    recorded(root)
    (root / "lib/python3.12/site-packages").mkdir(parents=True)
    contents = manifest.snapshot(root)
    info = root / "lib/python3.12/site-packages/ruff-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("../../../bin/ruff,,\n../../../share/man/ruff.1,,\n../../../../outside,,\n")
    (root / "bin/ruff").touch()
    (root / "share/man").mkdir(parents=True)
    (root / "share/man/ruff.1").touch()
    (root / "bin/odd").touch()
    found = manifest.compare(root, contents, open_to_pip=True)
    assert [each.path for each in found] == ["bin/odd"]
    (root / "bin/python3").unlink()
    assert "bin/python3" in [each.path for each in manifest.compare(root, contents, open_to_pip=True)]


def test_verify_and_repair_have_help_with_an_example() -> None:
    for command in ("verify", "repair", "doctor"):
        result = pyv(command, "--help")
        assert (result.status, f"Example:\n    pyv {command}" in result.out) == (0, True)


def test_an_error_of_the_manifest_names_the_command_that_mends_it(tmp_path: Path) -> None:
    (tmp_path / "3.12.7/.pyv").mkdir(parents=True)
    (tmp_path / "3.12.7/.pyv/manifest.json").write_text("nonsense")
    with pytest.raises(VerificationError, match=r"pyv repair 3\.12\.7"):
        manifest.load(tmp_path / "3.12.7")
