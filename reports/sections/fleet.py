"""What only shows over all hosts: the checks of the whole fleet, apart from the hosts and from their counts."""

from __future__ import annotations

from posture.model.finding import Outcome, Result, Status
from reports.inert import clip
from reports.sections.common import check_anchor, severity_tag
from reports.survey import Survey, blind_reason
from reports.view import FleetRowView, FleetView, Link, Share, Tag
from reports.words import BLIND, UNEXPLAINED, blind_words

_WHAT_CHARS = 400


def build_fleet(survey: Survey) -> FleetView:
    """Return one row for each check of the whole fleet, in the order of the baseline."""
    results = {result.check: result for result in survey.fleet}
    failing = {finding.check for finding in survey.open}
    rows = tuple(_row(survey, check, results.get(check), check in failing) for check in survey.fleet_checks)
    return FleetView(rows=rows, decided=Share(len(rows) - survey.fleet_undecided, len(rows)))


def _row(survey: Survey, check_id: str, result: Result | None, failing: bool) -> FleetRowView:
    check = survey.checks[check_id]
    return FleetRowView(
        check=Link(check_id, check_anchor(check_id) if failing else ""),
        title=check.title,
        says=_says(survey, check_id, result),
        what=clip(_what(result), _WHAT_CHARS),
    )


def _says(survey: Survey, check_id: str, result: Result | None) -> Tag:
    if result is None:
        return Tag("no result", "unknown")
    status = result.verdict.status
    if status is Status.FAIL:
        return Tag("fail", severity_tag(survey.checks[check_id].severity).tone)
    return Tag(status.label.replace("_", " "), "plain" if status.decided else "unknown")


def _what(result: Result | None) -> str:
    if result is None:
        return BLIND[UNEXPLAINED].meaning
    verdict = result.verdict
    if not verdict.status.decided:
        words = blind_words(blind_reason(result))
        detail = next((line.message for line in verdict.assertions if line.message), "")
        return f"{words.title}. {detail}".strip()
    wanted = Outcome.FALSE if verdict.status is Status.FAIL else Outcome.TRUE
    lines = (line for line in verdict.assertions if line.outcome is wanted)
    return "; ".join(line.message or f"{line.fact}: {line.actual}" for line in lines)
