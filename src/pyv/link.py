"""Linking: a Python from elsewhere, under a name in the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import fsops, smoke
from pyv.errors import NotFoundError, UsageError, explained, shell_word
from pyv.versions import Request, is_safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyv.store import Store


def link(store: Store, name: str, prefix: Path, env: Mapping[str, str], *, force: bool) -> Path:
    """Put a link to an installed Python into the store, so that its name is a request like any other.

    Args:
        store: where to.
        name: what it will be called: a word of your own, or the name of the very version that it is.
        prefix: the folder of the installation, the one with `bin`.
        env: the environment in which its interpreter is asked for its version.
        force: replace another link of that name.

    Returns:
        The link.

    Raises:
        UsageError: the name is none, reads as a request for something else, or is taken.
        NotFoundError: there is no Python in that folder.
        StoreError: the link could not be made.
    """
    request = Request.parse(name) if is_safe_name(name) else None
    if request is None or (request.kind != "name" and (request.exact is None or request.exact.name != name)):
        raise UsageError(
            f"{name!r} cannot be a name in the store", hint="use a word, such as conda, or a full version, 3.12.7"
        )
    if not os.path.exists(smoke.executable(prefix)):
        raise NotFoundError(f"there is no Python in {prefix}", hint="give the folder that has bin/python3 in it")
    if request.exact is not None:
        reported = smoke.ask(prefix, env)
        if not reported.agrees(request.exact):
            raise UsageError(
                f"{prefix} holds {reported.version}, not {name}",
                hint=f"pyv link {reported.version} {shell_word(prefix)}",
            )
    path = store.layout.version(name)
    with explained(f"link {name}"), store.lock(name, f"it works on {name}"):
        if os.path.lexists(path) and not (force and os.path.islink(path)):
            raise UsageError(f"{name} is taken: {path}", hint=f"pyv uninstall {name}, or take another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        fsops.replace_link(path, os.fspath(prefix))
        store.update_links()
    return path
