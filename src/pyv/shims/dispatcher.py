"""The dispatcher: the one file behind every shim, made from a template, which can tell whether it is still whole.

Line 1 names the sh that runs it. Line 2 is `# pyv dispatcher VERSION CHECK PATHS`: the version of the pyv that made it,
a checksum of everything else, and what that pyv needs to run, its interpreter and its package, and the store, with
unusual bytes escaped and a tab between them.
"""

from __future__ import annotations

import binascii
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from pyv import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# The name under which it is pyv itself
OWN = "pyv"
# The shim that is looked at for all that are one file with it: where there is an interpreter, there is this
WITNESS = "python"
# Whatever is longer is no dispatcher, and need not be read
_MAX_BYTES = 256 * 1024
# Gone when this pyv is, for instance because it was installed in another way; a folder can be left over
_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__init__.py")
_MARK = b"# pyv dispatcher "
_EXECUTABLE = 0o555
# An sh reads the file anew for each command, remarks and indentation included: a twentieth of what a shim costs. No
# word of the template goes over a line's end.
_FOR_READERS = re.compile(rb"^[ \t]*#.*\n|^[ \t]+", re.MULTILINE)
# Under its own name bash would run the file that BASH_ENV names before every command, and its caller's functions
# instead of its own builtins. Others are not asked for it, for not every sh knows the option.
_PRIVILEGED = b" -p"


class Dispatcher(NamedTuple):
    """A dispatcher as it was found, whole, whichever pyv made it.

    Attributes:
        shell: the sh in its first line.
        version: the version of the pyv that made it.
        needs: the interpreter and the package of that pyv; both must exist.
        root: the store that it is for, as its path was spelled.
        content: the whole file.
        mode: its permission bits.
        changed: its time of modification, in nanoseconds.
    """

    shell: str
    version: str
    needs: tuple[str, ...]
    root: str
    content: bytes
    mode: int
    changed: int

    @property
    def executable(self) -> bool:
        """Whether everybody can run it; some file systems add bits of their own."""
        return self.mode & _EXECUTABLE == _EXECUTABLE

    def works(self, root: str) -> bool:
        """Tell whether it is of this version of pyv, for that store, and can be run, and can run pyv."""
        return (
            self.version == __version__
            and self.executable
            and self.serves(root)
            and os.access(self.shell, os.X_OK)
            and all(map(os.path.exists, self.needs))
        )

    def serves(self, root: str) -> bool:
        """Tell whether it is for a store, however the path of that is spelled."""
        if self.root == root:
            return True
        try:
            return os.path.samefile(self.root, root)
        except OSError:
            return False


def render(template: bytes, *, shell: str, root: str, runner: Sequence[str]) -> bytes:
    """Return the content of a dispatcher.

    Args:
        template: its source, whose first two lines are replaced and whose body has the places `@ROOT@` and `@RUN@`;
            its remarks are left out.
        shell: the sh that shall run it.
        root: the store.
        runner: the command that runs pyv.
    """
    # All places in one pass: what is put into one may read like another
    values = {b"ROOT": quoted(root), b"RUN": command(runner)}
    source = _FOR_READERS.sub(b"", template.split(b"\n", 2)[2])
    body = re.sub(rb"@(ROOT|RUN)@", lambda place: values[place[1]], source)
    first, version, needs = first_line(shell), __version__.encode(), _escaped(runner[0], _PACKAGE, root)
    check = _checksum(first, version, needs, body)
    return b"\n".join((first, _MARK + b" ".join((version, check, needs)), body))


def first_line(shell: str) -> bytes:
    """Return the first line of a dispatcher that a sh shall run."""
    return b"#!" + os.fsencode(shell) + (_PRIVILEGED if os.path.basename(shell) == "bash" else b"")


def read(path: str) -> Dispatcher | None:
    """Return the dispatcher at a path; None if what is there is none, or damaged."""
    status, content = look(path)
    if status is None or not is_marked(content):
        return None
    first, second, body = content.split(b"\n", 2)
    words = second.removeprefix(_MARK).split(b" ", 2)
    if len(words) != 3 or words[1] != _checksum(first, words[0], words[2], body):
        return None
    *needs, root = _unescaped(words[2])
    return Dispatcher(
        shell=os.fsdecode(first.removeprefix(b"#!").removesuffix(_PRIVILEGED)),
        version=words[0].decode(),
        needs=tuple(needs),
        root=root,
        content=content,
        mode=stat.S_IMODE(status.st_mode),
        changed=status.st_mtime_ns,
    )


def look(path: str) -> tuple[os.stat_result | None, bytes]:
    """Return status and content of a regular file, not of what a link points to; None and nothing for all else."""
    try:
        # Without waiting, for opening a FIFO would
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, b""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return None, b""
        return status, os.read(descriptor, _MAX_BYTES)
    except OSError:
        return None, b""
    finally:
        os.close(descriptor)


def is_marked(content: bytes) -> bool:
    """Tell whether a file was a dispatcher once: its second line says so."""
    return content.startswith(_MARK, content.find(b"\n") + 1) and content.count(b"\n") >= 2


def command(words: Sequence[str]) -> bytes:
    """Return a command as a shell reads it."""
    return b" ".join(map(quoted, words))


def quoted(text: str) -> bytes:
    """Return a word as a shell reads it, whatever is in it."""
    return b"'" + os.fsencode(text).replace(b"'", rb"'\''") + b"'"


def same_time(one: int, other: int) -> bool:
    """Compare two times in nanoseconds as exactly as file systems keep them; 0 is as good as any."""
    return not one or not other or one // 1000 == other // 1000


def _checksum(*parts: bytes) -> bytes:
    return b"%08x" % binascii.crc32(b"\n".join(parts))


def _escaped(*paths: str) -> bytes:
    return b"\t".join(os.fsencode(path).decode("latin-1").encode("unicode_escape") for path in paths)


def _unescaped(text: bytes) -> tuple[str, ...]:
    return tuple(os.fsdecode(path.decode("unicode_escape").encode("latin-1")) for path in text.split(b"\t"))
