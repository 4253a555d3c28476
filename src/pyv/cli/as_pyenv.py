"""pyv under the name pyenv, as shims/pyenv calls it: pyenv's options and variables in pyv's words.

For scripts that were written for pyenv. PYENV_VERSION and PYENV_DIR count under that name alone; PYENV_ROOT does not,
for it names the store of another program.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyv.cli.app import App

_VARIABLES = {"PYENV_VERSION": "PYV_VERSION", "PYENV_DIR": "PYV_DIR"}
_SEVERAL = re.compile(r"-[a-z]{2,}", re.ASCII)
# By command: what an option of pyenv is called, or nothing where it means nothing here
_OPTIONS = {
    "init": {"--path": "--no-hook", "--no-rehash": "", "--no-push-path": ""},
    "install": {"-k": "", "--keep": "", "-v": "", "--verbose": ""},
    "uninstall": {"-f": "-y", "--force": "-y"},
    "virtualenv-delete": {"-f": "-y", "--force": "-y"},
}
# Where a shell has to do it itself: its function `pyv` does
_IN_THE_SHELL = {
    "fish": 'function pyenv; if contains -- "$argv[1]" shell activate deactivate; pyv $argv; '
    "else; command pyenv $argv; end; end",
    "tcsh": "alias pyenv pyv;",  # whose eval makes one line of all that follows
}
_POSIX = 'pyenv() { case ${1-} in shell | activate | deactivate) pyv "$@" ;; *) command pyenv "$@" ;; esac; }'


def as_pyenv(app: App, words: Sequence[str] = ()) -> int:
    """Run what a command line of pyenv means, and return the exit status."""
    from pyv.cli import output, run

    variable = "" if os.environ.get("PYV_VERSION") else "PYENV_VERSION"
    for theirs, ours in _VARIABLES.items():
        if os.environ.get(theirs) and not os.environ.get(ours):
            os.environ[ours] = os.environ[theirs]  # for what is started, too, as pyenv has it
    if words[:1] == ["virtualenv-init"]:  # the hook does that
        return 0
    if words[:1] == ["init"] and "-" in words and "--path" not in words:
        from pyv.cli.init import shell_of

        shell = shell_of(app, [word for word in words[1:] if not word.startswith("-")])
        if shell in ("bash", "zsh", "sh", *_IN_THE_SHELL):
            output.data(_IN_THE_SHELL.get(shell, _POSIX))
    return run(["--store", os.fspath(app.layout.root), *translated(words)], variable=variable)


def translated(words: Sequence[str]) -> list[str]:
    """Return a command line of pyenv in pyv's words."""
    options = _OPTIONS.get(words[0], {}) if words else {}
    single: list[str] = []
    for word in words:
        several = options and _SEVERAL.fullmatch(word)  # -sv is -s -v, to pyenv too
        single += [f"-{letter}" for letter in word[1:]] if several else [word]
    return [word for word in (options.get(word, word) for word in single) if word]
