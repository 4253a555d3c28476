"""What pyv costs where it is used all day, counted instead of timed, so that the same is found on every machine.

All bounds are upper ones, and each says what it pays for. What the hooks count is in test_hooks_processes, the folders
that a rehash reads in test_shims.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import pyv as pyv_package
from tests.support.command import PYV, pyv, store
from tests.support.server import Server
from tests.support.stores import know, make_environment, make_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Offer

# Runs pyv, and prints its status, the modules that came with it, what it opened, and what it wrote
_HEAR = """
import sys
sys.argv = ["pyv", *sys.argv[1:]]
sys.path.remove("")  # which only `python -c` has
before, opened, scanned, started = set(sys.modules), [], [], []
places = {
    "open": opened, "os.scandir": scanned, "os.listdir": scanned,
    "subprocess.Popen": started, "os.posix_spawn": started, "os.exec": started, "os.spawn": started,
    # Several installs at once are forks on purpose, which is never what is heard here; a worker is one of those
    "os.system": started, "os.fork": started, "os.forkpty": started,
}
def hear(event, arguments):
    if event in places:
        places[event].append(str(arguments[0]) if arguments else event)
sys.addaudithook(hear)
from pyv.__main__ import main
status = main()
sys.stdout.flush()
heard = {"status": status, "modules": sorted(set(sys.modules) - before)}
heard |= {"opened": list(opened), "scanned": list(scanned), "started": list(started), "written": None}
try:
    with open("/proc/self/io") as file:
        heard["written"] = int(file.read().partition("wchar: ")[2].split()[0])
except OSError:
    pass
