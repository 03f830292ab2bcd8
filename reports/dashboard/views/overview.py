"""The head of security's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.dashboard.views.common import Count
from reports.view import Pair


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One clock with what it dates; laws come before the agency's own rules."""

    id: str
    title: str
    standing: str
    legal: bool
    open: Count
    """Open findings that have a date by it."""
    overdue: Count
    """Those whose date by it has passed."""
    next_due: date | None
    """The first of its dates from today on."""
    days_left: int | None
    said: str
    """Days left, or that nothing is ahead."""
    known: bool
    """False when nobody looked at what it dates: its numbers are unknown then, and not 0."""


@dataclass(frozen=True, slots=True)
class BurnPoint:
    """How findings stood at the end of a day on which something changed."""

    day: date
    open: int
    overdue: int
    opened: int
    fixed: int
    gone: int


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """How many findings would still be open on a day, at the two ends of the rate's interval and at the rate."""

    day: date
    slow: int
    middle: int
    fast: int


@dataclass(frozen=True, slots=True)
class BurnChart:
    """Open findings over time and ahead; lines are points in a box of 100 by 40, today is at ``today_x``."""

    why_none: str
    """Why there is nothing to draw; empty when there is."""
    rate: str
    most: int
    first: date
    today: date
    last: date
    today_x: float
    open_line: str
    overdue_line: str
    forecast_line: str
    """Empty when there is less than a day of history: nobody can say."""
    forecast_band: str
    days: tuple[BurnPoint, ...]
    ahead: tuple[ForecastLine, ...]


@dataclass(frozen=True, slots=True)
class TrendLine:
    """The band of one category or system now, and over comparable runs."""

    title: str
    name: str
    low: float
    width: float
    words: str
    checks: Count | None
    """Checks of the category; ``None`` for a system."""
    band: str
    """Corners of the band over runs in a box of 100 by 20; empty while there is one run."""
    low_line: str
    change: str
    points: tuple[Pair, ...]
    """Day of the run, and the band then; oldest first."""


@dataclass(frozen=True, slots=True)
class CutLine:
    """One of the fixes that take most away from the attack graph."""

    rank: int
    title: str
    path: str
    """Address of the fix in the plan."""
    owner: str
    where: str
    """The first of its hosts by name."""
    hours: float
    removes: str
    """By how much the mean chance of compromise falls if this alone is made; empty without a graph."""
    ways: str
    why: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The head of security's page."""

    clocks: tuple[ClockLine, ...]
    open: Count
    overdue: Count
    burn: BurnChart
    trends: tuple[TrendLine, ...]
    trend_note: str
    """What the trend is made of, or why there is none."""
    cuts: tuple[CutLine, ...]
    cuts_note: str
