"""The score by AI-threat category: a band, because what is unknown may be either."""

from __future__ import annotations

from posture.model.assessment import CategoryScore
from reports.survey import Survey
from reports.view import ScoresView, ScoreView


def build_scores(survey: Survey) -> ScoresView:
    """Return one band for each category, in the order of the taxonomy."""
    return ScoresView(rows=tuple(_score(score) for score in survey.assessment.scores))


def _score(score: CategoryScore) -> ScoreView:
    return ScoreView(
        category=score.category,
        title=score.title,
        low=round(score.low, 1),
        width=round(score.high - score.low, 1),
        checks=score.checks,
        weight=round(score.weight, 1),
        words=_words(score),
    )


def _words(score: CategoryScore) -> str:
    if score.checks == 0:
        return "no check looks at this"
    low, high = f"{score.low:.0f}", f"{score.high:.0f}"
    return f"{low} of 100" if low == high else f"{low} to {high} of 100"
