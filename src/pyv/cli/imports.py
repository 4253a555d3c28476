"""What `pyv import` does: takes over what pyenv or uv has, and says what could not come."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyv import envs, fsops, imports, link, pins
from pyv.cli import output, pinning, progress, shims
from pyv.errors import NotFoundError, PyvError, explained
from pyv.install import Options
from pyv.versions import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyv.cli.app import App
    from pyv.imports import Candidate, Source

# Made, or what would be made, and what makes the shims and links differ
_NEW = frozenset({"linked", "copied", "accepted", "pinned"})
_COPY_LEVEL = 1


class _Entry(NamedTuple):
    """What became of one thing.

    Attributes:
        kind: `version`, `environment` or `pin`.
        name: what it is called in the store; of a pin, what it says.
        path: where it is.
        result: one of `_NEW`, `already` or `left`.
        reason: why it was left.
    """

    kind: str
    name: str
    path: Path
    result: str
    reason: str = ""

    def line(self, *, dry_run: bool) -> str:
        name = f"global pin {self.name}".rstrip() if self.kind == "pin" else self.name
        if self.result == "left":
            return f"{name} left out: {self.reason}: {self.path}"
        if self.result == "already":
            return f"{name} is here already: {self.path}"
        return f"{name} {'would be ' if dry_run else ''}{self.result}: {self.path}"


def import_(
    app: App,
    program: str,
    *,
    root: str = "",
    copy: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    as_json: bool = False,
) -> int:
    """Take over what another manager has, and return the exit status.

    Args:
        app: this run.
        program: `pyenv` or `uv`.
        root: where it keeps everything, if not where its variables or its habit say.
        copy: whether to copy interpreters instead of linking to them.
        dry_run: whether only to say what would be done.
        yes: whether environments are accepted without a question.
        as_json: whether to print what became of each thing.

    Raises:
        NotFoundError: that manager has nothing here.
    """
    source = _source(app, program, root)
    if not (source.versions or source.environments):
        where = "--root DIR says where it is" if not root else "see: pyv import --help"
        raise NotFoundError(f"{program} has no Python in {source.root}", hint=where)
    entries = []
    for entry in _entries(app, source, copy=copy, dry_run=dry_run, yes=yes):
        app.notify(entry.line(dry_run=dry_run))
        entries.append(entry)
    if not dry_run and any(entry.result in _NEW for entry in entries):
        shims.refresh(app)
    _sum_up(app, source, entries, dry_run=dry_run)
    if as_json:
        described = [{**entry._asdict(), "path": str(entry.path), "reason": entry.reason or None} for entry in entries]
        output.document({"program": program, "root": str(source.root), "dry_run": dry_run, "entries": described})
    return 0


def _source(app: App, program: str, root: str) -> Source:
    given = Path(os.path.normpath(os.path.join(app.cwd or "/", os.path.expanduser(root)))) if root else None
    home = app.layout.home
    if program == "uv":
        return imports.uv.scan(given or imports.uv.root(app.env, home), app.env, home)
    return imports.pyenv.scan(given or imports.pyenv.root(app.env, home, app.layout.root))


def _entries(app: App, source: Source, *, copy: bool, dry_run: bool, yes: bool) -> Iterator[_Entry]:
    coming = set()
    for candidate in source.versions:
        entry = _version(app, candidate, copy=copy, dry_run=dry_run)
        if entry.result != "left":
            coming.add(entry.name)
        yield entry
    for entry in _environments(app, source.environments, dry_run=dry_run, yes=yes):
        if entry.result != "left":
            coming.add(entry.name)
        yield entry
    if os.path.lexists(source.pin):
        yield _pin(app, source, coming, dry_run=dry_run)


def _environments(app: App, candidates: Iterable[Candidate], *, dry_run: bool, yes: bool) -> Iterator[_Entry]:
    """Bring environments, after one question for all of them."""
    waiting = []
    for candidate in candidates:
        known = _environment(app, candidate)
        if known is None:
            waiting.append(candidate)
        else:
            yield known
    refusal = _ask(len(waiting), yes=yes) if waiting and not dry_run else ""
    for candidate in waiting:
        if refusal:
            yield _Entry("environment", candidate.name, candidate.path, "left", refusal)
        else:
            yield (
                _Entry("environment", candidate.name, candidate.path, "accepted")
                if dry_run
                else _accept(app, candidate)
            )


def _version(app: App, candidate: Candidate, *, copy: bool, dry_run: bool) -> _Entry:
    """Bring one interpreter, or find out why it cannot come."""

    def entry(result: str, reason: str = "") -> _Entry:
        return _Entry("version", candidate.name, candidate.path, result, reason)

    if candidate.refusal:
        return entry("left", candidate.refusal)
    place = app.layout.version(candidate.name)
    linked = os.path.islink(place)
    if linked and not copy and _same(place, candidate.path):
        return entry("already")
    if os.path.exists(place) and not (copy and linked and _same(place, candidate.path)):
        return entry("left", f"pyv has another one of that name, {place}")
    reason = imports.unfit(candidate, app.env)
    if not reason and copy:
        reason = _uncopyable(candidate)
    if reason:
        return entry("left", reason)
    try:
        if copy and not dry_run:
            _copy(app, candidate)
        elif not dry_run:
            # By force over nothing but a link whose target is gone
            link.link(app.store, candidate.name, candidate.path, app.env, force=True)
    except PyvError as error:
        return entry("left", error.message)
    return entry("copied" if copy else "linked")


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _uncopyable(candidate: Candidate) -> str:
    """Return why something cannot be copied, as far as its name tells: it was made for its place."""
    exact = Request.parse(candidate.name).exact
    if exact is not None and exact.implementation == "cpython":
        return ""
    return "only CPython can be made to run at another place; without --copy it is linked"


def _copy(app: App, candidate: Candidate) -> None:
    """Pack an interpreter, which makes it independent of its place and tries that out, and install the archive.

    Raises:
        PyvError: it cannot be moved, or the store cannot be written.
    """
    from pyv import pack

    tag = time.strftime("%Y%m%d", time.gmtime())
    options = Options(force=True)  # what stands there is a link to the very same, or to nothing
    with (
        explained(f"copy {candidate.path}"),
        fsops.staging(app.layout.staging, f"import-{candidate.name}") as area,
    ):
        packed = pack.pack(candidate.path, area, tag=tag, env=app.env, level=_COPY_LEVEL, notify=app.notify)
        app.installer().install_archive(packed.archive, packed.sha256, options, progress.Silent())


def _environment(app: App, candidate: Candidate) -> _Entry | None:
    """Return what is to be said of an environment; None of one that can be accepted."""

    def entry(result: str, reason: str = "") -> _Entry:
        return _Entry("environment", candidate.name, candidate.path, result, reason)

    if candidate.refusal:
        return entry("left", candidate.refusal)
    place = app.layout.version(candidate.name)
    if os.path.exists(place) and not _same(place, candidate.path):
        return entry("left", f"pyv has another one of that name, {place}")
    try:
        envs.check_name(candidate.name)
    except PyvError as error:
        return entry("left", error.message)
    against = envs.objection(candidate.path, os.getuid())
    if against:
        return entry("left", against)
    return entry("already") if os.path.exists(place) and app.registry.knows(candidate.path) else None


def _ask(count: int, *, yes: bool) -> str:
    """Return why environments are not accepted; nothing if they are."""
    what = f"these {count} environments" if count > 1 else "this environment"
    try:
        agreed = output.confirm(f"Trust {what}, so that shims and shells run what is in there?", yes=yes)
    except PyvError:
        return "not accepted, for nobody could be asked; say yes with -y"
    return "" if agreed else "not accepted"


def _accept(app: App, candidate: Candidate) -> _Entry:
    """Make an environment known, and its name a request. Nothing of it is run."""
    try:
        with explained(f"trust {candidate.path}"):
            app.registry.register(candidate.path)
        link.link(app.store, candidate.name, candidate.path, app.env, force=True)
    except PyvError as error:
        return _Entry("environment", candidate.name, candidate.path, "left", error.message)
    return _Entry("environment", candidate.name, candidate.path, "accepted")


def _pin(app: App, source: Source, coming: set[str], *, dry_run: bool) -> _Entry:
    """Make another manager's global pin pyv's, if it has none of its own and this one can be used.

    Args:
        app: this run.
        source: the other manager's possessions.
        coming: the names that are there now; or would be, in a dry run.
        dry_run: whether nothing is to be written.
    """
    # uv's name for one of its folders tells a platform, and of what is linked none is known
    names = {version.path.name: version.name for version in source.versions}
    words: list[str] = []

    def entry(result: str, reason: str = "") -> _Entry:
        return _Entry("pin", " ".join(words), source.pin, result, reason)

    try:
        words += [names.get(pin.request.text, pin.request.text) for pin in pins.read(source.pin)]
        if os.path.lexists(app.layout.global_pin):
            mine = [pin.request.text for pin in pins.read(app.layout.global_pin)]
            return entry("already") if mine == words else entry("left", f"pyv has its own, {' '.join(mine)}")
        if dry_run:
            pinning.checked(app, [word for word in words if not _is_among(word, coming)], force=False)
        else:
            pinning.global_(app, words)
    except PyvError as error:
        return entry("left", error.message)
    return entry("pinned")


def _is_among(word: str, names: set[str]) -> bool:
    """Tell whether one of the names would answer a request."""
    request = Request.parse(word)
    if word in names or request.name in names:
        return True
    return any(known.exact is not None and request.matches(known.exact) for known in map(Request.parse, names))


def _sum_up(app: App, source: Source, entries: list[_Entry], *, dry_run: bool) -> None:
    counts = {result: sum(entry.result == result for entry in entries) for result in (*sorted(_NEW), "already", "left")}
    words = {"already": "here already", "left": "left out"}
    app.notify(", ".join(f"{count} {words.get(result, result)}" for result, count in counts.items() if count))
    if counts["linked"] or (counts["accepted"] and not dry_run):
        app.notify(f"what is linked stays in {source.root}, and is gone when that is")
