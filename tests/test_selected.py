"""The commands that tell what is selected: what they print, in every situation, and with which exit status."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from pyv.cli.group import pyv as group
from tests.support.command import PYV, Result, environment, pyv, store
from tests.support.stores import know, make_environment, make_version, program
from tests.test_layers import HEAVY, modules_after

NOTHING: dict[str, str] = {}
COMMANDS = (
    *("commands", "global", "help", "latest", "local", "prefix", "root", "version", "version-file", "version-name"),
    *("version-origin", "versions", "whence", "which"),
)


class Case(NamedTuple):
    """What a command prints. {store} and {project} stand for those folders; `|` for the end of a line.

    Attributes:
        name: what it shows.
        pin: the content of the project's pin file, if it has one.
        line: the command line.
        out: what it prints.
        status: its exit status.
        says: what it has to say besides, in parts.
        env: variables.
    """

    name: str
    pin: str | None
    line: str
    out: str = ""
    status: int = 0
    says: tuple[str, ...] = ()
    env: dict[str, str] = NOTHING


FILE = "{project}/.python-version"
TWO = "3.12\n# and\n3.11\n"
MISSING = ("3.9 is not installed, pinned by " + FILE + ":1", "3.11.8, 3.12.1, 3.12.7", "pyv install 3.9")
V = "{store}/versions"
VARIABLE = {"PYV_VERSION": "3.11"}
VERSION = [
    Case("nothing is pinned", None, "version", "system (set by {store}/version)"),
    Case("a short pin is its newest version", "3.12", "version", f"3.12.7 (set by {FILE})"),
    Case("an exact pin is that", "3.12.1", "version", f"3.12.1 (set by {FILE})"),
    Case("several, each on its line", TWO, "version", f"3.12.7 (set by {FILE})|3.11.8 (set by {FILE})"),
    Case("system is not looked for", "system", "version", f"system (set by {FILE})", env={"PATH": ""}),
    Case("the variable", "3.12", "version", "3.11.8 (set by PYV_VERSION environment variable)", env=VARIABLE),
    Case("bare names, one a line", TWO, "version --bare", "3.12.7|3.11.8"),
    Case("one is missing", "3.9 3.12", "version", f"3.12.7 (set by {FILE})", 3, MISSING),
    Case("all are missing", "3.9:3.8", "version", "", 3, (*MISSING, "3.8 is not installed")),
    Case("no version at all", "../../etc", "version", "", 2, (FILE + ", line 1", "'../../etc'")),
    Case("an empty file", "# none\n", "version", "", 2, (FILE,)),
    Case("a word too many", "3.12", "version 3.12", "", 2, ("pyv version --help",)),
    Case("names", TWO, "version-name", "3.12.7:3.11.8"),
    Case("the name where nothing is pinned", None, "version-name", "system"),
    Case("python- is no part of the name", "python-3.12", "version-name", "3.12.7"),
    Case("names of which one is missing", "3.12 3.9", "version-name", "3.12.7", 3, MISSING),
    Case("names by force", "python-3.9 3.12", "version-name --force", "3.9:3.12.7"),
    Case("names by force, short", "3.9", "version-name -f", "3.9"),
    Case("a named environment", "tools", "version-name", "tools"),
]
ORIGIN = [
    Case("of a file", "3.12", "version-origin", FILE),
    Case("of a variable", "3.12", "version-origin", "PYV_VERSION environment variable", env=VARIABLE),
    Case("where nothing is pinned", None, "version-origin", "{store}/version"),
    Case("of what is missing", "3.9", "version-origin", FILE),
    Case("of what cannot be read", "../x", "version-origin", FILE),
    Case(
        "of a variable that cannot be read",
        "3.12",
        "version-origin",
        "PYV_VERSION environment variable",
        env={"PYV_VERSION": "/x"},
    ),
    Case("the file", "3.12", "version-file", FILE),
    Case("the file, whatever the variable says", "3.12", "version-file", FILE, env=VARIABLE),
    Case("no file", None, "version-file", "{store}/version"),
    Case("the file of a folder", "3.12", "version-file {project}/below", FILE),
    Case("the file of a folder, relative", "3.12", "version-file below", FILE),
    Case("no file in a folder", "3.12", "version-file /dev", "", 1),
    Case("two folders", "3.12", "version-file a b", "", 2, ("pyv version-file --help",)),
]
WHICH = [
    Case("in the version", "3.12", "which python", f"{V}/3.12.7/bin/python"),
    Case("in the first that has it", TWO, "which old", f"{V}/3.11.8/bin/old"),
    Case("in a named environment", "tools", "which hammer", f"{V}/tools/bin/hammer"),
    Case("in the interpreter of an environment", "tools", "which pydoc3.12", f"{V}/3.12.7/bin/pydoc3.12"),
    Case("X.Y that is not pinned", "3.12", "which python3.11", f"{V}/3.11.8/bin/python3.11"),
    Case("on PATH", "3.12", "which outside", "{project}/bin/outside"),
    Case("on PATH, which is not wanted", "3.12", "which outside --nosystem", "", 127, ("outside: no such command",)),
    Case("on PATH, which is pinned", "system", "which --nosystem outside", "{project}/bin/outside"),
    Case("another Python's pip on PATH", "3.12", "which pip3.9", "", 127, ("pip3.9: no such command",)),
    Case("the same where nothing is pinned", None, "which pip3.9", "{project}/bin/pip3.9"),
    Case("in the newest where nothing is pinned and PATH lacks it", None, "which idle3", f"{V}/3.12.7/bin/idle3"),
    Case("nowhere", "3.12", "which nonesuch", "", 127, ("nonesuch: no such command in 3.12.7", FILE)),
    Case("in others only", "3.12", "which old", "", 127, ("old: no such command in 3.12.7", "3.11.8")),
    Case("a path", "3.12", "which ../bin/python", "", 127, ("no such command",)),
    Case("a pin that is missing", "3.9 3.12", "which python", "", 127, MISSING),
    Case("a pin that is no version", "./py", "which python", "", 127, (FILE + ", line 1",)),
    Case("no command", "3.12", "which", "", 2, ("pyv which --help",)),
    Case("two commands", "3.12", "which a b", "", 2, ("pyv which --help",)),
    Case("whence", "3.12", "whence old", "3.11.8"),
    Case("whence of several, oldest first", None, "whence python3.12", "3.12.1|3.12.7"),
    Case("whence of an environment's", None, "whence hammer", "tools"),
    Case("whence with paths", None, "whence --path old", f"{V}/3.11.8/bin/old"),
    Case("whence of nothing", None, "whence nonesuch", "", 1),
    Case("whence of what is only on PATH", None, "whence outside", "", 1),
    Case("whence without a command", None, "whence", "", 2, ("whence",)),
]
REST = [
    Case("prefix of what is pinned", TWO, "prefix", f"{V}/3.12.7:{V}/3.11.8"),
    Case("prefix of a request", None, "prefix 3.12", f"{V}/3.12.7"),
    Case("prefix of several", None, "prefix 3.12.1 3.11", f"{V}/3.12.1:{V}/3.11.8"),
    Case("prefix of a range", None, "prefix >=3.11,<3.12", f"{V}/3.11.8"),
    Case("prefix of an environment", "tools", "prefix", f"{V}/tools"),
    Case("prefix of the system", "system", "prefix", "{project}"),
    Case("prefix of the system, asked for", "3.12", "prefix 3.11 system", f"{V}/3.11.8:{{project}}"),
    Case("prefix where nothing is pinned", None, "prefix", "{project}"),
    Case("prefix where nothing is pinned and PATH has none", None, "prefix", f"{V}/3.12.7", env={"PATH": "/nowhere"}),
    Case("prefix of no system", "system", "prefix", "", 3, ("no Python on PATH",), env={"PATH": "/nowhere"}),
    Case("prefix of what is missing", None, "prefix 3.9", "", 3, ("3.9 is not installed", "pyv install 3.9")),
    Case("prefix of a missing pin", "3.9", "prefix", "", 3, MISSING),
    Case("prefix of a path", None, "prefix ../x", "", 2, ("'../x'",)),
    Case("latest", None, "latest 3.12", "3.12.7"),
    Case("latest of all", None, "latest 3", "3.12.7"),
    Case("latest of a range", None, "latest <3.12.7", "3.12.1"),
    Case("latest of a name", None, "latest tools", "tools"),
    Case("latest of none", None, "latest 3.9", "", 3, ("3.9 is not installed",)),
    Case("latest of no version", None, "latest /etc", "", 2, ("'/etc'",)),
    Case("latest of the system", None, "latest system", "", 3, ("system",)),
    Case("latest of none, bypassed", None, "latest -b 3.9", "3.9", 3),
    Case("latest of none, forced", None, "latest --force 3.9", "3.9", 0),
    Case("latest of no version, forced", None, "latest -f /etc", "/etc", 0),
    Case("latest of what is there, bypassed", None, "latest --bypass 3.11", "3.11.8"),
    Case("latest of nothing", None, "latest", "", 2, ("latest",)),
    Case("root", "../x", "root", "{store}"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project, beside a store with some versions, and with a folder of programs that PATH has."""
    root = store()
    make_version(root, "3.11.8", "old", links=("3.11",))
    make_version(root, "3.12.1")
    make_version(root, "3.12.7", links=("3.12", "3"))
    make_environment(root / "envs/tools", root / "versions/3.12/bin", "hammer")
    (root / "versions/tools").symlink_to("../envs/tools")
    folder = tmp_path / "project"
    (folder / "below").mkdir(parents=True)
    program(folder / "bin/python")
    program(folder / "bin/outside")
    program(folder / "bin/pip3.9")
    return folder


