"""What runs the recipes: the code blocks of a page, a user's home with pyv set up, and a shell in it."""

from __future__ import annotations

import functools
import os
import pwd
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from filelock import FileLock

from tests.support.environments import RUNNING
from tests.support.projects import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TREE = Path(__file__).resolve().parents[2]
PAGE = TREE / "docs/recipes.md"
MINOR = ".".join(RUNNING.split(".")[:2])
# Two versions that every machine has: the one that runs the tests, and a relabelled patch of it
MAIN, OTHER = "3.12", "3.11"
_VERSIONS = {MAIN: MINOR, OTHER: f"{MINOR}.90"}
# How this machine reaches an index; tests take it away, so it is read before
_PIP = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("PIP_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
}
_FENCE = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 300


class Block(NamedTuple):
    """A block of code.

    Attributes:
        language: what stands behind its fence.
        file: the file that it is the content of, if the line before it says so.
        text: the code, with versions that there are.
    """

    language: str
    file: str
    text: str


def adapted(text: str) -> str:
    """Return a text with versions that there are in place of those that people read."""
    return re.sub(r"\b3\.1[12]\b", lambda found: _VERSIONS[found[0]], text)


@functools.cache
def sections() -> Mapping[str, tuple[Block, ...]]:
    """Return the blocks of each section of the page."""
    found = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        found[title] = tuple(Block(each[1], each[0], adapted(each[2])) for each in _FENCE.findall(body))
    return found


def blocks(title: str, language: str) -> list[str]:
    """Return the texts of a section's blocks in a language."""
    found = [each.text for each in sections()[title] if each.language == language and not each.file]
    assert found, f"{title} has no block of {language}"
    return found


def script(title: str) -> str:
    """Return all that a section has a shell do, the files that it names written where they are named."""
    lines = []
    for each in sections()[title]:
        if each.file:
            lines.append(f"mkdir -p \"$(dirname '{each.file}')\"; cat > '{each.file}' <<'END'\n{each.text}END\n")
        elif each.language == "sh":
            lines.append(each.text)
    return "".join(lines)


class User:
    """A user with pyv set up for bash, in a home folder of their own.

    Attributes:
        home: that folder.
        work: where projects are made.
        env: the environment of their shell.
    """

    def __init__(self, home: Path, mirror: str, shared: Path) -> None:
        self.home = home
        self.work = home / "work"
        self.work.mkdir(parents=True)
        commands = home / ".local/bin"
        program(commands / "pyv", f'#!/bin/sh\nexec "{sys.executable}" -m pyv "$@"\n')
        # What CI machines and images have; a venv that it makes is on the Python that the tests run on
        program(commands / "python3", f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python3" "$@"\n')
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYV_")}
        self.env = {
            **kept,
            **_PIP,
            **_configuration(),
            "HOME": str(home),
            "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin",
            "PYV_MIRROR": mirror,
            "no_proxy": f"127.0.0.1,{_PIP.get('no_proxy', _PIP.get('NO_PROXY', ''))}",
            # One for all tests of a session; a cache may be shared
            "PYV_CACHE_DIR": str(shared / "pyv"),
            "PIP_CACHE_DIR": str(shared / "pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "no",  # pip reads that as: do not compile, which takes half of the time
        }

    @property
    def root(self) -> Path:
        """The user's store."""
        return self.home / ".local/share/pyv"

    def set_up(self) -> None:
        """Do what the page expects to be done."""
        self.run("pyv init bash --install")

    def run(self, text: str, *, cwd: Path | None = None) -> str:
        """Have an interactive bash do something, and stop where something fails; returns what it printed."""
        words = ["bash", "-i", "-e", "-o", "pipefail", "-c", f"set -x\n{text}"]
        return self.start(words, cwd=cwd)

    def start(self, words: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a program successfully, and return what it printed."""
        done = subprocess.run(
            words,
            cwd=cwd or self.work,
            env=self.env if env is None else env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)[:200]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def recipe(self, title: str) -> str:
        """Run a section of the page, and return what it printed."""
        return self.run(script(title))

    def version(self, package: str, folder: Path) -> str:
        """Return the version of a package that the environment of a project has."""
        found = list(folder.glob(f".venv/lib/python*/site-packages/{package}-*.dist-info"))
        assert len(found) == 1, f"{package}: {found}"
        return found[0].name.removesuffix(".dist-info").partition("-")[2]


def _configuration() -> dict[str, str]:
    """Return what leads pip to the user's own configuration, which it looks for in HOME."""
    if "PIP_CONFIG_FILE" in _PIP:
        return {}
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    files = [home / ".config/pip/pip.conf", home / ".pip/pip.conf"]
    return next(({"PIP_CONFIG_FILE": str(file)} for file in files if os.access(file, os.R_OK)), {})


def need_index(folder: Path) -> None:
    """Skip the test where no package index can be reached."""
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "d"), "iniconfig"]
    env = {**os.environ, **_PIP, **_configuration(), "PIP_CACHE_DIR": str(folder / "pip")}
    done = subprocess.run(words, env=env, capture_output=True, timeout=_SECONDS, check=False)
    if done.returncode:
        pytest.skip("no package index can be reached")


def index_speaks_json() -> bool:
    """Tell whether PyPI, or what this machine has in its place, answers in JSON."""
    ask = (
        "import urllib.request as r; url = 'https://pypi.org/simple/iniconfig/';"
        "kind = 'application/vnd.pypi.simple.v1+json';"
        "print(r.urlopen(r.Request(url, headers={'Accept': kind}), timeout=30).headers['Content-Type'] == kind)"
    )
    env = {**os.environ, **_PIP}
    done = subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, text=True, check=False)
    return done.stdout == "True\n"


@contextmanager
def once(shared: Path, name: str) -> Iterator[Path | None]:
    """Yield a folder to be filled by the first who asks, all workers of the session together; None if it is filled."""
    with FileLock(shared / f"{name}.lock"):
        done = shared / f"{name}.done"
        yield None if done.exists() else shared / name
        done.touch()
