"""Runs inside an environment, on its Python, from 3.8 on, with what its pip brings along: imports nothing of pyv's.

Markers, tags and dependencies can only be judged there. Asked by a JSON file; answers in JSON on its standard output.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import re
import sys
import sysconfig
from typing import Any
from urllib.parse import quote, unquote, urlsplit

# The algorithms that pip accepts for its --hash
_STRONG = ("sha256", "sha384", "sha512")


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of this program
    """What has to be told to the user."""


def _packaging(name: str) -> Any:  # noqa: ANN401 - a module without types here
    return importlib.import_module(f"pip._vendor.packaging.{name}")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pip_version(_question: dict[str, Any]) -> str:
    """Return the version of pip."""
    return str(importlib.import_module("pip").__version__)


def select(question: dict[str, Any]) -> dict[str, Any]:
    """Return what of a lock is to be installed here.

    Returns:
        `links`, pairs of url and file name; `hashed` and `direct`, lines for requirements files; `names` of all; and
        whether something has to be `built`.
    """
    _check_environment(question)
    answer: dict[str, Any] = {"links": [], "hashed": [], "direct": [], "names": [], "built": False}
    for package in question["packages"]:
        name = package["name"]
        if package.get("marker") and not _packaging("markers").Marker(package["marker"]).evaluate():
            continue
        if _plain(name) in answer["names"]:
            raise Refusal(f"there are two packages called {name} for this environment")
        _check_python(package.get("requires-python"), name)
        answer["names"].append(_plain(name))
        if "vcs" in package:
            answer["direct"].append(f"{name} @ {_repository(package['vcs'], question['folder'])}")
        elif "directory" in package:
            answer["direct"].append(_directory(name, package["directory"], question["folder"]))
        elif "archive" in package:
            archive = package["archive"]
            part = f"#subdirectory={archive['subdirectory']}" if archive.get("subdirectory") else ""
            line = f"{name} @ {_url(archive, question['folder'])}{part}"
            answer["hashed"].append(f"{line} {_hashes(archive, name)}")
            answer["built"] = True
        else:
            _add_file(answer, package, question["folder"])
    return answer


def _add_file(answer: dict[str, Any], package: dict[str, Any], folder: str) -> None:
    name = package["name"]
    file, version = _wheel(package)
    if file is None:
        file = package.get("sdist")
        if file is None:
            raise Refusal(f"it has no wheel of {name} for this Python and this machine")
        answer["built"] = True
        version = _packaging("utils").parse_sdist_filename(_file_name(file))[1]
    answer["links"].append([_url(file, folder), _file_name(file)])
    answer["hashed"].append(f"{name}=={version} {_hashes(file, name)}")


def _wheel(package: dict[str, Any]) -> tuple[dict[str, Any] | None, object]:
    """Return the wheel that fits best, with its version."""
    rank = {tag: number for number, tag in enumerate(_packaging("tags").sys_tags())}
    best: tuple[int, dict[str, Any] | None, object] = (len(rank), None, None)
    for wheel in package.get("wheels") or ():
        _, version, _, tags = _packaging("utils").parse_wheel_filename(_file_name(wheel))
        number = min((rank[tag] for tag in tags if tag in rank), default=len(rank))
        if number < best[0]:
            best = (number, wheel, version)
    return best[1], best[2]


def _file_name(file: dict[str, Any]) -> str:
    if file.get("name"):
        return str(file["name"])
    path = file.get("path") or unquote(urlsplit(file.get("url") or "").path)
    return str(path).rpartition("/")[2]


def _url(file: dict[str, Any], folder: str) -> str:
    if file.get("path"):
        return "file://" + quote(os.path.normpath(os.path.join(folder, file["path"])))
    url = str(file.get("url") or "")
    if not re.fullmatch(r"[!-~]+", url) or '"' in url or "<" in url:
        raise Refusal(f"{url!r} is no url")
    return url


def _hashes(file: dict[str, Any], name: str) -> str:
    hashes = file.get("hashes") or {}
    found = [f"--hash={kind}:{hashes[kind]}" for kind in _STRONG if re.fullmatch("[0-9a-f]+", str(hashes.get(kind)))]
    if not found:
        raise Refusal(f"it has no sha256 for {name}")
    return " ".join(found)


def _repository(vcs: dict[str, Any], folder: str) -> str:
    part = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
    return f"{vcs['type']}+{_url(vcs, folder)}@{vcs['commit-id']}{part}"


def _directory(name: str, directory: dict[str, Any], folder: str) -> str:
    path = os.path.normpath(os.path.join(folder, directory["path"], directory.get("subdirectory") or ""))
    url = "file://" + quote(path)
    return f"-e {url}" if directory.get("editable") else f"{name} @ {url}"


def _check_environment(question: dict[str, Any]) -> None:
    environments = question.get("environments")
    if environments and not any(_packaging("markers").Marker(each).evaluate() for each in environments):
        raise Refusal("it was made for other environments than this one")
    _check_python(question.get("requires-python"), "")


def _check_python(required: object, name: str) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    if required and not _packaging("specifiers").SpecifierSet(str(required)).contains(python, prereleases=True):
        raise Refusal(f"{name or 'it'} requires Python {required}, and this is {python}")


def surplus(question: dict[str, Any]) -> list[str]:
    """Return the names of the packages that nobody asked for: neither the user, nor what the user asked for."""
    paths = {sysconfig.get_paths()[key] for key in ("purelib", "platlib")}
    present = {}
    for each in importlib.metadata.distributions(path=list(paths)):
        if each.metadata["Name"]:
            present[_plain(each.metadata["Name"])] = each
    keep = {"pip"} if sys.version_info >= (3, 12) else {"pip", "setuptools"}  # as in a new environment
    if question.get("names") is not None:
        return sorted(set(present) - keep - set(question["names"]))
    waiting: list[tuple[str, frozenset[str]]] = []
    for root in question["roots"]:
        found = _root(root, question["folder"], present)
        if found is not None:
            waiting.append(found)
    seen = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen or wanted[0] not in present:
            continue
        seen.add(wanted)
        for text in present[wanted[0]].requires or ():
            requirement = _packaging("requirements").Requirement(text)
            if _applies(requirement.marker, wanted[1]):
                waiting.append((_plain(requirement.name), frozenset(requirement.extras)))
    return sorted(set(present) - keep - {name for name, _ in seen})


def _applies(marker: Any, extras: frozenset[str]) -> bool:  # noqa: ANN401 - of pip's copy of `packaging`
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}) | {""})


def _root(text: str, folder: str, present: dict[str, Any]) -> tuple[str, frozenset[str]] | None:
    """Return the package that a requirement means, and its extras; None if it means none here."""
    try:
        requirement = _packaging("requirements").Requirement(text)
    except ValueError:
        pass
    else:
        extras = frozenset(requirement.extras)
        return (_plain(requirement.name), extras) if _applies(requirement.marker, frozenset()) else None
    text = text.partition(" ;")[0].strip()
    found = re.search(r"\[([^\]]*)\]$", text)
    extras = frozenset(re.split(r"\s*,\s*", found[1].strip())) if found else frozenset()
    text = text[: found.start()] if found else text
    egg = re.search(r"#(?:.*&)?egg=([\w.-]+)", text)
    wheel = re.search(r"([^/]+?)-[^/]+\.whl$", text.partition("#")[0])
    if egg or wheel:
        return _plain((egg or wheel)[1]), extras  # type: ignore[index]  # one of the two matched
    place = _place(text, folder)
    for name, each in present.items():
        if place and place == _origin(each):
            return name, extras
    for each in importlib.metadata.distributions():  # as old versions of setuptools link projects in
        if os.path.realpath(str(each.locate_file(""))) in (place, os.path.join(place, "src")):
            return _plain(each.metadata["Name"]), extras
    raise Refusal(f"nobody can tell which package {text} is: write NAME @ {text}")


def _place(text: str, folder: str) -> str:
    text = text.partition("#")[0]
    if text.startswith("file:"):
        return os.path.realpath(unquote(urlsplit(text).path))
    if "://" not in text:
        return os.path.realpath(os.path.join(folder, os.path.expanduser(text)))
    start, _, rest = re.sub(r"^\w+\+", "", text).partition("://")
    host, slash, path = rest.partition("/")
    return f"{start}://{host}{slash}{path.partition('@')[0]}"


def _origin(each: Any) -> str:  # noqa: ANN401 - a distribution
    try:
        return _place(json.loads(each.read_text("direct_url.json") or "{}").get("url", ""), "/")
    except ValueError:
        return ""


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as asked:
        content = json.load(asked)
    try:
        reply = {"answer": {"pip": pip_version, "select": select, "surplus": surplus}[sys.argv[1]](content)}
    except Refusal as refusal:
        reply = {"refusal": str(refusal)}
    except (KeyError, TypeError, ValueError) as mistake:
        reply = {"refusal": f"it cannot be understood: {type(mistake).__name__}: {mistake}"}
    json.dump(reply, sys.stdout)
