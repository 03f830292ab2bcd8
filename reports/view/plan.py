"""The contexts of the work list: changes in their order, and how each is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reports.view.words import Link, Share, Tag


@dataclass(frozen=True, slots=True)
class FixText:
    """How to mend it, what that may cost, how to undo it, and how to see that it worked."""

    text: tuple[str, ...]
    precondition: tuple[str, ...]
    risk: str
    minutes: int
    shell: tuple[str, ...]
    rollback: tuple[str, ...]
    verify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FixView:
    """One change, and why it stands where it stands."""

    rank: int
    anchor: str
    check: Link
    title: str
    severity: Tag
    owner: str
    across: bool
    """True when it stands against the whole fleet and no single host."""
    hosts: Share
    host_names: str
    places: tuple[Link, ...]
    """Every host, when the line above names only some."""
    places_left_out: int
    closes: Share
    due: date | None
    relative: str
    late: bool
    due_reason: str
    minutes: int
    risk: str
    how: FixText | None
    reason: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """What to change, in which order."""

    as_of: date
    total: int
    minutes: int
    first: tuple[FixView, ...]
    rest: tuple[FixView, ...]
    left_out: int
