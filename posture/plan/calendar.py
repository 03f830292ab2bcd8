"""Thirty days of work under the hours each owner has: what has a date first, then what removes most risk for its hours.

Dated work is placed as late as its date allows, so that the days before it go to whatever closes most ways; a calendar
in which a date cannot be kept says so at once, with the name. Without an attack graph the order is that of the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Protocol

from posture.model.plan import Appointment, Calendar, Late, Place, Work

KEPT_DAYS = 3
NO_GRAPH = "no attack graph was at hand: in order of due date, severity and weight"
BY_GRAPH = "dated work as late as its date allows; before it what removes most risk for each hour (uncalibrated)"
_TINY = 1e-9
_SLIVER_H = 1e-6  # work that ends with the day ends on that day


class Picked(Protocol):
    """What a chooser says of the work it chose; numbers of works are their places in the list."""

    @property
    def change(self) -> int: ...
    @property
    def risk_before(self) -> float: ...
    @property
    def risk_after(self) -> float: ...
    @property
    def ways(self) -> int: ...
    @property
    def ways_left(self) -> int: ...


class Chooser(Protocol):
    """Knows the attack graph; ``posture.graph.remaining.Remaining`` is one."""

    risk: float

    def make(self, change: int) -> None:
        """Take a work's conditions away for good."""

    def choose(self, allowed: Collection[int]) -> Picked | None:
        """Return the work that removes most risk for its hours; nothing when none of them is on a way."""

    def finish_line(self) -> tuple[int, ...]:
        """Return the cheapest works that close every way that still stands."""


@dataclass(frozen=True, slots=True)
class Hours:
    """How many hours of this work an owner has on a working day."""

    default: float = 4.0
    owners: Mapping[str, float] = field(default_factory=dict)

    def of(self, owner: str) -> float:
        """Return an owner's hours for a working day."""
        return self.owners.get(owner, self.default)


def make_calendar(
    works: Sequence[Work],
    hours: Hours,
    *,
    as_of: date,
    days: int = 30,
    chooser: Chooser | None = None,
    kept: Sequence[str] = (),
) -> Calendar:
    """Return the calendar; ``works`` come in the order they have without a graph.

    ``kept`` are the ids of works that the last plan let begin within its next three working days, in its order.
    """
    desk = _Desk(works, hours, as_of, days, chooser, kept)
    late = tuple(one for owner in desk.owners for one in desk.too_late(owner))
    risk_now = chooser.risk if chooser else None
    while desk.step():
        pass
    appointments = sorted(desk.appointments, key=lambda one: (one.starts, one.rank))
    return Calendar(
        as_of=as_of,
        until=as_of + timedelta(days=days),
        appointments=tuple(_ranked(appointments)),
        late=late,
        left_over=tuple(work.id for work in works if work.id not in desk.ended),
        risk_now=risk_now,
        risk_then=chooser.risk if chooser else None,
        note=BY_GRAPH if chooser else NO_GRAPH,
    )


def begun_soon(last: Calendar, today: date) -> tuple[str, ...]:
    """Return the works of the last calendar that begin within the next three working days, in its order."""
    near = working_days(today, 14)[:KEPT_DAYS]
    return tuple(one.work.id for one in last.appointments if near and today <= one.starts <= near[-1])


def working_days(first: date, days: int) -> list[date]:
    """Return the days from Monday to Friday among ``days`` days from the first."""
    every = (first + timedelta(days=number) for number in range(days))
    return [one for one in every if one.weekday() < 5]


def _ranked(appointments: Sequence[Appointment]) -> list[Appointment]:
    return [replace(one, rank=rank) for rank, one in enumerate(appointments, start=1)]


