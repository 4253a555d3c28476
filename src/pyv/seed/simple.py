"""Which wheel of a project is the newest for a Python, by the index's page about it (PEP 503, PEP 691)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from pyv.errors import RequestError, VerificationError
from pyv.versions import Request, Version

_RELEASE = re.compile(r"(\d{1,9}(?:\.\d{1,9})*)(?:\.post(\d{1,9}))?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class WheelName(NamedTuple):
    """What the file name of a pure wheel for Python 3 tells.

    Attributes:
        version: as it is spelled.
        order: the version as it is compared.
    """

    version: str
    order: tuple[tuple[int, ...], int]


class Release(NamedTuple):
    """A wheel that an index offers.

    Attributes:
        name: what its file name tells.
        url: where it is, with user and password if the index has them.
        sha256: in hex.
    """

    name: WheelName
    url: str
    sha256: str


class _Link(NamedTuple):
    file: str
    url: str
    sha256: str
    requires_python: str
    yanked: bool


def wheel_name(project: str, file: str) -> WheelName | None:
    """Return what a wheel's file name tells, or None if it is no final release, or runs not everywhere on Python 3."""
    parts = file.removesuffix(".whl").split("-")
    if not file.endswith(".whl") or len(parts) not in (5, 6) or parts[0].lower() != project:
        return None
    found = _RELEASE.fullmatch(parts[1])
    pythons, abi, platform = parts[-3:]
    if found is None or "py3" not in pythons.split(".") or (abi, platform) != ("none", "any"):
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()  # PEP 440: 24 and 24.0 are the same
    return WheelName(parts[1], (tuple(numbers), int(found[2] or -1)))


def newest(
    body: bytes, page: str, project: str, python: tuple[int, int], *, below: tuple[int, ...] = ()
) -> Release | None:
    """Return the newest final release that a Python can use, of those with a sha256 that were not withdrawn.

    Args:
        body: the page, in JSON or HTML: many servers know only the second, whatever they are asked for.
        page: its url, which may hold a password; that is for the files on the same host, too.
        project: the name in its normal form.
        python: major and minor version. Where a patch matters, the first one is taken.
        below: the first release that will not do, without zeros at its end; if empty, all will.

    Raises:
        VerificationError: this is no page of an index.
    """
    try:
        text = body.decode()
        links = _json(text) if text.lstrip()[:1] == "{" else _html(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        from pyv.fetch import redact

        raise VerificationError(f"{redact(page)} answers with something that is no list of files") from None
    best: Release | None = None
    for link in links:
        name = wheel_name(project, link.file)
        if name is None or (below and name.order[0] >= below) or link.yanked or not _SHA256.fullmatch(link.sha256):
            continue
        if (best is None or name.order > best.name.order) and _supports(link.requires_python, python):
            url = _resolve(page, link.url)
            if url:
                best = Release(name, url, link.sha256)
    return best


def _supports(requirement: str, python: tuple[int, int]) -> bool:
    if not requirement.strip():
        return True
    try:
        wanted = Request.parse(requirement.strip().rstrip(","))
    except RequestError:
        return False
    return wanted.kind == "range" and wanted.matches(Version("cpython", (*python, 0)))


def _resolve(page: str, link: str) -> str:
    """Return the whole url of a link, or nothing for one that leads where an index has no business."""
    try:
        base, target = urlsplit(page), urlsplit(urljoin(page, link))
        here, there = (base.scheme, base.hostname, base.port), (target.scheme, target.hostname, target.port)
    except ValueError:
        return ""
    # A page from the network must not make pyv read files of this machine
    if target.scheme not in ("http", "https") and target.scheme != base.scheme:
        return ""
    if base.scheme == "https" and target.scheme == "http":
        return ""
    if here == there and "@" in base.netloc and "@" not in target.netloc:
        target = target._replace(netloc=base.netloc)
    return urlunsplit(target._replace(fragment=""))


def _json(text: str) -> list[_Link]:
    document: dict[str, Any] = json.loads(text)
    if str(document["meta"]["api-version"]).partition(".")[0] != "1":
        raise ValueError("of a later kind")
    return [
        _Link(
            str(file["filename"]),
            str(file["url"]),
            str(file.get("hashes", {}).get("sha256", "")).lower(),
            str(file.get("requires-python") or ""),
            yanked=file.get("yanked", False) is not False,
        )
        for file in document["files"]
    ]


def _html(text: str) -> list[_Link]:
    if "<" not in text:
        raise ValueError("no HTML")
    parser = _Page()
    parser.feed(text)
    parser.close()
    return parser.links


class _Page(HTMLParser):
    """Collects the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[_Link] = []
        self._base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        target = attributes.get("href")
        if target is None:
            return
        if tag == "base":
            self._base = target
        elif tag == "a":
            url = urljoin(self._base, target) if self._base else target
            parts = urlsplit(url)
            algorithm, _, digest = parts.fragment.partition("=")
            self.links.append(
                _Link(
                    unquote(parts.path.rpartition("/")[2]),
                    url,
                    digest.partition("&")[0].lower() if algorithm == "sha256" else "",
                    attributes.get("data-requires-python") or "",
                    yanked="data-yanked" in attributes,
                )
            )
