"""`pyv local` and `pyv global`: which files they write, when they refuse, and what they warn of."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PYV, everything_in, pyv, store
from tests.support.stores import make_environment, make_version
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project's folder, beside a store with some versions."""
    make_version(store(), "3.8.20", links=("3.8",))
    make_version(store(), "3.12.7", links=("3.12", "3"))
    make_version(store(), "3.13.1t", links=("3.13t",))
    make_version(store(), "pypy3.10-7.3.17", links=("pypy3.10", "pypy"))
    (tmp_path / "project/below").mkdir(parents=True)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (["3.12"], "3.12\n"),
        (["3.12.7"], "3.12.7\n"),
        (["3.12", "3.8", "system"], "3.12\n3.8\nsystem\n"),
        (["python-3.12"], "python-3.12\n"),
        (["cpython@3.12"], "cpython@3.12\n"),
        (["3.13t", "pypy"], "3.13t\npypy\n"),
        ([">=3.11,<3.13"], ">=3.11,<3.13\n"),
        ([">= 3.11,\n\t< 3.13", " 3.8 "], ">= 3.11, < 3.13\n3.8\n"),
        (["-f", "3.9", "someday"], "3.9\nsomeday\n"),
    ],
)
def test_a_pin_is_written_as_it_was_spelled_and_read_back(project: Path, words: list[str], content: str) -> None:
    file = project / ".python-version"
    file.write_text("3.8.20\n# what was here before\n")
    assert pyv("local", *words, cwd=project) == (0, "", "")
    assert file.read_text() == content
    shown = pyv("local", cwd=project)
    assert (shown.status, len(shown.lines), shown.err) == (0, content.count("\n"), "")
    assert everything_in(project) == {"below", ".python-version"}
    assert pyv("global", *words, cwd=project) == (0, "", "")
    assert (store() / "version").read_text() == content
    assert pyv("global", cwd=project) == shown


@pytest.mark.parametrize("command", ["local", "global"])
@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["3.12", "3.9"], 3, "3.9 is not installed"),
        (["3.12.1"], 3, "pyv install 3.12.1"),
        (["someday"], 3, "someday is not installed"),
        (["<3.8"], 3, "is not installed"),
        (["../../etc"], 2, "'../../etc' is not a version request"),
        (["-f", "./py"], 2, "'./py' is not a version request"),
        (["3.12 3.8"], 2, "is not a version request"),
        (["3.12\n3.8"], 2, "is not a version request"),
        ([""], 2, "is not a version request"),
        (["--unset", "3.12"], 2, "--unset takes no version"),
        (["--quiet", "3.12"], 2, "--quiet"),
    ],
)
def test_what_is_refused_changes_nothing(project: Path, command: str, words: list[str], status: int, says: str) -> None:
    for file in (project / ".python-version", store() / "version"):
        file.write_text("3.8\n")
    result = pyv(command, *words, cwd=project)
    assert (result.status, result.out) == (status, "")
    assert says in result.err
    assert (project / ".python-version").read_text() == (store() / "version").read_text() == "3.8\n"


def test_system_is_refused_where_path_has_no_python(project: Path) -> None:
    assert pyv("local", "system", cwd=project, PATH="/nowhere").status == 3
    assert pyv("local", "-f", "system", cwd=project, PATH="/nowhere").status == 0


def test_local_shows_the_nearest_file_upward_and_nothing_else(project: Path, tmp_path: Path) -> None:
    (store() / "version").write_text("3.8\n")
    result = pyv("local", cwd=project / "below", PYV_VERSION="3.12")
    assert (result.status, result.out, "pyv local 3.12" in result.err) == (1, "", True)
    (project / ".python-version").write_text("3.12 # ours\n3.8:system\n")
    (tmp_path / ".python-version").write_text("3.13t\n")
    assert pyv("local", cwd=project / "below", PYV_DIR=str(tmp_path)).lines == ["3.12", "3.8", "system"]
    (project / ".python-version").write_text("3.12\n../x\n")
    result = pyv("local", cwd=project)
    assert (result.status, result.out, ".python-version, line 2" in result.err) == (2, "", True)


