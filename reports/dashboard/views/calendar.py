"""The plan as thirty days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.dashboard.views.common import Choice


@dataclass(frozen=True, slots=True)
class Slot:
    """One fix on one day of the calendar."""

    title: str
    path: str
    """Where it is told in full."""
    owner: str
    days: str
    """Begins, goes on, or ends today; empty for a fix of one day."""
    late: bool


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One working day."""

    day: date
    today: bool
    slots: tuple[Slot, ...]
    left_out: int
    left_out_path: str
    """Where the first of those is told in full."""


@dataclass(frozen=True, slots=True)
class CalendarWeek:
    """Monday to Friday; days before the first or after the last have no slots."""

    title: str
    days: tuple[CalendarDay, ...]
    planned: bool
    """Whether anything is."""


@dataclass(frozen=True, slots=True)
class WorkDetail:
    """One fix of the calendar, told in full."""

    anchor: str
    title: str
    owner: str
    when: str
    where: str
    hours: float
    due: date | None
    relative: str
    late: bool
    due_reason: str
    why: str
    risk: str
    rollback: tuple[str, ...]
    """Line by line; none where no command takes it back."""
    proof: str
    try_path: str
    """Address of the what-if with this fix ticked."""


@dataclass(frozen=True, slots=True)
class LateLine:
    """A fix that cannot be in time, said on the first day."""

    title: str
    path: str
    owner: str
    due: date
    sentence: str


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Who mends what on which day, for thirty days."""

    as_of: date
    until: date
    note: str
    hours: str
    risk: str
    """Mean chance now and at the end, when all of it is done; empty without an attack graph."""
    late: tuple[LateLine, ...]
    owners: tuple[Choice, ...]
    weeks: tuple[CalendarWeek, ...]
    planned: int
    details: tuple[WorkDetail, ...]
    details_left_out: int
    unplanned: tuple[WorkDetail, ...]
    """Fixes that do not fit into the days, in the order in which they would come next."""
    unplanned_left_out: int
    ics: str
    csv: str
