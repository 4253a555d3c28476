"""`pyv repair`: what is damaged comes back from the archive, one rename each, and what was added is nobody's loss."""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import cache, environment, pyv, pyv_ended_at, pyv_without_privileges, says, start, store

if TYPE_CHECKING:
    from tests.conftest import Offer
    from tests.support.command import Result
    from tests.support.server import Server


@pytest.fixture
def version(mirror: Server, offered: Offer) -> Path:
    assert pyv("install", offered.oldest).status == 0
    assert downloads(mirror) == 1
    return store() / "versions" / offered.oldest


def downloads(mirror: Server) -> int:
    return len([path for path in mirror.paths if "install_only" in path])


def library_of(version: Path) -> Path:
    return next(version.glob("lib/python3*/os.py")).parent


def damage(version: Path) -> dict[str, str]:
    """Damage a version in every way, and return what each path is and was."""
    library = library_of(version)
    before = library / "abc.py"
    times = before.stat()
    content = before.read_bytes()
    before.write_bytes(b"#" + content[1:])
    os.utime(before, ns=(times.st_atime_ns, times.st_mtime_ns))
    (library / "ast.py").write_bytes((library / "ast.py").read_bytes()[:10])
    (library / "bdb.py").unlink()
    (library / "cgi.py" if (library / "cgi.py").exists() else library / "cmd.py").chmod(0o600)
    (version / "bin/python3").unlink()
    (version / "bin/python3").symlink_to("/bin/false")
    shutil.rmtree(library / "json")
    (library / "json").symlink_to("email")
    (library / "code.py").unlink()
    (library / "code.py").mkdir()
    (library / "code.py/mine.txt").write_text("mine")
    return {"same time": content.decode()}


def test_every_kind_of_damage_is_repaired_from_the_cache(version: Path, mirror: Server) -> None:
    library = library_of(version)
    whole = (library / "json/__init__.py").read_text()
    was = damage(version)
    assert pyv("verify", "--full").status == 5
    result = pyv("repair")
    assert result.status == 0, result.err
    assert downloads(mirror) == 1
    assert (library / "abc.py").read_text() == was["same time"]
    assert not (library / "json").is_symlink()
    assert (library / "json/__init__.py").read_text() == whole
    assert (library / "email/__init__.py").exists()
    assert says(version / "bin/python3", "import json, abc, ast, bdb; print(1)") == "1"
    # What stood in the place of a file is somebody's, and only moved aside
    aside = next(library.glob("code.py.replaced.*"))
    assert (aside / "mine.txt").read_text() == "mine"
    assert (library / "code.py").is_file()
    shutil.rmtree(aside)
    assert pyv("verify", "--full").status == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
