"""What the metadata of a project says of its Python: the `requires-python` of its pyproject.toml."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv import fsops, pins
from pyv.errors import RequestError
from pyv.versions import Request, Version

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.cli.app import App

# No release has had more patches
_PATCHES = range(100)
_MAX_BYTES = 4 << 20


def requires_python(cwd: str) -> tuple[Path | None, Request | None]:
    """Return the nearest pyproject.toml upward, and the range of Pythons that it wants, if it can be understood."""
    for folder in pins.folders_upward(cwd):
        file = folder / "pyproject.toml"
        try:
            with fsops.open_regular(file) as opened:
                data = opened.read(_MAX_BYTES)
        except OSError:
            continue
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        with suppress(ValueError, RecursionError, RequestError):
            project = tomllib.loads(data.decode()).get("project")
            required = project.get("requires-python") if isinstance(project, dict) else None
            if isinstance(required, str):
                request = Request.parse(required)
                return file, request if request.kind == "range" else None
        break
    return None, None


def rules_out(app: App, required: Request, request: Request) -> bool:
    """Tell whether a range that a project requires excludes whatever a pin may mean."""
    candidates = _candidates(app, request)
    return bool(candidates) and not any(_allows(required, release) for release in candidates)


def _candidates(app: App, request: Request) -> list[tuple[int, ...]]:
    """Return the releases that a request may mean: the installed one, else all of a minor version, else none known."""
    found = app.store.find(request) if request.kind != "system" else None
    release = found.version.release if found and found.version else request.release
    if len(release) == 2:  # as of a PyPy, whose name does not tell the patch
        return [(*release, patch) for patch in _PATCHES]
    return [release] if len(release) > 2 else []


def _allows(required: Request, release: tuple[int, ...]) -> bool:
    """Tell whether a range includes a release. Its pre-releases count as the release, as they do to pip."""
    return all(clause.holds(Version("cpython", release)) for clause in required.clauses)
