"""What people do about findings: who works on one, and waivers asked for and decided on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from posture.model.finding import Approval, Status, Waiver


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What is written beside a finding; it goes by the finding's id, so later scans keep it."""

    finding: str
    assignee: str = ""
    """Who works on it: an account, or a name that only people know."""
    ticket: str = ""
    """Its number in the agency's own ticket system."""
    comments: int = 0
    """How many there are; their text stands in the audit chain."""


class Decision(StrEnum):
    """Where the request for a waiver stands."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"
    """Granted once, and taken back."""


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """Somebody asks to live with a failure until a date; somebody else decides."""

    id: str
    check: str
    host: str
    findings: tuple[str, ...]
    """Every failure of the check on the host when this was asked: a waiver covers a check on a host."""
    evidence_sha256: str
    """Digest of the asserted facts then; the waiver lapses when they change."""
    reason: str
    owner: str
    expires: date
    requested_by: str
    requested_at: datetime
    decision: Decision = Decision.REQUESTED
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""
    """Why it was decided so."""

    def waiver(self) -> Waiver:
        """Return the waiver it is once granted; like any other, it changes no status and no date."""
        approval = Approval(self.decided_by, "approver", (self.decided_at or self.requested_at).date())
        return Waiver(
            id=self.id,
            check=self.check,
            hosts=(literal(self.host),),
            zones=(),
            expected_status=Status.FAIL,
            reason=self.reason,
            owner=self.owner,
            approved_by=(approval,),
            expires=self.expires,
            evidence_sha256=self.evidence_sha256,
        )


def literal(name: str) -> str:
    """Return a pattern that matches this name and no other."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
