"""Named environments: made, pinned, run, activated and deleted, by pyv's words and by pyenv-virtualenv's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import projects
from tests.support.command import environment, pyv, says, start, store
from tests.support.environments import PYTHONS, RUNNING, settings
from tests.support.stores import program
from tests.support.terminal import Terminal, need
from tests.test_commands import on_terminal

pytestmark = pytest.mark.usefixtures("pip_at_hand")

MINOR = ".".join(RUNNING.split(".")[:2])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return an empty folder; the Python that runs the tests is in the store."""
    assert pyv("link", RUNNING, PYTHONS[RUNNING]).status == 0
    folder = tmp_path / "my project"
    folder.mkdir()
    return folder


def make(name: str = "tools", *arguments: str) -> Path:
    done = pyv("virtualenv", "--without-pip", MINOR, name, *arguments)
    assert done.status == 0, done.err
    return store() / "envs" / name


def shim(name: str, *arguments: str, cwd: Path, **changes: str) -> str:
    """Run a command through its shim."""
    words = [str(store() / "shims" / name), *arguments]
    done = subprocess.run(words, cwd=cwd, env=environment(**changes), capture_output=True, text=True, check=True)
    return done.stdout.strip()


PREFIX = ("-c", "import os, sys; print(os.path.realpath(sys.prefix))")


@pytest.mark.parametrize(
    "words",
    [
        ["venv", "--name", "tools", "-p", MINOR],
        ["venv", "--name", "tools"],
        ["virtualenv", MINOR, "tools"],
        ["virtualenv", "tools"],
    ],
    ids=" ".join,
)
def test_both_spellings_make_one_that_is_a_version_by_its_name(words: list[str], project: Path) -> None:
    done = pyv(*words, "--without-pip", cwd=project)
    venv = store() / "envs/tools"
    assert (done.status, done.out) == (0, "")
    assert done.err == f"pyv: {venv} is ready, on {store()}/versions/{MINOR}/bin/python{MINOR}\n"
    assert os.path.realpath(store() / "versions/tools") == str(venv)
    assert settings(venv)["home"] == str(store() / "versions" / MINOR / "bin")
    program(venv / "bin/hello", "echo hello")
    assert pyv("local", "tools", cwd=project).status == 0
    assert (project / ".python-version").read_text() == "tools\n"
    pyv("rehash")
    assert shim("python", *PREFIX, cwd=project) == str(venv)
    assert shim("hello", cwd=project) == "hello"
    assert shim("python", *PREFIX, cwd=Path("/"), PYV_VERSION="tools") == str(venv)
    assert pyv("version", cwd=project).out == f"tools (set by {project}/.python-version)\n"
    assert pyv("exec", "hello", cwd=project).out == "hello\n"
    assert pyv("whence", "hello").out == "tools\n"
    assert "tools" in pyv("versions", "--bare").lines
    assert "tools" not in pyv("versions", "--bare", "--skip-envs").lines
    assert pyv("prefix", "tools").out.rstrip() in (f"{store()}/versions/tools", str(venv))


def test_pip_goes_into_it_and_its_commands_get_shims(project: Path) -> None:
    assert pyv("virtualenv", "--offline", MINOR, "tools").status == 0
    (project / ".python-version").write_text("tools\n")
    assert shim("pip", "--version", cwd=project).split(" from ")[1].startswith(f"{store()}/")
    assert "/tools/" in shim("pip", "--version", cwd=project)


def test_the_long_form_of_a_pin_means_it_too(project: Path) -> None:
    venv = make()
    (project / ".python-version").write_text(f"{RUNNING}/envs/tools\n")
    assert shim("python", *PREFIX, cwd=project) == str(venv)
    assert pyv("version-name", cwd=project).out == "tools\n"


