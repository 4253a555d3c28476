"""The dispatcher: what it leaves alone, where it works, and that it never calls itself for ever."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyv.errors import PyvError
from pyv.layout import Layout, resources
from pyv.registry import Registry
from pyv.select import Commands, Selector
from pyv.shims import dispatcher
from pyv.store import Store
from tests.support.command import PYV, pyv
from tests.support.stores import know, make_environment, make_version, program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHELLS = ("dash", "bash", "busybox", "zsh")
# What each sh does to the environment by itself, whatever the script says
OWN_DOING = {"dash": {"PWD"}, "bash": {"PWD", "_", "OLDPWD", "SHLVL"}, "busybox": {"PWD", "SHLVL"}}
OWN_DOING["zsh"] = {"PWD", "OLDPWD", "_", "SHLVL", "LOGNAME"}


class World(NamedTuple):
    root: Path
    project: Path

    @property
    def shims(self) -> Path:
        return self.root / "shims"

    def run(
        self, *words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            env=env if env is not None else self.env(),
            cwd=cwd or self.project,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def env(self, **more: str) -> dict[str, str]:
        path = f"{self.shims}:/usr/bin:/bin"
        return {"PATH": path, "HOME": os.environ["HOME"], "PYV_ROOT": str(self.root), **more}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a store with three versions and a project pinned to 3.12."""
    root = tmp_path / "store"
    make_version(root, "3.11.8", "old", links=("3.11",))
    make_version(root, "3.12.7", links=("3.12",))
    make_version(root, "3.13.1", links=("3.13", "3"))
    project = tmp_path / "project"
    project.mkdir()
    (project / ".python-version").write_text("3.12\n")
    monkeypatch.setenv("PYV_ROOT", str(root))
    assert pyv("rehash").status == 0
    return World(root, project)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> str:
    """Have the shims run by one sh after the other."""
    name: str = request.param
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} here")
    (tmp_path / name).mkdir()
    link = tmp_path / name / "sh"  # its name tells it to be an sh
    link.symlink_to(path)
    assert pyv("rehash", "--shell", str(link)).status == 0
    assert (world.shims / "python").read_bytes().startswith(b"#!" + os.fsencode(link))
    return name


def dispatcher_at(path: Path, root: Path, sh: str, runner: list[str], template: bytes = b"") -> None:
    template = template or (resources() / "dispatcher.sh").read_bytes()
    path.write_bytes(dispatcher.render(template, shell=sh, root=os.fspath(root), runner=runner))
    path.chmod(0o755)


def arguments_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stdout.split("\n")


