"""Feed what parses other people's bytes with what a fuzzer makes of them, led by the code that it reaches.

    python -m pip install atheris pytest hypothesis --editable .
    python scripts/fuzz.py pin --seconds 300

A finding ends the run with a traceback, and the bytes are written to `crash-…` in the current folder. The tests put the
same targets to random bytes and to earlier findings; this finds what chance does not.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import re
import sys
import tempfile
from binascii import crc32
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[1]
# What a name in the store, and part of a url, may be
_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)


def request(data: bytes) -> None:
    """A request is refused, or can be used and printed without harm."""
    from pyv.errors import RequestError
    from pyv.versions import Request, Version

    text = data.decode("utf-8", "replace")
    try:
        found = Request.parse(text)
    except RequestError:
        return
    if ".." in found.text or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", found.text):
        raise AssertionError(repr(text))
    if "/" in found.text and not re.fullmatch(r"[^/]+/envs/[^/]+", found.text):
        raise AssertionError(repr(text))
    found.matches(Version.parse("3.12.7"))
    _ = (str(found), found.exact, found.short_name, found.wants_pre)


def pin(data: bytes) -> None:
    """A pin file holds requests, or is an error."""
    from pyv import pins
    from pyv.errors import RequestError

    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        with contextlib.suppress(RequestError):
            if not pins.read(Path(file.name)):
                raise AssertionError(repr(data))


def metadata(data: bytes) -> None:
    """A mirror's catalogue holds builds with plain names, or is refused."""
    from pyv.catalogue import dump, load, parse_metadata
    from pyv.errors import VerificationError

    try:
        parsed = parse_metadata(data, source="here")
    except VerificationError:
        return
    for build in parsed.builds:
        if load(dump([build]), build.platform) != [build] or not _PLAIN.fullmatch(build.asset):
            raise AssertionError(repr(build))


def sums(data: bytes) -> None:
    """A list of hashes names builds below its own address."""
    from pyv.catalogue import parse_sums

    for build in parse_sums(data.decode("utf-8", "surrogateescape"), base_url="https://example.org/1"):
        if not build.url.startswith("https://example.org/1/cpython-") or not _PLAIN.fullmatch(build.asset):
            raise AssertionError(repr(build))


def kept(data: bytes) -> None:
    """A kept catalogue is read, or is none, whatever its text is."""
    from pyv.index.kept import _MAGIC, read

    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(f"{_MAGIC} {crc32(data):08x}\n".encode() + data)
        found = read(Path(file.name))
        if found is not None:
            found.all_builds()


def manifest(data: bytes) -> None:
    """A manifest can be compared with, or is an error."""
    from pyv import manifest as manifests
    from pyv.errors import PyvError
    from pyv.layout import MANIFEST

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(PyvError):
        version = Path(folder)
        (version / MANIFEST).parent.mkdir()
        (version / MANIFEST).write_bytes(data)
        manifests.compare(version, manifests.load(version))


def tar(data: bytes) -> None:
    """A tar is unpacked within its folder, or refused."""
    from tests.test_archive_fuzz import mended

    _unpack(gzip.compress(mended(data), 1), "a.tar.gz")


def zip_file(data: bytes) -> None:
    """A zip is unpacked within its folder, or refused."""
    _unpack(data, "a.zip")


def _unpack(data: bytes, name: str) -> None:
    from tests.test_archive_fuzz import try_out
    from tests.test_archive_making import Room

    with tempfile.TemporaryDirectory() as folder:
        try_out(Room(Path(folder, "top")), data, name)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "request": request,
    "pin": pin,
    "metadata": metadata,
    "sums": sums,
    "kept": kept,
    "manifest": manifest,
    "tar": tar,
    "zip": zip_file,
}


def seeds(target: str) -> list[bytes]:
    """Return what a fuzzer begins with: something whole of each kind."""
    from tests.test_archive_fuzz import TREE, ZIP

    asset = "cpython-3.13.9+20251120-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    entry = {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": "linux", "libc": "gnu",
        "major": 3, "minor": 13, "patch": 9, "prerelease": "", "variant": None, "build": "20251120",
        "url": f"https://example.org/20251120/{asset}", "sha256": "a" * 64,
    }  # fmt: skip
    return {
        "request": [
            b">=3.11,<3.13",
            b"pypy3.10-7.3.17",
            b"cpython-3.12.7-linux-x86_64-gnu",
            b"3.12.7/envs/x",
            b"cp313t",
        ],
        "pin": [b"\xef\xbb\xbf3.12 # x\r\n3.11:3.10\n"],
        "metadata": [json.dumps({"key": entry}).encode()],
        "sums": [f"{'a' * 64}  {asset}\n".encode()],
        "kept": [b"tag 1\n\n[linux-x86_64-gnu]\n"],
        "manifest": [json.dumps({"schema": 1, "entries": {"a": ["file", 420, 3, 0, "a" * 64, ""]}}).encode()],
        "tar": [TREE],
        "zip": [ZIP],
    }[target]


def main() -> None:
    """Run one target until something is found, or the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    sys.path[:0] = [str(PROJECT)]
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore] # for the few who fuzz; it has no wheels for most Pythons

    with atheris.instrument_imports(include=["pyv"]):
        for example in seeds(options.target):
            TARGETS[options.target](example)
    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(seeds(options.target)):
            Path(corpus, str(number)).write_bytes(example)
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={options.seconds}", "-max_len=20000", corpus], TARGETS[options.target]
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
