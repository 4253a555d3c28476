"""What upstream's build machine left in texts about compiling, word by word.

These texts are lists of words for a shell: compilers with their flags, folders, quoted arguments of configure. A word
here is a run of characters without blanks and quotes, so that quotes stay in pairs whatever happens to a word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE = "\0"
"""Stands for the place where the interpreter will be, until a text is written down in the notation of its file.

The place itself is no text to be cleaned: it may well lie below a folder that is named `tools` or `clang`.
"""

UPSTREAM_PREFIX = "/install"

PROGRAM_VARIABLES = frozenset(
    ("AR", "BLDSHARED", "CC", "CPP", "CXX", "LDCXXSHARED", "LDSHARED", "LINKCC", "MAINCC", "NM", "RANLIB", "STRIP")
)
"""The variables whose value begins with a program that builds of extensions run."""

# A path starts after a blank, a quote, punctuation or a flag of one letter; `./install` is one too
_PATH_START = r"""(?:^|(?<=[\s'"=:,;({\[`|@<>])|(?<=[\s'"=,]-[A-Za-z])|(?<=^-[A-Za-z])|(?<=^\.)|(?<=[\s'"=]\.))"""
# Upstream's own compiler and libraries: at the root of its Linux containers, in a temporary folder on macOS
_BUILD_FOLDER = re.compile(
    _PATH_START
    + r"(?:(?:/private)?/(?:tmp|var/folders)/(?:[^/\s]+/)*|/)tools/(?:binutils|clang|deps|gcc|host|llvm|musl)"
)
_PROGRAM = re.compile(
    r"(?:[\w.]+-)*?(?P<compiler>clang-cpp|clang\+\+|clang|gcc|g\+\+|cc|c\+\+|cpp)(?:-\d[\d.]*)?"
    r"|(?:[\w.]+-)*(?P<tool>ar|nm|objcopy|objdump|ranlib|readelf|strip)(?:-\d[\d.]*)?"
)
_PLAIN_COMPILERS = {"clang": "cc", "gcc": "cc", "clang++": "c++", "g++": "c++", "clang-cpp": "cpp"}
# gcc stops at each of these. They concern how the interpreter itself was compiled, or diagnostics.
_CLANG_ONLY = re.compile(
    r"-fdebug-default-version=.*|-fprofile-instr-.*|-flto=(?:full|thin)|--?rtlib=.*|--?unwindlib=.*|--target=.*"
    r"|-Qunused-arguments|-f(?:no-)?color-diagnostics|-f(?:no-)?integrated-as|-fuse-ld=lld|-ferror-limit=.*"
    r"|-Weverything|-W(?:error=)?thread-safety.*|-W(?:error=)?unguarded-availability(?:-new)?"
)
# Flags whose argument is the next word: the SDK of the machine that built, and what only clang understands
_CLANG_PAIR = re.compile(r"""(?:^|[ \t]+|(?<=['"=\n]))-(?:isysroot|target|mllvm|Xclang)[ \t]+[^\s'"]+""")
_WORD = re.compile(r"""(?P<blanks>[ \t]*)(?P<word>[^\s'"]+)""")
# One of these is in every word that is changed. Most texts have none, and looking for a few fixed strings is faster by
# far than the patterns.
_MARKS = (
    *("clang", "Clang", "CLANG", "llvm-", "/tools/", "-fuse-ld=lld", "-isysroot", "-target", "-mllvm"),
    *("rtlib=", "unwindlib=", "-Qunused", "-fdebug-default", "-fprofile-instr", "-flto=", "color-diagnostics"),
    *("integrated-as", "-ferror-limit", "-Weverything", "thread-safety", "unguarded-availability"),
)


class Cleaner:
    """Takes the build machine out of texts.

    Args:
        prefixes: absolute paths of the folders that an interpreter was built for. `/` and `/usr` are passed over: half
            of what begins so belongs to the system.
    """

    __slots__ = ("_pattern", "_prefixes")

    def __init__(self, prefixes: Iterable[str]) -> None:
        paths = {p.rstrip("/") for p in prefixes if p.startswith("/")} - {"", "/usr"}
        self._prefixes = sorted(paths, key=len, reverse=True)
        either = "|".join(map(re.escape, self._prefixes)) or "(?!)"
        self._pattern = re.compile(rf"{_PATH_START}(?:{either})(?![\w.+~%@-])")

    def detector(self, text: str) -> Callable[[str], object]:
        """Return what tells of a part of a text whether something of the build machine may be in it: most have none."""
        present = [mark for mark in (*self._prefixes, *_MARKS) if mark in text]
        return re.compile("|".join(map(re.escape, present)) or "(?!)").search

    def clean(self, text: str, *, program: bool = False) -> str:
        """Return a text with `HERE` for the old places and without words that make sense on the build machine alone.

        `/install/lib`, `-I/install/include` and `./install` are at the old place `/install`; `/usr/bin/install`,
        `/opt/install/lib` and `/install-sh` are not.

        Args:
            text: a list of words.
            program: whether the first is a program; a compiler or tool there gets the name that every system has.
        """
        if any(prefix in text for prefix in self._prefixes):
            text = self._pattern.sub(HERE, text)
        if any(mark in text for mark in _MARKS):
            text = _WORD.sub(_clean_word, _CLANG_PAIR.sub("", text))
        if program:
            text = _WORD.sub(_plain_word, text, count=1)
        return text


def _clean_word(match: re.Match[str]) -> str:
    name, assigned, value = match["word"].partition("=")
    if not assigned or name.startswith("-"):
        name, assigned, value = "", "", match["word"]
    base = value.rpartition("/")[2]
    if _BUILD_FOLDER.match(value) and "/bin/" in value:
        value = _plain(base) or base
    elif "clang" in base or base.startswith("llvm-"):
        value = _plain(base) or value
    if "clang" in value.lower() or _BUILD_FOLDER.search(value) or _CLANG_ONLY.fullmatch(value):
        value = ""
    return f"{match['blanks']}{name}{assigned}{value}" if assigned or value else ""


def _plain_word(match: re.Match[str]) -> str:
    return f"{match['blanks']}{_plain(match['word'].rpartition('/')[2]) or match['word']}"


def _plain(program: str) -> str | None:
    """Return the name that every system has for a compiler or a tool of compilers, None for anything else."""
    match = _PROGRAM.fullmatch(program)
    if not match:
        return None
    compiler = match["compiler"]
    return _PLAIN_COMPILERS.get(compiler, compiler) if compiler else match["tool"]
