from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pyv.errors import VerificationError
from pyv.fixups.words import HERE, Cleaner
from tests.test_fixups_tree import CONFIG_SCRIPT, SYSCONFIG_NAME, repair, upstream_tree, write

# Where a shell, make or Python that read it as their own notation would do something else, or give up
HOSTILE = 'it\'s "$(touch OWNED)" `touch OWNED` $HOME \\ ; & # {x} %s ü'
MAKE, PKG_CONFIG = shutil.which("make"), shutil.which("pkg-config")
OLD_PLACE = re.compile(
    r"""(?:^|[\s'"=,:.]|-[IL])/install(?:$|[/\s'":,])|/tools/(?:deps|host|clang)|clang""", re.IGNORECASE
)


def variables(prefix: Path, version: str = "3.12") -> dict[str, object]:
    loaded = runpy.run_path(os.fspath(prefix / f"lib/python{version}" / SYSCONFIG_NAME))["build_time_vars"]
    assert isinstance(loaded, dict)
    return loaded


def test_nothing_of_the_build_machine_is_left_in_what_describes_the_build(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    repair(prefix)
    described = [json.dumps(variables(prefix), indent=0)]
    for name in ("Makefile", "*.pc", "python3*-config", "python-config.py"):
        described += [path.read_text() for path in prefix.rglob(name)]
    assert len(described) == 6
    assert [line for text in described for line in text.splitlines() if OLD_PLACE.search(line)] == []


def test_sysconfig_names_the_final_place_and_compilers_that_every_system_has(tmp_path: Path) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), tmp_path / "versions/3.12.7"
    repair(staged, final)
    found = variables(staged)
    assert found == {
        "AR": "ar",
        "ARFLAGS": "rcs",
        "BINDIR": f"{final}/bin",
        "BLDSHARED": "cc -pthread -shared -Wl,--exclude-libs,ALL",
        "CC": "cc -pthread",
        "CFLAGS": "-Wsign-compare -O3 -fPIC",
        "CONFIG_ARGS": f"'--prefix={final}' '' 'CC=cc' 'C=-O3' 'X=-I{final}'",
        "CPP": "cc -E",
        "CXX": "c++ -pthread",
        "EXENAME": f"{final}/bin/python3.12",
        "HAVE_FORK": 1,
        "INCLUDEPY": f"{final}/include/python3.12",
        "INSTALL": "/usr/bin/install -c",
        "LDSHARED": "cc -pthread -shared",
        "LIBDIR": f"{final}/lib",
        "LIBS": f"-ldl -L{final}/lib -Wl,-rpath,{final}/lib",
        "LLVM_PROF_FILE": 'LLVM_PROFILE_FILE=""',
        "LLVM_PROF_MERGER": "llvm-profdata merge",
        "NM": "nm",
        "PGO_PROF_USE_FLAG": "",
        "PYTHON_FOR_BUILD": "python3.12 -E",
        "TZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo",
        "WASM_STDLIB": f".{final}/lib/python3.12/os.py",
        "exec_prefix": f"{final}",
        "prefix": f"{final}",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clang", "cc"),
        ("/usr/bin/clang -pthread", "cc -pthread"),
        ("clang++-18", "c++"),
        ("musl-clang", "cc"),
        ("/tools/llvm/bin/clang -arch arm64", "cc -arch arm64"),
        ("/usr/bin/aarch64-linux-gnu-gcc -pthread", "cc -pthread"),
        ("x86_64-linux-gnu-g++-12", "c++"),
        ("gcc", "cc"),
        ("x86_64-linux-gnu-gcc-ar", "ar"),
        ("/tmp/build/tools/llvm/bin/llvm-ar", "ar"),
        ("/private/var/folders/x/T/tmp1/tools/llvm/bin/llvm-ranlib", "ranlib"),
        ("clang -bundle -isysroot /Applications/Xcode.app/MacOSX14.2.sdk -arch arm64", "cc -bundle -arch arm64"),
        ("cc -flto=thin -fprofile-instr-use=x.profclangd --target=x86_64 -rtlib=compiler-rt -O3", "cc -O3"),
        ("cc -Wthread-safety -Werror=unguarded-availability-new -mllvm -foo -flto -Wno-unused", "cc -flto -Wno-unused"),
        ("ccache clang", "ccache cc"),
        ("$(PURIFY) $(CC)", "$(PURIFY) $(CC)"),
        ("", ""),
    ],
)
def test_the_program_of_a_variable_gets_its_plain_name(before: str, after: str) -> None:
    assert Cleaner(["/install"]).clean(before, program=True) == after


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/install -c",
        "$(srcdir)/install-sh",
        "/opt/install/lib",
        "/installed/lib",
        "../install/lib",
        "-I/opt/tools/openssl/include",
        "Doc/tools/sphinx",
        "gcc -shared",
        "-fno-strict-overflow -fstack-clash-protection -flto -Wl,--gc-sections",
    ],
)
def test_what_only_looks_like_the_build_machine_stays(text: str) -> None:
    assert Cleaner(["/install"]).clean(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/install", HERE),
        ("-L/install/lib", f"-L{HERE}/lib"),
        ("-Wl,-rpath,/install/lib -L/install/lib", f"-Wl,-rpath,{HERE}/lib -L{HERE}/lib"),
        ("'--prefix=/install' \"/install\"", f"'--prefix={HERE}' \"{HERE}\""),
        ("./install/lib", f".{HERE}/lib"),
        ("/install/lib:/install/bin", f"{HERE}/lib:{HERE}/bin"),
    ],
)
def test_the_old_place_is_found_where_it_begins_a_path(before: str, after: str) -> None:
    assert Cleaner(["/install"]).clean(before) == after