def test_the_long_form_of_one_that_is_on_another_python_means_nothing(project: Path) -> None:
    venv = make()
    said = f"3.1.4/envs/tools is not installed: tools is on {RUNNING}"
    for words in ("prefix", "uninstall -y", "verify", "venv --without-pip -p", "virtualenv-prefix"):
        done = pyv(*words.split(), "3.1.4/envs/tools", cwd=project)
        assert done.status == 3, words
        assert said in done.err
        assert "write tools if it is the one; to make it anew: pyv venv --name tools -p 3.1.4 --clear" in done.err
    assert pyv("virtualenv-delete", "-f", "3.1.4/envs/tools").status == 3
    assert pyv("venvs", "remove", "-y", "3.1.4/envs/tools", cwd=project).status != 0
    (project / ".python-version").write_text("3.1.4/envs/tools\n")
    done = pyv("version", cwd=project)
    assert (done.status, done.out) == (3, "")
    assert f"pinned by {project}/.python-version:1: tools is on {RUNNING}" in done.err
    assert (venv / "bin/python").exists()
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    "name",
    [
        "3.12",
        "3",
        "312",
        "cp312",
        "system",
        "pypy",
        "pypy3.10",
        "python",
        "cpython@3.12",
        "cpython@x",
        ">=3.12",
        "3.12.7/envs/x",
        "a/b",
        "..",
        ".x",
        "-x",
        "a b",
        "",
    ],
)
def test_a_name_that_means_something_else_or_nothing_is_refused(name: str, project: Path) -> None:
    for words in (["venv", f"--name={name}"] if name else ["virtualenv"], ["virtualenv", MINOR, name]):
        done = pyv(*words, "--without-pip", cwd=project)
        assert done.status == 2, done.err
    assert not (store() / "envs").exists() or os.listdir(store() / "envs") == []
    assert list(project.iterdir()) == []


@pytest.mark.usefixtures("project")
def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_mended_or_replaced() -> None:
    venv = make()
    (venv / "mine").touch()
    for words in (["virtualenv", MINOR, "tools"], ["venv", "--name", "tools"]):
        done = pyv(*words, "--without-pip")
        assert done.status == 2
        assert f"there is a tools already, at {venv}" in done.err
    assert "left alone" not in pyv("venv", "--name", "tools", "--repair").err
    assert (venv / "mine").exists()
    assert pyv("venv", "--name", "tools", "--clear", "--without-pip").status == 0
    assert not (venv / "mine").exists()
    # What is not pyv's own is never replaced
    program(store() / "versions/theirs/bin/python")
    for words in (["--clear"], ["--repair"], []):
        assert pyv("venv", "--name", "theirs", *words).status == 2
    assert (store() / "versions/theirs/bin/python").exists()
    assert pyv("venv", "--name", "tools", "folder").status == 2
    assert pyv("virtualenv", "a", "b", "c").status == 2


@pytest.mark.usefixtures("project")
def test_a_broken_one_is_repaired() -> None:
    venv = make()
    (venv / "bin/python").unlink()
    assert pyv("venv", "--name", "tools", "--repair").status == 0
    assert says(venv / "bin/python", "print(1)") == "1"


@pytest.mark.usefixtures("project")
def test_what_a_killed_process_left_is_cleaned_up_by_the_next_one() -> None:
    """Killed while it was made, and between its rename and its link."""
    slow = ["virtualenv", "--offline", MINOR, "tools"]
    for delay in (0.15, 0.3, 0.45, 0.6):
        process = start(*slow)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        # Absent, or whole
        if (store() / "versions/tools").exists():
            assert says(store() / "versions/tools/bin/python", "print(1)") == "1"
    done = pyv("virtualenvs", "--bare")
    assert done.out in ("", "tools\n")
    (store() / "versions/tools").unlink(missing_ok=True)
    assert pyv(*slow).status == 0
    assert os.listdir(store() / "envs") == ["tools"]
    assert says(store() / "versions/tools/bin/python", "print(1)") == "1"
    assert len([each for each in pyv("venvs", "--json").json["venvs"] if each["health"] != "gone"]) == 1


@pytest.mark.usefixtures("project")
def test_one_without_its_link_can_be_made_and_removed() -> None:
    venv = make()
    (store() / "versions/tools").unlink()
    assert pyv("virtualenvs", "--bare").out == "tools\n"
    assert make() == venv
    assert (store() / "versions/tools").exists()
    (store() / "versions/tools").unlink()
    assert pyv("virtualenv-delete", "-f", "tools").status == 0
    assert not venv.exists()
    # And one whose folder is gone
    shutil.rmtree(make())
    assert pyv("virtualenv-delete", "-f", "tools").status == 0
    assert not os.path.lexists(store() / "versions/tools")
    shutil.rmtree(make())
    assert make().exists()


@pytest.mark.usefixtures("project")
def test_several_at_once_in_one_name_leave_one() -> None:
    started = [start("virtualenv", "--without-pip", MINOR, "tools") for _ in range(4)]
    statuses = sorted((process.communicate(), process.returncode)[1] for process in started)
    assert statuses == [0, 2, 2, 2]
    assert os.listdir(store() / "envs") == ["tools"]


