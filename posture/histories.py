"""The lives of findings as the audit chain tells them: what burn-down and forecast are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from posture.model.burndown import Life, Step
from posture.model.finding import Closing
from posture.store import Did, FindingChange, Store


def lives(store: Store, hosts: Collection[str] | None = None) -> tuple[Life, ...]:
    """Return the life of every finding, of these hosts only if they are given, sorted by host, check and subject."""
    steps: dict[tuple[str, str, str], list[Step]] = {}
    for host, check, subject, change in store.finding_changes():
        if hosts is None or host in hosts:
            steps.setdefault((host, check, subject), []).extend(_step(change))
    return tuple(Life(check, host, subject, tuple(found)) for (host, check, subject), found in sorted(steps.items()))


def _step(change: FindingChange) -> Iterator[Step]:
    day = change.at.date()
    match change.did:
        case Did.OPENED | Did.REOPENED:
            yield Step(day, "opened", tuple(_dues(change.detail)))
        case Did.CLOSED:
            yield Step(day, "closed", fixed=change.detail == Closing.FIXED.value)
        case Did.DUE_CHANGED:
            yield Step(day, "due_changed", tuple(_dues(change.detail)))


def _dues(words: str) -> Iterator[tuple[str, date]]:
    """Yield clock and date of what the chain has in words: ``bod-26-04 2026-12-06, check-days 2026-12-20``."""
    for one in filter(None, words.split(", ")):
        clock, _, day = one.rpartition(" ")
        yield clock, date.fromisoformat(day)
