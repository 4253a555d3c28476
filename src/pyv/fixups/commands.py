"""The commands of an interpreter: its names, and scripts that find it from wherever they lie."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pyv.errors import VerificationError

if TYPE_CHECKING:
    from pyv.fixups.tree import Tree

# The program itself; its other names are links to it
_PROGRAMS = {"cpython": r"python3\.\d+[a-z]*", "graalpy": r"graalpy", "pypy": r"pypy3(?:\.\d+)?"}
_STDLIB = r"(?:python|pypy)3\.\d+[a-z]*"
_INTERPRETER = rb"(?P<folder>/[^\n\"]*?)/(?P<name>(?:python|pypy|graalpy)[\w.]*)"
_SHEBANG = re.compile(rb"#![ \t]*" + _INTERPRETER + rb"(?P<flags>[ \t][^\r\n]*)?\r?\n")
# What pip writes where the kernel would not take the path in a first line
_LONG_SHEBANG = re.compile(
    rb"#!/bin/sh\n'''exec' (?P<quote>\"?)" + _INTERPRETER + rb"(?P=quote)(?P<flags> [^\n]*?)? \"\$0\" \"\$@\"\n' '''\n"
)
_SYSTEM_FOLDERS = frozenset((b"/bin", b"/usr/bin"))
# For sh this is a program that ends with exec, for Python a string that nobody uses. Links to the script are followed
# here because realpath is missing from older systems. No variable can hit one of the caller's by this name.
_LAUNCHER = """\
#!/bin/sh
''':' # sh runs this: it starts the Python that lies beside this file
case $0 in */*) __pyv_self=$0 ;; *) __pyv_self=./$0 ;; esac
if [ -h "$__pyv_self" ]; then
  while [ -h "$__pyv_self" ]; do
    __pyv_link=$(readlink "$__pyv_self")
    case $__pyv_link in /*) __pyv_self=$__pyv_link ;; *) __pyv_self=${__pyv_self%/*}/$__pyv_link ;; esac
  done
  __pyv_self=$(CDPATH= cd -P -- "${__pyv_self%/*}/" && pwd -P)/-
fi
exec "${__pyv_self%/*}/INTERPRETER"FLAGS "$0" "$@"
' '''
"""


def complete_names(tree: Tree, implementation: str) -> None:
    """Add what is missing of `python`, `python3`, `python3.12` and of the implementation's own names.

    Args:
        tree: what to work on.
        implementation: `cpython`, `pypy` or `graalpy`.

    Raises:
        VerificationError: there is no interpreter in the tree.
    """
    pattern = _PROGRAMS[implementation]
    programs = tree.files("bin", pattern) or tree.links("bin", pattern)
    if not programs:
        raise VerificationError(f"the archive holds no interpreter: bin/ has no {implementation}")
    program = programs[-1].removeprefix("bin/")
    names = {"cpython": [], "graalpy": [], "pypy": ["pypy3", "pypy"]}[implementation] + ["python3", "python"]
    # GraalPy's program does not tell its version, and PyPy's need not
    versions = [re.search(r"3\.\d+", name) for name in [*tree.folders("lib", _STDLIB), program]]
    version = next((match[0] for match in versions if match), None)
    if version:
        names += [f"python{version}"] + [f"pypy{version}"] * (implementation == "pypy")
    for name in names:
        if not tree.exists(f"bin/{name}"):
            tree.link(f"bin/{name}", program)
    configs = tree.files("bin", r"python3\.\d+[a-z]*-config")
    if configs and not tree.exists("bin/python3-config"):
        tree.link("bin/python3-config", configs[-1].removeprefix("bin/"))


def relocate_scripts(tree: Tree) -> None:
    """Make scripts that name the Python of the build machine start the one of this tree, also after a move.

    Through links to them, too. A script that starts `/usr/bin/python3`, or finds its Python by itself, stays.
    """
    for name in tree.files("bin", r"[^.].*"):
        _relocate(tree, name, "")
    for folder in tree.folders("lib", r"python3\.\d+[a-z]*"):
        for config in tree.folders(folder, "config-.*|config"):
            for name in tree.files(config, r"python-config\.py"):
                _relocate(tree, name, "../../../bin/")


def _relocate(tree: Tree, name: str, to_bin: str) -> None:
    with open(tree.path(name), "rb") as file:
        if file.read(2) != b"#!":
            return  # an interpreter of many megabytes, most likely
    data = tree.read(name)
    match = _SHEBANG.match(data) or _LONG_SHEBANG.match(data)
    if not match or match["folder"] in _SYSTEM_FOLDERS:
        return
    interpreter = os.fsdecode(match["name"])
    if not tree.exists(f"bin/{interpreter}"):
        interpreter = "python3"
    flags = (match["flags"] or b"").strip()
    if not re.fullmatch(rb"[-\w =.]*", flags):
        return  # nobody's flags look like this, and sh would read them
    launcher = _LAUNCHER.replace("INTERPRETER", f"{to_bin}{interpreter}")
    launcher = launcher.replace("FLAGS", f" {flags.decode()}" if flags else "")
    tree.write(name, launcher.encode() + data[match.end() :])
