"""Labels that every way to a node needs: which single change ends all of them.

LM(node) is the intersection over the edges that conclude it of the union of their premises' sets and their own
labels: a greatest fixed point, sound and complete for AND/OR graphs (Keyder, Richter and Helmert, ECAI 2010). Sets
are interned, so that the thousands of nodes that share one cost one operation.
"""

from __future__ import annotations

import numpy as np

from posture.graph.arrays import Arrays, Bools, Longs
from posture.graph.fixpoint import firsts, touched_by

_EVERYTHING = 0  # number of the set of all labels: nothing is known to lead here yet
_NOTHING = 1  # number of the empty set: some way here needs no label


def landmarks(arrays: Arrays, origins: Bools | None = None) -> list[frozenset[int] | None]:
    """Return for each objective the labels that every way to it needs; ``None`` where no way was found."""
    begins = arrays.origin if origins is None else arrays.origin[origins]
    sets = _Sets()
    own = sets.numbered(arrays)
    now = np.full(arrays.nodes, _EVERYTHING, np.int64)
    now[begins] = _NOTHING
    touched = np.union1d(touched_by(arrays, np.unique(begins)), np.flatnonzero(arrays.premises.sizes == 0))
    while len(touched):
        value = sets.union(_premises(arrays, sets, now, touched), own[touched])
        known = value != _EVERYTHING
        touched, value = touched[known], value[known]
        if not len(touched):
            break
        target, first = firsts(arrays.conclusion[touched])
        merged = sets.intersection(_folded(sets, value, first), now[target])
        changed = merged != now[target]
        now[target[changed]] = merged[changed]
        touched = touched_by(arrays, target[changed])
    return [None if one == _EVERYTHING else sets.members[one] for one in now[arrays.objective].tolist()]


def _premises(arrays: Arrays, sets: _Sets, now: Longs, edges: Longs) -> Longs:
    """Return for each edge the union over its premises."""
    value = np.where(arrays.premises.sizes[edges] > 0, now[arrays.first_premise[edges]], _NOTHING)
    joins = np.flatnonzero(arrays.joins[edges])
    for place in range(1, int(arrays.premises.sizes[edges[joins]].max(initial=0))):
        joins = joins[arrays.premises.sizes[edges[joins]] > place]
        other = now[arrays.premises.values[arrays.premises.at[edges[joins]] + place]]
        value[joins] = sets.union(value[joins], other)
    return value


def _folded(sets: _Sets, value: Longs, first: Longs) -> Longs:
    """Return the intersection of each group, pairing neighbours so that a large group takes few rounds."""
    sizes = np.diff(np.append(first, len(value)))
    while int(sizes.max()) > 1:
        position = np.arange(len(value)) - np.repeat(np.append(0, np.cumsum(sizes)[:-1]), sizes)
        even = position % 2 == 0
        paired = np.flatnonzero(even[:-1] & ~even[1:])
        value[paired] = sets.intersection(value[paired], value[paired + 1])
        value, sizes = value[even], (sizes + 1) // 2
    return value


class _Sets:
    """Sets of labels by number; each operation is done once for each distinct pair."""

    def __init__(self) -> None:
        self.members: list[frozenset[int]] = [frozenset(), frozenset()]
        self._number: dict[frozenset[int], int] = {frozenset(): _NOTHING}
        self._unions: dict[int, int] = {}
        self._intersections: dict[int, int] = {}

    def numbered(self, arrays: Arrays) -> Longs:
        """Return for each edge the number of its set of labels."""
        found = np.full(arrays.edges, _NOTHING, np.int64)
        single = arrays.labels.sizes == 1
        labels, where = np.unique(arrays.labels.values[arrays.labels.at[:-1][single]], return_inverse=True)
        found[single] = np.array([self.number(frozenset((one,))) for one in labels.tolist()], np.int64)[where]
        for edge in np.flatnonzero(arrays.labels.sizes > 1).tolist():
            found[edge] = self.number(frozenset(arrays.labels.row(edge)))
        return found

    def number(self, members: frozenset[int]) -> int:
        """Return the number of a set."""
        known = self._number.get(members)
        if known is None:
            known = self._number[members] = len(self.members)
            self.members.append(members)
        return known

    def union(self, left: Longs, right: Longs) -> Longs:
        """Return the union of each pair."""
        found = np.where(left == _NOTHING, right, left)
        found[(left == _EVERYTHING) | (right == _EVERYTHING)] = _EVERYTHING
        hard = (left > _NOTHING) & (right > _NOTHING) & (left != right)
        found[hard] = self._each(left[hard], right[hard], self._unions, union=True)
        return found

    def intersection(self, left: Longs, right: Longs) -> Longs:
        """Return the intersection of each pair."""
        found = np.where(left == _EVERYTHING, right, left)
        found[(left == _NOTHING) | (right == _NOTHING)] = _NOTHING
        hard = (left > _NOTHING) & (right > _NOTHING) & (left != right)
        found[hard] = self._each(left[hard], right[hard], self._intersections, union=False)
        return found

    def _each(self, left: Longs, right: Longs, known: dict[int, int], *, union: bool) -> Longs:
        low, high = np.minimum(left, right), np.maximum(left, right)
        pairs, where = np.unique((low << 32) | high, return_inverse=True)
        results = np.empty(len(pairs), np.int64)
        for at, pair in enumerate(pairs.tolist()):
            result = known.get(pair)
            if result is None:
                one, other = self.members[pair >> 32], self.members[pair & 0xFFFF_FFFF]
                result = known[pair] = self.number(one | other if union else one & other)
            results[at] = result
        return results[where]


def by_label(found: list[frozenset[int] | None]) -> dict[int, list[int]]:
    """Return for each label the objectives that it alone closes."""
    closed: dict[int, list[int]] = {}
    for objective, labels in enumerate(found):
        for label in sorted(labels or ()):
            closed.setdefault(label, []).append(objective)
    return closed
