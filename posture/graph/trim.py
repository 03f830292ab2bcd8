"""A derivation without steps that do nothing for it.

The cheapest way is found node by node, so a derivation may log in as one account to be somewhere and as another to get
on, where one login would have done. What it holds anyway may give a premise too, by a step that is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from posture.graph.arrays import Arrays


def trimmed(arrays: Arrays, edges: Sequence[int], target: int) -> list[int]:
    """Return the edges of a derivation that are needed, each after those that bring its premises.

    Only edges of the derivation stay, and free ones (no condition, sure to succeed) between what it holds: whatever was
    taken away for it is not brought back.
    """
    held = {int(arrays.conclusion[edge]) for edge in edges}
    start = {node for edge in edges for node in arrays.premises.row(edge)} - held
    pool = [*edges, *(edge for edge in _free(arrays, held) if set(arrays.premises.row(edge)) <= held | start)]
    for edge in edges:
        less = [one for one in pool if one != edge]
        if _chain(arrays, less, start, target):
            pool = less
    return _needed(arrays, _chain(arrays, pool, start, target), target) or list(edges)


def _free(arrays: Arrays, held: set[int]) -> Iterator[int]:
    """Yield the free edges to these nodes."""
    for node in sorted(held):
        first, last = np.searchsorted(arrays.conclusion, [node, node + 1]).tolist()
        for edge in range(first, last):
            if arrays.structural[edge] and not arrays.labels.sizes[edge] and arrays.confidence[edge] >= 1:
                yield edge


def _chain(arrays: Arrays, pool: Sequence[int], start: set[int], target: int) -> list[int]:
    """Return the edges in an order in which each can be taken, up to the target; empty when it is not reached."""
    have, left, order = set(start), list(pool), list[int]()
    while target not in have:
        ready = next((one for one in left if have.issuperset(arrays.premises.row(one))), None)
        if ready is None:
            return []
        left.remove(ready)
        if int(arrays.conclusion[ready]) not in have:
            have.add(int(arrays.conclusion[ready]))
            order.append(ready)
    return order


def _needed(arrays: Arrays, order: Sequence[int], target: int) -> list[int]:
    """Return the edges of a chain that its end rests on."""
    wanted, kept = {target}, list[int]()
    for edge in reversed(order):
        if int(arrays.conclusion[edge]) in wanted:
            kept.append(edge)
            wanted |= set(arrays.premises.row(edge))
    return kept[::-1]
