"""The life of failing results: opened, seen again, closed with a reason, reopened under the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from posture.model.check import Check
from posture.model.clock import DueDate
from posture.model.finding import Closing, Finding, Result, Status

DueFor = Callable[[Check, str, str, datetime], tuple[DueDate, ...] | None]
"""Gives the due dates of a check's failure on a host, of a subject, first seen at a moment; ``None`` leaves the old."""


def finding_id(check: str, host: str, subject: str = "") -> str:
    """Return the id that a failure keeps over all runs: 16 hex digits."""
    # every part carries its length, so that no two triples give the same text
    text = "".join(f"{len(part)}:{part}" for part in (check, host, subject))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def update_findings(
    previous: Iterable[Finding],
    results: Iterable[Result],
    *,
    checks: Mapping[str, Check],
    hosts: Collection[str],
    now: datetime,
    due: DueFor,
    deferred: Callable[[str, str], bool] = lambda host, subject: False,
) -> tuple[Finding, ...]:
    """Return every finding after a run, open and closed, sorted by id.

    ``results`` may be a stream; ``hosts`` are all ids of the inventory (and ``fleet``), judged in this run or not. A
    reopened finding keeps its first sight, so that a mend that does not hold never buys time. Waivers are applied from
    the results. ``deferred`` says of a host and subject that the failure is there as before and only lost its date.
    """
    known = {finding.id: finding for finding in previous}
    by_place: dict[tuple[str, str], list[Finding]] = {}
    for finding in known.values():
        by_place.setdefault((finding.check, finding.host), []).append(finding)
    for result in results:
        moment = _Moment(result, checks[result.check], now, due, deferred)
        for finding in by_place.pop((result.check, result.host), []):
            known[finding.id] = moment.seen_again(finding)
        for opened in moment.opened(known):
            known[opened.id] = opened
    for left in by_place.values():
        for finding in left:
            known[finding.id] = _not_judged(finding, checks, hosts, now)
    return tuple(known[id_] for id_ in sorted(known))


@dataclass(frozen=True, slots=True)
class _Moment:
    """One result of this run, and what it does to findings."""

    result: Result
    check: Check
    now: datetime
    due: DueFor
    deferred: Callable[[str, str], bool]

    def seen_again(self, finding: Finding) -> Finding:
        """Return a finding of this check and host after the result."""
        verdict = self.result.verdict
        failing = verdict.status is Status.FAIL
        if failing and finding.subject in self._subjects():
            return self._still_there(finding)
        if not finding.open:
            return finding
        if failing and not verdict.subjects_complete:
            return self._dated(finding)
        if verdict.status in (Status.NOT_CHECKED, Status.ERROR, Status.MANUAL):
            return self._dated(finding)
        return replace(finding, closed_at=self.now, closing=self._closing(finding), waiver="")

    def opened(self, known: Mapping[str, Finding]) -> list[Finding]:
        """Return the findings this result opens for the first time."""
        if self.result.verdict.status is not Status.FAIL:
            return []
        place = (self.result.check, self.result.host)
        new = [s for s in self._subjects() if finding_id(*place, s) not in known]
        return [
            Finding(
                id=finding_id(*place, subject),
                check=place[0],
                host=place[1],
                subject=subject,
                first_seen=self.now,
                last_seen=self.now,
                due=self.due(self.check, place[1], subject, self.now) or (),
                waiver=self.result.waiver,
                check_digest=self.check.digest,
            )
            for subject in new
        ]

    def _subjects(self) -> tuple[str, ...]:
        return self.result.verdict.subjects or ("",)

    def _still_there(self, finding: Finding) -> Finding:
        return replace(
            self._dated(finding),
            last_seen=self.now,
            opened=finding.opened + (0 if finding.open else 1),
            closed_at=None,
            closing=None,
            check_digest=self.check.digest,
        )

    def _dated(self, finding: Finding) -> Finding:
        """Return the finding with the dates of today's clocks, all counted from its first sight."""
        due = self.due(self.check, finding.host, finding.subject, finding.first_seen)
        return replace(finding, due=finding.due if due is None else due, waiver=self.result.waiver)

    def _closing(self, finding: Finding) -> Closing:
        if finding.check_digest != self.check.digest:
            return Closing.CHECK_CHANGED
        gone = self.result.verdict.status is not Status.NOT_APPLICABLE
        return Closing.FIXED if gone and not self.deferred(finding.host, finding.subject) else Closing.NOT_APPLICABLE


def _not_judged(finding: Finding, checks: Mapping[str, Check], hosts: Collection[str], now: datetime) -> Finding:
    """Return a finding whose check was not asked of its host in this run: out of sight is not mended."""
    if not finding.open:
        return finding
    if finding.host not in hosts:
        return replace(finding, closed_at=now, closing=Closing.HOST_GONE, waiver="")
    if finding.check not in checks:
        return replace(finding, closed_at=now, closing=Closing.CHECK_CHANGED, waiver="")
    return finding
