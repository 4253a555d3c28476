"""Running the pip of an environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyv import proc

if TYPE_CHECKING:
    from pathlib import Path

    from pyv.cli.app import App

# Nothing listens at this port (discard); pip and git connect to nobody else
_NOWHERE = "http://127.0.0.1:9"
_OFFLINE = {
    "http_proxy": _NOWHERE,
    "https_proxy": _NOWHERE,
    "all_proxy": _NOWHERE,
    "no_proxy": "",
    "GIT_ALLOW_PROTOCOL": "file",
}


def run(app: App, venv: Path, command: str, *arguments: str) -> int:
    """Run the pip of an environment in the foreground, off the network if that is wanted, and return its exit status.

    Args:
        app: this run.
        venv: the environment.
        command: such as `install`.
        arguments: for it.
    """
    # Isolated: a module of the project's must not stand in for one that pip imports
    program = [os.fspath(venv / "bin/python"), "-I", "-m", "pip", "--disable-pip-version-check"]
    if not app.settings.offline:
        return proc.accompany([*program, command, *arguments], env=app.env)
    # Requirements can name addresses themselves, and so can what they are built with
    env = {key: value for key, value in app.env.items() if key.lower() not in _OFFLINE}
    program += ["--proxy", _NOWHERE, "--retries", "0"]
    status = proc.accompany([*program, command, *arguments], env={**env, **_OFFLINE, "PIP_NO_INDEX": "1"})
    if status:
        app.notify("pip was kept off the network: to let it, leave out --offline, or set PYV_OFFLINE=0")
    return status