def test_they_are_listed_with_what_they_were_made_from(project: Path) -> None:
    assert pyv("virtualenvs").out == ""
    make()
    make("other")
    (project / ".python-version").write_text("tools\n")
    made_from = f"(created from {store()}/versions/{MINOR})"
    assert pyv("virtualenvs", cwd=project).lines == [f"  other {made_from}", f"* tools {made_from}"]
    active = pyv("virtualenvs", VIRTUAL_ENV=str(store() / "envs/other"))
    assert active.lines == [f"* other {made_from}", f"  tools {made_from}"]
    assert pyv("virtualenvs", "--bare", "--skip-aliases").out == "other\ntools\n"
    assert pyv("virtualenv-prefix", "tools").out == f"{store()}/versions/{MINOR}\n"
    assert pyv("virtualenv-prefix", cwd=project).out == f"{store()}/versions/{MINOR}\n"
    assert pyv("virtualenv-prefix", MINOR).status == 2
    assert pyv("virtualenv-prefix", "absent").status == 3
    found = pyv("venvs", "--json").json["venvs"]
    assert [(each["name"], each["path"], each["interpreter"], each["health"]) for each in found] == [
        (name, f"{store()}/envs/{name}", RUNNING, "healthy") for name in ("other", "tools")
    ]
    assert [line.split()[:3] for line in pyv("venvs").lines] == [
        [name, RUNNING, "healthy"] for name in ("other", "tools")
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["virtualenv-delete", "-f", "tools"],
        ["virtualenv-delete", "-y", f"{RUNNING}/envs/tools"],
        ["venvs", "remove", "-y", "tools"],
        ["venvs", "remove", "-y", "{store}/envs/tools"],
        ["uninstall", "-y", "tools"],
    ],
    ids=" ".join,
)
def test_each_way_to_delete_one_takes_all_of_it(words: list[str], project: Path) -> None:
    program(make() / "bin/hello")
    pyv("rehash")
    make("other")
    done = pyv(*(word.format(store=store()) for word in words), cwd=project)
    assert (done.status, done.err) == (0, "pyv: tools removed\n")
    assert os.listdir(store() / "envs") == ["other"]
    assert not os.path.lexists(store() / "versions/tools")
    assert not (store() / "shims/hello").exists()
    assert [each["name"] for each in pyv("venvs", "--json").json["venvs"]] == ["other"]
    assert (store() / "versions" / RUNNING / "bin/python3").exists()
    assert pyv(*(word.format(store=store()) for word in words), cwd=project).status == 3


