"""The cheapest set of changes that closes every way to the objectives: exact, by integer programming.

x = 1 makes a change, y = 1 holds a capability. A rule with premises u1 … uk and labels F says
``y(conclusion) >= y(u1) + … + y(uk) - (k - 1) - sum of x over F``; origins have y = 1, objectives y = 0. Any closed
superset of the fixed point satisfies this, so cycles need no care. What is settled without a choice is taken out
first (``_Presolved``): that, not the solver, is what makes a hundred thousand hosts tractable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from posture.graph.arrays import Arrays, Bools, Floats, Ints, Longs, Ragged
from posture.graph.fixpoint import reached, relevant

_SOURCE, _SINK = 0, 1
_NODES_MAX = 20_000  # branch-and-bound nodes, not seconds: the same input stops at the same answer on any machine


@dataclass(frozen=True, slots=True)
class LabelCut:
    """Which labels to take away, in the numbers of the arrays."""

    labels: tuple[int, ...]
    cost: float
    proven: bool
    lower_bound: float
    beyond: tuple[int, ...]
    """Objectives (by place) that no labels close."""
    rows: int
    """Size of the program the solver was given."""


def cheapest_cut(arrays: Arrays, cost: Floats, objectives: Ints | None = None) -> LabelCut:
    """Return the cheapest labels whose end closes every way to the objectives that can be closed at all."""
    wanted = arrays.objective if objectives is None else objectives
    unbreakable = arrays.labels.sizes == 0
    free = reached(arrays, arrays.origin, unbreakable)
    beyond = tuple(np.flatnonzero(free[wanted]).tolist())
    small = relevant(arrays, arrays.origin, wanted[~free[wanted]])
    program = _presolved(small, free, wanted[~free[wanted]])
    if not program.edges:
        return LabelCut((), 0.0, True, 0.0, beyond, 0)
    chosen, proven, bound = _solved(program, cost)
    suspects = [int(one) for one in chosen if cost[one] <= 0 or not proven]
    labels = _needed(small, chosen, suspects, wanted[~free[wanted]])
    spent = float(cost[list(labels)].sum())
    return LabelCut(labels, spent, proven, min(bound, spent), beyond, program.edges)


@dataclass(frozen=True, eq=False)
class _Program:
    """Rules between merged nodes: 0 is what the attacker always holds, 1 is what must not be held."""

    nodes: int
    conclusion: Longs
    premises: Ragged
    labels: Ragged

    @property
    def edges(self) -> int:
        return len(self.conclusion)


def _presolved(arrays: Arrays, free: Bools, objectives: Ints) -> _Program:
    """Return the rules that still pose a choice, over merged nodes."""
    node = np.arange(2, arrays.nodes + 2, dtype=np.int64)
    node[free] = _SOURCE
    node[objectives] = _SINK
    premises = Ragged(arrays.premises.at, node[arrays.premises.values].astype(np.int32))
    program = _Program(arrays.nodes + 2, node[arrays.conclusion], premises, arrays.labels)
    settled = 0
    while settled < 2:
        # By turns: a node may be merged with what it follows from or with what follows from it, but both at once
        # would tie what leads to it to what other ways lead to as well.
        for backward in (True, False):
            program = _tidied(program)
            merged = _merged(program, backward=backward)
            same = bool((merged == np.arange(program.nodes)).all())
            settled = settled + 1 if same else 0
            program = _renamed(program, merged)
    return _tidied(program)


def _renamed(program: _Program, node: Longs) -> _Program:
    premises = Ragged(program.premises.at, node[program.premises.values].astype(np.int32))
    return _Program(program.nodes, node[program.conclusion], premises, program.labels)


def _tidied(program: _Program) -> _Program:
    """Return the program without rules that say nothing, premises that always hold, and repetitions."""
    premises, owners = program.premises.values, program.premises.owners
    says = (program.conclusion != _SOURCE) & np.ones(program.edges, np.bool_)
    # a rule that needs what must not be held, or what it concludes, binds nothing
    says[owners[(premises == _SINK) | (premises == program.conclusion[owners])]] = False
    at = np.flatnonzero(says)
    picked = program.premises.picked(at)
    keep = picked.values != _SOURCE
    pairs = np.unique(picked.owners[keep].astype(np.int64) * program.nodes + picked.values[keep])
    owner, value = pairs // program.nodes, (pairs % program.nodes).astype(np.int32)
    starts = np.zeros(len(at) + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=len(at)), out=starts[1:])
    tidy = _Program(program.nodes, program.conclusion[at], Ragged(starts, value), program.labels.picked(at))
    return _distinct(_without_dominated(tidy))


def _without_dominated(program: _Program) -> _Program:
    """Return the program without rules that a rule of the same ends with no label makes needless."""
    simple = program.premises.sizes <= 1
    first = np.full(program.edges, _SOURCE, np.int64)
    has = program.premises.sizes == 1
    first[has] = program.premises.values[program.premises.at[:-1][has]]
    key = first * program.nodes + program.conclusion
    bare = simple & (program.labels.sizes == 0)
    needless = simple & ~bare & np.isin(key, key[bare])
    return _only(program, np.flatnonzero(~needless))


def _only(program: _Program, edges: Longs) -> _Program:
    return _Program(
        program.nodes, program.conclusion[edges], program.premises.picked(edges), program.labels.picked(edges)
    )


def _distinct(program: _Program) -> _Program:
    """Return each rule once."""
    if not program.edges:
        return program
    one = (program.premises.sizes <= 1) & (program.labels.sizes <= 1)
    first = np.full(program.edges, -1, np.int64)
    has = program.premises.sizes == 1
    first[has & one] = program.premises.values[program.premises.at[:-1][has & one]]
    label = np.full(program.edges, -1, np.int64)
    has = program.labels.sizes == 1
    label[has & one] = program.labels.values[program.labels.at[:-1][has & one]]
    plain = np.flatnonzero(one)
    order = np.lexsort((label[plain], first[plain], program.conclusion[plain]))
    columns = np.stack([program.conclusion[plain], first[plain], label[plain]])[:, order]
    kept = order[np.concatenate(([True], (columns[:, 1:] != columns[:, :-1]).any(axis=0)))[: len(order)]]
    seen: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()
    rest: list[int] = []
    for edge in np.flatnonzero(~one).tolist():
        key = (
            int(program.conclusion[edge]),
            tuple(sorted(program.premises.row(edge))),
            tuple(sorted(program.labels.row(edge))),
        )
        if key not in seen:
            seen.add(key)
            rest.append(edge)
    return _only(program, np.union1d(plain[kept], np.array(rest, np.int64)))


def _merged(program: _Program, *, backward: bool) -> Longs:
    """Return for each node the one that has its value in some optimum.

    No choice is left by a rule with one premise and no label if it leads to the sink or from the source, if it lies
    on a cycle of such rules, if (``backward``) no other rule concludes the same node, or if (forward) no other rule
    needs its premise.
    """
    bare = np.flatnonzero((program.labels.sizes == 0) & (program.premises.sizes <= 1))
    from_ = np.full(len(bare), _SOURCE, np.int64)
    has = program.premises.sizes[bare] == 1
    from_[has] = program.premises.values[program.premises.at[bare[has]]]
    to = program.conclusion[bare]
    arriving = np.bincount(program.conclusion, minlength=program.nodes)
    needed = np.bincount(program.premises.values, minlength=program.nodes)
    same = (arriving[to] == 1) & (to != _SINK) if backward else (needed[from_] == 1) & (from_ != _SOURCE)
    same |= (to == _SINK) & (from_ != _SOURCE) | (from_ == _SOURCE) & (to != _SINK)
    one_way = csr_array((np.ones(len(bare)), (from_, to)), shape=(program.nodes, program.nodes))
    _, strong = connected_components(one_way, directed=True, connection="strong")
    representative = _least(np.arange(program.nodes), strong)
    pairs_from = np.concatenate([from_[same], np.arange(program.nodes)])
    pairs_to = np.concatenate([to[same], representative])
    both = csr_array((np.ones(len(pairs_from)), (pairs_from, pairs_to)), shape=one_way.shape)
    _, groups = connected_components(both, directed=False)
    return _least(np.arange(program.nodes), groups)


def _least(nodes: Longs, group: Ints) -> Longs:
    """Return for each node the least node of its group; source and sink are the least of all."""
    least = np.full(int(group.max()) + 1, len(nodes), np.int64)
    np.minimum.at(least, group, nodes)
    return least[group]


def _solved(program: _Program, cost: Floats) -> tuple[Longs, bool, float]:
    """Return the labels of an optimum, whether it is proven, and what none can cost less than."""
    labels = np.unique(program.labels.values).astype(np.int64)
    used = np.unique(np.concatenate([program.conclusion, program.premises.values]))
    used = used[used > _SINK]
    column = np.full(program.nodes, -1, np.int64)
    column[used] = len(labels) + np.arange(len(used))
    rows, columns, entries = _entries(program, labels, column)
    shape = (program.edges, len(labels) + len(used))
    at_least = -(program.premises.sizes.astype(np.float64) - 1)
    answer = milp(
        np.concatenate([cost[labels], np.zeros(len(used))]),
        integrality=np.concatenate([np.ones(len(labels)), np.zeros(len(used))]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(csr_array((entries, (rows, columns)), shape=shape), at_least, np.inf),
        options={"node_limit": _NODES_MAX, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return labels, False, 0.0
    chosen: Longs = labels[answer.x[: len(labels)] > 0.5]
    bound = answer.mip_dual_bound if answer.mip_dual_bound is not None else answer.fun
    return chosen, answer.status == 0, float(bound)


def _entries(program: _Program, labels: Longs, column: Longs) -> tuple[Longs, Longs, Floats]:
    """Return the matrix as row, column and value; the source is a constant and the sink is nothing."""
    every = np.arange(program.edges)
    concludes = program.conclusion > _SINK
    rows: list[NDArray[np.integer]] = [every[concludes], program.premises.owners, program.labels.owners]
    columns: list[NDArray[np.integer]] = [
        column[program.conclusion[concludes]],
        column[program.premises.values],
        np.searchsorted(labels, program.labels.values),
    ]
    values = [np.ones(len(rows[0])), -np.ones(len(rows[1])), np.ones(len(rows[2]))]
    return np.concatenate(rows).astype(np.int64), np.concatenate(columns).astype(np.int64), np.concatenate(values)


def _needed(arrays: Arrays, chosen: Longs, suspects: list[int], objectives: Ints) -> tuple[int, ...]:
    """Return the labels without those suspects that the graph itself shows to be needless."""
    kept = [int(one) for one in chosen]
    for one in suspects:
        rest = [label for label in kept if label != one]
        if closed(arrays, rest, objectives):
            kept = rest
    return tuple(sorted(kept))


def closed(arrays: Arrays, labels: Sequence[int], objectives: Ints) -> bool:
    """Return whether no objective is reached once these labels are gone."""
    have = reached(arrays, arrays.origin, arrays.without(list(labels)))
    return not bool(have[objectives].any())
