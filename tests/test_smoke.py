"""The smoke run: what it finds, and the copy of the interpreter that compiles ahead of it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pytest

from pyv import proc, smoke
from pyv.errors import VerificationError
from tests.support.command import cache, environment, everything_in, pyv, store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Offer

P = ParamSpec("P")
R = TypeVar("R")


@pytest.fixture
def prefix(offered: Offer) -> Path:
    """Return an installed CPython, which has no bytecode."""
    assert pyv("install", offered.oldest, PYV_MIRROR=str(offered.folder)).status == 0
    return store() / "versions" / offered.oldest


def compiled_in(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in folder.rglob("*.pyc")}


def test_the_answer_is_the_same_with_a_folder_for_bytecode(prefix: Path, offered: Offer, tmp_path: Path) -> None:
    before = everything_in(prefix)
    assert smoke.ask(prefix, {}).version.name == offered.oldest
    assert smoke.ask(prefix, {}, tmp_path) == smoke.ask(prefix, {})
    assert everything_in(prefix) == before


def test_a_copy_compiles_ahead_what_is_going_to_be_imported(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = smoke._QUESTION.replace("import ssl", "os.waitpid(copy, 0)\ncopy = None\nimport ssl")
    monkeypatch.setattr(smoke, "_QUESTION", patient)
    smoke.ask(prefix, {}, tmp_path)
    compiled = compiled_in(tmp_path)
    assert {"enum", "socket", "datetime"} <= compiled
    assert "ssl" not in compiled  # is left to the original


@pytest.mark.parametrize(
    "check",
    [
        "assert not {'re', 'sre_compile', 'binascii'} & set(sys.modules)",
        "assert ssl.DER_cert_to_PEM_cert(b'here base64 is used').startswith('-----BEGIN')",
        "assert socket.socket().sendfile.__doc__ and selectors.DefaultSelector().select(0) == []",
    ],
)
def test_what_is_imported_and_not_used_is_loaded_on_demand(
    prefix: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    curious = smoke._QUESTION.replace("own = getattr", f"import socket, selectors; {check}\nown = getattr")
    monkeypatch.setattr(smoke, "_QUESTION", curious)
    assert smoke.ask(prefix, {}, tmp_path).version.name == offered.oldest


def test_what_no_archive_vouches_for_is_imported_whole(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curious = smoke._QUESTION.replace(
        "own = getattr", "import re; assert type(sys.modules['base64']) is type(re)\nown = getattr"
    )
    monkeypatch.setattr(smoke, "_QUESTION", curious)
    smoke.ask(prefix, {})


def test_finders_that_others_have_added_are_not_asked(prefix: Path, tmp_path: Path) -> None:
    used = tmp_path / "used"
    shutil.copytree(prefix, used, symlinks=True, copy_function=os.link)
    site_packages = next(used.glob("lib/python3*/site-packages"))
    (site_packages / "old.pth").write_text("import sys; sys.meta_path.append(type('Old', (), {'find_module': None}))\n")
    assert smoke.ask(used, {}, tmp_path).version == smoke.ask(prefix, {}).version


@pytest.mark.parametrize("module", ["base64", "selectors"])
def test_what_is_loaded_on_demand_has_to_be_there(prefix: Path, tmp_path: Path, module: str) -> None:
    lacking = tmp_path / "lacking"
    shutil.copytree(prefix, lacking, symlinks=True, copy_function=os.link)
    next(lacking.glob(f"lib/python3*/{module}.py")).unlink()
    (tmp_path / "bytecode").mkdir()
    with pytest.raises(VerificationError, match=module):
        smoke.ask(lacking, {}, tmp_path / "bytecode")


def test_without_the_folder_there_is_no_copy_and_nothing_is_compiled(
    prefix: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "_QUESTION", smoke._QUESTION.replace("os.fork()", "copies_are_not_wanted()"))
    assert smoke.ask(prefix, {}, tmp_path / "none").version.name == offered.oldest
    assert not (tmp_path / "none").exists()


def test_a_copy_that_cannot_be_made_is_gone_without(
    prefix: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "_QUESTION", smoke._QUESTION.replace("os.fork()", "os.rmdir('/no such folder')"))
    assert smoke.ask(prefix, {}, tmp_path).version.name == offered.oldest


@pytest.mark.parametrize("with_folder", [True, False])
def test_a_module_that_is_broken_is_found_by_the_smoke_run(prefix: Path, tmp_path: Path, *, with_folder: bool) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(prefix, broken, symlinks=True, copy_function=os.link)
    module = next(broken.glob("lib/python3*/ssl.py"))
    module.unlink()
    module.write_text("raise ImportError('the ssl of this build is broken')\n")
    (tmp_path / "bytecode").mkdir()
    with pytest.raises(VerificationError, match="the ssl of this build is broken"):
        smoke.ask(broken, {}, tmp_path / "bytecode" if with_folder else None)


def stand_in(folder: Path, *lines: str) -> Path:
    """Return a prefix whose python is a script."""
    python = folder / "bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    python.chmod(0o755)
    return folder


GOOD = "echo pyv: cpython 3 12 1 final 0 flags="


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([GOOD, "echo it breaks later >&2", "exit 1"], "it breaks later"),
        ([GOOD, "kill -SEGV $$"], "exit status -11"),
        (["while :; do echo for ever; done"], "it prints more than"),
        (["exit 0"], "exit status 0"),
    ],
)
def test_an_answer_counts_only_from_an_interpreter_that_works_to_its_end(
    tmp_path: Path, lines: list[str], reason: str
) -> None:
    with pytest.raises(VerificationError, match=reason):
        smoke.ask(stand_in(tmp_path / "x", *lines), {"PATH": os.defpath})


@pytest.mark.parametrize("lines", [["printf '%0900000d' 7 >&2", "exit 1"], ["printf 'pyv: %0900000d' 7"]])
def test_little_is_shown_of_what_an_interpreter_says_at_length(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(VerificationError, match=r"0{100}\.\.\.") as caught:
        smoke.ask(stand_in(tmp_path / "x", *lines), {"PATH": os.defpath})
    assert len(caught.value.message) < 1000


def test_a_process_that_was_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "note"
    prefix = stand_in(tmp_path / "x", f"sleep 300 & echo $! >{note}", GOOD)
    assert smoke.ask(prefix, {"PATH": os.defpath}).version.name == "3.12.1"
    os.kill(int(note.read_text()), signal.SIGKILL)  # which fails if it had ended


def interrupted(function: Callable[P, R], results: list[R]) -> Callable[P, R]:
    """Return a function that keeps its result and gets a signal just before it returns it."""

    def call(*args: P.args, **options: P.kwargs) -> R:
        results.append(function(*args, **options))
        signal.raise_signal(signal.SIGTERM)
        return results[-1]

    return call


@pytest.mark.parametrize("start", [partial(proc.contain, most=1), proc.run], ids=["contain", "run"])
def test_an_interrupt_that_comes_while_a_process_is_made_ends_it(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., proc.Completed]
) -> None:
    made: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(subprocess, "Popen", interrupted(subprocess.Popen, made))
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start(["sleep", "300"], env={"PATH": os.defpath}, timeout=300)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, former)
    assert [each.returncode for each in made] == [-signal.SIGKILL]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM])
def test_that_nothing_can_be_started_is_not_said_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(OSError, match=os.strerror(number)):
        smoke.ask(stand_in(tmp_path / "x", GOOD), {})
    with pytest.raises(OSError, match=os.strerror(number)):
        proc.run(["true"], env={}, timeout=60)


# Runs pyv where no program can be started
_REFUSING = """
import os, subprocess, sys
from pyv.cli import run
def refuse(*args, **options):
    raise OSError(int(sys.argv[1]), os.strerror(int(sys.argv[1])))
