"""What if these changes were made: the graph before and after, in the same worlds; nothing stored is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from posture.errors import UsageError
from posture.graph.analysis import SEED, analyse
from posture.model.outlook import Attacker, Change, Estimate, PathAnalysis, Relief, WhatIf
from posture.model.path import AttackGraph

DueDates = Callable[[frozenset[str]], Iterable[Relief]]
"""From the conditions that would be gone to the dates that would move; the clocks answer it."""


def what_if(
    graph: AttackGraph,
    changes: Sequence[Change],
    made: Sequence[str],
    *,
    seed: int = SEED,
    worlds: int | None = None,
    due_dates: DueDates | None = None,
    assumed: bool = False,
    before: PathAnalysis | None = None,
) -> WhatIf:
    """Return what these changes come to, made together; ``before`` is the graph's own analysis, where it is at hand.

    Raises:
        UsageError: a change is not among ``changes``.
    """
    known = {one.id: one for one in changes}
    if unknown := [id_ for id_ in made if id_ not in known]:
        raise UsageError(f"no fix `{unknown[0]}` in this plan", hint="`posture plan` lists them with their ids")
    gone = frozenset(condition for id_ in made for condition in known[id_].conditions)
    before = before or analyse(graph, changes, seed=seed, worlds=worlds, assumed=assumed)
    after = analyse(without(graph, gone), changes, seed=seed, worlds=before.worlds, assumed=assumed)
    return WhatIf(
        made=tuple(sorted(made)),
        hours=sum(known[id_].hours for id_ in sorted(set(made))),
        before=before,
        after=after,
        closed=tuple(sorted(set(after.not_found) - set(before.not_found))),
        ended=tuple(sorted(_paths(before) - _paths(after))),
        risk_removed=_removed(before, after),
        relief=tuple(sorted(due_dates(gone))) if due_dates else (),
    )


def without(graph: AttackGraph, conditions: frozenset[str]) -> AttackGraph:
    """Return the graph as it would be were these conditions gone: every edge that needs one goes with it."""
    return replace(
        graph,
        edges=tuple(edge for edge in graph.edges if conditions.isdisjoint(edge.conditions)),
        conditions=tuple(one for one in graph.conditions if one.id not in conditions),
    )


def _paths(found: PathAnalysis) -> set[str]:
    return {path.id for outlook in found.outlooks for path in outlook.paths}


def _removed(before: PathAnalysis, after: PathAnalysis) -> tuple[tuple[Attacker, Estimate], ...]:
    """Return how far each risk falls; the same worlds on both sides, so the error is at most that of either."""
    then = dict(after.risk)
    return tuple(
        (
            who,
            Estimate(
                round(now.probability - then[who].probability, 6),
                max(now.standard_error, then[who].standard_error),
            ),
        )
        for who, now in before.risk
    )
