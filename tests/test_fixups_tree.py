"""The staged tree, and a tree as upstream ships it, which the other tests of fix-ups repair."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pyv import fixups
from pyv.fixups.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SYSCONFIG_NAME = "_sysconfigdata__linux_x86_64-linux-gnu.py"
SYSCONFIG = r"""# system configuration generated and used by the sysconfig module
build_time_vars = {
    "AR": "/tools/clang-linux64/bin/llvm-ar",
    "ARFLAGS": "rcs",
    "BINDIR": "/install/bin",
    "BLDSHARED": "clang -pthread -shared -L/tools/deps/lib -Wl,--exclude-libs,ALL",
    "CC": "clang -pthread",
    "CFLAGS": "-Wsign-compare -O3 -fdebug-default-version=4 -fPIC -I/tools/deps/include -I/tools/deps/include/ncursesw",
    "CONFIG_ARGS": "'--prefix=/install' '--with-openssl=/tools/deps' 'CC=clang' 'C=-O3 -I/tools/deps' 'X=-I/install'",
    "CPP": "clang -E",
    "CXX": "clang++ -pthread",
    "EXENAME": "/install/bin/python3.12",
    "HAVE_FORK": 1,
    "INCLUDEPY": "/install/include/python3.12",
    "INSTALL": "/usr/bin/install -c",
    "LDSHARED": "clang -pthread -shared -L/tools/deps/lib",
    "LIBDIR": "/install/lib",
    "LIBS": "-ldl -L/install/lib -Wl,-rpath,/install/lib",
    "LLVM_PROF_FILE": "LLVM_PROFILE_FILE=\"code-%p.profclangr\"",
    "LLVM_PROF_MERGER": "/tools/clang-linux64/bin/llvm-profdata merge -output=code.profclangd *.profclangr",
    "NM": "llvm-nm",
    "PGO_PROF_USE_FLAG": "-fprofile-instr-use=code.profclangd",
    "PYTHON_FOR_BUILD": "/tools/host/bin/python3.12 -E",
    "TZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo",
    "WASM_STDLIB": "./install/lib/python3.12/os.py",
    "exec_prefix": "/install",
    "prefix": "/install"
}
"""
MAKEFILE = """\
# Compile dtoa.c using -fno-strict-aliasing on clang.
CC=\t\tclang -pthread
CXX=\t\tclang++ -pthread
LINKCC=\t\t$(PURIFY) $(CC)
AR=\t\t/tools/clang-linux64/bin/llvm-ar
INSTALL=\t/usr/bin/install -c
prefix=\t\t/install
exec_prefix=\t${prefix}
LIBS=\t\t-ldl -L/install/lib
BASECFLAGS=\t-fdebug-default-version=4 -Wsign-compare
install-sh:
\t$(INSTALL) ./install-sh $(DESTDIR)$(prefix)/bin
\tfind . -name '*.profclang?' -exec rm -f {} ';'
"""
PACKAGE_CONFIG = """\
# See: man pkg-config
prefix=/install
exec_prefix=${prefix}
libdir=${exec_prefix}/lib
includedir=${prefix}/include

Name: Python
Description: Build a C extension for Python
Version: 3.12
Libs.private: -ldl -L/install/lib
Cflags: -I${includedir}/python3.12
"""
# Shortened from what CPython's configure makes of its python-config for sh: the parts that compute and print
CONFIG_SCRIPT = """\
#!/bin/sh

installed_prefix ()
{
    RESULT=$(dirname $(cd $(dirname "$1") && pwd -P))
    if which readlink >/dev/null 2>&1 ; then
        if readlink -f "$RESULT" >/dev/null 2>&1; then
          RESULT=$(readlink -f "$RESULT")
        fi
    fi
    echo $RESULT
}

prefix_real=$(installed_prefix "$0")

prefix="/install"
exec_prefix="${prefix}"
includedir=$(echo "/install/include" | sed "s#$prefix#$prefix_real#")
libdir=$(echo "${exec_prefix}/lib" | sed "s#$prefix#$prefix_real#")
CFLAGS=$(echo "-fdebug-default-version=4 -I/tools/deps/include -I/install/include" | sed "s#$prefix#$prefix_real#")
LIBS=" -ldl -L/install/lib"
case "$1" in
    --prefix) echo "$prefix_real" ;;
    --includes) echo "-I$includedir/python3.12" ;;
    --cflags) echo "$CFLAGS" ;;
    --ldflags) echo "-L$libdir $LIBS" ;;
