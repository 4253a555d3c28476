"""The contract of `--json`: docs/json.md lists each key and its types; every command prints that and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from pyv.cli.group import pyv as group
from tests.support.command import python_of, pyv, store
from tests.support.stores import make_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Offer

PAGE = Path(__file__).parent.parent / "docs/json.md"
TYPES = {str: "string", bool: "boolean", int: "integer", type(None): "null", list: "list", dict: "object"}
ROW = re.compile(r"\| `([^`]+)` \| ([a-z ]+) \| (.+) \|")


def contract() -> dict[str, dict[str, tuple[set[str], bool]]]:
    """Return by command the keys that the page tells, each with its types and whether it may be absent."""
    found: dict[str, dict[str, tuple[set[str], bool]]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        command = section.split("\n")[0].split()[1].strip("`")
        rows = ROW.findall(section)
        assert len(rows) == section.count("\n| `"), f"a row of {command} cannot be read"
        found[command] = {key: (set(types.split(" or ")), "may be absent" in text) for key, types, text in rows}
    return found


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever JSON holds
    """Yield every key below a value, as the page spells it, with its type."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}.{key}".lstrip("."), TYPES[type(each)]
            yield from leaves(each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            if not isinstance(each, dict):
                yield f"{path}[]", TYPES[type(each)]
            yield from leaves(each, f"{path}[]")


def missing(value: Any, promised: set[str], path: str = "") -> Iterator[str]:  # noqa: ANN401 - the same
    """Yield the promised keys that an object, or one inside it, lacks."""
    if isinstance(value, dict):
        here = {key[len(path) :].lstrip(".") for key in promised if key.startswith(f"{path}." if path else "")}
        yield from (f"{path}.{key}" for key in here if not re.search(r"[.\[]", key) and key not in value)
        for key, each in value.items():
            yield from missing(each, promised, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for each in value:
            yield from missing(each, promised, f"{path}[]")


@pytest.fixture
def project(offered: Offer, tmp_path: Path) -> Path:
    """Return a pinned project in a store where everything that can be told has something to tell."""
    assert pyv("install", offered.oldest).status == 0
    assert pyv("virtualenv", "--without-pip", offered.oldest, "tools").status == 0
    project = tmp_path / "project"
    project.mkdir()
    assert pyv("venv", "--without-pip", "-p", offered.minor, cwd=project).status == 0
    (tmp_path / "pinned").mkdir()
    (tmp_path / "pinned/.python-version").write_text(f"{offered.minor}\nsystem\n")
    (store() / "versions/elsewhere").symlink_to(make_version(tmp_path / "far", "3.10.1"))
    (python_of(offered.oldest).parent.parent / "added").touch()
    make_version(tmp_path / "pyenv", "3.9.1")
    (tmp_path / "pyenv/version").write_text("3.9.1\n")
    return project


@pytest.mark.usefixtures("mirror")
def test_every_command_prints_what_the_page_says(offered: Offer, project: Path, tmp_path: Path) -> None:
    pinned = tmp_path / "pinned"
    lines: list[tuple[list[str], Path]] = [
        (["list"], pinned),
        (["list", "--all"], tmp_path),
        (["versions"], pinned),
        (["version"], project),
        (["version"], pinned),
        (["version"], tmp_path),
        (["which", "python3"], project),
        (["which", "python3"], pinned),
        (["which", "sh"], tmp_path),
        (["latest", offered.minor], project),
        (["venvs"], project),
        (["outdated"], project),
        (["verify"], project),
        (["verify", "elsewhere"], project),
        (["doctor"], project),
        (["index"], project),
        (["index", "update"], project),
        (["cache"], project),
        (["cache", "size"], project),
        (["import", "pyenv", "--root", str(tmp_path / "pyenv"), "--dry-run"], project),
    ]
    promised = contract()
    seen: dict[str, dict[str, set[str]]] = {command: {} for command in promised}
    for words, folder in lines:
        result = pyv(*words, "--json", cwd=folder)
        keys = promised[words[0]]
        document = result.json
        assert document["schema"] == 1
        for key, kind in leaves(document):
            assert key in keys, f"{words} prints {key}, which the page does not know"
            assert kind in keys[key][0], f"{words}: {key} is a {kind}"
            seen[words[0]].setdefault(key, set()).add(kind)
        certain = {key for key, (_, may_be_absent) in keys.items() if not may_be_absent}
        assert list(missing(document, certain)) == [], words
    for command, keys in promised.items():
        assert set(keys) == set(seen[command]), f"the page tells keys of {command} that are never printed"


def test_every_command_with_json_stands_on_the_page() -> None:
    with click.Context(group) as context:
        known = {name: group.get_command(context, name) for name in group.list_commands(context)}
    having = {
        name
        for name, command in known.items()
        if command and any(isinstance(each, click.Option) and "--json" in each.opts for each in command.params)
    }
    assert having == set(contract())
    listed = re.findall(r"`([a-z]+)`", PAGE.read_text().split("standard output, and nothing", 1)[1].split(". What")[0])
    assert set(listed) == having


@pytest.mark.parametrize("words", [["latest", "3.99"], ["which", "no-such-command"], ["list", "3.99"]])
def test_a_failure_prints_no_json(words: list[str], tmp_path: Path) -> None:
    result = pyv(*words, "--json", cwd=tmp_path, PYV_OFFLINE="1")
    assert result.out == ""
    assert result.status in (3, 127)
    assert result.err.startswith("pyv: ")