def ask(project: Path, *line: str, cwd: str | Path | None = None, **env: str) -> Result:
    return pyv(*line, cwd=cwd or project, **{"PATH": f"{project}/bin:/usr/bin:/bin", **env})


@pytest.mark.parametrize("case", [*VERSION, *ORIGIN, *WHICH, *REST], ids=lambda case: f"{case.line}: {case.name}")
def test_what_is_selected_is_told(project: Path, case: Case) -> None:
    def filled(text: str) -> str:
        return text.replace("{store}", str(store())).replace("{project}", str(project))

    if case.pin is not None:
        (project / ".python-version").write_text(case.pin)
    result = ask(project, *filled(case.line).split(), **case.env)
    expected = filled(case.out).replace("|", "\n") + "\n" if case.out else ""
    assert (result.status, result.out) == (case.status, expected), result.err
    assert [part for part in case.says if filled(part) not in result.err] == []
    assert bool(result.err) == bool(case.says)


def test_a_pin_of_a_folder_above_or_of_pyv_dir_or_of_all_folders_holds(project: Path, tmp_path: Path) -> None:
    below = project / "below"
    (store() / "version").write_text("3.11\n")
    assert ask(project, "version", cwd=below).lines == [f"3.11.8 (set by {store()}/version)"]
    (project / ".python-version").write_text("3.12\n")
    assert ask(project, "version", cwd=below).lines == [f"3.12.7 (set by {project}/.python-version)"]
    assert ask(project, "version-file", cwd=below).lines == [f"{project}/.python-version"]
    assert ask(project, "version", cwd=tmp_path, PYV_DIR=str(below)).lines[0].startswith("3.12.7 ")
    assert ask(project, "version-file", cwd=project, PYV_DIR=str(tmp_path)).lines == [f"{project}/.python-version"]


