"""Command lines in their plain form, understood without click, whose import takes longer than most commands run.

What is not plain - help, mistakes, options with values, commands that are not here - is left to click, which says the
same to the same functions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyv.cli.app import App


class Plain(NamedTuple):
    """A command: the function that does it, whether it takes words, and what its flags are called there."""

    module: str
    function: str
    takes_words: bool
    flags: Mapping[str, str]


_GENERAL = {"--offline": "offline", "-q": "quiet", "--quiet": "quiet"}
COMMANDS = {
    "install": Plain(
        "install",
        "install",
        takes_words=True,
        flags={
            **_GENERAL,
            "-f": "force",
            "--force": "force",
            "-s": "skip_existing",
            "--skip-existing": "skip_existing",
            "--allow-pip": "allow_pip",
            "--compile-bytecode": "compile_bytecode",
        },
    ),
    "prefix": Plain("query", "prefix", takes_words=True, flags={}),
    "root": Plain("query", "root", takes_words=False, flags={}),
    "versions": Plain(
        "query",
        "versions",
        takes_words=False,
        flags={"--bare": "bare", "--skip-aliases": "skip_aliases", "--json": "as_json"},
    ),
}


def understand(arguments: Sequence[str]) -> Callable[[App], int | None] | None:
    """Return what a plain command line asks for, or None if it is not plain."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        return None
    words = []
    flags: dict[str, bool] = {}
    for argument in arguments[1:]:
        if argument in command.flags:
            flags[command.flags[argument]] = True
        elif argument.startswith("-") or not command.takes_words:
            return None
        else:
            words.append(argument)

    def run(app: App) -> int | None:
        app.offline, app.quiet = flags.pop("offline", False), flags.pop("quiet", False)
        function: Callable[..., int | None] = getattr(
            importlib.import_module(f"pyv.cli.{command.module}"), command.function
        )
        return function(app, words, **flags) if command.takes_words else function(app, **flags)

    return run
