"""What a person states of a check on a host where no program could look; it is never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

REASON = "attested"
"""The reason of a ``manual`` verdict that stands on an attestation."""


@dataclass(frozen=True, slots=True, order=True)
class Attestation:
    """One statement, with who made it, why it can be believed, and its last day."""

    id: str
    """Hex digest of everything below, 16 characters."""
    check: str
    host: str
    """A host id, or ``fleet``."""
    author: str
    reason: str
    made_at: datetime
    expires: date
    """Counts through 23:59:59 UTC of that day; then the check is ``not_checked`` again."""
    file: str = ""
    """Name of the document it rests on, without its directory."""
    file_sha256: str = ""
    """Hex digest of that document's bytes; the document itself stays with its owner."""


class AttestationState(StrEnum):
    """What an attestation does in a run."""

    ACTIVE = "active"
    EXPIRED = "expired"
    UNNEEDED = "unneeded"
    """The scanner has a verdict of its own, and that stands."""
    ORPHAN = "orphan"
    """Its check is not asked of this host in this run."""


@dataclass(frozen=True, slots=True)
class AttestationUse:
    """An attestation with what it does in this run."""

    attestation: Attestation
    state: AttestationState
