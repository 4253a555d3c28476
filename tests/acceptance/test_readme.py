"""The commands of the README and of the page on mirrors, typed one after the other by a new user."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.recipes_support import MINOR, TREE, User, adapted
from tests.support.command import pyv
from tests.support.environments import RUNNING
from tests.support.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Offer

VERSION = "python -c \"import sys; print('%d.%d.%d' % sys.version_info[:3])\""


def typed(page: str, section: str) -> list[str]:
    """Return the commands of a section's indented blocks, without their comments."""
    text = (TREE / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"(?m)^    ((?:cd \S+ && |PYV_MIRROR=\S+ )?pyv .*?)(?: +#.*)?$", text)
    assert lines
    return [adapted(line) for line in lines]


@pytest.fixture
def user(isolated: Path, offered: Offer, tmp_path: Path) -> Iterator[User]:
    """Return somebody who has pyv, and nothing else of it."""
    with Server(offered.folder) as server:
        yield User(isolated / "user", server.url(), tmp_path)


@pytest.mark.usefixtures("pip_at_hand")
def test_the_commands_under_switching_and_environments_do_what_they_say(user: User, isolated: Path) -> None:
    (user.work / "project").mkdir()
    (user.work / "project/requirements.txt").write_text("# nothing yet\n")
    user.env["PYV_CACHE_DIR"] = str(isolated / "cache")
    switching = typed("README.md", "Switching")
    assert [line.split()[1] for line in switching] == ["init", "install", "global", "project"]
    for line in switching:
        user.run(line)
    newest, pinned = f"{MINOR}.91", f"{MINOR}.90"
    assert user.run(VERSION).splitlines()[-1:] == [newest]
    project = user.work / "project"
    assert user.run(VERSION, cwd=project).splitlines()[-1:] == [pinned]
    bare = ["env", "-i", "PATH=/usr/bin", str(user.root / "shims/python"), "-c", "import sys; print(sys.prefix)"]
    assert user.start(bare, cwd=project) == f"{user.root}/versions/{pinned}\n"
    assert f"{project}/.python-version" in user.run("pyv which -v python 2>&1", cwd=project)
    (project / ".python-version").unlink()
    for line in typed("README.md", "Environments"):
        user.run(line, cwd=project)
    where = "python -c 'import sys; print(sys.prefix)'"
    assert user.run(where, cwd=project).splitlines()[-1:] == [f"{project}/.venv"]
    assert f"{user.root}/versions/{MINOR}/bin" in (project / ".venv/pyvenv.cfg").read_text()


def test_every_command_that_the_readme_names_is_there_and_has_an_example() -> None:
    table = (TREE / "README.md").read_text().split("\n## Commands\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1].replace("\\", "") for line in table.splitlines() if line.startswith("| `")]
    named = {
        re.split(r"[ \[]", each.removeprefix("pyv "))[0] for cell in cells for each in re.findall(r"`([^`]+)`", cell)
    }
    assert len(named) > 35
    for name in sorted(named):
        told = pyv(name, "--help")
        assert (name, told.status, "xample" in told.out) == (name, 0, True)


def test_a_mirror_is_made_and_used_as_the_page_says(user: User) -> None:
    *packing, installing = typed("docs/mirrors.md", "Making one")
    assert (len(packing), installing.split()[0]) == (2, "PYV_MIRROR=./mirror")
    user.run(packing[0].replace("/usr/local", sys.base_prefix))
    user.run(installing)
    assert (user.root / "versions" / RUNNING / "bin/python3").exists()
