"""The folder of shims: what is in it, what is not, and what becomes of it when things go wrong."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyv.errors import StoreError, UsageError
from pyv.layout import Layout, resources
from pyv.registry import Registry
from pyv.shims import Shims, dispatcher
from pyv.shims.folder import Folder
from pyv.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

# These have shims whatever is installed
ALWAYS = ("python", "python3", "pip", "pip3")
RUNNER = (sys.executable, "-I", "-c", "from pyv.__main__ import leave; leave()")
# Says what it is called, and with what; enough where the dispatcher's own doings are not what is tested
STAND_IN = b"""#!@SHELL@
# pyv dispatcher @VERSION@ @CHECK@
printf '%s|' @ROOT@ @RUN@ "${0##*/}" "$@"
"""
# Rehashes for ever; what is asked for stands in its arguments
ENDLESS = """
import os, sys
from pyv.layout import Layout
from pyv.registry import Registry
from pyv.shims import Shims
from pyv.store import Store

layout = Layout({"PYV_ROOT": sys.argv[1], "HOME": "/"}, "/")
shims = Shims(layout, Store(layout, lambda line: None), Registry(layout), (sys.executable, "-c", sys.argv[3]))
for _ in range(int(sys.argv[2])):
    shims.rehash()
    if "damage" in sys.argv:
        os.truncate(layout.shims / "pyv", 1)
"""
ANYBODY = """
import ctypes, os, sys
from pyv.errors import StoreError
from pyv.layout import Layout
from pyv.registry import Registry
from pyv.shims import Shims
from pyv.store import Store

if os.geteuid() == 0:
    # capset(2) with none, for _LINUX_CAPABILITY_VERSION_3 and this process
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
said = []
layout = Layout({"PYV_ROOT": sys.argv[1], "HOME": "/"}, "/")
shims = Shims(layout, Store(layout, said.append), Registry(layout), (sys.executable, "-c", "x"))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a store with one version of two commands."""
    add(tmp_path / "store", "3.12.7", "python", "ruff")
    return tmp_path / "store"


def layout_of(root: Path) -> Layout:
    return Layout({"PYV_ROOT": str(root), "HOME": str(root)}, "/")


def shims_of(root: Path, runner: Sequence[str] = RUNNER, template: Path | None = None) -> Shims:
    layout = layout_of(root)
    return Shims(layout, Store(layout, lambda _line: None), Registry(layout), runner, template=template)


def stand_in(folder: Path) -> Path:
    path = folder / "stand-in.sh"
    path.write_bytes(STAND_IN)
    return path


def add(root: Path, version: str, *commands: str) -> Path:
    """Make a version with commands."""
    folder = root / "versions" / version / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in commands:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def state(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return everything about the entries of a folder, and about itself, that writing would change."""
    entries = [folder, *folder.iterdir()]
    return {
        each.name: (each.lstat().st_ino, each.lstat().st_mtime_ns, each.lstat().st_ctime_ns, each.lstat().st_mode)
        for each in entries
    }


def whole(root: Path, *names: str) -> None:
    """Assert that the folder has exactly these shims besides pyv and `ALWAYS`, and that it is whole."""
    shims = root / "shims"
    assert set(os.listdir(shims)) == {"pyv", *ALWAYS, *names}
    found = dispatcher.read(str(shims / "pyv"))
    assert found is not None
    for name in ("pyv", *ALWAYS, *names):
        assert (shims / name).read_bytes() == found.content
        assert stat.S_IMODE((shims / name).lstat().st_mode) == 0o755
        assert (shims / name).stat().st_mtime_ns == found.changed
    assert shims_of(root).intact()