def test_an_environment_of_the_project_is_what_is_selected(project: Path) -> None:
    home = store() / "versions/3.12/bin"
    venv = make_environment(project / ".venv", home, "mine")
    (project / ".python-version").write_text("3.12\n")
    know(store(), venv)
    assert ask(project, "version").lines == [f"3.12.7 (set by {venv})"]
    assert ask(project, "version-origin").lines == [str(venv)]
    assert ask(project, "version-file").lines == [f"{project}/.python-version"]
    assert ask(project, "prefix").lines == [str(venv)]
    assert ask(project, "which", "mine").lines == [f"{venv}/bin/mine"]
    assert f"* 3.12.7 (set by {venv})" in ask(project, "versions").lines
    told = ask(project, "which", "-v", "mine").err
    assert "rule: environment" in told
    assert f"set by the environment {venv}, which is on 3.12.7" in told
    described = ask(project, "version", "--json").json
    assert (described["rule"], described["environment"], described["prefix"]) == ("environment", str(venv), str(venv))
    (project / ".python-version").write_text("3.11\n")
    assert ask(project, "version").status == 1
    result = ask(project, "which", "python")
    assert (result.status, result.out, "pyv venv" in result.err) == (127, "", True)


def test_which_explains_rule_file_and_line_on_standard_error(project: Path) -> None:
    pin = project / ".python-version"
    pin.write_text(TWO)
    result = ask(project, "which", "-v", "old")
    assert result.lines == [f"{store()}/versions/3.11.8/bin/old"]
    assert result.err.splitlines() == [
        "pyv: rule: file",
        f"pyv: set by {pin}, line 1: 3.12",
        f"pyv: set by {pin}, line 3: 3.11",
        "pyv: found in 3.11.8",
    ]
    told = ask(project, "which", "--verbose", "outside").err
    assert "the rest of PATH has it" in told
    told = ask(project, "which", "-v", "python", PYV_VERSION="3.12").err
    assert told.splitlines()[:2] == ["pyv: rule: variable", "pyv: set by PYV_VERSION: 3.12"]
    pin.unlink()
    told = ask(project, "which", "-v", "python").err
    assert "rule: default" in told
    assert f"{store()}/version" in told


