"""The contexts of findings: by check, by host, and of the fleet as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.view.plan import FixText
from reports.view.words import Link, Pair, Share, Tag


@dataclass(frozen=True, slots=True)
class AssertionView:
    """What was expected and what was there."""

    fact: str
    operator: str
    expected: str
    actual: str
    outcome: str
    message: str
    failed: bool


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One piece of evidence behind a finding."""

    command: str
    digest: Link
    taken_at: datetime
    account: str
    vantage: str
    origin: str
    live: bool


@dataclass(frozen=True, slots=True)
class DueLine:
    """One clock that runs on a finding."""

    due: date
    relative: str
    late: bool
    clock: str
    standing: str
    reason: str
    start: date


@dataclass(frozen=True, slots=True)
class FindingView:
    """One failing check on one host."""

    anchor: str
    id: str
    host: Link
    zone: str
    owner: str
    system: str
    subject: str
    gist: str
    """What was there, in one line."""
    first_seen: datetime
    last_seen: datetime
    opened: int
    stale: str
    """Why it was not seen failing this time, when it was not; otherwise empty."""
    due: tuple[DueLine, ...]
    late: bool
    waiver: Link
    waiver_note: str
    assertions: tuple[AssertionView, ...]
    evidence: tuple[EvidenceLine, ...]
    """The answers named like the facts, or the first few when none is."""
    more_evidence: tuple[EvidenceLine, ...]
    """The other answers of the topics that were judged."""
    without: str
    """Why no evidence is named, when none is."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check that fails somewhere, with its hosts."""

    anchor: str
    id: str
    revision: int
    title: str
    severity: Tag
    severity_reason: str
    confidence: int
    rationale: str
    categories: str
    effect: str
    limits: str
    across: bool
    """True for a check of the whole fleet."""
    hosts: Share
    waived: int
    overdue: int
    unknown: int
    fix: FixText | None
    references: tuple[Pair, ...]
    findings: tuple[FindingView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ClosedView:
    """A finding this run closed."""

    id: str
    check: str
    host: str
    closing: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class ChecksView:
    """Findings by check."""

    total: int
    checks: tuple[CheckView, ...]
    failing: Share
    closed: tuple[ClosedView, ...]
    closed_total: int
    fixed: Share


@dataclass(frozen=True, slots=True)
class HostFindingView:
    """A finding as listed under its host."""

    link: Link
    title: str
    severity: Tag
    subject: str
    due: date | None
    relative: str
    late: bool
    waived: bool


@dataclass(frozen=True, slots=True)
class HostView:
    """One host with its findings."""

    anchor: str
    id: str
    name: str
    facts: tuple[Pair, ...]
    decided: Share
    score: str
    """The host's band in words; empty when the run has none."""
    open: int
    overdue: int
    worst: Tag | None
    findings: tuple[HostFindingView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class HostsView:
    """Findings by host."""

    listed: Share
    hosts: tuple[HostView, ...]
    gone: int
    """Hosts with open findings that this run did not contain."""


@dataclass(frozen=True, slots=True)
class FleetRowView:
    """What one check says of all hosts together."""

    check: Link
    title: str
    says: Tag
    what: str


@dataclass(frozen=True, slots=True)
class FleetView:
    """The checks asked once of all hosts together; they stand in no count of hosts."""

    rows: tuple[FleetRowView, ...]
    decided: Share
