"""The entry point: answers what needs nothing but a line of text itself, and loads the command line for the rest."""

from __future__ import annotations

import sys

from pyv import __version__


def main() -> int:
    """Run pyv with the arguments of this process and return its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"pyv {__version__}\n")
        return 0
    from pyv.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
