"""The risk that is left while changes are made one after the other, and which change to make next.

A change is scored by the sampled ways it cuts, for each hour it takes; the best dozen are then judged by the risk that
really falls, all in the same worlds. Scoring again after every pick matters more than the score itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from posture.graph.arrays import Arrays, Bools, Longs
from posture.graph.best import FAR, best, from_origins, likely
from posture.graph.chance import Worlds, objective_worlds, sampled, success
from posture.graph.cut import cheapest_cut, label_sets
from posture.graph.fixpoint import relevant
from posture.graph.worth import mean_lost, risk_without
from posture.model.outlook import Attacker

_SHORTLIST = 12
_WAYS_WORLDS = 8  # worlds whose ways are told one by one
_STALE = 0.5  # a pool of ways that has lost half its weight is drawn again
_STALLED = 0.01  # a best pick that removes less than a hundredth of what is left: look two steps ahead


@dataclass(frozen=True, slots=True)
class Pick:
    """A change to make next."""

    change: int
    risk_before: float
    risk_after: float
    ways: int
    """How many of the sampled ways that still stand it cuts."""
    ways_left: int
    """How many stood before it."""


class Remaining:
    """An attack graph from which changes are taken away one by one; labels are changes."""

    def __init__(self, arrays: Arrays, hours: Sequence[float], *, seed: int, worlds: int = 256) -> None:
        self._hours = np.array(hours, np.float64)
        self._arrays = relevant(arrays, arrays.origin, arrays.objective)
        self._seed, self._count = seed, worlds
        self._turn = 0
        self._settle()
        self._draw()

    def _settle(self) -> None:
        """Draw the worlds of what still stands, and see in which of them something is lost."""
        chance = success(self._arrays, Attacker.AI_DRIVEN)
        self._worlds: Worlds = sampled(self._arrays, chance, worlds=self._count, seed=self._seed)
        self._lost = objective_worlds(self._arrays, self._worlds)
        self.risk = mean_lost(self._lost, self._arrays.weight, self._worlds.count)

    def _draw(self) -> None:
        """Tell the ways of a few worlds in which something is lost, others at each turn."""
        self._weight: Longs = likely(self._arrays)
        self._start = from_origins(self._arrays, np.ones(len(self._arrays.origin), np.bool_))
        self._ways = list(self._sampled_ways())
        self._full = sum(weight for weight, _ in self._ways)
        self._turn += 1

    def _sampled_ways(self) -> Iterable[tuple[float, frozenset[int]]]:
        """Yield the ways of some worlds, each with the weight of its objective, but for those nothing can end."""
        for world in self._bad_worlds():
            word, bit = divmod(world, 64)
            column = (self._worlds.works[:, word] >> np.uint64(bit)) & np.uint64(1)
            stands: Bools = column[self._worlds.row] == 1
            found = best(self._arrays, self._weight, self._start, stands)
            reached = found.cost[self._arrays.objective] < FAR
            sets = label_sets(self._arrays, found, self._arrays.objective[reached])
            for weight, labels in zip(self._arrays.weight[reached].tolist(), sets, strict=True):
                if labels:
                    yield weight, frozenset(labels)

    def _bad_worlds(self) -> list[int]:
        """Return a few of the worlds in which something is lost, spread evenly over them."""
        lost = np.bitwise_or.reduce(self._lost, axis=0).astype("<u8")
        bad = np.flatnonzero(np.unpackbits(lost.view(np.uint8), bitorder="little"))
        apart = max(1, len(bad) // _WAYS_WORLDS)
        worlds: list[int] = np.roll(bad, -self._turn)[::apart][:_WAYS_WORLDS].tolist()
        return worlds

    def make(self, change: int) -> None:
        """Take a change's edges away for good."""
        standing = self._arrays.kept(self._arrays.without([change]))
        self._arrays = relevant(standing, standing.origin, standing.objective)
        self._ways = [way for way in self._ways if change not in way[1]]
        self._settle()
        if self.risk > 0 and sum(weight for weight, _ in self._ways) <= _STALE * self._full:
            self._draw()

    def choose(self, allowed: Collection[int]) -> Pick | None:
        """Return the change to make next among these; ``None`` when none of them is on a sampled way."""
        ranked, scores = self._ranked()
        mine = [one for one in ranked if one in allowed][:_SHORTLIST]
        if not mine and self.risk > 0:
            self._draw()
            ranked, scores = self._ranked()
            mine = [one for one in ranked if one in allowed][:_SHORTLIST]
        if not mine:
            return None
        left = risk_without(self._arrays, self._worlds, [[one] for one in mine])
        gains = {one: self.risk - after for one, after in zip(mine, left, strict=True)}
        chosen = max(mine, key=lambda one: (gains[one] / self._hours[one], scores[one] / self._hours[one], -one))
        if gains[chosen] < _STALLED * self.risk:
            chosen = self._two_steps(mine, ranked[:_SHORTLIST], chosen)
        ways = sum(chosen in labels for _, labels in self._ways)
        return Pick(chosen, self.risk, self.risk - gains[chosen], ways, len(self._ways))

    def _two_steps(self, mine: Sequence[int], others: Sequence[int], single: int) -> int:
        """Return the first step of the best pair: two ways side by side make each fix alone look worthless."""
        pairs = [(one, other) for one in mine[:6] for other in others[:8] if one != other]
        if not pairs:
            return single
        left = risk_without(self._arrays, self._worlds, pairs)
        ratio = {
            pair: (self.risk - after) / (self._hours[pair[0]] + self._hours[pair[1]])
            for pair, after in zip(pairs, left, strict=True)
        }
        best_pair = max(pairs, key=lambda pair: (ratio[pair], -pair[0], -pair[1]))
        return best_pair[0] if ratio[best_pair] > 0 else single

    def _ranked(self) -> tuple[list[int], dict[int, float]]:
        """Return the changes on the sampled ways, most weight for each hour first, and that weight."""
        scores: dict[int, float] = {}
        for weight, labels in self._ways:
            for label in labels:
                scores[label] = scores.get(label, 0.0) + weight
        return sorted(scores, key=lambda one: (-scores[one] / self._hours[one], one)), scores

    def finish_line(self) -> tuple[int, ...]:
        """Return the cheapest changes that close every way that still stands and can be closed."""
        return cheapest_cut(self._arrays, self._hours).labels
