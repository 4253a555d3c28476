"""`pyv init vscode`: the interpreter in the settings of a project, and not a byte besides."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyv.init import jsonc, vscode
from tests.support import stores
from tests.support.command import pyv, store

if TYPE_CHECKING:
    from pathlib import Path

KEY = "python.defaultInterpreterPath"
IN_VENV = "${workspaceFolder}/.venv/bin/python"
MEMBER = f'"{KEY}": "X"'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with a known environment, in a folder with an odd name."""
    home = stores.make_version(store(), "3.12.7", links=("3", "3.12"))
    folder = tmp_path / "my 'own' project"
    folder.mkdir()
    stores.know(store(), stores.make_environment(folder / ".venv", home / "bin"))
    return folder


def settings(folder: Path) -> Path:
    return folder / ".vscode/settings.json"


def write(folder: Path, content: bytes) -> Path:
    settings(folder).parent.mkdir(exist_ok=True)
    settings(folder).write_bytes(content)
    return settings(folder)


def named(folder: Path, **changes: str) -> str:
    done = pyv("init", "vscode", cwd=folder, **changes)
    assert (done.status, done.out) == (0, ""), done.err
    return str(json.loads(settings(folder).read_text())[KEY])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{{\n    {MEMBER}\n}}\n"),
        ("\n", f"\n{{\n    {MEMBER}\n}}\n"),
        ("// mine", f"// mine\n{{\n    {MEMBER}\n}}\n"),
        ("{ }", f"{{\n    {MEMBER}\n}}"),
        ("{}", f"{{\n    {MEMBER}\n}}"),
        ("{\n}\n", f"{{\n    {MEMBER}\n}}\n"),
        ("{\r\n}\r\n", f"{{\r\n    {MEMBER}\r\n}}\r\n"),
        ("{\n\t// none yet\n}\n", f"{{\n\t// none yet\n\t{MEMBER}\n}}\n"),
        ('{"a": 1}', f'{{"a": 1, {MEMBER}}}'),
        ('{ "a": [1, {"b": 2,},], }', f'{{ "a": [1, {{"b": 2,}},], {MEMBER}, }}'),
        ('{\n  "a": 1\n}\n', f'{{\n  "a": 1,\n  {MEMBER}\n}}\n'),
        ('{\n\t"a": 1,\n}', f'{{\n\t"a": 1,\n\t{MEMBER},\n}}'),
        ('{\r\n  "a": {},\r\n  "b": []\r\n}', f'{{\r\n  "a": {{}},\r\n  "b": [],\r\n  {MEMBER}\r\n}}'),
        ('{\n  "a": 1 // one, two\n}\n', f'{{\n  "a": 1, // one, two\n  {MEMBER}\n}}\n'),
        ('{\n  "a": 1, // one }\n  // more\n}\n', f'{{\n  "a": 1, // one }}\n  {MEMBER},\n  // more\n}}\n'),
        ('{\n  "a": 1 /* x\n y */\n}\n', f'{{\n  "a": 1, /* x\n y */\n  {MEMBER}\n}}\n'),
        ('{\n  "a": 1 /* x */ , // y\n}\n', f'{{\n  "a": 1 /* x */ , // y\n  {MEMBER},\n}}\n'),
        ('{\n  "a": 1  \n}\n', f'{{\n  "a": 1,\n  {MEMBER}  \n}}\n'),
        ('{\n  "a": 1\n  , "b": "//"\n}\n', f'{{\n  "a": 1\n  , "b": "//",\n  {MEMBER}\n}}\n'),
        (f'{{"{KEY}" : "Y" , "a": "é"}}', f'{{"{KEY}" : "X" , "a": "é"}}'),
        (f'{{"{KEY}":null}}', f'{{"{KEY}":"X"}}'),
        (f'{{"{KEY}":{{"{KEY}":"X"}}}}', f'{{"{KEY}":"X"}}'),
        (f'{{"a": {{"{KEY}": "Y"}}}}', f'{{"a": {{"{KEY}": "Y"}}, {MEMBER}}}'),
        (f'// "{KEY}": "Y"\n{{"a": "{KEY}"}}', f'// "{KEY}": "Y"\n{{"a": "{KEY}", {MEMBER}}}'),
        # The last one counts
        (f'{{"{KEY}": "X", "{KEY}": "Y"}}', f'{{"{KEY}": "X", "{KEY}": "X"}}'),
        ('{"python\\u002edefaultInterpreterPath": "Y"}', '{"python\\u002edefaultInterpreterPath": "X"}'),
        (f'{{"{KEY}": "\\u0058"}}', f'{{"{KEY}": "\\u0058"}}'),
    ],
)
def test_only_the_member_changes(before: str, after: str) -> None:
    assert jsonc.with_member(before, KEY, "X") == after
    assert jsonc.with_member(after, KEY, "X") == after
    assert jsonc.value(after, KEY) == "X"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[]", 1, "no {"),
        ("{", 1, "double quotes"),
        ('{"a": 1', 1, "comma"),
        ('{"a" 1}', 1, "colon"),
        ('{"a": 1 "b": 2}', 1, "comma"),
        ("{\n'a': 1}", 2, "double quotes"),
        ("{,}", 1, "double quotes"),
        ('{"a": 1,,}', 1, "double quotes"),
        ('{"a": [1 2]}', 1, "comma"),
        ('{"a": [,]}', 1, "a value"),
        ('{"a": NaN}', 1, "a value"),
        ('{"a": yes}', 1, "a value"),
        ('{"a": "b\n"}', 1, "double quotes"),
        ('{"a": "\\x"}', 1, "double quotes"),
        ("{}\n{}", 2, "follows"),
        ("<<<<<<< HEAD\n{}", 1, "no {"),
        ('{\n/* "a": 1}', 2, "no end"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", 1, "too deep"),
    ],
)
def test_what_cannot_be_understood_is_left_alone(text: str, line: int, what: str, tmp_path: Path) -> None:
    file = write(tmp_path, text.encode())
    with pytest.raises(Exception, match=rf"cannot be understood: line {line}: .*{what}") as caught:
        vscode.name_interpreter(tmp_path, IN_VENV)
    assert f'put it in by hand: "{KEY}": "{IN_VENV}"' in str(caught.value)
    assert file.read_bytes() == text.encode()
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]


