"""One table of what must be selected, which drives both selectors: the dispatcher's and Python's.

The store has 3.10.4, 3.11.8, 3.12.1, 3.12.7 and 3.13.1, a free-threaded 3.13.1t, PyPy, `3.12-dev`, which is no version
but a name, `python-3.12-own`, a named environment `tools` on 3.12, and the short-name links. `old` is a command that
only 3.11.8 has, `oldest` only 3.10.4, `mine` the project's environment, `everyone` is on the rest of PATH too,
`outside` and `pip-compile` are only there.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """One question: what a command means somewhere.

    Attributes:
        name: what it shows.
        pin: the content of the project's .python-version; None for none.
        expect: the version whose program it is; `PATH`, `venv`, or an error's exit status with a part of its text.
        command: the command.
        env: variables.
        below: the folder below the project's where it is asked.
        venv: what the project has, by folder name: `known 3.12`, `unknown 3.12`, `known 3.12.7 pip -lost`.
        globally: the content of the global pin.
        parent: the content of a .python-version in the folder above the project.
    """

    name: str
    pin: bytes | None
    expect: str | tuple[int, str]
    command: str = "python"
    env: dict[str, str] = {}  # noqa: RUF012 - never changed
    below: str = ""
    venv: dict[str, str] = {}  # noqa: RUF012 - never changed
    globally: bytes | None = None
    parent: bytes | None = None


_BAD = (127, ".python-version, line 1")
_MISSING = (127, "is not installed, pinned by")
GRAMMAR = (
    # Where pyenv and uv read one file in two ways
    Case("CRLF", b"3.12\r\n", "3.12.7"),
    Case("a comment line first", b"# ours\n3.12\n", "3.12.7"),
    Case("two lines: the first has it", b"3.12\n3.11\n", "3.12.7"),
    Case("two lines: the second has it", b"3.12\n3.11\n", "3.11.8", command="old"),
    Case("colons", b"3.12:3.11\n", "3.12.7"),
    Case("colons: the second has it", b"3.12:3.11\n", "3.11.8", command="old"),
    Case("blanks", b"3.12 3.11\n", "3.12.7"),
    Case("blanks: the second has it", b"3.12 3.11\n", "3.11.8", command="old"),
    Case("spaces around", b"   3.12   \n", "3.12.7"),
    Case("a byte order mark", b"\xef\xbb\xbf3.12\n", "3.12.7"),
    Case("python-3.12", b"python-3.12\n", "3.12.7"),
    Case("a comment after it", b"3.12 # note\n", "3.12.7"),
    Case("a range", b">=3.12,<3.13\n", "3.12.7"),
    Case("an open range", b">=3.12\n", "3.13.1"),
    Case("cpython@3.12", b"cpython@3.12\n", "3.12.7"),
    Case("cpython-3.12", b"cpython-3.12\n", "3.12.7"),
    Case("a name that is no version", b"myenv\n", (127, "myenv is not installed")),
    Case("a path upward", b"../../etc\n", _BAD),
    Case("a script of the project", b"./py\n", _BAD),
    Case("an empty file", b"", (127, "names no version")),
    # The spellings
    Case("a major version", b"3\n", "3.13.1"),
    Case("a minor version", b"3.11\n", "3.11.8"),
    Case("an exact version", b"3.12.1\n", "3.12.1"),
    Case("no newline at the end", b"3.12.1", "3.12.1"),
    Case("free-threaded", b"3.13t\n", "3.13.1t"),
    Case("exactly free-threaded", b"3.13.1t\n", "3.13.1t"),
    Case("python3.12", b"python3.12\n", "3.12.7"),
    Case("python3.12.1", b"python3.12.1\n", "3.12.1"),
    Case("python-3.10.9, which is not there", b"python-3.10.9\n", _MISSING),
    Case("cpython-3.11 and a path", b"cpython-3.11:/x\n", _BAD),
    Case("cp312", b"cp312\n", "3.12.7"),
    Case("312", b"312\n", "3.12.7"),
    Case("a compatible release", b"~=3.12.1\n", "3.12.7"),
    Case("an exact range", b"==3.12.1\n", "3.12.1"),
    Case("a range with blanks", b">= 3.11, < 3.12\n", "3.11.8"),
    Case("pypy3.10", b"pypy3.10\n", "pypy3.10-7.3.17"),
    Case("pypy", b"pypy\n", "pypy3.10-7.3.17"),
    Case("pypy@3.10", b"pypy@3.10\n", "pypy3.10-7.3.17"),
    Case("an exact PyPy", b"pypy3.10-7.3.17\n", "pypy3.10-7.3.17"),
    Case("a named environment", b"tools\n", "tools"),
    Case("a named environment, as pyenv-virtualenv spells it", b"3.12.7/envs/tools\n", "tools"),
    # Names that are no versions, in the way that pyenv finds them
    Case("a name of pyenv's", b"3.12-dev\n", "3.12-dev"),
    Case("python- before a name", b"python-3.12-dev\n", "3.12-dev"),
    Case("cpython- before a name", b"cpython-3.12-dev\n", "3.12-dev"),
    Case("python before a name", b"python3.12-dev\n", "3.12-dev"),
    Case("a prefix that belongs to the name", b"python-3.12-own\n", "python-3.12-own"),
    Case("a prefix before a name that is not there", b"python-3.11-dev\n", _MISSING),
    Case("cpython without its dash before a name", b"cpython3.12-dev\n", _MISSING),
    Case("a prefix twice", b"python-python-3.12-dev\n", _MISSING),
    Case("a prefix before a name that is no number", b"python-tools\n", _MISSING),
    Case("a prefix before a path", b"python-3.12-dev/../3.11\n", _BAD),
    Case("a prefix before a climb", b"python-3..12-dev\n", _BAD),
    Case("system", b"system\n", "PATH", command="everyone"),
    Case("Python is the system's", b"system\n", "PATH"),
    Case("upper case is another name", b"SYSTEM\n", _MISSING),
    # Blanks and comments
    Case("tabs", b"\t3.12\t3.11\t\n", "3.12.7"),
    Case("a tab between: the second has it", b"3.12\t3.11\n", "3.11.8", command="old"),
    Case("blank lines", b"\n\n3.12\n\n", "3.12.7"),
    Case("blank lines with CR", b"\r\n\r\n3.12\r\n", "3.12.7"),
    Case("a comment right after it", b"3.12#note\n", "3.12.7"),
    Case("a comment with odd characters", b"3.12 # $(touch x) `y` ../..\n", "3.12.7"),
    Case("only comments", b"# 3.12\n", (127, "names no version")),
    Case("only blanks", b" \t \n\n", (127, "names no version")),
    Case("only colons", b":::\n", (127, "names no version")),
    Case("one colon, of another command", b":\n", (127, "names no version"), command="everyone"),
    Case("only a tab", b"\t", (127, "names no version"), command="everyone"),
    Case("a comment that is no text", b"3.12 # caf\xe9\n", (127, "is not UTF-8")),
    Case("a comment in another language", "3.12 # café\n".encode(), "3.12.7"),
    Case("a very long comment", b"#" * 70000 + b"\n3.12\n", (127, "too large")),
    Case("colons around", b":3.12:\n", "3.12.7"),
    Case("many of one", b"3.12 3.12 3.12\n", "3.12.7"),
    Case("comments between", b"3.12\n# and\n3.11 # too\n", "3.11.8", command="old"),
    Case("a NUL is not there, as for every sh", b"3.1\x002\n", "3.12.7"),
    # What cannot be read as a version, and would be a path, a program, or another version
    Case("a slash", b"3.12/bin\n", _BAD),
    Case("an absolute path", b"/usr/bin/python3\n", _BAD),
    Case("dots", b"..\n", _BAD),
    Case("one dot", b".\n", _BAD),
    Case("dots within", b"3..12\n", _BAD),
    Case("a dot first", b".hidden\n", _BAD),
    Case("a dash first", b"-3.12\n", _BAD),
    Case("a version that climbs", b"3.12.7/../../x\n", _BAD),
    Case("a glob", b"3.*\n", _BAD),
    Case("a question mark", b"3.1?\n", _BAD),
    Case("a bracket", b"3.1[12]\n", _BAD),
    Case("a tilde", b"~root\n", _BAD),
    Case("a variable", b"$HOME\n", _BAD),
    Case("a command", b"$(touch planted)\n", _BAD),
    Case("backquotes", b"`touch planted`\n", _BAD),
    Case("a semicolon", b"3.12;touch planted\n", _BAD),
    Case("a backslash", b"3.12\\\n", _BAD),
    Case("quotes", b'"3.12"\n', _BAD),
    Case("a control character", b"3.12\x01\n", _BAD),
    Case("an escape sequence", b"\x1b[31m3.12\n", _BAD),
    Case("latin-1", b"3.12 \xe9\n", (127, "is not UTF-8")),
    Case("UTF-16", "3.12\n".encode("utf-16"), (127, "is not UTF-8")),
    Case("a no-break space within", "3.12\u00a03.11\n".encode(), _BAD),
    Case("digits of another script", "٣.١٢\n".encode(), (127, ".python-version")),
    Case("one bad word among good ones", b"3.12 ./x\n", _BAD),
    Case("a bad word on line 2", b"3.12\n./x\n", (127, ".python-version, line 2")),
    Case("half a range", b">=\n", _BAD),
    Case("a very long name", b"a" * 300 + b"\n", _BAD),
    # What is not installed
    Case("a patch that is not installed", b"3.12.9\n", (127, "installed: 3.12.1, 3.12.7")),
    Case("a minor that is not installed", b"3.9\n", (127, "pyv install 3.9")),
    Case("the second is not installed", b"3.12 3.9\n", _MISSING),
    Case("the first is not installed", b"3.9 3.12\n", _MISSING),
    Case("system before one that is not installed", b"system 3.9\n", _MISSING),
    Case("a debug build", b"3.12d\n", _MISSING),
    Case("a range that nothing meets", b">=4\n", _MISSING),
    Case("a pre-release", b"3.14.0rc2\n", _MISSING),
    Case("system, which lacks it", b"system\n", (127, "no such command"), command="old"),
)
PLACES = (
    Case("nothing is pinned", None, "PATH"),
    Case("below the pin", b"3.12\n", "3.12.7", below="a/b/c"),
    Case("the nearest pin", b"3.12\n", "3.12.7", parent=b"3.11\n"),
    Case("the pin of the folder above", None, "3.11.8", parent=b"3.11\n"),
    Case("the global pin", None, "3.10.4", globally=b"3.10\n"),
    Case("a file goes before the global pin", b"3.12\n", "3.12.7", globally=b"3.10\n"),
    Case("an empty global pin", None, (127, "names no version"), globally=b""),
    Case("a bad global pin", None, (127, "version, line 1"), globally=b"../x\n"),
    Case("the global pin is system", None, "PATH", globally=b"system\n"),
    Case("the variable goes before the file", b"3.12\n", "3.11.8", env={"PYV_VERSION": "3.11"}),
    Case("the variable with two", b"3.12\n", "3.11.8", env={"PYV_VERSION": "3.13:3.11"}, command="old"),
    Case("the variable with a range", b"3.12\n", "3.11.8", env={"PYV_VERSION": "<3.12,>=3.11"}),
    Case("a variable with nothing in it", b"3.12\n", (127, "names no version"), env={"PYV_VERSION": ":"}),
    Case("a global pin with nothing in it", None, (127, "names no version"), globally=b":\n", command="everyone"),
    Case("an empty variable is none", b"3.12\n", "3.12.7", env={"PYV_VERSION": ""}),
    Case("a bad variable", b"3.12\n", (127, "PYV_VERSION"), env={"PYV_VERSION": "./py"}),
    Case("the variable is not installed", b"3.12\n", (127, "PYV_VERSION"), env={"PYV_VERSION": "3.9"}),
    Case("the variable is system", b"3.12\n", "PATH", env={"PYV_VERSION": "system"}),
    # Commands that the selection lacks
    Case("pythonX.Y of another version", b"3.12\n", "3.11.8", command="python3.11"),
    Case("pythonX.Y of its own", b"3.12\n", "3.12.7", command="python3.12"),
    Case("pythonX.Y beside an older patch", b"3.12.1\n", "3.12.1", command="python3.12"),
    Case("pythonX.Yt", b"3.12\n", "3.13.1t", command="python3.13t"),
    Case("pythonX.Y that is not installed", b"3.12\n", (127, "no such command"), command="python3.9"),
    Case("pipX.Y of another version", b"3.12\n", "3.11.8", command="pip3.11"),
    Case("pydocX.Y never leaves a selection", b"3.12\n", (127, "these have it: 3.11.8"), command="pydoc3.11"),
    Case("python2 never leaves a selection", b"3.12\n", (127, "no such command"), command="python2"),
    Case("another command goes to PATH", b"3.12\n", "PATH", command="everyone"),
    Case("a command that only PATH has", b"3.12\n", "PATH", command="outside"),
    Case("a command that only begins like pip", b"3.12\n", "PATH", command="pip-compile"),
    Case("a command that another version has", b"3.12\n", (127, "these have it: 3.10.4"), command="oldest"),
    Case("system knows no pythonX.Y of the store", b"system\n", (127, "no such command"), command="python3.11"),
    # Nothing pinned
    Case("nothing pinned: pythonX.Y is the store's", None, "3.11.8", command="python3.11"),
    Case("nothing pinned: pipX.Y is the store's", None, "3.11.8", command="pip3.11"),
    Case("nothing pinned: PATH goes first", None, "PATH", command="everyone"),
    Case("nothing pinned: what PATH lacks, the newest has", None, "3.13.1", command="newest"),
    Case("nothing pinned: what the newest lacks, the newest that has it", None, "3.11.8", command="old"),
    Case("nothing pinned and nowhere", None, (127, "no such command"), command="python3.9"),
    # Environments
    Case("the project's environment", None, "venv", venv={".venv": "known 3.12"}),
    Case("below it", None, "venv", venv={".venv": "known 3.12"}, below="a/b"),
    Case("its own command", None, "venv", venv={".venv": "known 3.12"}, command="mine"),
    Case("called venv", None, "venv", venv={"venv": "known 3.12"}, command="mine"),
    Case("called env", None, "venv", venv={"env": "known 3.12"}, command="mine"),
    Case("the first that is known", None, "venv", venv={".venv": "unknown 3.11", "venv": "known 3.12"}, command="mine"),
    Case("one that is not known", None, "PATH", venv={".venv": "unknown 3.12"}),
    Case("one that is not known, beside a pin", b"3.11\n", "3.11.8", venv={".venv": "unknown 3.12"}),
    Case("an environment goes before a pin above", None, "venv", venv={".venv": "known 3.12"}, parent=b"3.11\n"),
    Case("the variable goes before it", None, "3.11.8", venv={".venv": "known 3.12"}, env={"PYV_VERSION": "3.11"}),
    Case("with its pin", b"3.12\n", "venv", venv={".venv": "known 3.12"}),
    Case("with its exact pin", b"3.12.7\n", "venv", venv={".venv": "known 3.12"}),
    Case("on an older patch than the pin's newest", b"3.12\n", "venv", venv={".venv": "known 3.12.1"}),
    Case("with a range", b">=3.12\n", "venv", venv={".venv": "known 3.12"}),
    Case("with one of two pins", b"3.11 3.12\n", "venv", venv={".venv": "known 3.12"}),
    Case("with one of two pins of versions", b"3.11.8:3.12 # both\n", "venv", venv={".venv": "known 3.12"}),
    Case("with none of two pins", b"3.11 3.10\n", (127, "asks for 3.11 or 3.10"), venv={".venv": "known 3.12"}),
    Case("with a good pin and a bad one", b"3.12 ./x\n", _BAD, venv={".venv": "known 3.12"}),
    Case("with python-3.12", b"python-3.12\n", "venv", venv={".venv": "known 3.12"}),
    Case("with a prefixed name", b"python-3.12-dev\n", "venv", venv={".venv": "known 3.12-dev"}),
    Case("with a prefixed name of another", b"python-3.12-dev\n", (127, "asks for"), venv={".venv": "known 3.12"}),
    Case("with another pin", b"3.11\n", (127, "to rebuild it: pyv venv"), venv={".venv": "known 3.12"}),
    Case("with another exact pin", b"3.12.1\n", (127, "asks for 3.12.1"), venv={".venv": "known 3.12"}),
    Case("with a pin that is system", b"system\n", (127, "asks for system"), venv={".venv": "known 3.12"}),
    Case("with a bad pin", b"./x\n", _BAD, venv={".venv": "known 3.12"}),
    Case("with a pin that has nothing in it", b":\n", (127, "names no version"), venv={".venv": "known 3.12"}),
    Case("with an empty pin", b"", (127, "names no version"), venv={".venv": "known 3.12"}),
    Case("what it lacks its interpreter has", None, "3.12.7", venv={".venv": "known 3.12"}, command="pydoc3.12"),
    Case("but not its Python", None, (127, "--repair"), venv={".venv": "known 3.12 -python3"}, command="python3"),
    Case("but not pip", None, (127, "pyv venv --repair"), venv={".venv": "known 3.12"}, command="pip"),
    Case("nor pipX.Y", None, (127, "pyv venv --repair"), venv={".venv": "known 3.12 python3.12"}, command="pip3.12"),
    Case("its own pip", None, "venv", venv={".venv": "known 3.12 pip"}, command="pip"),
    Case("pythonX.Y of another version, in it", None, "3.11.8", venv={".venv": "known 3.12"}, command="python3.11"),
    Case("what both lack is on PATH", None, "PATH", venv={".venv": "known 3.12"}, command="outside"),
    Case("what both lack and only begins like pip", None, "PATH", venv={".venv": "known 3.12"}, command="pip-compile"),
    Case("with a pin that names another one", b"tools\n", (127, "rm -r "), venv={".venv": "known 3.12"}),
    Case("with a pin of another one, too", b"tools 3.12\n", "venv", venv={".venv": "known 3.12"}),
    Case("what both lack, of a Python", None, (127, "no such"), venv={".venv": "known 3.12"}, command="python2"),
    Case("a pin below an environment", None, "venv", venv={".venv": "known 3.12"}, below="sub", command="mine"),
    Case("a named environment's own", b"tools\n", "tools", command="tool"),
    Case("what a named environment lacks", b"tools\n", "3.12.7", command="pydoc3.12"),
    Case("a named environment without pip", b"tools\n", (127, "no such command"), command="pip"),
)
CASES = GRAMMAR + PLACES
