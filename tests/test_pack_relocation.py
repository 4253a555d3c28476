"""What is changed in a copy so that it runs anywhere: texts, run paths, install names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyv.elf import Elf
from pyv.errors import PyvError
from pyv.pack.linking import Linking
from pyv.pack.macos import MacLinking
from pyv.pack.stage import stage
from pyv.pack.texts import Relocation
from pyv.pack.tools import Tools
from pyv.platforms import Platform
from tests.support.elf_files import NEEDED, RUNPATH, ElfFile
from tests.support.installations import installation, program, source_at

# Texts


def relocated(text: str, *prefixes: str, packed: set[str] | None = None) -> str:
    source = source_at(Path(prefixes[0]), prefixes=prefixes)
    return Relocation(source, packed or set()).apply(text.encode()).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#!/opt/py/bin/python3.12\n", "#!/install/bin/python3.12\n"),
        (" 'prefix': '/opt/py',", " 'prefix': '/install',"),
        ("-L/opt/py/lib -Wl,-rpath,/opt/py/lib", "-L/install/lib -Wl,-rpath,/install/lib"),
        ("prefix=\t\t/opt/py\n", "prefix=\t\t/install\n"),
        ("'--prefix=/opt/py' \"/opt/py/lib\"", "'--prefix=/install' \"/install/lib\""),
        ("'./opt/py/lib/python3.12/os.py'", "'./install/lib/python3.12/os.py'"),
        ("/opt/py2/lib /opt/py-debug /opt/py.old", "/opt/py2/lib /opt/py-debug /opt/py.old"),
        ("/mnt/opt/py/lib ../opt/py ${x}/opt/py", "/mnt/opt/py/lib ../opt/py ${x}/opt/py"),
    ],
)
def test_paths_below_the_prefix_begin_with_install(before: str, after: str) -> None:
    assert relocated(before, "/opt/py") == after


def test_every_spelling_of_the_prefix_counts() -> None:
    text = "/home/me/.pyenv/versions/3.12/lib /data/pyenv/versions/3.12.1/lib"
    spellings = ("/home/me/.pyenv/versions/3.12", "/data/pyenv/versions/3.12.1")
    assert relocated(text, *spellings) == "/install/lib /install/lib"


def test_in_a_prefix_of_the_system_only_paths_to_what_is_packed_are_changed() -> None:
    text = "'/usr' -I/usr/include/python3.12 '/usr/bin/install -c' '/usr/share/zoneinfo:/usr/lib/zoneinfo' '/usr/lib/'"
    packed = {"", "include", "include/python3.12", "lib"}
    assert relocated(text, "/usr", packed=packed) == (
        "'/install' -I/install/include/python3.12 '/usr/bin/install -c' "
        "'/usr/share/zoneinfo:/usr/lib/zoneinfo' '/install/lib/'"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" 'CC': 'gcc',", " 'CC': 'clang',"),
        (" 'CC': 'gcc -pthread',", " 'CC': 'clang -pthread',"),
        (" 'CXX': 'x86_64-linux-gnu-g++',", " 'CXX': 'clang++',"),
        (" 'LDSHARED': '/usr/bin/gcc-12 -shared '\n", " 'LDSHARED': 'clang -shared '\n"),
        ('  "LDCXXSHARED": "c++ -shared",', '  "LDCXXSHARED": "clang++ -shared",'),
        ("CC=\t\tgcc\nCXX=\t\tg++\n", "CC=\t\tclang\nCXX=\t\tclang++\n"),
        (" 'CC': 'icc',", " 'CC': 'icc',"),
        (" 'CCSHARED': 'gcc',", " 'CCSHARED': 'gcc',"),
        ("\t'/usr/lib/gcc/*' \\\n", "\t'/usr/lib/gcc/*' \\\n"),
    ],
)
def test_compilers_get_the_names_that_upstream_has(before: str, after: str) -> None:
    assert relocated(before, "/opt/py") == after


def test_only_descriptions_of_the_build_are_texts_to_change() -> None:
    texts = Relocation(source_at(Path("/opt/py")), set())
    assert texts.concern("bin/pip3.12")
    assert texts.concern("lib/pkgconfig/python-3.12.pc")
    assert texts.concern("lib/python3.13t/_sysconfigdata_t_linux_x86_64-linux-gnu.py")
    assert texts.concern("lib/python3.14/_sysconfig_vars__linux_x86_64-linux-gnu.json")
    assert texts.concern("lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile")
    assert not texts.concern("lib/python3.12/os.py")
    assert not texts.concern("lib/python3.12/site-packages/pip/__init__.py")


# Libraries


def linux_tree(tmp_path: Path, name: str, file: ElfFile, *, others: tuple[str, ...] = ()) -> tuple[Path, set[str]]:
    """A staged tree with one binary and some other files, and the names in it."""
    root = tmp_path / "staged"
    for each in (name, *others):
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        (root / each).write_bytes(file.build() if each == name else b"")
    packed = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    return root, packed


def run_path_after(
    tmp_path: Path, name: str, file: ElfFile, *others: str, env: dict[str, str] | None = None
) -> str | None:
    root, packed = linux_tree(tmp_path, name, file, others=others)
    Linking(source_at(Path("/opt/long/enough")), Tools(env or {})).relocate(root, name, packed)
    elf = Elf.parse((root / name).read_bytes())
    assert elf is not None
    return elf.run_path


def needing(run_path: str, *libraries: str) -> ElfFile:
    file = ElfFile(*libraries, run_path).entry(RUNPATH, run_path)
    for library in libraries:
        file.entry(NEEDED, library)
    return file


@pytest.mark.parametrize(
    ("name", "run_path"),
    [
        ("bin/python3.12", "$ORIGIN/../lib"),
        ("lib/libpython3.so", "$ORIGIN"),
        ("lib/python3.12/lib-dynload/_x.so", "$ORIGIN/../.."),
    ],
)
def test_run_paths_lead_from_the_file_to_the_packed_libraries(name: str, run_path: str, tmp_path: Path) -> None:
    file = needing("/opt/long/enough/lib", "libpython3.12.so.1.0")
    assert run_path_after(tmp_path, name, file, "lib/libpython3.12.so.1.0") == run_path


def test_a_run_path_is_relative_even_if_nothing_is_needed_of_it(tmp_path: Path) -> None:
    file = needing("/opt/long/enough/lib:/opt/long/enough/lib", "libc.so.6")
    assert run_path_after(tmp_path, "lib/python3.12/lib-dynload/_x.so", file) == "$ORIGIN/../.."


def test_folders_of_the_prefix_that_are_not_packed_leave_the_run_path(tmp_path: Path) -> None:
    file = needing("/opt/long/enough/lib:/opt/long/enough/plugins:$ORIGIN/more", "libc.so.6")
    assert run_path_after(tmp_path, "lib/libpython3.12.so.1.0", file) == "$ORIGIN"


def test_a_relative_run_path_stays(tmp_path: Path) -> None:
    file = needing("$ORIGIN/../lib", "libpython3.12.so.1.0")
    assert run_path_after(tmp_path, "bin/python3.12", file, "lib/libpython3.12.so.1.0") == "$ORIGIN/../lib"


def test_folders_outside_the_prefix_stay_only_if_something_comes_from_there(tmp_path: Path) -> None:
    used, unused = tmp_path / "used", tmp_path / "unused"
    used.mkdir()
    unused.mkdir()
    (used / "libssl.so.3").write_bytes(b"")
    file = needing(f"{unused}:{used}:/opt/long/enough/lib", "libssl.so.3", "libc.so.6", "libz.so.1")
    root, packed = linux_tree(tmp_path, "lib/_ssl.so", file)
    linking = Linking(source_at(Path("/opt/long/enough")), Tools({}))
    linking.relocate(root, "lib/_ssl.so", packed)
    elf = Elf.parse((root / "lib/_ssl.so").read_bytes())
    assert elf is not None
    assert elf.run_path == f"$ORIGIN:{used}"
    assert linking.notes() == [
        f"needs libraries from outside the system's folders: libssl.so.3 ({used})",
        "needs libraries of the system: libz.so.1",
    ]


def test_a_run_path_without_room_is_emptied_if_nothing_depends_on_it(tmp_path: Path) -> None:
    file = needing("/p/lib", "libc.so.6")
    root, packed = linux_tree(tmp_path, "lib/python3.12/_x.so", file)
    Linking(source_at(Path("/p")), Tools({})).relocate(root, "lib/python3.12/_x.so", packed)
    elf = Elf.parse((root / "lib/python3.12/_x.so").read_bytes())
    assert elf is not None
    assert elf.run_path == ""


PATCHELF = 'printf "%s\\n" "$@" > "$3.asked"'


@pytest.mark.parametrize("run_path", ["/p/lib", None], ids=["too short", "none at all"])
def test_patchelf_helps_where_there_is_no_room(run_path: str | None, tmp_path: Path) -> None:
    file = ElfFile("libpython3.12.so.1.0", run_path or "").entry(NEEDED, "libpython3.12.so.1.0")
    if run_path:
        file.entry(RUNPATH, run_path)
    root, packed = linux_tree(tmp_path, "bin/python3.12", file, others=("lib/libpython3.12.so.1.0",))
    with pytest.raises(PyvError, match=r"cannot make bin/python3\.12 find its libraries without patchelf") as raised:
        Linking(source_at(Path("/p")), Tools({"PATH": str(tmp_path)})).relocate(root, "bin/python3.12", packed)
    assert "install patchelf" in raised.value.hint
    program(tmp_path / "tools", "patchelf", PATCHELF)
    Linking(source_at(Path("/p")), Tools({"PATH": str(tmp_path / "tools")})).relocate(root, "bin/python3.12", packed)
    asked = (root / "bin/python3.12.asked").read_text().splitlines()
    assert asked == ["--set-rpath", "$ORIGIN/../lib", str(root / "bin/python3.12")]


def test_a_patchelf_that_fails_is_an_error(tmp_path: Path) -> None:
    program(tmp_path / "tools", "patchelf", "echo 'cannot grow' >&2; exit 1")
    file = ElfFile("libpython3.12.so.1.0").entry(NEEDED, "libpython3.12.so.1.0")
    with pytest.raises(PyvError, match="patchelf: cannot grow"):
        run_path_after(
            tmp_path, "bin/python3.12", file, "lib/libpython3.12.so.1.0", env={"PATH": str(tmp_path / "tools")}
        )


def test_libraries_of_the_prefix_are_packed_along_with_those_that_they_need(tmp_path: Path) -> None:
    source = installation(tmp_path / "a prefix that is long enough")
    prefix = source.prefix
    run_path = f"{prefix}/lib:{prefix}/lib/private"
    (prefix / "lib/python3.12/lib-dynload").mkdir()
    (prefix / "lib/private").mkdir()
    module = prefix / "lib/python3.12/lib-dynload/_ssl.so"
    module.write_bytes(needing(run_path, "libssl.so.3", "libc.so.6").build())
    (prefix / "lib/libssl.so.3.0.1").write_bytes(needing(run_path, "libcrypto.so.3").build())
    (prefix / "lib/libssl.so.3").symlink_to("libssl.so.3.0.1")
    (prefix / "lib/private/libcrypto.so.3").write_bytes(needing(f"{prefix}/lib", "libc.so.6").build())
    root = tmp_path / "copy"
    notes = stage(source, root, Tools({}), with_tests=False)
    assert (root / "lib/libssl.so.3").is_file()
    assert (root / "lib/private/libcrypto.so.3").is_file()
    found = {
        name: elf.run_path
        for name in ("lib/libssl.so.3", "lib/python3.12/lib-dynload/_ssl.so")
        if (elf := Elf.parse((root / name).read_bytes()))
    }
    assert found == {
        "lib/libssl.so.3": "$ORIGIN:$ORIGIN/private",
        "lib/python3.12/lib-dynload/_ssl.so": "$ORIGIN/../..:$ORIGIN/../../private",
    }
    assert not [note for note in notes if "needs libraries" in note]


# macOS, with stand-ins for Apple's tools


MACHO = bytes.fromhex("cffaedfe") + bytes(28)
OTOOL = """\
echo "$2:"
case $2 in
  *libpython3.12.dylib) echo "	/opt/py/lib/libpython3.12.dylib (compatibility version 3.12.0)" ;;
  *) echo "	/opt/py/lib/libpython3.12.dylib (compatibility version 3.12.0, current version 3.12.0)" ;;