def test_what_version_name_prints_can_be_pinned(project: Path) -> None:
    (project / ".python-version").write_text("3.12\n3.8\n")
    printed = pyv("version-name", cwd=project).out.strip()
    assert ":" in printed
    assert pyv("prefix", printed, cwd=project).out == pyv("prefix", *printed.split(":"), cwd=project).out
    assert pyv("local", printed, cwd=project) == (0, "", "")
    assert pyv("local", cwd=project).lines == printed.split(":")
    assert pyv("global", printed, cwd=project) == (0, "", "")
    for wrong in (":", "3.12:..", f"{printed}:../x"):
        assert pyv("local", wrong, cwd=project).status == 2
    assert pyv("local", f":{printed}:", cwd=project).status == 0


def test_local_writes_into_the_current_folder_only(project: Path) -> None:
    (project / ".python-version").write_text("3.8\n")
    assert pyv("local", "3.12", cwd=project / "below").status == 0
    assert (project / ".python-version").read_text() == "3.8\n"
    assert (project / "below/.python-version").read_text() == "3.12\n"


def test_what_is_unset_is_gone_and_what_never_was_is_no_mistake(project: Path) -> None:
    for _ in range(2):
        assert pyv("local", "--unset", cwd=project) == (0, "", "")
        assert pyv("global", "--unset", cwd=project) == (0, "", "")
        assert not (project / ".python-version").exists()
        assert pyv("global", cwd=project).lines == ["system"]
        (project / ".python-version").write_text("3.8\n")
        (store() / "version").write_text("../x\n")


def test_a_pin_file_keeps_its_permissions(project: Path) -> None:
    file = project / ".python-version"
    file.write_text("3.8\n")
    file.chmod(0o664)
    assert pyv("local", "3.12", cwd=project).status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o664


def test_a_link_is_written_through_if_it_leads_to_a_pin_file(project: Path, tmp_path: Path) -> None:
    file = project / ".python-version"
    for name in (".python-version", "python-version"):
        target = tmp_path / "dotfiles" / name
        target.parent.mkdir(exist_ok=True)
        target.write_text("3.8\n")
        file.symlink_to(target)
        assert pyv("local", "3.12", cwd=project) == (0, "", "")
        assert file.is_symlink()
        assert target.read_text() == "3.12\n"
        assert pyv("local", "--unset", cwd=project) == (0, "", "")
        assert not file.is_symlink()
        assert target.exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_to_anything_else_is_refused(project: Path, tmp_path: Path, *, there: bool) -> None:
    target = tmp_path / "authorized_keys"
    if there:
        target.write_text("ssh-ed25519 AAAA me\n")
    (project / ".python-version").symlink_to(target)
    result = pyv("local", "-f", "3.12", cwd=project)
    assert result.status == 1
    assert str(target) in result.err
    assert "pyv local --unset" in result.err
    assert (target.read_text() == "ssh-ed25519 AAAA me\n") if there else not target.exists()


def test_the_global_pin_may_be_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("3.8\n")
    (store() / "version").symlink_to(tmp_path / "python")
    assert pyv("global", "3.12", cwd=project).status == 0
    assert (tmp_path / "python").read_text() == "3.12\n"


def test_what_cannot_be_written_is_said_with_a_way_to_look_at_it(project: Path) -> None:
    (project / ".python-version").mkdir()
    for line in (["3.12"], ["--unset"]):
        result = pyv("local", *line, cwd=project)
        assert (result.status, len(result.err.splitlines())) == (1, 2)
        assert "ls -la" in result.err
        assert f"{project}/.python-version cannot be" in result.err
    assert everything_in(project) == {"below", ".python-version"}
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$0"; exec "$@"', project / "below", sys.executable, "-m", "pyv", "local", "3.12"],
        cwd=project / "below",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, "deleted" in done.stderr) == (1, "", True)


