"""What the completions of shells offer: every command, every option, and the words that a command takes."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from pyv.cli.group import pyv as group
from tests.support.command import environment, pyv
from tests.support.stores import make_version

# All in one process, for there are many commands
_ALL = """
import contextlib, io, json, sys
from pyv.cli import run
found = {}
for name in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run(["completions", *([name] if name else [])]) == 0, name
    found[name] = out.getvalue().splitlines()
print(json.dumps(found))
"""
with click.Context(group) as _context:
    COMMANDS = {name: group.get_command(_context, name) for name in group.list_commands(_context)}


@pytest.fixture(scope="module")
def offered_words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return for each command what can follow it, in a store with one version."""
    root = tmp_path_factory.mktemp("completed")
    make_version(root, "3.12.7", "black", links=("3.12",))
    done = subprocess.run(
        [sys.executable, "-c", _ALL, "", *COMMANDS],
        env=environment(PYV_ROOT=str(root), PYV_CACHE_DIR=str(root / "cache"), PYV_MIRROR="", HOME=str(root)),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def long_options(command: click.Command) -> set[str]:
    parts = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    options = [each for part in parts for each in part.params if isinstance(each, click.Option) and not each.hidden]
    return {spelling for option in options for spelling in option.opts if spelling.startswith("--")}


def test_every_command_is_offered(offered_words: dict[str, list[str]]) -> None:
    assert set(COMMANDS) | {"--help", "--version"} == set(offered_words[""])
    assert set(COMMANDS) <= set(offered_words["help"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_offered_once(name: str, offered_words: dict[str, list[str]]) -> None:
    command = COMMANDS[name]
    assert command is not None
    words = offered_words[name]
    assert long_options(command) | {"--help"} == {word for word in words if word.startswith("-")}
    assert len(words) == len(set(words))


def test_the_words_that_a_command_takes_are_offered(offered_words: dict[str, list[str]]) -> None:
    assert {"dir", "size", "clean"} <= set(offered_words["cache"])
    assert "update" in offered_words["index"]
    assert {"pyenv", "uv"} <= set(offered_words["import"])
    assert {"bash", "zsh", "fish"} <= set(offered_words["init"])
    assert "3.12.7" in offered_words["uninstall"]
    assert {"system", "3.12", "3.12.7"} <= set(offered_words["local"])
    assert {"3", "3.12", "pypy3.10"} <= set(offered_words["install"])


def test_a_command_that_there_is_not_has_no_words_and_that_shows() -> None:
    assert pyv("completions", "nosuch") == (1, "", "")
