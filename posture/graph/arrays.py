"""An attack graph as flat arrays: what every algorithm here reads, and the only form that scales.

Edges are sorted by conclusion, so that what arrives at one node is one slice. All indices are int32: parts of
scipy.sparse.csgraph refuse or misread wider ones (scipy #20904).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from posture.model.path import AttackGraph, Tier

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of unequal length: row ``n`` is ``values[at[n]:at[n + 1]]``."""

    at: Longs
    values: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        """Return rows given as sequences."""
        at = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=at[1:])
        values = np.fromiter((one for row in rows for one in row), np.int32, int(at[-1]))
        return cls(at, values)

    def __len__(self) -> int:
        return len(self.at) - 1

    def row(self, index: int) -> list[int]:
        """Return one row as plain integers."""
        found: list[int] = self.values[self.at[index] : self.at[index + 1]].tolist()
        return found

    @cached_property
    def sizes(self) -> Longs:
        """Length of each row."""
        return np.diff(self.at)

    @cached_property
    def owners(self) -> Ints:
        """For each value, the row it stands in."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.sizes)

    def gathered(self, rows: NDArray[np.integer]) -> Ints:
        """Return the values of several rows, one row after the other."""
        return self.values[spans(self.at[rows], self.sizes[rows])]

    def picked(self, rows: NDArray[np.integer]) -> Ragged:
        """Return only these rows, in this order."""
        at = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.sizes[rows], out=at[1:])
        return Ragged(at, self.gathered(rows))

    def turned(self, width: int) -> Ragged:
        """Return the rows in which each value below ``width`` stands, in row order."""
        order = np.argsort(self.values, kind="stable")
        at = np.zeros(width + 1, np.int64)
        np.cumsum(np.bincount(self.values, minlength=width), out=at[1:])
        return Ragged(at, self.owners[order])


def spans(starts: Longs, sizes: Longs) -> Longs:
    """Return the indices ``start … start + size - 1`` of every span, one span after the other."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - sizes), sizes) + np.arange(total)


@dataclass(frozen=True, eq=False)
class Arrays:
    """Nodes are numbers below ``nodes``; every array of edges is sorted by conclusion."""

    nodes: int
    conclusion: Ints
    premises: Ragged
    labels: Ragged
    """For each edge, what takes it away: conditions, or changes after ``relabelled``."""
    label_count: int
    p: Floats
    confidence: Floats
    attempt: Floats
    minutes_human: Floats
    minutes_machine: Floats
    structural: Bools
    cause: Ints
    """Edges of one cause share the draw that decides whether they succeed."""
    cause_key: Words
    """For each cause, a number that depends on its name only: the draws stay when the rest of the graph changes."""
    edge_of: Ints
    """For each edge, its place in the graph it was made of."""
    origin: Ints
    prior: Floats
    assumed: Bools
    origin_key: Words
    objective: Ints
    weight: Floats

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return len(self.conclusion)

    @cached_property
    def leaving(self) -> Ragged:
        """For each node, the edges that need it."""
        return self.premises.turned(self.nodes)

    @cached_property
    def arriving(self) -> Longs:
        """Edges ``arriving[n]`` to ``arriving[n + 1] - 1`` conclude node ``n``."""
        return np.searchsorted(self.conclusion, np.arange(self.nodes + 1)).astype(np.int64)

    @cached_property
    def first_premise(self) -> Ints:
        """For each edge its only or first premise; -1 where it needs none."""
        found = np.full(self.edges, -1, np.int32)
        has = self.premises.sizes > 0
        found[has] = self.premises.values[self.premises.at[:-1][has]]
        return found

    @cached_property
    def joins(self) -> Bools:
        """Which edges need more than one premise."""
        return self.premises.sizes > 1

    @cached_property
    def broken_by(self) -> Ragged:
        """For each label, the edges it takes away."""
        return self.labels.turned(self.label_count)

    def without(self, labels: NDArray[np.integer] | Sequence[int]) -> Bools:
        """Return which edges stand when these labels are taken away."""
        stands = np.ones(self.edges, np.bool_)
        stands[self.broken_by.gathered(np.asarray(labels, np.int64))] = False
        return stands

    def kept(self, edges: Bools) -> Arrays:
        """Return the graph with these edges only; nodes keep their numbers, draws their keys."""
        which = np.flatnonzero(edges)
        return replace(
            self,
            conclusion=self.conclusion[which],
            premises=self.premises.picked(which),
            labels=self.labels.picked(which),
            p=self.p[which],
            confidence=self.confidence[which],
            attempt=self.attempt[which],
            minutes_human=self.minutes_human[which],
            minutes_machine=self.minutes_machine[which],
            structural=self.structural[which],
            cause=self.cause[which],
            edge_of=self.edge_of[which],
        )

    def relabelled(self, changes: Sequence[Sequence[int]]) -> Arrays:
        """Return the graph with changes in place of conditions: ``changes[n]`` are the labels change ``n`` takes away.

        A condition that no change takes away stays for ever, and an edge that needs it is as good as unbreakable.
        """
        by_condition = Ragged.of(changes).turned(self.label_count)
        per_value = by_condition.sizes[self.labels.values]
        values = by_condition.gathered(self.labels.values)
        owners = np.repeat(self.labels.owners, per_value)
        # one change may take away two conditions of one edge: say so once
        pairs = np.unique(owners.astype(np.int64) * max(len(changes), 1) + values)
        owners, values = pairs // max(len(changes), 1), (pairs % max(len(changes), 1)).astype(np.int32)
        at = np.zeros(self.edges + 1, np.int64)
        np.cumsum(np.bincount(owners, minlength=self.edges), out=at[1:])
        return replace(self, labels=Ragged(at, values), label_count=len(changes))


