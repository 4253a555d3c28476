"""A copy of an installation that depends neither on its old place nor on its new one."""

from __future__ import annotations

import posixpath
import stat
from typing import TYPE_CHECKING, Protocol

from pyv.errors import PyvError
from pyv.pack.contents import collect, link_target
from pyv.pack.linking import Linking
from pyv.pack.macos import MacLinking
from pyv.pack.texts import Relocation

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from pyv.pack.source import Source
    from pyv.pack.tools import Tools


class _Linking(Protocol):
    """What is different between systems, see `Linking`."""

    def recognises(self, head: bytes) -> bool: ...
    def libraries(self, name: str, path: Path) -> Iterator[tuple[str, Path]]: ...
    def relocate(self, root: Path, name: str, packed: Container[str]) -> None: ...
    def finish(self, root: Path, names: list[str]) -> None: ...
    def notes(self) -> list[str]: ...


def stage(source: Source, root: Path, tools: Tools, *, with_tests: bool) -> tuple[str, ...]:
    """Make the copy.

    Args:
        source: the installation.
        root: where the copy goes; made here.
        tools: programs that help.
        with_tests: whether the standard library's tests are to be in.

    Returns:
        What a person should know who is going to install it.

    Raises:
        PyvError: something that must be in is not there, or cannot be made independent of its place.
        OSError: a file could not be read or written.
    """
    linking: _Linking = (MacLinking if source.platform.system == "darwin" else Linking)(source, tools)
    chosen = collect(source, with_tests=with_tests)
    binaries = _with_libraries(chosen, source, linking)
    packed = {"", *chosen}
    for name in chosen:
        while name := posixpath.dirname(name):
            packed.add(name)
    for folder in sorted(packed - chosen.keys()):
        (root / folder).mkdir()
        (root / folder).chmod(0o755)
    texts = Relocation(source, packed)
    for name, path in chosen.items():
        target = link_target(name, path, chosen, source)
        if target is not None:
            (root / name).symlink_to(target)
            continue
        data = path.read_bytes()
        (root / name).write_bytes(texts.apply(data) if texts.concern(name) and name not in binaries else data)
        # Whoever installs it for several users must not depend on the umask of whoever built it
        (root / name).chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    notes = _strip(root, binaries, tools)
    for name in binaries:
        linking.relocate(root, name, packed)
    linking.finish(root, binaries)
    if source.missing:
        notes.append(f"was built without {', '.join(source.missing)}")
    if f"{source.stdlib}/site-packages/pip/__init__.py" not in chosen:
        notes.append("has no pip")
    return (*notes, *linking.notes())


def _with_libraries(chosen: dict[str, Path], source: Source, linking: _Linking) -> list[str]:
    """Return the names of all programs and libraries, after choosing those, too, that others of them need."""
    found = []
    names = list(chosen)
    while names:
        name = names.pop()
        if link_target(name, chosen[name], chosen, source) is not None:
            continue
        with open(chosen[name], "rb") as file:
            head = file.read(4)
        if linking.recognises(head):
            found.append(name)
            for library, path in linking.libraries(name, chosen[name]):
                if library not in chosen:
                    chosen[library] = path
                    names.append(library)
    return sorted(found)


def _strip(root: Path, binaries: list[str], tools: Tools) -> list[str]:
    """Take the debugging symbols out, which are most of a shared library; return what to say if that fails."""
    if not tools.has("strip"):
        return ["nothing is stripped: there is no strip on PATH"]
    try:
        tools.run("strip", ["-S", *(root / name for name in binaries)], purpose="strip everything that is packed")
    except PyvError as error:
        return [error.message]
    return []
