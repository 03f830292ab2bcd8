"""Attestations: a person's word where no program could look. It is never a pass, and never hides what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from posture.evaluate.attested import AttestationBook
from posture.evaluate.lifecycle import finding_id, update_findings
from posture.model.attestation import REASON, Attestation, AttestationState
from posture.model.check import Assertion
from posture.model.finding import Finding, Result, Status, Verdict
from tests.posture.evaluate.evaluating import NOW, make_check

TODAY = NOW.date()
SAID = Attestation("0" * 16, "TST-01", "h1", "A. Reyes", "seen on site", NOW, TODAY + timedelta(days=30))


def result(status: Status, reason: str = "") -> Result:
    return Result("h1", "TST-01", 1, Verdict(status, reason, (), ("sshd",)), ())


def test_what_was_not_checked_becomes_attested_and_stays_undecided() -> None:
    book = AttestationBook([SAID], TODAY)
    found = book.cover(result(Status.NOT_CHECKED, "timed_out")).verdict
    assert (found.status, found.reason) == (Status.MANUAL, REASON)
    assert not found.status.decided
    assert "attested by A. Reyes" in found.assertions[0].message and "not measured" in found.assertions[0].message
    assert [use.state for use in book.uses()] == [AttestationState.ACTIVE]


@pytest.mark.parametrize("status", [Status.PASS, Status.FAIL, Status.NOT_APPLICABLE, Status.ERROR])
def test_the_scanners_own_verdict_goes_before_it(status: Status) -> None:
    book = AttestationBook([SAID], TODAY)
    assert book.cover(result(status)) == result(status)
    assert [use.state for use in book.uses()] == [AttestationState.UNNEEDED]


def test_the_day_after_its_last_it_is_not_checked_again() -> None:
    before = result(Status.NOT_CHECKED, "timed_out")
    assert AttestationBook([SAID], SAID.expires).cover(before).verdict.status is Status.MANUAL
    late = AttestationBook([SAID], SAID.expires + timedelta(days=1))
    assert late.cover(before) == before
    assert [use.state for use in late.uses()] == [AttestationState.EXPIRED]


def test_it_speaks_of_one_check_on_one_host() -> None:
    book = AttestationBook([SAID], TODAY)
    for other in (replace(result(Status.NOT_CHECKED), host="h2"), replace(result(Status.NOT_CHECKED), check="TST-02")):
        assert book.cover(other) == other
    assert [use.state for use in book.uses()] == [AttestationState.ORPHAN]


def test_a_finding_stays_open_whatever_is_attested() -> None:
    check = make_check(Assertion("a", "sshd.x", "eq", 1))
    opened = Finding(finding_id("TST-01", "h1"), "TST-01", "h1", "", NOW, NOW)
    covered = AttestationBook([SAID], TODAY).cover(result(Status.NOT_CHECKED))
    (after,) = update_findings(
        [opened], [covered], checks={"TST-01": check}, hosts={"h1"}, now=NOW, due=lambda *_: None
    )
    assert after.open
