"""The shells, and how each one writes down a word and a variable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Those whose rc files can source a file of the store, and those that take printed code only
SOURCING = ("bash", "zsh", "fish", "tcsh", "sh")
SHELLS = (*SOURCING, "pwsh", "nu")
_OTHER_NAMES = {
    "ash": "sh",
    "busybox": "sh",
    "csh": "tcsh",
    "dash": "sh",
    "ksh": "sh",
    "mksh": "sh",
    "nushell": "nu",
    "powershell": "pwsh",
}


def known(name: str) -> str:
    """Return the shell that a program's name means, one of `SHELLS`; nothing if it is none.

    Args:
        name: as the user writes it, or as a process shows it: `zsh`, `-bash`, `/usr/bin/fish`.
    """
    plain = name.rsplit("/", 1)[-1].removeprefix("-").removesuffix(".exe").lower()
    return plain if plain in SHELLS else _OTHER_NAMES.get(plain, "")


def quoted(shell: str, text: str) -> str:
    """Return a word so that a shell reads exactly that text."""
    if shell == "fish":
        return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"
    if shell == "pwsh":
        return "'" + text.replace("'", "''") + "'"
    if shell == "nu":
        return json.dumps(text, ensure_ascii=False)
    word = "'" + text.replace("'", r"'\''") + "'"
    # History is looked up even between quotes
    return word.replace("!", r"\!").replace("\n", "\\\n") if shell == "tcsh" else word


def assignments(shell: str, changes: Mapping[str, str | None]) -> str:
    """Return the code, in one line, that exports variables, and removes those whose value is None."""
    if shell == "nu":  # cannot run code, but load a record; empty is as good as absent
        return json.dumps({name: value or "" for name, value in changes.items()})
    return "; ".join(_assignment(shell, name, value) for name, value in changes.items())


def _assignment(shell: str, name: str, value: str | None) -> str:
    if value is None:
        return {
            "fish": f"set -e {name}",
            "tcsh": f"unsetenv {name}",
            "pwsh": f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
        }.get(shell, f"unset {name}")
    word = quoted(shell, value)
    return {
        "fish": f"set -gx {name} {word}",
        "tcsh": f"setenv {name} {word}",
        "pwsh": f"$env:{name} = {word}",
    }.get(shell, f"export {name}={word}")
