"""Verdicts, and the life of the failing ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum

from posture.model.clock import DueDate


class Status(IntEnum):
    """What a check says of a host; the numbers are stored, so they never change."""

    PASS = 0
    FAIL = 1
    NOT_APPLICABLE = 2
    NOT_CHECKED = 3
    ERROR = 4
    MANUAL = 5

    @property
    def label(self) -> str:
        """The lower-case word used in files and reports."""
        return self.name.lower()

    @property
    def decided(self) -> bool:
        """True for the verdicts that count as coverage."""
        return self in (Status.PASS, Status.FAIL, Status.NOT_APPLICABLE)


class Outcome(StrEnum):
    """Three-valued truth of one assertion, and why a branch did not count."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """One assertion with what was expected and what was there."""

    id: str
    fact: str
    op: str
    expected: str
    actual: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of a set of documents: no host, no time, so equal documents share it."""

    status: Status
    reason: str
    """For ``not_checked``: a ``Blind`` word; for ``error``: what broke; otherwise empty."""
    assertions: tuple[AssertionResult, ...]
    topics: tuple[str, ...]
    """Every topic that was read."""
    subjects: tuple[str, ...] = ()
    """What failed, where a check declares a subject path."""
    subjects_complete: bool = False
    """True when every place was seen, so that a subject not named here is mended, not merely out of sight."""


@dataclass(frozen=True, slots=True)
class Result:
    """A check on a host."""

    host: str
    check: str
    revision: int
    verdict: Verdict
    evidence: tuple[str, ...]
    """Command ids on that host."""
    waiver: str = ""
    """Id of the waiver that covers it; the status stays what it is."""


class Closing(StrEnum):
    """Why a finding is closed; only ``fixed`` counts as fixed."""

    FIXED = "fixed"
    HOST_GONE = "host_gone"
    NOT_APPLICABLE = "not_applicable"
    CHECK_CHANGED = "check_changed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Finding:
    """The life of a failing result; ``id`` is stable across runs."""

    id: str
    """Hex digest of check id, host id and subject, 16 characters."""
    check: str
    host: str
    subject: str
    first_seen: datetime
    last_seen: datetime
    opened: int = 1
    """How many times it was opened: 2 means it came back once."""
    closed_at: datetime | None = None
    closing: Closing | None = None
    due: tuple[DueDate, ...] = ()
    """Every clock that runs on it, earliest binding first."""
    waiver: str = ""
    check_digest: str = ""
    """Digest of the check it last failed: a pass under another digest is ``check_changed``, not ``fixed``."""

    @property
    def open(self) -> bool:
        """True while the host fails the check."""
        return self.closed_at is None


class WaiverState(StrEnum):
    """Whether a waiver does anything today."""

    ACTIVE = "active"
    EXPIRED = "expired"
    UNNEEDED = "unneeded"
    ORPHAN = "orphan"
    LAPSED = "lapsed"
    """The evidence it was bound to has changed."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Who accepted the risk."""

    name: str
    role: str
    date: date


@dataclass(frozen=True, slots=True)
class Waiver:
    """A decision to live with a failure until a date; it never changes a status."""

    id: str
    check: str
    hosts: tuple[str, ...]
    """Host id patterns (fnmatch)."""
    zones: tuple[str, ...]
    expected_status: Status
    reason: str
    owner: str
    approved_by: tuple[Approval, ...]
    expires: date
    """Valid through 23:59:59 UTC of that day."""
    evidence_sha256: str = ""
    """Digest of the asserted facts; the waiver lapses when they change."""
    compensating: tuple[str, ...] = ()
    poam: str = ""
