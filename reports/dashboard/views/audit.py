"""Who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One thing that happened."""

    seq: int
    at: datetime
    what: str
    run: str
    about: str
    """The host, or who did it."""
    detail: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """The end of the audit chain, and whether all of it holds."""

    holds: bool
    verdict: str
    lines: tuple[ChangeLine, ...]
    earlier: str
    later: str
