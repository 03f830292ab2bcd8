"""Derivations are told without steps that do nothing for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from graphs import edge, forward, graph, small_graphs
from hypothesis import given, settings

from posture.graph.paths import Chart, best_paths
from posture.model.path import AttackGraph, Tier


def test_one_login_is_enough_to_be_on_a_host_and_to_become_root_there() -> None:
    free = {"tier": Tier.STRUCTURAL, "p": 1.0}
    found = graph(
        [
            edge("in", "guest", "k1", p=0.95),
            edge("in", "admin", "k2", p=0.95),
            edge("guest", "somebody", **free),
            edge("admin", "somebody", **free),
            edge("admin", "key", "k3", p=0.95),
            edge("somebody key", "out", p=0.95),
        ]
    )
    path = best_paths(Chart(found))["out"]
    assert set(path.breaks) == {"k2", "k3"}
    assert path.probability == pytest.approx(0.95**3)


def only(found: AttackGraph, edges: set[str]) -> AttackGraph:
    return replace(found, edges=tuple(one for one in found.edges if one.id in edges))


@given(small_graphs())
@settings(max_examples=60, deadline=None)
def test_a_trimmed_way_still_leads_there_and_every_step_of_it_is_needed(found: AttackGraph) -> None:
    for objective, path in best_paths(Chart(found)).items():
        steps = {step.edge for step in path.steps}
        assert objective in forward(only(found, steps))
        for step in steps:
            assert objective not in forward(only(found, steps - {step}))
        for at, step in enumerate(path.steps, start=1):
            assert step.number == at and all(before < at for before in step.after)
