"""What all workers of a session share: a folder, and work that one of them does for all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def shared_folder(factory: pytest.TempPathFactory, name: str = "") -> Path:
    """Return a folder of the session, the same one for all its workers."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def once(folder: Path, name: str) -> Iterator[bool]:
    """Yield True to the first who asks, of all workers of the session; others wait, or take over if it fails."""
    with FileLock(folder / f"{name}.lock"):
        done = folder / f"{name}.done"
        yield not done.exists()
        done.touch()