def test_version_explains_the_same_and_prints_the_same(project: Path) -> None:
    (project / ".python-version").write_text("# ours\n3.12\n3.11\n")
    file = project / ".python-version"
    plain, verbose = pyv("version", cwd=project), pyv("version", "-v", cwd=project)
    assert (plain.err, verbose.out, verbose.status) == ("", plain.out, plain.status)
    lines = ["pyv: rule: file", f"pyv: set by {file}, line 2: 3.12", f"pyv: set by {file}, line 3: 3.11"]
    assert verbose.err.splitlines()[:3] == lines
    assert pyv("version", "--verbose", cwd=project, PYV_VERSION="3.12").err == (
        "pyv: rule: variable\npyv: set by PYV_VERSION: 3.12\n"
    )


def test_a_python_that_is_nowhere_is_not_said_to_come_from_a_package(project: Path) -> None:
    for command in ("python2", "python", "pip", "idle"):
        result = pyv("which", command, cwd=project, PYV_VERSION="system", PATH="/nowhere")
        assert (result.status, "pip install" in result.err) == (127, False)


def test_which_without_advice_says_only_that_there_is_none(project: Path) -> None:
    (project / ".python-version").write_text("3.12\n")
    assert len(ask(project, "which", "old").err.splitlines()) == 2
    result = ask(project, "which", "old", "--skip-advice")
    assert (result.status, result.out, len(result.err.splitlines())) == (127, "", 1)


def test_documents_say_the_same_as_lines(project: Path) -> None:
    pin = project / ".python-version"
    pin.write_text(TWO)
    described = ask(project, "version", "--json").json
    assert described["schema"] == 1
    assert (described["rule"], described["source"], described["line"]) == ("file", str(pin), 1)
    assert (described["names"], described["environment"]) == (["3.12.7", "3.11.8"], None)
    assert described["prefix"] == f"{store()}/versions/3.12.7"
    assert [(each["request"], each["line"]) for each in described["versions"]] == [("3.12", 1), ("3.11", 3)]
    found = ask(project, "which", "--json", "old").json
    assert found["path"] == f"{store()}/versions/3.11.8/bin/old"
    assert (found["rule"], found["source"], found["line"], found["request"]) == ("file", str(pin), 3, "3.11")
    assert found["version"] == "3.11.8"
    pin.unlink()
    described = ask(project, "version", "--json").json
    assert (described["rule"], described["names"], described["prefix"], described["line"]) == (
        "default",
        ["system"],
        None,
        None,
    )
    assert ask(project, "latest", "--json", "3").json == {"schema": 1, "name": "3.12.7", "installed": True}


