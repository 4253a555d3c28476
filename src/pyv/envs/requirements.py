"""Files of requirements, as somebody names them who makes an environment."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pyv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What pip fetches itself
_URL = re.compile(r"(?:https?|file):", re.IGNORECASE)


def requirement_files(named: Sequence[str], cwd: str) -> list[str]:
    """Return files of requirements as pip finds them in any folder: urls as they are, and absolute paths.

    Raises:
        UsageError: there is no such file, or it cannot be read.
    """
    found = [each if _URL.match(each) else os.path.join(cwd, each) for each in named]
    for path in found:
        # A pipe is as good as a file
        if not _URL.match(path) and (os.path.isdir(path) or not os.access(path, os.R_OK)):
            raise UsageError(f"{path} is no file that can be read", hint="name one of requirements: pyv venv -r FILE")
    return found
