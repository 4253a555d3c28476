"""Ends a command before each of its changes to the file system, one after the other, and notes what is left each time.

    for each in kill_everywhere(["uninstall", "-y", "3.12.8"]): ...

The home of the test, with the store and the cache in it, is put back to what it was before every kill. All this happens
in a process of its own, which forks one for each command: to start a new pyv each time would take minutes.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HOME = Path(__file__).parents[2]
# What changes something that another process can see. An event comes before the change that it announces.
_CHANGES = ("rename", "mkdir", "symlink", "link", "remove", "rmdir", "utime", "chmod", "truncate")
_EVENTS = frozenset(f"os.{name}" for name in _CHANGES)
_MOST = 400
# How many random kills are asked for; tests of an isolated environment take the variable away, so it is read before
KILLS = int(os.environ.get("PYV_TEST_KILLS", "0"))


class Killed(NamedTuple):
    """One kill, and what came after it.

    Attributes:
        number: before which of the command's changes it came, from 1.
        change: which one that was; nothing, if there were not so many.
        ended: the exit status of the command, and what it said.
        staged: what it left in the staging area.
        dangling: the names of versions that led to nothing right after the kill.
        shims: the names of the shims right after it, without those that are empty.
        listed: what `pyv versions` then listed.
        started: of those, the ones whose Python starts.
        again: the exit status of the same command, once more, and what it said.
        after: what was listed then.
        left: what lies in the staging area after that, and what of the registry of environments leads to nothing.
    """

    number: int
    change: str
    ended: tuple[int, str]
    staged: list[str]
    dangling: list[str]
    shims: list[str]
    listed: list[str]
    started: list[str]
    again: tuple[int, str]
    after: list[str]
    left: list[str]


def kill_everywhere(arguments: list[str], *, cwd: Path, every: int = 1, by: str = "SIGKILL") -> list[Killed]:
    """Kill a command before each of its changes; the last entry is that of a run that came to its end.

    Args:
        arguments: the command.
        cwd: where it is given.
        every: only before each so-manieth change; if PYV_TEST_KILLS is set, before each one all the same.
        by: the signal that its process group gets.
    """
    step = 1 if KILLS else every
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killing", json.dumps(arguments), str(cwd), str(step), by],
        cwd=HOME,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Killed(**json.loads(line)) for line in done.stdout.splitlines()]


def _main() -> None:
    arguments: list[str] = json.loads(sys.argv[1])
    cwd, home = sys.argv[2], os.environ["HOME"]
    saved = f"{home}.saved"
    _copy(home, saved)
    # Imported once, for all forks
    _status(_fork(["versions", "--bare"], cwd))
    for name in ("click", "httpx", "pyv.cli.group"):
        importlib.import_module(name)
    for number in range(1, _MOST, int(sys.argv[3])):
        _copy(saved, home)
        note = f"{home}.note"
        Path(note).write_text("")
        status = _status(_fork(arguments, cwd, kill_at=number, note=note))
        change = Path(note).read_text()
        _print(_look(number, change, (status, _said()), arguments, cwd))
        if not change:
            return
    raise AssertionError("it never comes to its end")


def _look(number: int, change: str, ended: tuple[int, str], arguments: list[str], cwd: str) -> Killed:
    root = Path(os.environ["PYV_ROOT"])
    staged = _staged(root)
    dangling = _dangling(root / "versions")
    shims = root / "shims"
    names = sorted(path.name for path in shims.iterdir() if path.stat().st_size) if shims.is_dir() else []
    listed = _listed(cwd)
    started = [name for name in listed if _starts(root / "versions" / name / "bin/python")]
    again = (_status(_fork(arguments, cwd)), _said())
    after = _listed(cwd)
    left = _staged(root) + _dangling(root / "venvs")
    return Killed(number, change, ended, staged, dangling, names, listed, started, again, after, left)


def _said() -> str:
    said = Path(f"{os.environ['HOME']}.err").read_text()
    assert "Traceback" not in said, said
    assert "internal error" not in said, said
    return said


def _staged(root: Path) -> list[str]:
    return os.listdir(root / "tmp") if (root / "tmp").is_dir() else []


def _dangling(folder: Path) -> list[str]:
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return [str(each) for each in entries if each.name[0] != "." and each.is_symlink() and not each.exists()]


def _listed(cwd: str) -> list[str]:
    status = _status(_fork(["versions", "--bare", "--skip-aliases"], cwd))
    home = os.environ["HOME"]
    assert status == 0, Path(f"{home}.err").read_text()
    return Path(f"{home}.out").read_text().splitlines()


def _starts(python: Path) -> bool:
    done = subprocess.run([python, "-c", "print(1)"], capture_output=True, check=False, timeout=60)
    return done.returncode == 0 and done.stdout.strip() != b""


def _copy(source: str, target: str) -> None:
    subprocess.run(["rm", "-rf", target], check=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def _fork(arguments: list[str], cwd: str, *, kill_at: int = 0, note: str = "") -> int:
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        os.setsid()
        os.chdir(cwd)
        os.environ["PWD"] = cwd
        home = os.environ["HOME"]
        for number, name in ((0, os.devnull), (1, f"{home}.out"), (2, f"{home}.err")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        signal.alarm(60)
        from pyv.cli import run

        if kill_at:
            _arm(kill_at, note)
        status = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _arm(number: int, note: str) -> None:
    left = number

    def count(event: str, details: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)
        if event not in _EVENTS and not writes:
            return
        left -= 1
        if left == 0:
            descriptor = os.open(note, os.O_WRONLY)
            os.write(descriptor, f"{event} {details}".encode())
            os.killpg(0, signal.Signals[sys.argv[4]])

    sys.addaudithook(count)


def _status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _print(killed: Killed) -> None:
    sys.stdout.write(f"{json.dumps(killed._asdict())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
