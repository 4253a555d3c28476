"""The hooks among what users have in their shells: options, handlers, aliases, odd folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support import projects
from tests.support.command import store
from tests.support.terminal import Terminal, need, rc_file

ALL = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])


def start(shell: str, cwd: Path, *, before: str = "", after: str = "", **changes: str) -> Terminal:
    """Start a shell with lines before and after the hook in its rc file."""
    need(shell)
    projects.make_store("3.12.7")
    rc = rc_file(shell)
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(f"{before}\n")
    projects.set_up(shell)
    with rc.open("a") as file:
        file.write(f"{after}\n")
    return Terminal(shell, cwd, **changes)


def switches(terminal: Terminal, folder: Path, venv: Path) -> None:
    """Go into a project and out again, and see that it works."""
    plain = terminal.path()
    terminal.type(f"cd '{folder}'")
    assert terminal.path() == [f"{venv}/bin", *plain]
    terminal.type("cd /")
    assert terminal.path() == plain


@pytest.mark.parametrize(
    "command",
    [
        "PROMPT_COMMAND='echo told >> $HOME/told'",
        "PROMPT_COMMAND='echo told >> $HOME/told;'",
        "PROMPT_COMMAND='echo told >> $HOME/told; '",
        "PROMPT_COMMAND=$'echo x >/dev/null\\necho told >> $HOME/told\\n'",
        "PROMPT_COMMAND=(true 'echo told >> $HOME/told')",
        "PROMPT_COMMAND=('echo told >> $HOME/told;' '')",
    ],
)
def test_prompt_commands_go_on_working(command: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    with start("bash", Path("/"), before=command) as terminal:
        switches(terminal, tmp_path, venv)
        told = Path(os.environ["HOME"], "told")
        before = len(told.read_text().splitlines())
        terminal.type("true")
        assert len(told.read_text().splitlines()) > before
        terminal.type(f". '{rc_file('bash')}'")
        assert terminal.ask('"${PROMPT_COMMAND[*]}"').count("_pyv_prompt") == 1


def test_an_exported_prompt_command_is_nothing_to_shells_without_the_hook(tmp_path: Path) -> None:
    with start("bash", tmp_path, before="export PROMPT_COMMAND=true") as terminal:
        assert terminal.ask('"$(bash -uc \'eval "$PROMPT_COMMAND"\' 2>&1)"') == ""


def test_what_is_appended_to_the_prompt_command_sees_the_status(tmp_path: Path) -> None:
    with start("bash", tmp_path, before="IFS=_p") as terminal:
        terminal.type("PROMPT_COMMAND=\"$PROMPT_COMMAND\"$'\\nseen=$?'")
        terminal.send("sh -c 'exit 42'\n")
        assert terminal.ask("$seen") == "42"


@pytest.mark.parametrize("line", ["setopt sh_glob", "emulate sh", "emulate ksh"])
def test_the_hook_of_zsh_is_read_whatever_the_options(line: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    with start("zsh", Path("/"), before=f"{line}; setopt prompt_subst no_aliases") as terminal:
        switches(terminal, tmp_path, venv)
        assert terminal.ask('"${options[aliases]}"') == "off"


@ALL
def test_the_prompt_sees_the_status_of_the_last_command(shell: str, tmp_path: Path) -> None:
    lines = {
        "bash": "PROMPT_COMMAND='seen=$?'",
        "zsh": "note_status() { seen=$? }; precmd_functions=(note_status)",
        "fish": "function fish_prompt; set -g seen $status; echo '> '; end",
    }
    projects.make_venv(tmp_path / ".venv")
    with start(shell, Path("/"), before=lines[shell]) as terminal:
        for folder in ("/", tmp_path):
            terminal.type(f"cd '{folder}'")
            terminal.send("sh -c 'exit 42'\n")
            assert terminal.ask("$seen") == "42", folder


def test_the_handlers_of_zsh_go_on_working(tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    told = tmp_path / "told"
    lines = f"""
tell() {{ echo $1 >> '{told}' }}
chpwd() {{ tell chpwd }}
precmd() {{ tell precmd }}
other() {{ tell $VIRTUAL_ENV }}
chpwd_functions=(other)
precmd_functions+=(other)
"""
    with start("zsh", Path("/"), before=lines) as terminal:
        switches(terminal, tmp_path, venv)
        words = told.read_text().split()
        assert {"chpwd", "precmd", str(venv)} <= set(words)
        terminal.type(f". '{rc_file('zsh')}'")
        terminal.type(". $_pyv_root/hooks/pyv.zsh")
        assert terminal.ask('"$chpwd_functions $precmd_functions"').split().count("_pyv_prompt") == 1
        assert terminal.ask('"$chpwd_functions"').split().count("_pyv_follow") == 1


def test_the_handlers_of_fish_go_on_working(tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    told = tmp_path / "told"
    lines = f"""
