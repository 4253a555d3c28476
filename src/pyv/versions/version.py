"""What a version is: its name, its order, and the numbers that both are made of."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyv.errors import RequestError

IMPLEMENTATIONS = ("cpython", "pypy", "graalpy")
NUMBER = r"(?:0|[1-9]\d{0,5})"
PRE = r"(?:a|b|rc)" + NUMBER
# a, b, rc sort as CPython releases them; a final release comes after all of them
STAGES = {"a": 0, "b": 1, "rc": 2, "": 3}
FINAL = ("", 0)
# major, minor and patch
RELEASE_PARTS = 3
# Compiled by the first use, and kept by re: most runs use none or one of them
_CPYTHON_NAME = rf"({NUMBER}\.{NUMBER}\.{NUMBER})({PRE})?(t?d?)"
_PYPY_NAME = rf"pypy({NUMBER}\.{NUMBER})-v?({NUMBER}(?:\.{NUMBER}){{1,2}})({PRE})?"
_GRAALPY_NAME = rf"graalpy-({NUMBER}(?:\.{NUMBER}){{1,3}})"


def numbers(text: str) -> tuple[int, ...]:
    """Return the parts of a dotted number."""
    return tuple(int(part) for part in text.split(".")) if text else ()


def dotted(numbers: tuple[int, ...]) -> str:
    """Return parts as a dotted number."""
    return ".".join(map(str, numbers))


def stage(text: str | None) -> tuple[str, int]:
    """Return stage and number of a pre-release, `("rc", 2)` for `rc2`."""
    if not text:
        return FINAL
    letters = text.rstrip("0123456789")
    return letters, int(text[len(letters) :])


def padded(release: tuple[int, ...]) -> tuple[int, ...]:
    """Return a release with all its parts; PEP 440 compares missing ones as zero."""
    return (*release, 0, 0, 0)[:RELEASE_PARTS]


def rank(release: tuple[int, ...], pre: tuple[str, int]) -> tuple[object, ...]:
    """Return what releases and pre-releases are compared by."""
    return (*padded(release), STAGES[pre[0]], pre[1])


class Version(NamedTuple):
    """An interpreter version: a fact about a build or an installation.

    Attributes:
        implementation: one of `IMPLEMENTATIONS`.
        release: major, minor, patch of the Python language version. PyPy's name tells no patch and GraalPy's no
            version at all, so there it has fewer parts.
        pre: stage and number of a pre-release, such as `("rc", 2)`; `("", 0)` for a final release.
        freethreaded: built without the global interpreter lock.
        debug: built with CPython's own debugging aids.
        own: PyPy's or GraalPy's own version, such as `(7, 3, 17)`; empty for CPython.
    """

    implementation: str
    release: tuple[int, ...]
    pre: tuple[str, int] = FINAL
    freethreaded: bool = False
    debug: bool = False
    own: tuple[int, ...] = ()

    @classmethod
    def parse(cls, name: str) -> Version:
        """Return the version that has this name.

        Raises:
            RequestError: the text is not the whole name of a version.
        """
        found = re.fullmatch(_CPYTHON_NAME, name, re.ASCII)
        if found:
            release, pre, variant = found.groups()
            return cls("cpython", numbers(release), stage(pre), "t" in variant, "d" in variant)
        found = re.fullmatch(_PYPY_NAME, name, re.ASCII)
        if found:
            return cls("pypy", numbers(found[1]), stage(found[3]), own=numbers(found[2]))
        found = re.fullmatch(_GRAALPY_NAME, name, re.ASCII)
        if found:
            return cls("graalpy", (), own=numbers(found[1]))
        raise RequestError(f"{name!r} is not the name of a version", hint="a whole one is 3.12.7")

    @property
    def name(self) -> str:
        """The name of its folder in the store, which is pyenv's: `3.12.7`, `3.13.1t`, `pypy3.10-7.3.17`."""
        pre = f"{self.pre[0]}{self.pre[1]}" if self.pre[0] else ""
        if self.implementation == "cpython":
            return dotted(self.release) + pre + self.variant
        if self.implementation == "pypy":
            return f"pypy{dotted(self.release[:2])}-{dotted(self.own)}{pre}"
        return f"graalpy-{dotted(self.own)}{pre}"

    @property
    def variant(self) -> str:
        """The letters that mark a special build: `t` for free-threaded, `d` for debug, else nothing."""
        return ("t" if self.freethreaded else "") + ("d" if self.debug else "")

    @property
    def minor(self) -> str:
        """The short name that follows its patches: `3.12`, `3.13t`, `pypy3.10`."""
        stem = "" if self.implementation == "cpython" else self.implementation
        return stem + dotted(self.release[:2]) + self.variant

    @property
    def short_names(self) -> tuple[str, ...]:
        """The names under which the newest of its kind is found: `3.12`, `3`; `pypy3.10`, `pypy3`, `pypy`."""
        stem = "" if self.implementation == "cpython" else self.implementation
        names = [stem + dotted(self.release[:count]) + self.variant for count in (2, 1) if len(self.release) >= count]
        return (*names, stem) if stem else tuple(names)

    @property
    def order(self) -> tuple[object, ...]:
        """Sorting key: as CPython orders its versions, implementations apart, plain builds before their variants."""
        return (
            IMPLEMENTATIONS.index(self.implementation),
            padded(self.release),
            STAGES[self.pre[0]] if self.implementation == "cpython" else 0,
            self.pre[1] if self.implementation == "cpython" else 0,
            self.own,
            STAGES[self.pre[0]],
            self.pre[1],
            self.freethreaded,
            self.debug,
        )

    def __str__(self) -> str:
        return self.name
