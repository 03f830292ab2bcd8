"""The contexts of what is due when, and of how it went: buckets, days, clocks, the campaign, burn-down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.view.words import Share


@dataclass(frozen=True, slots=True)
class BucketView:
    """Open findings by when they are due."""

    name: str
    count: Share
    waived: int
    late: bool


@dataclass(frozen=True, slots=True)
class DueDayView:
    """One day on which findings are due."""

    due: date
    relative: str
    late: bool
    count: Share
    waived: int
    width: float
    """Length of the bar, 0 to 100."""
    standings: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """One deadline rule."""

    title: str
    standing: str
    history: bool
    rule: str
    runs_on: Share
    governs: int
    overdue: int
    authority: str
    version: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class RebaseView:
    """A start of the campaign that was put on record."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignView:
    """Where the agency's own campaign stands today."""

    label: str
    start: date
    end: date
    day: Share
    position: str
    width: float
    rebases: tuple[RebaseView, ...]


@dataclass(frozen=True, slots=True)
class DueView:
    """What is due when."""

    today: date
    buckets: tuple[BucketView, ...]
    days: tuple[DueDayView, ...]
    left_out: int
    campaign: CampaignView
    clocks: tuple[ClockView, ...]


@dataclass(frozen=True, slots=True)
class BurnDayView:
    """How findings stood at the end of one day."""

    day: date
    open: int
    overdue: int
    opened: int
    fixed: int
    gone: int


@dataclass(frozen=True, slots=True)
class OpenView:
    """One open finding with its date."""

    due: date | None
    check: str
    host: str
    subject: str


@dataclass(frozen=True, slots=True)
class BurnView:
    """The findings of one clock over time."""

    title: str
    lead: str
    rate: str
    open_line: str
    """Points of the line of open findings, in a box of 100 by 30."""
    overdue_line: str
    most: int
    """The number at the top of the box."""
    days: tuple[BurnDayView, ...]
    week: tuple[OpenView, ...]
    week_total: int
    late: tuple[OpenView, ...]
