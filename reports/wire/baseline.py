"""What the hosts were judged by: checks, departures from the profile."""

from __future__ import annotations

from typing import Any, Literal

from reports.wire.words import SeverityWord, Wire


class References(Wire, frozen=True):
    """Where a requirement comes from."""

    nist_800_53r5: list[str]
    stig: list[str]
    cis: list[str]
    cisa: list[str]
    other: list[str]
    attack: list[str]
    atlas: list[str]


class FixText(Wire, frozen=True):
    """How to mend it and what that may cost."""

    text: str
    precondition: str
    risk: Literal["none", "restart", "session_drop", "lockout", "outage"]
    minutes: int
    shell: str
    rollback: str
    verify: str


class Check(Wire, frozen=True):
    """A check as it was used."""

    id: str
    revision: int
    title: str
    rationale: str
    severity: SeverityWord
    confidence: int
    deadline_class: str
    deadline_days: int
    categories: list[str]
    effect: str
    does_not_help: str
    fix: FixText
    references: References
    digest: str


class Tailoring(Wire, frozen=True):
    """One departure from the profile."""

    check: str
    key: str
    old: Any
    new: Any
    reason: str


class Baseline(Wire, frozen=True):
    """What the hosts were judged by."""

    profile: str
    title: str
    version: str
    max_age_days: int
    fail_threshold: SeverityWord
    digest: str
    checks: list[Check]
    tailoring: list[Tailoring]
    removed: dict[str, str]
