"""Write the catalogue of builds that the wheel carries.

    python scripts/update_catalogue.py download-metadata.json.gz    from a file or a url in uv's format
    python scripts/update_catalogue.py --upstream                   what is there, and upstream's newest release
    python scripts/update_catalogue.py --ends                       what is there, with the dates below
    python scripts/update_catalogue.py --check [SOURCE]             change nothing; fail if something would change

Until when each version of CPython is supported stands in scripts/end_of_life.txt, and goes along. The same
input gives the same files, byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pyv.catalogue import (
    DATA,
    END_OF_LIFE,
    RELEASES,
    Build,
    bundled,
    bundled_info,
    dump_ends,
    end_of_life,
    files,
    merge,
    parse_ends,
    parse_metadata,
)
from pyv.errors import PyvError, UsageError
from pyv.fetch import Fetcher
from pyv.fsops import write_whole
from pyv.index import UPSTREAM, Upstream
from pyv.index.feed import Feed
from pyv.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

_GZIP = b"\x1f\x8b"
_ENDS = Path(__file__).with_name("end_of_life.txt")


def main(arguments: Sequence[str]) -> int:
    """Run the script and return its exit status."""
    options = _options(arguments)
    folder: Path = options.into
    try:
        builds = _from_source(options.source) if options.source else _present(folder)
        if options.upstream:
            builds = merge(builds, _from_upstream(Upstream(*options.urls) if options.urls else UPSTREAM))
        return _write(builds, _ends(options.end_of_life), folder, check=options.check)
    except PyvError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write the catalogue of builds that the wheel carries.")
    parser.add_argument("source", nargs="?", help="metadata in uv's format: a file or url, plain or gzipped")
    parser.add_argument("--upstream", action="store_true", help="add the newest release of python-build-standalone")
    parser.add_argument("--check", action="store_true", help="only tell whether the files are what would be written")
    parser.add_argument("--ends", action="store_true", help="write the dates anew, and leave the builds as they are")
    parser.add_argument("--end-of-life", type=Path, default=_ENDS, metavar="FILE", help="minor versions and dates")
    parser.add_argument("--into", type=Path, default=Path(DATA), metavar="FOLDER", help="where the files are")
    # The tests have no other upstream than one on 127.0.0.1
    parser.add_argument("--urls", nargs=3, metavar=("LATEST", "RELEASES", "FALLBACK"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if not (options.source or options.upstream or options.ends or options.check):
        parser.error("give a SOURCE, --upstream, --ends or --check")
    return options


def _from_source(source: str) -> list[Build]:
    with Fetcher(os.environ) as fetcher:
        data = fetcher.get(source).body or b""
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    parsed = parse_metadata(data, source=source)
    left_out = dict(parsed.left_out)
    kept = []
    for build in parsed.builds:
        reason = "no sha256" if not build.sha256 else "not https" if not build.url.startswith("https://") else ""
        if reason:
            left_out.setdefault(reason, []).append(f"{build.version} for {build.platform}")
        else:
            kept.append(build)
    for reason, names in sorted(left_out.items()):
        print(f"left out {len(names)}: {reason}")
        for name in names:
            print(f"  {name!a}")
    newest = merge((), kept)
    if len(newest) != len(kept):
        print(f"left out {len(kept) - len(newest)}: older builds of the same version")
    return newest


def _from_upstream(upstream: Upstream) -> list[Build]:
    with Fetcher(os.environ) as fetcher, tempfile.TemporaryDirectory() as scratch:
        feed = Feed(
            Path(scratch, "feed.txt"),
            latest=upstream.latest,
            folders=[place for place in (upstream.releases, upstream.fallback) if place],
            base="",
            link=f"{RELEASES}/",
            fetcher=lambda: fetcher,
            clock=time.time,
        )
        feed.fetch(lambda: None)
        builds = feed.kept.all_builds() if feed.kept else []
    print(f"upstream's newest release lists {len(builds)} builds")
    return builds


def _present(folder: Path) -> list[Build]:
    keys = bundled_info(str(folder)).counts
    return [build for key in keys for build in bundled(Platform.parse(key), str(folder))]


def _ends(path: Path) -> dict[str, str]:
    try:
        return parse_ends(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="its lines are like: 3.12 2028-10") from None


def _write(builds: list[Build], ends: dict[str, str], folder: Path, *, check: bool) -> int:
    expected = files(builds) | {END_OF_LIFE: dump_ends(ends)}
    present = {path.name: path.read_text("ascii") for path in folder.glob("*.txt")}
    changed = sorted(name for name in {*expected, *present} if expected.get(name) != present.get(name))
    print("\n".join(f"{name}: changed" for name in changed) or "nothing changed")
    if check:
        return 1 if changed else 0
    for name in changed:
        if name in expected:
            write_whole(folder / name, expected[name].encode("ascii"))
        else:
            (folder / name).unlink()
    if sorted(_present(folder)) != sorted(builds) or end_of_life(str(folder)) != ends:
        print("what was written does not read back as what was meant", file=sys.stderr)
        return 1
    for key, count in bundled_info(str(folder)).counts.items():
        print(f"{count:6} {key}")
    print(f"{len(builds):6} in all, the newest of {bundled_info(str(folder)).newest}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
