"""The best derivation of every node at once: Knuth's generalisation of Dijkstra's algorithm, in array rounds.

A rule costs its own weight and the dearest of its premises. That ranks well and is exact for AND nodes; what is
shown of a path is worked out again from its distinct causes (``posture.graph.paths``). Weights are whole numbers, so
no order of additions can change a result, and each is above zero, so no rule costs nothing and no cycle is free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posture.graph.arrays import Arrays, Bools, Floats, Ints, Longs
from posture.graph.fixpoint import firsts, touched_by

FAR = np.int64(1) << 60
"""More than any way costs: nothing was found. Adding a weight to it does not overflow."""
MICRO = 1_000_000
HOP = 1_000  # a thousandth of a nat per rule: of two equally likely ways the shorter one is named
_LEAST_P = 1e-12


@dataclass(frozen=True, eq=False)
class Best:
    """The cheapest derivation of every node."""

    cost: Longs
    """``FAR`` where none was found."""
    by: Ints
    """The edge that concludes it there; -1 for an origin and for what was not found."""


def likely(arrays: Arrays) -> Longs:
    """Return weights under which the cheapest derivation is the likeliest: -ln p in millionths, a little per rule."""
    nats = -np.log(np.maximum(arrays.p * arrays.confidence, _LEAST_P))
    weight: Longs = np.rint(nats * MICRO).astype(np.int64) + HOP
    return weight


def quick(minutes: Floats) -> Longs:
    """Return weights under which the cheapest derivation is the fastest: thousandths of a minute."""
    return np.rint(minutes * 1_000).astype(np.int64) + 1


def best(arrays: Arrays, weight: Longs, start: Longs, edges: Bools | None = None) -> Best:
    """Return the cheapest derivation of every node, over all edges or over these.

    ``start`` is what it costs to begin at each node, ``FAR`` where nobody begins. Of equally cheap edges the first in
    the order of ``arrays`` is taken.
    """
    weight = weight if edges is None else np.where(edges, weight, FAR)
    cost = start.copy()
    touched = np.union1d(touched_by(arrays, np.flatnonzero(cost < FAR)), np.flatnonzero(arrays.premises.sizes == 0))
    while len(touched):
        offer = _offers(arrays, weight, cost, touched)
        target, first = firsts(arrays.conclusion[touched])
        least = np.minimum.reduceat(offer, first)
        better = least < cost[target]
        frontier = target[better]
        cost[frontier] = least[better]
        touched = touched_by(arrays, frontier)
    return Best(cost, _chosen(arrays, weight, cost, start))


def from_origins(arrays: Arrays, origins: Bools) -> Longs:
    """Return what it costs to begin at each node when these origins count: their priors."""
    start = np.full(arrays.nodes, FAR, np.int64)
    price = np.rint(-np.log(np.maximum(arrays.prior, _LEAST_P)) * MICRO).astype(np.int64)
    np.minimum.at(start, arrays.origin[origins], price[origins])
    return start


def _offers(arrays: Arrays, weight: Longs, cost: Longs, edges: Longs) -> Longs:
    offer: Longs = np.where(arrays.premises.sizes[edges] > 0, cost[arrays.first_premise[edges]], 0)
    joins = np.flatnonzero(arrays.joins[edges])
    if len(joins):
        picked = arrays.premises.picked(edges[joins])
        offer[joins] = np.maximum.reduceat(cost[picked.values], picked.at[:-1])
    total: Longs = np.minimum(offer + weight[edges], FAR)
    return total


def _chosen(arrays: Arrays, weight: Longs, cost: Longs, start: Longs) -> Ints:
    found = np.flatnonzero(cost[arrays.conclusion] < start[arrays.conclusion])
    offer = _offers(arrays, weight, cost, found)
    fits = found[(offer == cost[arrays.conclusion[found]]) & (offer < FAR)]
    by = np.full(arrays.nodes, -1, np.int32)
    # written backwards, so that the first of equals is what stays
    by[arrays.conclusion[fits[::-1]]] = fits[::-1]
    return by
