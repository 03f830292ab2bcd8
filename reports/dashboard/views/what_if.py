"""What the ticked fixes would come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.dashboard.views.paths import PathLine
from reports.view import Pair, Share


@dataclass(frozen=True, slots=True)
class FixChoice:
    """One fix that may be ticked in a what-if."""

    id: str
    title: str
    owner: str
    where: str
    """The first of its hosts by name."""
    hours: float
    due: date | None
    relative: str
    late: bool
    ticked: bool
    cuts: str
    """What it takes off the mean chance alone; empty where no path goes through it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A value before and after the ticked fixes."""

    name: str
    before: str
    after: str
    path: str = ""
    """Where what it counts is listed; empty without a list."""


@dataclass(frozen=True, slots=True)
class ReliefLine:
    """A due date that would move."""

    host: str
    host_path: str
    what: str
    due_now: date
    due_then: date | None
    """``None`` when no date would bind any more."""
    why: str


@dataclass(frozen=True, slots=True)
class WhatIfPage:
    """What the ticked fixes would come to, made together; nothing is stored."""

    coverage: Share
    fixes: tuple[FixChoice, ...]
    fixes_left_out: int
    ticked: tuple[str, ...]
    """Titles of the ticked fixes."""
    hours: float
    gone: int
    """Fixes of the address that are not in this plan."""
    why_none: str
    """Why paths and chances are not shown; empty when they are."""
    sums: tuple[Moved, ...]
    """Mean chances, open and overdue findings, next due date."""
    objectives: tuple[Moved, ...]
    ended: tuple[PathLine, ...]
    closed: tuple[str, ...]
    """Objectives to which no path is found any more in the evidence collected."""
    left: tuple[Pair, ...]
    """Objectives with the likeliest path that is left."""
    scores: tuple[Moved, ...]
    relief: tuple[ReliefLine, ...]
    share: str
    """Address of this what-if."""
