"""Shells: which ones can run the dispatcher."""

from __future__ import annotations

import os

from pyv import proc
from pyv.errors import UsageError
from pyv.shims.dispatcher import first_line

# Linux before 5.1 cut the line `#!…` there, and other systems still do
_MAX_FIRST_LINE = 127
# What the dispatcher cannot do without. A shell that is no sh, or no shell at all, answers something else
_TRIAL = 'a="b c"; set -- $a; [ "$#${a#b }" = 2c ] && [ / -ef / ] && printf yes'
_TRIAL_SECONDS = 10


def check_shell(path: str) -> None:
    """Refuse what cannot run the dispatcher.

    Raises:
        UsageError: it cannot.
    """
    hint = "name a POSIX sh, as in: pyv rehash --shell /bin/dash"
    if not os.path.isabs(path) or not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise UsageError(f"--shell {path!r} is not the absolute path of a program", hint=hint)
    if not path.isprintable() or " " in path or len(first_line(path)) > _MAX_FIRST_LINE:
        raise UsageError(f"--shell {path!r} cannot stand in a script's first line: a blank, or too long", hint=hint)
    # A wrong one would make every command fail, or do nothing and succeed
    words = os.fsdecode(first_line(path)).removeprefix("#!").split(" ")
    answer = proc.run([*words, "-c", _TRIAL], env={"PATH": os.defpath}, timeout=_TRIAL_SECONDS)
    if answer.stdout != "yes":
        raise UsageError(f"--shell {path!r} does not understand what an sh must", hint=hint)
