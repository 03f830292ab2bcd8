"""What to change, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
