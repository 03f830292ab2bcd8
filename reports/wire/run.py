"""Who looked and how much was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from reports.wire.words import StatusWord, Wire


class Run(Wire, frozen=True):
    """Who looked, by what authority, when, with which program and baseline."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    state: Literal["running", "incomplete", "complete"]
    operator: str
    scanner: str
    tool_version: str
    authorisation: str
    profile: str
    baseline_digest: str
    inventory_digest: str
    as_of: datetime
    origin: Literal["live", "replayed", "imported", "attested"]
    merged_from: list[str]


class Coverage(Wire, frozen=True):
    """Decided results out of hosts of the inventory times checks of the profile."""

    hosts: int
    checks: int
    possible: int
    decided: int
    by_status: dict[StatusWord, int]