def test_versions_marks_what_is_selected(project: Path) -> None:
    pin = project / ".python-version"
    rows = ["  system", "  3.11.8", "  3.12.1", "  3.12.7", "  tools --> ../envs/tools"]
    links = ["  3 --> 3.12.7", "  3.11 --> 3.11.8", "  3.12 --> 3.12.7"]

    def marked(text: str, *names: str) -> list[str]:
        return [f"* {row[2:]} (set by {text})" if row.split()[0] in names else row for row in rows]

    assert ask(project, "versions").lines == marked(f"{store()}/version", "system") + links
    pin.write_text("3.12 system\n")
    assert ask(project, "versions", "--skip-aliases").lines == marked(str(pin), "3.12.7", "system")
    pin.write_text("tools\n")
    assert ask(project, "versions", "--skip-aliases").lines == marked(str(pin), "tools")
    assert ask(project, "versions", "--skip-aliases", "--skip-envs").lines == rows[:4]
    assert ask(project, "versions", "--bare", "--skip-envs", "--skip-aliases").lines == ["3.11.8", "3.12.1", "3.12.7"]
    assert ask(project, "versions", "--bare").lines == [row.split()[0] for row in rows[1:] + links]
    pin.write_text("3.9 3.11\n")
    result = ask(project, "versions", "--skip-aliases")
    assert (result.status, result.lines) == (0, marked(str(pin), "3.11.8"))
    assert f"3.9 is not installed, pinned by {pin}:1" in result.err
    selected = {each["name"]: each["selected_by"] for each in ask(project, "versions", "--json").json["versions"]}
    assert selected == {"3.11.8": str(pin), "3.12.1": None, "3.12.7": None, "tools": None}


def test_a_link_to_a_version_is_printed_as_the_version_and_one_out_of_the_store_as_itself(
    project: Path, tmp_path: Path
) -> None:
    versions = store() / "versions"
    program(tmp_path / "conda/bin/python")
    (versions / "conda").symlink_to(tmp_path / "conda")
    (versions / "work").symlink_to(versions / "3.12.7")
    for name, real in (("conda", "conda"), ("work", "3.12.7")):
        assert ask(project, "which", "python", PYV_VERSION=name).lines == [f"{versions}/{real}/bin/python"]
        assert ask(project, "prefix", name).lines == [f"{versions}/{real}"]


ASKED = ("version", "version-name", "prefix", "root", "which python", "which old", "which pydoc3.12", "which hammer")
PINS = ("", "3.12", "3.12.1", TWO, "tools", "system", "system 3.12", "3.12\n3.9", "../x", "3.9", "3.12:3.11 tools")


