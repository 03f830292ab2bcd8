"""The calendar: dates first and as late as they allow, impossible dates named at once, risk per hour in between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from posture.model.plan import Calendar, Place, Work
from posture.plan.calendar import NO_GRAPH, Hours, begun_soon, make_calendar, working_days

MONDAY = date(2026, 1, 5)


class Weighted:
    """A chooser without a graph: each work removes a given risk."""

    def __init__(self, worth: dict[int, float], hours: list[float]) -> None:
        self._worth, self._hours = dict(worth), hours
        self.risk = sum(worth.values())

    def make(self, change: int) -> None:
        self.risk -= self._worth.pop(change, 0.0)

    def choose(self, allowed: Collection[int]) -> _Pick | None:
        mine = [one for one in sorted(allowed) if self._worth.get(one)]
        if not mine:
            return None
        best = max(mine, key=lambda one: self._worth[one] / self._hours[one])
        return _Pick(best, self.risk, self.risk - self._worth[best])

    def finish_line(self) -> tuple[int, ...]:
        return ()


class _Pick:
    def __init__(self, change: int, before: float, after: float) -> None:
        self.change, self.risk_before, self.risk_after, self.ways, self.ways_left = change, before, after, 1, 2


def work(id_: str, hours: float = 4.0, *, due: int | None = None, owner: str = "web", **more: object) -> Work:
    day = MONDAY + timedelta(days=due) if due is not None else None
    return replace(Work(id_, f"mend {id_}", owner, ("h1",), hours, due=day), **more)


def planned(works: list[Work], worth: dict[int, float] | None = None, **more: object) -> Calendar:
    chooser = Weighted(worth, [one.hours for one in works]) if worth is not None else None
    return make_calendar(works, Hours(4.0), as_of=MONDAY, chooser=chooser, **more)


def ids(calendar: Calendar) -> list[str]:
    return [one.work.id for one in calendar.appointments]


def test_what_removes_most_goes_before_a_date_that_leaves_room() -> None:
    found = planned([work("dated", due=4), work("small"), work("large")], {1: 0.1, 2: 0.4})
    assert ids(found) == ["large", "small", "dated"]
    assert [one.place for one in found.appointments] == [Place.RISK, Place.RISK, Place.DUE]


def test_a_date_without_room_comes_first() -> None:
    found = planned([work("large"), work("dated", due=0)], {0: 0.9})
    assert ids(found) == ["dated", "large"]
    assert not found.late


def test_a_calendar_that_cannot_hold_says_so_on_the_first_day_by_name() -> None:
    found = planned([work("a", due=0), work("b", due=0), work("c", due=9)])
    (late,) = found.late
    assert (late.work, late.owner, late.due, late.earliest) == ("b", "web", MONDAY, MONDAY + timedelta(days=1))
    assert "mend b is due on 2026-01-05" in late.sentence and "web" in late.sentence


def test_what_is_overdue_is_late_by_its_name_and_done_first() -> None:
    found = planned([work("new", due=20), work("old", due=-3)])
    assert [one.work for one in found.late] == ["old"] and "was already due" in found.late[0].sentence
    assert ids(found)[0] == "old"


def test_of_dates_that_are_missed_already_the_one_that_removes_most_comes_first() -> None:
    found = planned([work("a", due=-3), work("b", due=-2)], {0: 0.1, 1: 0.5})
    assert ids(found) == ["b", "a"]


def test_owners_work_side_by_side_and_only_on_their_own() -> None:
    found = planned([work("a", owner="web"), work("b", owner="db")])
    assert {one.starts for one in found.appointments} == {MONDAY}


def test_windows_lead_times_and_predecessors_are_kept() -> None:
    found = planned([
        work("thursday", weekdays=(3,)), work("ordered", lead_days=7, owner="db"),
        work("second", after=("first",), owner="net"), work("first", owner="net"),
    ])  # fmt: skip
    starts = {one.work.id: one.starts for one in found.appointments}
    assert starts["thursday"].weekday() == 3 and starts["ordered"] == MONDAY + timedelta(days=7)
    assert starts["first"] < starts["second"] or ids(found).index("first") < ids(found).index("second")


def test_nobody_works_on_a_weekend_and_what_does_not_fit_is_listed() -> None:
    found = planned([work(f"w{n:02}") for n in range(40)])
    assert all(one.starts.weekday() < 5 for one in found.appointments)
    assert len(found.appointments) == len(working_days(MONDAY, 30)) and len(found.left_over) == 40 - len(
        found.appointments
    )


def test_the_next_three_working_days_stay_when_the_risk_changes() -> None:
    works = [work(name) for name in "abcdef"]
    last = planned(works, dict(enumerate((0.6, 0.5, 0.4, 0.3, 0.2, 0.1))))
    tuesday = MONDAY + timedelta(days=1)
    kept = begun_soon(last, tuesday)
    assert kept == ("b", "c", "d")
    turned = Weighted(dict(enumerate((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))), [4.0] * 6)
    again = make_calendar(works[1:], Hours(4.0), as_of=tuesday, chooser=turned, kept=kept)
    assert ids(again)[:3] == ["b", "c", "d"]
    assert [one.place for one in again.appointments[:3]] == [Place.KEPT] * 3


def test_without_a_graph_the_order_is_the_given_one_and_it_says_so() -> None:
    found = planned([work("a"), work("b", due=25), work("c")])
    assert found.note == NO_GRAPH and found.risk_now is None
    assert ids(found) == ["b", "a", "c"]


@given(st.lists(st.tuples(st.sampled_from(("web", "db")), st.sampled_from((1.0, 2.5, 7.0)),
                          st.none() | st.integers(-5, 40)), max_size=14))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_work_is_in_the_calendar_or_left_over_and_no_owner_is_overbooked(
    drawn: list[tuple[str, float, int | None]],
) -> None:
    works = [work(f"w{n}", hours, due=due, owner=owner) for n, (owner, hours, due) in enumerate(drawn)]
    found = planned(works, {n: 0.1 * n for n in range(len(works))})
    assert sorted([*ids(found), *found.left_over]) == sorted(one.id for one in works)
    for owner in ("web", "db"):
        spent = sum(one.work.hours for one in found.appointments if one.work.owner == owner)
        assert spent <= 4.0 * len(working_days(MONDAY, 30)) + 1e-6
    in_time = {one.work.id for one in found.appointments if one.work.due is None or one.ends <= one.work.due}
    late = {one.work for one in found.late}
    assert {one.work.id for one in found.appointments} <= in_time | late | {w.id for w in works if w.due and late}
