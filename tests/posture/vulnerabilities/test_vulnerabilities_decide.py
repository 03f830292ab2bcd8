"""BOD 26-04's table: all sixteen rows, the bounds of what is missing, the day the clock starts, and whose law it is."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.catalogue.load import load
from posture.model.clock import Clock, DecisionTable, DueDate
from posture.model.vulnerability import CveRecord, Detection, Exposure
from posture.vulnerabilities.decide import ERROR, dated, decision, look_up, rule, strictness
from tests.shared_data import shared

CLOCK = next(clock for clock in load().clocks if clock.id == "bod-26-04")
assert CLOCK.table is not None
TABLE: DecisionTable = CLOCK.table
LISTED = date(2026, 12, 20)
PUBLIC = Exposure(True, "measured", "tcp/443 is open from outpost in untrusted zone internet")
INSIDE = Exposure(False, "tag", "its tag says internal, and nothing speaks against it")
NOBODY = Exposure(None, "default", "no tag, and no complete look from an untrusted zone: counts as exposed")
WHOLE = CveRecord("CVE-2026-1", automatable=True, technical_impact="total", ssvc_source="CISA Vulnrichment 2026-11-20")

# kev, exposed, automatable, impact, outcome: written down apart from the YAML file
ROWS = [
    (False, False, False, "partial", "FSU", 0), (True, False, False, "partial", "14D", 1),
    (False, True, False, "partial", "60D", 2), (False, False, True, "partial", "60D", 3),
    (False, False, False, "total", "FSU", 4), (True, True, False, "partial", "14D", 5),
    (True, False, True, "partial", "14D", 6), (False, True, True, "partial", "14D", 7),
    (True, False, False, "total", "14D", 8), (False, True, False, "total", "14D", 9),
    (False, False, True, "total", "60D", 10), (True, True, True, "partial", "3D", 11),
    (True, True, False, "total", "3DF", 12), (True, False, True, "total", "3DF", 13),
    (False, True, True, "total", "3D", 14), (True, True, True, "total", "3DF", 15),
]  # fmt: skip


def seen(*moment: int, by: str = "posture") -> Detection:
    at = datetime(*moment, tzinfo=UTC)  # type: ignore[misc]
    return Detection(at, at, by)


def dates(
    record: CveRecord, exposure: Exposure, detection: Detection, clock: Clock = CLOCK, *, binding: bool = True
) -> tuple[DueDate, ...]:
    assert clock.table is not None
    return dated(rule(record, exposure, clock.table, "CISA KEV 2026.12.20"), record, detection, clock, binding=binding)


@pytest.mark.parametrize(("kev", "exposed", "automatable", "impact", "outcome", "row"), ROWS)
def test_every_row_of_the_table(
    kev: bool, exposed: bool, automatable: bool, impact: str, outcome: str, row: int
) -> None:
    record = CveRecord("CVE-2026-1", LISTED if kev else None, automatable=automatable, technical_impact=impact)
    ruling = rule(record, PUBLIC if exposed else INSIDE, TABLE, "CISA KEV 2026.12.20")
    assert (ruling.outcome, ruling.row, ruling.lenient_row, ruling.complete) == (outcome, row, row, True)
    found = dated(ruling, record, seen(2026, 12, 25), CLOCK, binding=True)
    days = {"3DF": 3, "3D": 3, "14D": 14, "60D": 60, "FSU": None}[outcome]
    start = LISTED if kev else date(2026, 12, 25)
    assert [one.due for one in found] == ([] if days is None else [start + timedelta(days=days)])
    assert decision(ruling, None).triage_required == (outcome == "3DF")
    if days is not None:
        assert found[0].legal and found[0].binding and found[0].clock_start == start and f"row {row}" in found[0].row


def test_the_table_is_the_one_that_cert_cc_publishes() -> None:
    with shared("schemas/cisa_bod_26_04_1_0_0.csv").open(encoding="utf-8", newline="") as file:
        published = list(csv.reader(file))[1:]
    words = {"fix on system upgrade": "FSU", "14 days": "14D", "60 days": "60D", "3 days": "3D",
             "3 days & forensic investigation": "3DF"}  # fmt: skip
    ours = {
        row.row: (w["in_kev"], w["publicly_exposed"], w["automatable"], w["technical_impact"], row.outcome)
        for row in TABLE.rows
        if (w := dict(row.when))
    }
    assert ours == {int(no): (kev, pe, auto, impact, words[out]) for no, kev, pe, auto, impact, out in published}


def test_the_table_has_every_combination_once_and_is_monotone() -> None:
    """More exposed, exploited, automatable or total is never more lenient; the rows are copied all the same."""
    scale = {"in_kev": ("no", "yes"), "publicly_exposed": ("no", "yes"), "automatable": ("no", "yes"),
             "technical_impact": ("partial", "total")}  # fmt: skip
    points = [dict(zip(scale, values, strict=True)) for values in product(*scale.values())]
    assert len({look_up(TABLE, point).row for point in points}) == len(TABLE.rows) == 16
    for point in points:
        for name, (low, high) in scale.items():
            if point[name] == low:
                worse = look_up(TABLE, {**point, name: high})
                assert strictness(TABLE, worse.outcome) <= strictness(TABLE, look_up(TABLE, point).outcome)


def test_kev_and_total_inside_and_not_automatable_is_fourteen_days() -> None:
    """The row that a formula got wrong elsewhere."""
    record = replace(WHOLE, kev_added=LISTED, automatable=False)
    assert rule(record, INSIDE, TABLE, "kev").outcome == "14D"


def test_unknown_exposure_counts_as_exposed_and_is_said_to_be_a_default() -> None:
    ruling = rule(WHOLE, NOBODY, TABLE, "CISA KEV 1")
    assert (ruling.outcome, ruling.row, ruling.defaulted) == ("3D", 14, ("publicly_exposed",))
    assert not ruling.complete and "exposure unknown and counted as exposed" in ruling.words
    assert ("publicly_exposed", "yes", f"default: {NOBODY.why}") in ruling.inputs
    (due, *_) = dates(WHOLE, NOBODY, seen(2026, 12, 25))
    assert due.legal  # the directive itself says so


@pytest.mark.parametrize(
    ("exposure", "strict", "lenient"), [(PUBLIC, (14, "3D"), (2, "60D")), (INSIDE, (10, "60D"), (4, "FSU"))]
)
def test_missing_ssvc_is_incomplete_with_both_bounding_rows_on_the_stricter(
    exposure: Exposure, strict: tuple[int, str], lenient: tuple[int, str]
) -> None:
    record = CveRecord("CVE-2019-1")
    ruling = rule(record, exposure, TABLE, "CISA KEV 1")
    assert (ruling.row, ruling.outcome) == strict
    assert ruling.lenient_outcome == lenient[1] and not ruling.complete
    assert ruling.words.startswith("INCOMPLETE without automatable and technical_impact, between row ")
    (due, *_) = dates(record, exposure, seen(2026, 12, 25))
    assert due.due == date(2026, 12, 25) + timedelta(days=3 if exposure is PUBLIC else 60)
    assert not due.legal  # between two rows the choice is ours


@pytest.mark.parametrize(
    ("reading", "exposure", "due"),
    [
        ("sixty-days", PUBLIC, date(2027, 2, 23)), ("sixty-days", INSIDE, date(2027, 2, 23)),
        ("published-defaults", PUBLIC, date(2027, 1, 8)), ("published-defaults", INSIDE, None),
    ],
)  # fmt: skip
def test_the_other_readings_of_the_directive_can_be_configured(
    reading: str, exposure: Exposure, due: date | None
) -> None:
    clock = replace(CLOCK, table=replace(TABLE, missing_metadata=reading))  # type: ignore[arg-type]
    record = CveRecord("CVE-2019-1")
    found = dates(record, exposure, seen(2026, 12, 25), clock)
    assert [one.due for one in found] == ([due] if due else [])
    assert all("as configured" in one.row and not one.legal for one in found)
    ruling = rule(record, exposure, clock.table or TABLE, "CISA KEV 1")
    assert ruling.outcome == rule(record, exposure, TABLE, "CISA KEV 1").outcome  # the bounds are what they were


def test_one_missing_value_is_bounded_by_that_value_alone() -> None:
    ruling = rule(replace(WHOLE, automatable=None), INSIDE, TABLE, "CISA KEV 1")
    assert (ruling.row, ruling.lenient_row, ruling.defaulted) == (10, 4, ("automatable",))


def test_kev_without_metadata_is_an_error_and_no_guess() -> None:
    record = CveRecord("CVE-2021-1", kev_added=LISTED)
    for reading in ("stricter", "sixty-days", "published-defaults"):
        table = replace(TABLE, missing_metadata=reading)  # type: ignore[arg-type]
        ruling = rule(record, INSIDE, table, "CISA KEV 1")
        assert ruling.outcome == ERROR and not ruling.complete and ruling.words.startswith("no row: in KEV without")
        (due, *_) = dates(record, INSIDE, seen(2026, 12, 25), replace(CLOCK, table=table))
        assert not due.legal and due.due == LISTED + timedelta(days=3)  # it must not sink to the end of the list


def test_without_a_kev_catalogue_nobody_knows_what_is_in_it() -> None:
    ruling = rule(WHOLE, INSIDE, TABLE, "")
    assert (ruling.row, ruling.lenient_row, ruling.defaulted) == (13, 10, ("in_kev",))
    assert ("in_kev", "unknown", "nobody") in ruling.inputs


@pytest.mark.parametrize(
    ("listed", "detected", "start", "why"),
    [
        (date(2026, 12, 20), seen(2026, 12, 25), date(2026, 12, 20), "listed in KEV before it was first seen on 2026-12-25"),
        (date(2026, 12, 20), seen(2026, 12, 10), date(2026, 12, 10), "first seen before its listing in KEV on 2026-12-20"),
        (date(2026, 12, 20), seen(2026, 12, 10, by="ACAS"), date(2026, 12, 10), "first seen by ACAS before its listing"),
        (None, seen(2026, 12, 10, by="ACAS"), date(2026, 12, 10), "first seen by ACAS"),
    ],
)  # fmt: skip
def test_the_clock_starts_on_the_earlier_of_listing_and_detection_and_says_whose(
    listed: date | None, detected: Detection, start: date, why: str
) -> None:
    (due, *rest) = dates(replace(WHOLE, kev_added=listed), PUBLIC, detected)
    assert (due.clock_start, due.due, rest) == (start, start + timedelta(days=3), [])
    assert why in due.reason and dict(due.inputs)["detected_by"] == detected.source


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        (datetime(2028, 2, 27, tzinfo=UTC), date(2028, 3, 1)),  # a leap year
        (datetime(2027, 2, 27, tzinfo=UTC), date(2027, 3, 2)),
        (datetime(2026, 12, 30, 23, 59, 59, tzinfo=UTC), date(2027, 1, 2)),  # the end of a year
        (datetime(2026, 12, 30, 22, 0, tzinfo=timezone(timedelta(hours=-5))), date(2027, 1, 3)),  # 03:00 UTC, next day
        (datetime(2027, 1, 1, 3, 0, tzinfo=timezone(timedelta(hours=9))), date(2027, 1, 3)),  # 18:00 UTC, day before
    ],
)
def test_days_are_calendar_days_in_utc(moment: datetime, due: date) -> None:
    assert dates(WHOLE, PUBLIC, Detection(moment, moment, "posture"))[0].due == due


def test_both_dates_are_kept_where_the_clock_began_before_the_table_binds() -> None:
    record = replace(WHOLE, kev_added=date(2021, 11, 3))
    first, second = dates(record, PUBLIC, seen(2026, 12, 25))
    assert (first.due, first.binding) == (date(2021, 11, 6), True)
    assert (second.due, second.binding) == (date(2026, 12, 10), False)
    assert first.binds_from == date(2026, 12, 7) and "for comparison" in second.reason
    inputs = dict(first.inputs)
    assert (inputs["kev_added"], inputs["effective"]) == ("2021-11-03", "2026-12-07")


def test_a_profile_it_does_not_bind_is_only_informed() -> None:
    assert [one.binding for one in dates(WHOLE, PUBLIC, seen(2026, 12, 25), binding=False)] == [False]


def test_triage_comes_before_the_patch_and_its_times_are_targets() -> None:
    steps = {step.id: step for step in TABLE.triage}
    assert (steps["scope"].hours, steps["preserve"].hours, steps["decide"].hours) == (2, 24, 72)
    assert steps["preserve"].before_patching and [step.hours for step in TABLE.triage] == sorted(
        step.hours for step in TABLE.triage
    )


_RECORDS = st.builds(
    CveRecord,
    cve=st.just("CVE-2026-1"),
    kev_added=st.none() | st.dates(date(2021, 11, 3), date(2028, 12, 31)),
    automatable=st.none() | st.booleans(),
    technical_impact=st.sampled_from([None, "partial", "total", "sideways"]),
    epss=st.none() | st.floats(0, 1),
    exploitation=st.sampled_from([None, "none", "poc", "active"]),
)


@settings(max_examples=60, deadline=None)
@given(_RECORDS, st.sampled_from([PUBLIC, INSIDE, NOBODY]), st.dates(date(2024, 1, 1), date(2030, 1, 1)))
def test_every_date_can_be_computed_again_and_more_knowledge_never_makes_it_earlier(
    record: CveRecord, exposure: Exposure, day: date
) -> None:
    detection = seen(day.year, day.month, day.day)
    found = dates(record, exposure, detection)
    assert found == dates(record, exposure, detection)
    for due in found:
        assert due.due == due.clock_start + timedelta(days=int(dict(due.inputs)["days"]))
        assert due.row and due.reason.endswith(".") and due.clock_version
    # Neither EPSS nor the general SSVC value is an input.
    assert found == dates(replace(record, epss=None, exploitation=None), exposure, detection)
    if found and exposure.exposed is not False:
        told = dates(record, INSIDE, detection)
        assert not told or told[0].due >= found[0].due
