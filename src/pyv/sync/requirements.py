"""Requirements files as pip reads them, as far as one must know which other files they stand on, and what they ask for.

The format is described in pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv.sync.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}", re.ASCII)
_NESTED = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<file>.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+|(?<=-e))(?P<what>.+)")
_OPTIONS = re.compile(r"\s+--?(?:hash|config-settings?|global-option|C)\b.*$")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# What a build of a local project is made from
BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class Requirements(NamedTuple):
    """What several files ask for together.

    Attributes:
        files: every file that was read or should have been, and the local projects and archives that are named.
        roots: each thing that is to be installed, as it is written.
    """

    files: list[Path]
    roots: list[str]


def follow(paths: Sequence[Path], folder: Path, env: Mapping[str, str]) -> Requirements:
    """Read requirements files, and those that they name. One that cannot be read is left for pip to complain of.

    Args:
        paths: the files.
        folder: what paths of local projects are relative to: where pip is run.
        env: what variables in the files stand for.
    """
    files: list[Path] = []
    roots: list[str] = []
    waiting = [(path, True) for path in paths]
    while waiting:
        path, counts = waiting.pop(0)
        if path in files:
            continue
        files.append(path)
        for line in _lines(path, env):
            nested = _NESTED.fullmatch(line)
            if nested:
                name = _bare(nested["file"])
                if "://" not in name and not name.startswith("file:"):  # what lies elsewhere may change unseen
                    target = Path(os.path.normpath(os.path.join(path.parent, name)))
                    waiting.append((target, counts and not line.startswith(("-c", "--constraint"))))
                continue
            editable = _EDITABLE.fullmatch(line)
            if editable or not line.startswith("-"):
                root = _bare(_OPTIONS.sub("", editable["what"] if editable else line))
                files += local_files(root, folder)
                if counts:
                    roots.append(root)
    return Requirements(list(dict.fromkeys(files)), roots)


def _bare(text: str) -> str:
    """Return a text without the quotes around it, if there are such."""
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[0] else text


def _lines(path: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a file, those put together that a backslash continues, without comments."""
    try:
        text = text_of(path)
    except OSError:
        return
    pending = ""
    for line in text.splitlines():
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1]
            continue
        whole = _COMMENT.sub("", pending + line).strip()
        pending = ""
        if whole:
            yield _VARIABLE.sub(lambda found: env.get(found[1]) or found[0], whole)
    if pending.strip():
        yield _COMMENT.sub("", pending).strip()


def local_files(root: str, folder: Path) -> list[Path]:
    """Return the files that decide what a local project or archive is; none for what comes from an index."""
    path = local_path(root, folder)
    if path is None:
        return []
    return [path] if path.name.endswith(_ARCHIVES) else [path / name for name in BUILD_FILES]


def local_path(root: str, folder: Path) -> Path | None:
    """Return the path that a requirement names; None if it names none."""
    text = root.split(" @ ", 1)[-1].split(" ;", 1)[0].strip()
    text = re.sub(r"\[[^\]]*\]$", "", text)
    if text.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        return Path(unquote(urlsplit(text).path))
    if "://" in text:
        return None
    if text.startswith((".", "/", "~")) or os.sep in text or text.endswith(_ARCHIVES):
        return Path(os.path.normpath(os.path.join(folder, text)))
    return None
