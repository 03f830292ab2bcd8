"""Words: every state has some, and shares never flatter."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_agency import CLOCKS

from posture.model.assessment import RunState
from posture.model.check import Effect, Risk
from posture.model.clock import Clock
from posture.model.finding import Closing, Status, WaiverState
from posture.model.observation import Blind, Origin
from reports import words


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Status, words.STATUS),
        (Risk, words.RISK),
        (Effect, words.EFFECT),
        (Closing, words.CLOSING),
        (WaiverState, words.WAIVER),
        (Origin, words.ORIGIN),
        (RunState, words.RUN_STATE),
    ],
)
def test_every_member_has_words(kind: type[Enum], table: dict[Any, str]) -> None:
    assert set(table) == set(kind)
    assert all(table.values())


@pytest.mark.parametrize("reason", list(Blind), ids=str)
def test_every_blind_spot_says_what_to_do(reason: Blind) -> None:
    assert reason in words.BLIND
    assert words.BLIND[reason].action


def test_a_reason_nobody_knows_is_unexplained_and_not_left_out() -> None:
    assert words.blind_words("made up") == words.BLIND[words.UNEXPLAINED]


def test_only_a_fix_counts_as_fixed() -> None:
    assert [closing for closing, text in words.CLOSING.items() if "not a fix" not in text] == [Closing.FIXED]


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_share_reads_100_percent_only_when_it_is_whole(part: int, whole: int) -> None:
    part = min(part, whole)
    assert (words.percent(part, whole) == "100 %") == (part == whole > 0)
    assert (words.percent(part, whole) == "0 %") == (part == 0)


@pytest.mark.parametrize("clock", [clock for clock in CLOCKS if not clock.legal], ids=lambda clock: clock.id)
def test_what_is_not_law_is_never_called_law(clock: Clock) -> None:
    assert words.clock_standing(clock, binding=True).endswith("not law")


def test_history_makes_nothing_due() -> None:
    history = next(clock for clock in CLOCKS if clock.history)
    assert words.clock_standing(history, binding=True) == "history, makes nothing due"


@pytest.mark.parametrize(("minutes", "text"), [(1, "1 minute"), (90, "90 minutes"), (120, "2 h"), (315, "5 h 15 min")])
def test_durations_are_readable(minutes: int, text: str) -> None:
    assert words.duration(minutes) == text