@pytest.mark.parametrize("pin", PINS)
def test_the_command_pyv_in_the_shims_folder_answers_byte_for_byte_the_same(project: Path, pin: str) -> None:
    assert ask(project, "rehash").status == 0
    if pin:
        (project / ".python-version").write_text(f"{pin}\n")
    home = store() / "versions/3.12/bin"
    know(store(), make_environment(project / "below/.venv", home, "hammer"))
    for cwd in (project, project / "below"):
        for line in ASKED:
            done = subprocess.run(
                [store() / "shims/pyv", *line.split()],
                cwd=cwd,
                env=environment(PATH=f"{project}/bin:/usr/bin:/bin", PWD=str(cwd)),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert Result(done.returncode, done.stdout, done.stderr) == ask(project, *line.split(), cwd=cwd), line


def test_on_a_terminal_an_environment_that_is_not_known_is_named(project: Path) -> None:
    venv = make_environment(project / ".venv", store() / "versions/3.12/bin")
    (project / ".python-version").write_text("3.12\n")
    assert ask(project, "which", "python") == (0, f"{store()}/versions/3.12.7/bin/python\n", "")
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen:
        done = subprocess.run(
            [*PYV, "which", "python"],
            cwd=project,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=follower,
            check=False,
        )
        os.close(follower)
        told = screen.read(4096).decode()
    assert done.stdout.decode() == f"{store()}/versions/3.12.7/bin/python\n"
    assert f"{venv} is not known to pyv" in told
    assert f"pyv trust {venv}" in told


def test_commands_lists_those_that_change_the_shell_apart() -> None:
    every = pyv("commands").lines
    assert every == sorted(every)
    assert set(COMMANDS) <= set(every)
    assert not [name for name in every if name.startswith("sh-")]
    in_the_shell = pyv("commands", "--sh").lines
    assert "shell" in in_the_shell
    assert sorted(in_the_shell + pyv("commands", "--no-sh").lines) == every


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_the_same_by_either_way_and_has_an_example(command: str) -> None:
    result = pyv("help", command)
    assert result == pyv(command, "--help")
    assert (result.status, "Example" in result.out, f"pyv {command}" in result.out) == (0, True, True)


def test_help_is_given_for_all_and_for_parts_and_not_for_what_is_unknown() -> None:
    assert pyv("help") == pyv("--help")
    assert pyv("help", "index", "update") == pyv("index", "update", "--help")
    assert pyv("help", "--usage", "which").lines == ["Usage: pyv which [OPTIONS] COMMAND"]
    result = pyv("help", "nonesuch")
    assert (result.status, result.out, "pyv commands" in result.err) == (2, "", True)
    assert pyv("-v") == pyv("--version")


def test_the_page_for_those_who_come_from_pyenv_names_only_what_there_is() -> None:
    text = Path(__file__).parents[1].joinpath("docs/coming-from-pyenv.md").read_text("utf-8")
    lines = [line.split() for line in re.findall(r"`pyv ([a-z][^`]*)`", text)]
    assert len(lines) > 30
    with click.Context(group) as context:
        for command, *words in lines:
            known = group.get_command(context, command)
            assert known is not None, command
            options = {spelling for each in known.params for spelling in each.opts}
            assert {word for word in words if word.startswith("-")} <= options, command


@pytest.mark.parametrize(
    "line", ["version", "version-name", "version-origin", "which outside", "prefix", "local", "global"]
)
def test_they_start_without_the_command_line_library(project: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (project / ".python-version").write_text("3.12 3.11\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", f"{project}/bin")
    assert pyv("rehash").status == 0  # or the first command would do it
    assert modules_after(*line.split()) & (HEAVY | {"click", "dataclasses", "inspect", "tempfile"}) == set()


def test_a_deleted_folder_has_what_all_folders_have(project: Path) -> None:
    gone = project / "gone"
    gone.mkdir()
    (store() / "version").write_text("3.11\n")
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$0"; exec "$@"', gone, sys.executable, "-m", "pyv", "version"],
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"3.11.8 (set by {store()}/version)\n"), done.stderr


@pytest.mark.parametrize(("words", "status"), [(["root"], 2), (["exec", "--shim", "python"], 127)])
def test_a_store_that_is_relative_to_a_deleted_folder_is_not_looked_for_elsewhere(
    project: Path, words: list[str], status: int
) -> None:
    gone = project / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$0"; exec "$@"', gone, sys.executable, "-m", "pyv", *words],
        cwd=gone,
        env={**os.environ, "PYV_ROOT": "rel"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert "PYV_ROOT=rel is relative, and the current folder was deleted" in done.stderr


def test_a_version_that_is_linked_from_elsewhere_keeps_its_name(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    program(elsewhere / "bin/python")
    (store() / "versions/3.8.1").symlink_to(elsewhere)
    (project / ".python-version").write_text("3.8\n")
    assert pyv("version-name", cwd=project).out == "3.8.1\n"
    assert pyv("prefix", cwd=project).out == f"{store()}/versions/3.8.1\n"
    assert pyv("which", "python", cwd=project).out == f"{store()}/versions/3.8.1/bin/python\n"
