"""Packing: from an installed CPython to a standalone archive in a mirror, from which anybody can install it.

Nothing is ever written into the installation. Everything happens on a copy, beside the mirror, and what comes out was
started from another place before anybody can see it.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import archive as archives
from pyv import fsops
from pyv.errors import PyvError, UsageError, shell_word
from pyv.pack.mirror import Release, publish
from pyv.pack.source import ask, examine, unsteered
from pyv.pack.stage import stage
from pyv.pack.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyv.pack.source import Source

__all__ = ["Packed", "pack"]


class Packed(NamedTuple):
    """What was made.

    Attributes:
        archive: the file.
        sha256: its hash.
        size: its bytes.
        version: the name of the version in it, such as `3.12.7` or `3.13.1t`.
        key: what the mirror's catalogue calls it.
        notes: what a person should know who is going to install it.
    """

    archive: Path
    sha256: str
    size: int
    version: str
    key: str
    notes: tuple[str, ...]


def pack(
    prefix: Path,
    out: Path,
    *,
    tag: str,
    env: Mapping[str, str],
    with_tests: bool = False,
    level: int = 6,
    notify: Callable[[str], None],
) -> Packed:
    """Make an archive out of an installed CPython, and enter it into a mirror.

    Args:
        prefix: where it is installed.
        out: the mirror's folder; made if need be. What it offers already stays.
        tag: the day that the build is named after, as YYYYMMDD.
        env: what the interpreter and the tools run in; PATH says where strip and patchelf are.
        with_tests: whether to pack the standard library's tests, too.
        level: how hard to compress, from 1 to 9.
        notify: called with a line for the user at each step.

    Raises:
        UsageError: the tag is none.
        PyvError: the installation is of a kind that cannot be packed, or what was packed does not run.
    """
    if not re.fullmatch(r"\d{8}", tag, re.ASCII):
        raise UsageError(f"{tag!r} is not a tag", hint="write a day, such as 20261101")
    try:
        source = examine(prefix, env)
        if not source.shared and source.prefix in (target := Path(os.path.realpath(out)), *target.parents):
            raise PyvError(f"{out} lies in {prefix}, where nothing is written", hint="name another folder with -o")
        release = Release(source.version, source.platform, tag)
        scratch = out / ".pyv/tmp"
        fsops.sweep(scratch)
        with fsops.staging(scratch, f"pack-{source.version}") as area:
            notify(f"packing Python {source.version} of {prefix}")
            notes = stage(source, area / "python", Tools(env), with_tests=with_tests)
            made = area / release.asset
            created = archives.create(area / "python", made, level=level)
            notify("trying it out")
            _try_out(made, area / "elsewhere", source, unsteered(env))
            place = publish(out, release, made, created.sha256, notify=notify)
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        hint = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "name a folder of yours with -o"
        raise PyvError(f"cannot pack {prefix}: {error.strerror or error}{where}", hint=hint) from error
    return Packed(place, created.sha256, created.size, source.version.name, release.key, notes)


def _try_out(made: Path, folder: Path, source: Source, env: Mapping[str, str]) -> None:
    """Unpack an archive somewhere else and start its Python, with nothing set that could lead it back."""
    folder.mkdir()
    with open(made, "rb") as file:
        archives.extract(file, made.name, folder, prefix="python")
    answer = ask(folder / "bin/python3", env)
    if (answer.version, answer.prefix, answer.exec_prefix) != (source.version, *[os.path.realpath(folder)] * 2):
        raise PyvError(
            f"Python {source.version} of {source.prefix} cannot be moved: "
            f"the copy says that it is {answer.version} in {answer.prefix}",
            hint=_use_it_there(source),
        )
    lost = [name for name in answer.missing if name not in source.missing]
    if lost:
        raise PyvError(
            f"Python {source.version} of {source.prefix} cannot be moved: the copy lacks {', '.join(lost)}",
            hint=_use_it_there(source),
        )
    strays = [path for path in answer.mapped if path.startswith(f"{source.prefix}/") and not source.shared]
    if strays:
        raise PyvError(
            f"Python {source.version} of {source.prefix} cannot be moved: the copy loads {strays[0]}",
            hint=_use_it_there(source),
        )


def _use_it_there(source: Source) -> str:
    return f"to use it where it is: pyv link {source.version} {shell_word(source.prefix)}"
