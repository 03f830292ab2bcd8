"""Which change to make next: against the exact optimum over all orders, and where one change alone gains nothing."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest

from posture.graph.arrays import compiled
from posture.graph.remaining import Remaining
from posture.model.path import AttackGraph
from tests.posture.graph.graphs import edge, exact_chances, graph


def _order(found: AttackGraph, hours: list[float]) -> list[int]:
    remaining = Remaining(compiled(found), hours, seed=3, worlds=1_024)
    left, order = set(range(len(hours))), []
    while left:
        pick = remaining.choose(left)
        order.append(pick.change if pick else min(left))
        left.discard(order[-1])
        remaining.make(order[-1])
    return order


def _area(order: list[int], hours: list[float], risk: dict[frozenset[int], float]) -> float:
    done: frozenset[int] = frozenset()
    total = 0.0
    for one in order:
        total += risk[done] * hours[one]
        done |= {one}
    return total


def _estate(seed: int) -> tuple[AttackGraph, list[float], dict[frozenset[int], float]]:
    """Return six fixes over a small cyclic estate, and the exact risk for every set of them."""
    rng = random.Random(seed)
    nodes = ["a", "b", "c", "d", "out", "vault"]
    edges = [
        edge(["in", *nodes[:4]][rng.randrange(1 + at % 5) :][:1], rng.choice(nodes), f"f{at % 6}",
             p=rng.choice((0.95, 0.8, 0.45, 0.15)), cause=f"cause {at}")
        for at in range(6)
    ]  # fmt: skip
    edges += [edge("in", "a", "f0", p=0.8, cause="x"), edge("a", "out", "f1", p=0.95, cause="y"),
              edge("in", "vault", "f2", p=0.45, cause="z"), edge("in", "a", "f3", p=0.45, cause="w")]  # fmt: skip
    found = graph(edges, "in", {"out": 2.0, "vault": 1.0})
    hours = [rng.choice((0.5, 1.0, 2.0, 4.0)) for _ in found.conditions]
    risk = {}
    for size in range(len(hours) + 1):
        for done in itertools.combinations(range(len(hours)), size):
            gone = {found.conditions[at].id for at in done}
            left = graph(
                [one for one in found.edges if not gone & set(one.conditions)], "in", {"out": 2.0, "vault": 1.0}
            )
            chance = exact_chances(left)
            risk[frozenset(done)] = (2 * chance["out"] + chance["vault"]) / 3
    return found, hours, risk


def _optimum(hours: list[float], risk: dict[frozenset[int], float]) -> float:
    """Return the least area over all orders, by dynamic programming over sets."""
    best = {frozenset[int](): 0.0}
    for size in range(1, len(hours) + 1):
        for done in itertools.combinations(range(len(hours)), size):
            whole = frozenset(done)
            best[whole] = min(best[whole - {one}] + risk[whole - {one}] * hours[one] for one in done)
    return best[frozenset(range(len(hours)))]


def test_the_order_is_close_to_the_best_of_all_orders() -> None:
    regrets = []
    for seed in range(3):
        found, hours, risk = _estate(seed)
        regrets.append(_area(_order(found, hours), hours, risk) / max(_optimum(hours, risk), 1e-9))
    assert statistics.mean(regrets) < 1.08 and max(regrets) < 1.25


def test_two_ways_side_by_side_do_not_stall_it() -> None:
    """Each of two fixes alone gains nothing while the other way stands; a third gains little and costs little."""
    found = graph([edge("in", "out", "left"), edge("in", "out", "right", cause="other"),
                   edge("in", "vault", "speck", p=0.15)], "in", {"out": 100.0, "vault": 0.1})  # fmt: skip
    names = [one.id for one in found.conditions]
    order = [names[one] for one in _order(found, [1.0, 1.0, 1.0])]
    assert set(order[:2]) == {"left", "right"}


def test_a_pick_says_what_falls_and_how_many_ways_it_cuts() -> None:
    found = graph([edge("in", "a", "key", p=0.8), edge("a", "out")])
    remaining = Remaining(compiled(found), [2.0], seed=1, worlds=4_096)
    pick = remaining.choose([0])
    assert pick is not None and pick.risk_before == pytest.approx(0.8, abs=0.03) and pick.risk_after == 0.0
    assert pick.ways == pick.ways_left > 0
    remaining.make(0)
    assert remaining.risk == 0.0 and remaining.choose([0]) is None and remaining.finish_line() == ()
