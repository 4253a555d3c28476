"""What an interpreter says about how it was built, and from which extensions and embedders learn how to build.

Upstream builds for the prefix `/install`, with its own clang from `/tools`. Newer builds compute the prefix when the
file is imported; they need nothing but another compiler.
"""

from __future__ import annotations

import ast
import json
import re
from functools import reduce
from typing import TYPE_CHECKING

from pyv.errors import VerificationError
from pyv.fixups.words import HERE, PROGRAM_VARIABLES, UPSTREAM_PREFIX, Cleaner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyv.fixups.tree import Tree

_MAKE_VARIABLE = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<assigned>[ \t]*[:?+]?=)(?P<value>.*)", re.DOTALL)
# Stand for the expressions in an f-string while its text is cleaned; the private use area has no meaning in any file
_FIRST_HOLE = 0xE000
_SHELL_SCRIPT = re.compile(r"#![ \t]*(?:\S*/)?(?:env[ \t]+)?\w*sh(?:[ \t].*)?")
# Where CPython's shell flavour of python-config knows its own prefix. What it does to find that out falls apart at a
# blank; and once each path has the real prefix, sed has nothing to correct, but would stumble over a `#` in it.
_OWN_PREFIX = 'prefix_real=$(installed_prefix "$0")'
_BETTER = {
    'RESULT=$(dirname $(cd $(dirname "$1") && pwd -P))': 'RESULT=$(dirname "$(cd "$(dirname "$1")" && pwd -P)")',
    "    echo $RESULT\n": '    echo "$RESULT"\n',
    ' | sed "s#$prefix#$prefix_real#"': "",
}
# The start of a flag up to the place in it
_FLAG = re.compile(rf"""(?:^|(?<=\s))(-[^\s'"{HERE}]*){HERE}""")


def rewrite(tree: Tree, final: str) -> None:
    """Make every description of the build in a CPython tree name its final place and the compilers of any system.

    Args:
        tree: what to work on.
        final: absolute path of where the tree will be.

    Raises:
        VerificationError: one of the files is not what its name says.
    """
    folders = tree.folders("lib", r"python3\.\d+[a-z]*")
    modules = [name for folder in folders for name in tree.files(folder, r"_sysconfigdata.*\.py")]
    tables = {name: _table(tree.read(name), name) for name in modules}
    cleaner = Cleaner([UPSTREAM_PREFIX, *(p for table in tables.values() for p in _prefixes_of(table))])
    for name, table in tables.items():
        tree.write(name, _module(tree.read(name), table, cleaner, final))
    for folder in folders:
        for name in tree.files(folder, r"_sysconfig_vars.*\.json|build-details\.json"):
            tree.write(name, _json(tree.read(name), cleaner, final, name))
        for config in tree.folders(folder, "config-.*|config"):
            for name in tree.files(config, "Makefile"):
                tree.write(name, _makefile(tree.read(name), cleaner, final))
    for name in tree.files("lib/pkgconfig", r".*\.pc"):
        tree.write(name, _package_config(tree.read(name), cleaner))
    for name in tree.files("bin", r"python.*-config"):
        tree.write(name, _config_script(tree.read(name), cleaner, final))


def _table(data: bytes, name: str) -> ast.Dict | None:
    """Return the table `build_time_vars` of a `_sysconfigdata` module, None if the module makes it in another way."""
    try:
        module = ast.parse(data)
    except (SyntaxError, ValueError) as error:
        raise VerificationError(f"the archive's {name} is not Python: {error}") from error
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="build_time_vars")], value=ast.Dict() as table):
                return table
    return None


def _prefixes_of(table: ast.Dict | None) -> Iterator[str]:
    for key, value in zip(table.keys, table.values, strict=True) if table else ():
        match key, value:
            case ast.Constant(value="prefix" | "exec_prefix"), ast.Constant(value=str(prefix)):
                yield prefix


