"""What an analysis says: ways and what is left after them, profiles, common causes, what-if, and the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from posture.errors import UsageError
from posture.graph.analysis import analyse
from posture.graph.whatif import what_if, without
from posture.model.outlook import Attacker, Change, Outlook, Relief
from posture.model.path import AttackGraph, Tier
from tests.posture.graph.graphs import edge, forward, graph, small_graphs

TWO_WAYS = graph(
    [edge("in", "a", "weak-key", p=0.8), edge("a", "out"), edge("in", "b", "old-web", p=0.45), edge("b", "out", "sudo")]
)


def _only(found: tuple[Outlook, ...]) -> Outlook:
    (one,) = found
    return one


def test_the_next_route_needs_nothing_that_the_first_needs() -> None:
    first, second = _only(analyse(TWO_WAYS).outlooks).paths
    assert first.breaks == ("weak-key",) and second.breaks == ("old-web", "sudo")


def test_the_cut_names_a_way_that_stands_without_each_of_its_changes() -> None:
    cut = analyse(
        TWO_WAYS, [Change("k", ("weak-key",), 2), Change("w", ("old-web",), 5), Change("s", ("sudo",), 1)]
    ).cut
    assert cut.changes == ("k", "s") and cut.hours == 3 and cut.proven and cut.cores == 2
    assert [(one.change, one.path.breaks) for one in cut.witnesses] == [
        ("k", ("weak-key",)), ("s", ("old-web", "sudo"))]  # fmt: skip


def test_what_nothing_can_mend_is_named_and_not_cut() -> None:
    found = analyse(graph([edge("in", "out", p=0.5), edge("in", "vault", "x")], objectives="out vault"))
    assert found.cut.beyond == ("out",) and found.cut.changes == ("x",)


def test_no_path_found_is_not_called_unreachable() -> None:
    found = analyse(graph([edge("a", "out")]))
    assert found.not_found == ("out",) and not found.outlooks
    assert "unreachable" not in json.dumps(msgspec.to_builtins(found))


def test_fifty_hosts_with_one_flaw_fall_together_or_not_at_all() -> None:
    together = graph([edge("in", f"h{n}", p=0.15, cause="cve") for n in range(50)]
                     + [edge(f"h{n}", "out") for n in range(50)])  # fmt: skip
    apart = replace(together, edges=tuple(replace(one, cause=one.id) for one in together.edges))
    chance = [_only(analyse(one).outlooks).chances[0][1].probability for one in (together, apart)]
    assert chance[0] == pytest.approx(0.15, abs=0.02) and chance[1] > 0.99


def test_of_one_cause_the_less_likely_never_works_without_the_likelier() -> None:
    nested = graph([edge("in", "a", p=0.8, cause="x"), edge("a", "out", p=0.3, cause="x")])
    assert _only(analyse(nested).outlooks).chances[0][1].probability == pytest.approx(0.3, abs=0.03)


def test_only_the_opportunist_waits_for_what_is_tried_everywhere() -> None:
    entry = edge("in", "a", p=1.0, attempt=0.2)
    inside = edge("a", "out", p=1.0, attempt=0.2, cause="inside")
    chances = dict(_only(analyse(graph([entry, inside])).outlooks).chances)
    assert chances[Attacker.AI_DRIVEN].probability == 1.0
    assert chances[Attacker.OPPORTUNISTIC].probability == pytest.approx(0.2, abs=0.02)


def test_behind_structure_alone_is_still_the_first_step() -> None:
    found = graph([edge("in", "web", tier=Tier.STRUCTURAL), edge("web", "out", p=1.0, attempt=0.5)])
    assert dict(_only(analyse(found).outlooks).chances)[Attacker.OPPORTUNISTIC].probability < 0.6


def test_a_doubtful_step_makes_a_possible_way_not_a_confirmed_one() -> None:
    doubtful = _only(analyse(graph([edge("in", "out", "x", c=0.5)])).outlooks)
    assert not doubtful.confirmed and doubtful.confirmed_chance.probability == 0.0
    assert doubtful.confirmed_chance.standard_error > 0


def test_an_assumed_breach_counts_only_when_asked_for() -> None:
    found = graph([edge("lan", "out")], origins={"in": 1.0, "lan": 0.05}, assumed=["lan"])
    assert analyse(found).not_found == ("out",)
    path = _only(analyse(found, assumed=True).outlooks).paths[0]
    assert path.assumed and path.probability == pytest.approx(0.05)


def test_what_if_shows_both_sides_and_leaves_the_graph_alone() -> None:
    changes = [Change("k", ("weak-key",), 2), Change("s", ("sudo",), 1)]
    before = replace(TWO_WAYS)
    relief = Relief("web", "CVE-2026-0001", date(2026, 1, 4), date(2026, 3, 2), "no longer exposed")
    found = what_if(TWO_WAYS, changes, ["k", "s"], due_dates=lambda gone: [relief] if "sudo" in gone else [])
    assert found.closed == ("out",) and found.hours == 3 and found.relief == (relief,)
    assert found.risk_removed[0][1].probability == found.before.risk[0][1].probability > 0
    assert before == TWO_WAYS
    with pytest.raises(UsageError, match="no fix `z`"):
        what_if(TWO_WAYS, changes, ["z"])


@given(small_graphs())
@settings(max_examples=15, deadline=None)
def test_mending_never_raises_a_risk(found: AttackGraph) -> None:
    now = dict(analyse(found, worlds=256).risk)
    for condition in found.conditions[:2]:
        then = dict(analyse(without(found, frozenset((condition.id,))), worlds=256).risk)
        assert all(then[who].probability <= now[who].probability for who in Attacker)


@given(small_graphs())
@settings(max_examples=15, deadline=None)
def test_removing_any_enabling_finding_of_a_path_ends_that_path(found: AttackGraph) -> None:
    for outlook in analyse(found, worlds=64).outlooks:
        for path in outlook.paths:
            for condition in path.breaks:
                left = without(found, frozenset((condition,)))
                assert path.id not in {one.id for other in analyse(left, worlds=64).outlooks for one in other.paths}
                assert {one.id for one in left.edges}.isdisjoint(
                    one.id for one in found.edges if condition in one.conditions)  # fmt: skip
                assert forward(left) == forward(found, without=[condition])


def test_the_order_in_which_changes_are_given_does_not_matter() -> None:
    changes = [Change("k", ("weak-key",)), Change("s", ("sudo",)), Change("w", ("old-web",))]
    mixed = list(changes)
    random.Random(3).shuffle(mixed)
    assert analyse(TWO_WAYS, changes) == analyse(TWO_WAYS, mixed)


_PRINT = """
import msgspec
from posture.graph.analysis import analyse
from tests.posture.graph.graphs import edge, graph
names = {"a", "b", "c", "d"}
edges = [edge("in", n, f"f-{n}", p=0.45, cause="cve") for n in names] + [edge("a b", "out", "j", p=0.8)]
edges += [edge(n, "out", f"g-{n}", p=0.15) for n in names]
print(msgspec.json.encode(analyse(graph(edges))).decode())
"""


def test_the_same_evidence_gives_the_same_bytes_in_another_process() -> None:
    home = Path(__file__).parents[3]
    said = {
        subprocess.run(
            [sys.executable, "-c", _PRINT], cwd=home, env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
            capture_output=True, text=True,
        ).stdout
        for seed in ("1", "77")
    }  # fmt: skip
    assert len(said) == 1 and "outlooks" in said.pop()