def as_anybody(root: Path, program: str) -> None:
    """Run a program, given `shims` and what they `said`, in a process that permissions hold for even as root."""
    done = subprocess.run([sys.executable, "-c", ANYBODY + program, root], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# What is in it


def test_what_is_for_readers_of_the_source_stays_there(tmp_path: Path) -> None:
    template = (resources() / "dispatcher.sh").read_bytes()
    words = {"shell": "/bin/sh", "root": str(tmp_path)}
    body = dispatcher.render(template, runner=["/x"], **words).split(b"\n", 2)[2]
    assert [line for line in body.splitlines() if line[:1] in (b" ", b"\t", b"#")] == []
    # Nothing else is gone
    kept = [line.strip() for line in template.splitlines()[2:] if line.strip()[:1] != b"#"]
    values = {b"@ROOT@": dispatcher.quoted(str(tmp_path)), b"@RUN@": dispatcher.quoted("/x")}
    for place, value in values.items():
        kept = [line.replace(place, value) for line in kept]
    assert [line.strip() for line in body.splitlines()] == kept


def test_each_shim_is_the_dispatcher_whatever_the_umask(root: Path) -> None:
    umask = os.umask(0o077)
    try:
        assert shims_of(root).rehash() == (len({"pyv", "ruff", *ALWAYS}), 0)
    finally:
        os.umask(umask)
    whole(root, "python", "ruff")
    assert (root / "shims/python").samefile(root / "shims/ruff")
    assert not (root / "shims/python").samefile(root / "shims/pyv")  # which repairs what is written into the others
    assert shims_of(root).names() == sorted({"pyv", "ruff", *ALWAYS})


def test_only_programs_that_can_be_typed_get_a_shim(root: Path, tmp_path: Path) -> None:
    folder = add(root, "3.12.7", "with blank", "größe", "[", "-x", ".hidden", "pyv", "new\nline", "bell\a", "\udcff")
    (folder / "activate").write_text("no program")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("ruff")
    (folder / "broken").symlink_to("nothing")
    (folder / "to-folder").symlink_to("folder")
    os.mkfifo(folder / "fifo", 0o755)
    add(root, ".staged", "half")
    (root / "versions/file").touch()
    (root / "versions/no-bin").mkdir()
    add(tmp_path / "elsewhere", "conda", "conda")
    (root / "versions/conda").symlink_to(tmp_path / "elsewhere/versions/conda")
    (root / "versions/gone").symlink_to(tmp_path / "gone")
    shims_of(root).rehash()
    whole(root, "python", "ruff", "with blank", "größe", "[", "-x", "link", "conda")


def test_commands_of_known_environments_get_a_shim_as_long_as_they_are_known(root: Path, tmp_path: Path) -> None:
    for name in ("known", "stranger"):
        venv = tmp_path / name / ".venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
        (venv / "bin" / f"of-{name}").write_text("#!/bin/sh\n")
        (venv / "bin" / f"of-{name}").chmod(0o755)
    registry = Registry(layout_of(root))
    registry.register(tmp_path / "known/.venv")
    shims_of(root).rehash()
    whole(root, "python", "ruff", "of-known")
    (tmp_path / "known/.venv").rename(tmp_path / "moved")
    (tmp_path / "known/.venv").symlink_to(tmp_path / "moved")
    assert shims_of(root).rehash() == (0, 1)
    whole(root, "python", "ruff")


def test_a_version_that_was_copied_there_gets_its_short_names(root: Path) -> None:
    shims_of(root).rehash()
    versions = root / "versions"
    assert {name: os.readlink(versions / name) for name in ("3", "3.12")} == {"3": "3.12.7", "3.12": "3.12.7"}
    add(root, "3.13.1", "python", "python3.13")
    add(root, "3.12.9", "python", "python3.12")
    assert not shims_of(root).intact()
    shims_of(root).repair()
    links = {name: os.readlink(versions / name) for name in ("3", "3.12", "3.13")}
    assert links == {"3": "3.13.1", "3.12": "3.12.9", "3.13": "3.13.1"}
    assert shims_of(root).intact()
    before = state(versions), state(root / "locks")
    shims_of(root).repair()
    assert (state(versions), state(root / "locks")) == before


def test_a_shim_goes_with_the_last_version_that_has_its_command(root: Path) -> None:
    add(root, "3.11.8", "python", "python3.11")
    add(root, "3.11.9", "python", "python3.11")
    shims_of(root).rehash()
    whole(root, "python", "ruff", "python3.11")
    for version, left in (("3.11.8", ["python", "ruff", "python3.11"]), ("3.11.9", ["python", "ruff"])):
        shutil.rmtree(root / "versions" / version)
        shims_of(root).rehash()
        whole(root, *left)
    shutil.rmtree(root / "versions")
    shims_of(root).rehash()
    whole(root)


def test_what_is_not_ours_stays_unless_a_command_needs_its_name(root: Path) -> None:
    shims = root / "shims"
    shims_of(root).rehash()
    (shims / "mine").write_text("#!/bin/sh\necho mine\n")
    (shims / "ruff").unlink()
    (shims / "ruff").write_text("#!/bin/sh\necho mine\n")
    (shims / "link").symlink_to("/bin/sh")
    (shims / "folder").mkdir()
    (shims / ".nfs0000000000000001").touch()
    kept = {"mine", "link", "folder", ".nfs0000000000000001"}
    for _ in range(2):
        shims_of(root).rehash()
        assert set(os.listdir(shims)) == kept | {"pyv", "ruff", *ALWAYS}
        assert (shims / "ruff").samefile(shims / "python")
    assert (shims / "mine").read_text() == "#!/bin/sh\necho mine\n"


def test_a_pyenv_that_was_asked_for_stays_the_dispatcher(root: Path) -> None:
    shims_of(root).rehash()
    os.link(root / "shims/python", root / "shims/pyenv")
    (root / "shims/python").write_bytes(b"#!/bin/sh\n")
    shims_of(root).rehash()
    whole(root, "python", "ruff", "pyenv")


def test_no_versions_folder_means_no_commands_but_an_unreadable_one_does_not(root: Path) -> None:
    shims_of(root).rehash()
    shutil.rmtree(root / "versions")
    (root / "versions").touch()
    with pytest.raises(StoreError, match="versions"):
        shims_of(root).rehash()
    assert shims_of(root).names() == sorted({"pyv", "ruff", *ALWAYS})


# Cost


def test_each_folder_is_read_once_and_one_shim_opened(root: Path) -> None:
    for number in range(20):
        add(root, f"3.11.{number}", "python", "pip", f"only-{number}")
    (root / "versions/3").symlink_to("3.12.7")
    (root / "versions/3.11").symlink_to("3.11.19")
    shims_of(root).rehash()
    program = (
        "import sys\n"
        "counts = {}\n"
        "def hear(event, arguments):\n"
        "    if arguments and str(arguments[0]).startswith(sys.argv[1]):\n"
        "        counts[event] = counts.get(event, 0) + 1\n"
        "sys.addaudithook(hear)\n"
        f"{ENDLESS}"
        "print(counts['os.scandir'], counts['open'], counts.get('os.link', 0), counts.get('os.rename', 0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, root, "1", RUNNER[-1]], capture_output=True, text=True, check=True
    )
    scans, opened, *written = map(int, done.stdout.split())
    assert scans == 25  # shims, the bin of 21 versions, and versions, twice more for the short names
    assert opened < 10  # the lock, the dispatcher and one shim, of some twenty no other
    assert written == [0, 0]


def test_nothing_is_written_when_nothing_is_to_do(root: Path) -> None:
    shims_of(root).rehash()
    before = state(root / "shims")
    assert shims_of(root).rehash() == (0, 0)
    shims_of(root).repair()
    assert state(root / "shims") == before


# Time


def test_the_time_of_the_shims_changes_with_what_is_installed_and_only_then(root: Path) -> None:
    """Whoever remembers what a shim is until the file changes has to notice."""
    shims = shims_of(root)
    seen = []

    def rehashed() -> int:
        shims.rehash()
        seen.append((root / "shims/python").stat().st_mtime_ns)
        return len(set(seen))

    assert rehashed() == 1
    (root / "versions/mine").symlink_to("3.12.7")
    assert rehashed() == 2
    add(root, "3.12.8", "python")
    assert rehashed() == 3
    os.symlink("3.12.8", root / "versions/.new")
    (root / "versions/.new").replace(root / "versions/mine")
    assert rehashed() == 4
    add(root, "3.12.8", "pip")
    assert rehashed() == 4
    assert (root / "shims/pip").exists()
    (root / "shims/pyv").unlink()
    assert rehashed() == 4
    shutil.rmtree(root / "versions/3.12.8")
    assert rehashed() == 5


@pytest.mark.parametrize("change", ["versions/3.9.1", "venvs/0"])
def test_shims_that_are_behind_what_is_installed_are_not_intact(root: Path, change: str) -> None:
    shims_of(root).rehash()
    assert shims_of(root).intact()
    (root / change).mkdir(parents=True)
    assert not shims_of(root).intact()
    add(root, "3.12.7", "black")
    shims_of(root).repair()
    assert shims_of(root).intact()
    assert (root / "shims/black").exists()


# The dispatcher


@pytest.mark.parametrize("sh", [["dash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"]], ids=str)
def test_any_path_can_stand_in_the_dispatcher(tmp_path: Path, sh: list[str]) -> None:
    if not shutil.which(sh[0]):
        pytest.skip(f"there is no {sh[0]} here")
    odd = tmp_path / 'it\'s "$HOME" `x` \\ größe @RUN@ @ROOT@\nline'
    add(odd, "3.12.7", "python")
    runner = (sys.executable, "-c", "@ROOT@ '' \n$(x)")
    shims_of(odd, runner, stand_in(tmp_path)).rehash()
    done = subprocess.run([*sh, odd / "shims/python", "a b"], capture_output=True, text=True, check=True)
    assert done.stdout == "|".join([str(odd), *runner, "python", "a b", ""])
    assert shims_of(odd, runner, stand_in(tmp_path)).intact()


def test_a_path_that_is_not_text_can_stand_in_the_dispatcher(tmp_path: Path) -> None:
    odd = tmp_path / "\udcff\x85\t"
    try:
        add(odd, "3.12.7", "python")
    except OSError:
        pytest.skip("this file system has no such names")
    python = odd / "python"
    python.symlink_to(sys.executable)
    shims_of(odd, (str(python), "x"), stand_in(tmp_path)).rehash()
    done = subprocess.run([odd / "shims/python"], capture_output=True, check=True)
    assert done.stdout == os.fsencode(f"{odd}|{python}|x|python|")
    assert shims_of(odd).intact()
    python.unlink()
    assert not shims_of(odd).intact()


def test_the_first_lines_name_shell_version_and_what_pyv_needs(root: Path) -> None:
    from pyv import __file__ as package
    from pyv import __version__

    shims_of(root).rehash()
    found = dispatcher.read(str(root / "shims/pyv"))
    assert found is not None
    assert (found.shell, found.version, found.needs) == ("/bin/sh", __version__, (sys.executable, package))
    assert found.root == str(root)
    lines = found.content.splitlines()
    assert lines[0] == b"#!/bin/sh"
    assert lines[1].startswith(f"# pyv dispatcher {__version__} ".encode())


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "store"
    add(root, "3.12.7", "python")
    shims = shims_of(root, RUNNER, stand_in(tmp_path))
    shims.rehash()
    path = root / "shims/pyv"
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert dispatcher.read(str(path)) is None, content[: place + 1]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert dispatcher.read(str(path)) is None, length


def as_another(root: Path, /, **changes: str) -> bytes:
    """Put another installation's dispatcher into the place of ours, and return it."""
    python = root.parent / "other/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.symlink_to(sys.executable)
    script = root.parent / "make.py"
    script.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from pyv.shims import dispatcher\n"
        "dispatcher.__version__ = sys.argv[2]\n"
        "dispatcher._PACKAGE = sys.argv[5]\n"
        "content = dispatcher.render(Path(sys.argv[3]).read_bytes(), shell=sys.argv[6], root=sys.argv[1],\n"
        "                            runner=(sys.argv[4], 'other'))\n"
        "sys.stdout.buffer.write(content)\n"
    )
    values = {"root": str(root), "version": shims_version(), "template": str(stand_in(root.parent))}
    values |= {"python": str(python), "package": __file__, "shell": "/bin/sh"} | changes
    content = subprocess.run([sys.executable, script, *values.values()], capture_output=True, check=True).stdout
    for path in (root / "shims").iterdir():
        changed = path.stat().st_mtime_ns
        path.write_bytes(content)
        os.utime(path, ns=(changed, changed))
    return content


