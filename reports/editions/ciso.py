"""Two pages for the head of security: clocks and burn-down, coverage, scores, what matters, what changed."""

from __future__ import annotations

from posture.model.assessment import CategoryScore
from posture.model.plan import Fix
from posture.model.trend import ScorePoint, ScoreTrend
from reports.editions.common import (
    CHANGED_NOTE,
    buckets_part,
    changed_facts,
    clocks_part,
    coverage_part,
    document,
    of,
)
from reports.editions.document import Band, Cell, Document, Lines, Part, Row, Section, Table, columns, row
from reports.editions.ways import ends_words
from reports.inert import clip
from reports.sections.burns import build_burns
from reports.sections.paths import build_paths, shortest_way, way_view
from reports.sections.plan import build_plan
from reports.sections.scores import build_scores
from reports.survey import Survey
from reports.view import FixView, Pair, ScoreView
from reports.words import percent

_CLOCKS = 6  # two pages hold no more
_CATEGORIES = 16
_STEPS = 7
_WORDS = 220
_NO_PATH = "No path found in the evidence collected. That is not the same as none."


def build_ciso(survey: Survey, *, marking: str = "") -> Document:
    """Return the two pages."""
    trend = survey.assessment.read_trend()
    return document(
        survey,
        "For the head of security",
        "Two pages: where the clocks stand, how much was seen, what matters most. The report says why.",
        (
            Section("clocks", "Clocks", (buckets_part(survey), clocks_part(survey, _CLOCKS))),
            Section("burndown", "Burn-down and forecast", (_burn(survey),)),
            Section("coverage", "Coverage", (coverage_part(survey),)),
            Section("scores", "Score by AI-threat category", (_scores(survey, trend),)),
            Section("fixes", "The fixes that matter", (_fixes(survey),)),
            Section("path", "Shortest attack path", (_path(survey),)),
            Section("changed", "What changed since the run before", (_changed(survey, trend),)),
        ),
        marking=marking,
    )


def _burn(survey: Survey) -> Part:
    burns = build_burns(survey)
    if not burns:
        return Part(text=("No history of findings came with this run, so there is nothing to count.",))
    every = burns[0]
    words = (
        f"Open findings solid, overdue dashed, from {every.days[0].day} to {every.days[-1].day}; top {every.most:,}."
    )
    ends = Table(
        "Findings on the first and the last of these days",
        columns(("Day", 2), ("Open", 1), ("Overdue", 1)),
        tuple(
            row(f"{day.day}", f"{day.open:,}", f"{day.overdue:,}")
            for day in dict.fromkeys((every.days[0], every.days[-1]))
        ),
    )
    return Part(text=(every.lead, every.rate), lines=Lines(words, every.open_line, every.overdue_line), table=ends)


def _changed(survey: Survey, trend: ScoreTrend | None) -> Part:
    before = _before(trend)
    if before is None:
        none = Pair("Run before", "none that can be compared: same inventory, baseline and kind of evidence")
        return Part(facts=(none, *changed_facts(survey)), text=(CHANGED_NOTE,))
    coverage = survey.assessment.coverage
    then, now = percent(before.decided, before.possible), percent(coverage.decided, coverage.possible)
    facts = (
        Pair("Run before", f"{before.run}, as of {before.as_of:%Y-%m-%d %H:%M} UTC"),
        Pair("Coverage", f"{then} then, {now} now ({coverage.decided:,} of {coverage.possible:,})"),
        *changed_facts(survey),
    )
    return Part(facts=facts, text=(CHANGED_NOTE,))


def _before(trend: ScoreTrend | None) -> ScorePoint | None:
    return trend.points[-2] if trend is not None and len(trend.points) > 1 else None


def _scores(survey: Survey, trend: ScoreTrend | None) -> Part:
    found = build_scores(survey).rows
    if not found:
        return Part(text=("No category was scored for this part of the run.",))
    left = len(found) - _CATEGORIES
    before = _before(trend)
    then = {one.category: one for one in before.categories} if before else {}
    heads = (("Category", 6), ("Score", 4), ("Run before", 2), ("Checks", 1))
    return Part(
        text=("From what is certain to what is possible. Uncalibrated: the weights are judgements and set no date.",),
        table=Table(
            "Score from 0 to 100, more is better; the open end of each band is unknown",
            columns(*heads),
            tuple(_score(one, then.get(one.category)) for one in found[:_CATEGORIES]),
            left_out=f"{left:,} more categories stand in the report." if left > 0 else "",
        ),
    )


def _score(one: ScoreView, then: CategoryScore | None) -> Row:
    band = Band(one.low, one.width) if one.checks else None
    was = Cell("not known")
    if then is not None and one.checks:
        low, high = round(one.low - then.low, 1), round(one.low + one.width - then.high, 1)
        moved = f"{low:+g} at the low end, {high:+g} at the high end" if low or high else "as now"
        was = Cell(f"{then.low:g} to {then.high:g}", moved)
    return row(f"{one.category} {one.title}", Cell(one.words, band=band), was, f"{one.checks:,}")


def _fixes(survey: Survey) -> Part:
    plan = build_plan(survey)
    if not plan.total:
        return Part(text=("Nothing to fix as far as seen. What was not seen is counted above and is not good.",))
    left = plan.total - len(plan.first)
    pairs = zip(plan.first, survey.assessment.plan.fixes, strict=False)
    return Part(
        table=Table(
            f"The first {len(plan.first)} of {plan.total:,} in the plan",
            columns(("Due", 2), ("Fix and why", 8), ("Owner", 2), ("Closes", 2), ("Ends attack paths", 2)),
            tuple(_fix(survey, view, fix) for view, fix in pairs),
            left_out=f"{left:,} more stand in the work list for operations." if left else "",
        )
    )


def _fix(survey: Survey, view: FixView, fix: Fix) -> Row:
    return row(
        Cell(f"{view.due}" if view.due else "no date", view.relative if view.due else "", "high" if view.late else ""),
        Cell(clip(view.title, _WORDS), clip(view.reason, _WORDS)),
        clip(view.owner, 40),
        of(view.closes),
        ends_words(survey.assessment.attack, fix),
    )


def _path(survey: Survey) -> Part:
    found, attack = build_paths(survey), survey.assessment.attack
    way = shortest_way(attack) if attack and not found.why_none else None
    told = way_view(survey, attack, way) if attack and way else None
    if told is None:
        return Part(text=(found.why_none or _NO_PATH,))
    left = len(told.steps) - _STEPS
    ends = "; ".join(f"{one.why} ({one.how.text})" for one in told.ends) or "nothing that can be mended"
    return Part(
        text=(
            f"{told.title}, {told.state.text}: {told.tempo}. Times and chances are uncalibrated.",
            clip(f"Any one of these ends it: {ends}.", 3 * _WORDS),
            *(
                (f"The first {_STEPS} of {len(told.steps)} steps: posture path {told.id} tells all.",)
                if left > 0
                else ()
            ),
        ),
        steps=tuple(clip(step.sentence, _WORDS) for step in told.steps[:_STEPS]),
    )
