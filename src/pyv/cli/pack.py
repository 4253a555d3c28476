"""`pyv pack`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv.cli import output

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command("pack", epilog="Example:  pyv pack /usr/local -o ./mirror")
@click.argument("prefix", type=click.Path(path_type=Path))
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), default=Path(), help="The mirror's folder.")
@click.option("--tag", default="", help="The build's date in the mirror, YYYYMMDD; today without it.")
@click.option("--with-tests", is_flag=True, help="Keep the tests of the standard library.")
@click.pass_obj
def pack_command(app: App, prefix: Path, folder: Path, *, tag: str, with_tests: bool) -> None:
    """Make a standalone archive out of the CPython in PREFIX, with the entries of a mirror beside it.

    Serve the folder over http, or name it in PYV_MIRROR as it is.
    """
    from pyv import pack

    packed = pack.pack(
        Path(os.path.normpath(os.path.join(app.cwd, os.path.expanduser(prefix)))),
        Path(os.path.join(app.cwd, folder)),
        tag=tag or time.strftime("%Y%m%d", time.gmtime()),
        env=app.env,
        with_tests=with_tests,
        notify=app.notify,
    )
    for note in packed.notes:
        app.notify(note)
    output.data(str(packed.archive))