@pytest.mark.parametrize(
    ("required", "words", "warns"),
    [
        (">=3.11", ["3.8"], True),
        (">=3.11", ["3.12", "3.8.20"], True),
        (">=3.11", ["3.12"], False),
        (">=3.11,<3.13", ["3.13t"], True),
        (">= 3.11", ["3.13t"], False),
        ("==3.12.*", ["3.12"], False),
        ("!=3.12.7", ["3.12"], True),
        (">=3.10.5", ["pypy3.10"], False),
        (">=3.11", ["pypy3.10"], True),
        (">=3.11", ["-f", "3.9"], True),
        (">=3.9.5", ["-f", "3.9"], False),
        (">=3.11", ["-f", "3.9.1"], True),
        (">=3.11", ["-f", "3"], False),
        (">=3.11", ["system"], False),
        (">=3.11", ["tools"], False),
        ("any", ["3.8"], False),
        ("^3.11", ["3.8"], False),
    ],
)
def test_a_pin_that_the_project_rules_out_is_warned_of(
    project: Path, required: str, words: list[str], *, warns: bool
) -> None:
    make_environment(store() / "versions/tools", store() / "versions/3.8/bin")
    metadata = project / "pyproject.toml"
    metadata.write_text(f'[project]\nname = "x"\nrequires-python = "{required}"\n')
    result = pyv("local", *words, cwd=project / "below")
    assert (result.status, result.out) == (0, "")
    if warns:
        assert len(result.err.splitlines()) == 1
        assert f"{project}/below/.python-version says {words[-1]}" in result.err
        assert f"{metadata} requires Python {required}" in result.err
    else:
        assert result.err == ""


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[project",
        "\xff",
        "project = 3\n",
        "[project]\nrequires-python = 3\n",
        "[tool.x]\ny = 1\n",
        "x = " + "[" * 9999,
    ],
)
def test_metadata_that_says_nothing_of_the_kind_is_no_error(project: Path, content: str) -> None:
    (project / "pyproject.toml").write_bytes(content.encode("latin-1"))
    assert pyv("local", "3.8", cwd=project) == (0, "", "")


@pytest.mark.parametrize("kind", ["fifo", "endless"])
def test_metadata_that_is_no_regular_file_is_as_if_it_were_not_there(project: Path, kind: str) -> None:
    file = project / "pyproject.toml"
    if kind == "fifo":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    assert pyv("local", "3.8", cwd=project) == (0, "", "")
    assert pyv("sync", cwd=project).err.startswith(f"pyv: {file} cannot be read: no regular file\n")


def test_settings_that_are_no_regular_file_are_as_if_they_were_not_there(project: Path, tmp_path: Path) -> None:
    (tmp_path / "config/pyv").mkdir(parents=True)
    os.mkfifo(tmp_path / "config/pyv/config.toml")
    assert pyv("which", "python", cwd=project, XDG_CONFIG_HOME=str(tmp_path / "config"), PYV_VERSION="3.8").status == 0


def test_only_the_nearest_metadata_counts_and_only_for_local_pins(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.12"\n')
    assert pyv("global", "3.8", cwd=project) == (0, "", "")
    (project / "below/pyproject.toml").write_text('[project]\nrequires-python = ">=3.8"\n')
    assert pyv("local", "3.8", cwd=project / "below") == (0, "", "")


def test_a_pin_is_never_seen_half(project: Path) -> None:
    """The file is replaced, not written into: whoever has it open keeps the old content."""
    file = project / ".python-version"
    file.write_text("3.8\n")
    with file.open() as held:
        assert pyv("local", "3.12", cwd=project).status == 0
        assert os.fstat(held.fileno()).st_ino != file.stat().st_ino
        assert held.read() == "3.8\n"


def test_a_person_is_told_that_python_does_not_follow_the_pin_yet(project: Path, tmp_path: Path) -> None:
    assert pyv("rehash").status == 0
    (tmp_path / "elsewhere").symlink_to(store())
    with Terminal("bash", project) as terminal:
        for command in ("local", "global"):
            said = terminal.type(f"{shlex.join(PYV)} {command} 3.12")
            assert "so python does not follow it yet: pyv init --install, then open a new shell" in said
            assert "yet" not in terminal.type(f"{shlex.join(PYV)} {command}")
            assert "yet" not in terminal.type(f"{shlex.join(PYV)} {command} 3.8 2>&1 | cat")
        for spelled in (store(), tmp_path / "elsewhere"):
            assert "yet" not in terminal.type(f"PATH={spelled}/shims:$PATH {shlex.join(PYV)} local 3.12")
    assert (project / ".python-version").read_text() == "3.12\n"
