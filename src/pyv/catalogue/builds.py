"""One build, and the lines that builds are kept in: short, readable in a diff, and cheap to load.

A line is `<version> <build> <sha256> <file>`. The file is what cannot be derived from the rest: the end of the name in
upstream's regular scheme, a whole asset name, a path below some base, or a url.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pyv.versions import Version
from pyv.versions.version import NUMBER, PRE, dotted, numbers, stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyv.platforms import Platform

RELEASES = "https://github.com/astral-sh/python-build-standalone/releases/download"
PYPY = "https://downloads.python.org/pypy"
GRAALPY = "https://github.com/oracle/graalpython/releases/download"

_LINE = re.compile(
    rf"^(?:(?P<major>{NUMBER})\.(?P<minor>{NUMBER})\.(?P<patch>{NUMBER})(?P<pre>{PRE})?"
    rf"(?P<threaded>t?)(?P<debug>d?)"
    rf"|(?P<other>pypy|graalpy)(?P<release>{NUMBER}(?:\.{NUMBER})*)-(?P<own>{NUMBER}(?:\.{NUMBER})*)"
    rf"(?P<stage>{PRE})?)"
    r" (?P<build>[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}) (?P<sha256>[0-9a-f]{64}|-) (?P<file>[!-~]+)\n",
    re.ASCII | re.MULTILINE,
)
_UPSTREAM_ARCH = {"powerpc64le": "ppc64le"}
_VENDOR = {"linux": "unknown-linux", "darwin": "apple-darwin", "windows": "pc-windows-msvc"}
_DATE_DIGITS = 8


class Build(NamedTuple):
    """One archive that can be downloaded.

    Attributes:
        version: what it holds.
        platform: what it is made for.
        url: where it is; its path is percent-encoded.
        sha256: what it must hash to, 64 lower-case hexadecimal digits; empty when unknown.
        build: which build of that version it is: upstream's release date such as `20261110`, or PyPy's or GraalPy's
            own version.
    """

    version: Version
    platform: Platform
    url: str
    sha256: str
    build: str

    @property
    def asset(self) -> str:
        """The file's name."""
        return unquote(self.url.rpartition("/")[2])

    @property
    def tag(self) -> str:
        """The release that the file belongs to: the name of the folder that it is in, here and on every mirror."""
        return unquote(self.url.rpartition("/")[0].rpartition("/")[2])


def age(build: str) -> tuple[int, str]:
    """Sorting key of build dates: newer is greater. What is no date is older than all dates."""
    date = build[:_DATE_DIGITS]
    return (int(date) if len(date) == _DATE_DIGITS and date.isascii() and date.isdecimal() else 0, build)


def merge(older: Iterable[Build], newer: Iterable[Build]) -> list[Build]:
    """Join two catalogues: of each version and platform the newest build stays, and of equal dates the second's."""
    found: dict[tuple[Version, Platform], Build] = {}
    for builds in (older, newer):
        for build in builds:
            key = (build.version, build.platform)
            present = found.get(key)
            if present is None or age(build.build) >= age(present.build):
                found[key] = build
    return list(found.values())


def dump(builds: Iterable[Build]) -> str:
    """Write the builds of one platform as lines, in the order of their versions; the same builds give the same text."""
    ordered = sorted(builds, key=lambda build: (build.version.order, age(build.build), build.url))
    return "".join(
        f"{_spell(build.version)} {build.build} {build.sha256 or '-'} {_shorten(build)}\n" for build in ordered
    )


def load(text: str, platform: Platform, base: str = "") -> list[Build]:
    """Read the lines of one platform.

    Args:
        text: what `dump` wrote.
        platform: what they are made for.
        base: the url that paths are below; if empty, they stay paths.

    Raises:
        ValueError: some line is no such line.
    """
    builds = []
    end = 0
    triple = _triple(platform)
    for found in _LINE.finditer(text):
        if found.start() != end:
            break
        major, minor, patch, pre, threaded, debug, other, release, own, their_pre, build, sha256, file = found.groups()
        if major:
            release_numbers = (int(major), int(minor), int(patch))
            version = Version("cpython", release_numbers, stage(pre), threaded == "t", debug == "d")
        else:
            version = Version(other, numbers(release), stage(their_pre), own=numbers(own))
        if "/" in file:
            path = file.removeprefix("./")
            url = f"{base}/{path}" if base and "://" not in path else path
        elif file.startswith("cpython-"):
            url = f"{RELEASES}/{build}/{file}"
        elif file.startswith("pypy"):
            url = f"{PYPY}/{file}"
        elif other:
            break
        else:
            url = f"{RELEASES}/{build}/cpython-{major}.{minor}.{patch}{pre or ''}%2B{build}-{triple}-{file}"
        builds.append(Build(version, platform, url, "" if sha256 == "-" else sha256, build))
        end = found.end()
    if end != len(text):
        raise ValueError(f"line {text.count(chr(10), 0, end) + 1} is no build")
    return builds


def unquote(text: str) -> str:
    """Decode percent-encoding."""
    if "%" not in text:
        return text
    from urllib.parse import unquote as decode

    return decode(text)


def _shorten(build: Build) -> str:
    """Return what of a url its line must carry; `load` undoes it."""
    version, tag, url = build.version, build.build, build.url
    if version.implementation == "cpython":
        number = version._replace(freethreaded=False, debug=False).name
        start = f"{RELEASES}/{tag}/cpython-{number}%2B{tag}-{_triple(build.platform)}-"
        end = url.removeprefix(start)
        if end != url and "/" not in end and not end.startswith(("cpython-", "pypy")):
            return end
        end = url.removeprefix(f"{RELEASES}/{tag}/")
        if end != url and end.startswith("cpython-") and "/" not in end:
            return end
    end = url.removeprefix(f"{PYPY}/")
    if end.startswith("pypy") and "/" not in end and end != url:
        return end
    return url if "/" in url else f"./{url}"


def _spell(version: Version) -> str:
    """Return a name that tells everything, the Python version of PyPy and GraalPy included."""
    if version.implementation == "cpython":
        return version.name
    pre = f"{version.pre[0]}{version.pre[1]}" if version.pre[0] else ""
    return f"{version.implementation}{dotted(version.release)}-{dotted(version.own)}{pre}"


def _triple(platform: Platform) -> str:
    arch = _UPSTREAM_ARCH.get(platform.arch, platform.arch) + (f"_{platform.level}" if platform.level else "")
    libc = f"-{platform.libc}" if platform.system == "linux" else ""
    return f"{arch}-{_VENDOR.get(platform.system, platform.system)}{libc}"
