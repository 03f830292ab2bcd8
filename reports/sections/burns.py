"""Burn-down and forecast: open and overdue by day and clock, the rate with its interval, what is late at it."""

from __future__ import annotations

from collections.abc import Iterable

from posture.model.burndown import Burndown, DayCount, Standing
from reports.sections.common import clock_title
from reports.survey import Survey
from reports.view import BurnDayView, BurnView, OpenView
from reports.words import counted, rate_words


def build_burns(survey: Survey) -> tuple[BurnView, ...]:
    """Return the burn-down of all findings, then of each clock; none without history."""
    return tuple(_burn(survey, one) for one in survey.assessment.burndowns)


def _burn(survey: Survey, found: Burndown) -> BurnView:
    today = found.today
    most = max(1, *(one.open for one in found.days))
    return BurnView(
        title=clock_title(survey.assessment, found.clock) if found.clock else "All clocks, by governing date",
        lead=(
            f"{counted(today.open, 'finding')} open on {found.as_of}, {today.overdue:,} of them overdue, "
            f"{found.undated:,} without a date here."
        ),
        rate=f"{rate_words(found)[:1].upper()}{rate_words(found)[1:]}.",
        open_line=_line([one.open for one in found.days], most),
        overdue_line=_line([one.overdue for one in found.days], most),
        most=most,
        days=tuple(_day(one) for one in found.days if _tells(one, found)),
        week=tuple(_open(found.this_week)),
        week_total=found.this_week_total,
        late=tuple(_open(found.late_first)),
    )


def _tells(one: DayCount, found: Burndown) -> bool:
    return bool(one.opened or one.fixed or one.gone) or one in (found.days[0], found.days[-1])


def _line(values: list[int], most: int) -> str:
    """Return the points of a line over days; a single day is a level line."""
    if len(values) == 1:
        values = values * 2
    step = 100 / (len(values) - 1)
    return " ".join(f"{n * step:.1f},{30 - 28 * value / most:.1f}" for n, value in enumerate(values))


def _day(one: DayCount) -> BurnDayView:
    return BurnDayView(one.day, one.open, one.overdue, one.opened, one.fixed, one.gone)


def _open(found: Iterable[Standing]) -> Iterable[OpenView]:
    return (OpenView(one.due, one.check, one.host, one.subject) for one in found)
