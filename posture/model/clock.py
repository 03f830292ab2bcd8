"""Deadline rules as data, and the dates they give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision table can say."""

    id: str
    """``3DF``."""
    title: str
    days: int | None
    """Calendar days from the start of the clock; ``None`` sets no date; 0 where hours are counted: the day itself."""
    triage: bool = False
    """Evidence has to be taken before anything is patched."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a published decision table, as it was published."""

    row: int
    when: tuple[tuple[str, str], ...]
    """``(input, value)``, sorted."""
    outcome: str


@dataclass(frozen=True, slots=True)
class TriageStep:
    """One step of forensic triage with the time recommended for it: a target, not a legal date."""

    id: str
    title: str
    hours: int
    """At the latest so many hours after the clock's start."""
    before_patching: bool = False


MissingMetadata = Literal["stricter", "sixty-days", "published-defaults"]
"""What to schedule a CVE on whose SSVC values nobody gave; the readings of the directive disagree."""


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A published table from inputs to outcomes; it is looked up, never computed."""

    id: str
    source: str
    outcomes: tuple[Outcome, ...]
    """The strictest first."""
    rows: tuple[TableRow, ...]
    triage: tuple[TriageStep, ...] = ()
    missing_metadata: MissingMetadata = "stricter"

    def outcome(self, id_: str) -> Outcome:
        """Return an outcome by its id."""
        return next(one for one in self.outcomes if one.id == id_)


@dataclass(frozen=True, slots=True)
class Phase:
    """A day on which something of a directive falls due, whatever was found."""

    day: date
    title: str
    dates_findings: bool = False
    """True when findings of the clock's classes are due on this day; false for duties of people."""


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
    issued: date | None = None
    table: DecisionTable | None = None
    """Where the days depend on inputs."""
    phases: tuple[Phase, ...] = ()


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
    binds_from: date | None = None
    """The day from which the directive binds, where that is later than its issue; before it the date is a target."""
