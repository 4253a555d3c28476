"""Interpreters that behave: prompt, certificates, tkinter, building, pip's refusal, and what comes along with them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.certificates import make_certificates
from tests.support.command import PYV, Result
from tests.support.environments import PYTHONS, every_python
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Offer

# As every program does that embeds a Python outside of the prefix that it was compiled for, it tells where that is
_EMBEDDING = r"""
#include <Python.h>

int main(void)
{
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyConfig_SetBytesString(&config, &config.program_name, PROGRAM);
    if (PyStatus_Exception(Py_InitializeFromConfig(&config)))
        return 2;
    PyConfig_Clear(&config);
    int status = PyRun_SimpleString("import json, sys; print(json.dumps([sys.prefix, 6 * 7]))");
    return Py_FinalizeEx() ? 1 : status;
}
"""


class Home(NamedTuple):
    """A home folder in which pyv has installed a CPython and made it the global one."""

    folder: Path
    version: str
    minor: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def prefix(self) -> Path:
        return self.store / "versions" / self.version

    def environment(self, **changes: str) -> dict[str, str]:
        path = f"{self.store}/shims:{os.environ['PATH']}"
        own = {"HOME": self.folder, "PYV_ROOT": self.store, "PYV_CACHE_DIR": self.folder / "cache", "PATH": path}
        return {**{name: str(value) for name, value in own.items()}, "PYV_OFFLINE": "1", **changes}

    def run(self, *command: str | Path, cwd: Path | None = None, **changes: str) -> Result:
        done = subprocess.run(
            [*command],
            env=self.environment(**changes),
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def pyv(self, *arguments: str | Path, cwd: Path | None = None) -> Result:
        result = self.run(*PYV, *arguments, cwd=cwd)
        assert result.status == 0, result.err
        return result


@pytest.fixture(scope="module")
def home(offered: Offer, tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"), offered.oldest, offered.minor)
    installed = made.run(*PYV, "install", made.version, PYV_MIRROR=str(offered.folder))
    assert installed.status == 0, installed.err
    made.pyv("global", made.minor)
    return made


@pytest.fixture
def project(home: Home, tmp_path: Path) -> Path:
    """Return a folder with an environment."""
    home.pyv("venv", cwd=tmp_path)
    return tmp_path


# The prompt


def without_colours(text: str) -> str:
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", "", text)


def edited(terminal: Terminal) -> None:
    """Type at a Python's prompt what comes out right only if the keys for editing do."""

    # What a terminal sends for an arrow depends on what it was told last
    arrow = "\x1bO" if "\x1b[?1h" in terminal.screen else "\x1b["

    def enter(keys: str, wanted: str) -> None:
        start = len(terminal.screen)
        terminal.send(keys + "\r")
        answer = re.compile(rf"\n[^\n>]*{wanted}\r")
        terminal.wait_until(lambda: answer.search(without_colours(terminal.screen[start:])) is not None)

    enter("print(70 + 9\x7f8)", "78")  # backspace
    enter(f"print(1){arrow}D2", "12")  # to the left
    enter(f"{arrow}A{arrow}D{arrow}D{arrow}D3", "312")  # upwards, to the line before
    terminal.send("exit()\r")


@every_python
def test_backspace_and_arrows_work_at_the_prompt_of_every_python(version: str, home: Home, tmp_path: Path) -> None:
    python = home.prefix / "bin/python3" if version == home.version else PYTHONS[version] / "bin/python3"
    if home.run(python, "-c", "import readline").status:
        pytest.skip(f"this Python {version} was built without readline")
    if not (home.store / "versions" / version).exists():
        home.pyv("link", version, PYTHONS[version])
    # The shim, and not the program itself: whatever is between them and the terminal would show
    with Terminal("bash", tmp_path, **home.environment(PYV_VERSION=version)) as terminal:
        terminal.send("python\n")
        terminal.wait_until(lambda: ">>> " in terminal.screen)
        edited(terminal)


# Certificates


class Site(NamedTuple):
    """A server that one authority vouches for, and the file of that authority."""

    url: str
    authority: Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served/page").write_text("trusted")
    certificates = make_certificates(tmp_path)
    with Server(tmp_path / "served", tls=certificates) as server:
        yield Site(server.url("/page"), certificates.authority)


_ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
# What a system has in /etc: its own bundle, or folder of authorities, and nothing where the others have theirs
_LAYOUTS = {
    "RHEL 8": "mkdir -p /etc/pki/tls/certs /etc/ssl && cp {ca} /etc/pki/tls/certs/ca-bundle.crt &&"
    " ln -s ca-bundle.crt /etc/pki/tls/cert.pem && ln -s ../pki/tls/certs /etc/ssl/certs",
    "Fedora": "mkdir -p /etc/pki/ca-trust/extracted/pem && cp {ca} /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "openSUSE": "mkdir -p /etc/ssl && cp {ca} /etc/ssl/ca-bundle.pem",
    "NixOS": "mkdir -p /etc/ssl/certs && cp {ca} /etc/ssl/certs/ca-certificates.crt",
    "Debian": "mkdir -p /etc/ssl/certs && cp {ca} /etc/ssl/certs/$(openssl x509 -hash -noout -in {ca}).0",
}
_SYSTEM = 'mount -t tmpfs none /etc && {layout} && shift && exec "$@"'


def on_a_system(home: Home, layout: str, *command: str | Path, certificates: str = "") -> Result:
    """Run a command where /etc is that of another system, which nobody else sees.

    Args:
        home: what it is run in.
        layout: makes that /etc.
        command: the command.
        certificates: the user's own choice (SSL_CERT_FILE), if any.
    """
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if shutil.which("unshare") is None or home.run(*unshare, "sh", "-c", "mount -t tmpfs none /etc").status:
        pytest.skip("this machine lets nobody see another /etc")
    if certificates:
        command = ("env", f"SSL_CERT_FILE={certificates}", *command)
    return home.run(*unshare, "sh", "-c", _SYSTEM.format(layout=layout), "sh", "--", *command)


@pytest.mark.parametrize("system", _LAYOUTS)
def test_the_systems_certificates_are_found_without_a_variable(
    system: str, home: Home, project: Path, site: Site
) -> None:
    layout = _LAYOUTS[system].format(ca=site.authority)
    for python in (home.prefix / "bin/python3", project / ".venv/bin/python"):
        result = on_a_system(home, layout, python, "-c", _ASK, site.url)
        assert (result.status, result.out) == (0, "trusted\n"), result.err
    said = on_a_system(home, layout, *PYV, "doctor").out
    assert "finds no certificates" not in said


def test_the_users_own_variable_decides_alone_and_where_nothing_is_doctor_names_it(home: Home, site: Site) -> None:
    rhel, python = _LAYOUTS["RHEL 8"].format(ca=site.authority), home.prefix / "bin/python3"
    refused = on_a_system(home, rhel, python, "-c", _ASK, site.url, certificates="/nonexistent")
    assert (refused.status, "CERTIFICATE_VERIFY_FAILED" in refused.err) == (1, True)
    bare = on_a_system(home, "true", python, "-c", _ASK, site.url)
    assert (bare.status, "CERTIFICATE_VERIFY_FAILED" in bare.err) == (1, True)
    said = on_a_system(home, "true", *PYV, "doctor").out
    assert f"{home.version} finds no certificates" in said
    assert "    install the system's package ca-certificates\n" in said


# tkinter, IDLE, pydoc


def test_tkinter_finds_its_library_in_an_environment(home: Home, project: Path) -> None:
    if home.run(home.prefix / "bin/python3", "-c", "import _tkinter").status:
        pytest.skip("the archive has no tkinter")
    result = home.run("python", "-c", "import sys, tkinter; print(tkinter.Tcl().eval('info library'))", cwd=project)
    assert (result.status, Path(result.out.strip(), "init.tcl").is_file()) == (0, True), result


@pytest.mark.parametrize("where", ["project", "environment"])
def test_pydoc_and_idle_start_from_shims(home: Home, tmp_path: Path, where: str) -> None:
    if where == "environment":
        home.pyv("venv", "--without-pip", cwd=tmp_path)
    for name in ("pydoc3", f"pydoc{home.minor}"):
        result = home.run(name, "json", cwd=tmp_path)
        assert (result.status, f"/lib/python{home.minor}/json/__init__.py" in result.out) == (0, True), result
    if home.run(home.prefix / "bin/python3", "-c", "import _tkinter").status:
        pytest.skip("the archive has no tkinter")
    for name in ("idle3", f"idle{home.minor}"):
        result = home.run(name, "-h", cwd=tmp_path)
        assert "USAGE: idle" in result.out + result.err, result