def test_deleting_asks_and_takes_nothing_else(project: Path) -> None:
    venv = make()
    for words in (["virtualenv-delete", "tools"], ["venvs", "remove", "tools"]):
        assert pyv(*words).status == 2
        status, screen = on_terminal(*words, answer="n\n", until="[y/N]")
        assert (status, f"Remove {venv}?" in screen) == (1, True)
        assert venv.exists()
    for name in (RUNNING, MINOR, "system", "absent", "../tools"):
        assert pyv("virtualenv-delete", "-f", name).status == 3
        assert pyv("venvs", "remove", "-y", name).status in (2, 3)
    assert (store() / "versions" / RUNNING).exists()
    # A name that is also a folder here
    projects.make_real_venv(sys.executable, project / "tools")
    assert pyv("venvs", "remove", "-y", "tools", cwd=project).status == 2
    assert venv.exists()
    running = subprocess.Popen([venv / "bin/python", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert "processes run on it" in pyv("venvs", "remove", "-y", "tools").err
        assert venv.exists()
    finally:
        running.communicate()


@pytest.mark.usefixtures("project")
def test_an_uninstalled_interpreter_is_missed() -> None:
    make()
    done = pyv("uninstall", "-y", RUNNING)
    assert done.status == 1
    assert "envs/tools is made from it" in done.err


# In shells

ALL = pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh", "dash", "busybox"])
# PS1: the activation scripts of Python export it, and leave it so
RESTLESS = ("OLDPWD", "PWD", "_", "SHLVL", "PS1")


def hooked(shell: str, cwd: Path) -> Terminal:
    need(shell)
    assert pyv("rehash").status == 0
    projects.set_up("sh" if shell in ("dash", "busybox") else shell)
    pyv("init", "--install", {"dash": "sh", "busybox": "sh"}.get(shell, shell))
    return Terminal(shell, cwd, PATH=f"{os.path.dirname(sys.executable)}:/usr/bin:/bin")


def steady(terminal: Terminal) -> dict[str, str]:
    return {name: value for name, value in terminal.environment().items() if name not in RESTLESS}


def failed(terminal: Terminal, line: str) -> tuple[str, str]:
    start = len(terminal.screen)
    terminal.send(f"{line}\n")
    status = "$status" if terminal.shell in ("fish", "tcsh") else "$?"
    return terminal.ask(status), terminal.screen[start:]


@ALL
def test_one_is_activated_and_deactivated_and_nothing_is_left(shell: str, project: Path) -> None:
    tools, other = make(), make("other")
    with hooked(shell, project) as terminal:
        before, prompt = steady(terminal), terminal.prompt
        terminal.type("pyv activate tools")
        inside = terminal.environment()
        assert inside["VIRTUAL_ENV"] == str(tools)
        assert inside["PATH"] == f"{tools}/bin:{before['PATH']}"
        assert terminal.ask('"`which python`"' if shell != "fish" else "(which python)") == f"{tools}/bin/python"
        terminal.type("cd /")
        assert terminal.environment()["VIRTUAL_ENV"] == str(tools)
        terminal.type(f"cd '{project}'")
        terminal.type("pyv activate other")
        assert terminal.environment()["VIRTUAL_ENV"] == str(other)
        assert terminal.environment()["PATH"] == f"{other}/bin:{before['PATH']}"
        terminal.type("pyv deactivate")
        assert steady(terminal) == before
        assert terminal.prompt == prompt
        # The environment's own word does the same
        terminal.type("pyv activate tools")
        terminal.type("deactivate")
        assert (steady(terminal), terminal.prompt) == (before, prompt)
        for line, status, text in (
            ("pyv deactivate", "1", "no environment is active"),
            ("pyv activate absent", "3", "absent is not installed"),
            (f"pyv activate {MINOR}", "2", "is no environment"),
            ("pyv activate tools other", "2", "one environment at a time"),
            ("pyv activate ../x", "2", "pyv: "),
        ):
            answer, screen = failed(terminal, line)
            assert (answer, text in screen) == (status, True), screen
        assert steady(terminal) == before
        assert "Usage: pyv activate" in terminal.type("pyv activate --help")
        assert "Usage: pyv deactivate" in terminal.type("pyv deactivate -h")


@ALL
def test_without_a_name_it_is_the_one_that_is_pinned(shell: str, project: Path) -> None:
    tools = make()
    (project / ".python-version").write_text("tools\n")
    with hooked(shell, project) as terminal:
        terminal.type("pyv activate")
        assert terminal.environment()["VIRTUAL_ENV"] == str(tools)
        terminal.type("pyv deactivate")
        assert "VIRTUAL_ENV" not in terminal.environment()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_takes_the_place_of_the_projects_until_it_is_deactivated(shell: str, project: Path) -> None:
    tools = make()
    assert pyv("venv", "--without-pip", cwd=project).status == 0
    with hooked(shell, project) as terminal:
        before, prompt = steady(terminal), terminal.prompt
        assert terminal.venv == f"{project}/.venv"
        answer, screen = failed(terminal, "pyv deactivate")
        assert (answer, "you are in its project" in screen) == ("1", True)
        terminal.type("pyv activate tools")
        assert terminal.venv == str(tools)
        assert f"{project}/.venv/bin" not in terminal.path()
        terminal.type("cd . ; true")
        assert terminal.venv == str(tools)
        terminal.type("pyv deactivate")
        assert steady(terminal) == before
        assert terminal.prompt == prompt


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "dash"])
def test_a_shell_within_can_deactivate_it_too(shell: str, project: Path) -> None:
    make()
    with hooked(shell, project) as terminal:
        before = terminal.environment()["PATH"]
        terminal.type("pyv activate tools")
        terminal.type(f"{shell} -i" if shell != "bash" else "bash")
        terminal.type("pyv deactivate")
        assert "VIRTUAL_ENV" not in terminal.environment()
        assert terminal.environment()["PATH"] == before


@pytest.mark.usefixtures("project")
def test_without_the_hook_it_is_said_what_is_missing() -> None:
    make()
    for command in ("activate", "deactivate"):
        done = pyv(command)
        assert (done.status, "pyv init --install" in done.err) == (1, True)
        assert f"pyv {command}, in the shell itself" in pyv(command, PYV_HOOK="bash").err
        assert pyv(f"sh-{command}", "nu").status == 2
        assert pyv(f"sh-{command}").status == 2


@pytest.mark.parametrize("command", ["trust", "venvs", "virtualenv", "virtualenvs", "virtualenv-delete", "activate"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    done = pyv(command, "--help")
    assert (done.status, "Example" in done.out) == (0, True)
    assert command in pyv("commands").lines