import json
print(json.dumps(heard), file=sys.stderr)
"""
_WORKER = "os.fork"  # as the audit hook hears of it
# What only the network needs, and what only command lines that are not plain need
_HEAVY = {"httpx", "httpcore", "anyio", "h11", "ssl", "http", "asyncio", "click"}
_READS = {"newfstatat", "stat", "lstat", "statx", "faccessat", "faccessat2", "access", "readlink", "openat", "open"}
_STARTED = re.compile(r"\b(?:fork|vfork)\(|\bclone3?\(.*\bflags=(?!\S*CLONE_THREAD)")
_CALL = re.compile(r'^(?:\d+ +)?(\w+)\((?:AT_FDCWD, )?(?:"([^"]*)")?')


class Heard(NamedTuple):
    """What a run of pyv did. Paths are those below the folder of the test."""

    status: int
    modules: set[str]
    opened: list[str]
    scanned: list[str]
    started: list[str]
    written: int | None

    @property
    def own_modules(self) -> int:
        return sum(name.partition(".")[0] == "pyv" for name in self.modules)


def hear(*arguments: str, cwd: Path, env: Mapping[str, str] = os.environ, bare: bool = False) -> Heard:
    """Run pyv; bare, where nothing is installed but itself, and nothing else has imported anything before."""
    bare_env = {"PYTHONPATH": str(Path(pyv_package.__file__).parents[1])} if bare else {}
    done = subprocess.run(
        [sys.executable, *(["-S"] if bare else []), "-c", _HEAR, *arguments],
        cwd=cwd,
        # Whether pyv's own bytecode has been written before must make no difference to what it writes
        env={**env, **bare_env, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    heard: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    near = (env["PYV_ROOT"], env["PYV_CACHE_DIR"], str(cwd))
    for name in ("opened", "scanned"):
        heard[name] = [path for path in heard[name] if path.startswith(near)]
    return Heard(**{**heard, "modules": set(heard["modules"])})


@pytest.fixture(scope="module")
def strace() -> str:
    """Return the path of strace, or skip where processes cannot be traced."""
    path = shutil.which("strace", path="/usr/local/bin:/usr/bin:/bin")
    if path is None:
        pytest.skip("there is no strace here")
    if subprocess.run([path, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return path


# Shims


@pytest.fixture
def project() -> Path:
    """Return a project pinned to 3.12, in the home of the test beside a store with that."""
    root = store()
    make_version(root, "3.11.8", "old", links=("3.11",))
    make_version(root, "3.12.7", links=("3.12", "3"))
    folder = root.parent / "project"
    folder.mkdir()
    (folder / ".python-version").write_text("3.12\n")
    assert pyv("rehash").status == 0
    return folder


class Call(NamedTuple):
    name: str
    path: str


def shim_calls(strace: str, *words: str, cwd: Path, program: str = "python") -> list[Call]:
    """Return the system calls of a shim up to that by which it becomes the program, or to its end."""
    trace = store().parent / "trace"
    env = {"PATH": f"{store()}/shims:/usr/bin:/bin", "HOME": os.environ["HOME"], "PWD": str(cwd)}
    command = [strace, "-f", "-qq", "-s", "4096", "-e", "signal=none", "-o", str(trace)]
    done = subprocess.run(
        [*command, f"{store()}/shims/{program}", *words], cwd=cwd, env=env, capture_output=True, check=True
    )
    assert done.stderr == b""
    lines = trace.read_text("utf-8", "replace").splitlines()
    assert not [line for line in lines if _STARTED.search(line)], "no process is started on the way"
    calls = [Call(found[1], found[2] or "") for line in lines if (found := _CALL.match(line))]
    becoming = [number for number, call in enumerate(calls) if call.name == "execve"]
    return calls[becoming[0] + 1 : becoming[1] + 1 if len(becoming) > 1 else None]


def looks(calls: list[Call], below: Path) -> list[str]:
    """Return the paths below a folder that were asked about or opened."""
    return [call.path for call in calls if call.name in _READS and call.path.startswith(f"{below}/")]


def test_a_folder_without_anything_costs_a_shim_five_questions(strace: str, project: Path) -> None:
    deep = project.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    near, far = (len(looks(shim_calls(strace, cwd=cwd), project)) for cwd in (project, deep))
    # A pin as a link and as a file, and an environment called .venv, venv and env. The working directory is below the
    # project here, and asked about by the sh when it starts and by the shim, for PWD may lie
    assert far - near <= 10 * 5 + 2


def test_where_the_pin_lies_a_shim_asks_eleven_questions(strace: str, project: Path) -> None:
    calls = shim_calls(strace, cwd=project)
    assert len(looks(calls, project)) <= 5 + 3 + 3 + 1  # as above, which environment, is it a file to be read, and open
    # Whether the version is there, whether its program is a file, can be run, and is not empty
    assert len(looks(calls, store() / "versions")) <= 4
    assert calls[-1].name == "execve"
    assert calls[-1].path == f"{store()}/versions/3.12/bin/python"


def test_an_environment_costs_a_shim_no_more_than_its_registry(strace: str, project: Path) -> None:
    know(store(), make_environment(project / ".venv", store() / "versions/3.12/bin"))
    calls = shim_calls(strace, cwd=project)
    assert calls[-1].path == f"{project}/.venv/bin/python"
    # Whether it is at the place that the registry has, and its settings are those that were registered
    assert len(looks(calls, store() / "venvs")) <= 3
    # The walk, that there is an environment, which, its settings and their first line, the pin, the program
    assert len(looks(calls, project)) <= 5 + 3 + 3 + 5 + 4 + 4
    # Whether the pinned version is there, whether that is its Python, and no other environment
    assert len(looks(calls, store() / "versions")) <= 3


def test_a_shim_reads_no_folder_and_opens_only_the_pin(strace: str, project: Path) -> None:
    """So it takes the same time whatever the number of versions and shims."""
    for number in range(30):
        make_version(store(), f"3.10.{number}")
    calls = shim_calls(strace, cwd=project)
    assert not [call for call in calls if call.name.startswith("getdents")]
    opened = [call.path for call in calls if call.name in ("open", "openat")]
    assert [path for path in opened if path.startswith((f"{project}/", f"{store()}/"))] == [
        f"{store()}/shims/python",
        f"{project}/.python-version",
    ]


def test_a_question_to_the_pyv_of_the_shims_starts_nothing(strace: str, project: Path) -> None:
    for words in (["which", "python"], ["version"], ["version-name"], ["prefix"], ["root"]):
        calls = shim_calls(strace, *words, cwd=project, program="pyv")
        assert "execve" not in {call.name for call in calls}, words


# Commands


def test_every_way_to_start_a_process_is_heard() -> None:
    program = """
import os

def main():
    os.system("true")
    for started in (os.fork(), os.forkpty()[0]):
        if not started:
            os._exit(0)
    os.posix_spawn("/bin/true", ["true"], {})
    os.spawnv(os.P_WAIT, "/bin/true", ["true"])
