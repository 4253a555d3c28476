"""The mirror that packed archives are entered into."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyv.catalogue import parse_asset, parse_metadata
from pyv.errors import PyvError
from pyv.pack.mirror import Release, publish
from pyv.platforms import Platform
from pyv.versions import Version

LINUX = Platform("linux", "x86_64", "", "gnu")


@pytest.mark.parametrize(
    ("version", "platform", "asset", "key"),
    [
        ("3.12.1", "linux-x86_64-gnu", "x86_64-unknown-linux-gnu-", ""),
        ("3.13.1t", "linux-aarch64-musl", "aarch64-unknown-linux-musl-freethreaded-", "+freethreaded"),
        ("3.12.1d", "darwin-aarch64-none", "aarch64-apple-darwin-debug-", "+debug"),
        (
            "3.14.0rc2td",
            "linux-armv7-gnueabihf",
            "armv7-unknown-linux-gnueabihf-freethreaded+debug-",
            "+freethreaded+debug",
        ),
        ("3.12.1", "linux-powerpc64le-gnu", "ppc64le-unknown-linux-gnu-", ""),
    ],
)
def test_names_are_upstreams(version: str, platform: str, asset: str, key: str) -> None:
    number = version.rstrip("td")
    release = Release(Version.parse(version), Platform.parse(platform), "20261101")
    assert release.asset == f"cpython-{number}+20261101-{asset}install_only_stripped.tar.gz"
    assert release.key == f"cpython-{number}{key}-{platform}"


@pytest.mark.parametrize("platform", ["linux-x86_64-gnu", "darwin-aarch64-none", "linux-armv7-gnueabihf"])
@pytest.mark.parametrize("version", ["3.12.1", "3.13.1t", "3.12.1d", "3.14.0rc2td"])
def test_pyv_reads_back_what_a_catalogue_says(version: str, platform: str) -> None:
    release = Release(Version.parse(version), Platform.parse(platform), "20261101")
    catalogue = json.dumps({release.key: release.entry("a" * 64)}).encode()
    (build,) = parse_metadata(catalogue, source="the mirror").builds
    assert (build.version.name, build.platform.key, build.build) == (version, platform, "20261101")
    assert build == (parse_asset(release.asset, build.url) or build)._replace(sha256="a" * 64)


def put(mirror: Path, version: str, tag: str = "20261101") -> Path:
    mirror.mkdir(exist_ok=True)
    archive = mirror / f"new-{version}-{tag}"
    archive.write_text(f"{version} {tag}")
    release = Release(Version.parse(version), LINUX, tag)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return publish(mirror, release, archive, digest, notify=lambda _line: None)


def test_a_mirror_keeps_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "20261101"
    folder.mkdir()
    (folder / "SHA256SUMS").write_text(f"{'b' * 64} *zz.tar.gz\n\n{'a' * 64}  aa.tar.gz\n")
    (tmp_path / "download-metadata.json").write_text('{"pypy-3.10": {"name": "pypy", "more": [1]}}')
    place = put(tmp_path, "3.12.1")
    assert place.read_text() == "3.12.1 20261101"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    assert lines == [f"{'a' * 64}  aa.tar.gz", f"{digest}  {place.name}", f"{'b' * 64}  zz.tar.gz"]
    catalogue = json.loads((tmp_path / "download-metadata.json").read_text())
    assert catalogue["pypy-3.10"] == {"name": "pypy", "more": [1]}
    assert catalogue["cpython-3.12.1-linux-x86_64-gnu"]["sha256"] == digest


def test_the_catalogue_names_the_newest_of_several_builds(tmp_path: Path) -> None:
    for tag in ("20261101", "20261103", "20261102"):
        put(tmp_path, "3.12.1", tag)
    (entry,) = json.loads((tmp_path / "download-metadata.json").read_text()).values()
    assert entry["build"] == "20261103"
    assert "/20261103/" in entry["url"]
    assert len(list(tmp_path.glob("2026*/*.tar.gz"))) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [("download-metadata.json", "{"), ("download-metadata.json", "[]"), ("20261101/SHA256SUMS", "nonsense\n")],
)
def test_a_mirror_that_cannot_be_understood_is_left_as_it_is(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    with pytest.raises(PyvError, match=re.escape(str(tmp_path / name))):
        put(tmp_path, "3.12.1")
    assert (tmp_path / name).read_text() == content
    assert list(tmp_path.glob("**/*.tar.gz")) == []


WRITER = """
import sys
from pathlib import Path
from tests.test_pack_mirror import put
for patch in range(10):
    put(Path(sys.argv[1]), f"3.12.{sys.argv[2]}{patch}")
"""


def test_processes_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    code = WRITER
    where = os.pathsep.join(path for path in [str(Path(__file__).parents[1]), *sys.path] if path)
    writers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, str(number)], env={**os.environ, "PYTHONPATH": where})
        for number in range(1, 5)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert len(json.loads((tmp_path / "download-metadata.json").read_text())) == 40
    assert len((tmp_path / "20261101/SHA256SUMS").read_text().splitlines()) == 40
