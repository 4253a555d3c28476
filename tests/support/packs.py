"""Real archives for tests: the CPython that runs them, packed once per session, and others made from it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pwd
import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.catalogue import parse_asset
from pyv.pack import Packed, pack
from pyv.pack.mirror import Release, publish
from pyv.versions import Version
from tests.support.command import pyv
from tests.support.session import once, shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

TAG = "20261101"
# Tests of an isolated environment take the variable away, so it is read before
_PYENV_ROOT = os.environ.get("PYENV_ROOT", "")
_OLDEST, _NEWEST = (3, 8), (3, 14)
# Appended to a module that every start imports, whatever the flags; nothing but built-in modules works there yet
_MASQUERADE = """

def _masquerade():
    class version_info(tuple):
        major = property(lambda self: self[0])
        minor = property(lambda self: self[1])
        micro = property(lambda self: self[2])
        releaselevel = property(lambda self: self[3])
        serial = property(lambda self: self[4])

    sys.version_info = sys.implementation.version = version_info({parts!r})
    sys.hexversion = sys.implementation.hexversion = {hexversion:#x}
    sys.version = " ".join([{version!r}, *sys.version.split(" ")[1:]])

_masquerade()
del _masquerade
"""
_LEVELS = {"a": ("alpha", 0xA), "b": ("beta", 0xB), "rc": ("candidate", 0xC), "": ("final", 0xF)}


def pack_running_python(out: Path) -> Packed:
    """Pack the CPython that runs the tests, or the one that its environment was made from, into a mirror."""
    return pack(Path(sys.base_prefix), out, tag=TAG, env=dict(os.environ), level=1, notify=_nothing)


def session_pack(factory: pytest.TempPathFactory) -> Packed:
    """Return the CPython that runs the tests, packed; by the first test that asks, for all workers of the session.

    The archive lies in a mirror of its own (`mirror_of`), which tests only read.
    """
    shared = shared_folder(factory)
    mirror = shared / "packed-mirror"
    answer = mirror / ".answer"
    with once(shared, "packed-mirror") as first:
        if first:
            answer.write_text(json.dumps(pack_running_python(mirror)._asdict(), default=str))
        fields = json.loads(answer.read_text())
    return Packed(**{**fields, "archive": Path(fields["archive"]), "notes": tuple(fields["notes"])})


def session_seed(factory: pytest.TempPathFactory) -> Path:
    """Return the seed for the Python that runs the tests, made of its own pip by the first test that asks."""
    shared = shared_folder(factory)
    seed = shared / "seed"
    with once(shared, "seed") as first:
        if first:
            room = shared / "seed-making"
            places = {"PYV_ROOT": str(room / "store"), "PYV_CACHE_DIR": str(room / "cache")}
            version = sys.version.split(" ")[0]
            assert pyv("link", version, sys.base_prefix, **places).status == 0
            assert pyv("venv", "--offline", "-p", version, room / "venv", **places).status == 0
            (room / "cache/seed").rename(seed)
            shutil.rmtree(room)
    return seed


def mirror_of(packed: Packed) -> Path:
    """Return the mirror that an archive lies in."""
    return packed.archive.parent.parent


def make_mirror(folder: Path, packed: Packed, *others: str) -> Path:
    """Make a mirror that offers an archive, and the same one again as each of some other versions.

    Args:
        folder: where.
        packed: the archive.
        others: such as `3.12.90`; minor version and variant are the archive's.

    Returns:
        The folder.
    """
    build = parse_asset(packed.archive.name, "")
    assert build is not None
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / packed.archive.name
    shutil.copyfile(packed.archive, copy)
    publish(folder, Release(build.version, build.platform, build.build), copy, packed.sha256, notify=_nothing)
    for version in others:
        relabel(packed, folder, version)
    return folder


def relabel(
    packed: Packed,
    mirror: Path,
    version: str,
    *,
    reports: str = "",
    edit: Callable[[str, bytes], bytes | None] | None = None,
) -> Packed:
    """Make an archive that pretends to be another version, and enter it into a mirror.

    Its interpreter says so, too: sys.version_info, sys.version, sys.hexversion, what follows from these, and
    `patchlevel.h`. Only `python --version` still tells the truth, which is compiled in.

    Args:
        packed: the archive to make it from.
        mirror: the folder.
        version: such as `3.12.90` or `3.12.0rc1`; minor version and variant are the archive's.
        reports: the version that the interpreter reports, if that is to be another one.
        edit: gets the name (`python/bin/python3.12`) and the content of each file, and returns the content that it is
            to have, or None to leave it out.
    """
    build = parse_asset(packed.archive.name, "")
    assert build is not None
    named = Version.parse(version)._replace(freethreaded=build.version.freethreaded, debug=build.version.debug)
    assert named.release[:2] == build.version.release[:2], f"{version} cannot be made from {packed.version}"
    told = Version.parse(reports or version)
    release = Release(named, build.platform, build.build)
    made = mirror / f".{release.asset}.{os.getpid()}"
    mirror.mkdir(parents=True, exist_ok=True)
    with (
        tarfile.open(packed.archive) as old,
        tarfile.open(made, "w:gz", format=tarfile.PAX_FORMAT, compresslevel=1) as new,
    ):
        for member in old:
            if not member.isreg():
                new.addfile(member)
                continue
            body = old.extractfile(member)
            assert body is not None
            data: bytes | None = _disguise(member.name, body.read(), told)
            if edit is not None and data is not None:
                data = edit(member.name, data)
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    content = made.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    place = publish(mirror, release, made, sha256, notify=_nothing)
    return Packed(place, sha256, len(content), named.name, release.key, ())


def pack_all(folder: Path, prefixes: Iterable[Path]) -> list[Packed]:
    """Pack several installed CPythons into a mirror."""
    return [pack(each, folder, tag=TAG, env=dict(os.environ), level=1, notify=_nothing) for each in prefixes]


def other_pythons() -> dict[str, Path]:
    """Return the CPythons that pyenv has on this machine, 3.8 to 3.14, by version; none where there is no pyenv.

    The home is that of the user's account: tests have a HOME of their own.
    """
    roots = [Path(_PYENV_ROOT)] if _PYENV_ROOT else []
    roots.append(Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv"))
    found: dict[str, Path] = {}
    for root in roots:
        try:
            names = sorted(os.listdir(root / "versions"))
        except OSError:  # there is none, or it is somebody else's
            continue
        for name in names:
            version = re.fullmatch(r"3\.(\d+)\.\d+t?", name)
            prefix = root / "versions" / name
            if version and _OLDEST <= (3, int(version[1])) <= _NEWEST and os.access(prefix / "bin/python3", os.X_OK):
                found.setdefault(name, prefix)
    return dict(sorted(found.items(), key=lambda item: Version.parse(item[0]).order))


def _disguise(name: str, data: bytes, version: Version) -> bytes:
    text = version._replace(freethreaded=False, debug=False).name
    level, nibble = _LEVELS[version.pre[0]]
    major, minor, micro = version.release
    if re.fullmatch(r"python/lib/python3[^/]*/encodings/__init__\.py", name):
        serial = version.pre[1]
        lines = _MASQUERADE.format(
            parts=(major, minor, micro, level, serial),
            hexversion=major << 24 | minor << 16 | micro << 8 | nibble << 4 | serial,
            version=text,
        )
        return data + lines.encode()
    if re.fullmatch(r"python/include/python3[^/]*/patchlevel\.h", name):
        data = re.sub(rb'(#define\s+PY_VERSION\s+)"[^"]*"', rb'\1"%b"' % text.encode(), data)
        return re.sub(rb"(#define\s+PY_MICRO_VERSION\s+)\d+", rb"\g<1>%d" % micro, data)
    return data


def _nothing(_line: str) -> None:
    pass
