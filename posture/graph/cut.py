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
import scipy  # loads optimize and sparse, half a second, where they are first used: no way in, nothing to cut

from posture.graph.arrays import Arrays, Bools, Floats, Ints, Longs
from posture.graph.best import FAR, Best, best
from posture.graph.fixpoint import firsts, reached, relevant

_PASSES_LATER = 12  # searches after each answer in whole numbers, which takes ten times as long as a search
_ROUNDS_MAX = 200
_INFEASIBLE = 2  # scipy.optimize.milp
_RISES = 1.0005  # a bound that rises by less is done rising
_NODES_MAX = 50_000  # branch-and-bound nodes, not seconds: the same input stops at the same answer on any machine
_CORES_AT_ONCE = 60  # the shortest ones; more of them slow the program down more than they tighten it
_NOTHING_LEFT = 1e-9
_TURNS = 20  # derivations told of each objective from one search
_TURNS_LATER = 32  # once the program has an answer it costs more than telling ways: tell it more at a time
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
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
    exact, last = False, -1.0
    for _ in range(_ROUNDS_MAX):
        chosen, solved, bound = search.program(exact=exact)
        rest = search.close(chosen, passes=_PASSES_LATER if exact else 1)
        # in fractions the program takes a moment: that is how to get most cores, until they raise it no more
        exact, last = exact or bound < last * _RISES or not search.cores, bound
        if not rest and solved:
            return LabelCut(chosen, search.price(chosen), True, search.price(chosen), beyond, len(search.cores))
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

    def program(self, *, exact: bool) -> tuple[Core, bool, float]:
        """Return the cheapest labels that hit every core so far, whether that is proven, and its lower bound.

        Not ``exact`` allows fractions: the bound holds, the labels are those of a half and more and what they miss.
        """
        if not self.cores:
            return (), True, 0.0
        cores = list(self.cores)
        values = np.array([label for core in cores for label in core])
        labels, columns = np.unique(values, return_inverse=True)
        rows = np.repeat(np.arange(len(cores)), [len(core) for core in cores])
        matrix = scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(cores), len(labels)))
        cost = self._cost[labels]
        found = scipy.optimize.linprog(cost, A_ub=-matrix, b_ub=-np.ones(len(cores)), bounds=(0, 1), method="highs")
        if exact:
            return self._whole(labels, cost, matrix, found)
        whole = bool((np.abs(found.x - np.rint(found.x)) < _NOTHING_LEFT).all())
        chosen = set(labels[found.x > 0.5 - _NOTHING_LEFT].tolist())
        missed = [core for core in cores if chosen.isdisjoint(core)]
        return tuple(sorted(chosen.union(_paid_off(missed, self._cost.copy())))), whole, float(found.fun)

    def _whole(
        self, labels: Longs, cost: Floats, matrix: scipy.sparse.csr_array, found: scipy.optimize.OptimizeResult
    ) -> tuple[Core, bool, float]:
        """Return the same in whole numbers.

        A label whose reduced cost exceeds what lies between the bound in fractions and the cheapest known answer is in
        no cheaper answer: it is left out, and with it most of the program. When nothing is left, the known one is best.
        """
        reduced = cost + matrix.T @ found.ineqlin.marginals
        room = self.price(self.known) - found.fun
        answer = scipy.optimize.milp(
            cost,
            integrality=np.ones(len(labels)),
            bounds=scipy.optimize.Bounds(0, (reduced <= room + _NOTHING_LEFT * max(1.0, room)).astype(np.float64)),
            constraints=scipy.optimize.LinearConstraint(matrix, 1, np.inf),
            options={"node_limit": _NODES_MAX, "mip_rel_gap": 0.0},
        )
        if answer.status == _INFEASIBLE:
            return self.known, True, self.price(self.known)
        if answer.x is None:
            return self.known, False, float(found.fun)
        solved = answer.status == 0
        chosen = tuple(labels[answer.x > 0.5].tolist())
        return chosen, solved, float(answer.fun if solved else found.fun)

    def close(self, chosen: Core, *, passes: int) -> list[int]:
        """Return further labels that close what is left, and keep the cores that ask for them.

        Each core is paid for by all its labels alike until one of them has no cost left, and that one goes (the
        local-ratio method): so the cores come out spread over the labels, and the program learns much from few.
        """
        more: list[int] = []
        left = self._cost.copy()
        while passes > 0 or self.price((*chosen, *more)) < self.price(self.known):
            passes -= 1
            stands = self._arrays.without([*chosen, *more])
            found = best(self._arrays, self._weight, self._start, stands)
            lost = self._objectives[found.cost[self._objectives] < FAR]
            if not len(lost):
                self.known = min(self.known, (*chosen, *more), key=self.price)
                return more
            more += self._told(found, stands, lost, left, _TURNS_LATER if chosen else _TURNS)
        return more

    def _told(self, found: Best, stands: Bools, lost: Ints, left: Floats, turns: int) -> dict[int, None]:
        """Return the labels that cores of one search have paid off; ``left`` is what remains of each label's cost."""
        gone: dict[int, None] = {}
        others = _Others(self._arrays, found, stands)
        for turn in range(turns):
            some = lost[turn % min(turns, len(lost)) :: max(1, len(lost) // _CORES_AT_ONCE)]
            cores = sorted(set(label_sets(self._arrays, others.at(turn), some)), key=lambda core: (len(core), core))
            cores = [core for core in cores if gone.keys().isdisjoint(core)][:_CORES_AT_ONCE]
            self.cores.update(dict.fromkeys(cores))
            gone.update(dict.fromkeys(_paid_off(cores, left)))
        return gone

    def without_needless(self, labels: Core) -> Core:
        """Return the labels without those that the others make needless, the dearest first."""
        kept = sorted(labels, key=lambda one: (-self._cost[one], one))
        for one in tuple(kept):
            rest = [label for label in kept if label != one]
            if closed(self._arrays, rest, self._objectives):
                kept = rest
        return tuple(sorted(kept))


class _Others:
    """Other derivations of the same nodes, another at each turn.

    An edge whose premises all cost less than its conclusion may stand in the place of the best one: costs fall from
    step to step, so no circle closes. Which one is taken depends on turn and node only.
    """

    def __init__(self, arrays: Arrays, found: Best, stands: Bools) -> None:
        self._found = found
        able = np.flatnonzero(stands & (found.by[arrays.conclusion] >= 0) & (arrays.premises.sizes > 0))
        picked = arrays.premises.picked(able)
        most = np.maximum.reduceat(found.cost[picked.values], picked.at[:-1]) if len(able) else np.zeros(0, np.int64)
        self._fits = able[most < found.cost[arrays.conclusion[able]]]
        self._target, self._first = firsts(arrays.conclusion[self._fits])
        self._count = np.diff(np.append(self._first, len(self._fits))).astype(np.uint64)

    def at(self, turn: int) -> Best:
        """Return the derivations of one turn; those of the first are the best."""
        if turn == 0 or not len(self._fits):
            return self._found
        mixed = (self._target.astype(np.uint64) + np.uint64(turn)) * _GOLDEN
        place = ((mixed >> np.uint64(20)) % self._count).astype(np.int64)
        by = self._found.by.copy()
        by[self._target] = self._fits[self._first + place]
        return Best(self._found.cost, by)


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
