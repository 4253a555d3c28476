"""What a selection is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.pins import Pin


class Chosen(NamedTuple):
    """One selected version.

    Attributes:
        name: the version's name, `3.12.7`, or `system`.
        prefix: the folder whose `bin` has its commands; None for `system`.
        pin: what asked for it; None where nothing did.
    """

    name: str
    prefix: Path | None
    pin: Pin | None


class Selection(NamedTuple):
    """What holds in a folder.

    Attributes:
        rule: what decided: `variable` (PYV_VERSION), `environment` (a known one), `file`, `global`, or `default`
            where nothing is pinned.
        source: the variable's name, or the path of the environment or file; for `default`, the global file's.
        chosen: the versions, in order; at least one.
        environment: the known environment, if one decided.
    """

    rule: str
    source: str
    chosen: tuple[Chosen, ...]
    environment: Path | None = None

    @property
    def origin(self) -> str:
        """What decided, for people: `PYV_VERSION environment variable`, or the path."""
        return f"{self.source} environment variable" if self.rule == "variable" else self.source


class Found(NamedTuple):
    """A command that was found.

    Attributes:
        path: its path.
        selection: the selection.
        why: how the one led to the other.
        of_path: whether it is from the rest of PATH.
    """

    path: str
    selection: Selection
    why: str
    of_path: bool = False
