"""Write docs/quickstart.svg: what a terminal shows when somebody uses pyv for the first time.

    python scripts/make_recording.py                       with the CPython that runs this
    python scripts/make_recording.py --python PREFIX       with another one
    python scripts/make_recording.py --into FILE           elsewhere

The commands are typed into a real bash on a terminal of its own, in a new home. The CPython is packed into a mirror,
its own pip is put into an index beside it, and both are served on 127.0.0.1: no network is needed. Only the folder of
the home is shown as another one.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
import http.server
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent.parent
COMMANDS = (
    "pyv init --install",
    "exec bash",
    "pyv install {minor}",
    "mkdir demo && cd demo",
    "pyv local {minor}",
    "pyv venv",
    "python -V",
    "pyv which -v python",
    "pyv versions",
)
_SHOWN_HOME = "/home/you"
_COLUMNS, _ROWS = 100, 40
_PATIENCE = 120.0
# What the prompt ends with; a terminal takes the first part for its title, and shows nothing of it
_READY = "\x1b]0;pyv\x07$ "
_COLOURS = {"2": "#8b949e", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341"}
_SIZE, _LINE, _WIDTH, _EDGE = 14, 20, 8.43, 18


class Piece(NamedTuple):
    """Some characters of a line, in one colour."""

    text: str
    colour: str


def main(arguments: Sequence[str]) -> int:
    """Run the script and return its exit status."""
    parser = argparse.ArgumentParser(description="Record a first session with pyv as a picture.")
    parser.add_argument("--python", type=Path, default=Path(sys.base_prefix), metavar="PREFIX", help="which CPython")
    parser.add_argument("--into", type=Path, default=HERE / "docs/quickstart.svg", metavar="FILE", help="the picture")
    parser.add_argument("--mirror", type=Path, metavar="FOLDER", help="a mirror that has it already")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        written = record(Path(scratch), options.python, options.mirror)
    options.into.write_text(picture(render(written)), "utf-8")
    return 0


def record(scratch: Path, prefix: Path, mirror: Path | None) -> str:
    """Type the commands, and return all that the terminal was sent."""
    served = scratch / "served"
    served.mkdir()
    home = scratch / "home"
    (home / ".local/bin").mkdir(parents=True)
    pyv = home / ".local/bin/pyv"
    pyv.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pyv "$@"\n')
    pyv.chmod(0o755)
    env = {
        "HOME": str(home),
        "PATH": f"{pyv.parent}:/usr/bin:/bin",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "PYV_CACHE_DIR": str(home / ".cache/pyv"),
    }
    if mirror is None:
        mirror = scratch / "mirror"
        _run(["pack", str(prefix), "-o", str(mirror)], env)
    for entry in mirror.iterdir():
        (served / entry.name).symlink_to(entry.resolve())
    _index(prefix, served / "simple")
    archive = next(served.glob("*/cpython-*.tar.gz"))
    minor = re.findall(r"cpython-(\d+\.\d+)", archive.name)[0]
    (home / ".bashrc").write_text("PS1='\\[\\e]0;pyv\\a\\]$ '\nbind 'set enable-bracketed-paste off'\n", "utf-8")
    with _Served(served) as url:
        env |= {"PYV_MIRROR": url, "PIP_INDEX_URL": f"{url}/simple"}
        written = "".join(_typed([command.format(minor=minor) for command in COMMANDS], home, env))
    return written.replace(str(home), _SHOWN_HOME)


def _index(prefix: Path, folder: Path) -> None:
    """Make an index of the wheels that a CPython carries for new environments: pip, and setuptools in older ones."""
    for wheel in prefix.glob("lib/python3*/ensurepip/_bundled/*.whl"):
        place = folder / wheel.name.split("-")[0]
        place.mkdir(parents=True)
        shutil.copy(wheel, place)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (place / "index.html").write_text(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n', "utf-8")


def _run(words: Sequence[str], env: dict[str, str]) -> None:
    line = [sys.executable, "-m", "pyv", *words]
    subprocess.run(line, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""


class _Served:
    """A folder on 127.0.0.1, while the context lasts."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _typed(commands: Sequence[str], home: Path, env: dict[str, str]) -> Iterator[str]:
    """Yield what the terminal is sent while a person types commands, each after the answer to the one before."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            os.chdir(home)
            os.execvpe("bash", ["bash", "-i"], env)  # noqa: S606, S607 - the terminal is made by the fork before it
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    try:
        yield _until_ready(terminal)
        for command in commands:
            os.write(terminal, f"{command}\n".encode())
            yield _until_ready(terminal)
    finally:
        os.close(terminal)  # hangs up, which ends the shell
        os.waitpid(child, 0)


def _until_ready(terminal: int) -> str:
    written = b""
    deadline = time.monotonic() + _PATIENCE
    while not written.endswith(_READY.encode()):
        if not select.select([terminal], [], [], max(deadline - time.monotonic(), 0))[0]:
            raise TimeoutError(f"the shell does not come back:\n{written.decode(errors='replace')}")
        written += os.read(terminal, 65536)
    return written.decode()


def render(written: str) -> list[list[Piece]]:
    """Return the lines that stand on a terminal after all that was written to it."""
    lines: list[list[tuple[str, str]]] = [[]]
    row = column = 0
    colour = ""
    for found in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|([^\x1b])", written):
        codes, command, letter = found.groups()
        if command == "m":
            colour = codes if codes in _COLOURS else ""
        elif command == "A":
            row = max(row - int(codes or 1), 0)
        elif command == "K":
            del lines[row][column:]
        elif letter == "\r":
            column = 0
        elif letter == "\n":
            row += 1
            lines += [[]] if row == len(lines) else []
        elif letter and letter >= " ":
            line = lines[row]
            line += [(" ", "")] * (column + 1 - len(line))
            line[column] = (letter, colour)
            column += 1
            if column == _COLUMNS:
                row, column = row + 1, 0
                lines += [[]] if row == len(lines) else []
    return [_pieces(line) for line in lines[:-1]]  # the last one is a prompt that waits


def _pieces(line: list[tuple[str, str]]) -> list[Piece]:
    while line and line[-1][0] == " ":
        line.pop()
    pieces: list[Piece] = []
    for letter, colour in line:
        if pieces and pieces[-1].colour == colour:
            pieces[-1] = Piece(pieces[-1].text + letter, colour)
        else:
            pieces.append(Piece(letter, colour))
    return pieces


def picture(lines: list[list[Piece]]) -> str:
    """Return lines of a terminal as SVG."""
    width, height = round(_COLUMNS * _WIDTH + 2 * _EDGE), len(lines) * _LINE + 2 * _EDGE
    rows = "".join(_row(number, line) for number, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>A first session with pyv</title>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        f'<g font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{_SIZE}" '
        f'fill="#e6edf3" xml:space="preserve">\n{rows}</g>\n</svg>\n'
    )


def _row(number: int, line: list[Piece]) -> str:
    spans = ""
    for piece in line:
        text = escape(piece.text, quote=False)
        fill = f' fill="{_COLOURS[piece.colour]}"' if piece.colour else ""
        spans += f"<tspan{fill}>{text}</tspan>"
    return f'<text x="{_EDGE}" y="{_EDGE + (number + 1) * _LINE - 6}">{spans}</text>\n' if spans else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
