"""Texts that name the place of a build and its compiler: made to read as in upstream's archives.

Upstream builds for the prefix `/install` with clang; whoever installs such an archive looks for just these names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from pyv.pack.source import Source

_INSTALL = rb"/install"
_CARRIERS = re.compile(
    r"bin/[^/]+|lib\w*/pkgconfig/[^/]+\.pc"
    r"|lib\w*/python[^/]+/(?:_sysconfigdata[^/]*\.py|_sysconfig_vars[^/]*\.json|build-details\.json|config(?:-[^/]+)?/[^/]+)"
)
# A path starts here unless it goes on from something before it; `-I/usr/include` is a flag of one letter and a path,
# and `./usr/lib` the same path in the file system of a WebAssembly build
_PATH_START = rb"(?:(?<![\w.~)}/-])|(?<=[\s'\"=,]-[A-Za-z])|(?<=^-[A-Za-z])|(?<=[\s'\"=]\.))"
_PATH_REST = rb"(?P<rest>/[^\s'\":;,()<>#]*|)(?![\w.+~%@-])"
_VARIABLES = rb"BLDSHARED|CC|CPP|CXX|LDCXXSHARED|LDSHARED|LINKCC|MAINCC"
_COMPILER = re.compile(
    rb"(?P<variable>(?:^(?:"
    + _VARIABLES
    + rb")[ \t]*=[ \t]*)|(?:(?P<quote>['\"])(?:"
    + _VARIABLES
    + rb")(?P=quote):\s*['\"]))"
    rb"(?:[^\s'\"=]*[/-])?(?P<compiler>gcc|g\+\+|cc|c\+\+)(?:-[\d.]+)?(?=[\s'\"])",
    re.MULTILINE,
)
_CLANG = {b"gcc": b"clang", b"cc": b"clang", b"g++": b"clang++", b"c++": b"clang++"}


class Relocation:
    """Rewrites the texts of one installation.

    Args:
        source: the installation.
        packed: the names of all files and folders in the archive. In a prefix that is shared with other software
            only paths to these are rewritten: `/usr/bin/install` and `/usr/share/zoneinfo` are the system's.
    """

    def __init__(self, source: Source, packed: Container[str]) -> None:
        self._everything = not source.shared
        self._packed = packed
        either = b"|".join(re.escape(prefix.encode("utf-8", "surrogateescape")) for prefix in source.prefixes)
        self._path = re.compile(_PATH_START + rb"(?:" + either + rb")" + _PATH_REST, re.MULTILINE)

    def concern(self, name: str) -> bool:
        """Tell whether a file, by its name in the archive, may be a text of that kind."""
        return bool(_CARRIERS.fullmatch(name))

    def apply(self, data: bytes) -> bytes:
        """Return the content that such a file gets in the archive."""
        return _COMPILER.sub(_as_clang, self._path.sub(self._relocate, data))

    def _relocate(self, match: re.Match[bytes]) -> bytes:
        rest = match["rest"]
        if self._everything or rest.strip(b"/").decode("utf-8", "surrogateescape") in self._packed:
            return _INSTALL + rest
        return match[0]


def _as_clang(match: re.Match[bytes]) -> bytes:
    return match["variable"] + _CLANG[match["compiler"]]
