"""Vulnerabilities and checks that somebody else names as urgent; they move the order of work, never a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """One entry of a list that an operator imported."""

    id: str
    """A CVE id, a vendor's own, or the id of a check."""
    source: str
    """Who gave the list."""
    tlp: str
    note: str
    imported_at: datetime
