"""Findings with their dates, the plan, the scores and the clocks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from reports.wire.words import SeverityWord, Wire


class Due(Wire, frozen=True):
    """A date anyone can compute again."""

    due: date
    clock: str
    clock_version: str
    row: str
    inputs: dict[str, str]
    clock_start: date
    binding: bool
    legal: bool
    reason: str


class Finding(Wire, frozen=True):
    """The life of a failing result."""

    id: str
    check: str
    host: str
    subject: str
    status: Literal["open", "closed"]
    closing: Literal["fixed", "host_gone", "not_applicable", "check_changed", "merged"] | None
    first_seen: datetime
    last_seen: datetime
    closed_at: datetime | None
    times_opened: int
    due: list[Due]
    """Every clock that runs on it; the first one governs."""
    overdue_days: int
    waiver: str | None


class Fix(Wire, frozen=True):
    """One change of the plan, in the order of the plan."""

    rank: int
    check: str
    owner: str
    title: str
    hosts: list[str]
    findings: list[str]
    severity: SeverityWord
    due: date | None
    due_reason: str
    minutes: int
    risk: str
    weight: float
    reason: str


class Score(Wire, frozen=True):
    """One AI-threat category as a band; uncalibrated."""

    category: str
    title: str
    low: float
    high: float
    checks: int
    weight: float
    calibrated: Literal[False] = False


class GroupScore(Wire, frozen=True):
    """One host, system or zone as a band over all checks; uncalibrated."""

    kind: Literal["host", "system", "zone"]
    name: str
    """Empty for hosts that declare no system."""
    low: float
    high: float
    hosts: int
    weight: float
    calibrated: Literal[False] = False


class Clock(Wire, frozen=True):
    """A deadline rule."""

    id: str
    title: str
    authority: str
    source: str
    as_of: date
    version: str
    starts: str
    days: int | None
    start_date: date | None
    effective: date | None
    expires: date | None
    applies_to: list[str]
    legal: bool
    history: bool
    note: str


class Rebase(Wire, frozen=True):
    """A campaign start put on record."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


class Campaign(Wire, frozen=True):
    """The agency's own campaign, which is not law."""

    start: date
    days: int
    rebases: list[Rebase]
