"""Waivers: strict to read, narrow by default, and a waived failure is still a failure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from posture.catalogue.waivers import WaiverBook, read_waivers
from posture.errors import BaselineError
from posture.evaluate.judge import asserted_digest
from posture.model.assessment import WaiverUse
from posture.model.finding import AssertionResult, Finding, Outcome, Result, Status, Verdict, WaiverState
from posture.model.host import Host

TEXT = """\
schema: posture.waiver/1
waivers:
  - id: W-2026-0147
    check: SSH-02
    scope: {hosts: ["legacy-*"], zones: [oob]}
    expected_status: fail
    reason: The vendor console cannot use keys before release 9.4.
    compensating: [EXP-03, jump host with PIV]
    owner: system-owner@agency.example
    approved_by: [{name: A. Official, role: AO, date: 2026-06-20}]
    expires: 2026-07-31
    poam: POAM-2291
"""
HOSTS = [Host("legacy-1", (), "oob"), Host("legacy-2", (), "office"), Host("web-1", (), "oob")]
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def waivers(tmp_path: Path, old: str = "", new: str = "") -> WaiverBook:
    return book(tmp_path, old, new)


def book(
    tmp_path: Path,
    old: str = "",
    new: str = "",
    *,
    today: date = date(2026, 7, 31),
    checks: tuple[str, ...] = ("SSH-02",),
    hosts: list[Host] | None = None,
) -> WaiverBook:
    assert old in TEXT
    path = tmp_path / "waivers.yaml"
    path.write_text(TEXT.replace(old, new) if old else TEXT)
    return WaiverBook(read_waivers(path), checks=checks, hosts=HOSTS if hosts is None else hosts, today=today)


def result(host: str = "legacy-1", status: Status = Status.FAIL, actual: str = "yes", check: str = "SSH-02") -> Result:
    rows = (AssertionResult("a", "sshd.x", "eq", "no", actual, Outcome.FALSE, ""),)
    return Result(host, check, 1, Verdict(status, "", rows, ("sshd",)), ())


def state(made: WaiverBook, *results: Result) -> WaiverState:
    for one in results:
        made.cover(one)
    (use,) = made.uses([])
    return use.state


def test_a_waived_failure_is_still_a_failure(tmp_path: Path) -> None:
    covered = book(tmp_path).cover(result())
    assert covered.waiver == "W-2026-0147"
    assert covered.verdict == result().verdict and covered.verdict.status is Status.FAIL


@pytest.mark.parametrize("host", ["legacy-2", "web-1"])
def test_hosts_and_zones_must_both_match(tmp_path: Path, host: str) -> None:
    assert book(tmp_path).cover(result(host)).waiver == ""


def test_it_holds_through_its_last_day_and_not_a_day_longer(tmp_path: Path) -> None:
    assert book(tmp_path, today=date(2026, 7, 31)).cover(result()).waiver
    late = book(tmp_path, today=date(2026, 8, 1))
    assert late.cover(result()).waiver == ""
    assert state(late) is WaiverState.EXPIRED


def test_it_covers_only_the_status_it_expects(tmp_path: Path) -> None:
    assert book(tmp_path).cover(result(status=Status.NOT_CHECKED)).waiver == ""
    assert (
        book(tmp_path, "expected_status: fail", "expected_status: not_checked")
        .cover(result(status=Status.NOT_CHECKED))
        .waiver
    )


def test_states(tmp_path: Path) -> None:
    assert state(book(tmp_path), result()) is WaiverState.ACTIVE
    assert state(book(tmp_path), result(status=Status.PASS)) is WaiverState.UNNEEDED
    assert state(book(tmp_path), result(status=Status.NOT_CHECKED)) is WaiverState.ACTIVE
    assert state(book(tmp_path, checks=("SSH-01",))) is WaiverState.ORPHAN
    assert state(book(tmp_path, hosts=[HOSTS[1]])) is WaiverState.ORPHAN


def test_bound_to_evidence_it_lapses_when_the_asserted_facts_change(tmp_path: Path) -> None:
    bound = f"    evidence_sha256: {asserted_digest(result().verdict)}\n    poam"
    assert book(tmp_path, "    poam", bound).cover(result()).waiver
    changed = book(tmp_path, "    poam", bound)
    assert changed.cover(result(actual="without-password")).waiver == ""
    assert state(changed) is WaiverState.LAPSED


def test_uses_name_the_open_findings_they_cover(tmp_path: Path) -> None:
    made = book(tmp_path)
    made.cover(result())
    opened = Finding("f1", "SSH-02", "legacy-1", "", NOW, NOW, waiver="W-2026-0147")
    other = Finding("f2", "SSH-02", "web-1", "", NOW, NOW)
    (use,) = made.uses([other, opened])
    assert isinstance(use, WaiverUse) and use.findings == ("f1",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('scope: {hosts: ["legacy-*"], zones: [oob]}', "scope: {}", "an empty scope"),
        ('scope: {hosts: ["legacy-*"], zones: [oob]}', 'scope: {hosts: ["*"]}', "two approvers"),
        ('scope: {hosts: ["legacy-*"], zones: [oob]}', 'scope: {hosts: ["legacy-1", "**"]}', "two approvers"),
        ('scope: {hosts: ["legacy-*"], zones: [oob]}', 'scope: {zones: ["*"]}', "named, not matched"),
        ("expected_status: fail", "expected_status: pass", "expected_status"),
        ("expires: 2026-07-31", "expire: 2026-07-31", "unknown key"),
        ("expires: 2026-07-31", "expires: someday", "expires"),
        ("    expires: 2026-07-31\n", "", "missing key `expires`"),
        ("approved_by: [{name: A. Official, role: AO, date: 2026-06-20}]", "approved_by: []", "approved_by"),
        ("reason: The vendor console cannot use keys before release 9.4.", "reason: later", "reason"),
    ],
)
def test_a_waiver_that_is_too_wide_or_incomplete_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BaselineError, match=message) as caught:
        book(tmp_path, old, new)
    assert "waivers.yaml:" in str(caught.value)


def test_two_different_approvers_may_cover_everything(tmp_path: Path) -> None:
    everyone = 'scope: {hosts: ["*"]}\n    expected_status: fail'
    twice = "approved_by: [{name: A. Official, role: AO, date: 2026-06-20}, {name: a. official, role: CISO, date: 2026-06-20}]"
    text = TEXT.replace('scope: {hosts: ["legacy-*"], zones: [oob]}\n    expected_status: fail', everyone)
    path = tmp_path / "w.yaml"
    path.write_text(text.replace("approved_by: [{name: A. Official, role: AO, date: 2026-06-20}]", twice))
    with pytest.raises(BaselineError, match="two approvers"):
        read_waivers(path)
    path.write_text(path.read_text().replace("name: a. official", "name: B. Other"))
    assert read_waivers(path)[0].hosts == ("*",)


def test_ids_are_unique(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(TEXT + TEXT[TEXT.index("  - id:") :])
    with pytest.raises(BaselineError, match="used twice"):
        read_waivers(path)
