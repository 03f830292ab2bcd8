"""What each change is good for: who reaches it, what lies behind it, and what risk goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posture.graph.arrays import Arrays, Bools, Floats, Ragged, Words
from posture.graph.chance import Worlds, objective_worlds, removed_by
from posture.graph.fixpoint import ALL, held

_SIDE_BY_SIDE = 16
_AT_ONCE = 64


def exposure(arrays: Arrays, labels: Sequence[int]) -> list[float]:
    """Return for each label the share of the origins, by prior, that reach an edge it breaks.

    An origin is taken alone here: what two of them reach only together counts for neither.
    """
    total = float(arrays.prior.sum())
    shares = np.zeros(len(labels))
    for begin in range(0, len(arrays.origin), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        bits = np.uint64(1) << np.arange(len(arrays.origin[part]), dtype=np.uint64)
        start = np.zeros((arrays.nodes, 1), np.uint64)
        np.bitwise_or.at(start[:, 0], arrays.origin[part], bits)
        fires = fired(arrays, held(arrays, start))[:, 0]
        for at, label in enumerate(labels):
            edges = arrays.broken_by.row(label)
            reach = np.bitwise_or.reduce(fires[edges], initial=np.uint64(0))
            shares[at] += float(arrays.prior[part][(reach & bits) != 0].sum())
    return [round(share / total, 6) if total else 0.0 for share in shares.tolist()]


def fired(arrays: Arrays, state: Words) -> Words:
    """Return for each edge the worlds in which all its premises are held."""
    value = state[arrays.first_premise]
    value[arrays.premises.sizes == 0] = ALL
    joins = np.flatnonzero(arrays.joins)
    if len(joins):
        picked = arrays.premises.picked(joins)
        value[joins] = np.bitwise_and.reduceat(state[picked.values], picked.at[:-1], axis=0)
    return value


def impact(arrays: Arrays, labels: Sequence[int]) -> list[float]:
    """Return for each label the share of the objectives, by weight, that lie behind an edge it breaks.

    ``arrays`` holds only edges that can fire. Other premises on the way are taken as held, so this is an upper bound.
    """
    total = float(arrays.weight.sum())
    easy = _relaxed(arrays)
    shares: list[float] = []
    for begin in range(0, len(labels), _AT_ONCE):
        part = labels[begin : begin + _AT_ONCE]
        start = np.zeros((arrays.nodes, 1), np.uint64)
        for bit, label in enumerate(part):
            start[arrays.conclusion[arrays.broken_by.row(label)], 0] |= np.uint64(1 << bit)
        found = held(easy, start)[arrays.objective, 0]
        for bit in range(len(part)):
            behind = (found & np.uint64(1 << bit)) != 0
            shares.append(round(float(arrays.weight[behind].sum()) / total, 6) if total else 0.0)
    return shares


def _relaxed(arrays: Arrays) -> Arrays:
    """Return a graph with one edge for each premise, as if every other premise were held."""
    owners = arrays.premises.owners
    order = np.argsort(arrays.conclusion[owners], kind="stable")
    premises = Ragged(np.arange(len(order) + 1, dtype=np.int64), arrays.premises.values[order])
    bare = Ragged(np.zeros(len(order) + 1, np.int64), np.zeros(0, np.int32))
    return replace(arrays, conclusion=arrays.conclusion[owners[order]], premises=premises, labels=bare)


def risk_without(arrays: Arrays, drawn: Worlds, labels: Sequence[Sequence[int]]) -> list[float]:
    """Return the weighted mean share of worlds lost once each set of labels alone is gone, in the same worlds."""
    found: list[float] = []
    for begin in range(0, len(labels), _SIDE_BY_SIDE):
        stands = [arrays.without(list(one)) for one in labels[begin : begin + _SIDE_BY_SIDE]]
        found += removed_by(arrays, drawn, stands, lambda lost: mean_lost(lost, arrays.weight, drawn.count))
    return found


def risk_now(arrays: Arrays, drawn: Worlds, edges: Bools | None = None) -> float:
    """Return the weighted mean share of worlds in which an objective is lost."""
    return mean_lost(objective_worlds(arrays, drawn, edges), arrays.weight, drawn.count)


def mean_lost(lost: Words, weight: Floats, worlds: int) -> float:
    """Return the weighted mean share of worlds in which the rows hold."""
    total = float(weight.sum())
    return float(np.bitwise_count(lost).sum(axis=1) @ weight) / (worlds * total) if total else 0.0
