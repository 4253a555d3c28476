"""One sync at a time for one environment."""

from __future__ import annotations

import binascii
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyv import fsops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyv.layout import Layout

_LOCKS = 0xFFF


@contextmanager
def held(venv: Path, layout: Layout, notify: Callable[[str], None]) -> Iterator[None]:
    """Let no other pyv install into the same environment.

    Args:
        venv: the environment; it need not exist.
        layout: where the lock lies: in the store, else in the user's own folder.
        notify: called when another one has to be waited for.
    """
    # A lock file is never removed, so there are some for all environments together and not one for each. They are
    # others than those for making an environment, which is done while these are held.
    number = binascii.crc32(os.fsencode(os.path.realpath(venv))) & _LOCKS
    paths = [folder / f"sync-{number:03x}.lock" for folder in (layout.locks, layout.own_venvs.parent / "locks")]
    with fsops.lock_first(
        paths, waiting=lambda: notify(f"waiting for another pyv: it installs into {venv}"), warn=notify
    ):
        yield
