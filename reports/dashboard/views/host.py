"""One host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reports.view import Link, Pair, Tag


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
class HostPage:
    """Everything said of one host."""

    id: str
    facts: tuple[Pair, ...]
    results: tuple[ResultLine, ...]
    unseen: tuple[Pair, ...]
    answers: tuple[AnswerLine, ...]
    may_read: bool
    """Whether the account may read raw answers."""
