"""Findings open, stay, close with a reason and come back under the same id."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from evaluating import NOW, make_check
from hypothesis import given, settings
from hypothesis import strategies as st

from posture.evaluate.lifecycle import finding_id, update_findings
from posture.model.check import Assertion, Check
from posture.model.clock import DueDate
from posture.model.finding import Closing, Finding, Result, Status, Verdict

CHECK = make_check(Assertion("x", "t.x", "eq", "1"))
DAY = timedelta(days=1)


def due(check: Check, host: str, subject: str, first_seen: datetime) -> tuple[DueDate, ...]:
    start = first_seen.date()
    return (DueDate(start + timedelta(days=check.deadline_days), "c", "1", "row", (), start, True, False, "because"),)


def result(status: Status, *subjects: str, complete: bool = True, host: str = "h1", waiver: str = "") -> Result:
    return Result(host, CHECK.id, 1, Verdict(status, "", (), ("t",), subjects, complete), (), waiver)


def run(
    previous: tuple[Finding, ...],
    *results: Result,
    day: int = 0,
    check: Check = CHECK,
    hosts: tuple[str, ...] = ("h1", "h2"),
    checks: bool = True,
) -> tuple[Finding, ...]:
    known = {check.id: check} if checks else {}
    return update_findings(previous, results, checks=known, hosts=hosts, now=NOW + day * DAY, due=due)


FAIL, PASS, NA, UNKNOWN, ERROR = Status.FAIL, Status.PASS, Status.NOT_APPLICABLE, Status.NOT_CHECKED, Status.ERROR


def test_a_failure_opens_a_finding_with_its_dates() -> None:
    (finding,) = run((), result(FAIL))
    assert finding.id == finding_id("TST-01", "h1") and len(finding.id) == 16
    assert (finding.open, finding.first_seen, finding.last_seen, finding.opened) == (True, NOW, NOW, 1)
    assert finding.due[0].due == (NOW + 30 * DAY).date()
    assert finding.check_digest == CHECK.digest


def test_ids_differ_by_check_host_and_subject_and_parts_never_run_together() -> None:
    ids = {finding_id("A", "b", "c"), finding_id("Ab", "", "c"), finding_id("A", "bc", ""), finding_id("A", "", "bc")}
    assert len(ids) == 4


def test_seen_again_it_keeps_its_first_sight() -> None:
    (finding,) = run(run((), result(FAIL)), result(FAIL), day=3)
    assert (finding.first_seen, finding.last_seen, finding.opened) == (NOW, NOW + 3 * DAY, 1)


def test_only_a_pass_of_the_same_check_counts_as_fixed() -> None:
    opened = run((), result(FAIL))
    (fixed,) = run(opened, result(PASS), day=1)
    assert (fixed.closing, fixed.closed_at) == (Closing.FIXED, NOW + DAY)
    changed = make_check(Assertion("x", "t.x", "eq", "2"))
    assert run(opened, result(PASS), check=changed)[0].closing is Closing.CHECK_CHANGED
    reworded = make_check(Assertion("x", "t.x", "eq", "1", message="new words"), title="New title", revision=2)
    assert run(opened, result(PASS), check=reworded)[0].closing is Closing.FIXED


def test_not_applicable_and_a_gone_host_are_not_fixes() -> None:
    opened = run((), result(FAIL))
    assert run(opened, result(NA))[0].closing is Closing.NOT_APPLICABLE
    assert run(opened, hosts=("h2",))[0].closing is Closing.HOST_GONE
    assert run(opened, checks=False)[0].closing is Closing.CHECK_CHANGED


def test_out_of_sight_is_not_mended() -> None:
    opened = run((), result(FAIL))
    for status in (UNKNOWN, ERROR, Status.MANUAL):
        (finding,) = run(opened, result(status), day=2)
        assert finding.open and finding.last_seen == NOW
    assert run(opened)[0].open


def test_a_tightened_check_that_still_fails_is_later_fixed_under_its_new_digest() -> None:
    changed = make_check(Assertion("x", "t.x", "eq", "2"))
    still = run(run((), result(FAIL)), result(FAIL), check=changed, day=1)
    assert run(still, result(PASS), check=changed, day=2)[0].closing is Closing.FIXED


def test_coming_back_reopens_the_same_finding_and_buys_no_time() -> None:
    closed = run(run((), result(FAIL)), result(PASS), day=10)
    (again,) = run(closed, result(FAIL), day=40)
    assert (again.open, again.opened, again.closing, again.closed_at) == (True, 2, None, None)
    assert again.first_seen == NOW and again.due[0].due == (NOW + 30 * DAY).date()


def test_each_subject_lives_its_own_life() -> None:
    two = run((), result(FAIL, "/a", "/b"))
    after = {f.subject: f for f in run(two, result(FAIL, "/b", "/c"), day=1)}
    assert after["/a"].closing is Closing.FIXED
    assert after["/b"].open and after["/c"].open
    unsure = {f.subject: f for f in run(two, result(FAIL, "/b", complete=False), day=1)}
    assert unsure["/a"].open


def test_a_closed_finding_is_left_alone() -> None:
    closed = run(run((), result(FAIL)), result(PASS), day=1)
    for later in (run(closed, result(PASS), day=5), run(closed, result(UNKNOWN), day=5), run(closed, hosts=(), day=5)):
        assert later == closed


def test_a_waiver_goes_along_and_ends_with_its_result() -> None:
    (waived,) = run((), result(FAIL, waiver="W-1"))
    assert waived.open and waived.waiver == "W-1"
    assert run((waived,), result(FAIL), day=1)[0].waiver == ""


_STATUS = st.sampled_from([FAIL, PASS, NA, UNKNOWN, ERROR])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_STATUS, _STATUS), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_results_and_findings_does_not_matter(
    history: list[tuple[Status, Status]], chance: st.DataObject
) -> None:
    straight: tuple[Finding, ...] = ()
    shuffled: tuple[Finding, ...] = ()
    for day, (one, other) in enumerate(history):
        results = [result(one), result(other, host="h2")]
        straight = run(straight, *results, day=day)
        mixed = list(shuffled)
        chance.shuffle(mixed)  # type: ignore[attr-defined]
        shuffled = run(tuple(mixed), *reversed(results), day=day)
    assert straight == shuffled
    assert all(finding.closing is not Closing.FIXED or finding.closed_at for finding in straight)
    assert all(
        replace(finding, due=()).id == finding_id(finding.check, finding.host, finding.subject) for finding in straight
    )


def test_a_failure_that_only_lost_its_date_is_not_fixed() -> None:
    opened = run((), result(FAIL, "pkg:deb/debian/openssl CVE-2026-1"))
    (closed,) = update_findings(
        opened,
        [result(PASS)],
        checks={CHECK.id: CHECK},
        hosts=["h1"],
        now=NOW + DAY,
        due=due,
        deferred=lambda host, subject: (host, subject) == ("h1", "pkg:deb/debian/openssl CVE-2026-1"),
    )
    assert not closed.open and closed.closing is Closing.NOT_APPLICABLE


def test_dates_that_cannot_be_worked_out_anew_stay_as_they_are() -> None:
    opened = run((), result(FAIL))
    (kept,) = update_findings(
        opened, [result(UNKNOWN)], checks={CHECK.id: CHECK}, hosts=["h1"], now=NOW + DAY, due=lambda *_: None
    )
    assert kept.open and kept.due == opened[0].due