"""
    text = _HEAR.replace("from pyv.__main__ import main", program)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert len(json.loads(done.stderr.splitlines()[-1])["started"]) == 5


# Of the standard library, beyond a start with -S: re, enum, functools and collections, which contextlib, typing and
# pathlib bring along, and some thirty small ones of theirs
_LIBRARY = 60


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("--version", 2),  # nothing but itself
        ("root", 25),  # the command line, the layout, and whether the shims are intact
        ("shims", 25),
        ("local", 30),  # and pins
        ("version", 35),  # and the selection
        ("which python", 35),
        ("prefix", 35),
        ("versions", 35),
        ("latest 3.12", 35),
    ],
)
def test_commands_that_only_tell_something_import_little(line: str, own: int, project: Path) -> None:
    heard = hear(*line.split(), cwd=project, bare=True)
    assert heard.status == 0
    assert heard.own_modules <= own
    assert len(heard.modules) - heard.own_modules <= _LIBRARY
    tops = {name.partition(".")[0] for name in heard.modules}
    assert tops & {"click", "dataclasses", "inspect", "json", "tempfile", "shutil", "subprocess", "asyncio"} == set()


def test_telling_the_version_opens_the_pin_and_two_shims(project: Path) -> None:
    heard = hear("version", cwd=project)
    # The dispatcher and the shim that stands for all, to see whether they are whole; then what is pinned
    assert heard.opened == [f"{store()}/shims/pyv", f"{store()}/shims/python", f"{project}/.python-version"]
    assert heard.scanned == [f"{store()}/tmp", f"{store()}/envs"]  # for what killed commands left
    assert heard.started == []


def test_listing_versions_reads_their_folder_and_none_of_theirs(project: Path) -> None:
    for number in range(30):
        make_version(store(), f"3.10.{number}")
    assert pyv("rehash").status == 0
    heard = hear("versions", cwd=project)
    assert set(heard.scanned) == {f"{store()}/tmp", f"{store()}/envs", f"{store()}/versions"}
    assert len(heard.scanned) <= 5  # what killed commands left, the short names, the versions, what the links lead to
    assert len(heard.opened) <= 3  # the two shims and the pin
    assert heard.started == []


# Installing


class Installed(NamedTuple):
    """What one install after the other did, in a store of their own."""

    env: dict[str, str]
    heard: list[Heard]
    requests: list[list[str]]

    @property
    def root(self) -> Path:
        return Path(self.env["PYV_ROOT"])


@pytest.fixture(scope="module")
def installed(offered: Offer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install a version, another one, this one again, and again by force."""
    folder = tmp_path_factory.mktemp("counted")
    with Server(offered.folder) as server:
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "PYV_MIRROR": server.url()}
        env |= {"PYV_ROOT": str(folder / "store"), "PYV_CACHE_DIR": str(folder / "cache")}
        heard, requests = [], []
        for words in ([offered.oldest], [offered.middle], [offered.middle], ["--force", offered.middle]):
            before = len(server.requests)
            heard.append(hear("install", "-q", *words, cwd=folder, env=env))
            requests.append([f"{each.method} {each.path.rpartition('/')[2]}" for each in server.requests[before:]])
        yield Installed(env, heard, requests)


def test_an_install_asks_for_the_catalogue_and_the_archive(installed: Installed, offered: Offer) -> None:
    catalogue = "GET download-metadata.json"
    first, second, again, forced = installed.requests
    assert [each.status for each in installed.heard] == [0, 0, 0, 0]
    assert first == [catalogue, first[1]]
    assert first[1].startswith(f"GET cpython-{offered.oldest}%2B")
    assert second == [catalogue, second[1]]
    assert second[1].startswith(f"GET cpython-{offered.middle}%2B")
    assert again == []  # it is there
    assert forced == [catalogue]  # the archive is in the cache


