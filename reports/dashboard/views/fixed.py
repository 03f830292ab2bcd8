"""What was mended, with its receipts."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view import Link, Pair, Tag


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A finding that was mended: it failed with one piece of evidence and passes with another."""

    finding: Link
    id: str
    check: str
    subject: str
    host: Link
    failed: Pair
    """When it failed last, and by what."""
    passes: Pair
    """When it was seen mended, and by what."""
    days_open: int
    ticket: str
    holds: Tag
    why: str


@dataclass(frozen=True, slots=True)
class PathGone:
    """An attack path that the earlier run found and this one does not."""

    id: str
    steps: tuple[str, ...]
    proof: Tag
    why: str


@dataclass(frozen=True, slots=True)
class FixedView:
    """What was mended, and what that ended."""

    receipts: tuple[ReceiptLine, ...]
    """Of every fix that stands, the newest first."""
    since: str
    """The run whose attack paths these are compared with; empty when there is none."""
    why_none: str
    """Why paths are not compared; empty when they are."""
    left: int
    """Attack paths that are found now."""
    gone: tuple[PathGone, ...]
    new: int
    """Attack paths of now that the earlier run did not have."""
