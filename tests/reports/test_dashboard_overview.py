"""The overview's own numbers: chart, forecast, trend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import sample_agency

from posture.clocks.burndown import burndown
from posture.model.assessment import CategoryScore
from posture.model.burndown import Life, Step
from posture.model.outlook import Attacker, ChangeWorth, Cut, Estimate, PathAnalysis
from posture.model.plan import Work
from posture.model.trend import ScorePoint, ScoreTrend
from reports.dashboard.overview import NO_GRAPH, NO_HISTORY, NO_WAYS, burn_chart, clock_lines, overview
from reports.survey import survey

TODAY = date(2026, 11, 27)


def lives(closed: int, open_: int) -> list[Life]:
    began = TODAY - timedelta(days=20)
    done = [
        Life("SSH-01", f"h{n}", "", (Step(began, "opened"), Step(began + timedelta(days=n + 1), "closed", fixed=True)))
        for n in range(closed)
    ]
    return [*done, *(Life("SSH-02", f"h{n}", "", (Step(began, "opened"),)) for n in range(open_))]


def test_the_forecast_goes_down_at_the_rate_and_never_below_nothing() -> None:
    chart = burn_chart([burndown(lives(10, 12), TODAY)])
    assert chart.why_none == ""
    assert [one.day - TODAY for one in chart.ahead] == [timedelta(days=days) for days in (7, 14, 30)]
    assert [one.middle for one in chart.ahead] == [8, 5, 0]  # ten fixed in twenty days: one every second day
    for one in chart.ahead:
        assert one.slow >= one.middle >= one.fast >= 0
    assert chart.days[0].open == 22
    assert chart.days[-1].open == 12
    xs = [float(point.split(",")[0]) for point in chart.open_line.split()]
    assert xs[0] == 0
    assert abs(xs[-1] - chart.today_x) < 0.01
    assert float(chart.forecast_line.split()[-1].split(",")[0]) == 100


def test_without_history_and_on_its_first_day_there_is_no_chart() -> None:
    assert burn_chart([]).why_none == NO_HISTORY
    first = burn_chart([burndown([Life("SSH-01", "h", "", (Step(TODAY, "opened"),))], TODAY)])
    assert first.why_none.startswith("One day of history: 1 finding open on 2026-11-27, 0 of them overdue.")


def test_laws_come_before_the_agencys_own_clocks_and_overdue_is_by_the_clocks_own_date() -> None:
    found = survey(sample_agency.agency())
    lines = clock_lines(found)
    assert [one.legal for one in lines] == sorted((one.legal for one in lines), reverse=True)
    for line in lines:
        days = [next(due.due for due in one.due if due.clock == line.id) for one in found.open
                if any(due.clock == line.id for due in one.due)]  # fmt: skip
        assert line.open.number == len(days)
        assert line.overdue.number == sum(day < found.assessment.today for day in days)
        if line.next_due:
            assert line.days_left == (line.next_due - found.assessment.today).days >= 0


def point(day: int, low: float, high: float) -> ScorePoint:
    moment = datetime(2026, 11, day, tzinfo=UTC)
    return ScorePoint(f"r{day}", moment, day, 100, (CategoryScore("AIT-01", "Windows", low, high, 3, 9.0),), ())


def test_the_trend_says_what_moved_and_what_cannot_be_compared() -> None:
    assessment = replace(sample_agency.agency(), scores=(CategoryScore("AIT-01", "Windows", 50, 60, 3, 9.0),))
    found = survey(assessment)
    here = overview(found, ScoreTrend((point(1, 40, 62), point(9, 50, 60)), 2, 1), (), None)
    assert here.trends[0].change == "+10 at the low end, -2 at the high end, since 2026-11-01"
    assert [one.value for one in here.trends[0].points] == ["40 to 62 of 100", "50 to 60 of 100"]
    assert "2 earlier runs judged by another baseline cannot be compared" in here.trend_note
    assert "1 earlier run kept no scores" in here.trend_note
    one = overview(found, ScoreTrend((point(9, 50, 60),), 0, 0), (), None)
    assert one.trends[0].band == one.trends[0].change == ""
    assert one.trend_note.startswith("No trend yet")


def test_the_fixes_that_cut_most_come_in_the_order_of_what_they_remove() -> None:
    found = survey(sample_agency.agency())
    works = tuple(Work(f"w{n}", f"fix {n}", "ops", ("h",), 1.0) for n in range(8))
    worths = tuple(ChangeWorth(f"w{n}", 1.0, 0.1, 0.1, 1, 0.08 - n / 100) for n in range(8))
    cut = Cut((), 0, True, 0, 0, (), ())
    risk = tuple((who, Estimate(0.2, 0.01)) for who in Attacker)
    outlook = PathAnalysis((), (), risk, worths, cut, 64, 1)
    trend = ScoreTrend((), 0, 0)
    here = overview(found, trend, works, outlook)
    assert [one.title for one in here.cuts] == [f"fix {n}" for n in range(5)]
    assert here.cuts[0].removes == "8.0 points"
    assert here.cuts[0].path == "/plan#w-w0"
    nothing = overview(found, trend, works, replace(outlook, worths=()))
    assert (nothing.cuts_note, nothing.cuts[0].removes) == (NO_WAYS, "")
    assert overview(found, trend, works, None).cuts_note == NO_GRAPH
