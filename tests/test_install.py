"""Installing, from the command line to a running interpreter."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import zstandard

from tests.support.command import cache, everything_in, python_of, pyv, pyv_ended_at, says, start, store
from tests.support.server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.pack import Packed
    from tests.conftest import Offer
    from tests.support.server import Server


def archive_requests(server: Server) -> list[str]:
    return [path for path in server.paths if "install_only" in path]


def test_a_request_becomes_a_working_interpreter_in_the_store(mirror: Server, offered: Offer) -> None:
    result = pyv("install", offered.minor)
    assert (result.status, result.out) == (0, "")
    assert f"{offered.newest} installed" in result.err
    python = python_of(offered.newest)
    seen = says(python, "import ssl, sqlite3, ctypes, lzma, bz2, zlib, sys; print(sys.prefix, sys.base_prefix)")
    assert seen.split() == [str(store() / "versions" / offered.newest)] * 2
    for name in ("python", "python3", f"python{offered.minor}"):
        assert (python.parent / name).exists()
    for short in ("3", offered.minor):
        assert os.readlink(store() / "versions" / short) == offered.newest
    assert len(archive_requests(mirror)) == 1


def test_receipt_and_manifest_tell_what_was_installed_from_where(mirror: Server, offered: Offer) -> None:
    login = mirror.url(login="me:secret")
    assert pyv("install", offered.oldest, PYV_MIRROR=login).status == 0
    folder = store() / "versions" / offered.oldest
    text = (folder / ".pyv/receipt.json").read_text()
    receipt = json.loads(text)
    assert receipt["name"] == offered.oldest
    assert re.fullmatch("[0-9a-f]{64}", receipt["sha256"])
    assert receipt["url"].endswith("install_only_stripped.tar.gz")
    assert "secret" not in text
    entries = json.loads((folder / ".pyv/manifest.json").read_text())["entries"]
    assert set(entries) == {path for path in everything_in(folder) if not path.startswith(".pyv")}
    assert pyv("verify").status == 0


@pytest.mark.usefixtures("mirror")
def test_the_interpreter_has_the_time_of_its_installation_for_archives_have_one_for_all(offered: Offer) -> None:
    started = time.time_ns()
    assert pyv("install", offered.oldest).status == 0
    program = os.stat(store() / "versions" / offered.oldest / "bin/python")
    assert program.st_mtime_ns > started - 10**9  # which the clock of a file system may be late
    assert pyv("verify", "--full", offered.oldest).status == 0


@pytest.mark.usefixtures("mirror")
def test_nothing_of_the_build_machine_is_left(offered: Offer) -> None:
    assert pyv("install", offered.oldest).status == 0
    folder = store() / "versions" / offered.oldest
    texts = [*folder.glob("lib/python3*/_sysconfigdata*.py"), *folder.glob("lib/python3*/config-*/Makefile")]
    texts += [*folder.glob("lib/pkgconfig/*.pc"), *folder.glob("bin/python*-config")]
    assert texts
    for path in texts:
        content = path.read_text()
        assert not re.search(r"(?<![\w.)])/install(?=[/\s'\":]|$)", content), path
        assert "clang" not in content, path


@pytest.mark.usefixtures("mirror")
def test_an_extension_compiles_with_gcc_alone(offered: Offer, tmp_path: Path) -> None:
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc here")
    assert pyv("install", offered.oldest).status == 0
    python = python_of(offered.oldest)
    (tmp_path / "answer.c").write_text(
        "#include <Python.h>\n"
        "static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }\n"
        'static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};\n'
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", "", -1, methods};\n'
        "PyMODINIT_FUNC PyInit_answer(void) { return PyModule_Create(&module); }\n"
    )
    (tmp_path / "build.py").write_text(
        "import subprocess, sysconfig\n"
        "v = sysconfig.get_config_var\n"
        "include = sysconfig.get_path('include')\n"
        "flags = [*v('CFLAGS').split(), *v('CCSHARED').split(), '-I' + include]\n"
        "subprocess.run([*v('CC').split(), *flags, '-c', 'answer.c', '-o', 'answer.o'], check=True)\n"
        "subprocess.run([*v('LDSHARED').split(), 'answer.o', '-o', 'answer' + v('EXT_SUFFIX')], check=True)\n"
    )
    if not any((store() / "versions" / offered.oldest).glob("include/python3*/Python.h")):
        pytest.skip("the Python that runs the tests came without headers")
    subprocess.run([python, "build.py"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [python, "-c", "import answer; print(answer.answer())"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "42\n"


def test_what_is_installed_is_left_alone_and_that_is_no_failure(mirror: Server, offered: Offer) -> None:
    pyv("install", offered.oldest)
    before = (store() / "versions" / offered.oldest / ".pyv/receipt.json").stat().st_ino
    result = pyv("install", offered.oldest)
    assert result.status == 0
    assert "already installed" in result.err
    assert (store() / "versions" / offered.oldest / ".pyv/receipt.json").stat().st_ino == before
    assert len(archive_requests(mirror)) == 1


@pytest.mark.usefixtures("mirror")
def test_a_short_request_installs_a_newer_patch_unless_told_to_be_content(offered: Offer) -> None:
    pyv("install", offered.oldest)
    assert pyv("install", "--skip-existing", offered.minor).status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.oldest]
    assert pyv("install", offered.minor).status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.oldest, offered.newest]
    assert pyv("latest", offered.minor).lines == [offered.newest]


def test_what_several_requests_mean_is_made_once(mirror: Server, offered: Offer) -> None:
    result = pyv("install", "--force", "3", offered.minor, offered.newest)
    assert (result.status, result.err.count("installed in"), result.err.count("installed again")) == (0, 1, 0)
    assert len(archive_requests(mirror)) == 1


def test_force_installs_again_from_the_cache(mirror: Server, offered: Offer) -> None:
    pyv("install", offered.oldest)
    damaged = next((store() / "versions" / offered.oldest).glob("lib/python3*/os.py"))
    damaged.write_text("raise SystemError\n")
    assert pyv("verify").status == 5
    result = pyv("install", "--force", offered.oldest)
    assert (result.status, pyv("verify").status) == (0, 0)
    assert len(archive_requests(mirror)) == 1
    assert list((store() / "tmp").iterdir()) == []


def test_several_versions_are_installed_by_one_command(mirror: Server, offered: Offer) -> None:
    result = pyv("install", offered.oldest, offered.middle, offered.newest)
    assert result.status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == list(offered[2:])
    assert len(archive_requests(mirror)) == 3


@pytest.mark.parametrize(("fewest", "processors", "most"), [(2, 1, 2), (1, 2, 2), (4, 1, 3)])
def test_several_are_downloaded_at_the_same_time_but_no_more_than_there_is_use_for(
    mirror: Server, offered: Offer, fewest: int, processors: int, most: int
) -> None:
    for path in (each.relative_to(offered.folder) for each in offered.folder.glob("*/*.tar.gz")):
        mirror.always(f"/{quote(str(path))}", Fault(stall=1000))
    program = f"""
