"""Making environments: the tree is the one that the interpreter's own `venv` makes."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyv import envs
from pyv.envs import config, recipe, scripts
from pyv.envs.recipe import Template
from pyv.errors import NotFoundError, PyvError, StoreError
from pyv.layout import Layout
from pyv.store import Store
from pyv.versions import Request
from tests.support.environments import PYTHONS, RUNNING, create, every_python, make_store, says, settings

NASTY = ("plain", "two words", "it's", 'a"b', "a$HOME", "a`touch hit`b", "a$(touch hit)", "a\\b", "tab\there", "ü𝜋")


def own(interpreter: envs.Interpreter, target: Path, *options: str) -> Path:
    subprocess.run([interpreter.path, "-m", "venv", "--without-pip", *options, target], check=True)
    return target


def entries(venv: Path) -> dict[str, tuple[str, int]]:
    """Return kind and permission bits of everything in an environment, and what is the same for links."""
    found = {}
    for path in venv.rglob("*"):
        status = path.lstat()
        kind = stat.filemode(status.st_mode)[0]
        if kind == "l":
            same = os.path.realpath(path)
            found[str(path.relative_to(venv))] = (f"link to {same.removeprefix(os.path.realpath(venv))}", 0)
        else:
            found[str(path.relative_to(venv))] = (kind, stat.S_IMODE(status.st_mode))
    return found


@every_python
@pytest.mark.parametrize(
    ("umask", "system", "prompt"),
    [(0o022, False, None), (0o022, True, None), (0o022, False, "it's mine"), (0o077, False, None), (0o002, True, "x")],
)
def test_the_tree_is_the_one_that_the_interpreter_makes_itself(
    tmp_path: Path, version: str, umask: int, *, system: bool, prompt: str | None
) -> None:
    made = make_store(version)
    target = tmp_path / "project" / ".venv"
    options = ["--system-site-packages"] * system + ([f"--prompt={prompt}"] if prompt else [])
    before = os.umask(umask)
    try:
        theirs = own(made.interpreter, target, *options)
        expected, their_settings = entries(theirs), settings(theirs)
        texts = {path.name: path.read_bytes() for path in (theirs / "bin").glob("[aA]ctivate*")}
        theirs.rename(tmp_path / "theirs")
        ours = create(made, target, envs.Options(prompt, system, pip=False))
    finally:
        os.umask(before)
    found = entries(ours)
    assert found.pop(".gitignore") == ("-", 0o666 & ~umask)
    expected.pop(".gitignore", None)
    assert found == expected
    assert {path.name: path.read_bytes() for path in (ours / "bin").glob("[aA]ctivate*")} == texts
    our_settings = settings(ours)
    assert list(our_settings) == ["pyv", *their_settings]
    for key in set(their_settings) - {"version", "executable"}:
        assert our_settings[key] == their_settings[key], key
    assert stat.S_IMODE((ours / "pyvenv.cfg").stat().st_mode) == 0o666 & ~umask
    assert "*" in (ours / ".gitignore").read_text().splitlines()


@every_python
def test_nothing_in_an_environment_names_the_patch_of_its_interpreter(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    venv = create(made, tmp_path / ".venv")
    minor = ".".join(version.split(".")[:2])
    link = made.layout.version(minor)
    assert settings(venv)["home"] == str(link / "bin")
    assert os.readlink(venv / "bin/python") == str(link / "bin" / f"python{minor}")
    assert (os.readlink(venv / "bin/python3"), os.readlink(venv / f"bin/python{minor}")) == ("python", "python")
    assert version not in (venv / "pyvenv.cfg").read_text()
    assert settings(venv)["version"] == minor
    assert os.path.realpath(PYTHONS[version]) not in (venv / "pyvenv.cfg").read_text()


@every_python
def test_its_python_knows_where_it_is_and_where_it_comes_from(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    venv = create(made, tmp_path / ".venv")
    shown = says(
        venv / "bin/python", "import sys; print(sys.prefix, sys.base_prefix, sys.executable, sys._base_executable)"
    )
    prefix, base, executable, base_executable = shown.split()
    home = made.interpreter.home
    assert (prefix, base, executable) == (str(venv), str(home.parent), str(venv / "bin/python"))
    # Before 3.11 it takes the environment's own for that, as with every environment
    assert Path(base_executable).parent in (home, venv / "bin")
    assert says(
        venv / "bin/python3", "import ssl, sqlite3, encodings, sysconfig; print(sysconfig.get_path('purelib'))"
    ) in (str(path) for path in venv.glob("lib/*/site-packages"))


@every_python
def test_an_environment_of_an_environment_and_spawned_processes_work(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    venv = create(made, tmp_path / ".venv")
    inner = tmp_path / "inner"
    subprocess.run([venv / "bin/python", "-m", "venv", "--without-pip", inner], check=True)
    assert says(inner / "bin/python", "import sys; print(sys.prefix, sys.base_prefix)") == (
        f"{inner} {made.interpreter.home.parent}"
    )
    script = tmp_path / "spawn.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "def where(_):\n    return sys.prefix\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(*pool.map(where, [0]))\n"
    )
    done = subprocess.run([venv / "bin/python", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(venv)


@every_python
@pytest.mark.parametrize("name", ["plain", "two words", "it's", "ü𝜋", "per%cent", "tab\there", "line\nbreak"])
def test_an_environment_may_be_called_anything(tmp_path: Path, version: str, name: str) -> None:
    made = make_store(version)
    venv = create(made, tmp_path / name / name)
    assert says(venv / "bin/python", "import sys; print(ascii(sys.prefix))") == ascii(str(venv))
    assert made.registry.knows(venv)
    assert envs.inspect(venv, made.interpreter, made.registry, os.environ) == envs.Health("healthy")


def test_a_line_break_in_a_folder_becomes_no_setting(tmp_path: Path) -> None:
    made = make_store(RUNNING)
    venv = create(made, tmp_path / "a\ninclude-system-site-packages = true\nhome = x" / ".venv")
    assert config.read(venv)["include-system-site-packages"] == "false"
    assert says(venv / "bin/python", "import sys; print(any('dist-packages' in each for each in sys.path))") == "False"
    assert len(settings(venv)) == len((venv / "pyvenv.cfg").read_text().splitlines())


def test_a_folder_whose_name_is_no_unicode_can_hold_an_environment(tmp_path: Path) -> None:
    made = make_store(RUNNING)
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system has names in Unicode only")
    venv = create(made, folder / ".venv")
    assert says(venv / "bin/python", "import os, sys; print(os.fsencode(sys.prefix))") == str(os.fsencode(venv))
    assert os.fsencode(venv) in (venv / "bin/activate").read_bytes()


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\udcff"])
def test_a_store_that_no_pyvenv_cfg_can_name_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(StoreError, match=r"cannot be written|not UTF-8"):
        envs.at(tmp_path / bad)


@pytest.mark.parametrize(
    ("request_", "home"),
    [
        (None, "3.12"),
        ("3", "3.12"),
        ("3.12", "3.12"),
        ("cpython-3.12", "3.12"),
        (">=3.11", "3.12"),
        ("~=3.12.2", "3.12"),
        ("<3.12.9", "3.12.7"),
        ("3.12.7", "3.12.7"),
        ("cpython@3.12.7", "3.12.7"),
    ],
)
def test_what_was_asked_for_decides_whether_a_later_patch_will_do(request_: str | None, home: str) -> None:
    layout = Layout(os.environ, "/")
    bin_ = layout.version("3.12.7") / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python3.12").write_text("")
    (bin_ / "python3").symlink_to("python3.12")
    store = Store(layout, pytest.fail)
    store.update_links()
    installed = store.get("3.12.7")
    assert installed is not None
    found = envs.of_store(store, installed, Request.parse(request_) if request_ else None)
    assert found.path == layout.version(home) / "bin/python3.12"


@pytest.mark.parametrize(
    ("request_", "home"),
    [("pypy3.10", "pypy3.10"), ("pypy3.10-7.3.17", "pypy3.10-7.3.17"), ("pypy3.10-7.3", "pypy3.10-7.3.17")],
)
def test_what_asks_for_some_of_pypys_own_version_follows_no_link_that_may_leave_it(request_: str, home: str) -> None:
    layout = Layout(os.environ, "/")
    bin_ = layout.version("pypy3.10-7.3.17") / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "pypy3").write_text("")
    store = Store(layout, pytest.fail)
    store.update_links()
    installed = store.require(Request.parse(request_))
    assert envs.of_store(store, installed, Request.parse(request_)).home == layout.version(home) / "bin"


def test_a_short_name_that_means_another_patch_is_not_used() -> None:
    layout = Layout(os.environ, "/")
    for name in ("3.12.7", "3.12.9"):
        bin_ = layout.version(name) / "bin"
        bin_.mkdir(parents=True)
        for program in ("python3.12", "python3"):
            (bin_ / program).write_text("")
    store = Store(layout, pytest.fail)
    store.update_links()
    installed = store.get("3.12.7")
    assert installed is not None
    assert envs.of_store(store, installed, Request.parse("3.12")).home == layout.version("3.12.7") / "bin"


@pytest.mark.parametrize(
    ("name", "program", "library"),
    [
        ("3.13.1t", "python3.13t", "python3.13t"),
        ("3.12.7d", "python3.12d", "python3.12"),
        ("3.13.1td", "python3.13td", "python3.13t"),
    ],
)
def test_special_builds_have_their_own_names(name: str, program: str, library: str) -> None:
    layout = Layout(os.environ, "/")
    (layout.version(name) / "bin").mkdir(parents=True)
    (layout.version(name) / "bin" / program).write_text("")
    found = envs.at(layout.version(name), Store(layout, pytest.fail).get(name))
    assert (found.program, found.library) == (program, library)


def test_a_linked_python_of_any_name_is_recognized_by_its_library(tmp_path: Path) -> None:
    prefix = tmp_path / "conda"
    (prefix / "lib/python3.12/venv").mkdir(parents=True)
    (prefix / "lib/python3.12/venv/__init__.py").touch()
    (prefix / "bin").mkdir()
    (prefix / "bin/python3.12").touch()
    found = envs.at(prefix)
    assert (found.minor, found.abi, found.stdlib) == ("3.12", "", prefix / "lib/python3.12")


def test_a_folder_without_interpreter_makes_no_environment(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(NotFoundError, match="no interpreter"):
        envs.at(tmp_path)


def test_an_environment_is_made_from_the_interpreter_of_another_one(tmp_path: Path) -> None:
    made = make_store(RUNNING)
    outer = create(made, tmp_path / "outer")
    made.layout.version("named").symlink_to(outer)
    store = Store(made.layout, pytest.fail)
    installed = store.get("named")
    assert installed is not None
    assert envs.of_store(store, installed, Request.parse("named")).home == made.interpreter.home


@every_python
def test_an_interpreter_without_templates_makes_its_environments_itself(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    itself = made.interpreter._replace(stdlib=None)
    venv = create(made._replace(interpreter=itself), tmp_path / "two words" / ".venv", envs.Options("it's", pip=False))
    direct = create(made, tmp_path / "other" / ".venv", envs.Options("it's", pip=False))
    assert set(entries(venv)) == set(entries(direct))
    assert list(settings(venv)) == list(settings(direct))
    assert settings(venv)["home"] == settings(direct)["home"]
    assert version not in (venv / "pyvenv.cfg").read_text()
    assert not list((tmp_path / "two words").glob(".pyv*"))
    for text in (path.read_text() for path in (*(venv / "bin").glob("[aA]ctivate*"), venv / "pyvenv.cfg")):
        assert ".pyv-venv" not in text
    assert envs.inspect(venv, itself, made.registry, os.environ).kind == envs.HEALTHY


def test_an_interpreter_that_cannot_make_an_environment_is_told_with_its_reason(tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text("#!/bin/sh\necho No module named venv >&2\nexit 1\n")
    program.chmod(0o755)
    made = make_store(RUNNING)._replace(interpreter=envs.of_program(program))
    with pytest.raises(PyvError, match="No module named venv"):
        create(made, tmp_path / ".venv")
    assert not (tmp_path / ".venv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"python3"}


@given(st.text())
def test_words_are_quoted_as_the_standard_library_does(text: str) -> None:
    assert scripts.shell_word(text) == shlex.quote(text)


def rendered(name: str, text: str, shell: list[str], value: str, *, quotes: bool) -> bytes:
    """Put a value into a template, run that, and return what the shell understood."""
    known = recipe.Recipe(
        links=(), include="", lib64=False, describes=False, bare_prompt=True, quotes=quotes, templates=()
    )
    content = recipe.render(known, Template(name, text.encode(), 0o644), Path("/x") / "v", value)
    done = subprocess.run([*shell, content.decode()], capture_output=True, check=True)
    return done.stdout


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize(
    ("name", "quoted", "plain", "shell"),
    [
        ("activate", "printf %s __VENV_PROMPT__", 'printf %s "__VENV_PROMPT__"', ["sh", "-c"]),
        ("activate.fish", "printf %s __VENV_PROMPT__", 'printf %s "__VENV_PROMPT__"', ["fish", "-N", "-c"]),
        ("activate.csh", "printf %s __VENV_PROMPT__", 'printf %s "__VENV_PROMPT__"', ["tcsh", "-f", "-c"]),
    ],
)
def test_a_name_is_never_a_command(name: str, quoted: str, plain: str, shell: list[str], value: str) -> None:
    from shutil import which

    if not which(shell[0]):
        pytest.skip(f"there is no {shell[0]} here")
    assert rendered(name, quoted, shell, value, quotes=True).decode() == value
    assert rendered(name, plain, shell, value, quotes=False).decode() == value
