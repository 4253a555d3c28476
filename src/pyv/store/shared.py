"""The stores of others: what of them can be used here. Nothing is ever written there, not even a lock."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv.errors import PyvError
from pyv.layout import Layout
from pyv.platforms import Platform
from pyv.store.model import Installed, can_start, version_of
from pyv.store.store import Store
from pyv.versions import newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.platforms import Host
    from pyv.versions import Request


def find(own: Store, request: Request, host: Host) -> Installed | None:
    """Return the newest version of all shared stores that a request means; of equal ones that of the nearest store.

    In each store a short name means what its owner has made it mean.

    Args:
        own: the user's own store. If that has something newer, None is returned.
        request: what is asked for.
        host: this machine, for a store may serve several kinds.
    """
    found = [store.find(request) for store in _stores(own.layout)]
    usable = [each for each in found if each is not None and _is_usable(each, host)]
    theirs, mine = newest(usable, request, version_of), own.find(request)
    if theirs is None or mine is None or mine.version is None:
        return theirs
    return theirs if newest([theirs, mine], request, version_of) is theirs else None


def made_from(layout: Layout, sha256: str, host: Host) -> Installed | None:
    """Return a version of a shared store that was made from one archive, and no other.

    Args:
        layout: of the user's own store.
        sha256: of the archive.
        host: this machine.
    """
    for store in _stores(layout):
        for each in store.installed():
            if each.version and store.receipt(each.name).get("sha256") == sha256 and _is_usable(each, host):
                return each
    return None


def _stores(layout: Layout) -> Iterator[Store]:
    own = os.path.realpath(layout.root)
    for root in layout.shared:
        if os.path.realpath(root) != own:
            yield Store(Layout({"PYV_ROOT": os.fspath(root)}, "/"), _ignore)


def _is_usable(installed: Installed, host: Host) -> bool:
    """Tell whether this user can start a version on this machine."""
    if installed.version is None or not can_start(installed.path):
        return False
    store = Store(Layout({"PYV_ROOT": os.fspath(installed.path.parent.parent)}, "/"), _ignore)
    try:
        return host.runs(Platform.parse(str(store.receipt(installed.name)["platform"])))
    except (KeyError, PyvError):  # put there by hand, or by an older pyv: its owner knows
        return True


def _ignore(_line: str) -> None:
    pass
