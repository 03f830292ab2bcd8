"""Findings by check: what was expected, what was there, the evidence, and how to mend it."""

from __future__ import annotations

from collections import defaultdict

from posture.model.check import Check
from posture.model.finding import AssertionResult, Closing, Finding, Outcome, Status
from reports.due import days_late, governing
from reports.inert import clip, lines_of
from reports.sections.common import (
    anchor,
    check_anchor,
    check_title,
    due_line,
    finding_anchor,
    finding_tag,
    host_link,
    listed_hosts,
    owner_words,
)
from reports.sections.evidence import excerpt_anchor
from reports.survey import Detail, Survey, blind_reason
from reports.view import (
    AssertionView,
    ChecksView,
    CheckView,
    ClosedView,
    EvidenceLine,
    FindingView,
    FixText,
    Link,
    Pair,
    Share,
)
from reports.words import CLOSING, EFFECT, RISK, WAIVER, blind_words

_CLOSED_SHOWN = 100
_GIST_CHARS = 90


def build_checks(survey: Survey) -> ChecksView:
    """Return the failing checks in the order of their most urgent finding, and what this run closed."""
    grouped: dict[str, list[Finding]] = defaultdict(list)
    for finding in survey.open:
        grouped[finding.check].append(finding)
    closed = [finding for finding in survey.assessment.findings if not finding.open]
    return ChecksView(
        total=len(survey.open),
        checks=tuple(_check(survey, check, found) for check, found in grouped.items()),
        failing=Share(len(grouped.keys() & survey.checks.keys()), len(survey.checks)),
        closed=tuple(_closed(finding) for finding in closed[:_CLOSED_SHOWN]),
        closed_total=len(closed),
        fixed=Share(sum(finding.closing is Closing.FIXED for finding in closed), len(closed)),
    )


def _check(survey: Survey, check_id: str, found: list[Finding]) -> CheckView:
    check = survey.checks.get(check_id)
    counts = survey.by_check.get(check_id, (0,) * len(Status))
    hosts = max(survey.assessment.coverage.hosts, survey.hosts_seen)
    shown = found[: survey.limits.findings_per_check]
    return CheckView(
        anchor=check_anchor(check_id),
        id=check_id,
        revision=check.revision if check else 0,
        title=check_title(survey, check_id),
        severity=finding_tag(survey, found[0]),
        severity_reason=check.severity_reason if check else "",
        confidence=check.confidence if check else 0,
        rationale=check.rationale if check else "",
        categories=_categories(survey, check) if check else "",
        effect=EFFECT[check.threat.effect] if check else "",
        limits=check.threat.note if check else "",
        hosts=Share(len({finding.host for finding in found}), hosts),
        waived=sum(finding.id in survey.waived for finding in found),
        overdue=sum(finding.id in survey.overdue for finding in found),
        unknown=hosts - sum(counts[status] for status in Status if status.decided),
        fix=_fix_text(check) if check else None,
        references=_references(check) if check else (),
        findings=tuple(_finding(survey, finding) for finding in shown),
        left_out=len(found) - len(shown),
    )


def _categories(survey: Survey, check: Check) -> str:
    names = survey.assessment.taxonomy or {}
    return "; ".join(f"{category} {names.get(category, '')}".strip() for category in check.threat.categories)


def _fix_text(check: Check) -> FixText:
    fix = check.remediation
    return FixText(
        text=lines_of(fix.text),
        precondition=lines_of(fix.precondition),
        risk=RISK[fix.risk],
        minutes=fix.minutes,
        shell=lines_of(fix.shell),
        rollback=lines_of(fix.rollback),
        verify=lines_of(fix.verify),
    )


def _references(check: Check) -> tuple[Pair, ...]:
    from_ = check.references
    pairs = [
        ("NIST SP 800-53r5", ", ".join(from_.nist_800_53r5)),
        ("DISA STIG", ", ".join(f"{rule.stig_id} ({rule.relation})" for rule in from_.stig)),
        ("CIS", "; ".join(_cited(one.text, one.draft) for one in from_.cis)),
        ("CISA", "; ".join(_cited(one.text, one.draft) for one in from_.cisa)),
        ("ATT&CK", ", ".join(check.threat.attack)),
        ("ATLAS", ", ".join(check.threat.atlas)),
        ("Other", "; ".join(_cited(one.text, one.draft) for one in from_.other)),
    ]
    return tuple(Pair(term, value) for term, value in pairs if value)


