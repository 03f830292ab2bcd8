"""Open, closed and overdue by day, how fast findings close, and what is late at that rate. Pure, from stored histories.

The rate counts fixes only, over the last four weeks or as long as there is history. Its interval is that of a Poisson
rate by Byar's approximation, 95 %: patches come in lots, so the true one is wider, and every report says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate

from posture.model.burndown import Burndown, DayCount, Life, Outlook, Rate, Standing, Step

WINDOW_DAYS = 28
SHOWN = 20
_Z = 1.96
_DAY = timedelta(days=1)


def burndown(lives: Sequence[Life], as_of: date, *, clock: str = "", days: int = 30) -> Burndown:
    """Return how findings stood on every day up to ``as_of``, for one clock or by governing date, and the forecast.

    Nothing that happened after ``as_of`` counts: it is the answer that would have been given then.
    """
    known = [_until(life, as_of) for life in lives]
    seen = [life for life in known if life.steps and _concerns(life, clock)]
    begun = min((life.steps[0].day for life in known if life.steps), default=as_of)
    first = max(begun, as_of - timedelta(days=days - 1))
    rate = _rate(seen, begun, as_of)
    standing = sorted((one for life in seen if (one := _standing(life, clock)) is not None), key=_by_due)
    dated = [one for one in standing if one.due is not None]
    week = [one for one in dated if one.due is not None and one.due <= as_of + timedelta(days=7)]
    late = _late(dated, as_of, rate.per_day) if rate else []
    return Burndown(
        as_of=as_of,
        clock=clock,
        days=_days(seen, first, as_of, clock),
        rate=rate,
        outlooks=tuple(Outlook(one, len(_late(dated, as_of, one))) for one in (rate.low, rate.per_day, rate.high))
        if rate
        else (),
        late_first=tuple(late[:SHOWN]),
        this_week=tuple(week[:SHOWN]),
        this_week_total=len(week),
        undated=len(standing) - len(dated),
    )


def poisson_interval(count: int, exposure: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of ``count`` events in ``exposure`` days (Byar's approximation).

    Source: Breslow and Day, Statistical Methods in Cancer Research II, 1987, section 2.3.
    """
    above = count + 1
    high = above * (1 - 1 / (9 * above) + _Z / (3 * math.sqrt(above))) ** 3
    low = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3 if count else 0.0
    return max(low, 0.0) / exposure, high / exposure


def _until(life: Life, day: date) -> Life:
    return Life(life.check, life.host, life.subject, tuple(step for step in life.steps if step.day <= day))


def _concerns(life: Life, clock: str) -> bool:
    return not clock or any(name == clock for step in life.steps for name, _ in step.dues)


def _due(dues: tuple[tuple[str, date], ...], clock: str) -> date | None:
    if not clock:
        return dues[0][1] if dues else None
    return min((day for name, day in dues if name == clock), default=None)


def _standing(life: Life, clock: str) -> Standing | None:
    since: date | None = None
    due: date | None = None
    for step in life.steps:
        if step.did == "closed":
            since = None
            continue
        if step.did == "opened":
            since = step.day
        due = _due(step.dues, clock)
    return None if since is None else Standing(life.check, life.host, life.subject, since, due)


def _by_due(one: Standing) -> tuple[bool, date, str, str, str]:
    return (one.due is None, one.due or date.max, one.host, one.check, one.subject)


def _days(lives: Iterable[Life], first: date, last: date, clock: str) -> tuple[DayCount, ...]:
    count = (last - first).days + 1
    tracks = {name: [0] * (count + 1) for name in ("open", "overdue", "opened", "fixed", "gone")}

    def mark(name: str, start: date, end: date) -> None:
        """Count from the end of ``start`` to the day before ``end``."""
        low, high = max((start - first).days, 0), min((end - first).days, count)
        if low < high:
            tracks[name][low] += 1
            tracks[name][high] -= 1

    for life in lives:
        for start, end, step in _spans(life.steps, last):
            if step.did != "closed":
                mark("open", start, end)
                due = _due(step.dues, clock)
                if due is not None:
                    mark("overdue", max(start, due + _DAY), end)
        for step in life.steps:
            name = "opened" if step.did == "opened" else "fixed" if step.fixed else "gone"
            if step.did != "due_changed":
                mark(name, step.day, step.day + _DAY)
    sums = {name: list(accumulate(track))[:count] for name, track in tracks.items()}
    return tuple(DayCount(first + timedelta(days=n), **{name: sums[name][n] for name in sums}) for n in range(count))


def _spans(steps: Sequence[Step], last: date) -> Iterable[tuple[date, date, Step]]:
    """Yield for each step from which day it holds, and the day from which the next one does."""
    ends = [*(step.day for step in steps[1:]), last + _DAY]
    return zip((step.day for step in steps), ends, steps, strict=True)


def _rate(lives: Iterable[Life], begun: date, as_of: date) -> Rate | None:
    days = min((as_of - begun).days, WINDOW_DAYS)
    if days < 1:
        return None
    since = as_of - timedelta(days=days)
    fixed = sum(step.fixed and step.day > since for life in lives for step in life.steps)
    low, high = poisson_interval(fixed, days)
    return Rate(fixed, days, fixed / days, low, high)


def _late(dated: Sequence[Standing], as_of: date, per_day: float) -> list[Standing]:
    """Return what is late when the nearest date is served first, at so many a day, starting today."""
    out = []
    for rank, one in enumerate(dated, start=1):
        left = (one.due - as_of).days + 1 if one.due else 0
        if left <= 0 or per_day * left < rank:
            out.append(one)
    return out
