"""Every error of pyv, in one catalogue: tests/messages.txt, which scripts/make_messages.py writes from the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyv.errors import shell_word
from tests.support.command import pyv

PROJECT = Path(__file__).parent.parent
BLOCKS = (PROJECT / "tests/messages.txt").read_text("utf-8").rstrip("\n").split("\n\n")[1:]
ENTRIES = [tuple(block.split("\n")) for block in BLOCKS]
# What is computed is judged where it is made
FIXED = [(where, text, last) for where, text, last in ENTRIES if not text.startswith("{error.")]
# A path that stands bare in what is to be typed would be several words with a blank in it
_BARE_PATH = re.compile(
    r"(?:pyv|ls|head|python)[^{]*\{(?:self\._)?(?:target|venv|path|prefix|parent|base|given|folder)\}"
)


def test_the_catalogue_is_what_the_code_says() -> None:
    script = PROJECT / "scripts/make_messages.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_message_says_what_to_do_or_the_catalogue_says_why_it_does_not() -> None:
    assert [entry for entry in ENTRIES if len(entry) != 3 or not re.match(r"-> \S|# \w.{10}", entry[2])] == []


def test_every_message_names_a_thing_in_one_line_without_a_full_stop() -> None:
    # Where nothing is filled in, it is about the command line, or about what is here and now
    plain = re.compile(r"--?\w|\bpyv\b|PATH|system|environment|version|shell|folder|archive|mirror|catalogue")
    assert [text for _, text, _ in FIXED if "{" not in text and not plain.search(text)] == []
    assert [text for _, text, _ in ENTRIES if text.endswith((".", "!")) or r"\n" in text] == []
    assert [text for _, text, _ in FIXED if re.match(r"[A-Z]", text) and not text.startswith("Python ")] == []


def test_hints_quote_the_paths_that_are_to_be_typed() -> None:
    assert [last for _, _, last in ENTRIES if last.startswith("->") and _BARE_PATH.search(last)] == []


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/a/b-1.2", "/a/b-1.2"),
        ("/a b", "'/a b'"),
        ("it's", r"'it'\''s'"),
        ("$x", "'$x'"),
        ("", "''"),
        ("~/a", "'~/a'"),
    ],
)
def test_a_path_becomes_one_word_of_a_shell(path: str, word: str) -> None:
    assert shell_word(path) == word
    done = subprocess.run(["sh", "-c", f"printf %s {word}"], capture_output=True, text=True, check=True)
    assert done.stdout == path


def test_what_a_hint_says_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "my project's"
    (folder / ".venv").mkdir(parents=True)
    (folder / ".venv/notes").touch()
    result = pyv("venv", folder / ".venv", PYV_OFFLINE="1")
    assert result.status == 2
    _, _, command = result.err.splitlines()[1].partition("to replace it: ")
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True).stdout
    assert words.splitlines() == ["pyv", "venv", "--clear", str(folder / ".venv")]