def compiled(graph: AttackGraph) -> Arrays:
    """Return a graph as arrays: node ``n`` is ``graph.nodes[n]``, label ``n`` is ``graph.conditions[n]``."""
    node = {one.id: index for index, one in enumerate(graph.nodes)}
    condition = {one.id: index for index, one in enumerate(graph.conditions)}
    order = sorted(range(len(graph.edges)), key=lambda index: (node[graph.edges[index].conclusion], index))
    edges = [graph.edges[index] for index in order]
    causes = sorted({edge.cause for edge in edges})
    cause = {one: index for index, one in enumerate(causes)}
    return Arrays(
        nodes=len(graph.nodes),
        conclusion=_ints(node[edge.conclusion] for edge in edges),
        premises=Ragged.of([[node[id_] for id_ in edge.premises] for edge in edges]),
        labels=Ragged.of([[condition[id_] for id_ in edge.conditions] for edge in edges]),
        label_count=len(graph.conditions),
        p=_floats(edge.p for edge in edges),
        confidence=_floats(edge.confidence for edge in edges),
        attempt=_floats(edge.attempt for edge in edges),
        minutes_human=_floats(edge.minutes_human for edge in edges),
        minutes_machine=_floats(edge.minutes_machine for edge in edges),
        structural=np.array([edge.tier is Tier.STRUCTURAL for edge in edges], np.bool_),
        cause=_ints(cause[edge.cause] for edge in edges),
        cause_key=_keys(f"cause {one}" for one in causes),
        edge_of=_ints(order),
        origin=_ints(node[one.node] for one in graph.origins),
        prior=_floats(one.prior for one in graph.origins),
        assumed=np.array([one.assumed for one in graph.origins], np.bool_),
        origin_key=_keys(f"origin {one.node}" for one in graph.origins),
        objective=_ints(node[one.node] for one in graph.objectives),
        weight=_floats(one.weight for one in graph.objectives),
    )


@dataclass(frozen=True, eq=False)
class Columns:
    """An attack graph as columns, one row for each edge, in any order: how to hand over a million edges."""

    nodes: int
    conclusion: NDArray[np.integer]
    premises: Ragged
    labels: Ragged
    label_count: int
    p: Floats
    cause: NDArray[np.integer]
    """A number for each cause; equal numbers share a draw."""
    structural: Bools
    minutes_machine: Floats
    origin: NDArray[np.integer]
    prior: Floats
    objective: NDArray[np.integer]
    weight: Floats


def assembled(columns: Columns) -> Arrays:
    """Return columns as arrays; every edge is confirmed, takes a human ten times as long, and is always tried."""
    order = np.argsort(columns.conclusion, kind="stable")
    causes, cause = np.unique(columns.cause[order], return_inverse=True)
    one = np.ones(len(order))
    return Arrays(
        nodes=columns.nodes,
        conclusion=columns.conclusion[order].astype(np.int32),
        premises=columns.premises.picked(order),
        labels=columns.labels.picked(order),
        label_count=columns.label_count,
        p=columns.p[order],
        confidence=one,
        attempt=one,
        minutes_human=10 * columns.minutes_machine[order],
        minutes_machine=columns.minutes_machine[order],
        structural=columns.structural[order],
        cause=cause.astype(np.int32),
        cause_key=(causes.astype(np.uint64) + np.uint64(1)) * np.uint64(0xD6E8_FEB8_6659_FD93),
        edge_of=order.astype(np.int32),
        origin=columns.origin.astype(np.int32),
        prior=columns.prior,
        assumed=np.zeros(len(columns.origin), np.bool_),
        origin_key=(columns.origin.astype(np.uint64) + np.uint64(1)) * np.uint64(0xA076_1D64_78BD_642F),
        objective=columns.objective.astype(np.int32),
        weight=columns.weight,
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), np.int32)


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), np.float64)


def _keys(names: Iterable[str]) -> Words:
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
