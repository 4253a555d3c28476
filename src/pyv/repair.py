"""Repairing a version in its place: what is damaged or missing is taken from one made anew of the same archive.

The version is made in staging exactly as it was when it was installed. Then each bad file is replaced by one rename,
and the manifest last: a repair that is killed leaves a version that is less damaged than before, and the next one
goes on. What was added stays, so that nothing of anybody's is lost, and a process that runs on the version keeps the
files that it has open.
"""

from __future__ import annotations

import json
import os
import shlex
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pyv import disk, fsops, manifest
from pyv.catalogue import Build
from pyv.errors import PyvError, StoreError, VerificationError, user_name
from pyv.layout import MANIFEST, RECEIPT
from pyv.platforms import Platform
from pyv.store import Store
from pyv.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from pyv.layout import Layout
    from pyv.store import Installed

# A folder that could not be looked into shows what it holds only after its mode was put right
_PASSES = 4
_BYTECODE_FOLDER = "__pycache__"
# They are written anew at the end
_OWN = (MANIFEST, RECEIPT)


def refuse_if_strange(store: Store, version: Installed) -> None:
    """Refuse what pyv has not put there itself, and so cannot make again.

    Raises:
        VerificationError: it is one of those, with the reason.
    """
    name = version.name
    if version.target:
        raise VerificationError(
            f"{name} is a link to {version.target}, and is repaired by whoever owns that", hint=owners_command(version)
        )
    if not store.receipt(name):
        if os.path.lexists(version.path / MANIFEST):
            raise VerificationError(
                f"{version.path / RECEIPT} is gone or damaged, and with it where {name} came from",
                hint=f"pyv install --force {name}",
            )
        raise VerificationError(
            f"{name} was not installed by pyv: nobody knows what it should be", hint="see: pyv versions"
        )


def owners_command(version: Installed, *, only_added: bool = False) -> str:
    """Return what the owner of a version types to repair it, who may be somebody else.

    Args:
        version: which.
        only_added: whether all that differs is what was added, which repairing leaves alone.
    """
    if not version.target:
        if only_added:
            return f"remove what was added, or have it made anew: pyv install --force {version.name}"
        return f"pyv repair {version.name}"
    if not version.managed:
        return "see: pyv versions"
    folder, name = os.path.split(version.target)
    return f"its owner types: PYV_ROOT={shlex.quote(os.path.dirname(folder))} pyv repair {name}"


def build_of(receipt: Mapping[str, object], version: Installed) -> Build:
    """Return the archive that a version was made from, as its receipt names it.

    Raises:
        VerificationError: it does not tell, or was written for another version, of which this one is a copy.
    """
    text = {key: value for key, value in receipt.items() if isinstance(value, str)}
    try:
        made = Version.parse(text["name"])
        if made.implementation == "graalpy":  # its name does not tell which Python it is
            made = made._replace(release=tuple(map(int, text["python"].split("."))))
        build = Build(made, Platform.parse(text["platform"]), text["url"], _digest(text["sha256"]), text["build"])
    except (KeyError, ValueError, PyvError):
        raise VerificationError(
            f"{version.path / RECEIPT} does not tell what the version was made from",
            hint=f"pyv install --force {version.name}",
        ) from None
    if build.version.name != version.name:
        raise VerificationError(
            f"{version.name} is a copy of {build.version.name}: nobody knows what it should be",
            hint=f"pyv install --force {build.version.name}",
        )
    return build


def _digest(text: str) -> str:
    """Return a sha256.

    Raises:
        ValueError: it is none; without it any bytes would do.
    """
    if len(bytes.fromhex(text)) != 32:
        raise ValueError(text)
    return text


def is_compiled(version: Path) -> bool:
    """Tell whether bytecode of the standard library belongs to a version, and is to be made again with it."""
    with suppress(VerificationError):
        return any(path.endswith(".pyc") and f"/{_BYTECODE_FOLDER}/os." in path for path in manifest.load(version))
    return False


