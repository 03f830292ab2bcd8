"""The arrays against the plainest code one can write, on small random graphs with cycles and joins."""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings

from posture.graph.arrays import compiled
from posture.graph.best import FAR, best, from_origins, likely
from posture.graph.chance import chances, success
from posture.graph.cut import cheapest_cut
from posture.graph.fixpoint import reached, relevant
from posture.graph.landmarks import landmarks
from posture.graph.paths import Chart, best_paths
from posture.model.outlook import Attacker
from posture.model.path import AttackGraph
from tests.posture.graph.graphs import edge, exact_chances, forward, graph, small_graphs

FEW = settings(max_examples=25, deadline=None)


@given(small_graphs())
@FEW
def test_what_is_reached_is_the_least_fixed_point(found: AttackGraph) -> None:
    arrays = compiled(found)
    have = reached(arrays, arrays.origin)
    assert {found.nodes[at].id for at in np.flatnonzero(have)} == forward(found)


@given(small_graphs())
@FEW
def test_taking_away_any_condition_takes_away_its_edges(found: AttackGraph) -> None:
    arrays = compiled(found)
    for at, condition in enumerate(found.conditions):
        have = reached(arrays, arrays.origin, arrays.without([at]))
        assert {found.nodes[n].id for n in np.flatnonzero(have)} == forward(found, without=[condition.id])
        standing = {found.edges[arrays.edge_of[n]].id for n in np.flatnonzero(arrays.without([at]))}
        assert standing == {one.id for one in found.edges if condition.id not in one.conditions}


def _knuth(found: AttackGraph) -> dict[str, int]:
    """Return the cost of every node by the textbook: a heap, and a rule offered when its last premise is settled."""
    weight = dict(
        zip([found.edges[n].id for n in compiled(found).edge_of], likely(compiled(found)).tolist(), strict=True)
    )
    settled: dict[str, int] = {}
    heap = [(0, one.node) for one in found.origins]
    while heap:
        cost, node = heapq.heappop(heap)
        if node in settled:
            continue
        settled[node] = cost
        for one in found.edges:
            if node in one.premises and all(premise in settled for premise in one.premises):
                heapq.heappush(
                    heap, (weight[one.id] + max(settled[premise] for premise in one.premises), one.conclusion)
                )
    return settled


@given(small_graphs())
@FEW
def test_best_costs_are_those_of_knuths_algorithm(found: AttackGraph) -> None:
    arrays = compiled(found)
    result = best(arrays, likely(arrays), from_origins(arrays, np.ones(1, bool)))
    costs = {found.nodes[n].id: int(result.cost[n]) for n in range(arrays.nodes) if result.cost[n] < FAR}
    assert costs == _knuth(found)


@given(small_graphs())
@FEW
def test_a_path_is_a_derivation_each_step_after_what_it_needs(found: AttackGraph) -> None:
    chart = Chart(found)
    by_id = {one.id: one for one in found.edges}
    for objective, path in best_paths(chart).items():
        have = {one.node for one in found.origins}
        for step in path.steps:
            assert have.issuperset(by_id[step.edge].premises)
            assert all(number < step.number for number in step.after)
            have.add(by_id[step.edge].conclusion)
        assert objective in have
        least = {one.cause: one.p for one in map(by_id.get, (step.edge for step in path.steps)) if one}
        assert path.probability == pytest.approx(math.prod(least.values()))
    assert set(best_paths(chart)) == forward(found) & {"out", "vault"}


@given(small_graphs(most_edges=9))
@FEW
def test_sampled_worlds_come_to_the_enumerated_probability(found: AttackGraph) -> None:
    arrays = compiled(found)
    small = relevant(arrays, arrays.origin, arrays.objective)
    got = chances(small, success(small, Attacker.AI_DRIVEN), worlds=4_096, seed=7)
    exact = exact_chances(found)
    for at, objective in enumerate(found.objectives):
        estimate = got.estimate(at)
        # five standard errors: over these examples of two objectives a false alarm is one in ten thousand
        assert abs(estimate.probability - exact[objective.node]) <= 5 * estimate.standard_error + 1e-6


@given(small_graphs())
@FEW
def test_no_path_found_is_likelier_than_its_objective(found: AttackGraph) -> None:
    exact = exact_chances(found)
    for objective, path in best_paths(Chart(found)).items():
        assert path.probability <= exact[objective] + 1e-9


@given(small_graphs())
@FEW
def test_landmarks_are_the_conditions_that_alone_close_an_objective(found: AttackGraph) -> None:
    got = landmarks(compiled(found))
    held = forward(found)
    for at, objective in enumerate(found.objectives):
        labels = got[at]
        if objective.node not in held:
            assert labels is None
            continue
        alone = {one.id for one in found.conditions if objective.node not in forward(found, without=[one.id])}
        assert labels is not None
        assert {found.conditions[label].id for label in labels} == alone


@given(small_graphs(certain=True))
@FEW
def test_the_cut_is_the_cheapest_of_all_subsets(found: AttackGraph) -> None:
    arrays = compiled(found)
    hours = np.array([1.0 + 0.5 * (ord(one.id) - ord("p")) for one in found.conditions])
    got = cheapest_cut(arrays, hours)
    everything = [one.id for one in found.conditions]
    closable = {one.node for one in found.objectives} - forward(found, without=everything)
    beyond = {found.objectives[at].node for at in got.beyond}
    assert beyond == {one.node for one in found.objectives} - closable
    closing = [
        sum(hours[everything.index(one)] for one in chosen)
        for size in range(len(everything) + 1)
        for chosen in itertools.combinations(everything, size)
        if not closable & forward(found, without=chosen)
    ]
    assert got.proven
    assert got.cost == pytest.approx(min(closing))
    assert not closable & forward(found, without=[everything[label] for label in got.labels])


def test_merging_does_not_tie_two_ways_together() -> None:
    """``w -> u -> v`` with another way into ``v``: closing ``z`` must not be asked for on account of ``w``."""
    found = graph(
        [edge("in", "w", "p"), edge("w", "u"), edge("u", "v"), edge("in", "z", "q"), edge("z", "v"),
         edge("v", "out", "r"), edge("w", "vault", "s")],
        objectives="out vault",
    )  # fmt: skip
    got = cheapest_cut(compiled(found), np.array([5.0, 5.0, 1.0, 1.0]))
    assert [found.conditions[label].id for label in got.labels] == ["r", "s"]