import os, sys
import pyv.cli.install
os.cpu_count = lambda: {processors}
pyv.cli.install._AT_A_TIME = {fewest}
sys.exit(pyv.cli.run(["install", "-q", *sys.argv[1:]]))
"""
    process = subprocess.Popen([sys.executable, "-c", program, *offered[2:]], stderr=subprocess.PIPE, text=True)
    while len(archive_requests(mirror)) < most:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(archive_requests(mirror)) == most
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "pyv: interrupted\n"


@pytest.mark.parametrize("interrupted", [False, True])
def test_several_are_installed_on_threads_where_copies_of_a_process_are_not_safe(
    mirror: Server, offered: Offer, *, interrupted: bool
) -> None:
    mirror.always("*", Fault(rate=300_000) if interrupted else Fault())
    program = """
import sys
import pyv.together
pyv.together.COPIES = False
from pyv.__main__ import leave
leave()
"""
    words = ["install", offered.oldest, "3.99", offered.newest]
    process = subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    first = [process.stderr.readline() for _ in range(4)]
    if interrupted:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (130 if interrupted else 3)
    assert sum("downloading" in line for line in first) == 2
    assert any("3.99" in line for line in first)
    if interrupted:
        assert err.endswith("pyv: interrupted\n")
    else:
        assert sorted(line.split()[1] for line in err.splitlines()) == [offered.oldest, offered.newest]
    assert pyv("versions", "--bare", "--skip-aliases").lines == (
        [] if interrupted else [offered.oldest, offered.newest]
    )
    assert list((store() / "tmp").iterdir()) == []


def test_a_catalogue_is_asked_for_once_by_several_installs(mirror: Server, offered: Offer) -> None:
    assert pyv("install", *offered[2:]).status == 0
    paths = mirror.paths
    assert len(paths) == len(set(paths)), paths


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(("number", "said"), [(9, "SIGKILL"), (40, "signal 40")])
def test_one_whose_process_is_killed_is_named_and_leaves_nothing_half_there(
    offered: Offer, number: int, said: str
) -> None:
    result = pyv_ended_at("unpacked", str(number), "install", offered.oldest, offered.newest)
    assert result.status == 1
    for version in (offered.oldest, offered.newest):
        assert f"pyv: {version}: {said} has ended the process that installed it\n     nothing of it" in result.err
    assert pyv("versions", "--bare").lines == []
    assert pyv("install", offered.oldest, offered.newest).status == 0
    assert list((store() / "tmp").iterdir()) == []


@pytest.mark.usefixtures("mirror")
def test_one_whose_process_is_interrupted_is_named(offered: Offer) -> None:
    result = pyv_ended_at("unpacked", "SIGINT", "install", "-q", offered.oldest, offered.newest)
    assert result.status == 130
    versions = (offered.oldest, offered.newest)
    assert sorted(result.err.splitlines()) == [f"pyv: {version}: interrupted" for version in versions]
    assert list((store() / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ZeroDivisionError('so it is')", "internal error: ZeroDivisionError: so it is\n     please report it"),
        ("OSError(28, 'No space left on device')", "no space left: cannot install {}\n"),
    ],
)
@pytest.mark.usefixtures("mirror")
def test_an_error_that_nobody_expected_is_told_once_for_each_of_several(offered: Offer, error: str, said: str) -> None:
    program = f"""
