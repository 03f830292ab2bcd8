"""The orders of work that agencies use today, and the one calendar by which every order is measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.estates.generate import Estate

Floats = NDArray[np.float64]
NEVER = 10_000.0

# (KEV, automatable, total impact) -> days when not public, when public. Source: BOD 26-04, decision table.
_DAYS = {
    (False, False, False): (NEVER, 60), (False, False, True): (NEVER, 14),
    (False, True, False): (60, 14), (False, True, True): (60, 3),
    (True, False, False): (14, 14), (True, False, True): (14, 3),
    (True, True, False): (14, 3), (True, True, True): (3, 3),
}  # fmt: skip


def due_days(estate: Estate) -> Floats:
    """Return for each fix the days of its most urgent finding; ``NEVER`` where the directive dates none."""
    one = estate.findings
    rows = zip(one.kev.tolist(), one.automatable.tolist(), one.total.tolist(), one.public.tolist(), strict=True)
    days = np.array([_DAYS[kev, auto, total][public] for kev, auto, total, public in rows], np.float64)
    return _least(estate, np.where(one.cve, days, NEVER))


def _least(estate: Estate, value: Floats) -> Floats:
    found = np.full(len(estate.owner), np.inf)
    np.minimum.at(found, estate.findings.fix, value)
    return found


def _most(estate: Estate, value: NDArray[np.generic]) -> Floats:
    return -_least(estate, -value.astype(np.float64))


def usual(estate: Estate, seed: int) -> dict[str, NDArray[np.int64]]:
    """Return each usual order as fixes from first to last; what a feed does not know comes last, by severity."""
    one = estate.findings
    count = np.bincount(one.fix, minlength=len(estate.owner)).astype(np.float64)
    severity, cvss, epss = (_most(estate, value) for value in (one.severity, one.cvss, one.epss))
    kev, due = _most(estate, one.kev), due_days(estate)
    tie = np.random.default_rng([seed, 5]).random(len(estate.owner))

    def by(*keys: Floats) -> NDArray[np.int64]:
        return np.lexsort((tie, *reversed(keys)))

    return {
        "severity": by(-severity, -count),
        "CVSS": by(-cvss, -count),
        "CVSS x hosts / hour": by(-(cvss * count / estate.hours)),
        "EPSS": by(-epss, -severity),
        "KEV first": by(-kev, -cvss),
        "BOD 26-04, then EPSS": by(due, -epss, -severity),
        "random": by(tie),
    }


def calendar_of(estate: Estate, order: NDArray[np.int64], hours_per_day: Callable[[int], float]) -> Floats:
    """Return on which day each fix ends when every team takes its own fixes in this order, one after the other."""
    ends = np.full(len(estate.owner), np.inf)
    for owner in np.unique(estate.owner).tolist():
        mine = order[estate.owner[order] == owner]
        ends[mine] = np.floor(np.cumsum(estate.hours[mine]) / hours_per_day(owner) - 1e-9)
    return ends
