"""The command line: composes the use cases, and is the one place that prints and decides the exit status."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from pyv.errors import PyvError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERRUPTED = 130


def run(arguments: Sequence[str], *, checkpoint: Callable[[str], None] = lambda _step: None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: the command line without the program's name.
        checkpoint: called at each commit point; the one seam through which tests end a process in the middle.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleaned up after like an interrupt from the keyboard
    import click

    from pyv.cli.group import pyv

    debug = os.environ.get("PYV_DEBUG", "") not in ("", "0")
    try:
        # Not `pyv.main`: it writes a line of its own when it is interrupted
        with pyv.make_context("pyv", list(arguments), obj=checkpoint) as context:
            status = pyv.invoke(context)
    except PyvError as error:
        return _fail(str(error), error.exit_code, debug=debug)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        return _fail(f"{error.format_message()}\nsee: {_help_for(error)}", 2, debug=debug)
    except click.ClickException as error:
        return _fail(error.format_message(), 1, debug=debug)
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr.isatty():
            sys.stderr.write("\n")  # after the ^C that the terminal shows
        return _fail("interrupted", INTERRUPTED, debug=debug)
    except BrokenPipeError:
        # Who read the output has had enough, as in `pyv list | head`; and the interpreter must not try to flush again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from pyv.fsops import explain

        return _fail(str(explain(error, f"run pyv {' '.join(arguments[:1])}")), 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - a traceback is of no use to whoever reads it
        name = type(error).__name__
        return _fail(f"internal error: {name}: {error}\nplease report it, with what PYV_DEBUG=1 shows", 1, debug=debug)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    first, *rest = message.splitlines() or [""]
    sys.stderr.write("".join(f"{line}\n" for line in (f"pyv: {first}", *(f"     {line}" for line in rest))))
    return status


def _help_for(error: object) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'pyv'} --help"
