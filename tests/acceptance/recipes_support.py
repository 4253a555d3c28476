"""What runs the recipes: the code blocks of a page, a user's home with pyv set up, and a shell in it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance import pages
from tests.acceptance.package_index import SETTINGS, configuration
from tests.support.environments import RUNNING
from tests.support.projects import program

if TYPE_CHECKING:
    from collections.abc import Mapping

TREE = Path(__file__).resolve().parents[2]
PAGE = TREE / "docs/recipes.md"
MINOR = ".".join(RUNNING.split(".")[:2])
# Two versions that every machine has: the one that runs the tests, and a relabelled patch of it
MAIN, OTHER = "3.12", "3.11"
_VERSIONS = {MAIN: MINOR, OTHER: f"{MINOR}.90"}
_SECONDS = 300


def adapted(text: str) -> str:
    """Return a text with versions that there are in place of those that people read."""
    return re.sub(r"\b3\.1[12]\b", lambda found: _VERSIONS[found[0]], text)


@functools.cache
def sections() -> Mapping[str, tuple[pages.Block, ...]]:
    """Return the blocks of each section of the page."""
    return {
        title: tuple(block._replace(text=adapted(block.text)) for block in found)
        for title, found in pages.read(PAGE).items()
    }


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
            **SETTINGS,
            **configuration(),
            "HOME": str(home),
            "SHELL": "/bin/bash",
            "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin",
            "PYV_MIRROR": mirror,
            "no_proxy": f"127.0.0.1,{SETTINGS.get('no_proxy', SETTINGS.get('NO_PROXY', ''))}",
            # One for all tests of a session; a cache may be shared
            "PYV_CACHE_DIR": str(shared / "pyv"),
            "PIP_CACHE_DIR": str(shared / "pip"),
            "PIP_DISABLESETTINGS_VERSION_CHECK": "1",
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


def index_speaks_json() -> bool:
    """Tell whether PyPI, or what this machine has in its place, answers in JSON: of a project, and of each version."""
    ask = (
        "import urllib.request as r; url = 'https://pypi.org/simple/iniconfig/';"
        "kind = 'application/vnd.pypi.simple.v1+json';"
        "r.urlopen('https://pypi.org/pypi/iniconfig/2.0.0/json', timeout=30).close();"
        "print(r.urlopen(r.Request(url, headers={'Accept': kind}), timeout=30).headers['Content-Type'] == kind)"
    )
    env = {**os.environ, **SETTINGS}
    done = subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, text=True, check=False)
    return done.stdout == "True\n"
