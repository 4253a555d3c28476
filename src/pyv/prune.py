"""Pruning: which installed versions nothing that is known refers to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import dependents, pins
from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pyv.layout import Layout
    from pyv.pins import Pin
    from pyv.registry import Registry
    from pyv.store import Installed, Store


class Pruner:
    """Finds what can go. What pyv did not install stays: it could not be had again in the same way.

    Args:
        store: the store.
        registry: the environments of projects.
        selected: the pins that hold here.
        own_prefixes: the prefixes of the interpreter, and of the environment, that pyv runs on.
        complain: called with each pin that cannot be read, for nobody knows what it would keep.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        selected: Sequence[Pin],
        own_prefixes: Sequence[str],
        complain: Callable[[PyvError], None],
    ) -> None:
        self._store = store
        self._layout = store.layout
        self._registry = registry
        self._own = own_prefixes
        # They are read once: they are the user's, and do not change while a version is removed
        self._pins = [*selected, *_known_pins(store.layout, registry, complain)]

    def unused(self) -> list[Installed]:
        """Return the versions that nothing refers to, oldest first."""
        used = self._referred()
        own = {os.path.realpath(prefix) for prefix in self._own}
        return [
            each
            for each in self._store.installed()
            if each.version
            and each.managed
            and not each.target
            and each.name not in used
            and os.path.realpath(each.path) not in own
            and not dependents.processes_on(self._layout, each.path)
        ]

    def _referred(self) -> set[str]:
        """Return the names of all versions that a short name, an environment or a pin means."""
        links = self._store.aliases()
        names = set(links.values())
        registered = [each.path for each in self._registry.all()]
        for environment in dependents.environments(self._layout, registered):
            names |= {links.get(name, name) for name in environment.names}
            names.add(_folder_in(self._layout.versions, os.path.realpath(environment.path / "bin/python")))
        for pin in self._pins:
            found = self._store.find(pin.request)
            if found is not None:
                names.add(found.name)
        return names

    def gone(self) -> list[Path]:
        """Return the registered environments that are no more, but for those whose project still has a pin of its own.

        Through its entry alone such a pin is known.
        """
        return [
            each.path
            for each in self._registry.all()
            if not os.path.lexists(each.path) and not os.path.lexists(each.path.parent / pins.FILE_NAME)
        ]


def _known_pins(layout: Layout, registry: Registry, complain: Callable[[PyvError], None]) -> Iterable[Pin]:
    files = {os.fspath(layout.global_pin): layout.global_pin}
    for each in registry.all():
        nearest = pins.nearest(os.fspath(each.path.parent))
        if nearest is not None:
            files[os.fspath(nearest)] = nearest
    for file in files.values():
        if os.path.lexists(file):
            try:
                yield from pins.read(file)
            except PyvError as error:
                complain(error)


def _folder_in(versions: Path, path: str) -> str:
    """Return the name of the folder in versions/ that a path without links leads into, or nothing."""
    start = os.path.realpath(versions) + os.sep
    return path[len(start) :].partition(os.sep)[0] if path.startswith(start) else ""
