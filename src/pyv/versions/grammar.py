"""The grammar of requests: every spelling that pyenv and uv understand, and nothing that is a path."""

from __future__ import annotations

import re

from pyv.versions.request import Clause, Request
from pyv.versions.version import FINAL, NUMBER, PRE, numbers, stage

_ALIASES = {
    "cpython": "cpython",
    "python": "cpython",
    "cp": "cpython",
    "py": "cpython",
    "pypy": "pypy",
    "pp": "pypy",
    "graalpy": "graalpy",
    "gp": "graalpy",
}
_PYTHON_MAJORS = (2, 3)
_WORDS = "cpython|python|pypy|graalpy|cp|py|pp|gp"
_IMPLEMENTATION = re.compile(rf"({_WORDS})(?![a-z])", re.ASCII)
_VARIANT = r"(?P<short>td?|d)?(?P<long>(?:\+(?:freethreaded|debug|gil))*)"
_NUMBERS = re.compile(rf"(?P<release>{NUMBER}(?:\.{NUMBER}){{0,2}})(?P<pre>{PRE})?{_VARIANT}", re.ASCII)
_TAG = re.compile(r"([23])(\d{1,2})(t?)", re.ASCII)
# These are compiled by the first use, and kept by re: most requests need none of them
_OWN = rf"v?({NUMBER}(?:\.{NUMBER}){{0,3}})({PRE})?"
_CLAUSE = rf"[ \t\n]*(===|==|!=|<=|>=|~=|<|>)[ \t\n]*({NUMBER}(?:\.{NUMBER}){{0,2}})({PRE})?(\.\*)?[ \t\n]*"
# A variant is the whole range's, and stands at its end
_CLAUSES = rf"(?P<clauses>.*[0-9*]){_VARIANT}[ \t\n]*"
# PEP 440, appendix B, as far as Python's own versions go
_OTHERWISE = (
    rf"(?:c?python[@-]?)?v?(?P<release>{NUMBER}(?:\.{NUMBER}){{1,2}})"
    rf"(?:[._-]?(?P<stage>alpha|a|beta|b|preview|pre|rc|c)[._-]?(?P<number>{NUMBER}))?(?P<flags>[td]{{0,2}})"
)
_STAGES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
# uv's order, any part of which may be missing; the first `any` stands for the version
_PLATFORM = (
    r"(.*?)(?:-any)?(?:-(linux|darwin|macos|windows|win32|any))?"
    r"(?:-(x86_64(?:_v[2-4])?|amd64|x86|i[36]86|aarch64|arm64|armv[5-8]l?|powerpc64le|ppc64le|s390x|riscv64|loongarch64|any))?"
    r"(?:-((?:gnu|musl)(?:eabi(?:hf)?)?|none|any))?"
)
# `cpython@x` is a request of uv's that went wrong
_NAME = rf"(?!(?i:{_WORDS})@)\w[\w.+@-]{{0,254}}"
_ENVIRONMENT = r"([^/]+)/envs/([^/]+)"
# What the dispatcher takes off, too; `python3.12` is a spelling of `3.12`, and `pythonic` a name
_PREFIX = re.compile(r"\A(?:python-?|cpython-)(?=[0-9])")
_SYSTEMS = {"linux": "linux", "darwin": "darwin", "macos": "darwin", "windows": "windows", "win32": "windows"}


def is_safe_name(name: str) -> bool:
    """Tell whether a name may become a folder in the store: no separator, no dots that climb, no control character."""
    return bool(re.fullmatch(_NAME, name)) and ".." not in name and name not in {"system", "3", "2"}


def folder_names(text: str) -> list[str]:
    """Return which folders of the store a text may name as it is written: itself, else what follows a `python-`.

    The dispatcher and the hooks look no further if there is one. `3.12-dev`, which is no version, is a name of pyenv's.
    """
    return [name for name in dict.fromkeys((text, _PREFIX.sub("", text))) if is_safe_name(name)]


def parse(text: str) -> Request | None:
    """Return the request that a text is, or None."""
    if text == "system":
        return Request(text, "system")
    found = re.fullmatch(_ENVIRONMENT, text) if "/" in text else None
    if found:  # pyenv-virtualenv's long form; the environment is known by its own name
        base = parse(found[1])
        usable = base is not None and base.kind in ("version", "name") and is_safe_name(found[2])
        return Request(text, "name", name=found[2], base=base) if usable else None
    lowered, platform = _without_platform(text.lower())
    found = _IMPLEMENTATION.match(lowered)
    if found:
        request = _after_implementation(text, _ALIASES[found[1]], lowered[found.end() :], short=len(found[1]) == 2)
    elif lowered[:1] in "<>=!~":
        request = _range(text, "cpython", lowered)
    else:
        request = _tag(text, "cpython", lowered) or _version(text, "cpython", lowered)
    request = request or _spelled_otherwise(text, lowered)
    if request is not None:
        return request._replace(platform=platform)
    return Request(text, "name", name=text) if is_safe_name(text) else None


