"""The command line: composes the use cases, and is the one place that prints and decides the exit status."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyv import fsops, proc
from pyv.errors import CommandNotFoundError, PyvError, UsageError, explain, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from pyv.cli.app import App
    from pyv.worker import Worker

INTERRUPTED = 130
# The signals that have interrupted this command
_interrupts: list[int] = []


def run(
    arguments: Sequence[str],
    *,
    checkpoint: Callable[[str], None] = lambda _step: None,
    variable: str = "",
    worker: Worker | None = None,
) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: the command line without the program's name.
        checkpoint: called at each commit point; the one seam through which tests end a process in the middle.
        variable: the variable that PYV_VERSION was taken from, if it is another.
        worker: what fetches, if there is one.
    """
    _interrupts.clear()
    root, arguments = _store_of_shim(arguments)
    debug = os.environ.get("PYV_DEBUG", "") not in ("", "0")
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # not where nohup ignores them
                signal.signal(number, _interrupt)
        status = _run(arguments, checkpoint, root=root, variable=variable, worker=worker)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a traceback is of no use to whoever reads it
        # What is written in C may make another error of an interrupt, and so may the making of a class
        if _interrupts or isinstance(error, KeyboardInterrupt):
            proc.kill_running()
            if sys.stderr.isatty():
                _say("\n")  # after the ^C that the terminal shows
            return _fail("interrupted", INTERRUPTED, debug=debug)
        status = _failed(error, f"run pyv {' '.join(arguments[:1])}", debug=debug)
        # Who called a shim has called another program, which may use the status of this error itself
        return CommandNotFoundError.exit_code if status and arguments[:2] == ["exec", "--shim"] else status
    return status if isinstance(status, int) else 0


def _run(arguments: Sequence[str], checkpoint: Callable[[str], None], **given: Any) -> int | None:  # noqa: ANN401 - see App
    from pyv.cli.app import App, working_directory
    from pyv.cli.plain import understand

    def reached(step: str) -> None:
        if _interrupts:  # and the exception was lost, as in what is called by the garbage collector
            raise KeyboardInterrupt
        checkpoint(step)

    app = App(os.environ, working_directory(), reached, words=arguments, **given)
    plain = understand(arguments)
    _mend(app, arguments)
    return plain(app) if plain is not None else _through_click(app, arguments)


def _interrupt(number: int, _frame: object) -> NoReturn:
    """Have this process cleaned up after as after an interrupt from the keyboard."""
    _interrupts.append(number)
    raise KeyboardInterrupt


def _failed(error: Exception, what: str, *, debug: bool) -> int:
    """Say what went wrong, and return the exit status."""
    if isinstance(error, PyvError):
        return _fail(str(error), error.exit_code, debug=debug)
    if isinstance(error, BrokenPipeError):
        # Who read the output has had enough, as in `pyv list | head`; and the interpreter must not try to flush again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        return _fail(str(explain(error, what)), 1, debug=debug)
    return _fail(str(unexpected(error, os.environ.get("PYTHONPATH", ""))), 1, debug=debug)


def _store_of_shim(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the store that a shim hands over for, which the environment need not name, and the rest of its words."""
    if len(arguments) > 1 and arguments[0] == "--store":
        return arguments[1], arguments[2:]
    return "", arguments


def _mend(app: App, arguments: Sequence[str]) -> None:
    """Make shims and hooks anew if they are damaged or another pyv's; silent where that cannot be done."""
    if arguments[:2] == ["exec", "--shim"]:  # it comes from a dispatcher that works, and may have missed a version
        app.store.recover()
        return
    if arguments[:1] == ["doctor"]:  # which is asked what is wrong, and not to mend it unseen
        return
    if fsops.orphans(app.layout.staging):
        from pyv import smoke

        smoke.sweep(app.layout.staging)
    if fsops.orphans(app.layout.envs, "."):
        from pyv import envs

        envs.sweep(app.layout.envs, app.registry)
    if not app.shims.intact() and os.path.isdir(app.layout.versions):
        app.shims.repair()
        from pyv.cli.shims import renew_hooks

        renew_hooks(app)


def _through_click(app: App, arguments: Sequence[str]) -> int | None:
    """Run a command through click.

    Raises:
        UsageError: the command line is wrong.
    """
    import click

    from pyv.cli.group import pyv

    try:
        # Not `pyv.main`: it writes a line of its own when it is interrupted
        with pyv.make_context("pyv", list(arguments), obj=app) as context:
            status: int | None = pyv.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        raise UsageError(error.format_message(), hint=f"see: {_help_for(error)}") from None
    except click.ClickException as error:
        raise PyvError(error.format_message()) from None
    return status


def _fail(message: str, status: int, *, debug: bool) -> int:
    if debug:
        import traceback

        _say(traceback.format_exc())
    from pyv.cli.output import harmless

    first, *rest = harmless(message).splitlines() or [""]
    _say("".join(f"{line}\n" for line in (f"pyv: {first}", *(f"     {line}" for line in rest))))
    return status


def _say(text: str) -> None:
    with suppress(OSError):  # that nobody hears it, as when the terminal is gone, does not change the exit status
        sys.stderr.write(text)


def _help_for(error: object) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'pyv'} --help"
