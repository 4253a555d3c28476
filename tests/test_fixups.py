from __future__ import annotations

import configparser
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyv import fixups
from tests.test_fixups_tree import no_program, repair, upstream_tree, write

MARK = "lib/python3.12/EXTERNALLY-MANAGED"


def message(mark: Path) -> str:
    # As pip reads it
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(mark, encoding="utf-8")
    return parser["externally-managed"]["Error"]


def test_an_interpreter_is_marked_and_the_message_says_what_to_type(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "staged")
    assert not fixups.is_externally_managed(prefix)
    assert MARK in repair(prefix, tmp_path / "versions/3.12.7").changed
    assert fixups.is_externally_managed(prefix)
    lines = message(prefix / MARK).splitlines()
    assert "$ pyv venv" in lines
    assert "$ pyv venv ~/.local/share/poetry -p 3.12" in lines  # so that the tool follows upgrades
    assert "$ pyv install --allow-pip 3.12.7" in lines


def test_an_open_interpreter_has_no_mark_not_even_upstreams(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / MARK, "[externally-managed]\nError=upstream's\n")
    assert MARK in repair(prefix, allow_pip=True).changed
    assert not (prefix / MARK).exists()
    assert not fixups.is_externally_managed(prefix)


def test_upstreams_mark_gives_way_to_the_one_that_names_pyv(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / MARK, "[externally-managed]\nError=upstream's\n")
    repair(prefix)
    assert "pyv venv" in message(prefix / MARK)


def test_an_installed_interpreter_is_opened(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    repair(prefix)
    assert fixups.allow_pip(prefix) == {MARK}
    assert not fixups.is_externally_managed(prefix)
    assert fixups.allow_pip(prefix) == set()


@pytest.mark.parametrize(
    ("implementation", "program", "stdlib"),
    [
        ("cpython", "python3.13t", "lib/python3.13t"),
        ("pypy", "pypy3.10", "lib/pypy3.10"),
        ("graalpy", "graalpy", "lib/python3.11"),
    ],
)
def test_the_mark_lies_where_that_implementation_keeps_its_library(
    tmp_path: Path, implementation: str, program: str, stdlib: str
) -> None:
    write(tmp_path / "bin" / program, "", 0o755)
    write(tmp_path / stdlib / "os.py", "")
    write(tmp_path / "lib/python3.9/site-packages/other.py", "")
    repair(tmp_path, implementation=implementation)
    assert [path.parent for path in tmp_path.rglob("EXTERNALLY-MANAGED")] == [tmp_path / stdlib]


def test_a_tree_for_windows_gets_its_mark_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "python.exe", b"MZ")
    write(tmp_path / "Lib/os.py", "")
    write(tmp_path / "Scripts/pip.exe", b"MZ /install")
    assert repair(tmp_path, system="windows").changed == {"Lib/EXTERNALLY-MANAGED"}


def test_every_change_is_reported_and_nothing_else_changes(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / "lib/python3.12/__pycache__/_sysconfigdata__linux_x86_64-linux-gnu.cpython-312.pyc", b"old")
    write(prefix / "lib/libpython3.12.so.1.0", b"\x7fELF /install/lib clang")
    write(prefix / "include/python3.12/pyconfig.h", "#define PREFIX /install\n")

    def state() -> dict[str, tuple[int, int]]:
        entries = (path for path in prefix.rglob("*") if path.is_symlink() or not path.is_dir())
        statuses = {path.relative_to(prefix).as_posix(): path.lstat() for path in entries}
        return {name: (status.st_ino, status.st_mtime_ns) for name, status in statuses.items()}

    before = state()
    time.sleep(0.02)  # so that a file made anew in the place of its inode differs in its time
    changed = repair(prefix, tmp_path / "final").changed
    after = state()
    assert changed == {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert "lib/libpython3.12.so.1.0" not in changed
    again = repair(prefix, tmp_path / "final")
    assert again.changed == frozenset()
    assert again.notes == ()


class Tools:
    """Programs as Apple's, which write down how they were called."""

    def __init__(self, folder: Path, *names: str, status: int = 0) -> None:
        self.folder = folder
        self.log = folder / "log"
        for name in names:
            script = f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\nfor last; do :; done\n'
            script += f'[ -f "$last" ] && echo {name} >> "$last"\nexit {status}\n'
            write(folder / name, script, 0o755)

    def find(self, name: str) -> str | None:
        path = self.folder / name
        return os.fspath(path) if path.exists() else None

    @staticmethod
    def run(args: object) -> int:
        assert isinstance(args, list)
        return subprocess.run(args, check=False).returncode

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def mac_tree(tmp_path: Path) -> Path:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / "lib/libpython3.12.dylib", "dylib\n", 0o755)
    return prefix


