"""The hook files: sources with the store's folder put in, and the line that sources one."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops
from pyv.errors import explained
from pyv.init.shells import SOURCING, quoted
from pyv.layout import resources

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.layout import Layout

# Loaded by the hooks of these shells when something is to be completed
_COMPLETING = ("bash", "zsh", "fish")
_SUFFIX = {"pwsh": "ps1"}
_ROOT = b"@ROOT@"


def code(layout: Layout, shell: str) -> str:
    """Return the whole hook of a shell."""
    return os.fsdecode(_rendered(layout, shell))


def _rendered(layout: Layout, shell: str) -> bytes:
    source = (resources() / f"hook.{_SUFFIX.get(shell, shell)}").read_bytes()
    return source.replace(_ROOT, os.fsencode(quoted(shell, os.fspath(layout.root))))


def write_hooks(layout: Layout) -> list[Path]:
    """Bring the hook files in the store up to date, each in one step, and return those that were not.

    Raises:
        StoreError: one cannot be written.
    """
    wanted = {layout.hooks / f"pyv.{shell}": _rendered(layout, shell) for shell in SOURCING}
    for shell in _COMPLETING:
        wanted[layout.hooks / f"complete.{shell}"] = (resources() / f"complete.{shell}").read_bytes()
    changed = []
    with explained("write the shell hooks"):
        for path, content in wanted.items():
            if _content(path) != content:
                fsops.write_whole(path, content, durable=False)
                changed.append(path)
    return changed


def _content(path: Path) -> bytes | None:
    with suppress(OSError), fsops.open_regular(path) as file:
        return file.read()
    return None


def line(layout: Layout, shell: str, *, hook: bool = True, condition: str = "") -> str:
    """Return the line of an rc file: it sources the hook file, if there still is one, and starts no process.

    Args:
        layout: where the store is.
        shell: one of `SOURCING`.
        hook: whether the shell shall do more than have the shims on PATH.
        condition: what must hold besides, a command of sh.
    """
    file = quoted(shell, os.fspath(layout.hooks / f"pyv.{shell}"))
    if shell == "fish":
        return f"if test -r {file}; {'' if hook else 'set -g _pyv_only_path yes; '}source {file}; end"
    if shell == "tcsh":
        return f"{'' if hook else 'set _pyv_only_path; '}if ( -r {file} ) source {file}"
    also = f"{condition} && " if condition else ""
    return f"if {also}[ -r {file} ]; then {'' if hook else '_pyv_only_path=yes; '}. {file}; fi"
