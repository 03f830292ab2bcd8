"""What is left of the risk on each day, by a simulation of its own: shares nothing with the engine that plans.

Worlds are drawn by numpy's generator, one bit each, and all rules are swept until nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.estates.generate import Estate

WORDS = 8  # 512 worlds


@dataclass(frozen=True, slots=True)
class Score:
    """How an order of work did."""

    area: float
    """Mean over the days of the risk left, in shares of the risk on day 0; lower is better, 1 is "nothing done"."""
    left: float
    """What is left on the last day, in shares of the risk on day 0."""
    wasted: float
    """Share of the hours spent on fixes that no way goes through."""


class Truth:
    """An estate in its sampled worlds."""

    def __init__(self, estate: Estate, seed: int) -> None:
        rng = np.random.default_rng([seed, 99])
        order = np.argsort(estate.conclusion, kind="stable")
        self._estate = estate
        self._premise = estate.premises[order]
        self._target, self._first = np.unique(estate.conclusion[order], return_index=True)
        finding = estate.finding[order]
        self._fix = np.where(finding >= 0, estate.findings.fix[finding], -1)
        causes, cause = np.unique(estate.cause[order], return_inverse=True)
        p = np.zeros(len(causes))
        p[cause] = estate.p[order]
        bits = (rng.random((len(causes), WORDS * 64)) < p[:, None]).reshape(len(causes), WORDS, 64)
        place = np.uint64(1) << np.arange(64, dtype=np.uint64)
        self._works = np.where(bits, place, np.uint64(0)).sum(axis=2, dtype=np.uint64)[cause]

    def risk(self, done: NDArray[np.bool_]) -> float:
        """Return the weighted mean probability of compromise once these fixes are made."""
        works = self._works.copy()
        works[(self._fix >= 0) & done[self._fix]] = 0
        held = np.zeros((self._estate.nodes + 1, WORDS), np.uint64)
        held[self._estate.origin] = held[-1] = np.uint64(0xFFFF_FFFF_FFFF_FFFF)  # the last row: "needs nothing more"
        while True:
            value = held[self._premise[:, 0]] & held[self._premise[:, 1]] & works
            gained = np.bitwise_or.reduceat(value, self._first, axis=0) | held[self._target]
            if (gained == held[self._target]).all():
                break
            held[self._target] = gained
        share = np.bitwise_count(held[self._estate.objectives]).sum(axis=1) / (WORDS * 64)
        return float(share @ self._estate.weights / self._estate.weights.sum())

    def score(self, ends: NDArray[np.float64], days: int, on_a_way: NDArray[np.bool_]) -> Score:
        """Return how fixes did that end on these days; infinity is "never"."""
        before = self.risk(np.zeros(len(ends), np.bool_))
        curve, done, last = [], np.zeros(len(ends), np.bool_), before
        for day in range(days):
            now = ends <= day
            if (now & ~done & on_a_way).any():
                last = self.risk(now)
            done = now
            curve.append(last / before)
        hours = self._estate.hours
        spent = float(hours[done].sum())
        return Score(float(np.mean(curve)), curve[-1], float(hours[done & ~on_a_way].sum()) / spent if spent else 0.0)


def on_a_way(estate: Estate) -> NDArray[np.bool_]:
    """Return which fixes take away an edge from which the origin can be continued to an objective, in the best case."""
    ahead = _closure(estate, np.array([estate.origin]), forward=True)
    back = _closure(estate, estate.objectives, forward=False)
    second = estate.premises[:, 1]
    fires = ahead[estate.premises[:, 0]] & ((second < 0) | ahead[second]) & back[estate.conclusion]
    found = np.zeros(len(estate.owner), np.bool_)
    found[estate.findings.fix[estate.finding[fires & (estate.finding >= 0)]]] = True
    return found


def _closure(estate: Estate, start: NDArray[np.int64], *, forward: bool) -> NDArray[np.bool_]:
    held = np.zeros(estate.nodes + 1, np.bool_)
    held[start] = True
    held[-1] = forward
    while True:
        before = int(held.sum())
        if forward:
            held[estate.conclusion[held[estate.premises].all(axis=1)]] = True
        else:
            needed = estate.premises[held[estate.conclusion]]
            held[needed[needed >= 0]] = True
        if int(held.sum()) == before:
            return held