subprocess.Popen = refuse
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(errno.EMFILE, 1, "see: ulimit -n"), (errno.EAGAIN, 1, "see: ulimit -u"), (errno.EACCES, 5, "cannot be started")],
)
def test_an_archive_is_kept_whose_python_was_never_started(
    offered: Offer, number: int, status: int, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REFUSING, str(number), "install", offered.oldest],
        env=environment(PYV_MIRROR=str(offered.folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr
    assert [len(name) for name in os.listdir(cache() / "archives") if "." not in name] == [64]


def test_bytecode_that_is_torn_says_nothing_of_the_build(
    prefix: Path, offered: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tear = """
if copy:  # what it has written is cut, as on a full disk
    os.waitpid(copy, 0)
    copy = None
    for base, folders, files in os.walk(bytecode):
        for name in files:
            os.truncate(os.path.join(base, name), 20)
    print("torn")
"""
    monkeypatch.setattr(smoke, "_QUESTION", smoke._QUESTION.replace("import collections", f"{tear}import collections"))
    (tmp_path / "bytecode").mkdir()
    assert smoke.ask(prefix, {}, tmp_path / "bytecode").version.name == offered.oldest
    assert not (tmp_path / "bytecode").exists()


def test_an_answer_that_came_in_time_is_heard_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def monotonic() -> float:
        if asked:  # as if this process had been stopped until long after the program's end
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, next(iter(proc._running)).pid, os.WEXITED | os.WNOWAIT)
        asked.append(1000.0 * len(asked))
        return asked[-1]

    with monkeypatch.context() as changed:
        changed.setattr(time, "monotonic", monotonic)
        done = proc.contain(["echo", "the answer"], env={"PATH": os.defpath}, timeout=60, most=100)
    assert done == (0, "the answer\n", "")
    assert proc.contain(["sleep", "300"], env={"PATH": os.defpath}, timeout=0.01, most=100).returncode == 124


def test_what_is_said_just_before_the_end_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "_LOOK_SECONDS", 0)  # so that it looks at every moment
    prefix = stand_in(tmp_path / "x", GOOD)
    assert {smoke.ask(prefix, {"PATH": os.defpath}).version.name for _ in range(100)} == {"3.12.1"}


# Tells of each smoke run whether it has a folder for bytecode, and so a copy
_TELLING = """
import sys
from pyv import smoke
from pyv.cli import run
ask = smoke.ask
def telling(prefix, env, bytecode=None, **others):
    print("a copy" if bytecode.is_dir() else "no copy", flush=True)
    return ask(prefix, env, bytecode, **others)
smoke.ask = telling
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_of_several_versions_only_the_last_one_compiles_ahead(offered: Offer, versions: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TELLING, "install", "-q", *offered[2 : 2 + versions]],
        env=environment(PYV_MIRROR=str(offered.folder)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.splitlines()) == ["a copy"] + ["no copy"] * (versions - 1)