esac
echo "	/opt/homebrew/lib/libintl.8.dylib (compatibility version 13.0.0)"
echo "	/usr/lib/libSystem.B.dylib (compatibility version 1.0.0)"
"""


def test_install_names_lead_from_the_file_to_the_packed_libraries_and_everything_is_signed(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(tools, "otool", OTOOL)
    log = tmp_path / "log"
    for name in ("install_name_tool", "codesign"):
        program(tools, name, f'echo "{name} $*" >> {log}')
    root = tmp_path / "staged"
    names = ["bin/python3.12", "lib/libpython3.12.dylib", "lib/python3.12/lib-dynload/_x.so"]
    linking = MacLinking(source_at(Path("/opt/py"), system="darwin"), Tools({"PATH": f"{tools}:/usr/bin:/bin"}))
    for name in names:
        linking.relocate(root, name, {*names, "lib"})
    linking.finish(root, names)
    library = "libpython3.12.dylib"
    change = f"install_name_tool -change /opt/py/lib/{library}"
    assert log.read_text().splitlines() == [
        f"{change} @executable_path/../lib/{library} {root}/bin/python3.12",
        f"install_name_tool -id @rpath/{library} {root}/lib/{library}",
        f"{change} @loader_path/../../{library} {root}/lib/python3.12/lib-dynload/_x.so",
        f"codesign --force --sign - {root}/{names[0]} {root}/{names[1]} {root}/{names[2]}",
    ]
    assert linking.notes() == ["needs libraries from outside the system's folders: /opt/homebrew/lib/libintl.8.dylib"]


def test_libraries_of_a_mac_prefix_are_found(tmp_path: Path) -> None:
    program(tmp_path / "tools", "otool", f'printf "%s:\\n\\t%s (x)\\n" "$2" "{tmp_path}/lib/libssl.3.dylib"')
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libssl.3.dylib").write_bytes(MACHO)
    linking = MacLinking(source_at(tmp_path, system="darwin"), Tools({"PATH": f"{tmp_path}/tools:/usr/bin:/bin"}))
    assert linking.recognises(MACHO[:4])
    assert not linking.recognises(b"\x7fELF")
    found = list(linking.libraries("lib/python3.12/lib-dynload/_ssl.so", tmp_path / "x"))
    assert found == [("lib/libssl.3.dylib", tmp_path / "lib/libssl.3.dylib")]


def test_a_mac_installation_is_staged_with_apples_tools(tmp_path: Path) -> None:
    source = installation(tmp_path / "py")._replace(platform=Platform("darwin", "aarch64", "", "none"))
    library = source.prefix / "lib/libpython3.12.dylib"
    for path in (library, source.interpreter):
        path.write_bytes(MACHO)
    tools, log = tmp_path / "tools", tmp_path / "log"
    program(tools, "otool", f'printf "%s:\\n\\t%s (x)\\n" "$2" "{library}"')
    for name in ("strip", "install_name_tool", "codesign"):
        program(tools, name, f'echo "{name} ${{1}} ... $(basename -- "$2") $(basename -- "$3") $#" >> {log}')
    stage(source, tmp_path / "copy", Tools({"PATH": f"{tools}:/usr/bin:/bin"}), with_tests=False)
    assert log.read_text().splitlines() == [
        "strip -S ... python3.12 libpython3.12.dylib 3",
        "install_name_tool -change ... libpython3.12.dylib libpython3.12.dylib 4",
        "install_name_tool -id ... libpython3.12.dylib libpython3.12.dylib 3",
        "codesign --force ... --sign - 5",
    ]


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    linking = MacLinking(source_at(tmp_path, system="darwin"), Tools({"PATH": str(tmp_path)}))
    with pytest.raises(PyvError, match="without codesign, which is not on PATH"):
        linking.finish(tmp_path, ["bin/python3.12"])
