"""The rules for names and links: PEP 706's data filter, and stricter where an interpreter's archive needs no freedom.

Nothing here touches a disk, so that the rules hold on every file system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyv.archive.model import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Linux's and macOS' limits are 255 bytes for a component and 4,096 or 1,024 for a path.
_MAX_COMPONENT = 255
_MAX_NAME = 1024

# As many links as Linux follows in one path before it answers ELOOP.
_MAX_HOPS = 40


def clean_name(raw: str, *, folder: bool = False) -> str:
    """The name without a leading "./" and, for a folder, without its last slash; "" for the top itself.

    Raises:
        RefusedError: it is absolute, climbs, is too long, or has characters that no honest archive needs.
    """
    if len(raw) > _MAX_COMPONENT // 4:  # shorter ones fit, whatever their encoding
        _check_length(raw)
    name = raw
    while name.startswith("./"):
        name = name[2:]
    if folder:
        name = name.removesuffix("/")
        if name in {"", "."} and raw not in {"", "/"}:
            return ""
    fault = _fault(name)
    if fault:
        raise RefusedError(fault, raw)
    return name


def _fault(name: str) -> str:
    if not name.isprintable() or "\\" in name:
        return "a control character or a backslash in its name"
    if name.startswith("/"):
        return "an absolute name"
    if name[1:2] == ":":
        return "a drive in its name"
    slashed = f"/{name}/"
    if "/../" in slashed:
        return "'..' in its name"
    if "//" in slashed or "/./" in slashed:
        return "its name is empty, or has an empty or '.' component"
    return ""


def _check_length(name: str) -> None:
    octets = name.encode(errors="surrogatepass")
    if len(octets) > _MAX_NAME or max(map(len, octets.split(b"/"))) > _MAX_COMPONENT:
        shown = f"{name[:60]}..."
        raise RefusedError(f"its name is longer than {_MAX_NAME} bytes, or {_MAX_COMPONENT} between slashes", shown)


def check_target(name: str, target: str) -> None:
    """Refuse a symbolic link whose target is wrong by itself, wherever it leads.

    Raises:
        RefusedError: the target is empty, absolute, too long or has characters that no honest archive needs.
    """
    if not target:
        raise RefusedError("a link to nowhere", name)
    if not target.isprintable() or "\\" in target:
        raise RefusedError("a control character or a backslash in its link target", name)
    if target.startswith("/"):
        raise RefusedError(f"a link to an absolute path, {target!r}", name)
    if len(target.encode()) > _MAX_NAME:
        raise RefusedError(f"its link target is longer than {_MAX_NAME} bytes", name)


class LinkCheck:
    """Follows every symbolic link of an archive in memory, through all the others.

    Only so are chains found that look harmless link by link: `d/l -> ..` and `e -> d/l/..`.

    Args:
        links: symbolic links and their targets, by full name.
        kinds: what every name of the archive is: "dir", "file" or "link".
        root: the folder that no link may leave.
        base: the folder that no link in it may leave, not even to come back: it will go by another name.
    """

    def __init__(self, links: Mapping[str, str], kinds: Mapping[str, str], *, root: str, base: str) -> None:
        self._links = links
        self._kinds = kinds
        self._root = root
        self._base = base
        self._known: dict[str, tuple[str, int]] = {}
        self._open: set[str] = set()

    def follow(self, link: str) -> tuple[str, int]:
        """Where the link leads in the end, and how many links that takes.

        Raises:
            RefusedError: it escapes, is part of a loop, or nobody can tell.
        """
        known = self._known.get(link)
        if known:
            return known
        if link in self._open or len(self._open) >= _MAX_HOPS:
            raise RefusedError(f"a loop of links, or more than {_MAX_HOPS} of them in a row", link)
        self._open.add(link)
        target = self._links[link]
        boundary = self._base if link.startswith(self._base + "/") else self._root
        here, hops = link.rpartition("/")[0], 1
        for part in target.split("/"):
            if part in {"", "."}:
                continue
            if part == "..":
                if here == boundary:
                    raise RefusedError(f"a link that leads outside, {target!r}", link)
                # On a disk that ignores case, a name that the archive lacks may still be one of its links.
                if self._kinds.get(here) != "dir":
                    raise RefusedError(f"a link with '..' behind what is no folder, {target!r}", link)
                here = here.rpartition("/")[0]
                continue
            here = f"{here}/{part}"
            if here in self._links:
                here, more = self.follow(here)
                hops += more
                if hops > _MAX_HOPS:
                    raise RefusedError(f"more than {_MAX_HOPS} links to follow", link)
        self._open.discard(link)
        self._known[link] = here, hops
        return here, hops
