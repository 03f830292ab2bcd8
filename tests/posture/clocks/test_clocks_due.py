"""Due dates: calendar days, UTC, each with its rule, inputs and reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from posture.catalogue.load import load
from posture.clocks.due import Bucket, binding_due, bucket, campaign_start, due_dates, expired_notes, rebase
from posture.errors import ConfigError
from posture.model.check import Check, Profile
from posture.model.clock import Campaign, Clock
from posture.model.finding import Finding

CATALOGUE = load()
CHECK = replace(CATALOGUE.checks["SSH-01"], deadline_days=30, deadline_class="hardening")
FCEB = CATALOGUE.baseline("fceb").profile
CAMPAIGN = Campaign(date(2026, 11, 1))


def dates(
    check: Check = CHECK,
    seen: datetime = datetime(2026, 11, 22, tzinfo=UTC),
    campaign: Campaign = CAMPAIGN,
    profile: Profile = FCEB,
) -> list[tuple[str, date, bool]]:
    return [(d.clock, d.due, d.binding) for d in due_dates(check, seen, CATALOGUE.clocks, campaign, profile)]


def one(clock: Clock, seen: datetime, *, days: int = 30) -> date:
    profile = replace(FCEB, clocks=((clock.id, "binding"),))
    (due,) = due_dates(replace(CHECK, deadline_days=days), seen, [clock], CAMPAIGN, profile)
    return due.due


DETECTED = next(clock for clock in CATALOGUE.clocks if clock.id == "check-days")


@pytest.mark.parametrize(
    ("seen", "days", "due"),
    [
        (datetime(2026, 11, 22, tzinfo=UTC), 30, date(2026, 12, 22)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), 30, date(2027, 1, 30)),
        (datetime(2027, 1, 1, tzinfo=UTC), 1, date(2027, 1, 2)),
        (datetime(2028, 1, 30, tzinfo=UTC), 30, date(2028, 2, 29)),
        (datetime(2028, 2, 28, tzinfo=UTC), 2, date(2028, 3, 1)),
        (datetime(2027, 1, 30, tzinfo=UTC), 30, date(2027, 3, 1)),
        (datetime(2028, 2, 29, tzinfo=UTC), 365, date(2029, 2, 28)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=timezone(timedelta(hours=-5))), 30, date(2026, 12, 23)),
        (datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=14))), 30, date(2026, 12, 21)),
    ],
)
def test_check_days_are_calendar_days_from_first_sight_in_utc(seen: datetime, days: int, due: date) -> None:
    assert one(DETECTED, seen, days=days) == due


@pytest.mark.parametrize(
    ("start", "due"),
    [(date(2028, 2, 1), date(2028, 3, 2)), (date(2027, 2, 1), date(2027, 3, 3)), (date(2026, 12, 2), date(2027, 1, 1))],
)
def test_the_campaign_counts_from_its_start(start: date, due: date) -> None:
    assert ("campaign-30d", due, True) in dates(campaign=Campaign(start))


def test_the_earliest_binding_date_comes_first() -> None:
    assert dates() == [("campaign-30d", date(2026, 12, 1), True), ("check-days", date(2026, 12, 22), True)]


def test_the_orders_own_date_is_history_and_makes_nothing_due() -> None:
    eo = next(clock for clock in CATALOGUE.clocks if clock.id == "eo-14409")
    assert eo.history and eo.start_date is not None and eo.days is not None
    assert eo.start_date + timedelta(days=eo.days) == date(2026, 7, 2)
    assert all(clock != "eo-14409" for clock, _, _ in dates())


def test_the_campaign_is_never_called_law() -> None:
    clocks = {clock.id: clock for clock in CATALOGUE.clocks}
    assert not clocks["campaign-30d"].legal and "not law" in clocks["campaign-30d"].note
    due = due_dates(CHECK, datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE.clocks, CAMPAIGN, FCEB)[0]
    assert not due.legal and "not law" in due.reason


def test_rebasing_needs_a_name_and_a_reason_and_keeps_the_old_date() -> None:
    moved = rebase(
        CAMPAIGN,
        date(2026, 12, 1),
        by="J. Doe, CISO",
        reason="second wave",
        recorded_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    assert campaign_start(moved) == date(2026, 12, 1) and moved.start == CAMPAIGN.start
    found = [
        d
        for d in due_dates(CHECK, datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE.clocks, moved, FCEB)
        if d.clock == "campaign-30d"
    ]
    assert [(d.due, d.binding) for d in found] == [(date(2026, 12, 31), True), (date(2026, 12, 1), False)]
    assert "J. Doe, CISO" in found[1].reason and "second wave" in found[1].reason
    for by, reason in (("", "x"), ("x", " ")):
        with pytest.raises(ConfigError):
            rebase(CAMPAIGN, date(2026, 12, 1), by=by, reason=reason, recorded_at=datetime(2026, 11, 20, tzinfo=UTC))


def test_a_directive_dates_its_own_class_only_and_binds_whom_it_binds() -> None:
    exposed = replace(CHECK, deadline_class="bod_23_02")
    assert ("bod-23-02", date(2026, 12, 6), True) in dates(exposed)
    assert all(clock != "bod-23-02" for clock, _, _ in dates())
    dow = CATALOGUE.baseline("dow").profile
    assert ("bod-23-02", date(2026, 12, 6), False) in dates(exposed, profile=dow)


def test_a_clock_counts_from_the_day_it_takes_effect_and_says_so() -> None:
    later = replace(DETECTED, effective=date(2026, 12, 1))
    profile = replace(FCEB, clocks=((later.id, "binding"),))
    (due,) = due_dates(CHECK, datetime(2026, 11, 22, tzinfo=UTC), [later], CAMPAIGN, profile)
    assert (due.due, due.clock_start) == (date(2026, 12, 31), date(2026, 12, 1))
    assert dict(due.inputs) == {"days": "30", "first_seen": "2026-11-22", "effective": "2026-12-01"}


def test_an_expired_clock_starts_nothing_new() -> None:
    gone = replace(DETECTED, expires=date(2026, 11, 21))
    assert (
        due_dates(
            CHECK, datetime(2026, 11, 22, tzinfo=UTC), [gone], CAMPAIGN, replace(FCEB, clocks=((gone.id, "binding"),))
        )
        == ()
    )


def test_every_date_can_be_computed_again_from_what_it_carries() -> None:
    for due in due_dates(
        replace(CHECK, deadline_class="bod_23_02"), datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE.clocks, CAMPAIGN, FCEB
    ):
        inputs = dict(due.inputs)
        assert due.due == due.clock_start + timedelta(days=int(inputs.get("days") or inputs["campaign_days"]))
        assert due.clock_version and due.row and due.reason.endswith(".")


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 23), Bucket.LATER), (date(2026, 11, 24), Bucket.THIS_WEEK), (date(2026, 12, 1), Bucket.THIS_WEEK), (date(2026, 12, 2), Bucket.OVERDUE),
    ],
)  # fmt: skip
def test_overdue_is_plain_and_the_day_itself_still_counts(today: date, expected: Bucket) -> None:
    seen = datetime(2026, 11, 22, tzinfo=UTC)
    finding = Finding("f", CHECK.id, "h", "", seen, seen, due=due_dates(CHECK, seen, CATALOGUE.clocks, CAMPAIGN, FCEB))
    assert bucket(finding, today) is expected


def test_overdue_when_first_seen_is_a_bucket_of_its_own() -> None:
    seen = datetime(2026, 12, 5, tzinfo=UTC)
    finding = Finding("f", CHECK.id, "h", "", seen, seen, due=due_dates(CHECK, seen, CATALOGUE.clocks, CAMPAIGN, FCEB))
    assert bucket(finding, date(2026, 12, 5)) is Bucket.OVERDUE_WHEN_SEEN
    assert bucket(replace(finding, due=()), date(2026, 12, 5)) is Bucket.UNDATED
    assert binding_due(finding) is not None


def test_an_old_edge_device_has_the_two_days_of_bod_26_02() -> None:
    edge = replace(CHECK, deadline_class="bod_26_02", deadline_days=300)
    found = due_dates(edge, datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE.clocks, CAMPAIGN, FCEB)
    days = [(one.due, one.row) for one in found if one.clock == "bod-26-02"]
    assert [day for day, _ in days] == [date(2027, 2, 5), date(2027, 8, 5)]
    assert all("reported" in row for _, row in days)
    dow = due_dates(
        edge, datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE.clocks, CAMPAIGN, CATALOGUE.baseline("dow").profile
    )
    assert {one.binding for one in dow if one.clock == "bod-26-02"} == {False}


def test_a_lapse_of_our_own_scanning_is_due_on_the_day_it_is_seen() -> None:
    lapse = replace(CHECK, deadline_class="bod_23_01", deadline_days=1)
    first = due_dates(lapse, datetime(2028, 2, 29, 23, 59, tzinfo=UTC), CATALOGUE.clocks, CAMPAIGN, FCEB)
    assert ("bod-23-01", date(2028, 2, 29)) in [(one.clock, one.due) for one in first]


def test_a_misconfiguration_never_carries_a_date_of_bod_26_04() -> None:
    seen = datetime(2026, 12, 31, tzinfo=UTC)
    for profile in map(CATALOGUE.baseline, CATALOGUE.profile_ids):
        for check in profile.checks:
            clocks = {one.clock for one in due_dates(check, seen, CATALOGUE.clocks, CAMPAIGN, profile.profile)}
            assert "bod-26-04" not in clocks  # its table asks for a CVE, which no check has
            assert clocks or check.deadline_class == "bod_26_04"


def test_a_clock_past_its_end_is_warned_of_and_one_the_profile_does_not_name_is_not() -> None:
    gone = [
        replace(clock, expires=date(2026, 11, 21)) for clock in CATALOGUE.clocks if clock.id in ("bod-23-02", "nspm-12")
    ]
    assert expired_notes(gone, FCEB, date(2026, 11, 21)) == ()
    (note,) = expired_notes(gone, FCEB, date(2026, 11, 22))
    assert note.startswith("clock bod-23-02 expired on 2026-11-21")


def test_every_shipped_clock_says_where_it_comes_from_and_as_of_when() -> None:
    for clock in CATALOGUE.clocks:
        assert clock.source and clock.authority and clock.as_of <= date(2026, 12, 31)
        # What was not read at the source is called reported.
        if clock.legal and clock.id != "eo-14409":
            assert "eported" in clock.source
