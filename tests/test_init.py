"""`pyv init`: what it prints, and what it writes into the files that shells read when they start."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from pyv import init
from pyv.init.shells import quoted
from pyv.layout import resources
from tests.support import projects
from tests.support.command import pyv, store
from tests.support.terminal import need

FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc", "sh": ".profile"}
ALL = pytest.mark.parametrize("shell", FILES)


def home() -> Path:
    return Path(os.environ["HOME"])


def installed(shell: str, *options: str, **changes: str) -> None:
    result = pyv("init", shell, "--install", *options, **changes)
    assert (result.status, result.out) == (0, ""), result.err


def removed(shell: str, **changes: str) -> None:
    result = pyv("init", shell, "--uninstall", **changes)
    assert (result.status, result.out) == (0, ""), result.err


@ALL
@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"x=1\n", b"x=1", b"x=1\r\n", b"\xff\xfe\0 no text\n", b"# >>> pyv init bash >>>\nx\ny\n", b"a\n\n\n"],
)
def test_what_is_installed_can_be_uninstalled_to_the_byte(shell: str, content: bytes) -> None:
    path = home() / FILES[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    installed(shell)
    once = path.read_bytes()
    assert once.startswith(content)
    assert str(store() / "hooks" / f"pyv.{shell}").encode() in once
    installed(shell)
    assert path.read_bytes() == once
    removed(shell)
    assert path.read_bytes() == content
    removed(shell)
    assert path.read_bytes() == content


@ALL
def test_a_block_that_is_there_twice_goes_altogether(shell: str) -> None:
    path = home() / FILES[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x=1\n")
    installed(shell)
    path.write_bytes(path.read_bytes() + b"y=1\n" + path.read_bytes().removeprefix(b"x=1\n"))
    removed(shell)
    assert path.read_bytes() == b"x=1\ny=1\n"


@ALL
def test_a_file_that_was_made_for_it_goes_with_it(shell: str) -> None:
    installed(shell)
    assert (home() / FILES[shell]).exists()
    assert stat.S_IMODE((home() / FILES[shell]).stat().st_mode) == 0o644
    removed(shell)
    assert not any(path.is_file() for path in home().glob(".[!l]*"))


def test_what_was_written_around_it_later_stays() -> None:
    rc = home() / ".bashrc"
    rc.write_bytes(b"first")
    installed("bash")
    rc.write_bytes(b"before\n" + rc.read_bytes() + b"after\n")
    removed("bash")
    assert rc.read_bytes() == b"before\nfirst\nafter\n"


def test_the_line_is_replaced_where_it_stands() -> None:
    rc = home() / ".zshrc"
    rc.write_bytes(b"first\n")
    installed("zsh")
    rc.write_bytes(rc.read_bytes() + b"last\n")
    installed("zsh", "--no-hook")
    content = rc.read_bytes()
    assert content.count(b">>> pyv init zsh >>>") == 1
    assert b"_pyv_only_path" in content
    assert content.endswith(b"last\n")
    installed("zsh")
    assert b"_pyv_only_path" not in rc.read_bytes()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_links_stay_links_and_modes_stay(mode: int, tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfiles/bashrc"
    dotfile.parent.mkdir()
    dotfile.write_text("x=1")
    dotfile.chmod(mode)
    between = home() / ".between"
    between.symlink_to(dotfile)
    (home() / ".bashrc").symlink_to(".between")
    installed("bash")
    assert (home() / ".bashrc").readlink() == Path(".between")
    assert between.is_symlink()
    assert b"pyv init" in dotfile.read_bytes()
    assert stat.S_IMODE(dotfile.stat().st_mode) == mode
    removed("bash")
    assert dotfile.read_text() == "x=1"
    assert stat.S_IMODE(dotfile.stat().st_mode) == mode
    # One that leads to nothing yet
    dotfile.unlink()
    installed("bash")
    assert dotfile.is_file()
    removed("bash")
    assert (home() / ".bashrc").is_symlink()
    assert not dotfile.exists()


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({}, {".bashrc", ".bash_profile"}),
        ({".bashrc": ""}, {".bashrc", ".bash_profile"}),
        ({".profile": '[ -f "$HOME/.bashrc" ] && . "$HOME/.bashrc"\n'}, {".bashrc"}),
        ({".profile": "x=1\n"}, {".bashrc", ".profile"}),
        ({".bash_profile": ". ~/.bashrc\n", ".profile": "x=1\n"}, {".bashrc"}),
        ({".bash_login": "x=1\n", ".profile": ". ~/.bashrc\n"}, {".bashrc", ".bash_login"}),
    ],
)
def test_login_shells_of_bash_get_it_where_they_do_not_read_bashrc(present: dict[str, str], expected: set[str]) -> None:
    need("bash")
    projects.make_store()
    for name, content in present.items():
        (home() / name).write_text(content)
    installed("bash")
    installed("bash")
    assert {path.name for path in home().glob(".[bp]*") if b"pyv init" in path.read_bytes()} == expected
    for options in (["-i"], ["-l", "-i"]):
        shown = projects.run(["bash", *options, "-c", 'echo "$PATH"; type -t _pyv_follow'], cwd=home())
        assert shown.splitlines()[0].split(":").count(str(store() / "shims")) == 1
        assert shown.splitlines()[1] == "function"
    if ".profile" in expected:  # which every sh reads
        assert projects.run(["sh", "-c", ". ~/.profile; echo fine"], cwd=home()) == "fine\n"
    removed("bash")
    assert {path.name: path.read_text() for path in home().glob(".[bp]*")} == present


def test_bash_and_sh_share_a_file() -> None:
    (home() / ".profile").write_text("x=1\n")
    installed("bash")
    installed("sh")
    assert projects.run(["sh", "-c", ". ~/.profile; echo $PATH"], cwd=home()).startswith(str(store() / "shims"))
    removed("bash")
    assert b"pyv init sh" in (home() / ".profile").read_bytes()
    removed("sh")
    assert (home() / ".profile").read_text() == "x=1\n"


def test_zsh_fish_and_tcsh_have_other_places(tmp_path: Path) -> None:
    (tmp_path / "zsh").mkdir()
    installed("zsh", ZDOTDIR=str(tmp_path / "zsh"))
    assert (tmp_path / "zsh/.zshrc").is_file()
    installed("fish", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert (tmp_path / "config/fish/config.fish").is_file()
    (home() / ".cshrc").write_text("")
    installed("csh")
    assert b"pyv init tcsh" in (home() / ".cshrc").read_bytes()
    assert not (home() / ".tcshrc").exists()
    removed("tcsh")
    assert (home() / ".cshrc").read_text() == ""


def refused(shell: str) -> None:
    result = pyv("init", shell, "--install")
    assert result.status == 1
    first, second = result.err.splitlines()
    assert FILES[shell] in first
    assert f"add to it: {init.line(projects.layout(), shell)}" in second


@ALL
def test_a_file_that_cannot_be_written_is_named_with_the_line_to_add(shell: str, tmp_path: Path) -> None:
    path = home() / FILES[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir()
    refused(shell)
    path.rmdir()
    path.symlink_to(tmp_path / "missing/file")
    refused(shell)
    path.unlink()
    os.mkfifo(path)
    refused(shell)


def test_a_read_only_file_is_left_alone() -> None:
    path = home() / ".zshrc"
    path.write_text("x=1\n")
    path.chmod(0o444)
    refused("zsh")
    assert path.read_text() == "x=1\n"


def test_the_shell_is_found_out() -> None:
    assert "pyv.bash" in projects.run(["bash", "-c", f"{projects.PYV_COMMAND} init; true"], cwd=home())
    if shutil.which("zsh"):
        assert "pyv.zsh" in projects.run(["zsh", "-fc", f"{projects.PYV_COMMAND} init; true"], cwd=home())
    assert "pyv.fish" in pyv("init", SHELL="/opt/bin/fish").out
    assert "pyv.sh'" in pyv("init", "-", SHELL="/bin/dash").out
    result = pyv("init", SHELL="/bin/xonsh")
    assert result.status == 2
    assert "pyv init bash" in result.err


def test_names_of_shells_are_those_that_people_use() -> None:
    names = {"-bash": "bash", "/usr/bin/zsh": "zsh", "dash": "sh", "ksh": "sh", "csh": "tcsh", "powershell.exe": "pwsh"}
    assert {name: init.known(name) for name in names} == names
    assert init.known("nushell") == "nu"
    assert init.known("") == init.known("python") == ""


@pytest.mark.parametrize(
    "arguments", [("xonsh",), ("bash", "zsh"), ("bash", "--install", "--uninstall"), ("pwsh", "--install")]
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    result = pyv("init", *arguments)
    assert (result.status, result.out) == (2, "")


@pytest.mark.parametrize("shell", ["pwsh", "nu"])
def test_other_shells_get_their_code_printed(shell: str) -> None:
    result = pyv("init", shell)
    assert result.status == 0
    assert str(store()) in result.out
    assert "sh-shell" in result.out
    assert "@ROOT@" not in result.out


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("init --path bash", "init bash --no-hook"),
        ("init - --path bash", "init bash --no-hook"),
        ("init - --no-rehash bash", "init bash"),
        ("init --no-push-path --no-rehash - bash", "init bash"),
        ("init - bash", "init bash"),
        ("init -", "init"),
    ],
)
def test_what_rc_files_ask_of_pyenv_is_understood(line: str, same: str) -> None:
    result = pyv(*line.split(), SHELL="/bin/bash")
    assert result == pyv(*same.split(), SHELL="/bin/bash")
    assert result.status == 0
    assert ("_pyv_only_path=yes" in result.out) == ("--path" in line)


@ALL
def test_what_is_printed_puts_the_shims_on_path(shell: str) -> None:
    code = {
        "fish": "pyv init fish | source; string join : $PATH",
        "tcsh": 'eval "`pyv init tcsh`"; echo "$PATH"',
    }.get(shell, f'eval "$(pyv init {shell})"; echo "$PATH"')
    program = need("dash" if shell == "sh" else shell)
    projects.make_store()
    bin_folder = home() / "bin"
    projects.program(bin_folder / "pyv", f'#!/bin/sh\nexec {projects.PYV_COMMAND} "$@"\n')
    shown = projects.run([program, "-c", code], cwd=home(), PATH=f"{bin_folder}:{os.environ['PATH']}")
    assert shown.split(":")[0] == str(store() / "shims")


def test_hook_files_are_written_when_they_differ_and_only_then() -> None:
    pyv("init", "bash")
    hooks = store() / "hooks"
    expected = {f"pyv.{shell}" for shell in FILES} | {f"complete.{shell}" for shell in ("bash", "zsh", "fish")}
    assert {path.name for path in hooks.iterdir()} == expected
    assert not any(b"@ROOT@" in path.read_bytes() for path in hooks.iterdir())
    before = {path.name: path.stat().st_ino for path in hooks.iterdir()}
    assert init.write_hooks(projects.layout()) == []
    (hooks / "pyv.zsh").write_text("damaged")
    (hooks / "complete.fish").unlink()
    assert {path.name for path in init.write_hooks(projects.layout())} == {"pyv.zsh", "complete.fish"}
    after = {path.name: path.stat().st_ino for path in hooks.iterdir()}
    assert {name for name in expected if before[name] != after[name]} <= {"pyv.zsh", "complete.fish"}


def test_a_store_that_cannot_be_written_still_gives_a_shell_its_hook(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    root = str(tmp_path / "file/store")
    result = pyv("init", "bash", PYV_ROOT=root)
    assert (result.status, result.err) == (0, "")
    program = f'{result.out}\necho "${{PATH%%:*}}"'
    assert projects.run(["bash", "-c", program], cwd=tmp_path) == f"{root}/shims\n"


def test_a_store_with_a_line_break_in_its_path_is_not_installed(tmp_path: Path) -> None:
    result = pyv("init", "bash", "--install", PYV_ROOT=f"{tmp_path}/a\nb")
    assert result.status == 2
    assert not (home() / ".bashrc").exists()


@pytest.mark.parametrize(
    "text", ["plain", "a b", "it's", 'a"b', "$HOME `x`", "back\\slash\\", "x!y", "a\nb", "é€", "%"]
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh", "dash"])
def test_every_shell_reads_back_what_is_quoted_for_it(shell: str, text: str) -> None:
    program = need(shell)
    word = quoted("sh" if shell == "dash" else shell, text)
    options = {"tcsh": ["-f"], "zsh": ["-f"]}.get(shell, [])
    script = home() / "script"
    script.write_text(f"/usr/bin/printf %s {word}\n")
    assert projects.run([program, *options, str(script)], cwd=home(), LANG="C.UTF-8") == text


def test_variables_are_set_and_removed_in_every_dialect() -> None:
    changes = {"A": "x y", "B": None}
    assert init.assignments("bash", changes) == "export A='x y'; unset B"
    assert init.assignments("fish", changes) == "set -gx A 'x y'; set -e B"
    assert init.assignments("tcsh", changes) == "setenv A 'x y'; unsetenv B"
    assert init.assignments("pwsh", changes) == "$env:A = 'x y'; Remove-Item Env:B -ErrorAction SilentlyContinue"
    assert init.assignments("nu", changes) == '{"A": "x y", "B": ""}'


def test_the_sources_are_clean() -> None:
    """As far as this machine has the tools to tell."""
    folder = resources()
    checks = [
        ["shellcheck", *map(str, sorted(folder.glob("*.bash"))), str(folder / "hook.sh")],
        *([*sh, "-n", str(folder / "hook.sh")] for sh in (["dash"], ["bash", "--posix"], ["busybox", "sh"])),
        ["zsh", "-n", str(folder / "hook.zsh")],
        ["zsh", "-n", str(folder / "complete.zsh")],
        ["bash", "-n", str(folder / "hook.bash")],
        ["fish", "-n", str(folder / "hook.fish")],
        ["fish", "-n", str(folder / "complete.fish")],
        ["tcsh", "-fn", str(folder / "hook.tcsh")],
    ]
    for check in checks:
        if shutil.which(check[0]):
            done = subprocess.run(check, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), check