def shims_version() -> str:
    from pyv import __version__

    return __version__


def test_the_dispatcher_of_another_installation_of_the_same_pyv_is_left_alone(root: Path) -> None:
    shims_of(root).rehash()
    content = as_another(root)
    assert shims_of(root).intact()
    add(root, "3.12.8", "black")
    shims_of(root).rehash()
    assert (root / "shims/black").read_bytes() == content
    assert shims_of(root).intact()
    (root.parent / "other/bin/python").unlink()
    assert not shims_of(root).intact()
    shims_of(root).repair()
    assert (root / "shims/black").read_bytes() != content
    whole(root, "python", "ruff", "black")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "0.0.9"},
        {"version": "99.0"},
        {"root": "/moved"},
        {"package": "/nonexistent/pyv/__init__.py"},
        {"python": "/nonexistent/python"},
        {"shell": "/nonexistent/sh"},
    ],
    ids=str,
)
def test_a_dispatcher_that_cannot_do_its_work_here_is_replaced(root: Path, changes: dict[str, str]) -> None:
    shims_of(root).rehash()
    content = as_another(root, **changes)
    assert dispatcher.read(str(root / "shims/pyv")) is not None
    assert not shims_of(root).intact()
    shims_of(root).repair()
    whole(root, "python", "ruff")
    assert (root / "shims/ruff").read_bytes() != content


