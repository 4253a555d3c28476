"""PATH: whether the shims are on it, and who comes before them; and whether shells load what puts them there."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pyv.doctor.model import HINT, PROBLEM, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pyv.layout import Layout

# What pyv decides about, and so must not be decided before it is asked
_COMMANDS = ("python", "python3", "pip", "pip3")
# Folders that other managers put on PATH: the end of the path, or the variable that says where it is
_MANAGERS = (
    ("pyenv", ".pyenv/shims", "PYENV_ROOT", "shims"),
    ("pyenv-virtualenv", "plugins/pyenv-virtualenv/shims", "", ""),
    ("mise", "mise/shims", "MISE_DATA_DIR", "shims"),
    ("asdf", ".asdf/shims", "ASDF_DATA_DIR", "shims"),
    ("conda", "condabin", "CONDA_PREFIX", "bin"),
)


def search_path(layout: Layout, env: Mapping[str, str], shell: str) -> list[Finding]:
    """Check PATH.

    Args:
        layout: where the shims are.
        env: the environment.
        shell: the user's shell, for the command that helps.
    """
    folders = env.get("PATH", "").split(os.pathsep)
    position = next((number for number, folder in enumerate(folders) if _same(folder, layout.shims)), -1)
    found = []
    install = f"pyv init {shell} --install"
    if any(not os.path.isabs(folder) for folder in folders):
        found.append(
            Finding(
                "path-relative",
                PROBLEM,
                "PATH has an entry that means the current folder: programs of any project are run by their names",
                "take empty and relative entries out of PATH",
            )
        )
    if position < 0:
        found.append(Finding("path", PROBLEM, f"the shims, {layout.shims}, are not on PATH", install))
        return found
    active = env.get("VIRTUAL_ENV", "")
    inside = os.path.join(active, "bin") if active else ""
    for folder in dict.fromkeys(folders[:position]):
        manager = _manager(folder, env)
        hidden = [name for name in _COMMANDS if _is_program(os.path.join(folder, name))]
        if (not hidden and not manager) or (inside and _same(folder, inside)):
            continue
        who = f"{manager}'s {folder}" if manager else folder
        what = f" and has {', '.join(hidden)}" if hidden else ""
        found.append(
            Finding(
                "manager" if manager else "path-order",
                PROBLEM if hidden else HINT,
                f"{who} comes before the shims on PATH{what}",
                f"put the line of pyv last in the rc file: {install}",
            )
        )
    if (
        inside
        and any(_same(folder, inside) for folder in folders[position:])
        and not any(_same(folder, inside) for folder in folders[:position])
    ):
        found.append(
            Finding(
                "path-environment",
                PROBLEM,
                f"the environment {active} is active, but its commands come after the shims on PATH",
                "leave it and enter it again: deactivate",
            )
        )
    return found


def hooks(
    layout: Layout, shell: str, wanted: str, rc_files: Iterable[Path], write: Callable[[], object] | None = None
) -> list[Finding]:
    """Check the hook of the user's shell.

    Args:
        layout: where hooks are.
        shell: the user's shell, one that can source a file.
        wanted: the whole hook, as this pyv makes it.
        rc_files: the files that the shell may read when it starts.
        write: brings the hook files up to date.
    """
    file = layout.hooks / f"pyv.{shell}"
    install = f"pyv init {shell} --install"
    if not any(_mentions(path, os.fspath(file)) for path in rc_files):
        return [Finding("hook", HINT, f"{shell} does not load pyv when it starts", install)]
    try:
        content = file.read_text("utf-8", "surrogateescape")
    except OSError:
        return [Finding("hook", PROBLEM, f"{shell} loads {file}, which cannot be read", install, write)]
    if content != wanted:
        return [Finding("hook", PROBLEM, f"{file} is not that of this pyv", install, write)]
    return []


def _mentions(path: Path, hook: str) -> bool:
    with suppress(OSError):
        text = path.read_text("utf-8", "surrogateescape")
        return hook in text or "pyv init" in text
    return False


def _manager(folder: str, env: Mapping[str, str]) -> str:
    for name, ending, variable, below in _MANAGERS:
        if f"/{folder}".rstrip("/").endswith(f"/{ending}"):
            return name
        if variable and env.get(variable) and _same(folder, os.path.join(env[variable], below)):
            return name
    return ""


def _same(one: str | Path, other: str | Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.normpath(one) == os.path.normpath(other)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
