"""Write tests/messages.txt: every error that pyv can raise, as its text stands in the code, for review in one place.

    python scripts/make_messages.py            write it
    python scripts/make_messages.py --check    change nothing; fail if it is not up to date

An error is a line with its module and class, one with its message, and one with its hint after `->`. What stands in
braces is filled in. One without a hint has a line after `#` that says why; those lines are written by hand, and kept.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent.parent
SOURCE = HERE / "src/pyv"
FILE = HERE / "tests/messages.txt"
_NO_REASON = "# ?"


class Message(NamedTuple):
    """An error as the code raises it.

    Attributes:
        where: its module and class.
        text: the message.
        hint: the hint; empty if it has none.
    """

    where: str
    text: str
    hint: str


def main(arguments: Sequence[str]) -> int:
    """Run the script and return its exit status."""
    parser = argparse.ArgumentParser(description="Write the catalogue of messages.")
    parser.add_argument("--check", action="store_true", help="only tell whether the file is what would be written")
    check = parser.parse_args(arguments).check
    present = FILE.read_text("utf-8") if FILE.exists() else ""
    text = written(list(messages(SOURCE)), reasons(present))
    if text == present:
        return 0
    if check:
        print(f"{FILE.relative_to(HERE)} is not up to date: python scripts/make_messages.py", file=sys.stderr)
        return 1
    FILE.write_text(text, "utf-8")
    missing = text.count(f"\n{_NO_REASON}\n")
    if missing:
        print(f"{missing} without a hint need a reason: write it after the #", file=sys.stderr)
    return 0


def messages(source: Path) -> Iterator[Message]:
    """Yield every error that is made in the code, in its order."""
    trees = {str(path.relative_to(source)): ast.parse(path.read_text("utf-8")) for path in sorted(source.rglob("*.py"))}
    classes = _errors(trees)
    for module, tree in trees.items():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            if isinstance(call.func, ast.Name) and call.func.id in classes and call.args:
                hint = next((word.value for word in call.keywords if word.arg == "hint"), None)
                yield Message(f"{module} {call.func.id}", _text(call.args[0]), _text(hint) if hint else "")


def _errors(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the names of PyvError and all classes that are made from it."""
    made = [node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)]
    found = {"PyvError"}
    while True:
        more = {each.name for each in made if {base.id for base in each.bases if isinstance(base, ast.Name)} & found}
        if more <= found:
            return found
        found |= more


def _text(node: ast.expr) -> str:
    """Return a text of the code as it reads; what is computed stands in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value).replace("\n", r"\n")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else f"{{{_code(part)}}}" for part in node.values)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return " | ".join(map(_text, node.values))
    if isinstance(node, ast.IfExp):
        return " | ".join(text for text in (_text(node.body), _text(node.orelse)) if text)
    return f"{{{_code(node)}}}"


def _code(node: ast.expr) -> str:
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return " ".join(ast.unparse(inner).split())


def reasons(text: str) -> dict[tuple[str, str], str]:
    """Return why messages have no hint, as a file of them says."""
    found = {}
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if len(lines) == 3 and lines[2].startswith("# "):
            found[lines[0], lines[1]] = lines[2]
    return found


def written(found: Sequence[Message], why: dict[tuple[str, str], str]) -> str:
    """Return the file: the same message twice in a module stands there once."""
    blocks = ["Every error of pyv; written by scripts/make_messages.py, but for the lines after #."]
    for each in dict.fromkeys(found):
        last = f"-> {each.hint}" if each.hint else why.get((each.where, each.text), _NO_REASON)
        blocks.append(f"{each.where}\n{each.text}\n{last}")
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
