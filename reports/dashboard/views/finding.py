"""One finding."""

from __future__ import annotations

from dataclasses import dataclass

from reports.dashboard.views.audit import ChangeLine
from reports.dashboard.views.work import DeskView, WorkLine
from reports.view import Link, Pair, Tag


@dataclass(frozen=True, slots=True)
class FindingPage:
    """The life of one finding."""

    id: str
    title: str
    check: str
    reasons: Link
    """Where the check says why it matters, what was seen and how to mend it."""
    host: Link
    subject: str
    state: str
    severity: Tag
    dues: tuple[Pair, ...]
    work: WorkLine | None
    """Its line of the queue; ``None`` once it is closed."""
    changes: tuple[ChangeLine, ...]
    desk: DeskView
