"""Waivers: who accepted which failure until when, and what that keeps open."""

from __future__ import annotations

from posture.model.assessment import WaiverUse
from posture.model.finding import Waiver, WaiverState
from reports.due import relative
from reports.sections.common import anchor, check_anchor, finding_anchor
from reports.survey import Survey
from reports.view import Link, Tag, WaiverView
from reports.words import WAIVER

_FINDINGS_SHOWN = 20


def build_waivers(survey: Survey) -> tuple[WaiverView, ...]:
    """Return every waiver, also those that do nothing any more."""
    return tuple(_waiver(survey, use) for use in survey.assessment.waivers)


def _waiver(survey: Survey, use: WaiverUse) -> WaiverView:
    waiver = use.waiver
    by_id = {finding.id: finding for finding in survey.open}
    kept = [by_id[finding] for finding in use.findings if finding in by_id]
    return WaiverView(
        anchor=anchor("w", waiver.id),
        id=waiver.id,
        check=waiver.check,
        state=Tag(use.state.value, "plain" if use.state is WaiverState.ACTIVE else "medium"),
        meaning=WAIVER[use.state],
        covers=_covers(waiver),
        reason=waiver.reason,
        owner=waiver.owner,
        approved="; ".join(f"{one.name}, {one.role}, {one.date:%Y-%m-%d}" for one in waiver.approved_by),
        expires=waiver.expires,
        relative=relative(waiver.expires, survey.assessment.today).replace("overdue", "ago"),
        compensating="; ".join(waiver.compensating),
        poam=waiver.poam,
        keeps_open=tuple(
            Link(f"{finding.host}: {finding.subject or finding.check}", _target(survey, finding.check, finding.id))
            for finding in kept[:_FINDINGS_SHOWN]
        ),
        left_out=max(0, len(kept) - _FINDINGS_SHOWN),
    )


def _target(survey: Survey, check: str, finding: str) -> str:
    shown = [one.id for one in survey.open if one.check == check][: survey.limits.findings_per_check]
    return finding_anchor(finding) if finding in shown else check_anchor(check)


def _covers(waiver: Waiver) -> str:
    parts = [("hosts", waiver.hosts), ("zones", waiver.zones)]
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names)
