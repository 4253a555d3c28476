"""Write docs/man/pyv.1 from what the commands say of themselves, and from the README's tables.

python scripts/make_man.py            write it
python scripts/make_man.py --check    change nothing; fail if it is not up to date
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyv.cli.group import pyv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent.parent
PAGE = HERE / "docs/man/pyv.1"
_HEAD = r""".\" Written by scripts/make_man.py; do not edit.
.TH PYV 1 "" "pyv" "User Commands"
.SH NAME
pyv \- install Pythons into a shared store, and switch between them by folder
.SH SYNOPSIS
.B pyv
[\fB\-\-version\fR] [\fB\-\-help\fR] \fICOMMAND\fR [\fIARGUMENT\fR]...
"""
_DESCRIPTION = """
pyv puts standalone CPythons into a store that all projects share, selects one of them for each folder, and makes
virtual environments. `python`, `pip` and every command that an installed version brings mean the version of the folder
you are in: PYV_VERSION, else the project's environment, else the nearest .python-version upward, else the global pin,
else the rest of PATH.

A version is asked for as `3`, `3.12`, `3.12.7`, `3.13t` (free-threaded), `3.12.7d` (debug), `3.14.0rc2`,
`>=3.11,<3.13`, `pypy3.10`, `system`, or by the name of an environment. A short one means the newest that matches: the
newest available when installing, the newest installed otherwise.
"""
_FILES = (
    (".python-version", "The pin of a folder and all below it: versions, one a line or separated by blanks or colons."),
    ("$PYV_ROOT/version", "The global pin."),
    ("$PYV_ROOT/versions", "The installed versions."),
    ("$PYV_ROOT/shims", "What belongs on PATH."),
)


def main(arguments: Sequence[str]) -> int:
    """Run the script and return its exit status."""
    parser = argparse.ArgumentParser(description="Write the manual page.")
    parser.add_argument("--check", action="store_true", help="only tell whether the page is what would be written")
    check = parser.parse_args(arguments).check
    page = "".join(_page((HERE / "README.md").read_text("utf-8")))
    if PAGE.exists() and PAGE.read_text("ascii") == page:
        return 0
    if check:
        print(f"{PAGE.relative_to(HERE)} is not up to date: python scripts/make_man.py", file=sys.stderr)
        return 1
    PAGE.write_text(page, "ascii")
    return 0


def _page(readme: str) -> Iterator[str]:
    yield _HEAD
    yield ".SH DESCRIPTION\n"
    yield from _paragraphs(_DESCRIPTION)
    yield ".SH COMMANDS\n"
    with click.Context(pyv, info_name="pyv") as context:
        for name in pyv.list_commands(context):
            command = pyv.get_command(context, name)
            assert command is not None, name  # noqa: S101 - for the type checker: it has just been listed
            yield from _command(command, context, name)
    yield ".SH ENVIRONMENT\n"
    for names, meaning in _rows(readme, "Settings"):
        yield _item(names, meaning)
    yield ".SH FILES\n"
    for path, meaning in _FILES:
        yield _item(f"`{path}`", meaning)
    yield ".SH EXIT STATUS\n"
    for status, meaning in _rows(readme, "Exit status"):
        yield _item(f"`{status}`", meaning)
    yield ".SH SEE ALSO\n.BR python (1)\n"


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=10_000)
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_text(f'{context.command_path} {pieces}')}\n"
    yield from _paragraphs(_without_breaks(command.help or ""))
    for parameter in command.params:  # without --help, which all have
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record:
            yield _item(f"`{record[0]}`", record[1])
    heading, *examples = [line.strip() for line in _without_breaks(command.epilog or "").strip().splitlines()]
    yield f".PP\n{_text(heading)}\n.RS 4\n.nf\n" + "".join(f"{_text(each)}\n" for each in examples) + ".fi\n.RE\n"
    if isinstance(command, click.Group):
        for below, each in sorted(command.commands.items()):
            yield from _command(each, context, below)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield f".PP\n{_text(' '.join(paragraph.split()))}\n"


def _without_breaks(text: str) -> str:
    """Return a text without click's mark of a paragraph that it shall not fill."""
    return re.sub(r"(?m)^\s*\x08\n?", "", text)


def _rows(readme: str, title: str) -> list[tuple[str, str]]:
    """Return the rows of the table in a section of the README."""
    section = readme.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"(?m)^\| (.+?) \| (.+) \|$", section)
    return [(first, second) for first, second in rows[1:]]


def _item(term: str, meaning: str) -> str:
    return f".TP\n{_text(term)}\n{_text(meaning)}\n"


def _text(text: str) -> str:
    """Return a text as roff: what stands in backquotes is bold, and nothing is taken for a request."""
    roff = text.replace("\\", r"\e")
    roff = re.sub(r"\[([^]]+)\]\((?:[^)]+)\)", r"\1", roff)
    roff = re.sub(r"(?<!\w)-", r"\\-", roff)
    roff = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", roff)
    roff = "".join(each if ord(each) < 128 else f"\\[u{ord(each):04X}]" for each in roff)
    return f"\\&{roff}" if roff[:1] in (".", "'") else roff


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
