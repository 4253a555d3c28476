"""The metadata that uv reads: `download-metadata.json`, an object of builds by name."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyv.catalogue.assets import is_known, is_static, parse_asset
from pyv.catalogue.builds import Build, unquote
from pyv.errors import VerificationError
from pyv.platforms import Platform, split_arch
from pyv.versions import IMPLEMENTATIONS, Version
from pyv.versions.version import NUMBER, PRE, numbers, stage

_VARIANTS = {
    None: (False, False),
    "": (False, False),
    "debug": (False, True),
    "freethreaded": (True, False),
    "freethreaded+debug": (True, True),
}
# Compiled by the first use, and kept by re
_OWN = rf"({NUMBER}(?:\.{NUMBER}){{1,3}})({PRE})?"
_BUILD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_WORD = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
# Printable ASCII, and nothing that a shell, a terminal or another parser of urls reads in its own way
_URL = re.compile(r"[0-9A-Za-z!$&'()*+,./:;=@_~%\[\]-]{1,2048}", re.ASCII)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.ASCII | re.IGNORECASE)
_ASSET = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+~-]{0,254}", re.ASCII)
_ENDINGS = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".zip")
_CONTROL = re.compile(r"[\x00-\x1f\x7f/\\]")
_NUMBER_LIMIT = 1_000_000
_LOOK = "look at what is served there, and at PYV_MIRROR"


class Parsed(NamedTuple):
    """What a metadata file told.

    Attributes:
        builds: the builds, in the file's order.
        left_out: keys of the entries that are of no use here, by reason.
    """

    builds: list[Build]
    left_out: dict[str, list[str]]


class _UnusableError(Exception):
    """An entry is left out; the text says why."""


def parse_metadata(data: bytes, *, source: str) -> Parsed:
    """Read a metadata file in uv's format.

    One entry that cannot be used, such as one for a system of the future, is left out and named; the others count.
    A hash that is none counts as unknown. Urls may be relative; they never climb.

    Args:
        data: the file's bytes.
        source: where they came from, for the message; without credentials.

    Raises:
        VerificationError: it is not a JSON object of objects.
    """
    import json

    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{source} is not JSON: {error}", hint=_LOOK) from None
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise VerificationError(f"{source} is not a catalogue: it should be a JSON object of objects", hint=_LOOK)
    parsed = Parsed([], {})
    for key, entry in content.items():
        build = _understand(entry)
        if isinstance(build, Build):
            parsed.builds.append(build)
        else:
            parsed.left_out.setdefault(build, []).append(key)
    return parsed


def _understand(entry: dict[str, object]) -> Build | str:
    """Return the build that an entry describes, or why it is left out."""
    try:
        return _build(entry)
    except _UnusableError as error:
        return str(error)


def _build(entry: dict[str, object]) -> Build:
    implementation = entry.get("name")
    if implementation not in IMPLEMENTATIONS:
        raise _UnusableError("unknown implementation")
    platform = _platform(entry)
    url = _url(entry.get("url"))
    asset = unquote(url.rpartition("/")[2])
    build = entry.get("build")
    if build is None:  # older metadata has no such field
        told = parse_asset(asset, url)
        build = told.build if told else None
    if not isinstance(build, str) or not _BUILD.fullmatch(build):
        raise _UnusableError("malformed build")
    variant = entry.get("variant")
    if not isinstance(variant, (str, type(None))) or variant not in _VARIANTS:
        raise _UnusableError("unknown variant")
    version = _version(str(implementation), entry, build, _VARIANTS[variant])
    if version.implementation == "cpython" and is_static(platform, asset, build):
        raise _UnusableError("statically linked with musl")
    sha256 = entry.get("sha256")
    known = isinstance(sha256, str) and _SHA256.fullmatch(sha256)
    return Build(version, platform, url, known[0].lower() if known else "", build)


def _version(implementation: str, entry: dict[str, object], build: str, variant: tuple[bool, bool]) -> Version:
    release = tuple(_number(entry.get(part)) for part in ("major", "minor", "patch"))
    freethreaded, debug = variant
    if implementation == "cpython":
        pre = _text(entry.get("prerelease"))
        if entry.get("prerelease") and not re.fullmatch(PRE, pre, re.ASCII):
            raise _UnusableError("malformed version")
        return Version(implementation, release, stage(pre), freethreaded, debug)
    # What the file calls a build is their own version, and a pre-release is one of that
    own = re.fullmatch(_OWN, build, re.ASCII)
    if own is None or freethreaded or debug:
        raise _UnusableError("malformed version")
    return Version(implementation, release, stage(own[2]), own=numbers(own[1]))


def _platform(entry: dict[str, object]) -> Platform:
    arch = entry.get("arch")
    level: object = None
    if isinstance(arch, dict):
        level = arch.get("variant")
        arch = arch.get("family")
    if not isinstance(arch, str) or not isinstance(level, (str, type(None))) or not _WORD.fullmatch(arch):
        raise _UnusableError("unknown platform")
    family, spelled = split_arch(arch)
    platform = Platform(_text(entry.get("os")), family, level or spelled, _text(entry.get("libc")))
    if not is_known(platform):
        raise _UnusableError("unknown platform")
    return platform


def _url(value: object) -> str:
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise _UnusableError("unusable url")
    scheme = _SCHEME.fullmatch(value)
    path = value
    if scheme:
        kind, rest = scheme[1].lower(), scheme[2]
        host, _, path = rest[2:].partition("/")
        # A user name in a url would end up in caches and messages
        named = kind in ("http", "https") and host and "@" not in host
        if not rest.startswith("//") or not (named or (kind == "file" and not host)):
            raise _UnusableError("unusable url")
        value = f"{kind}:{rest}"
    parts = [unquote(part) for part in path.split("/")]
    if (
        not _ASSET.fullmatch(parts[-1])
        or not parts[-1].endswith(_ENDINGS)
        or any(part in ("", ".", "..") or _CONTROL.search(part) for part in parts)
    ):
        raise _UnusableError("unusable url")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _NUMBER_LIMIT:
        raise _UnusableError("malformed version")
    return value