BLANK = st.sampled_from(["", " ", "\n", "\r\n\t", "/* }, */", '// "{\n'])
PLAIN = st.none() | st.booleans() | st.integers() | st.text()
VALUE = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(st.text() | st.just(KEY), VALUE), st.data())
def test_whatever_the_settings_are_they_stay_what_they_are(content: dict[str, object], data: st.DataObject) -> None:
    def laid_out(value: object) -> str:
        gap = data.draw(BLANK)
        if isinstance(value, (dict, list)):
            parts = [
                f"{laid_out(name)}:{laid_out(each)}" if isinstance(value, dict) else laid_out(each)
                for name, each in (value.items() if isinstance(value, dict) else enumerate(value))
            ]
            more = data.draw(st.sampled_from(["", ","])) if parts else ""
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            return f"{gap}{opening}{','.join(parts)}{more}{data.draw(BLANK)}{closing}"
        return gap + json.dumps(value) + data.draw(BLANK)

    before = laid_out(content)
    after = jsonc.with_member(before, KEY, "X")
    assert jsonc.with_member(after, KEY, "X") == after
    assert jsonc.value(after, KEY) == "X"
    assert _plain(after) == {**content, KEY: "X"}
    if KEY not in content:  # what was put in is all that is new, in the same order
        rest = iter(after)
        assert all(letter in rest for letter in before if content or not letter.isspace())


def _plain(text: str) -> object:
    """Read JSON with comments and trailing commas in another way than the code does."""
    token = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
    bare = token.sub(lambda found: found[1] or " ", text)
    comma = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')
    return json.loads(comma.sub(lambda found: found[1] or "", bare))


def test_the_environment_is_named_from_the_folder_of_the_project(project: Path) -> None:
    first = pyv("init", "vscode", cwd=project)
    assert first.err == f"pyv: {settings(project)} names {IN_VENV} now\n"
    assert named(project) == IN_VENV
    assert stat.S_IMODE(settings(project).stat().st_mode) == 0o644
    known = settings(project).stat()
    assert pyv("init", "vscode", cwd=project).err == f"pyv: {settings(project)} names {IN_VENV} already\n"
    assert settings(project).stat() == known
    # One shell's wish is not the project's
    assert named(project, PYV_VERSION="system") == IN_VENV
    (project / "sub").mkdir()
    assert named(project / "sub") == "${workspaceFolder}/../.venv/bin/python"


