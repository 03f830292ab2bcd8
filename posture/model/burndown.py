"""How findings opened and closed over time, how fast they close, and what that leaves late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a finding on a day."""

    day: date
    did: Literal["opened", "closed", "due_changed"]
    """``opened`` also when it came back."""
    dues: tuple[tuple[str, date], ...] = ()
    """``(clock, date)`` from then on, the governing one first."""
    fixed: bool = False
    """For ``closed``: only a fix counts as one."""


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that happened to one finding, in order."""

    check: str
    host: str
    subject: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding that is open at the end of a day."""

    check: str
    host: str
    subject: str
    since: date
    """Day on which it was opened, or opened again."""
    due: date | None


@dataclass(frozen=True, slots=True)
class DayCount:
    """How findings stood at the end of one day."""

    day: date
    open: int
    overdue: int
    opened: int
    """Opened on this day."""
    fixed: int
    """Fixed on this day."""
    gone: int
    """Closed on this day without a fix: host gone, check changed, no longer dated."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Findings fixed per day, from what was seen; exact only as far as closings come independently."""

    fixed: int
    days: int
    per_day: float
    low: float
    high: float
    """The 95 % interval of a Poisson rate (Byar's approximation)."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is late if findings go on closing at a rate, the nearest date first, and none is added."""

    per_day: float
    late: int


@dataclass(frozen=True, slots=True)
class Burndown:
    """The findings of one clock, or of all, up to a day."""

    as_of: date
    clock: str
    """Empty for all: each finding by its governing date."""
    days: tuple[DayCount, ...]
    """Oldest first, the last one is ``as_of``."""
    rate: Rate | None
    """``None`` when there is less than a day of history: nobody can say."""
    outlooks: tuple[Outlook, ...]
    """At the rate and at both ends of its interval, the slowest first; empty without a rate."""
    late_first: tuple[Standing, ...]
    """The first that are late at this rate."""
    this_week: tuple[Standing, ...]
    """What must close within seven days, what is overdue first."""
    this_week_total: int
    undated: int
    """Open findings that the clock gives no date."""

    @property
    def today(self) -> DayCount:
        """How it stands on the last day."""
        return self.days[-1]