import sys
from pyv.cli import run
def checkpoint(step):
    if step == "linked":
        raise {error}
sys.exit(run(sys.argv[1:], checkpoint=checkpoint))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "install", offered.oldest, offered.newest],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    for version in (offered.oldest, offered.newest):
        assert done.stderr.count(said.format(version)) == (1 if "{}" in said else 2), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("mirror")
def test_one_that_fails_does_not_keep_the_others_from_being_installed(offered: Offer) -> None:
    result = pyv("install", "3.99", offered.oldest)
    assert result.status == 3
    assert "3.99" in result.err
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.oldest]


@pytest.mark.usefixtures("mirror")
def test_without_an_argument_the_pin_file_decides(offered: Offer, tmp_path: Path) -> None:
    project = tmp_path / "project/deep"
    project.mkdir(parents=True)
    (project.parent / ".python-version").write_text(f"{offered.oldest} # the old one\nsystem\n{offered.middle}\n")
    assert pyv("install", cwd=project).status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.oldest, offered.middle]
    assert pyv("install", cwd=tmp_path).status == 2
    assert pyv("install", cwd=tmp_path, PYV_DIR=str(project)).status == 0


@pytest.mark.usefixtures("mirror")
def test_quiet_says_nothing_but_errors(offered: Offer) -> None:
    assert pyv("install", "-q", offered.oldest) == (0, "", "")
    assert pyv("install", "-q", "3.99").err != ""


def test_two_processes_that_install_one_version_download_it_once(mirror: Server, offered: Offer) -> None:
    processes = [start("install", offered.oldest) for _ in range(3)]
    ends = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(archive_requests(mirror)) == 1
    told = "".join(err for _, err in ends)
    assert told.count("already installed") == 2


def test_two_stores_with_one_cache_download_once(mirror: Server, offered: Offer, tmp_path: Path) -> None:
    processes = [start("install", offered.oldest, PYV_ROOT=str(tmp_path / name)) for name in ("one", "two")]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0]
    assert len(archive_requests(mirror)) == 1


