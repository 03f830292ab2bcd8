"""What happened between two runs that somebody asked to be told of; pure, and the same event has the same id again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from posture.model.assessment import Assessment
from posture.model.finding import Finding

NAMED = 20  # findings and paths named in a notice; all are counted


class EventKind(StrEnum):
    """What can be told of."""

    NEW_CRITICAL_PATH = "new-critical-path"
    OVERDUE = "overdue"
    COVERAGE_DROP = "coverage-drop"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell; it names findings and paths by id, and no host unless that was asked for."""

    id: str
    kind: EventKind
    run: str
    as_of: datetime
    sentence: str
    count: int
    ids: tuple[str, ...]
    """Of findings or paths, the first of them."""
    hosts: tuple[str, ...] = ()
    """Empty unless the configuration lets names of hosts leave this machine."""
    coverage: str = ""
    """Beside every number: how much of the run was decided."""


def events(now: Assessment, before: Assessment | None, *, drop_points: float, with_hosts: bool) -> Iterator[Event]:
    """Yield what is new since the run before; without one only what is overdue can be told."""
    yield from _paths(now, before, with_hosts=with_hosts)
    yield from _overdue(now, before, with_hosts=with_hosts)
    if before is not None:
        yield from _coverage(now, before, drop_points)


def _paths(now: Assessment, before: Assessment | None, *, with_hosts: bool) -> Iterator[Event]:
    if now.attack is None or before is None or before.attack is None:
        return  # nobody can say that a way is new
    known = {path.id for path in before.attack.paths()}
    new = [path for path in now.attack.paths() if path.id not in known]
    if new:
        confirmed = sum(path.confirmed for path in new)
        labels = {node.id: node.label for node in now.attack.named_nodes}
        ends = tuple(sorted({labels.get(path.objective, path.objective) for path in new})) if with_hosts else ()
        sentence = (
            f"{len(new)} new attack {_some(len(new), 'path')} to what must not be lost, {confirmed} of them confirmed"
        )
        yield _event(now, EventKind.NEW_CRITICAL_PATH, sentence, [path.id for path in new], ends)


def _overdue(now: Assessment, before: Assessment | None, *, with_hosts: bool) -> Iterator[Event]:
    then = before.today if before is not None else date.min
    late = [one for one in now.findings if one.open and _passed(one, now.today)]
    new = [one for one in late if not _passed(one, then) or (before is not None and one.first_seen > before.run.as_of)]
    if new:
        sentence = f"{len(new)} open {_some(len(new), 'finding')} newly overdue, {len(late)} in all"
        hosts = tuple(sorted({one.host for one in new})) if with_hosts else ()
        yield _event(now, EventKind.OVERDUE, sentence, [one.id for one in new], hosts)


def _coverage(now: Assessment, before: Assessment, drop_points: float) -> Iterator[Event]:
    lost = 100 * (before.coverage.share - now.coverage.share)
    if lost >= drop_points:
        sentence = f"coverage fell by {lost:.1f} points, from {_share(before)} to {_share(now)}: unknown is not good"
        yield _event(now, EventKind.COVERAGE_DROP, sentence, [], ())


def _passed(finding: Finding, day: date) -> bool:
    return any(due.due < day for due in finding.due[:1])


def _some(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _share(assessment: Assessment) -> str:
    coverage = assessment.coverage
    return f"{100 * coverage.share:.1f} % ({coverage.decided} of {coverage.possible})"


def _event(now: Assessment, kind: EventKind, sentence: str, ids: list[str], hosts: tuple[str, ...]) -> Event:
    told = "\n".join((kind.value, now.run.id, sentence, *sorted(ids)))
    return Event(
        id=hashlib.sha256(told.encode()).hexdigest()[:16],
        kind=kind,
        run=now.run.id,
        as_of=now.run.as_of,
        sentence=sentence,
        count=len(ids),
        ids=tuple(sorted(ids)[:NAMED]),
        hosts=hosts[:NAMED],
        coverage=_share(now),
    )
