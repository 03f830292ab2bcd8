"""The plan as a calendar of thirty days, by owner and day; what cannot be in time comes first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import urlencode

from posture.model.plan import Appointment, Calendar, Work
from reports.dashboard.overview import fix_path
from reports.dashboard.views.calendar import CalendarDay, CalendarPage, CalendarWeek, LateLine, Slot, WorkDetail
from reports.dashboard.views.common import Choice
from reports.due import days_late, relative
from reports.inert import lines_of
from reports.sections.plan import where_words
from reports.words import RISK

_SLOTS = 8  # of one day; the rest is counted and stands in the list below
_LISTED = 300
_DAY = timedelta(days=1)


def of_owner(calendar: Calendar, owner: str, works: Sequence[Work]) -> Calendar:
    """Return the calendar of one owner; of everybody when none is named."""
    if not owner:
        return calendar
    theirs = {work.id for work in works if work.owner == owner}
    return replace(
        calendar,
        appointments=tuple(one for one in calendar.appointments if one.work.owner == owner),
        late=tuple(one for one in calendar.late if one.owner == owner),
        left_over=tuple(id_ for id_ in calendar.left_over if id_ in theirs),
    )


def calendar_page(calendar: Calendar, works: Sequence[Work], owner: str, hours: float) -> CalendarPage:
    """Return the page's context, of one owner if they are named."""
    by_id = {work.id: work for work in works}
    own = of_owner(calendar, owner, works)
    left = [by_id[id_] for id_ in own.left_over if id_ in by_id and not by_id[id_].optional]
    late = {one.work for one in own.late}
    query = f"?{urlencode({'owner': owner})}" if owner else ""
    names = sorted({work.owner for work in works if not work.optional})
    return CalendarPage(
        as_of=own.as_of,
        until=own.until,
        note=own.note,
        hours=f"{hours:g} hours of each owner on a working day",
        risk=_risk(calendar),
        late=tuple(
            LateLine(by_id[one.work].title, fix_path(one.work), one.owner, one.due, one.sentence)
            for one in own.late
            if one.work in by_id
        ),
        owners=(Choice("", "every owner", not owner), *(Choice(one, one, one == owner) for one in names)),
        weeks=tuple(_weeks(own, late)),
        planned=len(own.appointments),
        details=tuple(_appointment(one, own.as_of) for one in own.appointments[:_LISTED]),
        details_left_out=max(0, len(own.appointments) - _LISTED),
        unplanned=tuple(_detail(work, own.as_of, "not in these days", work.reason) for work in left[:_LISTED]),
        unplanned_left_out=max(0, len(left) - _LISTED),
        ics=f"/plan.ics{query}",
        csv=f"/plan.csv{query}",
    )


def _risk(calendar: Calendar) -> str:
    if calendar.risk_now is None or calendar.risk_then is None:
        return ""
    return (
        f"Mean chance that something important is lost: {calendar.risk_now:.1%} now, {calendar.risk_then:.1%} when all "
        "of it is done; uncalibrated."
    )


def _weeks(calendar: Calendar, late: set[str]) -> Iterator[CalendarWeek]:
    by_day: Mapping[date, list[Slot]] = _slots(calendar, late)
    monday = calendar.as_of - calendar.as_of.weekday() * _DAY
    while monday <= calendar.until:
        days = [monday + n * _DAY for n in range(5)]
        yield CalendarWeek(
            title=f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}",
            days=tuple(_day(day, by_day.get(day, []), today=day == calendar.as_of) for day in days),
            planned=any(day in by_day for day in days),
        )
        monday += 7 * _DAY


def _day(day: date, slots: Sequence[Slot], *, today: bool) -> CalendarDay:
    rest = slots[_SLOTS:]
    return CalendarDay(day, today, tuple(slots[:_SLOTS]), len(rest), rest[0].path if rest else "")


def _slots(calendar: Calendar, late: set[str]) -> dict[date, list[Slot]]:
    found: dict[date, list[Slot]] = {}
    for one in sorted(calendar.appointments, key=lambda each: (each.work.owner, each.rank)):
        day = one.starts
        while day <= one.ends:
            if day.weekday() < 5:
                found.setdefault(day, []).append(_slot(one, day, late))
            day += _DAY
    return found


def _slot(one: Appointment, day: date, late: set[str]) -> Slot:
    many = one.starts != one.ends
    days = "begins" if many and day == one.starts else "ends" if many and day == one.ends else "goes on" if many else ""
    over = one.work.due is not None and one.ends > one.work.due
    return Slot(one.work.title, fix_path(one.work.id), one.work.owner, days, over or one.work.id in late)


def _appointment(one: Appointment, today: date) -> WorkDetail:
    when = f"{one.starts}" if one.starts == one.ends else f"{one.starts} to {one.ends}"
    return _detail(one.work, today, f"{when}, no. {one.rank}", one.sentence)


def _detail(work: Work, today: date, when: str, why: str) -> WorkDetail:
    return WorkDetail(
        anchor=f"w-{work.id}",
        title=work.title,
        owner=work.owner,
        when=when,
        where=where_words(work.hosts),
        hours=work.hours,
        due=work.due,
        relative=relative(work.due, today) if work.due else "no date",
        late=work.due is not None and days_late(work.due, today) > 0,
        due_reason=work.due_reason,
        why=why,
        risk=RISK[work.risk],
        rollback=lines_of(work.rollback),
        proof=work.proof,
        try_path=f"/what-if?{urlencode({'fix': work.id})}",
    )