class TestOnMacOS:
    def test_libpython_gets_its_final_name_and_a_new_signature(self, tmp_path: Path, mac_tree: Path) -> None:
        tools = Tools(tmp_path / "tools", "install_name_tool", "codesign", "xcode-select")
        os.link(mac_tree / "lib/libpython3.12.dylib", tmp_path / "archive copy")
        applied = repair(mac_tree, Path("/f/3.12.7"), system="darwin", find_program=tools.find, run=tools.run)
        select, name, sign = tools.calls()
        assert select == "xcode-select -p"
        assert name.startswith("install_name_tool -id /f/3.12.7/lib/libpython3.12.dylib ")
        assert sign.startswith("codesign --force --sign - ")
        assert sign.endswith("/libpython3.12.dylib")
        assert (mac_tree / "lib/libpython3.12.dylib").read_text() == "dylib\ninstall_name_tool\ncodesign\n"
        assert (mac_tree / "lib/libpython3.12.dylib").stat().st_mode & 0o777 == 0o755
        assert (tmp_path / "archive copy").read_text() == "dylib\n"
        assert "lib/libpython3.12.dylib" in applied.changed
        assert applied.notes == ()
        assert sorted(path.name for path in (mac_tree / "lib").iterdir()) == [
            "libpython3.12.dylib",
            "pkgconfig",
            "python3.12",
        ]

    @pytest.mark.parametrize("missing", ["install_name_tool", "codesign"])
    def test_without_a_tool_the_library_stays_as_it_is(self, tmp_path: Path, mac_tree: Path, missing: str) -> None:
        tools = Tools(tmp_path / "tools", *({"install_name_tool", "codesign"} - {missing}))
        applied = repair(mac_tree, system="darwin", find_program=tools.find, run=tools.run)
        assert "lib/libpython3.12.dylib" not in applied.changed
        assert tools.calls() == []
        assert len(applied.notes) == 1

    def test_without_developer_tools_no_window_is_opened(self, tmp_path: Path, mac_tree: Path) -> None:
        tools = Tools(tmp_path / "tools", "install_name_tool", "codesign")
        Tools(tmp_path / "tools", "xcode-select", status=2)
        repair(mac_tree, system="darwin", find_program=tools.find, run=tools.run)
        assert tools.calls() == ["xcode-select -p"]

    @pytest.mark.parametrize("failing", ["install_name_tool", "codesign"])
    def test_a_failure_leaves_the_library_that_runs(self, tmp_path: Path, mac_tree: Path, failing: str) -> None:
        tools = Tools(tmp_path / "tools", "install_name_tool", "codesign")
        Tools(tmp_path / "tools", failing, status=1)
        applied = repair(mac_tree, system="darwin", find_program=tools.find, run=tools.run)
        assert (mac_tree / "lib/libpython3.12.dylib").read_text() == "dylib\n"
        assert "lib/libpython3.12.dylib" not in applied.changed
        assert [line for line in applied.notes if "failed" in line]
        assert not list(mac_tree.rglob("*signing*"))

    def test_a_tree_for_linux_needs_none_of_it(self, mac_tree: Path) -> None:
        assert repair(mac_tree, system="linux", find_program=no_program).notes == ()


def test_builds_for_linux_are_taught_to_find_certificates_elsewhere_once(tmp_path: Path) -> None:
    import ssl

    prefix = upstream_tree(tmp_path / "prefix", version="3.12")
    name = "lib/python3.12/ssl.py"
    original = Path(ssl.__file__).read_bytes()
    write(prefix / name, original)
    assert name not in repair(prefix, system="darwin").changed
    assert name in repair(prefix).changed
    repaired = (prefix / name).read_bytes()
    assert repaired.startswith(original)
    assert repair(prefix).changed == frozenset()
    # Where something is found, as with a variable that the user has set, the module behaves as before
    program = "import ssl; print(ssl.get_default_verify_paths(), ssl.create_default_context().get_ca_certs())"
    answers = []
    for text in (original, repaired):
        (tmp_path / "modules").mkdir(exist_ok=True)
        (tmp_path / "modules/ssl.py").write_bytes(text)
        env = {"PYTHONPATH": str(tmp_path / "modules"), "SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"}
        answers.append(subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, check=True).stdout)
    assert answers[0] == answers[1]


