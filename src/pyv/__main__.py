"""The entry point: answers what needs nothing but a line of text itself, and loads the command line for the rest."""

from __future__ import annotations

import gc
import os
import sys

from pyv import __version__


def main() -> int:
    """Run pyv with the arguments of this process and return its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"pyv {__version__}\n")
        return 0
    # A command is short, and what it imports lives as long as it: looking for garbage costs a sixth of the start
    gc.disable()
    from pyv.cli import run

    return run(sys.argv[1:])


def leave() -> None:
    """Run pyv and end this process at once: all is done by then, and taking every module apart would be waste."""
    status = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # who reads the output has had enough
        pass
    os._exit(status)


if __name__ == "__main__":
    leave()
