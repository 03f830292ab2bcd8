"""The cheapest set of changes that closes every way to the objectives: exact, by implicit hitting sets.

Each derivation of an objective is a core: at least one of the labels on it has to go. The integer program knows only
the cores found so far, so its optimum is a lower bound; whatever way still stands under it gives further cores. When
none stands, the optimum closes everything and nothing cheaper does: the cores are the proof. Against one program over
all rules this takes a fraction of the memory at a hundred thousand hosts (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from posture.graph.arrays import Arrays, Floats, Ints, Longs
from posture.graph.best import FAR, Best, best
from posture.graph.fixpoint import reached, relevant

_ROUNDS_MAX = 100
_NODES_MAX = 50_000  # branch-and-bound nodes, not seconds: the same input stops at the same answer on any machine
_CORES_AT_ONCE = 60  # the shortest ones; more of them slow the program down more than they tighten it
_NOTHING_LEFT = 1e-9
_LABEL = 1_000  # a derivation with fewer labels makes a stronger core than a shorter one

Core = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelCut:
    """Which labels to take away, in the numbers of the arrays."""

    labels: tuple[int, ...]
    cost: float
    proven: bool
    lower_bound: float
    beyond: tuple[int, ...]
    """Objectives (by place) that no labels close."""
    cores: int
    """How many derivations together force this cost."""


def cheapest_cut(arrays: Arrays, cost: Floats, objectives: Ints | None = None) -> LabelCut:
    """Return the cheapest labels whose end closes every way to the objectives that can be closed at all."""
    wanted = arrays.objective if objectives is None else objectives
    free = reached(arrays, arrays.origin, arrays.labels.sizes == 0)
    beyond = tuple(np.flatnonzero(free[wanted]).tolist())
    closable = wanted[~free[wanted]]
    search = _Search(relevant(arrays, arrays.origin, closable), closable, cost)
    for _ in range(_ROUNDS_MAX):
        chosen, solved, bound = search.program()
        rest = search.close(chosen)
        if not rest and solved:
            return LabelCut(chosen, search.price(chosen), True, search.price(chosen), beyond, len(search.cores))
        search.better((*chosen, *rest))
        if search.price(search.known) <= bound + 1e-9:
            break
    known = search.without_needless(search.known)
    proven = search.price(known) <= bound + 1e-9
    return LabelCut(known, search.price(known), proven, bound, beyond, len(search.cores))


class _Search:
    """The cores found so far, and the cheapest labels known to close everything."""

    def __init__(self, arrays: Arrays, objectives: Ints, cost: Floats) -> None:
        self._arrays, self._objectives, self._cost = arrays, objectives, cost
        self._weight: Longs = arrays.labels.sizes * _LABEL + 1
        self._start = np.full(arrays.nodes, FAR, np.int64)
        self._start[arrays.origin] = 0
        self.cores: dict[Core, None] = {}
        self.known: Core = tuple(range(arrays.label_count))

    def price(self, labels: Sequence[int]) -> float:
        """Return what labels cost together."""
        return float(self._cost[list(labels)].sum())

    def program(self) -> tuple[Core, bool, float]:
        """Return the cheapest labels that hit every core so far, whether that is proven, and its lower bound."""
        if not self.cores:
            return (), True, 0.0
        cores = list(self.cores)
        labels = np.unique(np.concatenate([np.array(core) for core in cores]))
        columns = np.searchsorted(labels, np.concatenate([np.array(core) for core in cores]))
        rows = np.repeat(np.arange(len(cores)), [len(core) for core in cores])
        matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(cores), len(labels)))
        answer = milp(
            self._cost[labels],
            integrality=np.ones(len(labels)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, 1, np.inf),
            options={"node_limit": _NODES_MAX, "mip_rel_gap": 0.0},
        )
        if answer.x is None:
            return tuple(_paid_off(cores, self._cost.copy())), False, 0.0
        chosen = tuple(labels[answer.x > 0.5].tolist())
        return chosen, answer.status == 0, float(answer.fun if answer.status == 0 else answer.mip_dual_bound)

    def close(self, chosen: Core) -> list[int]:
        """Return further labels that close what is left, and keep the cores that ask for them.

        Each core is paid for by all its labels alike until one of them has no cost left, and that one goes (the
        local-ratio method): so the cores come out spread over the labels, and the program learns much from few.
        """
        more: list[int] = []
        left = self._cost.copy()
        while True:
            found = best(self._arrays, self._weight, self._start, self._arrays.without([*chosen, *more]))
            lost = self._objectives[found.cost[self._objectives] < FAR]
            if not len(lost):
                return more
            cores = sorted(set(label_sets(self._arrays, found, lost)), key=lambda core: (len(core), core))[
                :_CORES_AT_ONCE
            ]
            self.cores.update(dict.fromkeys(cores))
            more += _paid_off(cores, left)

    def better(self, labels: Core) -> None:
        """Keep labels that close everything if they are the cheapest so far."""
        if self.price(labels) < self.price(self.known):
            self.known = labels

    def without_needless(self, labels: Core) -> Core:
        """Return the labels without those that the others make needless, the dearest first."""
        kept = sorted(labels, key=lambda one: (-self._cost[one], one))
        for one in tuple(kept):
            rest = [label for label in kept if label != one]
            if closed(self._arrays, rest, self._objectives):
                kept = rest
        return tuple(sorted(kept))


def label_sets(arrays: Arrays, found: Best, targets: Ints) -> Iterator[Core]:
    """Yield the labels on the derivation of each target."""
    known: dict[int, frozenset[int]] = {}
    for target in targets.tolist():
        stack = [target]
        while stack:
            node = stack[-1]
            edge = int(found.by[node])
            premises = arrays.premises.row(edge) if edge >= 0 else []
            open_ = [one for one in premises if one not in known]
            if node not in known and open_:
                stack += open_
                continue
            own = arrays.labels.row(edge) if edge >= 0 else []
            known[node] = frozenset(own).union(*(known[one] for one in premises))
            stack.pop()
        yield tuple(sorted(known[target]))


def _paid_off(cores: Sequence[Core], left: Floats) -> list[int]:
    """Return the labels whose cost is used up by these cores; ``left`` is what remains of each."""
    gone: dict[int, None] = {}
    for core in cores:
        if gone.keys().isdisjoint(core):
            pays = min(left[label] for label in core)
            left[list(core)] -= pays
            gone.update((label, None) for label in core if left[label] <= _NOTHING_LEFT)
    return list(gone)


def closed(arrays: Arrays, labels: Sequence[int], objectives: Ints) -> bool:
    """Return whether no objective is reached once these labels are gone."""
    have = reached(arrays, arrays.origin, arrays.without(list(labels)))
    return not bool(have[objectives].any())
