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


def _open_what_is_closed() -> None:
    """Make standard streams that the caller has closed lead nowhere; else the next opened file would be one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - it lives as long as this process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - the same


def _end_interrupts() -> None:
    if "signal" in sys.modules:  # else nothing was begun that could be interrupted
        import signal

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def leave() -> None:
    """Run pyv and end this process at once: all is done by then, and taking every module apart would be waste."""
    _open_what_is_closed()
    status = 130
    try:
        try:
            status = main()
        finally:
            _end_interrupts()
    except KeyboardInterrupt:  # while it was still starting, or already done
        sys.stderr.write("pyv: interrupted\n")
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # who reads the output has had enough
        pass
    except OSError:  # a full disk behind a redirection
        status = status or 1
    os._exit(status)


if __name__ == "__main__":
    leave()