def test_what_was_named_before_is_told(project: Path) -> None:
    write(project, f'\ufeff{{\r\n  "{KEY}": "/usr/bin/python3", // old\r\n}}'.encode())
    assert "and no longer /usr/bin/python3" in pyv("init", "vscode", cwd=project).err
    assert settings(project).read_bytes() == f'\ufeff{{\r\n  "{KEY}": "{IN_VENV}", // old\r\n}}'.encode()


@pytest.mark.parametrize(
    ("pin", "expected"),
    [("3.12", "3.12"), ("3", "3"), (">=3.11", "3.12"), ("3.12.7", "3.12.7"), ("3.12.7 3.12", "3.12.7")],
)
def test_without_an_environment_the_path_follows_the_pin(pin: str, expected: str, tmp_path: Path) -> None:
    stores.make_version(store(), "3.12.7", links=("3", "3.12"))
    (tmp_path / ".python-version").write_text(f"{pin}\n")
    done = pyv("init", "vscode", cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.err.endswith("for one that fits every clone: pyv venv, then pyv init vscode\n")
    path = json.loads(settings(tmp_path).read_text())[KEY]
    assert path == f"{store()}/versions/{expected}/bin/python"
    os.unlink(store() / "versions/3.12")
    stores.make_version(store(), "3.12.8", links=("3.12",))
    assert os.path.exists(path)


def test_an_environment_that_is_not_known_is_not_named(tmp_path: Path) -> None:
    home = stores.make_version(store(), "3.12.7", links=("3", "3.12"))
    stores.make_environment(tmp_path / ".venv", home / "bin")
    (tmp_path / ".python-version").write_text("3.12\n")
    assert named(tmp_path) == f"{store()}/versions/3.12/bin/python"


def test_a_pin_that_cannot_be_had_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / ".python-version").write_text("3.9\n")
    done = pyv("init", "vscode", cwd=tmp_path)
    assert done.status == 3
    assert "pyv install 3.9" in done.err
    assert not settings(tmp_path).parent.exists()


def test_links_inside_the_project_are_followed_and_stay(project: Path) -> None:
    (project / "editor.json").write_text("{}")
    (project / "editor.json").chmod(0o600)
    settings(project).parent.mkdir()
    settings(project).symlink_to("../editor.json")
    assert named(project) == IN_VENV
    assert settings(project).is_symlink()
    assert stat.S_IMODE((project / "editor.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("link", ["settings.json", ".vscode"])
def test_a_link_out_of_the_project_is_not_followed(link: str, project: Path, tmp_path: Path) -> None:
    own = write(tmp_path, b"{}")
    if link == ".vscode":
        (project / ".vscode").symlink_to(own.parent)
    else:
        (project / ".vscode").mkdir()
        settings(project).symlink_to(own)
    done = pyv("init", "vscode", cwd=project)
    assert done.status == 1
    assert f"leads out of the project, to {own}\n" in done.err
    assert f'put it in by hand: "{KEY}": "{IN_VENV}"' in done.err
    assert own.read_bytes() == b"{}"


def test_what_cannot_be_changed_is_left_alone(project: Path) -> None:
    def refused(reason: str) -> None:
        done = pyv("init", "vscode", cwd=project)
        assert done.status == 1
        assert reason in done.err
        assert f'put it in by hand: "{KEY}": "{IN_VENV}"' in done.err

    file = write(project, b"{}")
    file.chmod(0o444)
    refused("Permission denied")
    assert file.read_bytes() == b"{}"
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]
    file.unlink()
    file.symlink_to("missing/settings.json")
    refused("whose folder does not exist")
    file.unlink()
    os.mkfifo(file)
    refused("no regular file")
    file.unlink()
    file.mkdir()
    refused("no regular file")
    file.rmdir()
    file.write_bytes("{}".encode("utf-16"))
    refused("not UTF-8")
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file")
    refused("Not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_to_be(project: Path) -> None:
    project.chmod(0o555)
    done = pyv("init", "vscode", cwd=project)
    project.chmod(0o755)
    assert done.status == 1
    assert "Permission denied" in done.err


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems have only names that are UTF-8")
def test_a_path_that_is_not_utf_8_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    with pytest.raises(Exception, match="not UTF-8"):
        vscode.name_interpreter(tmp_path, f"{folder}/bin/python")
    assert not settings(tmp_path).exists()


@pytest.mark.parametrize("arguments", [("vscode", "--uninstall"), ("vscode", "--no-hook"), ("vscode", "bash")])
def test_it_goes_alone(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = pyv("init", *arguments, cwd=tmp_path)
    assert done.status == 2
    assert list(tmp_path.iterdir()) == []