esac
"""
PIP = b"#!/install/bin/python3.12\n# -*- coding: utf-8 -*-\nimport sys\nprint(sys.argv)\n"


def write(path: Path, content: str | bytes, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def upstream_tree(root: Path, *, version: str = "3.12", suffix: str = "", program: str = "#!/bin/sh\n") -> Path:
    """Make a small tree in the shape of upstream's archives; `program` is the interpreter."""
    stdlib = root / f"lib/python{version}{'t' if suffix == 't' else ''}"
    write(root / f"bin/python{version}{suffix}", program, 0o755)
    write(root / f"bin/python{version}{suffix}-config", CONFIG_SCRIPT, 0o755)
    write(root / "bin/pip3", PIP, 0o755)
    write(stdlib / "os.py", "")
    write(stdlib / SYSCONFIG_NAME, SYSCONFIG)
    write(stdlib / "config-3.12-x86_64-linux-gnu/Makefile", MAKEFILE)
    write(
        stdlib / "config-3.12-x86_64-linux-gnu/python-config.py", "#!/install/bin/python3.12\nimport sysconfig\n", 0o755
    )
    write(root / "lib/pkgconfig/python-3.12.pc", PACKAGE_CONFIG)
    return root


def no_program(_name: str) -> str | None:
    return None


def no_run(args: Sequence[str]) -> int:
    raise AssertionError(f"nothing should be run, not {args}")


def repair(
    staged: Path,
    final: Path | None = None,
    *,
    implementation: str = "cpython",
    system: str = "linux",
    allow_pip: bool = False,
    find_program: Callable[[str], str | None] = no_program,
    run: Callable[[Sequence[str]], int] = no_run,
) -> fixups.Applied:
    place = final or staged
    start = fixups.for_starting(
        staged, place, implementation=implementation, system=system, find_program=find_program, run=run
    )
    build = fixups.for_building(staged, place, implementation=implementation, system=system, allow_pip=allow_pip)
    return fixups.Applied(start.changed | build.changed, start.notes + build.notes)


def test_other_names_of_a_rewritten_file_keep_their_content(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    file = write(root / "lib/a.txt", "old", 0o755)
    os.link(file, tmp_path / "other")
    Tree(root).write("lib/a.txt", b"new")
    assert file.read_text() == "new"
    assert (tmp_path / "other").read_text() == "old"
    assert stat.S_IMODE(file.stat().st_mode) == 0o755


def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", "mine", 0o600)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").symlink_to(outside)
    Tree(tmp_path / "tree").write("file", b"new")
    assert outside.read_text() == "mine"
    assert not (tmp_path / "tree/file").is_symlink()
    assert stat.S_IMODE((tmp_path / "tree/file").stat().st_mode) == 0o644


def test_folders_behind_links_are_not_entered(tmp_path: Path) -> None:
    outside = upstream_tree(tmp_path / "outside")
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    staged = upstream_tree(tmp_path / "staged")
    for name in ("lib/pkgconfig", "lib/python3.12/config-3.12-x86_64-linux-gnu"):
        (staged / name).rename(tmp_path / name.rpartition("/")[2])
        (staged / name).symlink_to(outside / name)
    (staged / "lib/python3.11").symlink_to(outside / "lib/python3.12")
    (staged / "bin/pip3").unlink()
    (staged / "bin/pip3").symlink_to(outside / "bin/pip3")
    repair(staged, tmp_path / "final")
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


def test_bytecode_of_a_rewritten_module_goes_and_that_of_others_stays(tmp_path: Path) -> None:
    cache = tmp_path / "lib/__pycache__"
    for name in ("a.cpython-312.pyc", "a.cpython-312.opt-1.pyc", "a_b.cpython-312.pyc", "b.cpython-312.pyc"):
        write(cache / name, b"x")
    tree = Tree(tmp_path)
    tree.write("lib/a.py", b"new")
    assert sorted(path.name for path in cache.iterdir()) == ["a_b.cpython-312.pyc", "b.cpython-312.pyc"]
    assert tree.changed == {
        "lib/a.py",
        "lib/__pycache__/a.cpython-312.pyc",
        "lib/__pycache__/a.cpython-312.opt-1.pyc",
    }


def test_a_file_with_the_wanted_content_is_left_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "a", "same")
    inode = file.stat().st_ino
    tree = Tree(tmp_path)
    tree.write("a", b"same")
    assert file.stat().st_ino == inode
    assert tree.changed == set()
