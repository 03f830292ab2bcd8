"""Deadline rules as data, and the dates they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Clock:
    """A directive's or a campaign's deadline rule."""

    id: str
    title: str
    authority: str
    source: str
    as_of: date
    version: str
    starts: Literal["fixed", "campaign", "detected", "notified", "kev-added"]
    days: int | None
    """Calendar days from the start; ``None`` takes the check's own ``deadline_days``."""
    start_date: date | None = None
    """For ``fixed``: the day the clock started."""
    effective: date | None = None
    expires: date | None = None
    applies_to: tuple[str, ...] = ()
    """Deadline classes of checks; empty means all."""
    legal: bool = False
    """False for a campaign of the agency's own: its dates are never called law."""
    history: bool = False
    """Shown for reference, never makes anything due."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rebase:
    """A campaign start that replaced an earlier one; the old date is kept."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """The agency's own hardening campaign."""

    start: date
    days: int = 30
    rebases: tuple[Rebase, ...] = ()


@dataclass(frozen=True, slots=True)
class DueDate:
    """A date anyone can compute again: policy, version, row, inputs and clock start."""

    due: date
    clock: str
    clock_version: str
    row: str
    """The rule that applied, in words."""
    inputs: tuple[tuple[str, str], ...]
    clock_start: date
    binding: bool
    legal: bool
    reason: str
    """One sentence."""