def test_an_archive_that_lies_here_is_installed_with_a_hash_from_somewhere(packed: Packed, tmp_path: Path) -> None:
    there = tmp_path / packed.archive.name
    shutil.copyfile(packed.archive, there)
    nothing = pyv("install", there, PYV_OFFLINE="1")
    assert (nothing.status, "sha256" in nothing.err) == (5, True)
    assert pyv("install", there, "--sha256", "0" * 64, PYV_OFFLINE="1").status == 5
    assert pyv("versions", "--bare").lines == []
    result = pyv("install", there, "--sha256", packed.sha256.upper(), PYV_OFFLINE="1")
    assert result.status == 0, result.err
    assert pyv("verify", PYV_OFFLINE="1").status == 0
    assert pyv("install", tmp_path / "none.tar.gz", "--sha256", packed.sha256).status == 3


def test_a_sums_file_beside_an_archive_is_a_hash_too(packed: Packed, tmp_path: Path) -> None:
    there = tmp_path / packed.archive.name
    shutil.copyfile(packed.archive, there)
    (tmp_path / "SHA256SUMS").write_text(f"{packed.sha256} *{packed.archive.name}\n")
    assert pyv("install", there, PYV_OFFLINE="1").status == 0


def test_an_archive_with_a_name_of_its_own_is_called_what_its_python_says(packed: Packed, tmp_path: Path) -> None:
    there = tmp_path / "our-python.tar.gz"
    shutil.copyfile(packed.archive, there)
    assert pyv("install", there, "--sha256", packed.sha256, PYV_OFFLINE="1").status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [packed.version]


@pytest.mark.parametrize("spelling", ["{0}", "file://{0}"])
def test_a_folder_is_a_mirror(offered: Offer, spelling: str) -> None:
    mirror = spelling.format(offered.folder)
    assert pyv("install", offered.minor, PYV_MIRROR=mirror).status == 0
    assert pyv("install", offered.oldest, PYV_MIRROR=mirror, PYV_OFFLINE="1").status == 0


def test_offline_installs_what_is_cached_and_nothing_else(mirror: Server, offered: Offer) -> None:
    pyv("install", offered.oldest)
    pyv("uninstall", "-y", offered.oldest)
    asked = len(mirror.paths)
    assert pyv("install", "--offline", offered.minor).status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.oldest]
    result = pyv("install", "--offline", offered.newest)
    assert (result.status, "offline" in result.err) == (4, True)
    assert len(mirror.paths) == asked