def test_who_asks_for_it_gets_shims_that_run_this_pyv(root: Path) -> None:
    shims_of(root).rehash()
    content = as_another(root)
    shims_of(root).rehash(own=True)
    assert (root / "shims/ruff").read_bytes() != content
    whole(root, "python", "ruff")


def test_another_spelling_of_the_store_changes_nothing(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    shims_of(root).rehash()
    before = state(root / "shims")
    assert shims_of(link).intact()
    shims_of(link).repair()
    shims_of(link).rehash()
    assert state(root / "shims") == before
    shims_of(link).rehash(own=True)
    assert dispatcher.quoted(str(link)) in (root / "shims/ruff").read_bytes()
    assert shims_of(root).intact()
    link.unlink()
    assert not shims_of(root).intact()
    shims_of(root).repair()
    whole(root, "python", "ruff")


def test_shims_that_cannot_be_started_are_noticed_and_made_anew(root: Path) -> None:
    shims_of(root).rehash()
    (root / "shims/python").chmod(0o644)  # and with it each one that is a link to the same file
    assert not shims_of(root).intact()
    shims_of(root).repair()
    whole(root, "python", "ruff")


def test_a_rehash_takes_over_what_its_own_template_says_now(root: Path) -> None:
    shims_of(root).rehash()
    shims_of(root, RUNNER, stand_in(root.parent)).rehash()
    assert b"printf" in (root / "shims/ruff").read_bytes().splitlines()[2]


# The shell


def test_the_shell_is_remembered(root: Path, tmp_path: Path) -> None:
    sh = tmp_path / "sh"
    sh.symlink_to("/bin/sh")
    shims_of(root).rehash(shell=str(sh))
    assert (root / "shims/ruff").read_bytes().startswith(f"#!{sh}\n".encode())
    add(root, "3.12.8", "black")
    assert shims_of(root).rehash() == (1, 0)
    as_another(root, version="0.0.9", shell=str(sh))
    shims_of(root).rehash()
    whole(root, "python", "ruff", "black")
    assert (root / "shims/ruff").read_bytes().startswith(f"#!{sh}\n".encode())
    sh.unlink()
    assert not shims_of(root).intact()
    shims_of(root).repair()
    assert (root / "shims/ruff").read_bytes().startswith(b"#!/bin/sh\n")
    whole(root, "python", "ruff", "black")


def test_bash_is_told_to_ignore_its_callers_functions(root: Path, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("there is no bash here")
    (tmp_path / "bash").symlink_to(bash)
    shims_of(root).rehash(shell=str(tmp_path / "bash"))
    found = dispatcher.read(str(root / "shims/pyv"))
    assert found is not None
    assert found.shell == f"{tmp_path}/bash"
    assert found.content.startswith(f"#!{tmp_path}/bash -p\n".encode())
    assert shims_of(root).intact()
    assert shims_of(root).rehash(shell=found.shell) == (0, 0)
    add(root, "3.12.8", "black")
    assert shims_of(root).rehash() == (1, 0)
    whole(root, "python", "ruff", "black")


def test_a_shell_that_cannot_run_the_shims_is_refused(root: Path, tmp_path: Path) -> None:
    shims_of(root).rehash()
    before = state(root / "shims")
    for name in ("with blank", "with\nnewline", "x" * 126):
        (tmp_path / name).symlink_to("/bin/sh")
    (tmp_path / "data").write_text("")
    words = ["sh", "bin/sh", "/nonexistent", str(tmp_path), str(tmp_path / "data"), "/bin/true", "/bin/echo"]
    words += [str(tmp_path / "with blank"), str(tmp_path / "with\nnewline"), str(tmp_path / ("x" * 126))]
    words += [found for found in (shutil.which("fish"), shutil.which("zsh"), sys.executable) if found]
    for word in words:
        with pytest.raises(UsageError, match="--shell"):
            shims_of(root).rehash(shell=word)
    assert state(root / "shims") == before


@pytest.mark.parametrize("name", ["dash", "bash", "ash"])
def test_a_shell_that_can_is_taken(root: Path, tmp_path: Path, name: str) -> None:
    found = shutil.which(name) or (name == "ash" and shutil.which("busybox"))
    if not found:
        pytest.skip(f"there is no {name} here")
    (tmp_path / name).symlink_to(found)
    shims_of(root).rehash(shell=str(tmp_path / name))
    whole(root, "python", "ruff")


# Damage


def _truncate(shims: Path) -> None:
    os.truncate(shims / "pyv", 1000)


def _empty(shims: Path) -> None:
    os.truncate(shims / "pyv", 0)


def _zeroes(shims: Path) -> None:
    (shims / "pyv").write_bytes(bytes((shims / "pyv").stat().st_size))


def _overwrite_in_place(shims: Path) -> None:
    (shims / "ruff").write_text("#!/bin/sh\necho another\n")


def _overwrite_by_rename(shims: Path) -> None:
    (shims / "new").write_text("#!/bin/sh\necho another\n")
    (shims / "new").rename(shims / "pyv")


def _remove_one(shims: Path) -> None:
    (shims / "pyv").unlink()


def _remove_all(shims: Path) -> None:
    shutil.rmtree(shims)


def _folder(shims: Path) -> None:
    (shims / "pyv").unlink()
    (shims / "pyv").mkdir()


def _link(shims: Path) -> None:
    (shims / "pyv").rename(shims.parent / "elsewhere")
    (shims / "pyv").symlink_to(shims.parent / "elsewhere")


def _broken_link(shims: Path) -> None:
    (shims / "pyv").unlink()
    (shims / "pyv").symlink_to("nothing")


def _link_to_itself(shims: Path) -> None:
    (shims / "pyv").unlink()
    (shims / "pyv").symlink_to("pyv")


def _fifo(shims: Path) -> None:
    (shims / "pyv").unlink()
    os.mkfifo(shims / "pyv", 0o755)


def _mode(shims: Path) -> None:
    (shims / "pyv").chmod(0o644)


def _grown(shims: Path) -> None:
    os.truncate(shims / "pyv", 10**9)


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        _empty,
        _zeroes,
        _overwrite_in_place,
        _overwrite_by_rename,
        _remove_one,
        _remove_all,
        _folder,
        _link,
        _broken_link,
        _link_to_itself,
        _fifo,
        _mode,
        _grown,
    ],
)
def test_a_damaged_dispatcher_is_noticed_and_made_anew(root: Path, damage: Callable[[Path], None]) -> None:
    add(root, "3.12.7", "soon-gone")
    shims_of(root).rehash()
    damage(root / "shims")
    (root / "versions/3.12.7/bin/soon-gone").unlink()
    assert not shims_of(root).intact()
    shims_of(root).repair()
    whole(root, "python", "ruff")