def test_every_sh_can_read_it() -> None:
    for words in (["dash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh", "--emulate", "sh"], ["sh"]):
        if shutil.which(words[0]):
            done = subprocess.run([*words, "-n", resources() / "dispatcher.sh"], capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("filler", [" ", "\n", ":", "1"])
@pytest.mark.usefixtures("shell")
def test_a_pin_that_would_take_sh_minutes_is_left_to_pyv(filler: str, world: World) -> None:
    (world.project / ".python-version").write_text(filler * 100_000 + "\n3.12\n")
    done = world.run(world.shims / "python")
    assert (done.returncode, "too large for a file that names versions" in done.stderr) == (127, True)


@pytest.mark.parametrize("filler", [" ", ":", "3.12:"])
@pytest.mark.usefixtures("shell")
def test_a_variable_that_would_take_sh_minutes_is_left_to_pyv(filler: str, world: World) -> None:
    long = filler * (100_000 // len(filler)) + "3.12"
    asker = program(world.root.parent / "asker", "echo asked")
    shim = world.shims / "python"
    # The same sh, and another pyv: what that makes of it is not the question
    sh = dispatcher.read(os.fspath(shim))
    assert sh is not None
    shim.unlink()
    dispatcher_at(shim, world.root, sh.shell, [str(asker)])
    before = time.monotonic()
    assert world.run(shim, env=world.env(PYV_VERSION=long)).stdout == "asked\n"
    assert time.monotonic() - before < 5
    done = world.run(shim, env=world.env(PYV_VERSION="3.12:" * 150))
    assert arguments_of(done)[0] == f"{world.root}/versions/3.12/bin/python"


@pytest.mark.parametrize(
    ("pin", "words", "read"),
    [
        ("3.12\n", ["python"], False),
        ("3.12.7\n", ["python3", "script.py", "-m", "pip"], False),
        ("3.12\n", ["python", "-c", "-m pip"], False),
        ("3.12\n", ["python", "-m", "pytest"], False),
        ("3.12\n", ["python", "-m", "pip"], True),
        ("3.12\n", ["python", "-mpip"], True),
        ("3.12\n", ["python", "-I", "-m", "pip"], True),
        ("3.12\n", ["python", "--check-hash-based-pycs", "never", "-m", "pip"], True),
        ("3.12\n", ["pip"], True),
        ("3.12\n", ["pip3.12"], True),
        ("3.12\n", ["pyv", "version"], True),
        ("3.12\n", ["python3.11"], True),
        ("3.12", ["python"], True),
        ("3.12\n3.13\n", ["python"], True),
        ("3.12\n3.13", ["python"], True),
        ("3.12 3.13\n", ["python"], True),
        ("3.14\n", ["python"], True),
        ("..\n", ["python"], True),
        ("\n", ["python"], True),
    ],
)
@pytest.mark.usefixtures("shell")
def test_the_plainest_pin_is_followed_before_the_rest_is_read(
    world: World, pin: str, words: list[str], *, read: bool
) -> None:
    (world.project / ".python-version").write_text(pin)
    for name in ("pip", "pip3.12"):
        program(world.root / "versions/3.12.7/bin" / name, "echo this")
    template = (resources() / "dispatcher.sh").read_bytes()
    first, _rest = template.split(b"\n# Hand over to pyv", 1)
    sh = dispatcher.read(os.fspath(world.shims / "python"))
    assert sh is not None
    shims = world.root.parent / "shims"
    shims.mkdir()
    dispatcher_at(shims / words[0], world.root, sh.shell, ["pyv"], first + b"\necho the rest\n")
    told = world.run(shims / words[0], *words[1:])
    assert (told.stdout == "the rest\n", told.stderr) == (read, "")
    environments = [world.project / name / "pyvenv.cfg" for name in (".venv", "venv", "env")]
    for path in environments:
        path.parent.mkdir()
        path.touch()
        assert world.run(shims / words[0], *words[1:]).stdout == "the rest\n"
        path.unlink()
    for more in ({"PYV_VERSION": "3.13"}, {"PYV_DIR": "/"}, {"_PYV_GUARD": "1 1 1 0 x"}):
        assert world.run(shims / words[0], *words[1:], env=world.env(**more)).stdout == "the rest\n"


@pytest.mark.usefixtures("shell")
def test_arguments_arrive_as_they_are(world: World) -> None:
    words = ["", "a b", "a\nb", "'", '"', "*", "$HOME", "\\", "-n", "é", "a\tb", "$(touch planted)"]
    program(world.root / "versions/3.12.7/bin/show", 'for each do printf "%s\\0" "$each"; done')
    assert pyv("rehash").status == 0
    done = world.run(world.shims / "show", *words)
    assert done.stdout.split("\0")[:-1] == words
    assert os.listdir(world.project) == [".python-version"]


def test_bash_under_its_own_name_runs_and_takes_nothing_of_its_callers(world: World, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    (tmp_path / "bash").symlink_to(bash)
    assert pyv("rehash", "--shell", tmp_path / "bash").status == 0
    (world.root / "versions/3.12.7/bin/show").symlink_to("/usr/bin/env")
    assert pyv("rehash").status == 0
    (tmp_path / "planted").write_text("echo planted\n")
    given_ = {"BASH_ENV": str(tmp_path / "planted")}
    given_ |= {f"BASH_FUNC_{name}%%": "() {  echo planted\n}" for name in ("exec", "export", "read", "unset")}
    done = world.run(world.shims / "show", env=world.env(**given_))
    assert (done.returncode, done.stderr) == (0, "")
    assert "planted" not in done.stdout.splitlines()
    assert all(f"{name}={value}" in done.stdout for name, value in given_.items())  # and hands them on


def test_the_environment_stays_as_it_is(world: World, shell: str) -> None:
    program(world.root / "versions/3.12.7/bin/show", "exec /usr/bin/env -0")
    assert pyv("rehash").status == 0
    names = {f"_pyv_{each}": "mine" for each in ("cmd", "root", "words", "dir", "n")}
    odd = {"IFS": "x", "CDPATH": "/", "dir": "d", "n": "1", "words": "w", "ENV": "/nowhere", "LINES": "3"}
    given_ = world.env(**odd, NEWLINE="a\nb", EMPTY="", PWD=str(world.project))
    got = dict(each.split("=", 1) for each in world.run(world.shims / "show", env=given_).stdout.split("\0") if each)
    for name in OWN_DOING[shell] | {"IFS"}:  # sh never takes IFS from its caller
        got.pop(name, None)
        given_.pop(name, None)
    assert got == given_
    assert world.run(world.shims / "show", env=given_ | names).returncode == 0


@pytest.mark.usefixtures("shell")
def test_input_status_and_the_path_of_the_program_are_as_without_a_shim(world: World) -> None:
    program(world.root / "versions/3.12.7/bin/show", 'cat; echo "$0"; exit 7')
    assert pyv("rehash").status == 0
    done = world.run(world.shims / "show", text="line 1\nline 2\n")
    assert (done.stdout, done.returncode) == (f"line 1\nline 2\n{world.root}/versions/3.12/bin/show\n", 7)


@pytest.mark.usefixtures("shell")
def test_the_process_is_the_same_so_signals_reach_it(world: World) -> None:
    program(
        world.root / "versions/3.12.7/bin/show",
        'trap "echo got it; exit 3" TERM; echo "$$"; while :; do sleep 0.05; done',
    )
    assert pyv("rehash").status == 0
    with subprocess.Popen(
        [world.shims / "show"], env=world.env(), cwd=world.project, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "got it\n"
    assert process.returncode == 3


@pytest.mark.usefixtures("shell")
def test_it_works_without_home_and_with_nothing_but_a_path(world: World) -> None:
    done = world.run(world.shims / "python", "x", env={"PATH": "/usr/bin"})
    assert arguments_of(done)[0] == f"{world.root}/versions/3.12/bin/python"
    done = world.run(world.shims / "python", "x", env={})
    assert arguments_of(done)[0] == f"{world.root}/versions/3.12/bin/python"
    done = world.run(world.shims / "python", env={"PATH": "/usr/bin", "PYV_VERSION": ">=3.13"})
    assert arguments_of(done)[0] == f"{world.root}/versions/3.13.1/bin/python"


@pytest.mark.usefixtures("shell")
def test_it_works_from_a_deleted_folder(world: World, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "{world.shims}/python"'
    (world.root / "version").write_text("3.11\n")
    done = world.run("/bin/sh", "-c", script)
    assert arguments_of(done)[0] == f"{world.root}/versions/3.11/bin/python"


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(
    "lie", [".", "", "/", "relative", "/nowhere", "{evil}/../project", "{evil}/./../project", "//{project}"]
)
def test_a_pwd_that_lies_decides_nothing(world: World, lie: str) -> None:
    evil = world.project.parent / "evil"
    evil.mkdir()
    (evil / ".python-version").write_text("3.11\n")
    done = world.run(world.shims / "python", env=world.env(PWD=lie.format(evil=evil, project=world.project)))
    assert arguments_of(done)[0] == f"{world.root}/versions/3.12/bin/python"


@pytest.mark.usefixtures("shell")
def test_it_works_through_links_from_elsewhere(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "my bin"
    elsewhere.mkdir()
    (elsewhere / "python").symlink_to(world.shims / "python")
    (elsewhere / "python3").symlink_to(elsewhere / "python")
    for name in ("python", "python3"):
        done = world.run(elsewhere / name)
        assert arguments_of(done)[0] == f"{world.root}/versions/3.12/bin/{name}"
    # and is not taken for the system's, which would be a call of itself
    found = world.run(elsewhere / "python", env=world.env(PATH=f"{elsewhere}:{world.shims}", PYV_VERSION="system"))
    assert found.returncode == 127


@pytest.mark.usefixtures("shell")
def test_folders_with_odd_names(world: World, tmp_path: Path) -> None:
    for name in ("a b", "ü", "new\nline", "*", "$HOME", "'", '"', "-x", "[a]", "\\"):
        folder = tmp_path / "odd" / name / name
        folder.mkdir(parents=True)
        (folder.parent / ".python-version").write_text("3.11\n")
        assert arguments_of(world.run(world.shims / "python", cwd=folder))[0].endswith("/3.11/bin/python")


@pytest.mark.usefixtures("shell")
def test_what_is_no_regular_pin_file_is_an_error_and_no_wait(world: World) -> None:
    pin = world.project / ".python-version"
    (world.root / "version").write_text("3.11\n")
    pin.unlink()
    os.mkfifo(pin)
    assert world.run(world.shims / "python").returncode == 127
    pin.unlink()
    pin.mkdir()
    assert world.run(world.shims / "python").returncode == 127
    pin.rmdir()
    pin.symlink_to("nowhere")
    assert world.run(world.shims / "python").returncode == 127
    pin.unlink()
    pin.symlink_to(pin)
    assert world.run(world.shims / "python").returncode == 127


@pytest.mark.usefixtures("shell")
def test_an_empty_program_is_none(world: World) -> None:
    empty = world.root / "versions/3.12.7/bin/python"
    empty.write_text("")
    done = world.run(world.shims / "python")
    assert (done.returncode, done.stdout) == (127, "")
    assert "no such command" in done.stderr


@pytest.mark.usefixtures("shell")
def test_a_missing_pyv_is_named(world: World, tmp_path: Path) -> None:
    for shim in world.shims.iterdir():
        content = shim.read_bytes()
        shim.unlink()
        shim.write_bytes(content.replace(os.fsencode(sys.executable), os.fsencode(tmp_path / "gone")))
        shim.chmod(0o755)
    done = world.run(world.shims / "python", env=world.env(PYV_VERSION=">=3.12"))
    assert (done.returncode, done.stdout) == (127, "")
    assert "install pyv again" in done.stderr


# Beside others that pass a command on


def shim_of_another(world: World, folder: Path, text: str) -> None:
    """Make another manager's shim for python, in `{folder}/shims`."""
    program(folder / "shims/python", text.format(ours=world.shims, theirs=folder / "shims"))


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_two_managers_that_both_say_system_end_at_the_system(world: World, tmp_path: Path, first: str) -> None:
    other, real = tmp_path / "other", tmp_path / "real"
    real.mkdir()
    (real / "python").symlink_to("/usr/bin/env")  # a program, which shows its environment
    # As others do it: it takes its own folder off PATH, looks for the next one, and becomes that
    search = (
        'IFS=:; for folder in $PATH; do if [ "$folder" != "{theirs}" ] && [ -x "$folder/python" ]; then '
        'exec "$folder/python" "$@"; fi; done; exit 9'
    )
    shim_of_another(world, other, search)
    order = [f"{world.shims}", f"{other}/shims"] if first == "ours" else [f"{other}/shims", f"{world.shims}"]
    env = world.env(PATH=":".join([*order, str(real), "/usr/bin", "/bin"]), PYV_VERSION="system")
    done = world.run(order[0] + "/python", env=env)
    assert "PYV_VERSION=system" in done.stdout, done.stderr
    # It stands in no folder of the system's, so it might call back: what it starts is found wherever it is
    assert re.search(r"^_PYV_GUARD=\d+ 999999 \d 0 python$", done.stdout, re.MULTILINE)


@pytest.mark.usefixtures("shell")
def test_a_wrapper_that_calls_the_shim_ends_too(world: World, tmp_path: Path) -> None:
    wrapper, real = tmp_path / "wrapper", tmp_path / "real"
    program(real / "python", "echo the real one")
    program(wrapper / "python", f'exec "{world.shims}/python" "$@"')
    env = world.env(PATH=f"{world.shims}:{wrapper}:{real}:/usr/bin:/bin", PYV_VERSION="system")
    assert world.run(world.shims / "python", env=env).stdout == "the real one\n"
    program(wrapper / "python", f'"{world.shims}/python" "$@"')  # as another process each time
    done = world.run(world.shims / "python", env=env)
    assert (done.returncode, done.stdout) == (127, "")
    assert "calls the shim that called it" in done.stderr


# A program that is no script. By its first argument: as a manager does, or as a child; else it becomes its arguments
_FORWARDER = r"""
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    char path[PATH_MAX], own[PATH_MAX], *last = strrchr(words[0], '/'), *rest = strdup(getenv("PATH")), *folder;
    int status;
    if (count > 1 && !strcmp(words[1], "become")) {
        execvp(words[2], words + 2);
        return 9;
    }
    if (count > 1 && !strcmp(words[1], "child")) {
        if (fork()) {
            wait(&status);
            return WEXITSTATUS(status);
        }
    }
    snprintf(own, sizeof own, "%.*s", (int)(last - words[0]), words[0]);
    while ((folder = strsep(&rest, ":"))) {
        snprintf(path, sizeof path, "%s/%s", folder, last + 1);
        if (strcmp(folder, own) && !access(path, X_OK)) {
            words[0] = path;
            execv(path, words);
        }
    }
    return 9;
}
"""


@pytest.fixture(scope="module")
def forwarder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the program."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    folder = tmp_path_factory.mktemp("forwarder")
    (folder / "forwarder.c").write_text(_FORWARDER)
    subprocess.run([compiler, "-o", folder / "python", folder / "forwarder.c"], check=True, timeout=60)
    return folder / "python"


def check_a_forwarder_ends(world: World, forwarder: Path, *words: str | Path, **changes: str) -> None:
    real = program(world.root.parent / "real/python")
    env = world.env(PATH=f"{world.shims}:{forwarder.parent}:{real.parent}:/usr/bin:/bin", PYV_VERSION="system")
    env |= changes  # with PYV_DIR every shim hands over to Python
    done = world.run(*words, "a b", env=env)
    assert (done.returncode, arguments_of(done)[:2]) == (0, [os.fspath(real), "a b"]), done.stderr
    done = world.run(*words, "child", env=env)
    assert (done.returncode, done.stdout) == (127, "")
    assert "calls the shim that called it" in done.stderr


@pytest.mark.usefixtures("shell")
def test_a_program_that_passes_everything_on_ends_too(world: World, forwarder: Path) -> None:
    check_a_forwarder_ends(world, forwarder, world.shims / "python")


def test_a_program_that_passes_everything_on_ends_by_python_too(world: World, forwarder: Path) -> None:
    (world.project / ".python-version").write_text("system\n")
    check_a_forwarder_ends(world, forwarder, *PYV, "exec", "python", PYV_VERSION="", PYV_DIR=str(world.project))


@pytest.mark.usefixtures("shell")
def test_a_program_finds_the_others_of_its_folder(world: World, forwarder: Path) -> None:
    tool = program(world.root.parent / "opt/tool")
    shutil.copy(forwarder, tool.parent / "python")
    program(world.root / "versions/3.11.8/bin/tool")
    assert pyv("rehash").status == 0
    env = world.env(PATH=f"{world.shims}:{tool.parent}:/usr/bin:/bin", PYV_VERSION="system")
    words = ["become", "python"] * 5
    for first in ([str(world.shims / "python")], [*PYV, "exec", "python"]):
        assert arguments_of(world.run(*first, *words, "become", "tool", env=env))[0] == str(tool)


@pytest.mark.usefixtures("shell")
def test_what_the_system_has_is_left_alone_and_what_others_have_counts_anew(world: World, tmp_path: Path) -> None:
    program(world.root / "versions/3.11.8/bin/env")
    assert pyv("rehash").status == 0
    env = world.env(PATH=f"{world.shims}:/usr/bin:/bin", PYV_VERSION="system", _PYV_GUARD="1 1 32 0 env")
    (tmp_path / "opt").mkdir()
    shutil.copy("/usr/bin/env", tmp_path / "opt/env")
    for words in ([str(world.shims / "env")], [*PYV, "exec", "env"]):
        assert "_PYV_GUARD" not in world.run(*words, env=env).stdout
        # A job that starts the next one, and so on, hands its variables down for ever
        others = env | {"PATH": f"{world.shims}:{tmp_path}/opt:/usr/bin:/bin"}
        assert re.search(r"^_PYV_GUARD=\d+ 999999 1 0 env$", world.run(*words, env=others).stdout, re.MULTILINE)


def test_a_command_of_an_environment_gets_no_guard(world: World) -> None:
    venv = make_environment(world.project / ".venv", world.root / "versions/3.12/bin")
    know(world.root, venv)
    program(venv / "bin/show", "exec /usr/bin/env")
    assert pyv("rehash").status == 0
    for words in ([str(world.shims / "show")], [*PYV, "exec", "show"]):
        done = world.run(*words, env=world.env(PATH=f"{world.shims}:{venv}/bin:/usr/bin:/bin"))
        assert (done.returncode, "_PYV_GUARD" in done.stdout) == (0, False)


def test_a_script_in_a_folder_of_the_system_is_no_exception(world: World, tmp_path: Path) -> None:
    # What stands in /usr/bin cannot be changed by a test, so another folder takes its place
    copied, real = tmp_path / "copied", program(tmp_path / "real/python")
    text = (resources() / "dispatcher.sh").read_text()
    assert text.count("/usr/local/bin") == 1
    template = text.replace("/usr/local/bin", os.fspath(copied)).encode()
    (world.shims / "python").unlink()
    dispatcher_at(world.shims / "python", world.root, "/bin/sh", [*PYV], template)
    program(copied / "python", f'exec "{world.shims}/python" "$@"')
    env = world.env(PATH=f"{world.shims}:{copied}:{real.parent}", PYV_VERSION="system")
    assert arguments_of(world.run(world.shims / "python", env=env))[0] == os.fspath(real)


def test_a_copy_of_a_shim_on_the_rest_of_path_is_an_error(world: World, tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    copied.mkdir()
    shutil.copy(world.shims / "python", copied / "python")
    env = world.env(PATH=f"{world.shims}:{copied}", PYV_VERSION="system")
    done = world.run(world.shims / "python", env=env)
    assert done.returncode == 127
    env = world.env(PATH=f"{copied}", PYV_VERSION="system")
    assert world.run(copied / "python", env=env).returncode == 127


def test_children_of_what_a_manager_started_are_free_again(world: World, tmp_path: Path) -> None:
    other, real = tmp_path / "other", tmp_path / "real"
    program(other / "shims/python", f'exec "{real}/python" "$@"')
    program(real / "python", f'[ "$1" ] || {{ "{world.shims}/python" child; exit; }}; echo "$1"')
    env = world.env(PATH=f"{world.shims}:{other}/shims:{real}:/usr/bin:/bin", PYV_VERSION="system")
    assert world.run(world.shims / "python", env=env).stdout == "child\n"


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_beside_a_real_pyenv(world: World, tmp_path: Path, first: str) -> None:
    pyenv = shutil.which("pyenv", path=f"{os.environ['PATH']}:{os.path.expanduser('~root')}/.pyenv/bin")
    if pyenv is None:
        pytest.skip("there is no pyenv here")
    theirs = tmp_path / "pyenv"
    make_version(theirs, "3.12.1", "conda", "easy_install", "tool")
    env = world.env(PYENV_ROOT=str(theirs), PYENV_VERSION="system", PYV_VERSION="system")
    subprocess.run([pyenv, "rehash"], env=env, check=True)
    program(tmp_path / "real/python", "echo the real one")
    (tmp_path / "real/python3").symlink_to("python")
    for name in ("pip", "conda", "easy_install", "tool"):
        program(tmp_path / "real" / name, f"echo the real {name}")
        program(world.root / "versions/3.12.7/bin" / name)
    assert pyv("rehash").status == 0
    order = [f"{world.shims}", f"{theirs}/shims"]
    env["PATH"] = ":".join([*(order if first == "ours" else order[::-1]), f"{tmp_path}/real", "/usr/bin", "/bin"])
    # Of pip, and of what looks like it, pyenv stays the parent
    for words, said in (
        (["python"], "the real one\n"),
        (["python3", "-m", "pip", "list"], "the real one\n"),
        (["pip", "list"], "the real pip\n"),
        (["python3", "-c", "x", "-m", "pip", "install"], "the real one\n"),
        (["python3", "x.py", "run", "-m", "pip", "install", "x"], "the real one\n"),
        (["conda", "list"], "the real conda\n"),
        (["easy_install", "foo"], "the real easy_install\n"),
        (["tool", "run", "-m", "pip", "install", "x"], "the real tool\n"),
    ):
        done = world.run("/usr/bin/env", *words, env=env)
        assert done.stdout == said, done.stderr


@pytest.mark.usefixtures("shell")
def test_a_guard_is_of_one_command(world: World, tmp_path: Path) -> None:
    """The interpreter of a script is the same process, and the one that it would be without the shims."""
    first, second, last = (tmp_path / name for name in ("first", "second", "last"))
    program(world.root / "versions/3.12.7/bin/tool")
    assert pyv("rehash").status == 0
    program(first / "python3", 'echo "the first one"')
    program(last / "python3", 'echo "the last one"')
    (second / "tool").parent.mkdir()
    (second / "tool").write_text("#!/usr/bin/env python3\n")
    (second / "tool").chmod(0o755)
    env = world.env(PATH=f"{world.shims}:{first}:{second}:{last}:/usr/bin:/bin", PYV_VERSION="system")
    for words in ([world.shims / "tool"], [*PYV, "exec", "tool"]):
        assert world.run(*words, env=env).stdout == "the first one\n"


@pytest.mark.usefixtures("shell")
def test_a_program_that_starts_pip_by_name_gets_that_of_its_own_python(world: World, tmp_path: Path) -> None:
    first, last = tmp_path / "first", tmp_path / "last"
    program(first / "python3", 'if [ "$1" = app ]; then python3 -m pip; else echo "the first one $*"; fi')
    program(first / "pip", 'exec python3 -m pip "$@"')
    program(last / "python3", "echo the last one")
    env = world.env(PATH=f"{world.shims}:{first}:{last}:/usr/bin:/bin", PYV_VERSION="system")
    for words in (["python3", "app"], ["pip"]):
        for start in ([world.shims / words[0]], [*PYV, "exec", words[0]]):
            assert world.run(*start, *words[1:], env=env).stdout == "the first one -m pip\n"


@pytest.mark.usefixtures("shell")
def test_two_commands_that_become_each_other_end(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name, next_ in (("python", "python3"), ("python3", "python")):
        program(other / name, f'exec "{world.shims}/{next_}"')
    done = world.run(world.shims / "python", env=world.env(PATH=f"{world.shims}:{other}", PYV_VERSION="system"))
    assert (done.returncode, done.stdout) == (127, "")
    assert "calls the shim that called it" in done.stderr


# {pid} is the process that the shim will be
NO_GUARDS = (
    *("1 1 08 0 python", "08 1 1 0 python", "1 08 1 0 python", "{pid} 08 1 0 python", "{pid} 0 00 0 python"),
    *("1 1 0x20 0 python", "1 1 1e3 0 python", "1 1 32x 0 python", "1 1 ٣ 0 python", "{pid} 0 1 00 python", "", "   "),
    *("x", "*", "1 1", "{pid} 0", "{pid} 0 ", "{pid} 0 1", "{pid} 0 1 python", "{pid} 0 1 0 ", " {pid} 0 1 0 python"),
    *("{pid}  0 1 0 python", "{pid} 0  1 0 python", "{pid} 0 -1 0 python", "{pid} 0 +1 0 python", "{pid} 0 1 x python"),
    *("{pid} 0 999999999999 0 python", "1 1 99999999999999999999999 0 python", "{pid} 0 $(touch x) 0 python"),
)
_WITH_GUARD = """
import os, sys
os.environ["_PYV_GUARD"] = sys.argv[1].replace("{pid}", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def check_what_is_no_guard(world: World, *words: str | Path) -> None:
    # A script, which gets a guard of its own: with one that counted, it would be passed over, or end as a loop
    real = program(world.root.parent / "real/python", 'set -- $_PYV_GUARD; echo "$3 of $0"')
    env = world.env(PATH=f"{world.shims}:{real.parent}:/usr/bin:/bin", PYV_VERSION="system")
    for text in NO_GUARDS:
        done = world.run(sys.executable, "-c", _WITH_GUARD, text, *words, env=env)
        assert (done.returncode, done.stdout) == (0, f"1 of {real}\n"), (text, done.stderr)
    assert os.listdir(world.project) == [".python-version"]
    # and what is one counts
    done = world.run(sys.executable, "-c", _WITH_GUARD, "{pid} 0 1 0 python", *words, env=env)
    assert (done.returncode, done.stdout) == (127, "")


@pytest.mark.usefixtures("shell")
def test_what_is_no_guard_is_treated_as_none(world: World) -> None:
    check_what_is_no_guard(world, world.shims / "python")


def test_what_is_no_guard_is_treated_as_none_by_python(world: World) -> None:
    check_what_is_no_guard(world, *PYV, "exec", "python")


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_a_slash_at_the_end_of_an_entry_is_not_doubled(world: World, tmp_path: Path, slashes: str) -> None:
    program(tmp_path / "real/python")
    env = world.env(PATH=f"{world.shims}:{tmp_path}/real{slashes}:/usr/bin:/bin", PYV_VERSION="system")
    expected = f"{tmp_path}/real{slashes or '/'}python"
    assert arguments_of(world.run(world.shims / "python", env=env))[0] == expected
    assert world.run(world.shims / "pyv", "which", "python", env=env).stdout == f"{expected}\n"
    assert arguments_of(world.run(*PYV, "exec", "python", env=env))[0] == expected
    # and what comes back is not passed to it again, whoever has passed it on
    program(tmp_path / "real/python", f'exec "{world.shims}/python" "$@"')
    program(tmp_path / "next/python")
    env["PATH"] = env["PATH"].replace(":/usr/bin", f":{tmp_path}/next:/usr/bin")
    assert arguments_of(world.run(world.shims / "python", env=env))[0] == f"{tmp_path}/next/python"
    assert arguments_of(world.run(*PYV, "exec", "python", env=env))[0] == f"{tmp_path}/next/python"


# What stands in a pin file


PLANTED = ("py", "python", "python3.12", "etc", "3.12", "system", "x")
WORDS = st.sampled_from(
    [
        "3.12",
        "3.9",
        "system",
        "./py",
        "../x",
        "..",
        "/",
        "~",
        "$(./py)",
        "`./py`",
        ";./py",
        "|./py",
        "&./py",
        "\n",
        "#",
        ":",
        " ",
        "\r\n",
        "\t",
        "\x00",
        "\x1b",
        "\u00a0",
        "\ufeff",
        ">=",
        "3.12/../../../project/py",
        "*",
        "?",
        "[",
        "\\",
        "'",
        '"',
        "\x7f",
    ]
)
CONTENTS = st.one_of(
    st.lists(st.one_of(WORDS, st.text(max_size=4)), max_size=8).map(
        lambda words: "".join(words).encode("utf-8", "replace")
    ),
    st.binary(max_size=40),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a store whose versions say who they are, and programs wherever a path out of it might lead."""
    folder = tmp_path_factory.mktemp("fuzz")
    root, project = folder / "store", folder / "project"
    for name in ("3.11.8", "3.12.7"):
        program(root / "versions" / name / "bin/python", "echo allowed")
    (root / "versions/3.12").symlink_to("3.12.7")
    program(folder / "real/python", "echo allowed")
    for where in (
        project,
        project / "bin",
        folder,
        folder / "bin",
        root,
        root / "bin",
        root / "versions",
        root / "versions/bin",
    ):
        for name in PLANTED:
            if not (where / name).exists():
                program(where / name, "echo planted")
    for name in ("python", "pip"):
        program(project / ".venv/bin" / name, "echo planted")
    (project / ".venv/pyvenv.cfg").write_text(f"pyv = {'0' * 32}\nhome = {project}/bin\n")
    asker = program(folder / "asker", "echo allowed")
    (root / "shims").mkdir()
    dispatcher_at(root / "shims/python", root, "/bin/sh", [str(asker)])
    return World(root, project)


@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENTS)
@example(content=b"./py")
@example(content=b"../py")
@example(content=b"3.12.7/../../../project/bin")
def test_whatever_stands_in_a_pin_file_no_program_outside_the_store_is_started(content: bytes, fuzzed: World) -> None:
    (fuzzed.project / ".python-version").write_bytes(content)
    env = {"PATH": f"{fuzzed.shims}:{fuzzed.root.parent}/real", "HOME": "/", "PWD": str(fuzzed.project)}
    done = subprocess.run(
        [fuzzed.shims / "python"], env=env, cwd=fuzzed.project, capture_output=True, timeout=60, check=False
    )
    assert b"planted" not in done.stdout + done.stderr
    assert done.stdout == b"allowed\n"


@settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENTS)
def test_python_selects_nothing_outside_the_store_either(content: bytes, fuzzed: World) -> None:
    (fuzzed.project / ".python-version").write_bytes(content)
    env = {"PATH": f"{fuzzed.shims}:{fuzzed.root.parent}/real", "HOME": "/", "PYV_ROOT": str(fuzzed.root)}
    layout = Layout(env, "/")
    store = Store(layout, print)
    try:
        selection = Selector(store, Registry(layout), env, str(fuzzed.project)).select()
        found = Commands(store, env, 1).find("python", selection)
    except PyvError:
        return
    allowed = (f"{fuzzed.root}/versions/3", f"{fuzzed.root.parent}/real/")
    assert os.path.normpath(found.path) == found.path
    assert found.path.startswith(allowed)


def test_nothing_is_started_on_the_way_to_a_version(world: World) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("there is no strace here")
    trace = world.project.parent / "trace"
    words = [strace, "-f", "-e", "trace=process,clone,fork,vfork,execve", "-o", str(trace)]
    done = world.run(*words, world.shims / "python", "x", env=world.env(PWD=str(world.project)))
    if "ptrace" in done.stderr or "PTRACE" in done.stderr:
        pytest.skip("strace may not trace here")
    calls = trace.read_text()
    started = [line for line in calls.splitlines() if "execve(" in line]
    assert not [line for line in calls.splitlines() if "clone" in line or "fork" in line]
    assert len(started) == 2  # the shim, and what it becomes: here another script
    assert f"{world.root}/versions/3.12/bin/python" in started[1]


def test_a_pin_that_changes_holds_at_once(world: World) -> None:
    for minor in ("3.11", "3.13", "3.12"):
        (world.project / ".python-version").write_text(f"{minor}\n")
        assert arguments_of(world.run(world.shims / "python"))[0] == f"{world.root}/versions/{minor}/bin/python"
        time.sleep(0)
