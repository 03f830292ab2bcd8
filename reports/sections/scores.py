"""The score by AI-threat category, zone and system: a band, because what is unknown may be either."""

from __future__ import annotations

from posture.model.assessment import CategoryScore, GroupScore
from reports.sections.common import NOT_SAID
from reports.survey import Survey
from reports.view import GroupScoresView, GroupScoreView, ScoresView, ScoreView

_GROUPS_SHOWN = 50


def build_scores(survey: Survey) -> ScoresView:
    """Return one band for each category in the order of the taxonomy, then those of zones and systems."""
    tables = (("zone", "Score by zone", "Zone"), ("system", "Score by system", "System"))
    return ScoresView(
        rows=tuple(_score(score) for score in survey.assessment.scores),
        groups=tuple(
            table
            for kind, title, head in tables
            for table in _groups(survey.assessment.group_scores, kind, title, head)
        ),
    )


def band_words(low: float, high: float) -> str:
    """Return a band for people: ``23 to 67 of 100``."""
    first, last = f"{low:.0f}", f"{high:.0f}"
    return f"{first} of 100" if first == last else f"{first} to {last} of 100"


def _score(score: CategoryScore) -> ScoreView:
    return ScoreView(
        category=score.category,
        title=score.title,
        low=round(score.low, 1),
        width=round(score.high - score.low, 1),
        checks=score.checks,
        weight=round(score.weight, 1),
        words=band_words(score.low, score.high) if score.checks else "no check looks at this",
    )


def _groups(found: tuple[GroupScore, ...], kind: str, title: str, head: str) -> tuple[GroupScoresView, ...]:
    chosen = sorted((one for one in found if one.kind == kind), key=lambda one: (one.low, one.high, one.name))
    if not chosen:
        return ()
    rows = tuple(_group(one) for one in chosen[:_GROUPS_SHOWN])
    return (GroupScoresView(title, head, rows, len(chosen) - len(rows)),)


def _group(score: GroupScore) -> GroupScoreView:
    return GroupScoreView(
        name=score.name or NOT_SAID,
        hosts=score.hosts,
        low=round(score.low, 1),
        width=round(score.high - score.low, 1),
        weight=round(score.weight, 1),
        words=band_words(score.low, score.high),
    )
