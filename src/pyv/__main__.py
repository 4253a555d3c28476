"""The entry point: answers what needs nothing but a line of text itself, and loads the command line for the rest."""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys

from pyv import __version__

TYPE_CHECKING = False  # that of typing, whose import takes as long as all else here
if TYPE_CHECKING:
    from pyv.worker import Worker

# Options of an install that fetches no archive, or is rare
_RARE = {"--offline", "--list", "-l", "--help", "-h", "--sha256"}


def main() -> int:
    """Run pyv with the arguments of this process and return its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"pyv {__version__}\n")
        return 0
    # A command is short, and what it imports lives as long as it: looking for garbage costs a sixth of the start
    gc.disable()
    worker = _worker(sys.argv[1:])
    try:
        from pyv.cli import run

        return run(sys.argv[1:], worker=worker)
    finally:
        if worker is not None:
            _end_interrupts()
            worker.end()


def _worker(arguments: list[str]) -> Worker | None:
    """Return what fetches while this process does the rest, where a command is likely to want it and can have it."""
    command = arguments[2:] if arguments[:1] == ["--store"] else arguments
    words = [argument for argument in command if not argument.startswith("-")]
    if words[:1] != ["install"] or any(".tar." in word for word in words) or _RARE.intersection(command):
        return None
    mirror = os.environ.get("PYV_MIRROR") or "http"
    if os.environ.get("PYV_OFFLINE", "") not in ("", "0") or not mirror.lower().startswith("http"):
        return None
    from pyv import worker

    def serve(heard: int, say: worker.Say) -> None:
        from pyv.fetch import remote

        remote.serve(heard, say, os.environ)

    try:
        return worker.fork(serve) if worker.alone() else None
    except OSError:  # there are too many processes, or too many open files
        return None


def _open_what_is_closed() -> None:
    """Make standard streams that the caller has closed lead nowhere; else the next opened file would be one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - it lives as long as this process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - the same
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - the same


def _print_all_names() -> None:
    """Have names of files printed whose characters standard output cannot encode: as the bytes that they are."""

    def encode(error: UnicodeError) -> tuple[bytes, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return error.object[error.start : error.end].encode("utf-8", "surrogateescape"), error.end

    codecs.register_error("pyv", encode)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="pyv")


def _end_interrupts() -> None:
    if "signal" in sys.modules:  # else nothing was begun that could be interrupted
        import signal

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def leave() -> None:
    """Run pyv and end this process at once: all is done by then, and taking every module apart would be waste."""
    _open_what_is_closed()
    _print_all_names()
    status = 130
    last = ""
    try:
        try:
            status = main()
        finally:
            _end_interrupts()
    except KeyboardInterrupt:  # while it was still starting, or already done
        last = "pyv: interrupted\n"
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who reads the output has had enough
        pass
    except OSError:  # a full disk behind a redirection
        status = status or 1
    try:
        sys.stderr.write(last)
        sys.stderr.flush()
    except OSError:  # what nobody hears does not change how it ended
        pass
    os._exit(status)


if __name__ == "__main__":
    leave()