class _Desk:
    """The calendar while it is filled: each owner has a clock, in hours of work since the first day."""

    def __init__(
        self,
        works: Sequence[Work],
        hours: Hours,
        as_of: date,
        days: int,
        chooser: Chooser | None,
        kept: Sequence[str],
    ) -> None:
        self._works, self._hours, self._chooser = works, hours, chooser
        self._days = working_days(as_of, days)
        self._as_of = as_of
        self._number = {work.id: at for at, work in enumerate(works)}
        self._kept = [self._number[id_] for id_ in kept if id_ in self._number]
        self._open: dict[str, list[int]] = {}
        for at, work in enumerate(works):
            self._open.setdefault(work.owner, []).append(at)
        self._clock = dict.fromkeys(sorted(self._open), 0.0)
        self._finish: tuple[int, ...] | None = None
        self.appointments: list[Appointment] = []
        self.ended: dict[str, date] = {}

    @property
    def owners(self) -> list[str]:
        return list(self._clock)

    def step(self) -> bool:
        """Give the owner who is free first something to do; false when nobody can begin anything any more."""
        busy = [owner for owner in self._clock if self._open[owner] and self._clock[owner] < self._end(owner)]
        if not busy:
            return False
        owner = min(busy, key=lambda one: (self._clock[one] / max(self._hours.of(one), _TINY), one))
        ready = self._worth_doing([at for at in self._open[owner] if self._can_begin(at)])
        if not ready:
            per_day = self._hours.of(owner)
            self._clock[owner] = (int(self._clock[owner] / per_day + _TINY) + 1) * per_day
            return True
        at, place, picked = self._chosen(owner, ready)
        if place is Place.ORDER and self._works[at].optional:
            self._open[owner] = [one for one in self._open[owner] if not self._works[one].optional]
            return True
        self._begin(at, place, picked)
        return True

    def _end(self, owner: str) -> float:
        return len(self._days) * self._hours.of(owner)

    def _day(self, owner: str, clock: float) -> date | None:
        per_day = self._hours.of(owner)
        at = int(clock / per_day + _TINY) if per_day > 0 else len(self._days)
        return self._days[at] if at < len(self._days) else None

    def _can_begin(self, at: int) -> bool:
        work = self._works[at]
        day = self._day(work.owner, self._clock[work.owner])
        if day is None or day.weekday() not in work.weekdays:
            return False
        if self._clock[work.owner] + work.hours > self._end(work.owner) + _TINY:
            return False
        before = [id_ for id_ in work.after if id_ in self._number]
        return day >= self._as_of + timedelta(days=work.lead_days) and all(
            id_ in self.ended and self.ended[id_] <= day for id_ in before
        )

    def _chosen(self, owner: str, ready: list[int]) -> tuple[int, Place, Picked | None]:
        for at in self._kept:
            if at in ready:
                return at, Place.KEPT, None
        dated = sorted((at for at in self._open[owner] if self._works[at].due), key=self._by_due)
        room = self._room(owner, dated)
        first = next((at for at in dated if at in ready), None)
        free = [at for at in ready if self._works[at].hours <= room + _TINY or at == first]
        if first is not None and (room < 0 or free == [first]):
            return self._most_urgent(first, ready), Place.DUE, None
        free = free or ready  # what is dated cannot begin yet
        if self._chooser is None:
            return (first, Place.DUE, None) if first is not None else (free[0], Place.ORDER, None)
        if picked := self._chooser.choose(free):
            return picked.change, Place.RISK, picked
        if first is not None:
            return first, Place.DUE, None
        if self._finish is None:
            self._finish = self._chooser.finish_line()
        ahead = next((at for at in free if at in self._finish), None)
        return (ahead, Place.FINISH_LINE, None) if ahead is not None else (free[0], Place.ORDER, None)

    def _worth_doing(self, ready: list[int]) -> list[int]:
        """Return the works without those that only a way makes worth doing, where no way is known."""
        return ready if self._chooser else [at for at in ready if not self._works[at].optional]

    def _most_urgent(self, first: int, ready: Sequence[int]) -> int:
        """Return which of the works with the nearest date comes first; dates that are missed already are all alike."""
        owner = self._works[first].owner
        today = self._day(owner, self._clock[owner]) or date.max
        nearest = max(self._works[first].due or date.max, today)
        alike = [at for at in ready if (due := self._works[at].due) is not None and due <= nearest]
        picked = self._chooser.choose(alike) if self._chooser and len(alike) > 1 else None
        return picked.change if picked else first

    def _by_due(self, at: int) -> tuple[date, int]:
        return self._works[at].due or date.max, at

    def _room(self, owner: str, dated: Sequence[int]) -> float:
        """Return for how many hours the owner may do other things without missing a date; below 0: one is missed."""
        clock, room = self._clock[owner], float("inf")
        for at in dated:
            clock += self._works[at].hours
            room = min(room, self._deadline(at) - clock)
        return room

    def _deadline(self, at: int) -> float:
        """Return the hours of work there are up to and with the day it is due."""
        work = self._works[at]
        due = work.due or date.max
        if due > self._days[-1] if self._days else True:
            return float("inf")
        return sum(day <= due for day in self._days) * self._hours.of(work.owner)

    def _begin(self, at: int, place: Place, picked: Picked | None) -> None:
        work = self._works[at]
        before = self._chooser.risk if self._chooser else None
        clock = self._clock[work.owner]
        self._clock[work.owner] = clock + work.hours
        starts, ends = self._day(work.owner, clock), self._day(work.owner, clock + max(work.hours - _SLIVER_H, 0.0))
        assert starts is not None and ends is not None  # noqa: S101 - _can_begin looked
        self._open[work.owner].remove(at)
        self.ended[work.id] = ends
        if self._chooser:
            self._chooser.make(at)
        after = self._chooser.risk if self._chooser else None
        ways, of = (picked.ways, picked.ways_left) if picked else (0, 0)
        sentence = _sentence(work, place, before, after, ways, of)
        self.appointments.append(
            Appointment(len(self.appointments) + 1, work, starts, ends, place, before, after, ways, of, sentence)
        )

    def too_late(self, owner: str) -> list[Late]:
        """Return the works whose dates cannot be kept even if nothing else is done; the nearest date first."""
        clock, found = 0.0, []
        for at in sorted((at for at in self._open[owner] if self._works[at].due), key=self._by_due):
            work = self._works[at]
            clock += work.hours
            if clock > self._deadline(at) + _TINY and work.due:
                earliest = self._day(owner, clock - _SLIVER_H)
                found.append(Late(work.id, owner, work.due, earliest, _late(work, earliest, self._as_of)))
        return found


def _late(work: Work, earliest: date | None, today: date) -> str:
    when = f"not before {earliest}" if earliest else "not within this calendar"
    was = "was already due" if work.due and work.due < today else "is due"
    return f"{work.title} {was} on {work.due}; with the hours of {work.owner} it can be done {when}."


def _sentence(work: Work, place: Place, before: float | None, after: float | None, ways: int, of: int) -> str:
    size = f"{work.hours:g} h" + (f" on {_hosts(len(work.hosts))}" if work.hosts else "")
    moved = before is not None and after is not None and round(before, 3) != round(after, 3)
    falls = f"; the risk left goes from {before:.3f} to {after:.3f}" if moved else ""
    why = (work.due_reason or "its date").rstrip(".")
    match place:
        case Place.RISK:
            return f"Cuts {ways} of {of} sampled ways{falls}; {size}."
        case Place.DUE:
            return f"Due {work.due}: {why}{falls}; {size}."
        case Place.KEPT:
            return f"Stays where the last plan put it{falls}; {size}."
        case Place.FINISH_LINE:
            return f"Part of the cheapest set that closes what still stands{falls}; {size}."
        case Place.ORDER:
            return f"{work.reason or 'No way found goes through it.'} {size}."


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"
