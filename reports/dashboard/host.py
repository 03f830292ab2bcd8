"""The page of one host: paths, network, known vulnerabilities, results, and the answers behind them; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check
from posture.model.finding import Outcome, Result, Status
from posture.model.observation import Evidence
from posture.model.vulnerability import Exposure, Vulnerability
from reports.bod_rows import bod_due, table_clock
from reports.dashboard.host_network import host_network
from reports.dashboard.paths import ways_through
from reports.dashboard.views.common import Count
from reports.dashboard.views.host import AnswerLine, HostFlaws, HostPage, ResultLine
from reports.sections.evidence import excerpt_anchor
from reports.sections.hosts import host_facts
from reports.sections.known import vulnerability_view
from reports.survey import Survey
from reports.view import Link, Pair, Share, Tag
from reports.words import counted

_LIMIT = 400  # characters of what a verdict rests on
_FLAWS = 50  # vulnerabilities told in full; a neglected host has thousands
_TONES = {
    Status.FAIL: "high",
    Status.ERROR: "unknown",
    Status.NOT_CHECKED: "unknown",
    Status.MANUAL: "unknown",
    Status.PASS: "good",
    Status.NOT_APPLICABLE: "plain",
}
_ORDER = (Status.FAIL, Status.ERROR, Status.NOT_CHECKED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)


def host_page(
    survey: Survey,
    host: HostAssessment,
    exposure: Mapping[str, Any] | None,
    flaws: Sequence[Vulnerability],
    *,
    may_read: bool,
) -> HostPage:
    """Return everything said of one host; ``exposure`` are the facts of that topic, ``None`` where it was unseen."""
    rows = sorted(host.results, key=lambda one: (_ORDER.index(one.verdict.status), one.check))
    id_ = host.host.id
    mine = sum(one.host == id_ for one in survey.open)
    return HostPage(
        id=id_,
        facts=host_facts(host.host, host.platform, host.session, host.taken_at),
        decided=Share(sum(one.verdict.status.decided for one in rows), len(rows)),
        open=Count(mine, f"/work?{urlencode({'words': id_})}" if mine else ""),
        ways=ways_through(survey.assessment, id_),
        network=host_network(exposure, host.unseen),
        flaws=_flaws(survey.assessment, id_, flaws),
        results=tuple(_result(one, survey.checks) for one in rows),
        unseen=tuple(Pair(one.topic, f"{one.reason.value.replace('_', ' ')}: {one.detail}") for one in host.unseen),
        answers=tuple(_answer(one) for one in host.evidence),
        may_read=may_read,
    )


def _flaws(assessment: Assessment, host: str, found: Sequence[Vulnerability]) -> HostFlaws:
    entry = next((one for one in assessment.assessed if one.host == host), None)
    clock = table_clock(assessment)
    rows = sorted(found, key=lambda one: (_day(one), one.affected.cve, one.affected.package.name))
    if entry is None or not entry.assessed_by:
        why = f", {entry.gap}" if entry and entry.gap else ""
        assessed, gap = f"Not assessed{why}. There may be any number of them.", ""
    else:
        by = "Looked up by this program" if entry.assessed_by == "posture" else f"Imported from {entry.assessed_by}"
        packages, many = (
            counted(entry.packages, "package version"),
            counted(len(rows), "vulnerability", "vulnerabilities"),
        )
        assessed, gap = f"{by}: {packages}, {many}.", entry.gap
    return HostFlaws(
        assessed=assessed,
        gap=gap,
        exposure=_exposed(entry.exposure) if entry else "",
        lines=tuple(vulnerability_view(assessment, clock, one) for one in rows[:_FLAWS]),
        left_out=max(0, len(rows) - _FLAWS),
    )


def _exposed(exposure: Exposure) -> str:
    if exposure.exposed is None:
        return f"Publicly exposed or not is unknown, and counts as exposed: {exposure.why}."
    return f"It counts as {'' if exposure.exposed else 'not '}publicly exposed: {exposure.why}."


def _day(one: Vulnerability) -> date:
    due = bod_due(one)
    return due.due if due else date.max


def _result(result: Result, checks: Mapping[str, Check]) -> ResultLine:
    status = result.verdict.status
    label = status.label.replace("_", " ")
    return ResultLine(
        check=result.check,
        title=checks[result.check].title if result.check in checks else result.check,
        status=Tag(f"{label}, waived" if result.waiver else label, _TONES[status]),
        said=_said(result)[:_LIMIT],
    )


def _said(result: Result) -> str:
    verdict = result.verdict
    if not verdict.status.decided:
        return verdict.reason.replace("_", " ")
    wrong = next((one for one in verdict.assertions if one.outcome is Outcome.FALSE), None)
    if wrong is not None:
        return wrong.message or f"{wrong.fact}: expected {wrong.expected}, found {wrong.actual}"
    return "; ".join(f"{one.fact} is {one.actual}" for one in verdict.assertions) or verdict.reason


def _answer(record: Evidence) -> AnswerLine:
    return AnswerLine(
        command=record.asked,
        digest=Link(record.sha256, excerpt_anchor(record.sha256)),
        size_bytes=record.size_bytes,
        taken_at=record.taken_at,
        account=record.account,
        vantage=record.vantage,
        origin=record.origin.value,
    )