# Building


def test_python_config_names_what_is_there(home: Home, tmp_path: Path) -> None:
    for name in ("python3-config", f"python{home.minor}-config"):
        assert home.run(name, "--prefix", cwd=tmp_path).out == f"{home.prefix}\n"
        flags = home.run(name, "--includes", cwd=tmp_path).out.split()
        assert all(Path(flag[2:], "Python.h").is_file() for flag in flags), flags


@pytest.mark.parametrize("where", ["project", "environment"])
def test_python_can_be_embedded_in_a_program(home: Home, tmp_path: Path, where: str) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    if where == "environment":
        home.pyv("venv", "--without-pip", cwd=tmp_path)
    (tmp_path / "program.c").write_text(_EMBEDDING)
    flags = home.run("python3-config", "--embed", "--cflags", "--ldflags", cwd=tmp_path)
    assert flags.status == 0, flags.err
    own = [f'-DPROGRAM="{home.prefix}/bin/python3"', f"-Wl,-rpath,{home.prefix}/lib"]
    built = home.run(compiler, "program.c", "-o", "program", *own, *flags.out.split(), cwd=tmp_path)
    assert built.status == 0, built.err
    result = home.run(tmp_path / "program", cwd=tmp_path)
    assert (result.status, result.out) == (0, f'["{home.prefix}", 42]\n'), result.err


# pip


def test_ensurepip_works_in_an_environment(home: Home, tmp_path: Path) -> None:
    home.pyv("venv", "--without-pip", cwd=tmp_path)
    assert home.run("pip", "--version", cwd=tmp_path).status == 127
    result = home.run("python", "-m", "ensurepip", cwd=tmp_path)
    assert result.status == 0, result.err
    assert f"{tmp_path}/.venv" in home.run(f"pip{home.minor}", "--version", cwd=tmp_path).out


def test_everything_that_pips_refusal_says_works(home: Home, tmp_path: Path) -> None:
    found = tmp_path / "wheels"
    found.mkdir()
    wheel(found, "poetry")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(found)}
    work = tmp_path / "project"
    work.mkdir()
    wanted = ("pip", "install", "poetry")
    refused = home.run(*wanted, cwd=work, **pip)
    assert (refused.status, "externally-managed-environment" in refused.err) == (1, True)
    said = [line.strip()[2:] for line in refused.err.splitlines() if line.strip().startswith("$ ")]
    assert [line.split()[:2] for line in said] == [
        ["pyv", "venv"],
        ["pyv", "venv"],
        ["~/.local/share/poetry/bin/pip", "install"],
        ["ln", "-s"],
        ["pyv", "install"],
    ]
    (home.folder / ".local/bin").mkdir(parents=True)  # where pyv's own command is
    for line in said[:4]:
        result = home.run("sh", "-c", line, cwd=work, **pip)
        assert result.status == 0, (line, result.err)
    own = home.folder / ".local/share/poetry"
    assert f"home = {home.store}/versions/{home.minor}/bin\n" in (own / "pyvenv.cfg").read_text()
    # In every folder, with a shim of that name before it on PATH, and without
    pinned = tmp_path / "pinned"
    pinned.mkdir()
    home.pyv("local", home.version, cwd=pinned)
    path = f"{home.environment()['PATH']}:{home.folder}/.local/bin"
    for place in (work, tmp_path, pinned):
        for shim in (False, True):
            if shim:
                home.pyv("rehash")
            else:
                (home.store / "shims/poetry").unlink(missing_ok=True)
            result = home.run("poetry", cwd=place, PATH=path)
            assert (result.status, result.out) == (0, "1.0\n"), (place, result.err)
            assert (home.store / "shims/poetry").exists() == shim
    result = home.run(*wanted, cwd=work, **pip)
    assert result.status == 0, result.err
    assert (work / ".venv/bin/poetry").exists()
    # The last one opens the interpreter, and is taken back for the other tests
    outside = tmp_path / "outside"
    outside.mkdir()
    assert home.run("sh", "-c", said[4], cwd=outside).status == 0
    try:
        assert home.run(*wanted, cwd=outside, **pip).status == 0
        assert (home.prefix / "bin/poetry").exists()
    finally:
        assert home.run("pip", "uninstall", "-y", "poetry", cwd=outside).status == 0
