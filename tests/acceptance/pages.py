"""Pages of the documentation, read by those who run what stands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FENCE = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        language: what stands behind its fence.
        file: the file that it is the content of, if the line before it says so.
        text: the code.
    """

    language: str
    file: str
    text: str


def read(page: Path) -> Mapping[str, tuple[Block, ...]]:
    """Return the blocks of each section of a page."""
    found = {}
    for part in page.read_text().split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        found[title] = tuple(Block(language, file, text) for file, language, text in _FENCE.findall(body))
    return found