def _module(data: bytes, table: ast.Dict | None, cleaner: Cleaner, final: str) -> bytes:
    if table is None:
        return data
    texts = [value.value for value in table.values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    concerned = cleaner.detector("\n".join(texts))
    lines = ["{"]
    changed = False
    for key, value in zip(table.keys, table.values, strict=True):
        program = isinstance(key, ast.Constant) and key.value in PROGRAM_VARIABLES
        clean = isinstance(value, ast.Constant) and not program and not concerned(str(value.value))
        new = value if clean else _expression(value, cleaner, final, program=program)
        changed = changed or new is not value
        lines.append(f"    {'**' if key is None else f'{_source(key)}: '}{_source(new)},")
    if not changed:
        return data
    lines.append("}")
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    # Positions in a syntax tree count bytes
    begin = starts[table.lineno - 1] + table.col_offset
    end = starts[(table.end_lineno or 0) - 1] + (table.end_col_offset or 0)
    return data[:begin] + "\n".join(lines).encode() + data[end:]


def _source(node: ast.expr) -> str:
    return repr(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def _expression(node: ast.expr, cleaner: Cleaner, final: str, *, program: bool) -> ast.expr:
    """Return a value of the table cleaned: a new node, or the same one if there is nothing to change."""
    match node:
        case ast.Constant(value=str(text)):
            after = _placed(cleaner.clean(text, program=program), final, _for_shell(final))
            return node if after == text else ast.Constant(after)
        case ast.JoinedStr(values=parts):
            holes = [part for part in parts if not isinstance(part, ast.Constant)]
            marks = iter(range(len(holes)))
            before = "".join(
                str(part.value) if isinstance(part, ast.Constant) else chr(_FIRST_HOLE + next(marks)) for part in parts
            )
            after = _placed(cleaner.clean(before, program=program), final, _for_shell(final))
            return node if after == before else reduce(_joined, _filled(after, holes))
        case _:
            return node


def _placed(text: str, plain: str, in_flag: str) -> str:
    """Return a cleaned text with the final place in it: as it is, and as part of a flag such as `-L`."""
    if HERE not in text:
        return text
    # Whoever compiles splits lists of flags at blanks, as a shell does, and values that are a path not at all
    return _FLAG.sub(lambda match: match[1] + in_flag, text).replace(HERE, plain)


def _for_shell(path: str) -> str:
    # A `#` within a word is not special to a shell, but an escaped one is to make
    return re.sub(r"[^\w@%+=:,./~#-]", r"\\\g<0>", path)


def _filled(text: str, holes: list[ast.expr]) -> Iterator[ast.expr]:
    for part in re.split(f"([{chr(_FIRST_HOLE)}-{chr(_FIRST_HOLE + len(holes))}])", text):
        hole = ord(part) - _FIRST_HOLE if len(part) == 1 else -1
        yield ast.JoinedStr([holes[hole]]) if 0 <= hole < len(holes) else ast.Constant(part)


def _joined(one: ast.expr, other: ast.expr) -> ast.expr:
    # A sum of strings, because not every text can be written inside an f-string
    return ast.BinOp(one, ast.Add(), other)


def _json(data: bytes, cleaner: Cleaner, final: str, name: str) -> bytes:
    try:
        before = json.loads(data)
    except ValueError as error:
        raise VerificationError(f"the archive's {name} is not JSON: {error}") from error

    def walk(value: object, key: str = "") -> object:
        match value:
            case str(text):
                return _placed(cleaner.clean(text, program=key in PROGRAM_VARIABLES), final, _for_shell(final))
            case dict():
                return {key: walk(item, key) for key, item in value.items()}
            case list():
                return [walk(item) for item in value]
            case _:
                return value

    after = walk(before)
    return data if after == before else json.dumps(after, indent=2).encode()


def _makefile(data: bytes, cleaner: Cleaner, final: str) -> bytes:
    # Make has no way to write a line break in a value
    place = re.sub(r"[\r\n]", " ", final)
    plain, in_flag = (p.replace("$", "$$").replace("#", r"\#") for p in (place, _for_shell(place)))
    text = data.decode("utf-8", "surrogateescape")
    concerned = cleaner.detector(text)
    programs = tuple(PROGRAM_VARIABLES)
    lines = []
    for line in text.splitlines(keepends=True):
        if not line.startswith(programs) and not concerned(line):
            lines.append(line)  # as nearly all of some thousand are
        elif match := _MAKE_VARIABLE.match(line):
            value = cleaner.clean(match["value"], program=match["name"] in PROGRAM_VARIABLES)
            lines.append(f"{match['name']}{match['assigned']}{_placed(value, plain, in_flag)}")
        else:
            lines.append(_placed(cleaner.clean(line), plain, in_flag))
    return "".join(lines).encode("utf-8", "surrogateescape")


def _package_config(data: bytes, cleaner: Cleaner) -> bytes:
    # pkg-config knows the folder of the file that it reads, so no path has to be written in its notation
    text = cleaner.clean(data.decode("utf-8", "surrogateescape"))
    return text.replace(HERE, "${pcfiledir}/../..").encode("utf-8", "surrogateescape")


def _config_script(data: bytes, cleaner: Cleaner, final: str) -> bytes:
    first, newline, rest = data.decode("utf-8", "surrogateescape").partition("\n")
    if not _SHELL_SCRIPT.fullmatch(first):
        return data  # the Python flavour asks sysconfig
    rest = cleaner.clean(rest)
    place = rest.find(HERE)
    if place < 0:
        return f"{first}{newline}{rest}".encode("utf-8", "surrogateescape")
    if 0 <= rest.find(_OWN_PREFIX) < place:
        rest = rest.replace(HERE, "${prefix_real}")
        for line, better in _BETTER.items():
            rest = rest.replace(line, better)
    else:
        quoted = "'" + final.replace("'", "'\\''") + "'"
        rest = f"pyv_prefix={quoted}\n" + rest.replace(HERE, "${pyv_prefix}")
    return f"{first}{newline}{rest}".encode("utf-8", "surrogateescape")