def test_an_install_writes_each_byte_once(installed: Installed) -> None:
    """The archive into the cache, and each file into staging, where the fix-ups are already in it."""
    written = installed.heard[0].written
    if written is None:
        pytest.skip("this system does not tell what a process has written")
    version = next(path for path in installed.root.glob("versions/*") if not path.is_symlink())
    files = [path.stat().st_size for path in version.rglob("*") if path.is_file() and not path.is_symlink()]
    archives = [path.stat().st_size for path in Path(installed.env["PYV_CACHE_DIR"], "archives").iterdir()]
    archive = min(size for size in archives if size)  # those of the others have only grown by some lines
    once = archive + sum(files)
    assert archive < written
    passed_on = archive * installed.heard[0].started.count(_WORKER)  # through a pipe, which counts as well
    # Shims, hooks and completions, the catalogue, and a few fix-ups that are known only after the smoke run
    assert written <= once + passed_on + 1_000_000


def test_an_install_starts_two_processes_the_worker_and_the_smoke_run(installed: Installed) -> None:
    workers = int(hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1)
    assert [each.started.count(_WORKER) for each in installed.heard] == 4 * [workers]
    assert [len(each.started) - workers for each in installed.heard] == [1, 1, 0, 1]


def test_an_install_is_flushed_before_it_becomes_visible_and_never_file_by_file(
    installed: Installed, offered: Offer, strace: str, tmp_path: Path
) -> None:
    trace, mirror = tmp_path / "trace", str(offered.folder)
    env = {**installed.env, "PYV_ROOT": str(tmp_path / "store"), "PYV_MIRROR": mirror}
    wanted = "trace=fsync,fdatasync,sync,syncfs,rename,renameat,renameat2"
    filtered = subprocess.run(
        [strace, "--seccomp-bpf", "-f", "-e", "trace=sync", "true"], capture_output=True, check=False
    )
    fast = ["--seccomp-bpf"] if not filtered.returncode else []  # or each of thousands of other calls would be stopped
    command = [strace, "-f", *fast, "-qq", "-e", "signal=none", "-e", wanted, "-o", str(trace)]
    subprocess.run([*command, *PYV, "install", "-q", offered.oldest], env=env, cwd=tmp_path, check=True)
    calls = [call for line in trace.read_text().splitlines() if (call := re.match(r"\d+ +(\w+)\((.*)", line))]
    names = [call[1] for call in calls]
    visible = next(
        number for number, call in enumerate(calls) if f'"{tmp_path}/store/versions/{offered.oldest}"' in call[2]
    )
    flushes = [number for number, name in enumerate(names) if name.startswith(("fsync", "fdatasync", "sync"))]
    # For all files of the version, while they come and once more when receipt and manifest are there, before the rename
    described = max(number for number, call in enumerate(calls[:visible]) if "/tree/.pyv/receipt.json" in call[2])
    before = [number for number in flushes if number < visible]
    assert {names[number] for number in before} == {"syncfs"}
    assert before[-1] > described
    # The folder that it is then in; and the dispatcher, which is made anew in a new store, and the folder of the shims
    assert len([number for number in flushes if number > visible]) <= 5
    # The archive, manifest and receipt, the version, two short names, and some twenty shims
    assert len(names) - len(flushes) <= 40


def test_making_an_environment_starts_no_interpreter_and_loads_nothing_for_the_network(
    installed: Installed, offered: Offer, tmp_path: Path
) -> None:
    made = [hear("venv", "-q", "-p", offered.minor, name, cwd=tmp_path, env=installed.env) for name in ("a", "b")]
    assert [each.status for each in made] == [0, 0]
    assert made[1].started == []  # the seed is known, and so is the interpreter
    # The selection, the registry, the seed and what links it
    assert_modules(made[1], own=60, others=90)
    assert "subprocess" not in made[1].modules


def test_an_install_from_the_cache_loads_nothing_for_the_network(
    installed: Installed, offered: Offer, tmp_path: Path
) -> None:
    for name, more in {"offline": {"PYV_OFFLINE": "1"}, "folder": {"PYV_MIRROR": str(offered.folder)}}.items():
        env = {**installed.env, "PYV_ROOT": str(tmp_path / name), **more}
        heard = hear("install", "-q", offered.oldest, cwd=tmp_path, env=env)
        assert (heard.status, len(heard.started)) == (0, 1)
        # The index, unpacking, fix-ups, the smoke run and the shims; threads, queues and ctypes, which calls syncfs
        assert_modules(heard, own=85, others=115)


def assert_modules(heard: Heard, *, own: int, others: int) -> None:
    assert {name.partition(".")[0] for name in heard.modules} & _HEAVY == set()
    assert heard.own_modules <= own
    assert len(heard.modules) - heard.own_modules <= others