def _without_platform(text: str) -> tuple[str, tuple[str, str, str]]:
    """Split the parts of a platform off: `cpython-3.12-linux-x86_64-gnu`, `3.12-musl`, `pypy-x86_64`."""
    found = re.fullmatch(_PLATFORM, text, re.ASCII | re.DOTALL) if "-" in text else None
    if found is None or found[1] in ("python", "py"):  # which uv does not take so: `py-linux` is anybody's name
        return text, ("", "", "")
    system, arch, libc = ("" if part in (None, "any") else part for part in found.groups()[1:])
    return found[1], (_SYSTEMS.get(system, ""), arch, libc)


def _after_implementation(text: str, implementation: str, rest: str, *, short: bool) -> Request | None:
    if not rest:
        return Request(text, "version", implementation)
    if rest[0] in "<>=!~":
        return _range(text, implementation, rest)
    if short or rest[0].isdigit():
        tagged = _tag(text, implementation, rest)
        if tagged is not None:
            return tagged
    if rest[0] == "@":
        if rest[1:2] and rest[1] in "<>=!~":
            return _range(text, implementation, rest[1:])
        return _version(text, implementation, rest[1:])
    language, dash, rest = rest.removeprefix("-").partition("-")
    request = _version(text, implementation, language)
    if request is None or not dash:
        return request
    own = re.fullmatch(_OWN, rest, re.ASCII)
    if own is None or implementation != "pypy" or len(request.release) != 2 or request.own:
        return None
    return request._replace(own=numbers(own[1]), pre=stage(own[2]))


def _version(text: str, implementation: str, rest: str) -> Request | None:
    found = _NUMBERS.fullmatch(rest)
    release = numbers(found["release"]) if found else ()
    if implementation != "cpython" and (found is None or release[0] not in _PYTHON_MAJORS):
        own = re.fullmatch(_OWN, rest, re.ASCII)
        return Request(text, "version", implementation, pre=stage(own[2]), own=numbers(own[1])) if own else None
    variant = _variant(implementation, found) if found else None
    if found is None or variant is None or (found["pre"] and (implementation != "cpython" or len(release) == 1)):
        return None
    return Request(text, "version", implementation, release, stage(found["pre"]), *variant)


def _variant(implementation: str, found: re.Match[str]) -> tuple[bool, bool] | None:
    """Return whether a free-threaded build is asked for, and whether one for debugging; None if it makes no sense."""
    short, flags = found["short"] or "", found["long"].split("+")[1:]
    if (short and flags) or len(flags) != len(set(flags)) or {"gil", "freethreaded"} <= set(flags):
        return None
    if implementation != "cpython" and (short or flags):
        return None
    return "t" in short or "freethreaded" in flags, "d" in short or "debug" in flags


def _spelled_otherwise(text: str, lowered: str) -> Request | None:
    """Understand what PEP 440 would rewrite: `v3.12`, `3.14.0-rc.2`, `3.14.0alpha1`."""
    found = re.fullmatch(_OTHERWISE, lowered, re.ASCII)
    if found is None:
        return None
    kind = _STAGES.get(found["stage"], found["stage"] or "")
    return _version(text, "cpython", f"{found['release']}{kind}{found['number'] or ''}{found['flags']}")


def _tag(text: str, implementation: str, rest: str) -> Request | None:
    """Understand the digits of a wheel tag: `cp312`, `312`, `pp310`, `cp313t` (PEP 425)."""
    found = _TAG.fullmatch(rest)
    if found is None or (found[3] and implementation != "cpython"):
        return None
    return Request(text, "version", implementation, (int(found[1]), int(found[2])), freethreaded=bool(found[3]))


def _range(text: str, implementation: str, rest: str) -> Request | None:
    whole = re.fullmatch(_CLAUSES, rest, re.ASCII | re.DOTALL)
    variant = _variant(implementation, whole) if whole else None
    if whole is None or variant is None:
        return None
    clauses = []
    for part in whole["clauses"].split(","):
        found = re.fullmatch(_CLAUSE, part, re.ASCII)
        if found is None:
            return None
        operator, release, pre, wildcard = found[1], numbers(found[2]), stage(found[3]), bool(found[4])
        if wildcard and (operator not in ("==", "!=") or pre[0]):
            return None
        if operator == "~=" and len(release) == 1:
            return None  # PEP 440: a compatible release needs at least two parts
        clauses.append(Clause(operator, release, pre, wildcard))
    freethreaded, debug = variant
    return Request(text, "range", implementation, (), FINAL, freethreaded, debug, clauses=tuple(clauses))
