"""What to change, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from posture.model.check import Risk, Severity


@dataclass(frozen=True, slots=True)
class Fix:
    """The smallest change one owner makes in one go: one check's remediation on the hosts that fail it."""

    check: str
    owner: str
    title: str
    hosts: tuple[str, ...]
    findings: tuple[str, ...]
    """Ids of the findings it closes."""
    severity: Severity
    due: date | None
    due_reason: str
    minutes: int
    risk: Risk
    weight: float
    """Summed ordinal weight over the hosts (policy file); uncalibrated, and never a date."""
    reason: str
    """One sentence: why it stands where it stands."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Fixes in the order in which to make them."""

    fixes: tuple[Fix, ...]
    as_of: date


@dataclass(frozen=True, slots=True)
class Work:
    """A fix as the calendar sees it."""

    id: str
    """Stable across runs: digest over check and owner."""
    title: str
    owner: str
    hosts: tuple[str, ...]
    hours: float
    """A base for beginning at all and a part for each host."""
    conditions: tuple[str, ...] = ()
    """What it takes away from the attack graph."""
    due: date | None = None
    due_reason: str = ""
    risk: Risk = Risk.NONE
    lead_days: int = 0
    """Calendar days before it can begin: an order, an approval."""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Days on which it may begin, Monday is 0: the owner's change windows."""
    after: tuple[str, ...] = ()
    """Ids of works that have to end first."""
    rollback: str = ""
    proof: str = ""
    """How to see that it is done: the check that then passes."""
    reason: str = ""
    """Why it stood where it stood in the plan by date and weight."""
    optional: bool = False
    """Nothing is wrong about it; worth doing only where a way goes through it."""


class Place(StrEnum):
    """Why a work stands where it stands in the calendar."""

    KEPT = "kept"
    """It was about to begin when the last plan was made: the next three working days stay as they are."""
    DUE = "due"
    """Its date leaves no room for anything before it."""
    RISK = "risk"
    """It removes most risk for each hour."""
    FINISH_LINE = "finish line"
    """It belongs to the cheapest set of fixes that closes what still stands."""
    ORDER = "order"
    """By date, severity and weight: no way goes through it, or no attack graph was at hand."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """One work with its days."""

    rank: int
    work: Work
    starts: date
    ends: date
    place: Place
    risk_before: float | None
    """Weighted mean probability of compromise before it, with everything above it done; ``None`` without a graph."""
    risk_after: float | None
    ways_cut: int
    """How many of the sampled ways that stood before it need something it takes away."""
    ways: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Late:
    """Work that cannot be in time, said on the first day."""

    work: str
    owner: str
    due: date
    earliest: date | None
    """The first day on which it could be done; ``None`` when that lies beyond the calendar."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Who does what on which day."""

    as_of: date
    until: date
    appointments: tuple[Appointment, ...]
    late: tuple[Late, ...]
    left_over: tuple[str, ...]
    """Ids of works that do not fit, in the order in which they would come next."""
    risk_now: float | None
    risk_then: float | None
    note: str
    """What the order rests on."""
