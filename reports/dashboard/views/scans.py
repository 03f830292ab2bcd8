"""Stored runs, and what runs by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.view import Link, Tag


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of a running scan."""

    name: str
    done: int
    total: int
    """Hosts."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One stored run."""

    run: Link
    state: Tag
    origin: str
    started_at: datetime
    hosts: int
    checks: int
    coverage: str
    profile: str
    by: str
    asked: str
    """What it did not ask; empty when it asked everything."""
    leads: bool
    """It is the run that the dashboard shows."""
    told_at: datetime | None
    """When a running scan last told how far it is."""
    stages: tuple[StageLine, ...]
    """How far it is, in the order of the stages; empty when it does not run."""


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """What runs by itself, and where it stands."""

    name: str
    kind: str
    when: str
    next_at: datetime | None
    state: str
    last: str
    paused: bool


@dataclass(frozen=True, slots=True)
class OccurrenceLine:
    """What became of one time of a schedule."""

    schedule: str
    due: datetime
    asked: bool
    outcome: Tag
    run: Link | None
    why: str


@dataclass(frozen=True, slots=True)
class SchedulesView:
    """What runs by itself."""

    lines: tuple[ScheduleLine, ...]
    history: tuple[OccurrenceLine, ...]
    """The newest first."""
    kept: bool
    """Whether a scheduler lives that would begin them."""
    may_change: bool


@dataclass(frozen=True, slots=True)
class RunsView:
    """The stored runs, the newest first."""

    lines: tuple[RunLine, ...]
    schedules: SchedulesView | None
    """``None`` for who sees some systems only: schedules are of all of them."""
