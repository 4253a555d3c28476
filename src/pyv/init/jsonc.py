"""One member of a file of settings, put in place: JSON with comments and trailing commas, as editors read it.

Nothing is parsed and written again: all but the member stays as it is, to the byte.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

# What an editor puts into a file that shows no indentation of its own
_INDENT = "    "
# Nobody's settings are nested as deep as this, and each level takes a level of this program's stack
_DEEPEST = 100
_BLANK = " \t\r\n"
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")


class UnreadableError(ValueError):
    """The text is not what it should be; the message says what is wrong, and in which line."""


class _Member(NamedTuple):
    """A member of the outer object: its name, and where name and value stand."""

    name: str
    start: int
    value: int
    end: int


class _Outer(NamedTuple):
    """The outer object: where it begins, its members, behind its last comma (or nothing), and its closing brace."""

    start: int
    members: list[_Member]
    comma: int
    close: int


def value(text: str, name: str) -> object:
    """Return what a member of the outer object says; None if there is no such string.

    Raises:
        UnreadableError: the text is no such object.
    """
    outer = _Reader(text).outer()
    found = _last(outer, name)
    return _string(text[found.value : found.end]) if found else None


def with_member(text: str, name: str, content: str) -> str:
    """Return a text with a member of the outer object set to a string, and nothing else changed.

    Args:
        text: an object; or nothing but blanks and comments, which editors take for an empty one.
        name: the member's name. If it stands there more than once, the last one counts, as for every reader.
        content: what it is to say.

    Raises:
        UnreadableError: the text is no such object.
    """
    outer = _Reader(text).outer()
    said = json.dumps(content, ensure_ascii=False)
    line_end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    member = f"{json.dumps(name)}: {said}"
    if outer is None:
        return f"{_ended(text, line_end)}{{{line_end}{_INDENT}{member}{line_end}}}{line_end}"
    found = _last(outer, name)
    if found:
        same = _string(text[found.value : found.end]) == content
        return text if same else text[: found.value] + said + text[found.end :]
    if not outer.members:
        head = text[: outer.close].rstrip(_BLANK)
        blanks = text[len(head) : outer.close]
        end = blanks if "\n" in blanks else line_end
        return f"{head}{line_end}{_indent(text, outer)}{member}{end}{text[outer.close :]}"
    last = outer.members[-1].end
    place = _end_of_line(text, max(last, outer.comma), outer.close)
    before = text[:place] if outer.comma else f"{text[:last]},{text[last:place]}"
    lines = "\n" in text[outer.start : outer.close]
    gap = f"{line_end}{_indent(text, outer)}" if lines else " "
    return f"{before}{gap}{member}{',' if outer.comma else ''}{text[place:]}"


def _last(outer: _Outer | None, name: str) -> _Member | None:
    same = [each for each in (outer.members if outer else ()) if each.name == name]
    return same[-1] if same else None


def _string(token: str) -> object:
    return json.loads(token) if token.startswith('"') else None


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and its like are JavaScript's


def _ended(text: str, line_end: str) -> str:
    return text + line_end if text and not text.endswith("\n") else text


def _indent(text: str, outer: _Outer) -> str:
    """Return what stands before the last member that begins a line; else before anything inside."""
    for each in reversed(outer.members):
        before = text[text.rfind("\n", 0, each.start) + 1 : each.start]
        if "\n" in text[outer.start : each.start] and not before.strip(" \t"):
            return before
    inside = re.search(r"\n([ \t]+)[^\s}]", text[outer.start : outer.close + 1])
    return inside[1] if inside else _INDENT


def _end_of_line(text: str, place: int, close: int) -> int:
    """Return where the line ends for what follows a member on it: comments, but no line end and no brace."""
    reader = _Reader(text)
    while place < close:
        after = reader.comment(place)
        if text.startswith("//", place):
            return after
        if after == place and text[place] not in " \t":
            break
        place = max(after, place + 1)
    # The blanks before a line end, or before the brace, stay behind what comes now
    while text[place - 1] in " \t":
        place -= 1
    return place


class _Reader:
    """Reads a text from left to right, and knows where everything stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def outer(self) -> _Outer | None:
        """Return the outer object; None if there is nothing at all."""
        self._skip()
        if self._at == len(self._text):
            return None
        if self._next() != "{":
            raise self._wrong("there is no { at its beginning")
        found = self._object(0)
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("something follows the last }")
        return found

    def comment(self, place: int) -> int:
        """Return where a comment that begins at a place ends; the place itself if none does."""
        if self._text.startswith("//", place):
            line_end = re.compile(r"[\r\n]").search(self._text, place)
            return line_end.start() if line_end else len(self._text)
        if not self._text.startswith("/*", place):
            return place
        end = self._text.find("*/", place + 2)
        if end < 0:
            self._at = place
            raise self._wrong("a comment has no end")
        return end + 2

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _wrong(self, what: str) -> UnreadableError:
        return UnreadableError(f"line {self._text.count(chr(10), 0, self._at) + 1}: {what}")

    def _skip(self) -> None:
        """Go on behind blanks and comments."""
        while self._at < len(self._text):
            if self._next() in _BLANK:
                self._at += 1
                continue
            after = self.comment(self._at)
            if after == self._at:
                return
            self._at = after

    def _object(self, depth: int) -> _Outer:
        members: list[_Member] = []
        start, comma = self._at, 0
        self._at += 1
        while True:
            self._skip()
            if self._next() == "}":
                self._at += 1
                return _Outer(start, members, comma, self._at - 1)
            if members and not comma:
                raise self._wrong("a comma is missing")
            begin, name = self._at, self._read_string()
            self._skip()
            if self._next() != ":":
                raise self._wrong("a colon is missing")
            self._at += 1
            self._skip()
            first = self._at
            self._read_value(depth + 1)
            members.append(_Member(name, begin, first, self._at))
            comma = self._comma()

    def _array(self, depth: int) -> None:
        self._at += 1
        separated = True
        while True:
            self._skip()
            if self._next() == "]":
                self._at += 1
                return
            if not separated:
                raise self._wrong("a comma is missing")
            self._read_value(depth + 1)
            separated = bool(self._comma())

    def _comma(self) -> int:
        """Go on behind a comma, if one comes; return where that is, or 0."""
        self._skip()
        if self._next() != ",":
            return 0
        self._at += 1
        return self._at

    def _read_string(self) -> str:
        found = _STRING.match(self._text, self._at)
        try:
            read = json.loads(found[0]) if found else None
        except ValueError:
            read = None
        if found is None or not isinstance(read, str):
            raise self._wrong("a word in double quotes is missing")
        self._at = found.end()
        return read

    def _read_value(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._wrong("it is nested too deep")
        first = self._next()
        if first == "{":
            self._object(depth)
        elif first == "[":
            self._array(depth)
        elif first == '"':
            self._read_string()
        else:
            word = _WORD.match(self._text, self._at)
            try:
                json.loads(word[0] if word else "", parse_constant=_no_constant)
            except ValueError:
                raise self._wrong("a value is missing") from None
            self._at += len(word[0]) if word else 0
