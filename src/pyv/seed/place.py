"""Puts what is unpacked into one environment: folders, files, commands, and the RECORD that knows them all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.seed import links

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyv.seed.kept import Unpacked

# The kernel cuts longer first lines (execve(2): 127 bytes before Linux 5.1)
_LONGEST_SHEBANG = 127
_WORDS = {"clone": "clones", "hardlink": "hard links", "copy": "copies"}


def place(
    unpacked: Unpacked,
    site_packages: Path,
    bin_folder: Path,
    executable: str,
    *,
    link_mode: str,
    notify: Callable[[str], None],
) -> None:
    """Install one package, in place of what stands there under its name.

    Args:
        unpacked: the package; it was found intact.
        site_packages: an existing folder.
        bin_folder: an existing folder, for the commands.
        executable: the python that the commands start, as an absolute path.
        link_mode: one of `LINK_MODES`.
        notify: called with one line if another way than a given one had to be taken.

    Raises:
        OSError: something cannot be made, or the seed is gone.
    """
    target = os.fspath(site_packages)
    _clear(target, unpacked)
    for folder in unpacked.folders:
        try:
            os.mkdir(f"{target}{os.sep}{folder}")
        except FileExistsError:  # __pycache__, which several packages share
            continue
    taken = links.lay(os.fspath(unpacked.root), target, unpacked.files, link_mode)
    if link_mode not in ("auto", taken):
        notify(f"{unpacked.root} has no {_WORDS[link_mode]} in {target}: {_WORDS[taken]} are used")
    rows = ""
    upward = os.path.relpath(bin_folder, site_packages)
    for name, module, function in unpacked.scripts:
        content = script(executable, module, function)
        command = os.path.join(bin_folder, name)
        with suppress(FileNotFoundError):
            os.unlink(command)
        links.write_new(command, content, 0o755)
        rows += f"{upward}/{name},{_digest(content)},{len(content)}\r\n"
    record = os.path.join(target, unpacked.metadata, "RECORD")
    links.write_new(record, (rows + unpacked.rows).encode(), 0o644)


def script(executable: str, module: str, function: str) -> bytes:
    """Return a command that runs a function in a Python.

    Where no first line can name the Python, because it has a blank or is too long, sh starts it: the second line is a
    command to sh and a row of string literals to Python, whatever bytes the path has.
    """
    path = os.fsencode(executable)
    plain = path.isascii() and executable.isprintable() and " " not in executable
    if plain and len(path) + len("#!\n") <= _LONGEST_SHEBANG:
        head = b"#!" + path + b"\n"
    else:
        head = b"#!/bin/sh\n# coding: latin-1\n'exec' " + _quoted(path) + b' "$0" "$@"\n'
    name = function.partition(".")[0]
    body = f'import sys\n\nfrom {module} import {name}\n\nif __name__ == "__main__":\n    sys.exit({function}())\n'
    return head + body.encode()


def _quoted(path: bytes) -> bytes:
    """Return a path as a word that means the same to sh and to Python."""
    if not any(byte in path for byte in (b"\\", b"\n", b"\r", b"\0")):
        if b"'" not in path:
            return b"'" + path + b"'"
        if not any(byte in path for byte in (b'"', b"$", b"`")):
            return b'"' + path + b'"'
    # No such word exists; from beside the command it works, too, unless it is called through a link elsewhere
    return b'"${0%/*}/' + path.rpartition(b"/")[2] + b'"'


def _digest(content: bytes) -> str:
    from binascii import b2a_base64

    try:  # hashlib loads OpenSSL, which takes longer than everything else here but the links; Python has its own
        from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]  # from 3.12 on
    except ImportError:
        from hashlib import sha256
    encoded = b2a_base64(sha256(content).digest(), newline=False).rstrip(b"=")
    return "sha256=" + encoded.decode().replace("+", "-").replace("/", "_")


def _clear(target: str, unpacked: Unpacked) -> None:
    """Remove another version of the same package, or what is left of one."""
    own = {path for path in (*unpacked.folders, *(file[0] for file in unpacked.files)) if "/" not in path}
    shared = "__pycache__"
    if shared in own:
        own.remove(shared)
        own.update(file[0] for file in unpacked.files if file[0].startswith(f"{shared}/"))
    old = {name for name in os.listdir(target) if name.startswith(f"{unpacked.name}-") and name.endswith(".dist-info")}
    for name in own | old:
        if os.path.lexists(f"{target}{os.sep}{name}"):
            fsops.remove_tree(Path(target, name))
