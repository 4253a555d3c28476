"""Which of the known builds is the one that was asked for, and what to say when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyv.catalogue.builds import Build, age
from pyv.errors import NotFoundError, VerificationError
from pyv.platforms import Host, Platform, split_arch
from pyv.versions import Request, Version, newest
from pyv.versions.near import nearest
from pyv.versions.version import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_NAMED_ELSEWHERE = 4


def target(request: Request, host: Host) -> Platform:
    """Return the platform that a request means: what it spells out, and this machine's for the rest.

    Builds for a processor level are meant only by those who write the level: `linux-x86_64_v3`.
    """
    system, arch, libc = request.platform
    family, level = split_arch(arch) if arch else (host.platform.arch, "")
    if system and system != host.platform.system:
        libc = libc or ("gnu" if system == "linux" else "none")
    return Platform(system or host.platform.system, family, level, libc or host.platform.libc)


def installable(builds: Iterable[Build], host: Host) -> list[Build]:
    """Return the builds that run here: those for every processor of the family first, of each kind the newest first."""
    running = [build for build in builds if host.runs(build.platform)]
    running.sort(key=lambda build: age(build.build), reverse=True)
    running.sort(key=lambda build: build.platform.level)
    return running


def choose(
    builds: Iterable[Build],
    request: Request,
    host: Host,
    source: str,
    elsewhere: Callable[[Request], list[str]] = lambda _request: [],
) -> Build:
    """Return the newest build that a request means, that runs here and whose sha256 is known.

    Args:
        builds: those that are known for the platform that the request means, see `target`.
        request: what is wanted.
        host: this machine.
        source: which catalogue this is, for messages; without credentials.
        elsewhere: tells the keys of other platforms that have it. Asked only when this one has not.

    Raises:
        NotFoundError: nothing matches; the message says what comes close.
        VerificationError: there are matching builds, but none has a sha256.
    """
    platform = target(request, host)
    if not host.runs(platform):
        raise _not_for_this_machine(request, platform, host)
    here = [build for build in installable(builds, host) if build.platform == platform]
    known = [build for build in here if build.sha256]
    found = newest(known, request, _version_of)
    if found is not None:
        return found
    unknown = newest(here, request, _version_of)
    if unknown is not None:
        raise VerificationError(
            f"refused: {unknown.asset} has no sha256 ({source})", hint="its mirror must list it in SHA256SUMS"
        )
    others = elsewhere(request)
    if others:
        more = f" and {len(others) - _NAMED_ELSEWHERE} more" if len(others) > _NAMED_ELSEWHERE else ""
        message = f"{request} is not made for {platform}, only for {', '.join(others[:_NAMED_ELSEWHERE])}{more}"
        raise NotFoundError(f"{message} ({source})", hint=_look(request, ()))
    versions = [build.version for build in known]
    close = _closest(versions, request)
    message = f"there is no build of {request} for {platform} ({source})"
    meant = alike(request, versions)
    look = _look(request, versions)
    hint = f"did you mean {meant}? Else {look}" if meant else look
    raise NotFoundError(f"{message}; {close}" if close else message, hint=hint)


def alike(request: Request, versions: Iterable[Version]) -> str:
    """Return the version, or the short name of one, that a request which matches none was perhaps meant to be."""
    if request.kind != "version":
        return ""
    ordered = sorted(versions, key=lambda version: version.order, reverse=True)
    text = request.short_name or (request.exact.name if request.exact else request.text)
    same_minor = siblings(request, ordered)
    if same_minor:
        return nearest(text, [each.name for each in same_minor]) or same_minor[0].name
    return nearest(text, dict.fromkeys(name for each in ordered for name in (*each.short_names[:1], each.name)))


def siblings(request: Request, versions: Iterable[Version]) -> list[Version]:
    """Return the versions of the minor version that a request for one of its patches names."""
    minor = request._replace(release=request.release[:2], pre=FINAL, own=()).short_name
    return [each for each in versions if each.minor == minor]


def advice(request: Request, versions: Sequence[Version]) -> str:
    """Return what to type after a request that none of the known versions matches."""
    close = _closest(versions, request)
    return f"no build of {request} is known{close and '; '}{close}; {_look(request, versions)}"


def _version_of(build: Build) -> Version:
    return build.version


def _not_for_this_machine(request: Request, platform: Platform, host: Host) -> NotFoundError:
    if platform._replace(level="") == host.platform:
        has = ", ".join(sorted(host.levels)) or "none of the levels"
        return NotFoundError(
            f"{request} needs a processor of level {platform.level}, and this one has {has}",
            hint="leave the platform out of the request",
        )
    return NotFoundError(
        f"{request} is for {platform}, and this is {host.platform}", hint="leave the platform out of the request"
    )


def _closest(known: Sequence[Version], request: Request) -> str:
    """Say which version is the newest of the same minor version, else of the same implementation and variant."""
    for count in (2, 1, 0):
        if count and len(request.release) < count:
            continue
        wider = Request(
            "",
            "version",
            request.implementation,
            request.release[:count],
            freethreaded=request.freethreaded,
            debug=request.debug,
        )
        found = newest(known, wider, lambda version: version)
        if found is not None:
            stem = ".".join(map(str, wider.release))
            kind = {"cpython": ""}.get(request.implementation, f"{request.implementation} ")
            variant = (" free-threaded" if request.freethreaded else "") + (" debug" if request.debug else "")
            return f"the newest known{variant} {kind}{stem or 'version'} is {found}".replace("  ", " ")
    return ""


def _look(request: Request, known: Iterable[Version]) -> str:
    """Say where to look: in the list of a minor version where that has any, and else in all."""
    minor = request._replace(release=request.release[:2]).short_name if len(request.release) > 1 else ""
    if minor and not any(version.short_names[:1] == (minor,) for version in known):
        minor = ""
    return f"see 'pyv list{f' {minor}' if minor else ''} --all', or refresh with 'pyv index update'"
