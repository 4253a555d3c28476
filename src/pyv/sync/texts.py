"""Reading the files of a project: small, regular, and TOML where they should be."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.errors import UsageError, shell_word

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 32 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def text_of(path: Path) -> str:
    """Return the content of a file, in the encoding that its first bytes tell; UTF-8 without such.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with fsops.open_regular(path) as file:
        data = file.read(_MAX_BYTES)
    for mark, encoding in _MARKS:
        if data.startswith(mark):  # what the shell of Windows writes is UTF-16
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def toml_of(path: Path) -> dict[str, object] | None:
    """Return the content of a TOML file, or None if there is none.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    try:
        return parse_toml(text_of(path), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint=f"see who may read it: ls -l {shell_word(path)}"
        ) from error


def parse_toml(text: str, path: Path) -> dict[str, object]:
    """Understand TOML.

    Raises:
        UsageError: it is none.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint="mend it there, then repeat") from None
    return content


def table(content: object, *keys: str) -> dict[str, object]:
    """Return a table within a TOML document; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}
