"""What people decided and stated, and the proof of fixes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from reports.wire.words import StatusWord, Wire


class Approval(Wire, frozen=True):
    """Who accepted the risk."""

    name: str
    role: str
    date: date


class Waiver(Wire, frozen=True):
    """A decision to live with a failure, what it does today, and what it covers."""

    id: str
    state: Literal["active", "expired", "unneeded", "orphan", "lapsed"]
    check: str
    hosts: list[str]
    zones: list[str]
    expected_status: StatusWord
    reason: str
    owner: str
    approved_by: list[Approval]
    expires: date
    evidence_sha256: str
    compensating: list[str]
    poam: str
    findings: list[str]


class Attestation(Wire, frozen=True):
    """What a person states of a check on a host; results that stand on it are ``manual`` and never decided."""

    id: str
    state: Literal["active", "expired", "unneeded", "orphan"]
    check: str
    host: str
    author: str
    reason: str
    made_at: datetime
    expires: date
    file: str
    file_sha256: str
    """Of the document it rests on, which is not kept here."""
    origin: Literal["attested"] = "attested"


class Sight(Wire, frozen=True):
    """What a check said of a host in one run, judged again from the raw answers when the receipt was made."""

    run: str
    at: datetime
    status: StatusWord
    said: str
    evidence: dict[str, str]
    """Command id to the sha256 of its answer."""
    origin: Literal["live", "replayed", "imported", "attested"]
    in_force: str
    """Whether what runs and what the files say agree."""


class Receipt(Wire, frozen=True):
    """A finding failed with one piece of evidence and passes with another, both judged by the same check."""

    finding: str
    check: str
    host: str
    subject: str
    revision: int
    check_digest: str
    same_check: bool
    failed: Sight
    passes: Sight
    days_open: int
    days_passing: int
    last_passing: datetime
    times_reopened: int
    ticket: str
    holds: bool
    why: str


class Unsettled(Wire, frozen=True):
    """A check on a host whose running and persistent state do not agree."""

    host: str
    check: str
    status: StatusWord
    in_force: str