class InPlace(Store):
    """The store, as seen by whoever makes the version again: what is made is not exchanged for what stands there.

    Args:
        layout: where everything lies.
        notify: called with a line for the user.
        checkpoint: called with the name of each step that was just completed; tests end the process there.

    Attributes:
        restored: the paths that were put right, relative to the version's folder.
        added: what stands there besides, and was left alone.
    """

    def __init__(self, layout: Layout, notify: Callable[[str], None], checkpoint: Callable[[str], None]) -> None:
        super().__init__(layout, notify)
        self._checkpoint = checkpoint
        self.restored: list[str] = []
        self.added: list[str] = []

    def commit(self, staged: Path, name: str) -> None:
        """Replace what is not as it should be by what was made, file by file.

        The caller holds the lock of that version.

        Raises:
            StoreError: something goes on changing the version.
            OSError: it cannot be written.
        """
        final = self.layout.version(name)
        if not os.path.isdir(final) or os.path.islink(final):  # somebody without a lock has taken it away
            super().commit(staged, name)
            return
        made = manifest.load(staged)
        # A new pyv may have made some files otherwise; so not the old manifest decides, but what belongs together now
        contents = {**made, **_bytecode_as_it_was(final, made)}
        open_to_pip = self.receipt(name).get("externally_managed") is False
        with suppress(PermissionError):
            os.chmod(final, os.stat(final).st_mode | 0o700)
        for _ in range(_PASSES):
            found = manifest.compare(final, contents, open_to_pip=open_to_pip)
            wrong = list(dict.fromkeys(each.path for each in found if each.kind != "added" and each.path not in _OWN))
            self.added = [each.path for each in found if each.kind == "added"]
            if not wrong:
                break
            contents |= {path: made[path] for path in wrong if path in made}
            for path in _parents_first(wrong):
                _restore(staged / path, final / path, contents.get(path), os.stat(final).st_uid)
                self._checkpoint("restoring")
            self.restored += [path for path in wrong if path not in self.restored]
        else:
            raise _unruly(final / wrong[0])
        forget_bytecode(final, contents)
        self._checkpoint("restored")
        self._describe_anew(staged, final, name, contents)
        disk.sync(final)
        self._checkpoint("described")

    def _describe_anew(self, staged: Path, final: Path, name: str, contents: manifest.Manifest) -> None:
        """Write manifest and receipt; the receipt goes on telling when the version was installed."""
        own = (final / RECEIPT).parent
        if os.path.islink(own) or not os.path.isdir(own):
            _make_way(own)
            own.mkdir()
        own.chmod(0o755)
        made = json.loads((staged / RECEIPT).read_bytes())
        installed = self.receipt(name).get("installed")
        receipt = {**made, "installed": installed} if installed else made
        for path in (final / MANIFEST, final / RECEIPT):
            if path.is_dir() and not path.is_symlink():
                _make_way(path)
        fsops.write_whole(final / MANIFEST, manifest.dump(contents))
        fsops.write_whole(final / RECEIPT, json.dumps(receipt, indent=1).encode() + b"\n")


def _bytecode_as_it_was(version: Path, made: manifest.Manifest) -> manifest.Manifest:
    """Return what a version's manifest says of the bytecode that is right: compiled again it has other bytes.

    Args:
        version: the folder.
        made: the manifest of the one that was made anew.
    """
    old: manifest.Manifest = {}
    with suppress(VerificationError):
        old = manifest.load(version)
    compiled = {path: manifest.source_of(path) for path in old if path in made and manifest.source_of(path)}
    wrong = {each.path for each in manifest.compare(version, old)} if compiled else set()

    def fits(source: str) -> bool:
        """Tell whether the source will be the one that was compiled, and of the same time: Python asks for both."""
        was, becomes = old.get(source), made.get(source)
        if was is None or becomes is None or was.content != becomes.content:
            return False
        return source not in wrong or was.mtime_ns == becomes.mtime_ns

    return {path: old[path] for path, source in compiled.items() if path not in wrong and fits(source)}


def forget_bytecode(version: Path, contents: manifest.Manifest) -> None:
    """Remove the bytecode that no manifest vouches for; Python writes it again from the sources, which are right.

    It may have been made from a damaged source that had the time and the size of the right one, or by an enemy.
    """
    for path in manifest.stray_bytecode(version, contents):
        with suppress(OSError):
            os.unlink(version / path)


def _unruly(path: Path) -> StoreError:
    return StoreError(f"{path} is changed again as soon as it is repaired", hint="stop what changes it, then repeat")


def _parents_first(paths: Iterable[str]) -> list[str]:
    """Order paths so that each folder is right before something is put into it: never through a link in its place."""
    return sorted(paths, key=lambda path: (path.count("/"), path))


def _restore(staged: Path, final: Path, entry: manifest.Entry | None, owner: int) -> None:
    """Put one path right, by a rename if it is not a folder; of what the manifest does not know only the owner."""
    if entry is None:
        _give(final, owner)
        return
    if entry.kind == "dir":
        if os.path.islink(final) or not os.path.isdir(final):
            with _writable(final.parent):
                _make_way(final)
                final.mkdir()
        _give(final, owner)
        final.chmod(entry.mode)
        return
    if not os.path.lexists(staged):  # an earlier pass has used it up
        raise _unruly(final)
    with _writable(final.parent), _writable(staged.parent):
        if os.path.isdir(final) and not os.path.islink(final):
            _make_way(final)
        os.rename(staged, final)


def _give(path: Path, owner: int) -> None:
    """Make something its owner's again.

    Raises:
        StoreError: that takes root.
    """
    current = os.lstat(path).st_uid
    if current in (owner, 0):
        return
    try:
        os.chown(path, owner, -1, follow_symlinks=False)
    except PermissionError:
        raise StoreError(
            f"{path} belongs to {user_name(current)}, and only root can change that",
            hint=f"sudo chown -h {owner} {shlex.quote(os.fspath(path))}",
        ) from None


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Let the owner of a folder change it for a moment; some versions are kept read-only."""
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    if mode & stat.S_IWUSR:
        yield
        return
    os.chmod(folder, mode | stat.S_IWUSR)
    try:
        yield
    finally:
        os.chmod(folder, mode)


def _make_way(path: Path) -> None:
    """Remove what stands in the place of something else; a folder with something in it is only given another name."""
    if not os.path.lexists(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        try:
            os.rmdir(path)
        except OSError:
            os.rename(path, path.with_name(f"{path.name}.replaced.{os.urandom(4).hex()}"))
        return
    os.unlink(path)
