"""The targets of scripts/fuzz.py, put to random bytes, to their seeds, and to what was found with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[1] / "scripts/fuzz.py"


def _load() -> ModuleType:
    specification = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


FUZZ = _load()
# Now, for it imports other property tests, which hypothesis refuses to see defined while one is running
SEEDS = {target: FUZZ.seeds(target) for target in FUZZ.TARGETS}
FOUND = [("request", b"<\r\r0")]


@pytest.mark.parametrize("target", FUZZ.TARGETS)
def test_every_target_takes_its_seeds(target: str) -> None:
    for example in SEEDS[target]:
        FUZZ.TARGETS[target](example)


@pytest.mark.parametrize(("target", "data"), FOUND)
def test_what_was_found_once_is_found_no_more(target: str, data: bytes) -> None:
    FUZZ.TARGETS[target](data)


@pytest.mark.parametrize("target", FUZZ.TARGETS)
@settings(deadline=None, max_examples=40)
@given(data=st.binary(), place=st.floats(0, 1), cut=st.integers(0, 20))
def test_no_target_fails_on_random_damage(target: str, data: bytes, place: float, cut: int) -> None:
    for example in SEEDS[target]:
        at = int(len(example) * place)
        FUZZ.TARGETS[target](example[:at] + data + example[at + cut :])
