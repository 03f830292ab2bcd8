"""How far a running scan has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a scan, counted in hosts."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class HowFar:
    """What a running scan last told of itself."""

    told_at: datetime
    stages: tuple[Stage, ...]
    """In the order in which they began."""
