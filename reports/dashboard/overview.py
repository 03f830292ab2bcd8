"""The overview: clocks, burn-down with forecast, scores with trend, and the fixes that cut most; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from posture.model.assessment import CategoryScore, GroupScore
from posture.model.burndown import Burndown
from posture.model.clock import Clock
from posture.model.outlook import PathAnalysis
from posture.model.plan import Work
from posture.model.trend import ScoreTrend
from reports.dashboard.views.common import Count
from reports.dashboard.views.overview import (
    BurnChart,
    BurnPoint,
    ClockLine,
    CutLine,
    ForecastLine,
    OverviewView,
    TrendLine,
)
from reports.due import due_by
from reports.sections.common import NOT_SAID
from reports.sections.plan import where_words
from reports.sections.scores import band_words
from reports.survey import Survey
from reports.view import Pair
from reports.words import clock_standing, counted, percent, rate_words

CUTS = 5
_AHEAD_DAYS = 30
_TOLD_DAYS = (7, 14, 30)
_DAY = timedelta(days=1)
NO_HISTORY = "No finding was ever opened here, so there is nothing to burn down."
NO_GRAPH = "No attack graph could be searched for this run: these stand in the order of the plan, by date and weight."
NO_WAYS = "No path was found in the evidence collected, so no fix cuts one: these stand in the order of the plan."
UNKNOWN = "unknown: packages of no host were held against known vulnerabilities"
BY_GRAPH = (
    "Each alone, every other thing left as it is: by how much the mean chance that something important is lost falls. "
    "Uncalibrated; it compares fixes and promises nothing."
)


def overview(survey: Survey, trend: ScoreTrend, works: Sequence[Work], outlook: PathAnalysis | None) -> OverviewView:
    """Return the page's context."""
    cuts = tuple(_cuts(works, outlook)) if outlook else ()
    note = BY_GRAPH if cuts else NO_WAYS if outlook else NO_GRAPH
    return OverviewView(
        clocks=clock_lines(survey),
        open=Count(len(survey.open), "/work"),
        overdue=Count(len(survey.overdue), "/work?late=1"),
        burn=burn_chart(survey.assessment.burndowns),
        trends=tuple(_trends(survey, trend)),
        trend_note=_trend_note(trend, whole=bool(survey.assessment.scores)),
        cuts=cuts or tuple(_by_plan(works)),
        cuts_note=note,
    )


def clock_lines(survey: Survey) -> tuple[ClockLine, ...]:
    """Return the clocks of the profile with what each dates: laws first, then by the nearest date."""
    roles = dict(survey.assessment.baseline.profile.clocks)
    found = [
        _clock(survey, clock, binding=roles[clock.id] == "binding")
        for clock in survey.assessment.clocks
        if clock.id in roles and not clock.history
    ]
    return tuple(sorted(found, key=lambda one: (not one.legal, one.next_due or date.max, one.id)))


def _clock(survey: Survey, clock: Clock, *, binding: bool) -> ClockLine:
    today = survey.assessment.today
    days = [due for one in survey.open if (due := due_by(one, clock.id)) is not None]
    late = sum(day < today for day in days)
    ahead = min((day for day in days if day >= today), default=None)
    query = urlencode({"clock": clock.id})
    looked = sum(one.by_us + one.imported for one in survey.bod.platforms())
    known, limit = True, "" if survey.complete else ", as far as was seen"
    if clock.table is not None and looked < survey.assessment.coverage.hosts:  # it dates known vulnerabilities
        known = bool(looked or days)
        limit = f", as far as was seen: packages of {looked:,} of {counted(survey.assessment.coverage.hosts, 'host')}"
    return ClockLine(
        id=clock.id,
        title=clock.title,
        standing=clock_standing(clock, binding=binding),
        legal=clock.legal and binding,
        open=Count(len(days), f"/work?{query}" if days else ""),
        overdue=Count(late, f"/work?{query}&late=1" if late else ""),
        next_due=ahead,
        days_left=(ahead - today).days if ahead else None,
        said=_left(ahead, today, late, limit) if known else UNKNOWN,
        known=known,
    )


def _left(ahead: date | None, today: date, late: int, limit: str) -> str:
    if ahead is None:
        return "every date has passed" if late else f"no open finding has a date by it{limit}"
    days = (ahead - today).days
    return "due today" if days == 0 else f"{counted(days, 'day')} left"


def burn_chart(found: Sequence[Burndown]) -> BurnChart:
    """Return the chart of all findings; the forecast adds no new finding, as the words say."""
    if not found:
        day = date.min
        return _no_chart(NO_HISTORY, day)
    burn = found[0]
    if len(burn.days) == 1:
        why = (
            f"One day of history: {counted(burn.today.open, 'finding')} open on {burn.as_of}, {burn.today.overdue:,} "
            "of them overdue. The chart and the forecast begin with the second day."
        )
        return _no_chart(why, burn.as_of)
    first, today = burn.days[0].day, burn.as_of
    last = today + _AHEAD_DAYS * _DAY
    most = max(1, *(one.open for one in burn.days))
    ahead = tuple(_ahead(burn, days) for days in range(_AHEAD_DAYS + 1)) if burn.rate else ()

    def point(day: date, value: float) -> str:
        return f"{100 * (day - first).days / (last - first).days:.2f},{39 - 37 * value / most:.2f}"

    rate = rate_words(burn)
    told = {0, len(burn.days) - 1}
    return BurnChart(
        why_none="",
        rate=f"{rate[:1].upper()}{rate[1:]}.",
        most=most,
        first=first,
        today=today,
        last=last,
        today_x=round(100 * (today - first).days / (last - first).days, 2),
        open_line=" ".join(point(one.day, one.open) for one in burn.days),
        overdue_line=" ".join(point(one.day, one.overdue) for one in burn.days),
        forecast_line=" ".join(point(one.day, one.middle) for one in ahead),
        forecast_band=" ".join(
            (*(point(one.day, one.slow) for one in ahead), *(point(one.day, one.fast) for one in reversed(ahead)))
        ),
        days=tuple(
            BurnPoint(one.day, one.open, one.overdue, one.opened, one.fixed, one.gone)
            for at, one in enumerate(burn.days)
            if at in told or one.opened or one.fixed or one.gone
        ),
        ahead=tuple(ahead[days] for days in _TOLD_DAYS) if ahead else (),
    )


