"""Pins: the requests that a variable or a file makes for a folder, each with where it came from."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import RequestError
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE_NAME = ".python-version"
VARIABLE = "PYV_VERSION"
# A pin is a few words; whatever is larger is no pin file, and reading it whole could take all memory
_MAX_BYTES = 64 * 1024


class Pin(NamedTuple):
    """A request and its source.

    Attributes:
        request: what is asked for.
        source: the file, or the name of the variable.
        line: the line of the file, from 1; 0 for a variable.
    """

    request: Request
    source: str
    line: int

    @property
    def origin(self) -> str:
        """The source as a person finds it: `/home/me/project/.python-version:1`, or the variable's name."""
        return f"{self.source}:{self.line}" if self.line else self.source


def parse(text: str, source: str, *, numbered: bool = True) -> list[Pin]:
    """Read pins: one or several a line, separated by blanks or colons, with `#` comments.

    Args:
        text: the content of a pin file, or of the variable.
        source: where it came from, for messages.
        numbered: whether lines mean something there.

    Raises:
        RequestError: it holds something that is no version request, or nothing at all.
    """
    pins: list[Pin] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = number if numbered else 0
        # Blanks inside a range belong to it: ">= 3.11, < 3.13" is one request
        content = re.sub(r"[ \t]*,[ \t]*", ",", raw.removesuffix("\r").split("#", 1)[0])
        content = re.sub(r"([<>=!~])[ \t]+", r"\1", content)
        words = filter(None, re.split(r"[ \t:]+", content))
        pins.extend(Pin(_request(word, source, line), source, line) for word in words)
    if not pins:
        raise RequestError(f"{source} names no version", hint="write one into it, such as 3.12")
    return pins


def requests(words: Iterable[str]) -> list[Request]:
    """Return what the words of a command line ask for; as in a pin, colons separate several in one word.

    Raises:
        RequestError: one is no request.
    """
    return [Request.parse(part) for word in words for part in (list(filter(None, word.split(":"))) or [word])]


def _request(word: str, source: str, line: int) -> Request:
    try:
        return Request.parse(word)
    except RequestError as error:
        where = f"{source}, line {line}" if line else source
        raise RequestError(f"{where}: {error.message}", hint=error.hint) from None


def read(path: Path) -> list[Pin]:
    """Read a pin file.

    Raises:
        RequestError: it cannot be read, is no regular file, or holds something else than requests.
    """
    try:
        # O_NONBLOCK: opening a FIFO of that name would wait for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RequestError(f"{path} is no regular file", hint=f"remove it, or name the version in {VARIABLE}")
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}", hint=f"mend it, or set {VARIABLE}") from error
    if len(data) > _MAX_BYTES:
        raise RequestError(
            f"{path} is too large for a file that names versions",
            hint=f"remove it, or name the version in {VARIABLE}",
        )
    try:
        # No shell can see a NUL: what its `read` drops is dropped here
        text = data.replace(b"\0", b"").decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(f"{path} is not UTF-8 text", hint="write it again, as plain text") from None
    return parse(text, os.fspath(path))


def folders_upward(start: str) -> Iterator[Path]:
    """Yield a folder and all above it, as the path is spelled: a folder reached through a link keeps those parents."""
    folder = Path(os.path.normpath(start))
    yield folder
    yield from folder.parents


def nearest(start: str) -> Path | None:
    """Return the pin file of a folder: its own, else the nearest above it. A dangling link is one, for it must be told.

    Args:
        start: an absolute path.
    """
    for folder in folders_upward(start):
        if os.path.lexists(folder / FILE_NAME):  # false where the folder cannot be searched: what is in it is not ours
            return folder / FILE_NAME
    return None