@pytest.mark.parametrize(
    "damage", [_truncate, _empty, _zeroes, _overwrite_by_rename, _remove_one, _folder, _broken_link, _fifo, _mode]
)
def test_any_damaged_shim_is_noticed_and_made_anew(root: Path, damage: Callable[[Path], None]) -> None:
    shims_of(root).rehash()
    shims = root / "shims"
    pieces = root / "pieces"  # the same damage to a shim that is no link, as after a copy without links
    pieces.mkdir()
    shutil.copy2(shims / "pyv", pieces / "pyv")
    damage(pieces)
    (shims / "ruff").unlink()
    if os.path.lexists(pieces / "pyv"):
        (pieces / "pyv").rename(shims / "ruff")
    assert not shims_of(root).intact()
    assert shims_of(root).rehash() == (1, 0)
    whole(root, "python", "ruff")


def test_a_folder_in_the_place_of_a_shim_is_moved_aside_with_what_is_in_it(root: Path) -> None:
    shims_of(root).rehash()
    for name in ("pyv", "ruff"):
        (root / "shims" / name).unlink()
        (root / "shims" / name).mkdir()
        (root / "shims" / name / "letter").write_text("dear")
    shims_of(root).repair()
    assert shims_of(root).names() == sorted({"pyv", "ruff", *ALWAYS})
    assert [each.read_text() for each in (root / "shims").glob("*.replaced.*/letter")] == ["dear", "dear"]
    before = state(root / "shims")
    shims_of(root).rehash()
    assert state(root / "shims") == before


