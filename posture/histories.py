"""What the store tells over time: the lives of findings as the audit chain has them, and the scores of each run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

import msgspec

from posture.model.assessment import CategoryScore, GroupScore, Run, RunState
from posture.model.burndown import Life, Step
from posture.model.finding import Closing
from posture.model.trend import ScorePoint, ScoreTrend
from posture.plan.scores import Scores
from posture.store import Did, FindingChange, Store

SCORES = "scores"
"""Name of the part of a run that holds its bands."""


class _Kept(msgspec.Struct, frozen=True):
    """The bands of a run without those of single hosts: they would be most of it, and no trend reads them."""

    categories: tuple[CategoryScore, ...]
    systems: tuple[GroupScore, ...]


def keep_scores(store: Store, run_id: str, scores: Scores) -> None:
    """Keep the bands of a run with it."""
    kept = _Kept(scores.categories, tuple(one for one in scores.groups if one.kind == "system"))
    store.save_part(run_id, SCORES, msgspec.json.encode(kept, order="deterministic"))


def score_trend(store: Store, ref: str, *, most: int = 12) -> ScoreTrend:
    """Return the bands of a run and of up to ``most - 1`` comparable runs before it.

    Raises:
        StoreError: there is no such run.
    """
    here = store.load_run(ref).run
    name = store.inventory(here.id).name
    points: list[ScorePoint] = []
    other = not_kept = 0
    for run in sorted((one.run for one in store.runs()), key=lambda one: (one.as_of, one.id), reverse=True):
        if len(points) == most:
            break
        if run.id != here.id and not _before(run, here):
            continue
        if run.id != here.id and store.inventory(run.id).name != name:
            continue
        if run.baseline_digest != here.baseline_digest:
            other += 1
        elif (kept := _kept(store, run.id)) is None:
            not_kept += 1
        else:
            share = store.coverage(run.id)
            points.append(ScorePoint(run.id, run.as_of, share.decided, share.possible, kept.categories, kept.systems))
    if not points or points[0].run != here.id:
        return ScoreTrend((), other, not_kept)
    return ScoreTrend(tuple(reversed(points)), other, not_kept)


def _before(run: Run, here: Run) -> bool:
    known = run.state is RunState.COMPLETE and run.origin is here.origin
    return known and (run.as_of, run.id) < (here.as_of, here.id)


def _kept(store: Store, run_id: str) -> _Kept | None:
    if SCORES not in store.parts(run_id):
        return None
    return msgspec.json.decode(store.part(run_id, SCORES), type=_Kept)


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
