"""Our plan against the usual orders of work, on made-up agencies: area under the remaining risk, and what is left."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.estates.generate import Estate, Topology, estate
from bench.estates.handover import arrays_of, with_residual
from bench.estates.orders import NEVER, calendar_of, due_days, usual
from bench.estates.score import Score, Truth, on_a_way
from bench.estates.wrong import badly_seen
from bench.timing import table
from posture.graph.remaining import Remaining
from posture.model.plan import Work
from posture.plan.calendar import Hours, make_calendar, working_days

DAYS = 30
CAPACITY = 0.152  # of all hours, in thirty days: the median agency of Cyentia's "Prioritization to Prediction"
MONDAY = date(2026, 1, 5)
OURS = (
    "plan, law first",
    "plan, risk alone",
    "plan, law first, on the wrong model",
    "plan, risk alone, on the wrong model",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One agency, and what each order came to."""

    topology: Topology
    seed: int
    risk: float
    scores: dict[str, Score]


def measure(*, hosts: int, seeds: int) -> bool:
    """Print the table; returns whether every plan of ours has at most a fifth of the best usual order's area."""
    trials = list(_trials(hosts, seeds))
    print(f"\n{len(trials)} agencies of {hosts} hosts ({seeds} seeds, {', '.join(Topology)}); "
          f"{CAPACITY:.1%} of all hours in {DAYS} days; risk on day 0 "
          f"{_spread([one.risk for one in trials])}", flush=True)  # fmt: skip
    rows = [_row(name, trials) for name in trials[0].scores]
    table(("order", "area under risk (10th to 90th)", "left on day 30", "hours on dead ends"), sorted(rows, key=_area))
    for topology in Topology:
        mine = [one for one in trials if one.topology is topology]
        areas = {name: statistics.mean(one.scores[name].area for one in mine) for name in mine[0].scores}
        best = min((area, name) for name, area in areas.items() if name not in OURS)
        print(f"  {topology}: best usual order {best[1]} {best[0]:.3f}; "
              + "; ".join(f"{name} {areas[name]:.3f} ({areas[name] / best[0]:.2f} of it)" for name in OURS),
              flush=True)  # fmt: skip
    area = {name: statistics.mean(one.scores[name].area for one in trials) for name in trials[0].scores}
    usual_best = min(value for name, value in area.items() if name not in OURS)
    kept = all(area[name] <= usual_best / 5 for name in OURS)
    print(f"  aim, at most a fifth of {usual_best:.3f} on average: {'kept' if kept else 'MISSED'}", flush=True)
    return kept


def _area(row: Sequence[str]) -> float:
    return float(row[1].split()[0])


def _row(name: str, trials: Sequence[Trial]) -> tuple[str, str, str, str]:
    scores = [one.scores[name] for one in trials]
    return (name, _spread([one.area for one in scores]), _spread([one.left for one in scores]),
            f"{statistics.mean(one.wasted for one in scores):.0%}")  # fmt: skip


def _spread(values: Sequence[float]) -> str:
    low, high = np.percentile(values, (10, 90))
    return f"{statistics.mean(values):.3f} ({low:.3f} to {high:.3f})"


def _trials(hosts: int, seeds: int) -> Iterator[Trial]:
    for topology in Topology:
        for seed in range(seeds):
            begun = time.process_time()
            found = estate(seed, hosts, topology)
            yield Trial(topology, seed, *_compared(found, seed))
            print(f"  {topology} {seed}: {time.process_time() - begun:.1f} s", flush=True)


def _compared(found: Estate, seed: int) -> tuple[float, dict[str, Score]]:
    truth, way = Truth(found, seed), on_a_way(found)
    work_days = len(working_days(MONDAY, DAYS))
    teams = np.bincount(found.owner, weights=found.hours)
    per_day = {owner: max(CAPACITY * hours / work_days, 0.1) for owner, hours in enumerate(teams.tolist())}
    # every order is told in calendar days: the n-th working day of a team is the same day for all
    calendar_day = np.array([(day - MONDAY).days for day in working_days(MONDAY, DAYS)], np.float64)
    scores: dict[str, Score] = {}
    for name, order in usual(found, seed).items():
        ends = calendar_of(found, order, lambda owner: per_day[owner])
        scores[name] = truth.score(_in_days(ends, calendar_day), DAYS, way)
    seen = {"": found, ", on the wrong model": badly_seen(found, seed)}
    for suffix, model in seen.items():
        for name, law in (("plan, law first", True), ("plan, risk alone", False)):
            scores[name + suffix] = truth.score(_planned(model, per_day, law=law), DAYS, way)
    return truth.risk(np.zeros(len(found.owner), np.bool_)), scores


def _in_days(ends: NDArray[np.float64], calendar_day: NDArray[np.float64]) -> NDArray[np.float64]:
    within = ends < len(calendar_day)
    days = np.full(len(ends), np.inf)
    days[within] = calendar_day[ends[within].astype(np.int64)]
    return days


def _planned(model: Estate, per_day: dict[int, float], *, law: bool) -> NDArray[np.float64]:
    """Return on which day each fix ends in our calendar."""
    due = due_days(model)
    count = np.bincount(model.findings.fix, minlength=len(model.owner))
    severity = np.zeros(len(model.owner), np.int64)
    np.maximum.at(severity, model.findings.fix, model.findings.severity)
    # what a plan without a graph would do: by date, severity and hosts
    rest = np.lexsort((-count, -severity, due))
    works = [
        Work(
            id=f"{at:05}", title=f"fix {at}", owner=f"{model.owner[at]:03}", hosts=(), hours=float(model.hours[at]),
            due=MONDAY + timedelta(days=int(due[at])) if law and due[at] < NEVER else None,
        )
        for at in rest.tolist()
    ]  # fmt: skip
    hours = Hours(owners={f"{owner:03}": value for owner, value in per_day.items()})
    arrays = arrays_of(with_residual(model)).relabelled([[int(work.id)] for work in works])
    chooser = Remaining(arrays, [work.hours for work in works], seed=1)
    calendar = make_calendar(works, hours, as_of=MONDAY, days=DAYS, chooser=chooser)
    ends = np.full(len(works), np.inf)
    for one in calendar.appointments:
        ends[int(one.work.id)] = (one.ends - MONDAY).days
    return ends
