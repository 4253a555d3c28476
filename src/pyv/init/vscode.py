"""The interpreter of a project in VS Code's settings for that project, and nothing else in them changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from pyv.errors import PyvError, StoreError
from pyv.init import files, jsonc

if TYPE_CHECKING:
    from pathlib import Path

# Followed until somebody chooses another interpreter in the window of the editor
KEY = "python.defaultInterpreterPath"
WORKSPACE = "${workspaceFolder}"
_BOM = b"\xef\xbb\xbf"


class Written(NamedTuple):
    """What has become of the settings.

    Attributes:
        path: the file.
        changed: whether it had to be.
        before: what was named there before; empty if nothing was.
    """

    path: Path
    changed: bool
    before: str


def name_interpreter(folder: Path, interpreter: str) -> Written:
    """Make the settings of a folder name an interpreter. Repeating it changes nothing.

    Args:
        folder: the one that is opened in VS Code.
        interpreter: its path; may begin with `WORKSPACE`.

    Raises:
        PyvError: the settings cannot be understood, or are not this folder's own. They are then as they were.
        StoreError: they cannot be read or written.
    """
    path = folder / ".vscode/settings.json"
    by_hand = f"put it in by hand: {json.dumps(KEY)}: {json.dumps(interpreter)}"
    try:
        _refuse_outside(path, folder, by_hand)
        data = files.read(path) or b""
        mark = _BOM if data.startswith(_BOM) else b""
        text = data[len(mark) :].decode()
        before = jsonc.value(text, KEY)
        after = mark + jsonc.with_member(text, KEY, interpreter).encode()
        if after != data:
            files.replace(path, after)
    except OSError as error:
        raise StoreError(f"{path} cannot be changed: {error.strerror}", hint=by_hand) from error
    except UnicodeError as error:
        raise PyvError(f"{path} is left alone: it, or the interpreter's path, is not UTF-8", hint=by_hand) from error
    except jsonc.UnreadableError as error:
        raise PyvError(f"{path} is left alone, for it cannot be understood: {error}", hint=by_hand) from error
    return Written(path, after != data, before if isinstance(before, str) else "")


def _refuse_outside(path: Path, folder: Path, by_hand: str) -> None:
    """Refuse settings that are a link out of the project: a clone's could lead to the user's own, for all projects."""
    real, home = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath([real, home]) != home:
        raise PyvError(f"{path} is left alone, for it leads out of the project, to {real}", hint=by_hand)