def old_tree(root: Path, release: str, *, bundled: bool = True) -> Path:
    """Make a tree that uses the standard library's own module of encodings."""
    version = release.rpartition(".")[0]
    prefix = upstream_tree(root, version=version)
    import encodings

    folder = prefix / f"lib/python{version}/encodings"
    write(folder / "__init__.py", Path(encodings.__path__[0], "__init__.py").read_bytes())
    write(prefix / f"include/python{version}/patchlevel.h", f'#define PY_VERSION      \t"{release}"\n')
    if bundled:
        write(prefix / "share/terminfo/x/xterm", b"")
    return prefix


@pytest.mark.parametrize(
    ("release", "bundled", "old"),
    [
        ("3.8.18", True, True),
        ("3.10.13", True, True),
        ("3.12.2", True, True),
        ("3.10.14", True, False),
        ("3.12.3", True, False),
        ("3.13.0", True, False),
        ("3.10.13", False, False),
    ],
)
def test_only_builds_that_miss_descriptions_of_terminals_are_taught_to_find_them(
    tmp_path: Path, release: str, *, bundled: bool, old: bool
) -> None:
    prefix = old_tree(tmp_path / "prefix", release, bundled=bundled)
    name = f"lib/python{release.rpartition('.')[0]}/encodings/__init__.py"
    assert (name in repair(prefix).changed) is old
    assert repair(prefix).changed == frozenset()


@pytest.mark.skipif(sys.platform != "linux", reason="these builds are for Linux")
class TestAnOldBuildOnATerminal:
    SHOW = "import os; print(os.environ.get('TERMINFO_DIRS'), flush=True); os.system('echo $TERMINFO_DIRS')"

    def start(self, prefix: Path, *flags: str, terminal: bool, **variables: str) -> list[str]:
        """Start the Python of the tests with the repaired module in place of its own."""
        import pty

        # The module has to come first on the path, and so early that only PYTHONPATH is early enough
        folder = next(prefix.glob("lib/python3.*"))
        (folder / "os.py").unlink(missing_ok=True)
        module = folder / "encodings"
        import encodings

        for path in Path(encodings.__path__[0]).glob("*.py"):
            if not (module / path.name).exists():
                (module / path.name).symlink_to(path)
        env = {"PYTHONPATH": os.fspath(folder), "PATH": os.environ["PATH"], **variables}
        ours, theirs = pty.openpty()
        try:
            stdin = theirs if terminal else subprocess.DEVNULL
            command = [sys.executable, "-S", *flags, "-c", self.SHOW]
            done = subprocess.run(command, stdin=stdin, env=env, capture_output=True, text=True, check=False)
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @pytest.fixture
    def prefix(self, tmp_path: Path) -> Path:
        prefix = old_tree(tmp_path / "pre fix", "3.10.13")
        repair(prefix)
        return prefix

    def test_descriptions_of_terminals_are_looked_for_where_systems_keep_them(self, prefix: Path) -> None:
        folders = f"/etc/terminfo:/lib/terminfo:/usr/share/terminfo:{prefix}/share/terminfo"
        assert self.start(prefix, terminal=True, TERM="xterm") == [folders, folders]

    def test_the_users_own_folders_are_respected(self, prefix: Path) -> None:
        assert self.start(prefix, terminal=True, TERM="xterm", TERMINFO_DIRS="/mine") == ["/mine", "/mine"]

    def test_a_process_without_a_terminal_sees_no_difference(self, prefix: Path) -> None:
        assert self.start(prefix, terminal=False, TERM="xterm") == ["None", ""]
        assert self.start(prefix, terminal=True) == ["None", ""]

    def test_a_prompt_starts_and_computes(self, prefix: Path) -> None:
        import pty

        self.start(prefix, terminal=True)
        ours, theirs = pty.openpty()
        env = {"PYTHONPATH": os.fspath(next(prefix.glob("lib/python3.*"))), "PATH": os.environ["PATH"], "TERM": "xterm"}
        os.write(ours, b"print('sum', 40 + 2)\nexit()\n")
        done = subprocess.run(
            [sys.executable, "-q"], stdin=theirs, env=env, capture_output=True, text=True, check=False
        )
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        assert "sum 42" in done.stdout
