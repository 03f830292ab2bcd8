"""The contexts of what stands on top of the page: who looked, the verdict, what was seen and what was not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.view.words import Link, Pair, Share, Tag


@dataclass(frozen=True, slots=True)
class HeaderView:
    """Who looked, by what authority, when, and by which baseline."""

    profile: str
    run: str
    as_of: datetime
    key_facts: tuple[Pair, ...]
    """What an auditor asks first."""
    facts: tuple[Pair, ...]
    warnings: tuple[str, ...]
    """What the reader must know before any number."""


@dataclass(frozen=True, slots=True)
class HeadlineView:
    """The verdict in one sentence and four numbers."""

    sentence: str
    caution: str
    coverage: Share
    hosts: Share
    open: int
    open_fleet: int
    open_hosts: Share
    overdue: Share
    next_due: date | None
    """The first day, from today on, on which a finding that is not waived is due."""
    next_relative: str
    overdue_waived: int
    waived: Share
    severities: tuple[SeverityCount, ...]


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """Open findings of one severity."""

    tag: Tag
    count: Share


@dataclass(frozen=True, slots=True)
class StatusSlice:
    """One status as a part of the coverage bar; x and width in percent of the bar."""

    name: str
    tone: str
    meaning: str
    count: Share
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class BlindHostView:
    """What one host did not tell."""

    host: Link
    zone: str
    owner: str
    topics: str
    checks: Share
    names: str
    detail: str


@dataclass(frozen=True, slots=True)
class BlindView:
    """One reason for not knowing, and what to do about it."""

    title: str
    meaning: str
    action: str
    hosts: Share
    results: Share
    listed: tuple[BlindHostView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class CoverageView:
    """What was seen, out of what there is."""

    share: Share
    hosts_assessed: Share
    hosts_complete: Share
    hosts_blind: Share
    slices: tuple[StatusSlice, ...]
    complete: bool
    blind: tuple[BlindView, ...]
