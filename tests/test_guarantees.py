"""The page of promises: each one names a test, and each test that is named exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/guarantees.md"
PROMISES = [line for line in PAGE.read_text().splitlines() if line.startswith("- ")]
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[2:60])
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    named = NAMED.findall(promise)
    assert named, "no test is named"
    for file, test in named:
        functions = ast.walk(ast.parse((TESTS / file).read_text()))
        assert test in [each.name for each in functions if isinstance(each, ast.FunctionDef)], f"{file} has no {test}"


def test_there_are_promises_about_every_part() -> None:
    assert len(PROMISES) >= 40
