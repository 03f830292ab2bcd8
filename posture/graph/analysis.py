"""Everything an attack graph comes to, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from posture.graph.arrays import Arrays, Longs
from posture.graph.best import FAR, Best, best, from_origins, quick
from posture.graph.chance import WORLDS_OF_A_WORD, Chances, chances, sampled, success, worlds_for
from posture.graph.cut import cheapest_cut
from posture.graph.fixpoint import relevant
from posture.graph.landmarks import landmarks
from posture.graph.paths import Chart, best_paths, path_to, routes
from posture.graph.worth import exposure, impact, risk_now, risk_without
from posture.model.outlook import Attacker, Change, ChangeWorth, Cut, Outlook, PathAnalysis, Witness
from posture.model.path import AttackGraph, AttackPath

SEED = 20_260_101
_WORTHS_MAX = 64  # what removes less than the sixty-fourth likeliest change is not read by anyone
_WORTH_CELLS = 1 << 21  # words of one change's worlds over all edges; sixteen changes side by side take 256 MB
_ROUTES_FOR = 25  # objectives that get their alternatives; the others get their likeliest way


def analyse(
    graph: AttackGraph,
    changes: Sequence[Change] = (),
    *,
    seed: int = SEED,
    worlds: int | None = None,
    alternatives: int = 3,
    assumed: bool = False,
) -> PathAnalysis:
    """Return the ways, the probabilities and the changes that matter; equal graph, changes and seed, equal result.

    ``changes`` are what can be done; without any, each condition is a change of its own that costs one hour.
    ``assumed`` starts from assumed breaches as well.
    """
    chart = Chart(graph if assumed else _without_assumed(graph))
    can = tuple(sorted(changes)) or tuple(Change(one.id, (one.id,)) for one in chart.graph.conditions)
    first = best_paths(chart, assumed=True)
    lost = relevant(chart.arrays, chart.arrays.origin, chart.arrays.objective)
    count = worlds or worlds_for(int(lost.edges))
    found = _Numbers(chart, lost, can, count, seed)
    outlooks = found.outlooks(first, alternatives)
    return PathAnalysis(
        outlooks=outlooks,
        not_found=tuple(one.node for one in chart.graph.objectives if one.node not in first),
        risk=tuple((who, found.by[who].mean) for who in Attacker),
        worths=found.worths(first),
        cut=cut(chart, can),
        worlds=found.by[Attacker.AI_DRIVEN].worlds,
        seed=seed,
        notes=_notes(chart.graph),
    )


def _without_assumed(graph: AttackGraph) -> AttackGraph:
    return replace(graph, origins=tuple(one for one in graph.origins if not one.assumed))


def _notes(graph: AttackGraph) -> tuple[str, ...]:
    notes = ["probabilities come from uncalibrated tiers: they compare ways and changes, they promise nothing"]
    if graph.not_evaluated:
        rules = len({one.rule for one in graph.not_evaluated})
        notes.append(f"{rules} rules could not be asked everywhere: where they were not, ways may exist unseen")
    if not graph.origins:
        notes.append("no origin is declared: nothing was searched for")
    if not graph.objectives:
        notes.append("no objective is declared: nothing was searched for")
    return tuple(notes)


class _Numbers:
    """What was computed once for all objectives."""

    def __init__(self, chart: Chart, lost: Arrays, changes: Sequence[Change], worlds: int, seed: int) -> None:
        self._chart, self._changes, self._lost = chart, changes, lost
        self._by_change = lost.relabelled(labels_of(chart, changes))
        self._seed = seed
        self._worlds = worlds
        self.by: Mapping[Attacker, Chances] = {
            who: chances(lost, success(lost, who), worlds=worlds, seed=seed) for who in Attacker
        }
        sure = lost.kept(lost.confidence >= 0.9)
        self._confirmed = chances(sure, sure.p, worlds=worlds, seed=seed)
        self._landmarks = landmarks(self._by_change)
        self._fast_human = _fastest(lost, quick(lost.minutes_human))
        self._fast_machine = _fastest(lost, quick(lost.minutes_machine))

    def outlooks(self, first: Mapping[str, AttackPath], alternatives: int) -> tuple[Outlook, ...]:
        """Return one for each objective that some way leads to, the worst first."""
        graph = self._chart.graph
        known = [at for at, one in enumerate(graph.objectives) if one.node in first]
        chance = self.by[Attacker.AI_DRIVEN].objectives
        known.sort(key=lambda at: (-graph.objectives[at].weight * chance[at], graph.objectives[at].node))
        return tuple(
            self._outlook(at, first[graph.objectives[at].node], alternatives if place < _ROUTES_FOR else 1)
            for place, at in enumerate(known)
        )

    def _outlook(self, at: int, first: AttackPath, most: int) -> Outlook:
        objective = self._chart.graph.objectives[at]
        node = self._chart.node[objective.node]
        ends = self._landmarks[at] or ()
        return Outlook(
            objective=objective.node,
            weight=objective.weight,
            certified=objective.certified,
            paths=routes(self._chart, objective.node, most=most, first=first),
            chances=tuple((who, self.by[who].estimate(at)) for who in Attacker),
            confirmed_chance=self._confirmed.estimate(at),
            fastest_minutes_human=round(float(self._fast_human.cost[node]) / 1_000, 1),
            fastest_minutes_machine=round(float(self._fast_machine.cost[node]) / 1_000, 1),
            landmarks=tuple(sorted(self._changes[one].id for one in ends)),
        )

    def worths(self, first: Mapping[str, AttackPath]) -> tuple[ChangeWorth, ...]:
        """Return what the changes are good for that the likeliest ways go through, or that end every way somewhere."""
        through = self._loads(first)
        for ends in self._landmarks:
            for one in ends or ():
                through.setdefault(one, 0)
        busiest = sorted(through, key=lambda one: (-through[one], self._changes[one].id))[:_WORTHS_MAX]
        arrays = self._by_change
        words = max(1, min(self._worlds // WORLDS_OF_A_WORD, _WORTH_CELLS // max(arrays.edges, 1)))
        drawn = sampled(arrays, success(arrays, Attacker.AI_DRIVEN), worlds=words * WORLDS_OF_A_WORD, seed=self._seed)
        now = risk_now(arrays, drawn)
        left = risk_without(arrays, drawn, [[one] for one in busiest])
        worths = [
            ChangeWorth(
                change=self._changes[one].id,
                hours=self._changes[one].hours,
                exposure=shown,
                impact=behind,
                paths=through[one],
                removes=round(now - after, 6),
            )
            for one, shown, behind, after in zip(
                busiest, exposure(arrays, busiest), impact(arrays, busiest), left, strict=True
            )
        ]
        return tuple(sorted(worths, key=lambda one: (-one.removes, -one.paths, one.change)))

    def _loads(self, first: Mapping[str, AttackPath]) -> dict[int, int]:
        changes_of: dict[str, list[int]] = {}
        for at, change in enumerate(self._changes):
            for condition in change.conditions:
                changes_of.setdefault(condition, []).append(at)
        through: dict[int, int] = {}
        for path in first.values():
            for at in {one for condition in path.breaks for one in changes_of.get(condition, ())}:
                through[at] = through.get(at, 0) + 1
        return through


def _fastest(arrays: Arrays, weight: Longs) -> Best:
    start = np.full(arrays.nodes, FAR, np.int64)
    start[arrays.origin] = 0
    return best(arrays, weight, start)


def labels_of(chart: Chart, changes: Sequence[Change]) -> list[list[int]]:
    """Return the numbers of the conditions of each change; conditions the graph does not know are passed over."""
    return [[chart.condition[id_] for id_ in one.conditions if id_ in chart.condition] for one in changes]


def cut(chart: Chart, changes: Sequence[Change]) -> Cut:
    """Return the cheapest changes that close every objective that can be closed, each with why it is needed."""
    arrays = chart.arrays.relabelled(labels_of(chart, changes))
    hours = np.array([one.hours for one in changes], np.float64)
    found = cheapest_cut(arrays, hours)
    names = [changes[one].id for one in found.labels]
    return Cut(
        changes=tuple(sorted(names)),
        hours=round(found.cost, 3),
        proven=found.proven,
        lower_bound_hours=round(found.lower_bound, 3),
        cores=found.cores,
        witnesses=_witnesses(chart, arrays, found.labels, found.beyond, changes),
        beyond=tuple(chart.graph.objectives[one].node for one in found.beyond),
    )


def _witnesses(
    chart: Chart, arrays: Arrays, labels: Sequence[int], beyond: Sequence[int], changes: Sequence[Change]
) -> tuple[Witness, ...]:
    """Return for each change of a cut the likeliest way that stands when all the others are made."""
    closable = np.delete(arrays.objective, list(beyond))
    start = from_origins(arrays, np.ones(len(arrays.origin), np.bool_))
    found: list[Witness] = []
    for one in labels:
        search = best(arrays, chart.weights, start, arrays.without([other for other in labels if other != one]))
        cost, target = min((int(search.cost[node]), int(node)) for node in closable.tolist())
        if cost < FAR:
            found.append(Witness(changes[one].id, path_to(chart, search, target)))
    return tuple(sorted(found, key=lambda witness: witness.change))
