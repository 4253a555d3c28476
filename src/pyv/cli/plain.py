"""Command lines in their plain form, understood without click, whose import takes longer than most commands run.

What is not plain - help, mistakes, options with values, commands that are not here - is left to click, which says the
same to the same functions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyv.cli.app import App


class Plain(NamedTuple):
    """A command: the function that does it, whether it takes words, and what its flags are called there."""

    module: str
    function: str
    takes_words: bool
    flags: Mapping[str, str]
    verbatim: bool = False  # all that follows belongs to another command
    values: Mapping[str, str] = {}  # the options that are followed by a value, which may stand once each


_GENERAL = {"--offline": "offline", "-q": "quiet", "--quiet": "quiet"}
_PIN = {"--unset": "unset", "-f": "force", "--force": "force"}
_MAKING = {**_GENERAL, "--without-pip": "without_pip", "--system-site-packages": "system_site_packages"}
COMMANDS = {
    "activate": Plain("activation", "activate", takes_words=True, flags={}),
    "as-pyenv": Plain("as_pyenv", "as_pyenv", takes_words=True, flags={}, verbatim=True),
    "deactivate": Plain("activation", "deactivate", takes_words=True, flags={}),
    "exec": Plain("execute", "execute", takes_words=True, flags={}, verbatim=True),
    "global": Plain("pinning", "global_", takes_words=True, flags=_PIN),
    "init": Plain(
        "init",
        "init",
        takes_words=True,
        flags={
            "--install": "install",
            "--uninstall": "uninstall",
            "--no-hook": "no_hook",
            "--path": "no_hook",
            "--no-rehash": "no_rehash",
            "--no-push-path": "no_rehash",
            "--as-pyenv": "as_pyenv",
        },
    ),
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
    "latest": Plain(
        "query",
        "latest",
        takes_words=True,
        flags={
            "--offline": "offline",
            "-k": "known",
            "--known": "known",
            "-b": "bypass",
            "--bypass": "bypass",
            "-f": "force",
            "--force": "force",
            "--json": "as_json",
        },
    ),
    "local": Plain("pinning", "local", takes_words=True, flags=_PIN),
    "lock": Plain("lock", "lock", takes_words=False, flags={**_GENERAL, "--dev": "dev"}),
    "prefix": Plain("query", "prefix", takes_words=True, flags={}),
    "rehash": Plain("shims", "rehash", takes_words=False, flags={}),
    "root": Plain("query", "root", takes_words=False, flags={}),
    "sh-activate": Plain("activation", "sh_activate", takes_words=True, flags={}),
    "sh-deactivate": Plain("activation", "sh_deactivate", takes_words=True, flags={}),
    "sh-shell": Plain("shell", "sh_shell", takes_words=True, flags=_PIN),
    "shell": Plain("shell", "shell", takes_words=True, flags=_PIN),
    "shims": Plain("shims", "shims", takes_words=False, flags={"--short": "short"}),
    "sync": Plain(
        "sync",
        "sync_",
        takes_words=False,
        flags={**_GENERAL, "--dev": "dev", "--exact": "exact", "-f": "force", "--force": "force"},
    ),
    "venv": Plain(
        "venv",
        "venv",
        takes_words=True,
        flags={**_MAKING, "--clear": "clear", "--repair": "repair"},
        values={"-p": "python", "--python": "python", "--prompt": "prompt", "--name": "name"},
    ),
    "version": Plain(
        "selected",
        "version",
        takes_words=False,
        flags={"--bare": "bare", "-v": "verbose", "--verbose": "verbose", "--json": "as_json"},
    ),
    "version-file": Plain("selected", "version_file", takes_words=True, flags={}),
    "version-name": Plain("selected", "version_name", takes_words=False, flags={"-f": "force", "--force": "force"}),
    "version-origin": Plain("selected", "version_origin", takes_words=False, flags={}),
    "versions": Plain(
        "query",
        "versions",
        takes_words=False,
        flags={
            "--bare": "bare",
            "--skip-aliases": "skip_aliases",
            "--skip-envs": "skip_envs",
            "--json": "as_json",
        },
    ),
    "virtualenv": Plain("virtualenv", "virtualenv", takes_words=True, flags={**_MAKING, "--clear": "clear"}),
    "virtualenv-prefix": Plain("virtualenv", "virtualenv_prefix", takes_words=True, flags={}),
    "virtualenvs": Plain(
        "virtualenv", "virtualenvs", takes_words=False, flags={"--bare": "bare", "--skip-aliases": "skip_aliases"}
    ),
    "whence": Plain("selected", "whence", takes_words=True, flags={"--path": "path"}),
    "which": Plain(
        "selected",
        "which",
        takes_words=True,
        flags={
            "-v": "verbose",
            "--verbose": "verbose",
            "--nosystem": "nosystem",
            "--skip-advice": "skip_advice",
            "--json": "as_json",
        },
    ),
}


def understand(arguments: Sequence[str]) -> Callable[[App], int | None] | None:
    """Return what a plain command line asks for, or None if it is not plain."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        return None
    words = []
    flags: dict[str, Any] = {}
    if command.verbatim and arguments[1:] not in (["-h"], ["--help"]):
        words = list(arguments[1:])
    rest = iter(arguments[1:] if not words else ())
    for argument in rest:
        if argument in command.flags:
            flags[command.flags[argument]] = True
        elif argument in command.values and command.values[argument] not in flags:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            flags[command.values[argument]] = value
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
