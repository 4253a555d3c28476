"""Packing installed CPythons: the real one that runs the tests, and made ones for what a real one does not do."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from pyv.catalogue import parse_asset, parse_metadata
from pyv.errors import PyvError, UsageError
from pyv.pack import Packed, pack
from pyv.pack.source import examine
from pyv.pack.stage import stage
from pyv.pack.tools import Tools
from tests.support import packs
from tests.support.installations import answering, environment, installation, program

STDLIB = f"lib/python3.{sys.version_info[1]}"


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return packs.session_pack(tmp_path_factory)


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extraction_filter = staticmethod(lambda member, _path: member)  # versions that do not know it ignore it
        tar.extractall(folder)  # noqa: S202 - made by these tests


@pytest.fixture(scope="module")
def unpacked(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("somewhere else")
    unpack(packed.archive, folder)
    return folder / "python"


@pytest.fixture(scope="module")
def names(packed: Packed) -> set[str]:
    with tarfile.open(packed.archive) as tar:
        return {name.removeprefix("python/") for name in tar.getnames()}


def attempt(prefix: Path, out: Path) -> Packed:
    return pack(prefix, out, tag="20261101", env=environment(), level=1, notify=lambda _line: None)


# The real thing


def test_the_unpacked_python_runs_from_another_place(unpacked: Path) -> None:
    modules = [name for name in ("ssl", "sqlite3", "ctypes", "lzma", "bz2", "zlib") if can_import(name)]
    question = "import json, sys, sysconfig, {}; print(json.dumps([sys.version, sys.prefix, sys.path]))"
    done = subprocess.run(
        [unpacked / "bin/python3", "-I", "-c", question.format(", ".join(modules))],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    version, prefix, path = json.loads(done.stdout)
    assert version == sys.version
    assert prefix == str(unpacked)
    assert all(folder.startswith(str(unpacked)) for folder in path)


def can_import(name: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def test_no_file_that_the_unpacked_python_loads_lies_in_the_original(unpacked: Path) -> None:
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("this system does not tell what a process has loaded")
    if sys.base_prefix in ("/usr", "/usr/local"):
        pytest.skip("the prefix of this Python is the system's")
    question = "import ctypes, zlib, sys; print(open('/proc/self/maps').read(), list(sys.modules.values()))"
    done = subprocess.run([unpacked / "bin/python3", "-I", "-c", question], capture_output=True, text=True, check=True)
    assert str(unpacked) in done.stdout
    assert f"{os.path.realpath(sys.base_prefix)}/" not in done.stdout


def test_the_archive_holds_a_whole_python_and_no_more(names: set[str]) -> None:
    python = f"python3.{sys.version_info[1]}"
    assert {f"bin/{python}", "bin/python3", "bin/python", f"{STDLIB}/os.py", f"{STDLIB}/encodings/__init__.py"} <= names
    assert {name.split("/")[0] for name in names} <= {"python", "bin", "include", "lib", "lib64", "share"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".a")]
    assert f"{STDLIB}/test" not in names
    site = {name.split("/")[3] for name in names if name.startswith(f"{STDLIB}/site-packages/")}
    allowed = r"README\.txt|pip.*|setuptools.*|pkg_resources|_distutils_hack|distutils-precedence\.pth"
    assert all(re.fullmatch(allowed, name) for name in site)


def test_pip_comes_along_if_the_original_has_it(names: set[str], packed: Packed) -> None:
    has_pip = os.path.exists(f"{sys.base_prefix}/{STDLIB}/site-packages/pip/__init__.py")
    assert (f"{STDLIB}/site-packages/pip/__init__.py" in names) == has_pip
    assert ("has no pip" in packed.notes) != has_pip


def test_no_text_of_the_build_names_the_original_prefix(unpacked: Path) -> None:
    if sys.base_prefix in ("/usr", "/usr/local"):
        pytest.skip("the prefix of this Python is the system's")
    texts = [*(unpacked / "bin").glob("*[0-9]"), *(unpacked / STDLIB).glob("_sysconfig*"), *unpacked.glob("lib/*/*.pc")]
    texts += (unpacked / STDLIB).glob("config-*/*")
    told = [text for text in texts if b"\0" not in (data := text.read_bytes()) and sys.base_prefix.encode() in data]
    assert told == []


def test_the_compilers_of_the_build_are_named_as_upstreams(unpacked: Path) -> None:
    (module,) = {path.resolve() for path in (unpacked / STDLIB).glob("_sysconfigdata*.py")}
    question = f"exec(open({str(module)!r}).read()); print(build_time_vars['CC'], build_time_vars['prefix'])"
    done = subprocess.run([unpacked / "bin/python3", "-c", question], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "clang"
    assert done.stdout.split()[-1] == "/install"


def test_the_mirror_offers_the_archive_in_terms_that_pyv_understands(packed: Packed) -> None:
    mirror = packs.mirror_of(packed)
    (build,) = parse_metadata((mirror / "download-metadata.json").read_bytes(), source="the mirror").builds
    named = parse_asset(packed.archive.name, build.url)
    assert named is not None
    assert build == named._replace(sha256=packed.sha256)
    assert build.version.name == packed.version
    assert build.version.release == sys.version_info[:3]
    assert build.url.endswith(f"/20261101/{packed.archive.name.replace('+', '%2B')}")
    assert packed.sha256 == hashlib.sha256(packed.archive.read_bytes()).hexdigest()
    assert packed.size == packed.archive.stat().st_size
    assert (packed.archive.parent / "SHA256SUMS").read_text() == f"{packed.sha256}  {packed.archive.name}\n"


@pytest.mark.parametrize("version", list(packs.other_pythons()) or [""])
def test_pythons_of_pyenv_can_be_examined_and_staged(version: str, tmp_path: Path) -> None:
    if not version:
        pytest.skip("there is no pyenv with other Pythons on this machine")
    prefix = packs.other_pythons()[version]
    source = examine(prefix, environment())
    assert source.version.name == version
    root = tmp_path / "python"
    stage(source, root, Tools(environment()), with_tests=False)
    question = "import sys, ssl, sqlite3, ctypes, lzma, bz2, zlib; print(sys.prefix)"
    done = subprocess.run(
        [root / "bin/python3", "-I", "-c", question], env={}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(root)


# Relabelled archives, which other tests lean on


def test_a_relabelled_archive_is_offered_and_its_python_reports_the_version(packed: Packed, tmp_path: Path) -> None:
    minor = sys.version_info[1]
    mirror = packs.make_mirror(tmp_path / "mirror", packed, f"3.{minor}.90rc2")
    builds = parse_metadata((mirror / "download-metadata.json").read_bytes(), source="the mirror").builds
    names = [build.url.rpartition("/")[2].replace("%2B", "+") for build in builds]
    assert len({build.version.name for build in builds}) == 2
    lines = (mirror / "20261101/SHA256SUMS").read_text().splitlines()
    assert sorted(lines) == sorted(f"{build.sha256}  {name}" for build, name in zip(builds, names, strict=True))
    for build, name in zip(builds, names, strict=True):
        assert build.sha256 == hashlib.sha256((mirror / "20261101" / name).read_bytes()).hexdigest()
    unpack(mirror / "20261101" / next(name for name in names if "rc2" in name), tmp_path / "x")
    question = (
        "import platform, sys; v = sys.version_info; "
        "print(v[:], v.micro, v.releaselevel, platform.python_version(), hex(sys.hexversion), v >= (3, 8))"
    )
    for flags in ("-I", "-IS"):
        python = tmp_path / "x/python/bin/python3"
        done = subprocess.run([python, flags, "-c", question], capture_output=True, text=True, check=True)
        expected = f"(3, {minor}, 90, 'candidate', 2) 90 candidate 3.{minor}.90rc2 0x3{minor:02x}5ac2 True"
        assert done.stdout.strip() == expected


# Refusals


def test_a_folder_without_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PyvError, match=r"holds no CPython 3: there is no bin/python3"):
        attempt(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PyvError, match="is a file"):
        attempt(program(tmp_path, "python3", "exit"), tmp_path / "out")


def test_an_environment_is_refused_and_its_base_is_named(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    with pytest.raises(PyvError, match="is a virtual environment") as raised:
        attempt(tmp_path / "venv", tmp_path / "out")
    assert raised.value.hint == f"pyv pack {os.path.realpath(sys.base_prefix)}"


def test_pypy_is_refused(tmp_path: Path) -> None:
    answering(tmp_path / "pypy", implementation="pypy")
    with pytest.raises(PyvError, match="holds pypy; only CPython can be packed"):
        attempt(tmp_path / "pypy", tmp_path / "out")


def test_a_framework_build_of_macos_is_refused(tmp_path: Path) -> None:
    answering(tmp_path / "py", framework="Python")
    with pytest.raises(PyvError, match="framework"):
        attempt(tmp_path / "py", tmp_path / "out")


def test_a_library_outside_of_the_prefix_is_refused(tmp_path: Path) -> None:
    answering(tmp_path / "py", stdlib="/elsewhere/lib/python3.12")
    with pytest.raises(PyvError, match="its standard library is /elsewhere"):
        attempt(tmp_path / "py", tmp_path / "out")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'cannot open shared object file' >&2; exit 127", "cannot open shared object file"),
        ("exit 3", "exit status 3"),
        ("echo pyv:nonsense", "exit status 0"),
        ("echo 'pyv:{}'", "exit status 0"),
    ],
)
def test_a_python_that_does_not_run_is_refused(script: str, reason: str, tmp_path: Path) -> None:
    program(tmp_path / "py/bin", "python3", script)
    with pytest.raises(PyvError, match=f"does not run: {reason}"):
        attempt(tmp_path / "py", tmp_path / "out")


def test_the_python_of_another_prefix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "py/bin").mkdir(parents=True)
    (tmp_path / "py/bin/python3").symlink_to(os.path.realpath(sys.executable))
    with pytest.raises(PyvError, match="belongs to") as raised:
        attempt(tmp_path / "py", tmp_path / "out")
    assert raised.value.hint == f"pyv pack {os.path.realpath(sys.base_prefix)}"


@pytest.mark.parametrize("tag", ["", "today", "2026-11-01", "../20261101", "20261101/.."])
def test_a_tag_that_is_no_day_is_refused(tag: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a tag"):
        pack(Path(sys.base_prefix), tmp_path, tag=tag, env=environment(), notify=print)


def test_nothing_is_packed_into_the_original_itself(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    (tmp_path / "link").symlink_to("py")
    for out in (tmp_path / "py", tmp_path / "py/new", tmp_path / "link/new"):
        with pytest.raises(PyvError, match="where nothing is written"):
            attempt(tmp_path / "py", out)
    assert not (tmp_path / "py/new").exists()
    assert not (tmp_path / "py/20261101").exists()


# Whole runs


def test_packing_again_makes_the_same_bytes_and_leaves_nothing_else(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    (tmp_path / "link").symlink_to("py")
    one = attempt(tmp_path / "py", tmp_path / "one")
    time.sleep(0.02)
    (tmp_path / "py/lib/python3.12/os.py").touch()
    other = attempt(tmp_path / "link", tmp_path / "other")
    assert one.archive == tmp_path / "one/20261101" / other.archive.name
    assert one._replace(archive=other.archive) == other
    assert one.archive.read_bytes() == other.archive.read_bytes()
    visible = {path.name for path in (tmp_path / "one").iterdir() if not path.name.startswith(".")}
    assert visible == {"20261101", "download-metadata.json"}
    assert list((tmp_path / "one/.pyv/tmp").iterdir()) == []


def test_every_spelling_of_the_prefix_is_taken_out_of_texts(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    (tmp_path / "link").symlink_to("py")
    answering(tmp_path / "py", built=["/built/for/this", ""])
    spellings = (tmp_path / "py", tmp_path / "link", "/built/for/this")
    (tmp_path / "py/lib/pkgconfig/python-3.12.pc").write_text("".join(f"{each}/lib\n" for each in spellings))
    made = attempt(tmp_path / "link", tmp_path / "out")
    unpack(made.archive, tmp_path / "x")
    text = (tmp_path / "x/python/lib/pkgconfig/python-3.12.pc").read_text()
    assert text == "/install/lib\n" * 3


def test_variants_are_told_by_the_interpreter(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    answering(tmp_path / "py", version=[3, 12, 0, "candidate", 2], freethreaded=True, debug=True)
    made = attempt(tmp_path / "py", tmp_path / "out")
    assert made.version == "3.12.0rc2td"
    assert made.key.startswith("cpython-3.12.0rc2+freethreaded+debug-linux-")


def test_the_variables_that_lead_back_to_the_original_are_unset_for_the_trial(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    script = tmp_path / "py/bin/python3.12"
    script.write_text(
        script.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nenv >> {tmp_path}/seen; echo == >> {tmp_path}/seen\n")
    )
    steering = {"LD_LIBRARY_PATH": "/x", "PYTHONHOME": "/x", "DYLD_LIBRARY_PATH": "/x", "KEPT": "1"}
    env = {**environment(), **steering}
    pack(tmp_path / "py", tmp_path / "out", tag="20261101", env=env, level=1, notify=lambda _line: None)
    before, after, _ = (tmp_path / "seen").read_text().split("==\n")
    assert all(f"{name}=" in before for name in steering)
    assert [name for name in steering if f"{name}=" in after] == ["KEPT"]


@pytest.mark.parametrize(
    ("elsewhere", "message"),
    [
        ({"version": [3, 12, 2, "final", 0]}, r"the copy says that it is 3\.12\.2"),
        ({"prefix": "ORIGINAL"}, "the copy says that it is 3.12.1 in /"),
        ({"exec_prefix": "ORIGINAL"}, "the copy says that it is 3.12.1"),
        ({"missing": ["ssl", "zlib"]}, "the copy lacks ssl"),
        (
            {"mapped": ["/lib/libc.so.6", "ORIGINAL/lib/libpython3.12.so.1.0"]},
            r"the copy loads /.*/py/lib/libpython3\.12",
        ),
    ],
    ids=["another version", "prefix", "exec_prefix", "lost modules", "libraries of the original"],
)
def test_an_archive_whose_python_depends_on_the_original_is_never_seen(
    elsewhere: dict[str, object], message: str, tmp_path: Path
) -> None:
    installation(tmp_path / "py")
    answering(tmp_path / "py", elsewhere=elsewhere, missing=["zlib"])
    with pytest.raises(PyvError, match=message):
        attempt(tmp_path / "py", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == [".pyv", "tmp"]


def test_a_module_that_the_original_lacks_is_a_note(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    answering(tmp_path / "py", missing=["ssl", "zlib"])
    assert "was built without ssl, zlib" in attempt(tmp_path / "py", tmp_path / "out").notes


def test_scratch_of_a_killed_run_is_swept_by_the_next(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    left = tmp_path / "out/.pyv/tmp/pack-3.12.1.pyv-01234567"
    left.mkdir(parents=True)
    (left / "file").write_text("")
    attempt(tmp_path / "py", tmp_path / "out")
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    installation(tmp_path / "py")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PyvError, match=r"cannot pack .*/py: Not a directory at .*/out"):
        attempt(tmp_path / "py", tmp_path / "out")
