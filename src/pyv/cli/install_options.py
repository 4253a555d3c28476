"""The options of `pyv install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pyv.cli.install import install

if TYPE_CHECKING:
    from pyv.cli.app import App


@click.command(
    "install", epilog="Examples:  pyv install 3.12    pyv install 3.11 3.12 pypy3.10    pyv install '>=3.11,<3.13'"
)
@click.argument("wanted", nargs=-1, metavar="[REQUEST | ARCHIVE]...")
@click.option("-f", "--force", is_flag=True, help="Install again what is installed.")
@click.option("-s", "--skip-existing", is_flag=True, help="Be content with any installed version that matches.")
@click.option("-l", "--list", "list_", is_flag=True, help="Print the names of all versions that can be installed.")
@click.option("--allow-pip", is_flag=True, help="Leave it open to pip; on an installed one, open it now.")
@click.option(
    "--compile-bytecode", is_flag=True, help="Compile the standard library, for a store that is read-only later."
)
@click.option("--sha256", metavar="HASH", help="What the archive must hash to.")
@click.option("--offline", is_flag=True, help="Use cached archives and local mirrors only.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.pass_obj
def install_command(
    app: App, /, wanted: tuple[str, ...], *, sha256: str | None, offline: bool, quiet: bool, **how: bool
) -> int:
    """Install Python versions: the newest build of each REQUEST, or an ARCHIVE that lies here.

    Without an argument, what the pin file of this folder asks for.
    """
    app.offline, app.quiet = offline, quiet
    return install(app, wanted, sha256=sha256, **how)