def test_offline_an_archive_without_a_hash_takes_no_place_from_another(offered: Offer, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(offered.folder, mirror)
    (mirror / "download-metadata.json").unlink(missing_ok=True)
    newest = next(mirror.rglob(f"*-{offered.newest}+*"))
    tag = newest.parent.name
    unlisted = mirror / "29990101" / newest.name.replace(offered.newest, f"{offered.minor}.98").replace(tag, "29990101")
    unlisted.parent.mkdir()
    shutil.copy(newest, unlisted)
    where = {"PYV_MIRROR": str(mirror), "PYV_OFFLINE": "1"}
    result = pyv("install", f"{offered.minor}.98", **where)
    assert (result.status, f"{unlisted.as_uri()} has no sha256" in result.err) == (5, True)
    assert pyv("install", offered.minor, **where).status == 0
    assert pyv("versions", "--bare", "--skip-aliases").lines == [offered.newest]


def test_what_a_shared_store_has_is_linked(mirror: Server, offered: Offer, tmp_path: Path) -> None:
    assert pyv("install", offered.oldest, PYV_ROOT=str(tmp_path / "lab")).status == 0
    asked = len(mirror.paths)
    result = pyv("install", offered.minor, PYV_SHARED=f"/nonexistent:{tmp_path / 'lab'}")
    assert (result.status, "linked" in result.err) == (0, True)
    assert os.readlink(store() / "versions" / offered.oldest) == str(tmp_path / "lab/versions" / offered.oldest)
    assert os.readlink(store() / "versions" / offered.minor) == offered.oldest
    assert len(mirror.paths) == asked
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    assert (tmp_path / "lab/versions" / offered.oldest / "bin/python3").exists()


@pytest.mark.usefixtures("mirror")
def test_pip_is_refused_with_the_command_to_type_until_it_is_allowed(offered: Offer) -> None:
    pyv("install", offered.oldest)
    marker = "EXTERNALLY-MANAGED"
    found = list((store() / "versions" / offered.oldest).glob(f"lib/python3*/{marker}"))
    assert len(found) == 1
    assert "pyv venv" in found[0].read_text()
    result = pyv("install", "--allow-pip", offered.oldest)
    assert (result.status, "open to pip" in result.err) == (0, True)
    assert not found[0].exists()
    assert pyv("verify").status == 0
    assert "already" in pyv("install", "--allow-pip", offered.oldest).err
    pyv("install", "--allow-pip", offered.newest)
    assert not list((store() / "versions" / offered.newest).glob(f"lib/python3*/{marker}"))


@pytest.mark.usefixtures("mirror")
def test_bytecode_is_compiled_for_the_place_where_it_will_be(offered: Offer) -> None:
    assert pyv("install", "--compile-bytecode", offered.oldest).status == 0
    python = python_of(offered.oldest)
    library = next((store() / "versions" / offered.oldest).glob("lib/python3*/os.py")).parent
    program = (
        "import json.decoder, sys; print(json.decoder.__cached__, json.decoder.JSONDecoder.decode.__code__.co_filename)"
    )
    cached, source = says(python, program).split()
    assert source == str(library / "json/decoder.py")
    assert os.path.exists(cached)
    before = everything_in(library)
    says(python, "import email.message, http.client, unittest", PYTHONDONTWRITEBYTECODE="")
    assert everything_in(library) == before
    assert pyv("verify").status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_one_line_and_leaves_nothing(
    mirror: Server, offered: Offer, number: signal.Signals
) -> None:
    mirror.always("*", Fault(rate=300_000))
    process = start("install", offered.oldest)
    assert process.stderr
    assert "downloading" in process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "pyv: interrupted\n")
    assert list((store() / "tmp").iterdir()) == []
    assert pyv("versions", "--bare").lines == []
    mirror.always("*", Fault())
    assert pyv("install", offered.oldest).status == 0
    assert not list((cache() / "archives").glob("*.part*"))


def test_an_interrupt_ends_several_installs(mirror: Server, offered: Offer) -> None:
    mirror.always("*", Fault(rate=300_000))
    process = start("install", offered.oldest, offered.newest)
    assert process.stderr
    assert "downloading" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert pyv("versions", "--bare").lines == []


def test_a_full_build_is_installed_from_its_install_folder(packed: Packed, tmp_path: Path) -> None:

    made = tmp_path / "build.tar"
    with tarfile.open(packed.archive) as old, tarfile.open(made, "w") as new:
        for member in old:
            if member.name != "python":
                member.name = member.name.replace("python/", "python/install/", 1)
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
        new.add(__file__, "python/PYTHON.json")
    name = packed.archive.name.replace("install_only_stripped.tar.gz", "debug-full.tar.zst").replace(
        "debug-full", "pgo+lto-full"
    )
    content = zstandard.ZstdCompressor(1).compress(made.read_bytes())
    (tmp_path / name).write_bytes(content)

    result = pyv("install", tmp_path / name, "--sha256", hashlib.sha256(content).hexdigest(), PYV_OFFLINE="1")
    assert result.status == 0, result.err
    assert python_of(packed.version).exists()
    assert not (store() / "versions" / packed.version / "PYTHON.json").exists()
    assert pyv("verify").status == 0


def disguised(root: Path, program: str, library: str, disguise: str) -> Path:
    """Make a folder as another implementation has it, whose program is the Python that runs the tests in disguise."""
    for name in ("bin", f"lib/{library}"):
        (root / name).mkdir(parents=True)
    (root / f"lib/{library}/os.py").touch()
    python = root / "bin" / program
    code = f"import sys; {disguise}; exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nfor question; do :; done\nexec {sys.executable} -I -c "{code}" "$question"\n')
    python.chmod(0o755)
    return root