@pytest.mark.parametrize("place", ["elsewhere", "tmp_path"])
def test_the_folder_may_be_a_link_to_another_place(root: Path, place: str, request: pytest.FixtureRequest) -> None:
    target: Path = request.getfixturevalue(place) / "shims of mine"
    (root / "shims").symlink_to(target)
    for _ in range(2):  # the second time it points to nothing
        shims_of(root).repair()
        whole(root, "python", "ruff")
        assert set(os.listdir(target)) == {"pyv", "ruff", *ALWAYS}
        shutil.rmtree(target)


def test_a_file_in_the_place_of_the_folder_is_an_error_that_names_it(root: Path) -> None:
    (root / "shims").write_text("mine")
    with pytest.raises(StoreError, match=str(root / "shims")):
        shims_of(root).rehash()
    shims_of(root).repair()
    assert (root / "shims").read_text() == "mine"


def test_nothing_is_repaired_where_nothing_is_installed(tmp_path: Path) -> None:
    shims_of(tmp_path / "store").repair()
    assert list(tmp_path.iterdir()) == []
    assert shims_of(tmp_path / "store").names() == []


# Permissions


def test_a_store_that_cannot_be_written_is_left_as_it_is_without_a_word(root: Path) -> None:
    shims_of(root).rehash()
    (root / "shims/ruff").unlink()
    os.truncate(root / "shims/pyv", 10)
    before = state(root / "shims")
    folders = [root, *(each for each in root.rglob("*") if each.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        as_anybody(
            root,
            "shims.repair()\n"
            "assert 'filelock' not in sys.modules, 'each command would take twice as long'\n"
            "try:\n"
            "    shims.rehash()\n"
            "except StoreError as error:\n"
            "    assert 'permission denied' in str(error), error\n"
            "else:\n"
            "    raise AssertionError('it could be written')\n"
            "assert said == []\n",
        )
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert state(root / "shims").keys() == before.keys()
    assert not shims_of(root).intact()


def test_a_dispatcher_of_another_user_is_replaced_by_an_own_one(root: Path) -> None:
    """Such as root's, after a sudo: its time cannot be set, and often it cannot be linked to."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    shims_of(root).rehash()
    os.chown(root / "shims/pyv", 65534, 65534)
    add(root, "3.12.8", "black")
    as_anybody(root, "shims.rehash()")
    whole(root, "python", "ruff", "black")
    assert {each.stat().st_uid for each in (root / "shims").iterdir()} == {0}


# Without links


def filled(root: Path, *names: str, keep: bool) -> Folder:
    """Fill the folder as on a file system that has no hard links."""
    sh = "/bin/sh"
    content = dispatcher.render(STAND_IN, shell=sh, root=str(root), runner=RUNNER)
    folder = Folder(str(root / "shims"), content, keep=keep, stamp=root.joinpath("versions").stat().st_mtime_ns)
    folder._can_link = False
    folder.fill(names)
    return folder


def test_where_there_are_no_links_shims_are_copies(root: Path) -> None:
    (root / "shims").mkdir()
    assert filled(root, *ALWAYS, "ruff", keep=False).made == 6
    whole(root, "ruff")
    assert len({each.stat().st_ino for each in (root / "shims").iterdir()}) == 6
    before = state(root / "shims")
    filled(root, *ALWAYS, "ruff", keep=True)
    assert state(root / "shims") == before
    (root / "shims/ruff").write_text("#!/bin/sh\n")
    add(root, "3.12.8", "black")
    folder = filled(root, *ALWAYS[1:], "ruff", "black", keep=True)
    assert (folder.made, folder.removed) == (2, 1)
    filled(root, *ALWAYS, "ruff", "black", keep=True)
    whole(root, "ruff", "black")


def test_a_dispatcher_that_has_all_the_links_it_can_have_is_copied(tmp_path: Path, elsewhere: Path) -> None:
    for root in (tmp_path, elsewhere):  # a file system in memory may link without end
        add(root, "3.12.7", "python", "ruff")
        shims_of(root).rehash()
        (root / "more").mkdir()
        try:
            for number in range(66_000):
                os.link(root / "shims/pyv", root / f"more/{number}")
        except OSError:
            break
    else:
        pytest.skip("these file systems link without end")
    add(root, "3.12.8", "black", "mypy")
    assert shims_of(root).rehash() == (2, 0)
    whole(root, "python", "ruff", "black", "mypy")
    before = state(root / "shims")
    assert shims_of(root).rehash() == (0, 0)
    assert state(root / "shims") == before


def test_copies_become_links_where_there_can_be_links(root: Path) -> None:
    (root / "shims").mkdir()
    filled(root, "python", "ruff", keep=False)
    shims_of(root).rehash()
    whole(root, "python", "ruff")
    assert (root / "shims/python").samefile(root / "shims/ruff")
    assert not (root / "shims/python").samefile(root / "shims/pyv")  # which repairs what is written into the others


# At the same time, and killed


def endless(root: Path, *words: str, times: int = 10**6, runner: str = "x") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ENDLESS, root, str(times), runner, *words])


def test_many_at_once_agree_and_shims_that_stay_never_vanish(root: Path) -> None:
    shims_of(root).rehash()
    processes = [endless(root, times=5) for _ in range(20)]
    number = 0
    while any(process.poll() is None for process in processes):
        number += 1
        folder = add(root, f"3.11.{number % 3}", f"tool-{number % 5}", "python")
        for _ in range(50):
            assert (root / "shims/ruff").stat().st_size > 100
            assert (root / "shims/python").stat().st_size > 100
        shutil.rmtree(folder.parent)
    assert [process.wait() for process in processes] == [0] * 20
    shims_of(root).rehash()
    whole(root, "python", "ruff")


def test_dispatchers_that_replace_each_other_leave_no_gap(root: Path) -> None:
    """Each finds the damage that the other has done."""
    shims_of(root).rehash()
    processes = [endless(root, "damage", times=20, runner=str(number)) for number in range(4)]
    while any(process.poll() is None for process in processes):
        for _ in range(500):
            assert (root / "shims/ruff").exists()
            assert (root / "shims/pyv").exists()
    assert [process.wait() for process in processes] == [0] * 4
    shims_of(root).repair()
    whole(root, "python", "ruff")


def test_what_a_killed_rehash_leaves_is_put_right_by_the_next(root: Path) -> None:
    add(root, "3.12.7", *(f"tool-{number}" for number in range(100)))
    names = ["python", "ruff", *(f"tool-{number}" for number in range(100))]
    shims_of(root).rehash()
    for number in range(20):
        process = endless(root, "damage")
        time.sleep(0.15 + number * 0.007)  # from start-up to the middle of one or another rehash
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert all((root / "shims" / name).exists() for name in names)
        foreign = {name for name in os.listdir(root / "shims") if not name.startswith(".")} - {"pyv", *ALWAYS, *names}
        assert foreign == set()
    (root / "shims/pyv").write_text("")
    shims_of(root).repair()
    whole(root, *names)


@pytest.mark.parametrize("damaged", [True, False])
def test_as_long_as_one_is_missing_they_are_not_intact(root: Path, *, damaged: bool) -> None:
    shims_of(root).rehash()
    name = "x" * 250
    in_the_way = root / "shims" / name
    in_the_way.mkdir()
    (in_the_way / "letter").touch()  # and no longer name, so that it cannot be moved aside
    add(root, "3.12.8", name)
    if damaged:
        os.truncate(root / "shims/pyv", 10)
    with pytest.raises(StoreError, match="too long"):
        shims_of(root).rehash()
    assert not shims_of(root).intact()
    shutil.rmtree(in_the_way)
    shims_of(root).repair()
    whole(root, "python", "ruff", name)


class Unlocked(Store):
    """A store on a file system without locks."""

    def lock(self, name: str, purpose: str, *, patient: bool = True) -> AbstractContextManager[None]:  # noqa: ARG002 - the signature is Store's
        return nullcontext()


def test_without_locks_they_still_agree_in_the_end(root: Path) -> None:
    program = ENDLESS.replace("from pyv.store import Store", "from tests.test_shims import Unlocked as Store")
    script: list[str | Path] = [sys.executable, "-c", program, root, "10", "x"]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    processes = [subprocess.Popen(script, env=here) for _ in range(4)]
    number = 0
    while any(process.poll() is None for process in processes):
        number += 1
        shutil.rmtree(add(root, f"3.11.{number % 3}", f"tool-{number % 5}").parent)
        if (root / "shims/pyv").exists():
            assert (root / "shims/pyv").stat().st_size > 100
    assert [process.wait() for process in processes] == [0] * 4
    shims_of(root).rehash()
    shims_of(root).rehash()
    whole(root, "python", "ruff")
