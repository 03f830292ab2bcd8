"""Who looked, by what authority, when, by which baseline; and the verdict in one sentence."""

from __future__ import annotations

from datetime import datetime

from posture.model.assessment import RunState
from posture.model.observation import Origin
from reports.due import governing, relative
from reports.headline import Headline, caution, coverage_words, findings_words
from reports.survey import Survey
from reports.view import HeaderView, HeadlineView, Pair, SeverityCount, Share, Tag
from reports.words import ORIGIN, RUN_STATE, counted


def build_header(survey: Survey) -> HeaderView:
    """Return the header with everything an auditor asks first."""
    run, baseline = survey.assessment.run, survey.assessment.baseline
    key_facts = (
        Pair("Authorisation", run.authorisation or "none recorded"),
        Pair("Scanned", _window(run.started_at, run.finished_at)),
        Pair("Operator", run.operator),
        Pair("Baseline", f"{baseline.profile.id} {baseline.profile.version}, digest {run.baseline_digest[:12]}"),
    )
    facts = [
        Pair("Judged as of", f"{run.as_of:%Y-%m-%d %H:%M} UTC"),
        Pair("Scanner", f"{run.scanner}, posture-scanner {run.tool_version}"),
        Pair("Evidence", ORIGIN[run.origin]),
        Pair("Run", RUN_STATE[run.state]),
        Pair("Baseline", counted(len(baseline.checks), "check")),
        Pair("Baseline digest", run.baseline_digest),
        Pair("Inventory digest", run.inventory_digest or "none recorded"),
    ]
    if run.merged_from:
        facts.append(Pair("Merged from", ", ".join(run.merged_from)))
    return HeaderView(
        profile=baseline.profile.title,
        run=run.id,
        as_of=run.as_of,
        key_facts=key_facts,
        facts=tuple(facts),
        warnings=warnings(survey),
    )


def warnings(survey: Survey) -> tuple[str, ...]:
    """Return what the reader must know before any number."""
    run, coverage = survey.assessment.run, survey.assessment.coverage
    found: list[str] = []
    if run.state is not RunState.COMPLETE:
        found.append(RUN_STATE[run.state])
    if run.origin is not Origin.LIVE:
        found.append(f"This is not a live scan. Evidence was {ORIGIN[run.origin]}.")
    if survey.hosts_seen != coverage.hosts:
        found.append(
            f"The inventory has {counted(coverage.hosts, 'host')} and this run holds {survey.hosts_seen:,}: "
            "the difference is unknown."
        )
    if baseline_differs(survey):
        found.append("The baseline printed here is not the one the run was judged by: their digests differ.")
    return (*found, *survey.assessment.notes)


def baseline_differs(survey: Survey) -> bool:
    """True when the run and the baseline at hand do not carry the same digest."""
    return survey.assessment.baseline.digest != survey.assessment.run.baseline_digest


def build_headline(survey: Survey, head: Headline) -> HeadlineView:
    """Return the verdict."""
    today = survey.assessment.today
    days = (due.due for finding in survey.open if finding.id not in survey.waived and (due := governing(finding)))
    coming = min((day for day in days if day >= today), default=None)
    return HeadlineView(
        sentence=f"{coverage_words(head)} {findings_words(head)}",
        caution=caution(survey, head),
        coverage=Share(head.decided, head.possible),
        hosts=Share(head.hosts_assessed, head.hosts),
        open=head.open,
        open_fleet=head.open_fleet,
        open_hosts=Share(head.open_hosts, head.hosts),
        overdue=Share(head.overdue, head.open),
        overdue_waived=head.overdue_waived,
        next_due=coming,
        next_relative=relative(coming, today) if coming else "",
        waived=Share(head.waived, head.open),
        severities=tuple(SeverityCount(Tag(word, word), Share(count, head.open)) for word, count in head.by_severity),
    )


def _window(start: datetime, end: datetime | None) -> str:
    if end is None:
        return f"{start:%Y-%m-%d %H:%M} UTC, not finished"
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {last} UTC"
