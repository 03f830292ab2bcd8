"""The estate as a planner that is badly informed sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.estates.generate import Estate

MISSING, FALSE, NOISE = 0.15, 0.10, 1.0


def badly_seen(estate: Estate, seed: int) -> Estate:
    """Return the estate with other probabilities (log-odds off by a standard deviation of 1), 15 % of the edges that a
    fix would take away missing, and 10 % that do not exist added.
    """
    rng = np.random.default_rng([seed, 31])
    fixable = np.flatnonzero(estate.finding >= 0)
    gone = rng.random(len(fixable)) < MISSING
    copied = rng.choice(fixable, round(FALSE * len(fixable)), replace=False)
    causes, cause = np.unique(estate.cause, return_inverse=True)
    shift = rng.normal(0, NOISE, len(causes))[cause]
    sure = estate.p >= 1.0
    odds = np.log(np.where(sure, 0.5, estate.p) / np.where(sure, 0.5, 1 - estate.p))
    p = np.where(sure, 1.0, 1 / (1 + np.exp(-(odds + shift))))
    stays = np.ones(len(estate.conclusion), np.bool_)
    stays[fixable[gone]] = False
    # a false edge claims, for the same finding, another conclusion of the same kind
    elsewhere = rng.permutation(estate.conclusion[copied])
    new_cause = estate.cause.max() + 1 + np.arange(len(copied))
    return replace(
        estate,
        premises=np.concatenate([estate.premises[stays], estate.premises[copied]]),
        conclusion=np.concatenate([estate.conclusion[stays], elsewhere]),
        finding=np.concatenate([estate.finding[stays], estate.finding[copied]]),
        p=np.concatenate([p[stays], p[copied]]),
        cause=np.concatenate([estate.cause[stays], new_cause]),
    )
