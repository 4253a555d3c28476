"""`pyv exec`, and what a shim hands over to it: pip, missing versions, and what its caller gets to see."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PYV, environment, pyv, start, store
from tests.support.seeds import small_wheel
from tests.support.stores import know, make_environment, make_version, program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Offer
    from tests.support.server import Server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project pinned to 3.12, and be in it."""
    make_version(store(), "3.11.8", links=("3.11",))
    make_version(store(), "3.12.7", links=("3.12", "3"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".python-version").write_text("3.12\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    assert pyv("rehash").status == 0
    return folder


def on_terminal(answer: str, *words: str | Path, cwd: Path, **changes: str) -> tuple[int, str]:
    """Run a command on a terminal, type an answer, and return its exit status and all that is seen."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - another process
        try:
            os.chdir(cwd)
            os.execve(words[0], [os.fspath(word) for word in words], environment(**changes))  # noqa: S606 - see above
        finally:
            os._exit(99)
    os.write(terminal, answer.encode())
    seen = b""
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")


# What it runs, and what that sees


@pytest.mark.usefixtures("project")
def test_arguments_are_never_taken_for_its_own() -> None:
    result = pyv("exec", "python", "--help", "-h", "--version", "--", "-c")
    assert result.lines[1:] == ["--help", "-h", "--version", "--", "-c"]
    assert pyv("exec", "--", "python", "x").lines[1:] == ["x"]


def test_without_a_command_it_says_what_to_type() -> None:
    result = pyv("exec")
    assert result.status == 2
    assert "pyv exec" in result.err


@pytest.mark.usefixtures("project")
def test_the_environment_gets_the_shims_on_path_and_nothing_else() -> None:
    program(store() / "versions/3.12.7/bin/show", "exec /usr/bin/env -0")
    given = {key: value for key, value in os.environ.items() if key != "LC_CTYPE"}
    done = subprocess.run([*PYV, "exec", "show"], env=given, capture_output=True, text=True, check=True)
    got = dict(each.split("=", 1) for each in done.stdout.split("\0") if each)
    got.pop("_", None)
    got.pop("OLDPWD", None)
    got.pop("SHLVL", None)
    given["PATH"] = f"{store()}/shims:{given['PATH']}"
    given.pop("_", None)
    given.pop("OLDPWD", None)
    given.pop("SHLVL", None)
    assert got == given


@pytest.mark.usefixtures("project")
def test_signals_that_python_ignores_are_not_ignored_by_the_command() -> None:
    program(store() / "versions/3.12.7/bin/show", "grep SigIgn /proc/self/status")
    if sys.platform != "linux":
        pytest.skip("only Linux tells")
    ignored = int(pyv("exec", "show").out.split()[1], 16)
    assert not ignored & (1 << 12)  # SIGPIPE is 13


@pytest.mark.usefixtures("project")
def test_the_exit_status_is_the_commands() -> None:
    program(store() / "versions/3.12.7/bin/show", "exit 42")
    assert pyv("exec", "show").status == 42
    program(store() / "versions/3.12.7/bin/show", "kill -9 $$")
    assert pyv("exec", "show").status == -9


@pytest.mark.usefixtures("project")
def test_what_cannot_be_started_is_said_in_two_lines() -> None:
    program(store() / "versions/3.12.7/bin/show").write_text("#!/nonexistent/interpreter\n")
    result = pyv("exec", "show")
    assert (result.status, result.out) == (127, "")
    assert "cannot be started" in result.err
    assert len(result.err.splitlines()) == 2


def test_an_unknown_environment_is_named_by_the_shim_on_a_terminal(project: Path) -> None:
    make_environment(project / ".venv", store() / "versions/3.12/bin")
    shim = store() / "shims/python"
    status, seen = on_terminal("", shim, "x", cwd=project)
    assert status == 0
    assert "pyv trust" in seen
    assert str(project / ".venv") in seen
    assert "pyv trust" not in on_terminal("", shim, "x", cwd=project, PYV_HOOK="bash")[1]
    assert "pyv trust" in on_terminal("", shim, "x", cwd=project, PYV_DIR=str(project))[1]
    done = subprocess.run([shim, "x"], cwd=project, env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    know(store(), project / ".venv")
    assert "pyv trust" not in on_terminal("", shim, "x", cwd=project)[1]


# pip, after which shims come and go


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("line", [["pip"], ["pip3"], ["pip3.12"], ["python", "-m", "pip"], ["python3.12", "-mpip"]])
@pytest.mark.parametrize("through", ["shim", "exec"])
def test_what_pip_brings_has_a_shim_at_once(line: list[str], through: str) -> None:
    binaries = store() / "versions/3.12.7/bin"
    brings = f'printf "#!/bin/sh\\necho brought\\n" > {binaries}/brought; chmod +x {binaries}/brought; exit 5'
    for name in ("pip", "pip3", "pip3.12", "python", "python3.12"):
        program(binaries / name, brings)
    words = [str(store() / "shims" / line[0]), *line[1:]] if through == "shim" else [*PYV, "exec", *line]
    done = subprocess.run([*words, "install", "x"], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    shim = store() / "shims/brought"
    assert subprocess.run([shim], env=environment(), capture_output=True, text=True, check=True).stdout == "brought\n"
    program(binaries / line[0], f"rm {binaries}/brought")
    subprocess.run([*words, "uninstall", "x"], env=environment(), check=True)
    assert not shim.exists()


def test_what_pip_brings_to_a_known_environment_has_a_shim_at_once(project: Path) -> None:
    venv = make_environment(project / ".venv", store() / "versions/3.12/bin")
    program(venv / "bin/pip", f'cp "$0" {venv}/bin/brought')
    know(store(), venv)
    subprocess.run([store() / "shims/pip", "install", "x"], env=environment(), cwd=project, check=True)
    assert (store() / "shims/brought").exists()


@pytest.mark.usefixtures("project")
def test_pip_reads_what_is_typed_and_is_ended_by_a_signal() -> None:
    program(store() / "versions/3.12.7/bin/pip", 'read -r line; echo "got $line"; echo ready; exec sleep 60')
    shim = store() / "shims/pip"
    with subprocess.Popen(
        [shim], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("a line\n")
        process.stdin.flush()
        assert process.stdout.readline() == "got a line\n"
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(30) == -15


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("signal_name", ["KILL", "TERM", "ABRT"])
def test_a_pip_that_is_killed_ends_its_shim_alike(signal_name: str) -> None:
    program(store() / "versions/3.12.7/bin/pip", f"kill -{signal_name} $$")
    done = subprocess.run([store() / "shims/pip"], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == -getattr(signal, f"SIG{signal_name}")
    assert done.stderr == ""


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "flags", [["-Im"], ["-u", "-m"], ["-I", "-m"], ["-um"], ["-X", "utf8", "-W", "ignore", "-sE", "-m"]]
)
def test_flags_before_the_module_do_not_hide_pip(flags: list[str]) -> None:
    binaries = store() / "versions/3.12.7/bin"
    program(binaries / "python", f'printf "#!/bin/sh\n" > {binaries}/brought; chmod +x {binaries}/brought')
    for line in ([store() / "shims/python"], [*PYV, "exec", "python"]):
        subprocess.run([*line, *flags, "pip", "install", "x"], env=environment(), check=True)
        assert (store() / "shims/brought").exists()
        (store() / "shims/brought").unlink()


@pytest.mark.usefixtures("mirror")
def test_a_command_that_the_real_pip_installs_runs_at_once(offered: Offer, tmp_path: Path) -> None:
    assert pyv("install", "-q", "--allow-pip", offered.oldest).status == 0
    wheel = small_wheel(tmp_path, "1.0", name="brought")
    run = {"PYV_VERSION": offered.oldest, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    shims = store() / "shims"

    def run_shim(name: str, *words: str | Path) -> str:
        done = subprocess.run(
            [shims / name, *words], env=environment(**run), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run_shim("pip", "install", "-q", wheel)
    assert run_shim("brought") == "1.0\n"
    run_shim("pip", "uninstall", "-q", "-y", "brought")
    assert not (shims / "brought").exists()


# Versions that are missing


def test_without_a_terminal_a_missing_version_is_an_error_at_once(
    mirror: Server, offered: Offer, tmp_path: Path
) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.minor}\n")
    (store() / "versions").mkdir(parents=True)
    result = pyv("exec", "python", cwd=tmp_path)
    assert (result.status, result.out) == (127, "")
    assert f"pyv install {offered.minor}" in result.err
    assert mirror.requests == []


def test_a_shim_ends_with_127_whatever_is_wrong(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.12.7\n")
    for policy, said, status in (("bogus", "PYV_AUTO_INSTALL is 'bogus'", 2), ("always", "offline", 4)):
        for words, expected in ((["exec", "--shim", "python"], 127), (["exec", "python"], status)):
            result = pyv(*words, cwd=tmp_path, PYV_AUTO_INSTALL=policy, PYV_OFFLINE="1")
            assert (result.status, said in result.err) == (expected, True)


def test_a_missing_version_that_cannot_be_had_is_not_said_to_be_installable(mirror: Server, tmp_path: Path) -> None:
    (store() / "versions").mkdir(parents=True)
    result = pyv("exec", "python", cwd=tmp_path, PYV_VERSION="2.7", PYV_MIRROR="")
    assert result.status == 127
    wanted = (
        "2.7 is not installed, pinned by PYV_VERSION\n     installed: nothing; no build of 2.7 is known; the newest"
    )
    assert wanted in result.err
    (tmp_path / ".python-version").write_text("9.9\n")
    line = [sys.executable, "-m", "pyv", "exec", "python"]
    status, seen = on_terminal("y\n", *line, cwd=tmp_path, PYV_MIRROR="")
    assert (status, "now?" in seen) == (127, False)
    assert f"9.9 is not installed, pinned by {tmp_path}/.python-version:1" in seen
    assert mirror.requests == []


def test_asked_on_a_terminal_it_installs_only_after_a_yes(mirror: Server, offered: Offer, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.oldest}\n")
    line = [sys.executable, "-m", "pyv", "exec", "python", "-c", "print('it', 'runs')"]
    for answer in ("\n", "n\n"):
        status, seen = on_terminal(answer, *line, cwd=tmp_path)
        assert status == 127
        assert f"{offered.oldest} is not installed, pinned by {tmp_path}/.python-version:1. Install it now?" in seen
    assert mirror.requests == []
    status, seen = on_terminal("y\n", *line, cwd=tmp_path)
    assert status == 0, seen
    assert "it runs" in seen


def test_never_and_always(mirror: Server, offered: Offer, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.oldest}\n")
    line = [sys.executable, "-m", "pyv", "exec", "python", "-c", "print('it', 'runs')"]
    status, seen = on_terminal("y\n", *line, cwd=tmp_path, PYV_AUTO_INSTALL="never")
    assert status == 127
    assert "now?" not in seen
    assert mirror.requests == []
    result = pyv(*line[3:], cwd=tmp_path, PYV_AUTO_INSTALL="always")
    assert (result.status, result.out) == (0, "it runs\n")
    assert "installed" in result.err
    # and what was removed does not come back by itself, until it is asked for
    assert pyv("uninstall", "-y", offered.oldest).status == 0
    asked = len(mirror.requests)
    result = pyv(*line[3:], cwd=tmp_path, PYV_AUTO_INSTALL="always")
    assert (result.status, result.out) == (127, "")
    assert f"installed: nothing; {offered.oldest} was uninstalled" in result.err
    assert len(mirror.requests) == asked
    assert pyv("install", offered.oldest).status == 0
    assert pyv(*line[3:], cwd=tmp_path, PYV_AUTO_INSTALL="always").out == "it runs\n"


@pytest.mark.usefixtures("mirror")
def test_a_project_can_forbid_it_and_not_allow_it(offered: Offer, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.oldest}\n")
    (tmp_path / "pyproject.toml").write_text('[tool.pyv]\nauto-install = "always"\n')
    assert pyv("exec", "python", "-V", cwd=tmp_path).status == 127
    (tmp_path / "pyproject.toml").write_text('[tool.pyv]\nauto-install = "never"\n')
    config = tmp_path / "config"
    (config / "pyv").mkdir(parents=True)
    (config / "pyv/config.toml").write_text('auto-install = "always"\n')
    assert pyv("exec", "python", "-V", cwd=tmp_path, XDG_CONFIG_HOME=str(config)).status == 127
    (tmp_path / "pyproject.toml").write_text('[tool.pyv]\nauto-install = "sometimes"\n')
    result = pyv("exec", "python", "-V", cwd=tmp_path)
    assert result.status == 2
    assert "pyproject.toml" in result.err
    (tmp_path / "pyproject.toml").unlink()
    assert pyv("exec", "python", "-V", cwd=tmp_path, XDG_CONFIG_HOME=str(config)).status == 0


@pytest.mark.usefixtures("mirror")
def test_what_cannot_be_installed_is_an_error_in_the_end(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.99\n")
    result = pyv("exec", "python", "-V", cwd=tmp_path, PYV_AUTO_INSTALL="always")
    assert (result.status, result.out) == (127, "")
    assert f"{tmp_path}/.python-version:1: there is no build of 3.99" in result.err
    assert len(result.err.splitlines()) == 2


@pytest.mark.usefixtures("mirror")
def test_many_at_once_install_it_once(mirror: Server, offered: Offer, tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text(f"{offered.oldest}\n")
    monkey = {"PYV_AUTO_INSTALL": "always", "PYV_DIR": str(tmp_path)}
    running = [start("exec", "python", "-c", "print('it', 'runs')", **monkey) for _ in range(6)]
    assert [each.communicate(timeout=200)[0] for each in running] == ["it runs\n"] * 6
    assert len([path for path in mirror.paths if path.endswith(".tar.gz")]) == 1
    time.sleep(0)
