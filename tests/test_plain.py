"""Command lines that are understood without click mean what they mean to click."""

from __future__ import annotations

import click
import pytest

from pyv.cli import plain
from pyv.cli.group import pyv as group


@pytest.mark.parametrize("command", sorted(plain.COMMANDS))
def test_plain_flags_are_flags_of_the_same_name_in_click(command: str) -> None:
    with click.Context(group) as context:
        known = group.get_command(context, command)
    assert known is not None
    flags = {
        spelling: option.name
        for option in known.params
        if isinstance(option, click.Option) and option.is_flag
        for spelling in option.opts
    }
    spoken = plain.COMMANDS[command]
    assert dict(spoken.flags).items() <= flags.items()
    valued = {
        spelling: option.name
        for option in known.params
        if isinstance(option, click.Option) and not option.is_flag and not option.multiple
        for spelling in option.opts
    }
    assert dict(spoken.values).items() <= valued.items()
    takes_words = any(isinstance(each, click.Argument) and each.nargs == -1 for each in known.params)
    assert spoken.takes_words == takes_words


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--version",
        "install --help",
        "install -h",
        "install --sha256 x",
        "install --sha256=x",
        "install -qf 3.12",
        "install -- 3.12",
        "install --quie",
        "install --list",
        "versions 3.12",
        "root x",
        "uninstall 3.12",
        "nonsense",
        "venv -p",
        "venv -p -q",
        "venv -p 3.12 -p 3.13",
        "venv -p3.12",
        "venv -r requirements.txt",
    ],
)
def test_what_is_not_plain_is_left_to_click(line: str) -> None:
    assert plain.understand(line.split()) is None


@pytest.mark.parametrize(
    "line", ["install", "install 3.12 3.13 -q --force", "versions --bare", "prefix 3", "root", "venv -p 3.12 x"]
)
def test_what_is_plain_is_understood(line: str) -> None:
    assert plain.understand(line.split()) is not None
