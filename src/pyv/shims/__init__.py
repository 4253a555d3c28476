"""Shims: one entry in the folder on PATH for each command that an installed version or a known environment has.

Python and pip have theirs even before that: what is pinned and not installed is an error, and PATH's is never run then.

They are made and removed by whatever changes versions, so that nobody needs to ask for it. Should that have failed, or
the folder have been damaged, the next command finds out by a look at one file, and puts it right.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.errors import PyvError, explained
from pyv.layout import resources
from pyv.shims import dispatcher
from pyv.shims.dispatcher import OWN, WITNESS, same_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyv.layout import Layout
    from pyv.registry import Registry
    from pyv.store import Store

DEFAULT_SHELL = "/bin/sh"
# On file systems without locks another process may clean up what is being made
_TRIES = 3


class Shims:
    """The shims of one store.

    Args:
        layout: where everything lies.
        store: the store, for its lock.
        registry: the known environments, whose commands get shims, too.
        runner: the command that runs pyv itself, with an absolute path first.
        template: the source of the dispatcher; the one that belongs to pyv by default.
    """

    def __init__(
        self,
        layout: Layout,
        store: Store,
        registry: Registry,
        runner: Sequence[str],
        *,
        template: Path | None = None,
    ) -> None:
        self._layout = layout
        self._store = store
        self._registry = registry
        self._runner = runner
        self._template = template or resources() / "dispatcher.sh"

    def names(self) -> list[str]:
        """Return the names of all shims."""
        try:
            entries = list(os.scandir(self._layout.shims))
        except OSError:
            return []
        return sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())

    def intact(self) -> bool:
        """Tell, at the cost of two small files, whether the shims are whole, and those of what is installed.

        A dispatcher that another installation of the same version of pyv made is as good as our own.
        """
        folder = os.fspath(self._layout.shims)
        standing = dispatcher.read(os.path.join(folder, OWN))
        newest = self._newest_change()
        if (
            standing is None
            or not standing.works(os.fspath(self._layout.root))
            or not same_time(standing.changed, newest)
            or not _is_untouched(folder, newest)
        ):
            return False
        witness = os.path.join(folder, WITNESS)
        found = dispatcher.read(witness)
        if found is None:
            return not os.path.lexists(witness)
        # Of another time, though all else is right, the dispatcher asks pyv whether it is whole each time
        return found.content == standing.content and found.executable and same_time(found.changed, standing.changed)

    def repair(self) -> None:
        """Make the shims again if they are not intact, silently, where there is a store and it can be written."""
        if self.intact() or not os.path.isdir(self._layout.versions):
            return
        # Asked before trying: the lock alone takes longer than most commands, and this would be each one's fate
        existing = self._layout.shims if os.path.exists(self._layout.shims) else self._layout.root
        if os.access(existing, os.W_OK):
            self._store.recover()
            with suppress(PyvError):  # among them that somebody else is at it, which may take its time
                self.rehash(patient=False)

    def rehash(self, *, shell: str = "", own: bool = False, patient: bool = True) -> tuple[int, int]:
        """Make the shims that are missing or damaged, and remove those whose command is gone.

        So it goes with the short names of versions that came or went without pyv, as by a copy: `python3.12` is theirs.

        Args:
            shell: the sh that shall run them from now on; the one that did without it.
            own: whether they shall hand over to this pyv, although another installation of it made them and works.
            patient: whether to wait for another process that makes them.

        Returns:
            How many entries were made, and how many shims were removed.

        Raises:
            UsageError: that sh cannot be used.
            StoreError: the store cannot be written.
        """
        if shell:
            from pyv.shims.shells import check_shell

            check_shell(shell)
        with explained("make the shims"), self._store.lock("links", "it makes the shims", patient=patient):
            self._store.renew_links()
            for _ in range(_TRIES - 1):
                with suppress(FileNotFoundError):
                    return self._make(shell, own=own)
            return self._make(shell, own=own)

    def _make(self, shell: str, *, own: bool) -> tuple[int, int]:
        # Every command asks whether the shims are intact, and hardly any needs these
        from pyv.shims.commands import commands_in
        from pyv.shims.folder import Folder

        path = os.fspath(self._layout.shims)
        os.makedirs(os.path.realpath(path), exist_ok=True)  # the folder may be a link to another place
        # Before looking: what changes meanwhile is then newer than what is noted
        stamp = self._newest_change()
        known = [each.path for each in self._registry.all() if self._registry.knows(each.path)]
        commands = commands_in(self._layout.versions, known)
        content, keep = self._content(dispatcher.read(os.path.join(path, OWN)), shell, own=own)
        # Of a version that is out of reach nobody knows the commands, and what PATH has of that name is another's
        complete = not self._store.lost()
        folder = Folder(path, content, keep=keep, stamp=stamp)
        try:
            folder.fill(commands, remove=complete)
        except PermissionError:
            if not keep:
                raise
            folder = Folder(path, content, keep=False, stamp=stamp)
            folder.fill(commands, remove=complete)
        return folder.made, folder.removed

    def _content(self, standing: dispatcher.Dispatcher | None, shell: str, *, own: bool) -> tuple[bytes, bool]:
        """Return what the dispatcher shall be, and whether it is that already."""
        root = os.fspath(self._layout.root)
        if standing is not None and not own and standing.serves(root):
            root = standing.root  # as it is: else two spellings of one folder would take turns for ever
        former = standing.shell if standing is not None and os.access(standing.shell, os.X_OK) else DEFAULT_SHELL
        content = dispatcher.render(self._template.read_bytes(), shell=shell or former, root=root, runner=self._runner)
        if standing is None:
            return content, False
        # One that another installation of this pyv made is left alone: else the two would take turns for ever
        others = dispatcher.command(self._runner) not in standing.content and shell in ("", standing.shell)
        if others and not own and standing.works(root):
            return standing.content, True
        return content, standing.content == content and standing.works(root)

    def _newest_change(self) -> int:
        """Return when a version, a short name or an environment last came, went or moved; 0 if there never was one.

        The dispatcher gets this time, for two reasons. It tells whether the shims are in step with what is installed.
        And virtualenv remembers what a `pythonX.Y` on PATH is until the file's time changes.
        """
        times = [0]
        for folder in (self._layout.versions, self._layout.venvs):
            with suppress(OSError):
                times.append(os.stat(folder).st_mtime_ns)
        return max(times)


def _is_untouched(folder: str, stamp: int) -> bool:
    """Tell whether no entry came or went since the last rehash, as far as one can know whose folder it is not."""
    status = os.stat(folder)
    return same_time(status.st_mtime_ns, stamp) or status.st_uid != os.geteuid()