def test_the_folders_of_the_system_are_no_old_place() -> None:
    assert Cleaner(["/usr", "/"]).clean("/usr/bin/install /usr/share/zoneinfo /") == (
        "/usr/bin/install /usr/share/zoneinfo /"
    )


def test_the_place_an_interpreter_was_packed_from_is_an_old_place(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    module = prefix / "lib/python3.12" / SYSCONFIG_NAME
    module.write_text(module.read_text().replace("/install", "/opt/tools/clang/my python"))
    repair(prefix)
    assert variables(prefix)["LIBDIR"] == f"{prefix}/lib"
    assert variables(prefix)["LIBS"] == f"-ldl -L{prefix}/lib -Wl,-rpath,{prefix}/lib"


def test_a_place_that_is_named_like_the_build_machine_survives_a_second_repair(tmp_path: Path) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), Path("/tools/clang/install/3.12.7")
    repair(staged, final)
    assert variables(staged)["LIBS"] == f"-ldl -L{final}/lib -Wl,-rpath,{final}/lib"
    assert repair(staged, final).changed == frozenset()


def test_a_module_that_computes_its_place_keeps_doing_so_with_another_compiler(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    module = write(
        prefix / "lib/python3.12" / SYSCONFIG_NAME,
        "# system configuration generated and used by the sysconfig module\n"
        "from pathlib import Path\n"
        "installed_base = str(Path(__file__).resolve().parent.parent.parent)\n"
        "build_time_vars = {\n"
        "    'CC': 'clang -pthread',\n"
        "    'CONFIG_ARGS': \"'--prefix=/install' 'CC=clang'\",\n"
        "    'LDSHARED': f'clang -shared -L{installed_base}/lib {{x}}',\n"
        "    'LIBDIR': f'{installed_base}/lib',\n"
        "    'prefix': f'{installed_base}',\n"
        "}\n"
        "after = 1\n",
    )
    repair(prefix, Path("/somewhere/else"))
    assert variables(prefix) == {
        "CC": "cc -pthread",
        "CONFIG_ARGS": "'--prefix=/somewhere/else' 'CC=cc'",
        "LDSHARED": f"cc -shared -L{prefix}/lib {{x}}",
        "LIBDIR": f"{prefix}/lib",
        "prefix": f"{prefix}",
    }
    assert module.read_text().startswith("# system configuration")
    assert module.read_text().endswith("}\nafter = 1\n")
    assert "'LIBDIR': f'{installed_base}/lib'," in module.read_text()


def test_a_tree_that_needs_nothing_keeps_every_file(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    write(prefix / "bin/python3.12", "", 0o755)
    write(
        prefix / "bin/pip3",
        '#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")/python3.12" "$0" "$@"\n\' \'\'\'\n',
    )
    write(prefix / "lib/python3.12/os.py", "")
    write(prefix / "lib/python3.12" / SYSCONFIG_NAME, "import os\nbuild_time_vars = dict(CC='clang')\n")
    write(prefix / "lib/python3.12/config-3.12/Makefile", "CC=\tcc\nprefix=\t/opt/install\n")
    write(prefix / "lib/pkgconfig/python-3.12.pc", "prefix=${pcfiledir}/../..\n")
    for name in ("python3", "python"):
        (prefix / "bin" / name).symlink_to("python3.12")
    assert repair(prefix, tmp_path / "final", allow_pip=True).changed == frozenset()


def test_a_description_that_is_not_python_is_refused_by_name(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / "lib/python3.12" / SYSCONFIG_NAME, "build_time_vars = {")
    with pytest.raises(VerificationError, match=SYSCONFIG_NAME):
        repair(prefix)


def test_descriptions_for_other_programs_name_the_final_place(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    details = write(
        prefix / "lib/python3.12/build-details.json", '{"base_prefix": "/install", "abi": {"flags": ["t"]}}'
    )
    both = write(
        prefix / "lib/python3.12/_sysconfig_vars__linux_.json", '{"CC": "gcc", "LIBDIR": "/install/lib", "N": 1}'
    )
    repair(prefix)
    assert json.loads(details.read_text()) == {"base_prefix": f"{prefix}", "abi": {"flags": ["t"]}}
    assert json.loads(both.read_text()) == {"CC": "cc", "LIBDIR": f"{prefix}/lib", "N": 1}


def test_a_description_that_is_not_json_is_refused_by_name(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    write(prefix / "lib/python3.12/build-details.json", "{")
    with pytest.raises(VerificationError, match="build-details"):
        repair(prefix)


def test_the_makefile_names_the_final_place_and_keeps_its_recipes(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    repair(prefix, Path("/p/3.12.7"))
    makefile = (prefix / "lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile").read_text()
    assert makefile == (
        "# Compile dtoa.c using -fno-strict-aliasing on\n"
        "CC=\t\tcc -pthread\nCXX=\t\tc++ -pthread\nLINKCC=\t\t$(PURIFY) $(CC)\nAR=\t\tar\n"
        "INSTALL=\t/usr/bin/install -c\nprefix=\t\t/p/3.12.7\nexec_prefix=\t${prefix}\n"
        "LIBS=\t\t-ldl -L/p/3.12.7/lib\nBASECFLAGS= -Wsign-compare\n"
        "install-sh:\n\t$(INSTALL) ./install-sh $(DESTDIR)$(prefix)/bin\n\tfind . -name '' -exec rm -f {} ';'\n"
    )


@pytest.mark.parametrize("place", [HOSTILE, "two\nlines", "with\ttab"])
def test_python_reads_any_final_place_as_it_is(tmp_path: Path, place: str) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), tmp_path / place / "3.12.7"
    repair(staged, final)
    assert variables(staged)["LIBDIR"] == f"{final}/lib"
    assert not list(tmp_path.rglob("OWNED"))


def test_a_place_whose_bytes_are_no_text_is_written_too(tmp_path: Path) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), Path(os.fsdecode(b"/p/\xff/3.12.7"))
    repair(staged, final)
    assert os.fsencode(str(variables(staged)["LIBDIR"])) == b"/p/\xff/3.12.7/lib"
    assert b"prefix=\t\t/p/\xff/3.12.7\n" in next(staged.rglob("Makefile")).read_bytes()


def test_flags_hold_together_where_the_final_place_has_blanks(tmp_path: Path) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), Path("/my programs/it's/3.12.7")
    repair(staged, final)
    assert shlex.split(str(variables(staged)["LIBS"])) == ["-ldl", f"-L{final}/lib", f"-Wl,-rpath,{final}/lib"]


@pytest.mark.skipif(not MAKE, reason="make is not installed")
@pytest.mark.parametrize("place", ["/p/a $(shell touch OWNED) b#c", "/p/two\n$(shell touch OWNED)"])
def test_make_runs_nothing_that_the_final_place_says(tmp_path: Path, place: str) -> None:
    staged = upstream_tree(tmp_path / "staged")
    repair(staged, Path(place))
    makefile = next(staged.rglob("Makefile"))
    makefile.write_text(makefile.read_text() + "show:\n\t@: $(info $(prefix))\n")
    done = subprocess.run(
        [MAKE or "", "-f", makefile, "show"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == place.replace("\n", " ")
    assert not list(tmp_path.rglob("OWNED"))


@pytest.mark.parametrize("place", ["3.12.7", HOSTILE])
def test_python_config_answers_from_where_it_lies_also_after_a_move(tmp_path: Path, place: str) -> None:
    staged, final = upstream_tree(tmp_path / "staged"), tmp_path / "somewhere" / place
    repair(staged, final)
    final.parent.mkdir()
    staged.rename(final)

    def ask(option: str) -> str:
        command = ["/bin/sh", os.fspath(final / "bin/python3-config"), option]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.rstrip("\n")

    assert ask("--prefix") == f"{final}"
    assert ask("--includes") == f"-I{final}/include/python3.12"
    assert ask("--cflags") == f" -I{final}/include"
    assert ask("--ldflags") == f"-L{final}/lib  -ldl -L{final}/lib"
    moved = final.rename(tmp_path / "moved")
    final = moved
    assert ask("--includes") == f"-I{moved}/include/python3.12"
    assert not list(tmp_path.rglob("OWNED"))


@pytest.mark.parametrize("place", ["/p/3.12.7", f"/p/{HOSTILE}", "/p/two\nlines; touch OWNED"])
def test_a_config_script_of_another_shape_gets_the_place_as_a_quoted_word(tmp_path: Path, place: str) -> None:
    staged = upstream_tree(tmp_path / "staged")
    script = write(
        staged / "bin/python3.12-config", '#!/bin/sh\nprefix=/install\nprintf %s "$prefix/lib" -L/install\n', 0o755
    )
    repair(staged, Path(place))
    done = subprocess.run(["/bin/sh", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{place}/lib")
    assert not list(tmp_path.rglob("OWNED"))


def test_a_config_script_for_python_keeps_its_text(tmp_path: Path) -> None:
    staged = upstream_tree(tmp_path / "staged")
    script = write(staged / "bin/python3.12-config", "#!/usr/bin/env python3\nprint('/install')\n", 0o755)
    repair(staged)
    assert script.read_text() == "#!/usr/bin/env python3\nprint('/install')\n"


@pytest.mark.skipif(not PKG_CONFIG, reason="pkg-config is not installed")
def test_pkg_config_finds_the_place_of_the_file_it_reads(tmp_path: Path) -> None:
    prefix = upstream_tree(tmp_path / "prefix")
    repair(prefix, Path("/not/here"))
    env = {"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": os.fspath(prefix / "lib/pkgconfig")}
    command = [PKG_CONFIG or "", "--variable=includedir", "python-3.12"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert os.path.realpath(done.stdout.strip()) == f"{prefix}/include"


def test_the_running_interpreter_described_as_upstreams_would_be_evaluates_to_the_final_place(tmp_path: Path) -> None:
    sysconfig.get_config_vars()
    module = next((found for key, found in sys.modules.items() if key.startswith("_sysconfigdata")), None)
    if module is None:
        pytest.skip("this Python keeps no such module")
    name, real = f"{module.__name__}.py", module.build_time_vars
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    # As written by a build for /install with clang
    text = repr({key: _as_built_upstream(value, str(real["prefix"])) for key, value in real.items()})
    staged, final = upstream_tree(tmp_path / "staged", version=version), tmp_path / "versions/x"
    (staged / f"lib/python{version}" / SYSCONFIG_NAME).unlink()
    write(staged / f"lib/python{version}" / name, f"build_time_vars = {text}\n")
    repair(staged, final)
    final.parent.mkdir()
    staged.rename(final)
    code = "import json, sysconfig; print(json.dumps(sysconfig.get_config_vars()))"
    env = {"PYTHONPATH": os.fspath(final / f"lib/python{version}"), "PATH": os.environ["PATH"]}
    # The stub of the standard library in the tree must not hide the real one
    (final / f"lib/python{version}/os.py").unlink()
    done = subprocess.run([sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["CC"].split()[0] == "cc"
    assert found["LDSHARED"].split()[0] == "cc"
    assert found["LIBDIR"].startswith(f"{final}/lib")
    assert found["INCLUDEPY"].startswith(f"{final}/include/python")
    assert {key: value for key, value in found.items() if OLD_PLACE.search(str(value))} == {}


def _as_built_upstream(value: object, prefix: str) -> object:
    return re.sub(r"\bg?cc\b", "clang", value).replace(prefix, "/install") if isinstance(value, str) else value


def test_the_samples_are_in_need_of_repair() -> None:
    assert OLD_PLACE.search(CONFIG_SCRIPT)