def _cited(text: str, draft: bool) -> str:
    return f"{text} (draft, not required)" if draft else text


def _finding(survey: Survey, finding: Finding) -> FindingView:
    detail = survey.details.get((finding.host, finding.check))
    host = detail.host if detail else None
    governs = governing(finding)
    return FindingView(
        anchor=finding_anchor(finding.id),
        id=finding.id,
        host=host_link(listed_hosts(survey), finding.host),
        zone=host.zone if host else "not in this run",
        owner=owner_words(host.owner if host else ""),
        system=host.system if host else "",
        subject=finding.subject,
        gist=_gist(detail, finding),
        first_seen=finding.first_seen,
        last_seen=finding.last_seen,
        opened=finding.opened,
        stale=_stale(detail, finding),
        due=tuple(due_line(survey.assessment, due) for due in finding.due),
        late=governs is not None and days_late(governs.due, survey.assessment.today) > 0,
        waiver=Link(finding.waiver, anchor("w", finding.waiver) if finding.waiver else ""),
        waiver_note=_waiver_note(survey, finding),
        assertions=_assertions(survey, detail),
        evidence=_evidence(detail),
    )


def _assertions(survey: Survey, detail: Detail | None) -> tuple[AssertionView, ...]:
    if detail is None:
        return ()
    limit = survey.limits.value_chars
    return tuple(
        AssertionView(
            fact=line.fact,
            operator=line.op.replace("_", " "),
            expected=clip(line.expected, limit),
            actual=clip(line.actual, limit),
            outcome={Outcome.TRUE: "holds", Outcome.FALSE: "does not hold"}.get(line.outcome, _spaced(line.outcome)),
            message=clip(line.message, limit),
            failed=line.outcome is Outcome.FALSE,
        )
        for line in detail.result.verdict.assertions
    )


def _spaced(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")


def _gist(detail: Detail | None, finding: Finding) -> str:
    if finding.subject:
        return clip(finding.subject, _GIST_CHARS)
    line = failing_line(detail)
    return clip(line.message or f"{line.fact} is {line.actual}", _GIST_CHARS) if line else ""


def failing_line(detail: Detail | None) -> AssertionResult | None:
    """Return the first assertion that does not hold."""
    if detail is None:
        return None
    return next((line for line in detail.result.verdict.assertions if line.outcome is Outcome.FALSE), None)


def _stale(detail: Detail | None, finding: Finding) -> str:
    seen = f"Last seen failing on {finding.last_seen:%Y-%m-%d}; it stays open until it is seen mended."
    if detail is None:
        return f"This run holds no result for it. {seen}"
    verdict = detail.result.verdict
    if verdict.status is Status.FAIL:
        return ""
    if verdict.status.decided:
        return f"This run says {verdict.status.label.replace('_', ' ')}. {seen}"
    return f"Not known in this run: {blind_words(blind_reason(detail.result)).title.lower()}. {seen}"


def _waiver_note(survey: Survey, finding: Finding) -> str:
    if not finding.waiver:
        return ""
    use = next((use for use in survey.assessment.waivers if use.waiver.id == finding.waiver), None)
    return WAIVER[use.state] if use else "This waiver is not among those of the run, so it covers nothing."


def _evidence(detail: Detail | None) -> tuple[EvidenceLine, ...]:
    if detail is None:
        return ()
    return tuple(
        EvidenceLine(
            command=record.asked,
            digest=Link(record.sha256, excerpt_anchor(record.sha256)),
            taken_at=record.taken_at,
            account=record.account,
            vantage=record.vantage,
            origin=record.origin.value,
        )
        for record in detail.evidence
    )


def _closed(finding: Finding) -> ClosedView:
    return ClosedView(
        id=finding.id,
        check=finding.check,
        host=finding.host,
        closing=CLOSING[finding.closing] if finding.closing else "no reason recorded (not a fix)",
        closed_at=finding.closed_at or finding.last_seen,
    )
