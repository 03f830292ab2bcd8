"""The queue, its desk, and requests for waivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.dashboard.views.common import Choice
from reports.view import Link, Share, Tag


@dataclass(frozen=True, slots=True)
class WorkLine:
    """One open finding in the queue."""

    id: str
    finding: Link
    title: str
    check: str
    host: Link
    zone: str
    owner: str
    subject: str
    severity: Tag
    first_seen: datetime
    due: date | None
    relative: str
    clock: str
    """Whose date it is; empty without one."""
    late: bool
    waived: bool
    reopened: int
    """How many times it came back after it was closed."""
    assignee: str
    """Who works on it; empty for nobody."""
    ticket: str
    comments: int
    request: str
    """Where the newest request for a waiver stands; empty when there is none."""


@dataclass(frozen=True, slots=True)
class WorkGroup:
    """Lines that stand together."""

    title: str
    """Empty when nothing is grouped."""
    total: int
    """Lines of the group on all pages."""
    lines: tuple[WorkLine, ...]


@dataclass(frozen=True, slots=True)
class WorkView:
    """The queue: what is asked for, and the part of it on this page."""

    groups: tuple[WorkGroup, ...]
    matching: int
    total: int
    coverage: Share
    """Results that are decided: what is not may hold more findings."""
    words: str
    """The text that is looked for."""
    severities: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    zones: tuple[Choice, ...]
    assignees: tuple[Choice, ...]
    states: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    groupings: tuple[Choice, ...]
    late_only: bool
    clocks: tuple[Choice, ...]
    earlier: str
    """Address of the page before; empty on the first."""
    later: str
    csv: str
    """Address of the same lines as CSV."""
    query: str
    """What is asked for, as the query of an address."""
    desk: DeskView


@dataclass(frozen=True, slots=True)
class DeskView:
    """What an account may do about findings, and with what."""

    may_work: bool
    people: tuple[str, ...]
    """Accounts that work on findings, to choose from."""
    until: date
    """The longest that a waiver can be asked for."""
    wrong: str = ""
    """What went wrong with the last try."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request for a waiver."""

    id: str
    check: str
    title: str
    host: Link
    findings: tuple[Link, ...]
    reason: str
    expires: date
    state: Tag
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str
    decisions: tuple[str, ...]
    """What the account that looks may decide."""


@dataclass(frozen=True, slots=True)
class RequestsView:
    """Requests for waivers, the undecided first."""

    lines: tuple[RequestLine, ...]
    wrong: str