def test_pypy_goes_through_the_same_pipeline(packed: Packed, tmp_path: Path) -> None:
    root = disguised(
        tmp_path / "pypy3.10-v7.3.17-linux64",
        "pypy3.10",
        "pypy3.10",
        "sys.implementation.name = 'pypy'; sys.version_info = (3, 10, 14, 'final', 0);"
        "sys.pypy_version_info = (7, 3, 17, 'final', 0)",
    )
    (root / "bin/pypy3").symlink_to("pypy3.10")
    system = packed.key.removeprefix("cpython-").split("-", 1)[1]
    mirror = tmp_path / "mirror"
    (mirror / "pypy").mkdir(parents=True)
    asset = mirror / "pypy/pypy3.10-v7.3.17-linux64.tar.gz"
    with tarfile.open(asset, "w:gz") as new:
        new.add(root, root.name)
    os_, arch, libc = system.split("-")
    entry = {
        "name": "pypy",
        "arch": {"family": arch, "variant": None},
        "os": os_,
        "libc": libc,
        "major": 3,
        "minor": 10,
        "patch": 14,
        "prerelease": "",
        "url": f"https://downloads.python.org/pypy/{asset.name}",
        "sha256": hashlib.sha256(asset.read_bytes()).hexdigest(),
        "variant": None,
        "build": "7.3.17",
    }
    (mirror / "download-metadata.json").write_text(json.dumps({f"pypy-3.10.14-{system}": entry}))
    result = pyv("install", "pypy3.10", PYV_MIRROR=str(mirror))
    assert result.status == 0, result.err
    assert pyv("versions", "--bare").lines == ["pypy3.10-7.3.17", "pypy", "pypy3", "pypy3.10"]
    for name in ("pypy", "python", "python3"):
        assert (store() / "versions/pypy3.10/bin" / name).exists()
    assert pyv("prefix", "pypy@3.10").lines == [str(store() / "versions/pypy3.10-7.3.17")]


