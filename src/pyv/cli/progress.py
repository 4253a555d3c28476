"""Telling how far installs are: a bar for each on a terminal, single lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.cli.output import harmless, size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from tqdm import tqdm
    from typing_extensions import Never

# What is drawn where there are so many columns beside the label
_FORMATS = (
    (60, "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}B  {rate_fmt}  {remaining} left"),
    (29, "{desc} {percentage:3.0f}%  {rate_fmt}  {remaining} left"),
    (0, "{desc} {percentage:3.0f}%  {remaining} left"),
)
_USUAL_COLUMNS = 80
_bars: list[Bar] = []
# In a copy of the process that draws: what tells that one
_tellers: list[Callable[..., None]] = []


def say(line: str) -> None:
    """Write a line to standard error, above the bars if there are any."""
    line = harmless(line)
    if _tellers:
        _tellers[0]("say", line)
    elif _bars:
        from tqdm import tqdm

        tqdm.write(f"pyv: {line}", file=_Screen())
    else:
        screen = _Screen()
        screen.write(f"pyv: {line}\n")
        screen.flush()


class _Screen:
    """Standard error. That nobody can hear it, as when the terminal is gone, is no reason to stop working."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever there is
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


class Silent:
    """Watches an install and says nothing."""

    def phase(self, text: str) -> None:
        """Hear what is being done now."""

    def progress(self, received: int, total: int | None) -> None:
        """Hear how many bytes are there, of how many."""

    def close(self) -> None:
        """Stop watching."""


class Told(Silent):
    """Watches an install, and tells it to another watcher.

    Args:
        tell: how, see `hear`.
    """

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def phase(self, text: str) -> None:
        """Tell what is being done now."""
        self._tell("phase", text)

    def progress(self, received: int, total: int | None) -> None:
        """Tell how many bytes are there, of how many."""
        self._tell("progress", received, total)

    def close(self) -> None:
        """Tell that nothing more comes."""
        self._tell("close")


def tell_all(tell: Callable[..., None]) -> None:
    """Have every line told to the process that this is a copy of, for as long as this one lives."""
    _tellers.append(tell)


def hear(watcher: Silent, words: Sequence[Any]) -> None:
    """Do what was told: by `Told` for a watcher, or by whoever has something to say."""
    kind, *rest = words
    if kind == "say":
        say(*rest)
    else:
        getattr(watcher, kind)(*rest)


class Lines(Silent):
    """Watches an install and writes a line when its download begins.

    Args:
        label: what is installed.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._told = False

    def progress(self, received: int, total: int | None) -> None:  # noqa: ARG002 - a log has no use for a moving number
        """Write how much is to come, once."""
        if not self._told:
            self._told = True
            say(f"{self._label}: downloading {size(total) if total else ''}".rstrip())


class Bar(Silent):
    """Watches an install and draws a bar on the terminal.

    Args:
        label: what is installed.
        position: its line, counted from 0.
    """

    def __init__(self, label: str, position: int) -> None:
        from tqdm import tqdm

        self._label = label
        self._lock = threading.Lock()
        self._moving = False
        tqdm.monitor_interval = (
            0  # its thread would watch over bars that stand still, and no copy may be made beside it
        )
        known = self._columns()
        self._bar: tqdm[Never] = tqdm(
            desc=label,
            position=position,
            unit="B",
            unit_scale=True,
            leave=False,
            file=_Screen(),
            ncols=None if known else _USUAL_COLUMNS,
            dynamic_ncols=bool(known),
            bar_format="{desc}",
        )
        _bars.append(self)

    def phase(self, text: str) -> None:
        """Show what is being done now."""
        with self._lock:
            self._moving = False
            self._bar.bar_format = "{desc}"  # how far it is can be told of downloads alone
            self._bar.set_description_str(f"{self._label} {text}")

    def progress(self, received: int, total: int | None) -> None:
        """Move the bar."""
        with self._lock:
            if not self._moving:
                # The rate is of what comes now, not of what an earlier try has left
                self._moving = True
                self._bar.reset()
                self._bar.initial = self._bar.n = self._bar.last_print_n = received
            self._bar.total = total
            self._bar.bar_format = self._format(known=bool(total))
            self._bar.set_description_str(self._label, refresh=False)
            self._bar.update(received - self._bar.n)

    def _format(self, *, known: bool) -> str:
        """Return what there is room for, beside the label; how fast it goes and how long it will take come first."""
        room = self._width() - len(self._label)
        if not known:
            return "{desc}  {n_fmt}  {rate_fmt}"
        return next((text for least, text in _FORMATS if room >= least), _FORMATS[-1][1])

    def _width(self) -> int:
        return self._columns() or _USUAL_COLUMNS

    @staticmethod
    def _columns() -> int:
        """Return the width of the terminal; 0 if it does not know it."""
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()
        if self in _bars:
            _bars.remove(self)


def watch(label: str, position: int, env: Mapping[str, str], *, quiet: bool) -> Silent:
    """Return the watcher that fits where the output goes; a dumb terminal cannot move its cursor."""
    if quiet:
        return Silent()
    return Bar(label, position) if sys.stderr.isatty() and env.get("TERM") != "dumb" else Lines(label)
