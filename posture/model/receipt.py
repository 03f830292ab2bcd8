"""Proof that a finding was mended: it failed with one piece of evidence and passes with another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from posture.model.finding import Status
from posture.model.observation import Origin


@dataclass(frozen=True, slots=True)
class Sight:
    """What a check says of a host in one run, judged from the raw answers."""

    run: str
    at: datetime
    status: Status
    said: str
    """The assertions in words, or why it is unknown."""
    evidence: tuple[tuple[str, str], ...]
    """``(command id, sha256)`` of the answers it was read from."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Receipt:
    """Finding F failed with evidence E1 at t1 and passes with E2 at t2, both judged by the check as it is at t2."""

    finding: str
    check: str
    host: str
    subject: str
    revision: int
    check_digest: str
    same_check: bool
    """False when the check changed in between; E1 was judged again by the present one all the same."""
    failed: Sight
    passes: Sight
    days_open: int
    """From the first sight to the run that saw it mended."""
    times_opened: int
    """2 means that it came back once."""
    holds: bool
    why: str
    """One sentence."""