@pytest.mark.usefixtures("mirror")
def test_what_belongs_to_somebody_else_is_put_right(version: Path) -> None:
    library = library_of(version)
    cached = library / "__pycache__/abc.mine.pyc"
    cached.parent.mkdir(exist_ok=True)
    cached.touch()
    paths = (library / "abc.py", library / "json", version / "bin/python3", cached, cached.parent, version / ".pyv")
    for path in (*paths, version / ".pyv/manifest.json"):
        os.chown(path, 54321, -1, follow_symlinks=False)
    shown = pyv("verify", version.name)
    assert shown.status == 5
    assert (
        f"{version.name}  owner    {(library / 'abc.py').relative_to(version)}  (belongs to user 54321)" in shown.lines
    )
    assert pyv("repair", version.name).status == 0
    assert pyv("verify", "--full", version.name)[:2] == (0, "")
    assert all(path.lstat().st_uid == 0 for path in (version, *version.rglob("*")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_who_is_not_root_is_told_what_to_type_for_a_folder_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "folder").mkdir()
    os.chown(tmp_path / "folder", 54321, -1)
    program = (
        "import os; from pathlib import Path; from pyv import repair; from pyv.errors import PyvError\n"
        "from pyv.manifest import Entry; path = Path('folder'); os.setuid(12345)\n"
        "try: repair._restore(path, path, Entry('dir', 0o755, 0, 0, ''), 12345)\n"
        "except PyvError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "folder belongs to user 54321, and only root can change that",
        "sudo chown -h 12345 folder",
    ]


def test_without_the_cached_archive_the_source_is_asked_and_its_hash_demanded(
    version: Path, mirror: Server, offered: Offer
) -> None:
    shutil.rmtree(cache())
    (library_of(version) / "abc.py").write_text("")
    assert pyv("repair", offered.oldest).status == 0
    assert downloads(mirror) == 2
    assert pyv("verify", "--full").status == 0
    shutil.rmtree(cache())
    receipt = version / ".pyv/receipt.json"
    told = json.loads(receipt.read_text())
    receipt.write_text(json.dumps({**told, "sha256": "0" * 64}))
    (library_of(version) / "abc.py").write_text("")
    result = pyv("repair", offered.oldest)
    assert result.status == 5, result.err
    assert (library_of(version) / "abc.py").read_text() == ""


def test_a_whole_version_is_left_alone(version: Path, mirror: Server) -> None:
    before = {path: path.lstat().st_ino for path in version.rglob("*") if path.name != "__pycache__"}
    result = pyv("repair")
    assert (result.status, result.out, "as it was installed" in result.err) == (0, "", True)
    assert {path: path.lstat().st_ino for path in version.rglob("*") if path.name != "__pycache__"} == before
    assert downloads(mirror) == 1


def test_what_was_added_is_named_and_stays(version: Path, offered: Offer) -> None:
    library = library_of(version)
    (library / "sitecustomize.py").write_text("x = 1\n")
    (library / "abc.py").unlink()
    result = pyv("repair", offered.oldest)
    relative = library.relative_to(version)
    assert result.lines == [
        f"{offered.oldest}  restored  {relative}/abc.py",
        f"{offered.oldest}  added     {relative}/sitecustomize.py",
    ]
    assert (library / "sitecustomize.py").read_text() == "x = 1\n"
    again = pyv("repair", offered.oldest)
    assert "nothing damaged or missing; what was added stays" in again.err
    cure = f"pyv install --force {offered.oldest}"
    assert (cure in again.err, cure in pyv("verify").err) == (True, True)


def test_only_what_is_wrong_is_touched_and_the_receipt_still_tells_when_it_was_installed(
    version: Path, offered: Offer
) -> None:
    library = library_of(version)
    receipt = version / ".pyv/receipt.json"
    told = {**json.loads(receipt.read_text()), "installed": "2020-01-01T00:00:00Z"}
    receipt.write_text(json.dumps(told))
    inode = (library / "ast.py").stat().st_ino
    (library / "abc.py").unlink()
    assert pyv("repair", offered.oldest).status == 0
    assert (library / "ast.py").stat().st_ino == inode
    assert json.loads(receipt.read_text()) == told


def restored(result: Result) -> list[str]:
    assert result.status == 0, result.err
    return [line.split()[-1] for line in result.lines]


@pytest.mark.usefixtures("mirror")
def test_compiled_bytecode_that_is_right_is_left_alone_and_other_is_restored(offered: Offer) -> None:
    assert pyv("install", "--compile-bytecode", offered.oldest).status == 0
    version = store() / "versions" / offered.oldest
    library = library_of(version)
    inside = library.relative_to(version)
    inodes = {path: path.stat().st_ino for path in version.rglob("*.pyc")}
    (version / "bin/python").unlink()
    (library / "abc.py").unlink()  # it comes back with its time, by which its bytecode knows it
    assert restored(pyv("repair", offered.oldest)) == ["bin/python", f"{inside}/abc.py"]
    assert {path: path.stat().st_ino for path in version.rglob("*.pyc")} == inodes
    assert pyv("verify", "--full", offered.oldest)[:2] == (0, "")
    changed = next((library / "__pycache__").glob("ast.*.pyc"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")
    closed = next((library / "json/__pycache__").glob("decoder.*.pyc"))
    closed.write_bytes(closed.read_bytes()[:-1] + b"!")
    closed.parent.chmod(0)
    broken = [path.relative_to(version) for path in (changed, closed.parent, closed)]
    assert sorted(restored(pyv_without_privileges("repair", offered.oldest))) == sorted(map(str, broken))
    assert pyv("verify", "--full", offered.oldest)[:2] == (0, "")
    assert {path for path, inode in inodes.items() if path.stat().st_ino != inode} == {changed, closed}


def test_bytecode_of_a_damaged_source_does_not_outlive_it(version: Path, offered: Offer) -> None:
    library = library_of(version)
    source = library / "colorsys.py"
    status = source.stat()
    content = source.read_bytes()
    lie = b"WRONG = 1\n"
    source.write_bytes(lie + b"#" * (len(content) - len(lie)))
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert says(version / "bin/python3", "import colorsys; print(colorsys.WRONG)") == "1"
    assert pyv("repair", offered.oldest).status == 0
    assert says(version / "bin/python3", "import colorsys; print(hasattr(colorsys, 'WRONG'))") == "False"


def test_bytecode_that_nothing_vouches_for_goes_also_where_all_else_is_whole(version: Path) -> None:
    library = library_of(version)
    says(version / "bin/python3", "import colorsys")
    made = next((library / "__pycache__").glob("colorsys.*.pyc"))
    made.write_bytes(made.read_bytes()[:16] + marshal.dumps(compile("WRONG = 1", "colorsys.py", "exec")))
    question = "import colorsys; print(hasattr(colorsys, 'WRONG'))"
    if sys.version_info[:2] == tuple(map(int, library.name.removeprefix("python").split("."))):
        assert says(version / "bin/python3", question) == "True"
    assert pyv("repair").status == 0
    assert not made.exists()
    assert says(version / "bin/python3", question) == "False"


@pytest.mark.parametrize("content", [b"", b"[]", None])
def test_a_damaged_manifest_is_repaired_too(version: Path, offered: Offer, content: bytes | None) -> None:
    (version / ".pyv/manifest.json").unlink()
    if content is not None:
        (version / ".pyv/manifest.json").write_bytes(content)
    (library_of(version) / "abc.py").unlink()
    assert pyv("verify", offered.oldest).status == 5
    assert pyv("repair", offered.oldest).status == 0
    assert pyv("verify", "--full", offered.oldest).status == 0


@pytest.mark.usefixtures("mirror")
def test_what_pip_installed_and_upgraded_stays(offered: Offer) -> None:
    assert pyv("install", "--allow-pip", offered.oldest).status == 0
    version = store() / "versions" / offered.oldest
    packages = library_of(version) / "site-packages"
    (packages / "ruff").mkdir()
    (packages / "ruff/__init__.py").write_text("")
    (packages / "ruff-1.dist-info").mkdir()
    (packages / "ruff-1.dist-info/RECORD").write_text("ruff/__init__.py,,\n../../../bin/ruff,,\n")
    (version / "bin/ruff").write_text("#!/bin/sh\n")
    assert pyv("verify", "--full").status == 0
    (version / "bin/stranger").write_text("#!/bin/sh\n")
    assert pyv("verify").lines == [f"{offered.oldest}  added    bin/stranger"]
    (version / "bin/stranger").unlink()
    (library_of(version) / "abc.py").unlink()
    assert pyv("repair").status == 0
    assert (packages / "ruff/__init__.py").exists()
    assert (version / "bin/ruff").exists()
    assert not list(library_of(version).glob("EXTERNALLY-MANAGED"))
    pips = list(packages.glob("pip-*.dist-info"))
    if not pips:
        pytest.skip("the Python that runs the tests came without pip")
    pips[0].rename(packages / "pip-99.0.dist-info")
    (packages / "pip/__init__.py").write_text('__version__ = "99.0"\n')
    assert pyv("verify", "--full").status == 0
    (library_of(version) / "abc.py").unlink()
    assert pyv("repair").status == 0
    assert "99.0" in (packages / "pip/__init__.py").read_text()
    assert not pips[0].exists()


def test_what_pyv_did_not_install_is_refused_with_the_reason(version: Path, offered: Offer, tmp_path: Path) -> None:
    shutil.copytree(version, store() / "versions/copied", symlinks=True)
    (store() / "versions/copied/bin/python3").unlink()
    result = pyv("repair", "copied")
    assert (result.status, f"a copy of {offered.oldest}" in result.err) == (5, True)
    shutil.rmtree(store() / "versions/copied/.pyv")
    result = pyv("repair", "copied")
    assert (result.status, "was not installed by pyv" in result.err) == (5, True)
    (tmp_path / "other/bin").mkdir(parents=True)
    (tmp_path / "other/bin/python3").symlink_to("/bin/true")
    (store() / "versions/linked").symlink_to(tmp_path / "other")
    result = pyv("repair", "linked")
    assert (result.status, str(tmp_path / "other") in result.err) == (5, True)
    (version / ".pyv/receipt.json").write_text("{")
    result = pyv("repair")
    assert (result.status, "install --force" in result.err) == (5, True)
    assert pyv("repair", "3.1.1").status == 3


def test_a_version_installed_from_a_file_is_repaired_from_it(offered: Offer, packed_archive: Path) -> None:
    assert pyv("install", packed_archive, "--sha256", sha256_of(packed_archive)).status == 0
    version = store() / "versions" / offered.oldest
    (library_of(version) / "abc.py").unlink()
    assert pyv("repair", "--offline").status == 0
    assert pyv("verify").status == 0
    (library_of(version) / "abc.py").unlink()
    packed_archive.unlink()
    result = pyv("repair", "--offline")
    assert (result.status, "install --force" in result.err) == (4, True), result.err


@pytest.fixture
def packed_archive(offered: Offer, tmp_path: Path) -> Path:
    found = next(path for path in offered.folder.rglob("*.tar.gz") if offered.oldest in path.name)
    return Path(shutil.copy(found, tmp_path / found.name))


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("step", ["unpacked", "restoring", "restored", "described"])
def test_a_repair_that_is_killed_can_be_repeated_and_leaves_nothing(version: Path, offered: Offer, step: str) -> None:
    library = library_of(version)
    for name in ("abc.py", "ast.py", "bdb.py"):
        (library / name).unlink()
    assert pyv_ended_at(step, "SIGKILL", "repair", offered.oldest).status == -signal.SIGKILL
    assert pyv("versions", "--bare").lines[0] == offered.oldest
    assert pyv("repair", offered.oldest).status == 0
    assert pyv("verify", "--full", offered.oldest).status == 0
    assert [
        path for path in (store() / "tmp").iterdir() if not path.name.endswith(".lock")
    ] == [] or step == "described"


def test_a_process_that_runs_on_the_version_does_not_notice(version: Path, offered: Offer) -> None:
    process = subprocess.Popen(
        [version / "bin/python3", "-c", "input(); import json; print(json.dumps(1))"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    (library_of(version) / "abc.py").unlink()
    assert pyv("repair", offered.oldest).status == 0
    assert process.communicate("\n", timeout=60)[0] == "1\n"


def test_several_at_once_repair_once(version: Path, offered: Offer) -> None:
    (library_of(version) / "abc.py").unlink()
    running = [start("repair", offered.oldest) for _ in range(3)]
    ended = [each.communicate(timeout=120) for each in running]
    assert [each.returncode for each in running] == [0, 0, 0], ended
    assert sum("restored" in out for out, _ in ended) == 1
    assert pyv("verify", "--full").status == 0