@pytest.mark.parametrize("name", ["graalpy-24.0.2", "graalpy3.10-24.0.2"])
def test_graalpy_is_installed_from_an_archive_at_hand(packed: Packed, tmp_path: Path, name: str) -> None:
    root = disguised(
        tmp_path / "graalpy-24.0.2",
        "graalpy",
        "python3.10",
        "sys.implementation.name = 'graalpy'; sys.version_info = (3, 10, 13, 'final', 0)",
    )
    system, arch = packed.key.removeprefix("cpython-").split("-")[1:3]
    arch = {"x86_64": "amd64"}.get(arch, arch)
    archive = tmp_path / f"{name}-{ {'darwin': 'macos'}.get(system, system) }-{arch}.tar.gz"
    with tarfile.open(archive, "w:gz") as new:
        new.add(root, root.name)
    result = pyv("install", archive, "--sha256", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert result.status == 0, result.err
    assert pyv("versions", "--bare").lines[0] == "graalpy-24.0.2"
    assert pyv("prefix", "graalpy3.10").lines == [str(store() / "versions/graalpy-24.0.2")]
    assert json.loads((store() / "versions/graalpy-24.0.2/.pyv/receipt.json").read_bytes())["python"].startswith("3.10")


@pytest.mark.usefixtures("mirror")
def test_a_folder_without_an_interpreter_is_not_taken_for_an_installed_version(offered: Offer) -> None:
    broken = store() / "versions" / offered.newest
    (broken / "lib").mkdir(parents=True)
    for wanted in (offered.newest, offered.minor):
        result = pyv("install", "-q", wanted)
        assert (result.status, f"pyv install --force {offered.newest}" in result.err) == (1, True), result
    assert pyv("install", "-q", "--force", offered.newest).status == 0
    assert python_of(offered.newest).exists()


def test_a_pin_that_asks_for_the_system_is_nothing_to_install(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("system\n")
    result = pyv("install", cwd=tmp_path)
    assert (result.status, "nothing to install" in result.err) == (0, True)


@pytest.mark.usefixtures("mirror")
def test_an_error_about_a_pin_names_its_file_and_line(tmp_path: Path) -> None:
    pin = tmp_path / ".python-version"
    pin.write_text("# old\n3.99\n")
    result = pyv("install", "-q", cwd=tmp_path)
    assert (result.status, f"{pin}:2" in result.err) == (3, True)
    assert f"{pin}:2" in pyv("prefix", cwd=tmp_path).err


def test_a_hash_that_is_none_is_wrong_usage_and_a_wrong_one_is_never_passed_over(packed: Packed) -> None:
    assert pyv("install", packed.archive, "--sha256", "xyz").status == 2
    assert pyv("install", packed.archive, "--sha256", "").status == 2  # a variable that is not set
    assert pyv("install", packed.archive, "--sha256", f"sha256:{packed.sha256}").status == 0
    assert pyv("install", packed.archive, "--sha256", "0" * 64).status == 5
    assert pyv("install", packed.archive, "--sha256", packed.sha256).status == 0


@pytest.mark.usefixtures("mirror")
def test_what_was_opened_to_pip_stays_open_when_it_is_installed_again(offered: Offer) -> None:
    pyv("install", "--allow-pip", offered.oldest)
    assert pyv("install", "--force", offered.oldest).status == 0
    assert not list((store() / "versions" / offered.oldest).glob("lib/python3*/EXTERNALLY-MANAGED"))


@pytest.mark.usefixtures("mirror")
def test_a_shared_version_is_copied_where_a_link_would_not_do(offered: Offer, tmp_path: Path) -> None:
    pyv("install", offered.oldest, PYV_ROOT=str(tmp_path / "lab"))
    assert pyv("install", "--allow-pip", offered.oldest, PYV_SHARED=str(tmp_path / "lab")).status == 0
    assert not (store() / "versions" / offered.oldest).is_symlink()


@pytest.mark.usefixtures("mirror")
def test_a_link_whose_target_is_gone_is_replaced_or_removed(offered: Offer, tmp_path: Path) -> None:
    versions = store() / "versions"
    versions.mkdir(parents=True)
    (versions / offered.oldest).symlink_to(tmp_path / "gone")
    (versions / offered.newest).symlink_to(tmp_path / "gone")
    assert pyv("install", offered.oldest).status == 0
    assert says(python_of(offered.oldest), "print(1)") == "1"
    assert pyv("uninstall", "-y", offered.newest).status == 0
    assert not (versions / offered.newest).is_symlink()


@pytest.mark.usefixtures("mirror")
def test_uninstalls_at_the_same_time_leave_no_dangling_link(offered: Offer) -> None:
    for _ in range(3):
        pyv("install", *offered[2:])
        processes = [start("uninstall", "-y", version) for version in offered[2:]]
        for process in processes:
            process.communicate(timeout=120)
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert list((store() / "versions").iterdir()) == []


@pytest.mark.usefixtures("mirror")
def test_an_empty_folder_is_never_the_newest(offered: Offer) -> None:
    pyv("install", offered.oldest)
    (store() / "versions" / f"{offered.minor}.99").mkdir()
    pyv("install", "--force", offered.oldest)
    assert os.readlink(store() / "versions" / offered.minor) == offered.oldest


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("delay", [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7])
def test_an_interrupt_at_any_time_ends_it_cleanly(offered: Offer, delay: float) -> None:
    pyv("install", offered.oldest)
    process = start("install", "-q", "--force", offered.oldest)
    locked = store() / "tmp"
    while process.poll() is None and not any(locked.iterdir()):
        pass
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) in [(130, "", "pyv: interrupted\n"), (0, "", "")]
    assert list(locked.iterdir()) == []
    assert pyv("verify").status == 0


@pytest.mark.usefixtures("mirror")
def test_a_version_can_be_read_by_others_whatever_the_umask_says(offered: Offer) -> None:
    before = os.umask(0o077)
    try:
        pyv("install", offered.oldest)
    finally:
        os.umask(before)
    version = store() / "versions" / offered.oldest
    for path in (version, version / ".pyv", version / "bin"):
        assert path.stat().st_mode & 0o777 == 0o755
    assert (version / ".pyv/receipt.json").stat().st_mode & 0o777 == 0o644
