"""What a run was judged by, as ``assessment.json`` has it: baseline and checks, clocks, campaign, waivers."""

from __future__ import annotations

from collections.abc import Iterable

from posture.model.assessment import Assessment, WaiverUse
from posture.model.check import Check, Reference, Severity
from posture.model.clock import Clock
from reports import wire
from reports.proof_json import status_word


def baseline_of(assessment: Assessment) -> wire.Baseline:
    """Return the checks of the profile, as tailored."""
    baseline = assessment.baseline
    profile = baseline.profile
    return wire.Baseline(
        profile=profile.id,
        title=profile.title,
        version=profile.version,
        max_age_days=profile.max_age_days,
        fail_threshold=severity_word(profile.fail_threshold),
        digest=baseline.digest,
        checks=[_check(check) for check in baseline.checks],
        tailoring=[
            wire.Tailoring(check=one.check, key=one.key, old=one.old, new=one.new, reason=one.reason)
            for one in baseline.tailoring
        ],
        removed=dict(baseline.removed),
    )


def severity_word(severity: Severity) -> wire.SeverityWord:
    """Return the word of a severity."""
    words: dict[Severity, wire.SeverityWord] = {
        Severity.INFO: "info",
        Severity.LOW: "low",
        Severity.MEDIUM: "medium",
        Severity.HIGH: "high",
        Severity.CRITICAL: "critical",
    }
    return words[severity]


def _check(check: Check) -> wire.Check:
    fix, threat, cites = check.remediation, check.threat, check.references
    return wire.Check(
        id=check.id,
        revision=check.revision,
        title=check.title,
        rationale=check.rationale,
        severity=severity_word(check.severity),
        confidence=check.confidence,
        deadline_class=check.deadline_class,
        deadline_days=check.deadline_days,
        categories=list(threat.categories),
        effect=threat.effect.value,
        does_not_help=threat.note,
        fix=wire.FixText(
            text=fix.text,
            precondition=fix.precondition,
            risk=fix.risk.value,
            minutes=fix.minutes,
            shell=fix.shell,
            rollback=fix.rollback,
            verify=fix.verify,
        ),
        references=wire.References(
            nist_800_53r5=list(cites.nist_800_53r5),
            stig=[f"{rule.stig_id} ({rule.relation})" for rule in cites.stig],
            cis=_cited(cites.cis),
            cisa=_cited(cites.cisa),
            other=_cited(cites.other),
            attack=list(threat.attack),
            atlas=list(threat.atlas),
        ),
        digest=check.digest,
    )


def _cited(references: Iterable[Reference]) -> list[str]:
    return [f"{one.text} (draft, not required)" if one.draft else one.text for one in references]


def clock_of(clock: Clock) -> wire.Clock:
    """Return a clock with its source and version."""
    return wire.Clock(
        id=clock.id,
        title=clock.title,
        authority=clock.authority,
        source=clock.source,
        as_of=clock.as_of,
        version=clock.version,
        starts=clock.starts,
        days=clock.days,
        start_date=clock.start_date,
        effective=clock.effective,
        expires=clock.expires,
        applies_to=list(clock.applies_to),
        legal=clock.legal,
        history=clock.history,
        note=clock.note,
    )


def campaign_of(assessment: Assessment) -> wire.Campaign:
    """Return the campaign with every day it was moved to, and by whom."""
    campaign = assessment.campaign
    return wire.Campaign(
        start=campaign.start,
        days=campaign.days,
        rebases=[
            wire.Rebase(start=one.start, by=one.by, reason=one.reason, recorded_at=one.recorded_at)
            for one in campaign.rebases
        ],
    )


def waiver_of(use: WaiverUse) -> wire.Waiver:
    """Return a waiver with the findings it covers."""
    waiver = use.waiver
    return wire.Waiver(
        id=waiver.id,
        state=use.state.value,
        check=waiver.check,
        hosts=list(waiver.hosts),
        zones=list(waiver.zones),
        expected_status=status_word(waiver.expected_status),
        reason=waiver.reason,
        owner=waiver.owner,
        approved_by=[wire.Approval(name=one.name, role=one.role, date=one.date) for one in waiver.approved_by],
        expires=waiver.expires,
        evidence_sha256=waiver.evidence_sha256,
        compensating=list(waiver.compensating),
        poam=waiver.poam,
        findings=list(use.findings),
    )
