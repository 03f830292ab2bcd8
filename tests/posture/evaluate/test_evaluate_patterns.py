"""Patterns are anchored, and none that could run away is accepted."""

from __future__ import annotations

import time

import pytest

from posture.errors import BaselineError
from posture.evaluate.patterns import MAX_INPUT, compile_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "^publickey,.*$", "^(no|prohibit-password)$", r"^\S+\s+\S+\s+\S+$", "^([a-z]+,)*[a-z]+$", r"^(\d{1,3}\.){3}\d{1,3}$",
        "^.*foo.*bar.*$", "^(foo|bar)*$", r"^[a|b]\|$", "^.*$", "^a?b?c?$",
    ],
)  # fmt: skip
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("publickey", "not anchored"), ("^publickey", "not anchored"), (r"^a\$", "not anchored"), ("^a|b$", "outside brackets"),
        ("^(a+)+$", "repeats a repeat"), ("^(a*)*$", "repeats a repeat"), ("^(a|ab)*$", "begin alike"), ("^(.|a)*$", "begin alike"),
        ("^.*.*.*x$", "several places"), ("^(.*){5}$", "several places"), ("^(a?){30}a{30}$", "several places"),
        (r"^(a)\1$", "refers back"), ("^(?=x).*$", "looks ahead"), ("^(?i:x)$", "flags"), ("^[$", "not compile"), ("^a^b$", "anchor inside"),
        ("^" + "a" * 600 + "$", "characters"),
    ],
)  # fmt: skip
def test_patterns_that_are_loose_or_could_run_away_are_refused(pattern: str, why: str) -> None:
    with pytest.raises(BaselineError, match=why):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["^.*a.*b$", "^([a-z]+,)*[a-z]+$", r"^\S+\s+\S+\s+x$", "^(foo|bar)*$"])
@pytest.mark.parametrize("unit", ["a", "foo", "a,", "a ", "ab"])
def test_what_is_accepted_ends_soon_on_hostile_text(pattern: str, unit: str) -> None:
    text = (unit * MAX_INPUT)[: MAX_INPUT - 1] + "!"
    began = time.process_time()
    compile_pattern(pattern).fullmatch(text)
    assert time.process_time() - began < 20  # one that runs away takes years
