"""Burn-down and forecast: counts that add up, a rate with its interval, and the answer of any past day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.clocks.burndown import burndown, poisson_interval
from posture.model.burndown import Life, Step

START = date(2028, 2, 20)
"""Nine days before a leap day."""


def day(n: int) -> date:
    return START + timedelta(days=n)


def life(name: str, *steps: Step) -> Life:
    return Life("PAT-03", "web1", name, steps)


def opened(n: int, due: int | None = None, clock: str = "bod-26-04") -> Step:
    return Step(day(n), "opened", () if due is None else ((clock, day(due)),))


def closed(n: int, *, fixed: bool = True) -> Step:
    return Step(day(n), "closed", fixed=fixed)


LIVES = (
    life("a", opened(0, 3), closed(5)),
    life("b", opened(0, 3), Step(day(2), "due_changed", (("bod-26-04", day(8)),)), closed(4)),
    life("c", opened(1, 20)),
    life("d", opened(1), closed(6, fixed=False)),
    life("e", opened(2, 9, "check-days"), closed(3), opened(7, 9, "check-days")),
)


def test_every_day_adds_up() -> None:
    found = burndown(LIVES, day(10))
    assert [(one.open, one.overdue) for one in found.days] == [
        (2, 0), (4, 0), (5, 0), (4, 0), (3, 1), (2, 0), (1, 0), (2, 0), (2, 0), (2, 0), (2, 1),
    ]  # fmt: skip
    assert sum(one.opened for one in found.days) == 6
    assert (sum(one.fixed for one in found.days), sum(one.gone for one in found.days)) == (3, 1)
    assert found.today.day == date(2028, 3, 1)  # over the leap day


def test_a_clock_counts_its_own_dates_only() -> None:
    found = burndown(LIVES, day(10), clock="check-days")
    assert (found.today.open, found.today.overdue, found.undated) == (1, 1, 0)
    assert burndown(LIVES, day(10), clock="campaign-30d").today.open == 0


def test_as_of_a_past_day_is_the_answer_of_that_day() -> None:
    for n in range(11):
        then = tuple(
            Life(one.check, one.host, one.subject, tuple(step for step in one.steps if step.day <= day(n)))
            for one in LIVES
        )
        assert burndown(LIVES, day(n)) == burndown(then, day(n))
    assert [one.subject for one in burndown(LIVES, day(4)).this_week] == ["a"]


def test_the_rate_counts_fixes_and_says_how_sure_it_is() -> None:
    rate = burndown(LIVES, day(10)).rate
    assert rate is not None and (rate.fixed, rate.days, rate.per_day) == (3, 10, 0.3)
    assert rate.low < rate.per_day < rate.high
    assert burndown(LIVES, day(0)).rate is None  # one look is no history


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.69), (1, 0.025, 5.57), (10, 4.80, 18.39), (100, 81.4, 121.6)]
)
def test_the_interval_is_near_the_exact_one(count: int, low: float, high: float) -> None:
    """Against Garwood's exact limits, which need a chi-squared quantile."""
    found = poisson_interval(count, 1)
    assert found[0] == pytest.approx(low, abs=0.12) and found[1] == pytest.approx(high, rel=0.02)


def test_what_is_late_at_this_rate_is_named_the_first_date_first() -> None:
    many = tuple(life(f"{n:02}", opened(5, 10 + n)) for n in range(20)) + tuple(
        life(f"x{n}", opened(0, 30), closed(5 + n)) for n in range(5)
    )
    found = burndown(many, day(10))
    assert found.rate is not None and found.rate.per_day == 0.5
    slow, middle, fast = (one.late for one in found.outlooks)
    assert slow >= middle >= fast and middle > 0
    assert [one.subject for one in found.late_first][:1] == ["00"]  # today, and half a fix a day
    nothing_closes = burndown(tuple(one for one in many if one.subject[0] != "x"), day(11))
    assert nothing_closes.outlooks[1].late == 20


_STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=8), st.integers(0, 40))
def test_open_is_what_was_opened_less_what_was_closed(histories: list[list[tuple[int, int]]], end: int) -> None:
    lives = []
    for number, gaps in enumerate(histories):
        at, steps = 0, []
        for index, (gap, due) in enumerate(gaps):
            at += gap
            steps.append(closed(at, fixed=due % 2 == 0) if index % 2 else opened(at, due))
        lives.append(life(str(number), *steps))
    found = burndown(lives, day(end), days=200)
    balance = 0
    for one in found.days:
        balance += one.opened - one.fixed - one.gone
        assert one.open == balance and 0 <= one.overdue <= one.open
