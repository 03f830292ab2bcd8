"""Findings by check: what was expected, what was there, the evidence, and how to mend it."""

from __future__ import annotations

from collections import defaultdict

from posture.model.check import Check
from posture.model.finding import AssertionResult, Closing, Finding, Outcome, Status
from posture.model.host import FLEET
from posture.model.observation import Evidence, Origin
from reports.due import days_late, governing
from reports.inert import clip, lines_of
from reports.sections.common import (
    FLEET_WORDS,
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
from reports.survey import DECLARED, Detail, Survey, blind_reason
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
_ANSWERS_SHOWN = 4
_COMMAND_CHARS = 240  # the whole command stands in the evidence index, once


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
        across=all(finding.host == FLEET for finding in found),
        hosts=Share(len({finding.host for finding in found} - {FLEET}), hosts),
        waived=sum(finding.id in survey.waived for finding in found),
        overdue=sum(finding.id in survey.overdue for finding in found),
        unknown=hosts - sum(counts[status] for status in Status if status.decided),
        fix=fix_text(check) if check else None,
        references=references_of(check) if check else (),
        findings=tuple(_finding(survey, finding) for finding in shown),
        left_out=len(found) - len(shown),
    )


def _categories(survey: Survey, check: Check) -> str:
    names = survey.assessment.taxonomy or {}
    return "; ".join(f"{category} {names.get(category, '')}".strip() for category in check.threat.categories)


def fix_text(check: Check) -> FixText:
    """Return the remediation of a check, line by line."""
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


def references_of(check: Check) -> tuple[Pair, ...]:
    """Return where the requirement of a check comes from; drafts say that they are."""
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
    near, others = _evidence(detail)
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
        evidence=near,
        more_evidence=others,
        without="" if near else _without(survey, detail),
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


def _evidence(detail: Detail | None) -> tuple[tuple[EvidenceLine, ...], tuple[EvidenceLine, ...]]:
    """Return the answers to show at once, and the others; a topic is read by many commands."""
    if detail is None:
        return (), ()
    facts = [line.fact for line in detail.result.verdict.assertions]
    near = [one for one in detail.evidence if any(fact.startswith(one.command_id) for fact in facts)]
    near = (near or list(detail.evidence))[:_ANSWERS_SHOWN]
    others = [one for one in detail.evidence if one not in near]
    return tuple(map(_evidence_line, near)), tuple(map(_evidence_line, others))


def _without(survey: Survey, detail: Detail | None) -> str:
    if detail is not None and detail.host.id == FLEET:
        return "Made from the facts of every host that was read; the evidence of each stands in assessment.json."
    if detail is not None and detail.result.verdict.topics == (DECLARED,):
        digest = survey.assessment.run.inventory_digest or "not recorded"
        return f"It rests on what the inventory states, not on an answer. Inventory digest: {digest}."
    return "No evidence record came with this result."


def _evidence_line(record: Evidence) -> EvidenceLine:
    return EvidenceLine(
        command=clip(record.asked, _COMMAND_CHARS),
        digest=Link(record.sha256, excerpt_anchor(record.sha256)),
        taken_at=record.taken_at,
        account=record.account,
        vantage=record.vantage,
        origin=record.origin.value,
        live=record.origin is Origin.LIVE,
    )


def _closed(finding: Finding) -> ClosedView:
    return ClosedView(
        id=finding.id,
        check=finding.check,
        host=FLEET_WORDS if finding.host == FLEET else finding.host,
        closing=CLOSING[finding.closing] if finding.closing else "no reason recorded (not a fix)",
        closed_at=finding.closed_at or finding.last_seen,
    )
