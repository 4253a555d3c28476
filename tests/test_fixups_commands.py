from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyv.errors import VerificationError
from tests.test_fixups_tree import PIP, repair, upstream_tree, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither links nor scripts in bin")

SHELLS = [["sh"], ["dash"], ["bash"], ["busybox", "sh"], ["zsh"]]


def real_python(root: Path) -> Path:
    """Make a tree whose interpreter is a program that runs the Python of the tests and says how it was called."""
    program = f'#!/bin/sh\necho "started as $0"\nexec \'{sys.executable}\' "$@"\n'
    return upstream_tree(root, program=program)


def output(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> list[str]:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def links(folder: Path) -> dict[str, str]:
    return {path.name: os.readlink(path) for path in folder.iterdir() if path.is_symlink()}


def test_every_usual_name_of_the_interpreter_exists(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    changed = repair(prefix).changed
    assert links(prefix / "bin") == {
        "python": "python3.12",
        "python3": "python3.12",
        "python3-config": "python3.12-config",
    }
    assert {"bin/python", "bin/python3", "bin/python3-config"} <= changed


@pytest.mark.parametrize("suffix", ["t", "d"])
def test_free_threaded_and_debug_builds_answer_to_the_plain_names_too(tmp_path: Path, suffix: str) -> None:
    prefix = upstream_tree(tmp_path / "prefix", version="3.13", suffix=suffix)
    repair(prefix)
    assert links(prefix / "bin") == {
        "python": f"python3.13{suffix}",
        "python3": f"python3.13{suffix}",
        "python3.13": f"python3.13{suffix}",
        "python3-config": f"python3.13{suffix}-config",
    }


def test_names_that_exist_stay_and_those_that_lead_nowhere_are_mended(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / "bin/python", "own", 0o755)
    (prefix / "bin/python3").symlink_to("/install/bin/python3.12")
    repair(prefix)
    assert (prefix / "bin/python").read_text() == "own"
    assert os.readlink(prefix / "bin/python3") == "python3.12"


@pytest.mark.parametrize("program", ["pypy3.10", "pypy3"])
def test_pypy_answers_to_its_own_names_and_to_pythons(tmp_path: Path, program: str) -> None:
    prefix = tmp_path / "prefix"
    write(prefix / "bin" / program, "", 0o755)
    write(prefix / "lib/pypy3.10/os.py", "")
    repair(prefix, implementation="pypy")
    names = {"pypy", "pypy3", "pypy3.10", "python", "python3", "python3.10"} - {program}
    assert links(prefix / "bin") == dict.fromkeys(names, program)


def test_graalpy_answers_to_pythons_names(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    write(prefix / "bin/graalpy", "", 0o755)
    write(prefix / "lib/graalpy24.1/__graalpython__.py", "")
    write(prefix / "lib/python3.11/os.py", "")
    repair(prefix, implementation="graalpy")
    assert links(prefix / "bin") == dict.fromkeys(("python", "python3", "python3.11"), "graalpy")


def test_an_interpreter_that_is_itself_a_link_is_found(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    (prefix / "Frameworks").mkdir()
    (prefix / "bin/python3.12").rename(prefix / "Frameworks/python")
    (prefix / "bin/python3.12").symlink_to("../Frameworks/python")
    repair(prefix)
    assert os.readlink(prefix / "bin/python") == "python3.12"


@pytest.mark.parametrize("implementation", ["cpython", "pypy", "graalpy"])
def test_a_tree_without_an_interpreter_is_refused(tmp_path: Path, implementation: str) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(VerificationError, match=implementation):
        repair(tmp_path, implementation=implementation)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_script_starts_the_python_beside_it_under_any_shell(tmp_path: Path, shell: list[str]) -> None:
    if not shutil.which(shell[0]):
        pytest.skip(f"{shell[0]} is not installed")
    prefix = real_python(tmp_path / "a folder" / "it's $HOME")
    repair(prefix, tmp_path / "final")
    script = prefix / "bin/pip3"
    expected = [f"started as {prefix}/bin/python3.12", str([f"{script}", "a b", "$c"])]
    assert output(*shell, script, "a b", "$c") == expected
    started, arguments = output(*shell, "pip3", cwd=script.parent)
    assert started.endswith("/python3.12")
    assert arguments == "['pip3']"


def test_a_script_is_found_on_path_through_links_and_after_a_move_of_the_store(tmp_path: Path) -> None:
    prefix = real_python(tmp_path / "store" / "3.12.7")
    repair(prefix, tmp_path / "final")
    (tmp_path / "store").rename(tmp_path / "moved store")
    prefix = tmp_path / "moved store/3.12.7"
    (tmp_path / "links").mkdir()
    (tmp_path / "links/one").symlink_to("../moved store/3.12.7/bin/pip3")
    (tmp_path / "links/two").symlink_to(tmp_path / "links/one")
    (tmp_path / "again").symlink_to("links")
    env = {"PATH": f"{tmp_path}/again:{os.environ['PATH']}"}
    started = f"started as {prefix.resolve()}/bin/python3.12"
    assert output("sh", "-c", "two x", env=env) == [started, str([f"{tmp_path}/again/two", "x"])]
    assert output(tmp_path / "again/one") == [started, str([f"{tmp_path}/again/one"])]


def test_a_script_keeps_the_short_name_of_the_version_that_it_was_called_by(tmp_path: Path) -> None:
    prefix = real_python(tmp_path / "3.12.7")
    repair(prefix)
    (tmp_path / "3.12").symlink_to("3.12.7")
    assert output(tmp_path / "3.12/bin/pip3")[0] == f"started as {tmp_path}/3.12/bin/python3.12"


def test_a_script_leaves_the_environment_of_python_as_it_was(tmp_path: Path) -> None:
    prefix = real_python(tmp_path / "prefix")
    write(prefix / "bin/show", "#!/install/bin/python3.12\nimport os\nprint(sorted(os.environ))\n", 0o755)
    repair(prefix)
    (tmp_path / "show").symlink_to(prefix / "bin/show")
    env = {"PATH": os.environ["PATH"], "CDPATH": "/", "f": "1"}
    direct = output(prefix / "bin/python3.12", "-c", "import os\nprint(sorted(os.environ))", env=env)
    assert output(tmp_path / "show", env=env)[1] == direct[1]


def test_a_script_works_at_a_path_that_no_first_line_could_hold(tmp_path: Path) -> None:
    prefix = real_python(tmp_path / "/".join(["a" * 100] * 5))
    repair(prefix)
    assert output(prefix / "bin/pip3")[1] == str([f"{prefix}/bin/pip3"])


@pytest.mark.parametrize(
    ("before", "interpreter"),
    [
        (b"#!/install/bin/python3.12\n", "python3.12"),
        (b"#! /install/bin/python3.12\r\n", "python3.12"),
        (b"#!/install/bin/python3.12 -E -s\n", "python3.12 -E -s"),
        (b"#!/private/var/folders/x/out/python/install/bin/python3\n", "python3"),
        (b"#!/usr/local/bin/python3.12\n", "python3.12"),
        (b"#!/build/host/bin/python3.9\n", "python3"),
        (b"#!/bin/sh\n'''exec' /install/bin/python3.12 \"$0\" \"$@\"\n' '''\n", "python3.12"),
        (b"#!/bin/sh\n'''exec' \"/my place/bin/python3.12\" \"$0\" \"$@\"\n' '''\n", "python3.12"),
    ],
)
def test_every_way_to_name_the_build_machines_python_is_rewritten(
    tmp_path: Path, before: bytes, interpreter: str
) -> None:
    prefix = real_python(tmp_path / "prefix")
    script = write(prefix / "bin/tool", before + b"import sys\nprint(sys.argv, sys.flags.ignore_environment)\n", 0o750)
    repair(prefix)
    program, *flags = interpreter.split()
    expected = [f"started as {prefix}/bin/{program}", f"{[str(script)]} {int('-E' in flags)}"]
    assert output(script) == expected
    assert script.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "content",
    [
        b"#!/bin/sh\nexec true\n",
        b"#!/usr/bin/env python3\n",
        b"#!/usr/bin/python3\n",
        b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")/python3.12" "$0" "$@"\n\' \'\'\'\nx = 1\n',
        b"#!/install/bin/perl\n",
        b"#!/install/bin/python3.12 $(touch OWNED)\n",
        b"\x7fELF#!/install/bin/python3.12\n",
        b"",
    ],
)
def test_scripts_that_find_their_program_are_left_alone(tmp_path: Path, content: bytes) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    script = write(prefix / "bin/tool", content, 0o755)
    assert "bin/tool" not in repair(prefix).changed
    assert script.read_bytes() == content


def test_the_python_config_module_starts_the_python_of_its_tree(tmp_path: Path) -> None:
    prefix = real_python(tmp_path / "prefix")
    script = prefix / "lib/python3.12/config-3.12-x86_64-linux-gnu/python-config.py"
    write(script, "#!/install/bin/python3.12\nprint('hello')\n", 0o755)
    repair(prefix)
    assert output(script) == [f"started as {script.parent}/../../../bin/python3.12", "hello"]


def test_a_rewritten_script_is_still_a_module_without_warnings(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    script = write(prefix / "bin/tool", PIP.replace(b"import sys", b"from __future__ import annotations\nimport sys"))
    repair(prefix)
    compile(script.read_bytes(), "tool", "exec")