def _no_chart(why: str, day: date) -> BurnChart:
    return BurnChart(why, "", 0, day, day, day, 0, "", "", "", "", (), ())


def _ahead(burn: Burndown, days: int) -> ForecastLine:
    now = burn.today.open

    def left(rate: float) -> int:
        return max(0, round(now - rate * days))

    slow, middle, fast = (one.per_day for one in burn.outlooks)
    return ForecastLine(burn.as_of + days * _DAY, left(slow), left(middle), left(fast))


def _trends(survey: Survey, trend: ScoreTrend) -> Iterator[TrendLine]:
    assessment = survey.assessment
    for one in assessment.scores:
        past = [
            (point.as_of.date(), next((old for old in point.categories if old.category == one.category), None))
            for point in trend.points
        ]
        words = band_words(one.low, one.high) if one.checks else "no check looks at this"
        yield _trend(one.title, one.category, words, one, past, Count(one.checks, "/checks" if one.checks else ""))
    if not assessment.scores:
        for group in assessment.group_scores:
            if group.kind == "system":
                then = [
                    (point.as_of.date(), next((old for old in point.systems if old.name == group.name), None))
                    for point in trend.points
                ]
                yield _trend(group.name or NOT_SAID, "", band_words(group.low, group.high), group, then, None)


def _trend(
    title: str,
    name: str,
    words: str,
    now: CategoryScore | GroupScore,
    past: Sequence[tuple[date, CategoryScore | GroupScore | None]],
    checks: Count | None,
) -> TrendLine:
    known = [(day, one) for day, one in past if one is not None]
    scored = checks is None or checks.number > 0
    drawn = known if len(known) > 1 and scored else []
    xs = [100 * at / (len(drawn) - 1) for at in range(len(drawn))] if drawn else []
    highs = [f"{x:.1f},{20 - one.high / 5:.1f}" for x, (_, one) in zip(xs, drawn, strict=True)]
    lows = [f"{x:.1f},{20 - one.low / 5:.1f}" for x, (_, one) in zip(xs, drawn, strict=True)]
    return TrendLine(
        title=title,
        name=name,
        low=round(now.low, 1),
        width=round(now.high - now.low, 1),
        words=words,
        checks=checks,
        band=" ".join((*highs, *reversed(lows))),
        low_line=" ".join(lows),
        change=_change(drawn[0][1], drawn[-1][1], drawn[0][0]) if drawn else "",
        points=tuple(Pair(f"{day}", band_words(one.low, one.high)) for day, one in drawn),
    )


def _change(then: CategoryScore | GroupScore, now: CategoryScore | GroupScore, since: date) -> str:
    low, high = round(now.low - then.low, 1), round(now.high - then.high, 1)
    if not low and not high:
        return f"as on {since}"
    return f"{low:+g} at the low end, {high:+g} at the high end, since {since}"


def _trend_note(trend: ScoreTrend, *, whole: bool) -> str:
    left = ""
    if trend.other_baseline:
        left += f" {counted(trend.other_baseline, 'earlier run')} judged by another baseline cannot be compared."
    if trend.not_kept:
        left += f" {counted(trend.not_kept, 'earlier run')} kept no scores."
    if not trend.points:
        return f"No trend: the scores of this run were not kept beside it.{left}"
    if len(trend.points) == 1:
        return f"No trend yet: this is the only run that can be compared.{left}"
    first, last = trend.points[0], trend.points[-1]
    then, now = percent(first.decided, first.possible), percent(last.decided, last.possible)
    seen = f"; coverage was {then} and is {now}" if whole else ""
    return (
        f"Over {len(trend.points)} runs under one baseline, {first.as_of:%Y-%m-%d} to {last.as_of:%Y-%m-%d}{seen}. "
        f"A band also moves when more or less is seen.{left}"
    )


def _cuts(works: Sequence[Work], outlook: PathAnalysis) -> Iterator[CutLine]:
    by_id = {work.id: work for work in works}
    objectives = len(outlook.outlooks)
    most = [one for one in outlook.worths if one.removes > 0 and one.change in by_id][:CUTS]
    for rank, worth in enumerate(most, start=1):
        work = by_id[worth.change]
        yield CutLine(
            rank=rank,
            title=work.title,
            path=fix_path(work.id),
            owner=work.owner,
            where=where_words(work.hosts),
            hours=work.hours,
            removes=f"{100 * worth.removes:.1f} points",
            ways=f"on the likeliest way to {worth.paths} of {counted(objectives, 'objective')}",
            why=work.reason,
        )


def _by_plan(works: Sequence[Work]) -> Iterator[CutLine]:
    for rank, work in enumerate([one for one in works if not one.optional][:CUTS], start=1):
        yield CutLine(
            rank, work.title, fix_path(work.id), work.owner, where_words(work.hosts), work.hours, "", "", work.reason
        )


def fix_path(work: str) -> str:
    """Return where a fix stands in the plan."""
    return f"/plan#w-{work}"
