"""Names of archives, and the SHA256SUMS files that list them.

Upstream names its archives `cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz`, see
https://gregoryszorc.com/docs/python-build-standalone/main/running.html. PyPy and GraalPy have schemes of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pyv.catalogue.builds import Build, age
from pyv.platforms import Platform, split_arch
from pyv.versions import Version
from pyv.versions.version import NUMBER, PRE, numbers, stage

if TYPE_CHECKING:
    from collections.abc import Mapping

# Compiled by the first use, and kept by re: most runs use none or one of these
_CPYTHON = (
    rf"cpython-({NUMBER})\.({NUMBER})\.({NUMBER})({PRE})?(?:\+(\d{{1,14}}))?"
    r"-([a-z0-9_]+)-(unknown-linux-([a-z0-9]+)|apple-darwin|pc-windows-msvc)((?:-[a-zA-Z0-9_+]+)+)\.tar\.(?:gz|zst)"
)
_PYPY = rf"pypy({NUMBER})\.({NUMBER})-v({NUMBER}(?:\.{NUMBER}){{1,2}})({PRE})?-(\w+)\.(?:tar\.(?:gz|bz2)|zip)"
_GRAALPY = (
    rf"graalpy(?:({NUMBER})\.({NUMBER}))?-({NUMBER}(?:\.{NUMBER}){{1,3}})-(linux|macos|windows)-(amd64|aarch64)"
    r"\.(?:tar\.gz|zip)"
)
_DATED = r"(\d{8})T\d{4}"
# As sha256sum writes them, also for ./*, and with --tag
_ASSET_NAME = r"(?:\./)?([0-9A-Za-z][0-9A-Za-z._+-]{0,254})"
_SUM = rf"([0-9a-fA-F]{{64}}) [ *]{_ASSET_NAME}"
_TAGGED_SUM = rf"SHA256 \({_ASSET_NAME}\) = ([0-9a-fA-F]{{64}})"
_PYPY_PLATFORMS = {
    "linux64": Platform("linux", "x86_64", "", "gnu"),
    "linux32": Platform("linux", "i686", "", "gnu"),
    "aarch64": Platform("linux", "aarch64", "", "gnu"),
    "s390x": Platform("linux", "s390x", "", "gnu"),
    "macos_x86_64": Platform("darwin", "x86_64", "", "none"),
    "macos_arm64": Platform("darwin", "aarch64", "", "none"),
    "win64": Platform("windows", "x86_64", "", "none"),
}
_FLAGS = frozenset({"freethreaded", "debug", "pgo", "lto", "noopt", "shared", "static"})
# Of one version the smallest that does the job, else the fastest: stripped, unstripped, then the full archives
_OPTIMISED = (frozenset({"pgo", "lto"}), frozenset({"pgo"}), frozenset({"lto"}))
_STRIPPED, _PLAIN = 11, 10
# From this release on upstream's builds for musl are dynamically linked; a static one cannot load extension modules
_MUSL_DYNAMIC = "20250311"


class Flavour(NamedTuple):
    """How upstream made an archive: whether it is linked statically, and how much it is preferred to others."""

    static: bool
    rank: int


def parse_asset(name: str, url: str) -> Build | None:
    """Return what an archive's name tells about it, or None if it is named in no known scheme.

    The sha256 is unknown then, and for PyPy and GraalPy so is the patch version of the language.

    Args:
        name: the file's name, not percent-encoded.
        url: where it is.
    """
    found = re.fullmatch(_PYPY, name, re.ASCII)
    if found:
        platform = _PYPY_PLATFORMS.get(found[5])
        own = numbers(found[3])
        version = Version("pypy", (int(found[1]), int(found[2])), stage(found[4]), own=own)
        return Build(version, platform, url, "", found[3] + (found[4] or "")) if platform else None
    found = re.fullmatch(_GRAALPY, name, re.ASCII)
    if found:
        release = (int(found[1]), int(found[2])) if found[1] else ()
        own = numbers(found[3])
        system = {"macos": "darwin"}.get(found[4], found[4])
        platform = Platform(system, split_arch(found[5])[0], "", "gnu" if system == "linux" else "none")
        return Build(Version("graalpy", release, own=own), platform, url, "", found[3])
    parsed = _cpython(name, url)
    return parsed[0] if parsed and not parsed[1].static else None


def parse_sums(text: str, *, base_url: str) -> list[Build]:
    """Return the CPython builds that a SHA256SUMS file lists, see `parse_hashes` and `builds_among`."""
    return builds_among(parse_hashes(text), base_url=base_url)


def builds_among(hashes: Mapping[str, str], *, base_url: str) -> list[Build]:
    """Return the CPython builds among files, of each version and platform the preferred flavour.

    What has a hash is preferred to what has none.

    Args:
        hashes: the sha256 of each file by its name, empty where it is not known.
        base_url: the folder that the files are in.
    """
    best: dict[tuple[Version, Platform], tuple[tuple[object, ...], Build]] = {}
    for name, sha256 in hashes.items():
        parsed = _cpython(name, f"{base_url}/{name.replace('+', '%2B')}")
        if parsed is None or parsed[1].static:
            continue
        build, flavour = parsed
        key = (build.version, build.platform)
        order = (bool(sha256), age(build.build), flavour.rank, name)
        if key not in best or order > best[key][0]:
            best[key] = (order, build._replace(sha256=sha256))
    return [build for _, build in best.values()]


def parse_hashes(text: str) -> dict[str, str]:
    """Return the names and hashes of a SHA256SUMS file, as `sha256sum` writes it, with or without --tag.

    Lines with other names than plain ones are left out, and so is a name that two lines have different hashes for.
    """
    hashes: dict[str, set[str]] = {}
    for line in text.removeprefix("\ufeff").split("\n"):
        found = re.fullmatch(_SUM, line.rstrip("\r"), re.ASCII)
        sha256, name = found.groups() if found else ("", "")
        found = re.fullmatch(_TAGGED_SUM, line.rstrip("\r"), re.ASCII) if line[:1] == "S" else None
        if found:
            name, sha256 = found.groups()
        if name:
            hashes.setdefault(name, set()).add(sha256.lower())
    return {name: each.pop() for name, each in hashes.items() if len(each) == 1}


def is_static(platform: Platform, name: str, build: str) -> bool:
    """Tell whether upstream linked a CPython build for musl statically."""
    return platform.libc.startswith("musl") and ("static" in name or age(build) < age(_MUSL_DYNAMIC))


def _cpython(name: str, url: str) -> tuple[Build, Flavour] | None:
    found = re.fullmatch(_CPYTHON, name, re.ASCII)
    if found is None:
        return None
    arch, level = split_arch(found[6])
    system = {"a": "darwin", "p": "windows"}.get(found[7][0], "linux")
    platform = Platform(system, arch, level, found[8] or "none")
    *parts, kind = found[9][1:].split("-")
    flags = [flag for part in parts for flag in part.split("+")]
    if not is_known(platform) or len(set(flags)) != len(flags) or not _FLAGS.issuperset(flags):
        return None
    dated = re.fullmatch(_DATED, kind, re.ASCII)
    build = found[5] or (dated[1] if dated else "")
    if not build:
        return None
    static = "static" in flags or is_static(platform, name, build)
    if kind == "install_only_stripped":
        flavour = Flavour(static, _STRIPPED)
    elif kind == "install_only":
        flavour = Flavour(static, _PLAIN)
    elif kind == "full" or dated:
        optimised = frozenset(flags) & {"pgo", "lto"}
        flavour = Flavour(static, len(_OPTIMISED) - _OPTIMISED.index(optimised) if optimised else 0)
    else:
        return None
    version = Version(
        "cpython",
        (int(found[1]), int(found[2]), int(found[3])),
        stage(found[4]),
        freethreaded="freethreaded" in flags,
        debug="debug" in flags,
    )
    return Build(version, platform, url, "", build), flavour


def is_known(platform: Platform) -> bool:
    """Tell whether pyv knows this operating system, processor and C library."""
    return (
        platform.libc in _LIBCS.get(platform.system, ())
        and platform.arch in _ARCHES
        and (not platform.level or (platform.arch == "x86_64" and platform.level in _LEVELS))
    )


_LIBCS = {
    "linux": ("gnu", "musl", "gnueabi", "gnueabihf", "musleabi", "musleabihf"),
    "darwin": ("none",),
    "windows": ("none",),
}
_ARCHES = frozenset({"x86_64", "aarch64", "i686", "armv7", "powerpc64le", "s390x", "riscv64"})
_LEVELS = frozenset({"v2", "v3", "v4"})
