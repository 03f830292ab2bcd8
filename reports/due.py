"""Which date governs a finding, how late it is, and whether a waiver covers it today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from posture.model.assessment import Assessment
from posture.model.clock import DueDate
from posture.model.finding import Finding, WaiverState


class Bucket(StrEnum):
    """When something has to be done, seen from one day."""

    BORN_OVERDUE = "overdue when first seen"
    OVERDUE = "overdue"
    TODAY = "due today"
    WEEK = "due within 7 days"
    MONTH = "due within 30 days"
    LATER = "due later"
    UNDATED = "no date"


def governing(finding: Finding) -> DueDate | None:
    """Return the date that counts: the first of its clocks (the earliest binding one)."""
    return finding.due[0] if finding.due else None


def due_by(finding: Finding, clock: str) -> date | None:
    """Return the date that one clock gives the finding; ``None`` when it does not run on it."""
    return next((due.due for due in finding.due if due.clock == clock), None)


def bucket(finding: Finding, today: date) -> Bucket:
    """Return where the finding stands on the calendar."""
    due = governing(finding)
    if due is None:
        return Bucket.UNDATED
    days = (due.due - today).days
    if days < 0:
        return Bucket.BORN_OVERDUE if due.due < finding.first_seen.date() else Bucket.OVERDUE
    limits = ((0, Bucket.TODAY), (7, Bucket.WEEK), (30, Bucket.MONTH))
    return next((name for limit, name in limits if days <= limit), Bucket.LATER)


def days_late(due: date, today: date) -> int:
    """Return by how many calendar days the date has passed; 0 when it has not."""
    return max(0, (today - due).days)


def overdue(finding: Finding, today: date) -> bool:
    """True when the governing date has passed, waived or not."""
    return bucket(finding, today) in (Bucket.OVERDUE, Bucket.BORN_OVERDUE)


def relative(due: date, today: date) -> str:
    """Return ``in 3 days``, ``today`` or ``21 days overdue``."""
    days = (due - today).days
    if days == 0:
        return "today"
    unit = "day" if abs(days) == 1 else "days"
    return f"in {days:,} {unit}" if days > 0 else f"{-days:,} {unit} overdue"


def active_waivers(assessment: Assessment) -> frozenset[str]:
    """Return the ids of the waivers that are in force; any other waiver covers nothing."""
    return frozenset(use.waiver.id for use in assessment.waivers if use.state is WaiverState.ACTIVE)


def open_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that are not closed."""
    return tuple(finding for finding in findings if finding.open)
