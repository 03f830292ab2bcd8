"""One host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.dashboard.views.common import Count
from reports.view import Link, Pair, Share, Tag, VulnerabilityView


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What one check says of the host."""

    check: str
    title: str
    status: Tag
    said: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer of the host."""

    command: str
    digest: Link
    size_bytes: int
    taken_at: datetime
    account: str
    vantage: str
    origin: str


@dataclass(frozen=True, slots=True)
class HostWay:
    """One attack path that goes through the host."""

    id: str
    path: str
    """Address of its page."""
    title: str
    state: Tag
    why: str
    """What happens on this host, as a sentence."""


@dataclass(frozen=True, slots=True)
class HostWays:
    """Attack paths through the host, those of the worst objective first."""

    none: str
    """Why there is none to show; empty when there is. Never that there is none."""
    lines: tuple[HostWay, ...]
    left_out: int
    unknown: tuple[str, ...] = ()
    """Where somebody may get in here whom nothing names."""


@dataclass(frozen=True, slots=True)
class VantageLine:
    """The host as one vantage sees it."""

    vantage: str
    zone: str
    """With its trust."""
    open: tuple[Pair, ...]
    """Port and what answers there."""
    rest: str
    """What all other ports said."""
    whole: bool
    """Whether every port that should be asked was asked and answered for; else more may be open."""


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """The host from outside, vantage by vantage."""

    none: str
    """Why nothing was seen; empty when something was."""
    lines: tuple[VantageLine, ...]
    gaps: tuple[Pair, ...]
    """Vantage, and what it could not learn."""


@dataclass(frozen=True, slots=True)
class HostFlaws:
    """Known vulnerabilities of the host."""

    assessed: str
    """Who assessed it and from what, or that nobody did."""
    gap: str
    """Why the list may be short; empty when it is whole."""
    exposure: str
    """Whether it counts as publicly exposed, and who says so; empty when it was not assessed."""
    lines: tuple[VulnerabilityView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class HostPage:
    """Everything said of one host."""

    id: str
    facts: tuple[Pair, ...]
    decided: Share
    """Results of this host that say pass, fail or not applicable."""
    open: Count
    ways: HostWays
    network: HostNetwork
    flaws: HostFlaws
    results: tuple[ResultLine, ...]
    unseen: tuple[Pair, ...]
    answers: tuple[AnswerLine, ...]
    may_read: bool
    """Whether the account may read raw answers."""
