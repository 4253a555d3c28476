"""What somebody asks for, and which of the existing versions meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pyv.errors import RequestError
from pyv.versions.version import FINAL, RELEASE_PARTS, Version, dotted, padded, rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Clause(NamedTuple):
    """One comparison of a range, such as `>= 3.11` or `== 3.12.*` (PEP 440, version specifiers)."""

    operator: str
    release: tuple[int, ...]
    pre: tuple[str, int]
    wildcard: bool

    def holds(self, version: Version) -> bool:
        """Tell whether a version satisfies this comparison."""
        if self.wildcard or self.operator == "~=":
            count = len(self.release) - (0 if self.wildcard else 1)
            within = padded(version.release)[:count] == self.release[:count]
            if self.wildcard:
                return within if self.operator == "==" else not within
            return within and rank(version.release, version.pre) >= rank(self.release, self.pre)
        mine, theirs = rank(version.release, version.pre), rank(self.release, self.pre)
        if self.operator in ("<", ">") and version.pre[0] and not self.pre[0]:
            # PEP 440, exclusive ordered comparison: <3.13 does not admit 3.13.0rc1
            same = padded(version.release) == padded(self.release)
            if self.operator == "<" and same:
                return False
        return _COMPARE[self.operator](mine, theirs)


_COMPARE: dict[str, Callable[[tuple[object, ...], tuple[object, ...]], bool]] = {
    "==": lambda mine, theirs: mine == theirs,
    "===": lambda mine, theirs: mine == theirs,
    "!=": lambda mine, theirs: mine != theirs,
    "<=": lambda mine, theirs: mine <= theirs,
    ">=": lambda mine, theirs: mine >= theirs,
    "<": lambda mine, theirs: mine < theirs,
    ">": lambda mine, theirs: mine > theirs,
}


class Request(NamedTuple):
    """What somebody asked for. It names versions; it never is a path.

    Attributes:
        text: as it was written.
        kind: `version` (a whole or partial version number), `range` (PEP 440 comparisons), `system` (the rest of PATH),
            or `name` (a folder in the store that is not named like a version, such as a named environment).
        implementation: one of `IMPLEMENTATIONS`, or empty for `system` and names.
        release: the parts of the Python version that were given.
        pre: a pre-release that was asked for.
        freethreaded: whether a build without the global interpreter lock is wanted.
        debug: whether a debug build is wanted.
        own: PyPy's or GraalPy's own version, or the first parts of it, where they were given.
        clauses: the comparisons of a range.
        platform: operating system, architecture and C library that were spelled out, each empty if it was not.
        name: the folder that a request of kind `name` means.
        base: what the environment of that name has to be on, where it was spelled out: `3.12.7` of `3.12.7/envs/web`.
    """

    text: str
    kind: str
    implementation: str = ""
    release: tuple[int, ...] = ()
    pre: tuple[str, int] = FINAL
    freethreaded: bool = False
    debug: bool = False
    own: tuple[int, ...] = ()
    clauses: tuple[Clause, ...] = ()
    platform: tuple[str, str, str] = ("", "", "")
    name: str = ""
    base: Request | None = None

    @classmethod
    def parse(cls, text: str) -> Request:
        """Understand everything that pyenv or uv takes for a version, and nothing that is a path.

        Raises:
            RequestError: the text is none of the known forms.
        """
        from pyv.versions import grammar  # it makes requests, so it imports this module

        found = grammar.parse(text.strip(" \t\r\n"))
        if found is None:
            raise RequestError(
                f"{text!r} is not a version request", hint="write 3.12, 3.12.7, 3.13t, '>=3.11,<3.13' or pypy3.10"
            )
        return found

    @property
    def exact(self) -> Version | None:
        """The one version that can satisfy it, if it names one completely."""
        if self.kind != "version":
            return None
        if self.implementation == "cpython" and len(self.release) == RELEASE_PARTS:
            return Version("cpython", self.release, self.pre, self.freethreaded, self.debug)
        if len(self.own) < RELEASE_PARTS:  # pypy3.10-7.3 is partial, as 3.12 is
            return None
        if self.implementation == "pypy" and len(self.release) >= 2:
            return Version("pypy", self.release[:2], self.pre, own=self.own)
        if self.implementation == "graalpy":
            return Version("graalpy", (), self.pre, own=self.own)
        return None

    @property
    def short_name(self) -> str:
        """The short-name link that answers it, if it is a plain partial version: `3`, `3.12`, `3.13t`, `pypy3.10`."""
        if self.kind != "version" or self.pre[0] or self.own or len(self.release) >= RELEASE_PARTS:
            return ""
        stem = "" if self.implementation == "cpython" else self.implementation
        if not self.release:
            return stem
        return stem + dotted(self.release) + ("t" if self.freethreaded else "") + ("d" if self.debug else "")

    @property
    def any_patch(self) -> Request:
        """The same for any patch of its minor version, for upgrades carry environments along."""
        return self._replace(release=self.release[:2], pre=FINAL, own=self.own[:2])

    @property
    def wants_pre(self) -> bool:
        """Whether a pre-release was asked for by name."""
        return bool(self.pre[0]) or any(clause.pre[0] for clause in self.clauses)

    def matches(self, version: Version) -> bool:
        """Tell whether a version is one of those that were asked for; pre-releases of a partial version are."""
        if self.implementation != version.implementation:
            return False
        if (self.freethreaded, self.debug) != (version.freethreaded, version.debug):
            return False
        if self.own and version.own[: len(self.own)] != self.own:
            return False
        if self.kind == "range":
            return all(clause.holds(version) for clause in self.clauses)
        if self.implementation != "cpython":
            # PyPy's pre-releases are of its own version, and its installed name tells no patch of the language
            shared = min(len(self.release), len(version.release))
            same = self.release[:shared] == version.release[:shared]
            whole = len(self.own) >= RELEASE_PARTS
            return same and (self.pre == version.pre if whole or self.pre[0] else True)
        if self.pre[0] or len(self.release) == RELEASE_PARTS:
            return padded(self.release) == padded(version.release) and self.pre == version.pre
        return version.release[: len(self.release)] == self.release

    def __str__(self) -> str:
        return self.text


_Candidate = TypeVar("_Candidate")


def newest(
    candidates: Iterable[_Candidate], request: Request, version_of: Callable[[_Candidate], Version]
) -> _Candidate | None:
    """Return the newest candidate that a request asks for, or None.

    Final releases are preferred: a pre-release is returned only when it was asked for, or when nothing else matches.
    Among candidates of one version the first wins, so the caller orders those.
    """
    best: _Candidate | None = None
    best_key: tuple[object, ...] = ()
    for candidate in candidates:
        version = version_of(candidate)
        if request.matches(version):
            final = request.wants_pre or not version.pre[0]
            key = (final, *version.order)
            if best is None or key > best_key:
                best, best_key = candidate, key
    return best
