"""The contexts of what a verdict rests on: waivers, attestations, the baseline, evidence, method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.view.words import Link, Pair, Share, Tag


@dataclass(frozen=True, slots=True)
class WaiverView:
    """A decision to live with a failure."""

    anchor: str
    id: str
    check: str
    state: Tag
    meaning: str
    covers: str
    reason: str
    owner: str
    approved: str
    expires: date
    relative: str
    compensating: str
    poam: str
    keeps_open: tuple[Link, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class AttestationView:
    """What one person states of one check on one host, where no program could look."""

    check: str
    host: str
    state: Tag
    meaning: str
    author: str
    made_at: datetime
    reason: str
    expires: date
    relative: str
    file: str
    """Name of the document it rests on; empty when none is named."""
    file_sha256: str


@dataclass(frozen=True, slots=True)
class AttestedView:
    """What is stated and not measured."""

    active: Share
    rows: tuple[AttestationView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class TailoringView:
    """One departure from the profile."""

    check: str
    key: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class BaselineView:
    """What the hosts were judged by."""

    title: str
    profile: str
    digest: str
    checks: int
    changes: tuple[TailoringView, ...]
    removed: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """One host that gave a piece of evidence."""

    host: Link
    command: str
    account: str
    vantage: str
    origin: str
    live: bool
    taken_at: datetime
    duration_ms: int
    exit_code: str
    remark: str


@dataclass(frozen=True, slots=True)
class ExcerptView:
    """The bytes behind a digest, as far as they are shown."""

    anchor: str
    digest: str
    size_bytes: int
    sources: tuple[SourceView, ...]
    lines: tuple[str, ...]
    stderr: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The evidence of the findings shown."""

    excerpts: tuple[ExcerptView, ...]
    shown: Share
    """Digests whose bytes are shown, at least in part."""
    excerpt_bytes: int
    total_bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodView:
    """What the words mean, and what this report cannot say."""

    statuses: tuple[Pair, ...]
    terms: tuple[Pair, ...]
    walk: tuple[Pair, ...]
    """How to follow a number of this report down to evidence."""
    cannot_say: tuple[str, ...]
    fingerprint: str
