"""What an attacker comes to hold: the least fixed point of all rules, in many worlds at once.

Capabilities are never lost, so the fixed point is unique and cycles need no care (Dowling and Gallier 1984). A world
is one bit: 64 of them share a machine word, and one pass over the graph settles them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posture.graph.arrays import Arrays, Bools, Ints, Longs, Words

ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_DENSE = 8  # above an eighth of all edges a mark per edge is cheaper than sorting


def held(arrays: Arrays, start: Words, works: Words | None = None, row: Ints | None = None) -> Words:
    """Return for each node (rows) and word (columns) the worlds in which it is held.

    ``start`` says the same of what the attacker begins with. ``works[row[e]]`` are the worlds in which edge ``e``
    works; without it every edge works in every world.
    """
    state = start.copy()
    words = state.shape[1]
    frontier = np.flatnonzero(state.any(axis=1))
    touched = _axioms(arrays, touched_by(arrays, frontier))
    while len(touched):
        value = state[arrays.first_premise[touched]]
        none = arrays.premises.sizes[touched] == 0
        if none.any():
            value[none] = ALL
        joins = np.flatnonzero(arrays.joins[touched])
        if len(joins):
            picked = arrays.premises.picked(touched[joins])
            value[joins] = np.bitwise_and.reduceat(state[picked.values], picked.at[:-1], axis=0)
        if works is not None:
            value &= works[row[touched]] if row is not None else works[touched]
        target, first = firsts(arrays.conclusion[touched])
        gained = np.bitwise_or.reduceat(value, first, axis=0)
        old = state[target]
        gained |= old
        changed = (gained != old).any(axis=1) if words > 1 else (gained != old)[:, 0]
        frontier = target[changed]
        state[frontier] = gained[changed]
        touched = touched_by(arrays, frontier)
    return state


def touched_by(arrays: Arrays, nodes: NDArray[np.integer]) -> Longs:
    """Return the edges that need one of these nodes, sorted, each once."""
    found = arrays.leaving.gathered(nodes)
    if len(found) > arrays.edges // _DENSE:
        marks = np.zeros(arrays.edges, np.bool_)
        marks[found] = True
        return np.flatnonzero(marks)
    # sorted by hand: numpy's own `unique` hashes whole numbers since 2.3, five times slower at these sizes
    found = np.sort(found)
    return found[np.append(True, found[1:] != found[:-1])].astype(np.int64) if len(found) else found.astype(np.int64)


def firsts(ordered: Ints) -> tuple[Ints, Longs]:
    """Return the distinct values of a sorted array, and where each begins."""
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[first], first


def _axioms(arrays: Arrays, touched: Longs) -> Longs:
    """Return the edges to try first: those touched, and those that need nothing."""
    free = np.flatnonzero(arrays.premises.sizes == 0)
    return np.union1d(touched, free) if len(free) else touched


def reached(arrays: Arrays, origins: Ints, edges: Bools | None = None) -> Bools:
    """Return which nodes are held in the one world where every edge (or every one of ``edges``) works."""
    start = np.zeros((arrays.nodes, 1), np.uint64)
    start[origins] = ALL
    works = None if edges is None else np.where(edges, ALL, np.uint64(0))[:, None]
    have: Bools = held(arrays, start, works)[:, 0] != 0
    return have


def relevant(arrays: Arrays, origins: Ints, objectives: Ints) -> Arrays:
    """Return only the edges that can fire and may lead to an objective: nothing asked here changes by it."""
    have = reached(arrays, origins)
    fires = np.ones(arrays.edges, np.bool_)
    fires[arrays.premises.owners[~have[arrays.premises.values]]] = False
    ahead = arrays.kept(fires)
    wanted = np.zeros(arrays.nodes, np.bool_)
    wanted[objectives] = True
    frontier: NDArray[np.integer] = np.flatnonzero(wanted)
    while len(frontier):
        edges = arriving_at(ahead, frontier)
        needed = np.unique(ahead.premises.gathered(edges))
        frontier = needed[~wanted[needed]]
        wanted[frontier] = True
    return ahead.kept(wanted[ahead.conclusion])


def arriving_at(arrays: Arrays, nodes: NDArray[np.integer]) -> Longs:
    """Return the edges that conclude one of these nodes."""
    from_, to = arrays.arriving[nodes], arrays.arriving[nodes + 1]
    starts, sizes = from_, to - from_
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: Longs = np.repeat(starts - (ends - sizes), sizes) + np.arange(total)
    return found