function on_cd --on-variable PWD; echo cd >> '{told}'; end
function on_prompt --on-event fish_prompt; echo prompt >> '{told}'; end
"""
    with start("fish", Path("/"), before=lines) as terminal:
        switches(terminal, tmp_path, venv)
    assert set(told.read_text().split()) == {"cd", "prompt"}


def test_a_prompt_chosen_inside_a_project_stays(tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv")
    with start("fish", tmp_path) as terminal:
        assert terminal.prompt.startswith("(")
        terminal.type("function fish_prompt; echo 'mine> '; end")
        terminal.type("cd /")
        assert terminal.prompt == "mine> "
        terminal.type(f"cd '{tmp_path}'")
        assert terminal.prompt == f"({tmp_path.name}) mine> "


def test_cd_of_the_users_own_stays(tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / ".venv")
    mine = 'cd() { builtin cd "$@" && mine="$PWD"; }; alias pushd="builtin pushd"'
    with start("bash", Path("/"), before=mine) as terminal:
        switches(terminal, tmp_path, venv)
        assert terminal.ask('"$mine"') == "/"
        terminal.type(f"pushd '{tmp_path}'")
        assert terminal.venv == str(venv)


def test_cd_fails_as_it_does_without_the_hook() -> None:
    with start("bash", Path("/")) as terminal:
        assert terminal.ask('"$(cd /nowhere 2>&1; echo $?; cd /tmp; echo $?; CDPATH=/usr cd bin; pwd)"').splitlines()[
            1:
        ] == ["1", "0", "/usr/bin", "/usr/bin"]


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "set -eu"),
        ("bash", "set -euo pipefail; set -C -f"),
        ("bash", "set -o posix"),
        ("bash", "set -E; trap 'echo trapped >> $HOME/trapped' ERR"),
        ("bash", "shopt -s nullglob failglob nocasematch extglob"),
        ("bash", "IFS=/.:v"),
        ("bash", "alias cd='cd -P' local=false read=false case=false set=false"),
        ("bash", "CDPATH=/usr"),
        ("zsh", "setopt nounset errexit pipefail noclobber"),
        ("zsh", "setopt errreturn"),
        ("zsh", "setopt ksharrays shwordsplit globsubst ksh_glob"),
        ("zsh", "setopt extendedglob nullglob cshnullglob rcquotes nobareglobqual"),
        ("zsh", "setopt noglob globassign magicequalsubst rcexpandparam"),
        ("zsh", "IFS=/.:v"),
        ("zsh", "alias local=false typeset=false emulate=false setopt=false; alias -g env=x venv=y"),
        ("zsh", "typeset -U path; setopt autocd autopushd pushdignoredups chaselinks"),
        ("fish", "set -g fish_user_paths /mine"),
        ("fish", "set -g IFS /.:v"),
    ],
)
def test_whatever_is_set_in_the_shell(shell: str, line: str, tmp_path: Path) -> None:
    """Both before the hook is read and while it works."""
    venv = projects.make_venv(tmp_path / "project/.venv", "3.12.7")
    (tmp_path / "project/.python-version").write_text("3.12.7\n")
    with start(shell, Path("/"), before=line) as terminal:
        switches(terminal, tmp_path / "project", venv)
        terminal.type("pyv shell --force 3.11")
        assert terminal.environment()["PYV_VERSION"] == "3.11"
        shown = terminal.type("")
        for word in ("error", "unbound", "not set", "bad ", "unexpected"):
            assert word not in shown.replace(str(tmp_path), ""), shown
    assert not Path(os.environ["HOME"], "trapped").exists()


def test_a_trace_is_not_flooded(tmp_path: Path) -> None:
    projects.make_venv(tmp_path / ".venv")
    with start("bash", Path("/")) as terminal:
        terminal.type("set -x")
        shown = terminal.type("true")
        assert "+ true" in shown
        assert "pyvenv.cfg" not in shown
        assert "_pyv_find" not in shown


@ALL
@pytest.mark.parametrize(
    "name", ["a b", "a'b", 'a"b', "a\nb", "ä€𝄞", "*", "[x]", "$HOME", "-n", "a\\b", "a;b", "~", "%s"]
)
def test_folders_of_any_name(shell: str, name: str, tmp_path: Path) -> None:
    venv = projects.make_venv(tmp_path / name / ".venv", "3.12.7")
    with start(shell, tmp_path, LANG="C.UTF-8") as terminal:
        link = tmp_path / "link"
        link.symlink_to(tmp_path / name)
        physically = "cd (realpath . | string collect)" if shell == "fish" else "cd -P ."
        terminal.type(f"cd '{link}' && {physically}")
        found = terminal.environment()
        assert found["VIRTUAL_ENV"] == str(venv)
        assert found["PATH"].startswith(f"{venv}/bin:")
        terminal.type("cd /")
        assert terminal.venv == ""


@ALL
def test_a_folder_with_a_colon_is_never_put_on_path(shell: str, tmp_path: Path) -> None:
    projects.make_venv(tmp_path / "a:b/.venv")
    with start(shell, tmp_path) as terminal:
        plain = terminal.path()
        terminal.type("cd 'a:b'")
        assert terminal.path() == plain


@ALL
def test_a_deleted_folder_is_no_trouble(shell: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    with start(shell, tmp_path / "gone") as terminal:
        shutil.rmtree(tmp_path / "gone")
        assert "error" not in terminal.type("")
        venv = projects.make_venv(tmp_path / "project/.venv")
        switches(terminal, tmp_path / "project", venv)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_folder_variable_that_lies_is_no_trouble(shell: str, tmp_path: Path) -> None:
    with start(shell, tmp_path) as terminal:
        for lie in (".", "", "nowhere", "/nowhere/at/all", "//"):
            terminal.type(f"PWD={lie}")
            assert terminal.venv == ""


@ALL
def test_a_folder_whose_parents_cannot_be_read_is_no_trouble(shell: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    with start(shell, closed / "inner") as terminal:
        closed.chmod(0o000)
        try:
            assert "denied" not in terminal.type("").replace("touch", "")
            assert terminal.venv == ""
        finally:
            closed.chmod(0o755)


@ALL
def test_a_store_of_any_name_is_found(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYV_ROOT", f'{tmp_path}/it\'s a "store" $HOME `x` \\ !é')
    venv = projects.make_venv(tmp_path / "project/.venv")
    with start(shell, tmp_path, LANG="C.UTF-8") as terminal:
        assert terminal.path()[0] == str(store() / "shims")
        switches(terminal, tmp_path / "project", venv)
