"""What an install is told, and what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.catalogue import Build


class Options(NamedTuple):
    """How to install.

    Attributes:
        force: replace what is installed.
        skip_existing: be content with any installed version that matches, even if a newer one is available.
        allow_pip: leave the interpreter open to pip, instead of marking it externally managed (PEP 668).
        compile_bytecode: compile the standard library, for stores that their users cannot write.
        keep_links: leave the short names alone; the caller moves them.
        by_itself: nobody asks for this one, so that what was uninstalled stays away.
    """

    force: bool = False
    skip_existing: bool = False
    allow_pip: bool = False
    compile_bytecode: bool = False
    keep_links: bool = False
    by_itself: bool = False


class Outcome(NamedTuple):
    """What an install did: the version, and one of `installed`, `replaced`, `linked`, `already` or `opened`."""

    name: str
    path: Path
    what: str


class Watcher(Protocol):
    """Somebody who watches one install."""

    def phase(self, text: str) -> None:
        """Hear what is being done now."""

    def progress(self, received: int, total: int | None) -> None:
        """Hear how many bytes are there, of how many."""


class Job(NamedTuple):
    """One archive to be installed: what it should be (None if only the archive knows), where from, and how."""

    build: Build | None
    file: Path | None
    asset: str
    url: str
    sha256: str
    options: Options
    watcher: Watcher
