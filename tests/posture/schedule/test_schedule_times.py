"""When a schedule is due: laws over clocks put forward and back, jitter, and where one begins to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.errors import UsageError
from posture.model.schedule import Kind, Schedule
from posture.schedule import times

NEW_YORK = ZoneInfo("America/New_York")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
CRONS = ("30 1 * * *", "30 2 * * *", "0 4 * * sun", "0 */6 * * *", "15 0,12 * * 1-5", "0 0 1 * *", "59 23 * * *")

moments = st.integers(86_400, 700 * 86_400).map(lambda seconds: BEGUN + timedelta(seconds=seconds))
near_changes = st.sampled_from([datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)]).flatmap(
    lambda change: st.integers(0, 6 * 3600).map(lambda seconds: change + timedelta(seconds=seconds))
)
spans = st.sampled_from([{"cron": cron} for cron in CRONS] + [{"every_s": 86_400}, {"every_s": 5400}])


def schedule(**changes: object) -> Schedule:
    kept = {"time_zone": "America/New_York", **changes}
    return Schedule("night", Kind.FEEDS, BEGUN, "seed", **kept)  # type: ignore[arg-type]


def on(one: Schedule, year: int, month: int, day: int) -> list[str]:
    """Return the times of one local day, as the clock on the wall shows them, with the offset."""
    found = times.due_after(one, datetime(year, month, day, tzinfo=NEW_YORK) - timedelta(microseconds=1))
    local = (due.astimezone(NEW_YORK) for due in found)
    return [f"{due:%H:%M%z}" for due in takewhile(lambda due: (due.month, due.day) == (month, day), local)]


def test_a_fixed_time_that_comes_twice_runs_the_first_time_only() -> None:
    assert on(schedule(cron="30 1 * * *"), 2026, 11, 1) == ["01:30-0400"]


def test_a_fixed_time_that_is_left_out_runs_at_the_end_of_the_gap() -> None:
    assert on(schedule(cron="30 2 * * *"), 2026, 3, 8) == ["03:00-0400"]


def test_every_half_hour_means_every_half_hour_on_both_days() -> None:
    for day in (datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 11, 1, tzinfo=NEW_YORK)):
        found = list(islice(times.due_after(schedule(cron="*/30 * * * *"), day), 12))
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=30)}


@pytest.mark.parametrize("cron", CRONS[:2])
def test_a_daily_time_comes_once_on_every_day_of_two_years(cron: str) -> None:
    found = list(takewhile(lambda due: due.year < 2028, times.due_after(schedule(cron=cron), BEGUN)))
    days = [due.astimezone(NEW_YORK).date() for due in found]
    assert len(days) == len(set(days))
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}


def test_sunday_is_nought_and_seven_as_in_crontab() -> None:
    for cron in ("0 4 * * 0", "0 4 * * 7", "0 4 * * sun"):
        assert next(times.due_after(schedule(cron=cron), BEGUN)).astimezone(NEW_YORK).strftime("%A") == "Sunday"


@settings(deadline=None, max_examples=60)
@given(spans, moments | near_changes)
def test_what_is_due_does_not_depend_on_where_one_begins_to_ask(span: dict[str, object], asked: datetime) -> None:
    one = schedule(**span)
    early = times.due_after(one, asked - timedelta(days=9))
    later = [due for due in takewhile(lambda due: due <= asked + timedelta(days=9), early) if due > asked]
    assert list(takewhile(lambda due: due <= asked + timedelta(days=9), times.due_after(one, asked))) == later


@settings(deadline=None, max_examples=60)
@given(spans, moments | near_changes)
def test_the_newest_time_is_the_last_of_those_before(span: dict[str, object], now: datetime) -> None:
    one = schedule(**span)
    earlier = list(takewhile(lambda due: due <= now, times.due_after(one, now - timedelta(days=33))))
    expected = earlier[-1] if earlier and now - timedelta(days=33) > BEGUN else times.newest_due(one, now)
    assert times.newest_due(one, now) == expected
    assert times.newest_due(one, BEGUN) is None


@given(moments, st.integers(1, 3599), st.text(max_size=8))
def test_jitter_is_bounded_and_the_same_every_time(now: datetime, jitter_s: int, seed: str) -> None:
    one = Schedule("night", Kind.FEEDS, BEGUN, seed, every_s=3600, jitter_s=jitter_s)
    due = next(times.due_after(one, now))
    assert due <= times.starts_at(one, due) <= due + timedelta(seconds=jitter_s)
    assert times.starts_at(one, due) == times.starts_at(one, due)


def test_jitter_spreads_and_another_seed_spreads_otherwise() -> None:
    dues = list(islice(times.due_after(schedule(every_s=86_400), BEGUN), 200))
    drawn = [
        [
            (
                times.starts_at(Schedule("night", Kind.FEEDS, BEGUN, seed, every_s=86_400, jitter_s=7200), due) - due
            ).seconds
            for due in dues
        ]
        for seed in ("a", "b")
    ]
    assert drawn[0] != drawn[1]
    assert min(drawn[0]) < 1000
    assert max(drawn[0]) > 6200


@given(moments, st.integers(0, 3599))
def test_no_time_begins_before_its_jitter_has_passed(now: datetime, jitter_s: int) -> None:
    one = Schedule("night", Kind.FEEDS, BEGUN, "s", every_s=3600, jitter_s=jitter_s)
    due = times.newest_due(one, now)
    assert due is not None
    assert times.starts_at(one, due) <= now
    following = due + timedelta(hours=1)
    assert times.starts_at(one, following) > now


def test_missed_times_are_counted() -> None:
    one = schedule(every_s=3600)
    assert times.missed_between(one, BEGUN, BEGUN + timedelta(hours=5)) == 4
    assert times.missed_between(one, BEGUN, BEGUN + timedelta(hours=1)) == 0
    assert times.missed_between(one, BEGUN, BEGUN + timedelta(days=400)) == 1000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cron": "0 4 31 2 *"}, "day"),
        ({"cron": "0 4 * *"}, "five fields"),
        ({"cron": "0 0 4 * * *"}, "five fields"),
        ({"cron": "61 4 * * *"}, "61"),
        ({"cron": "0 4 * * *", "time_zone": "Mars/Olympus"}, "time zone"),
        ({"cron": "0 4 * * *", "time_zone": "../../etc/passwd"}, "time zone"),
        ({"cron": "0 4 * * *", "every_s": 3600}, "say when"),
        ({}, "say when"),
        ({"every_s": 30}, "too short"),
        ({"every_s": 3600, "jitter_s": 3600}, "mix up"),
        ({"cron": "0 4,5 * * *", "jitter_s": 3700}, "mix up"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        times.check(schedule(**changes))
    assert refused.value.hint


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600)])
def test_spans_are_read(text: str, seconds: int) -> None:
    assert times.span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5h", "9999999d", "1d2h"])
def test_other_texts_are_no_spans(text: str) -> None:
    with pytest.raises(UsageError):
        times.span_s(text)
