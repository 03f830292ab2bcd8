"""From nouns to the contexts of the dashboard's own pages; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote

from posture.model.account import Account, ApiToken, Role
from posture.model.finding import Finding
from posture.model.observation import Evidence
from reports.dashboard.views.accounts import AccountLine, AccountsView, TokenLine
from reports.dashboard.views.audit import ChangeLine
from reports.dashboard.views.common import Choice
from reports.dashboard.views.evidence import EvidencePage
from reports.dashboard.views.finding import FindingPage
from reports.dashboard.views.work import DeskView, WorkLine
from reports.inert import lines_of
from reports.sections.common import (
    anchor,
    check_anchor,
    check_title,
    finding_anchor,
    finding_tag,
)
from reports.sections.evidence import excerpt_anchor
from reports.survey import Survey
from reports.view import Link, Pair, ReportView
from reports.words import CLOSING, counted

_LINES = 2000  # of one answer: what a browser scrolls well
_REASONS = "why it matters, what was seen, how to mend it"


def host_path(host: str) -> str:
    """Return the address of a host's page."""
    return f"/hosts/{quote(host, safe='')}"


def finding_path(finding: str) -> str:
    """Return the address of a finding's page."""
    return f"/findings/{quote(finding, safe='')}"


def evidence_path(digest: str) -> str:
    """Return the address of an answer."""
    return f"/evidence/{quote(digest, safe='')}"


def places(survey: Survey, view: ReportView, *, evidence: bool) -> dict[str, str]:
    """Return where the anchors of the report's sections lead on the dashboard; answers only for who may read them."""
    found = {"fleet": "/fleet", "waivers": "/waivers", "coverage": "/coverage"}
    found |= {fix.anchor: f"/plan#{fix.anchor}" for fix in view.plan.first}
    found |= {anchor("h", tally.host.id): host_path(tally.host.id) for tally in survey.hosts}
    found |= {finding_anchor(one.id): finding_path(one.id) for one in survey.open}
    found |= {check_anchor(check): f"/checks#{check_anchor(check)}" for check in survey.checks}
    found |= {anchor("w", use.waiver.id): f"/waivers#{anchor('w', use.waiver.id)}" for use in survey.assessment.waivers}
    if evidence:
        digests = {one.sha256 for detail in survey.details.values() for one in detail.evidence}
        found |= {excerpt_anchor(digest): evidence_path(digest) for digest in digests}
    return found


def finding_page(
    survey: Survey, finding: Finding, changes: Sequence[ChangeLine], work: WorkLine | None, desk: DeskView
) -> FindingPage:
    """Return the life of one finding."""
    closing = CLOSING[finding.closing] if finding.closing else "no reason recorded"
    first, last = f"{finding.first_seen:%Y-%m-%d}", f"{finding.last_seen:%Y-%m-%d}"
    seen = f"first seen {first}, last seen {last}, opened {counted(finding.opened, 'time')}"
    return FindingPage(
        id=finding.id,
        title=check_title(survey, finding.check),
        check=finding.check,
        reasons=Link(_REASONS, check_anchor(finding.check) if finding.check in survey.checks else ""),
        host=Link(finding.host, anchor("h", finding.host)),
        subject=finding.subject,
        state=f"open, {seen}" if finding.open else f"closed ({closing}), {seen}",
        severity=finding_tag(survey, finding),
        dues=tuple(
            Pair(f"Due {due.due}", f"{due.clock} {due.clock_version}, from {due.clock_start}. {due.reason}")
            for due in finding.due
        ),
        work=work,
        changes=tuple(changes),
        desk=desk,
    )


def evidence_page(
    digest: str, content: bytes, uses: Iterable[tuple[str, Evidence]], not_kept: str = ""
) -> EvidencePage:
    """Return an answer as lines that can do nothing, or why its bytes are no longer kept."""
    lines = lines_of(content.decode("utf-8", "replace"))
    return EvidencePage(
        digest=digest,
        size_bytes=len(content),
        uses=tuple(
            Pair(one.host, f"{one.asked}; as {one.account}, from {one.vantage}, {one.origin.value}, run {run}")
            for run, one in uses
        ),
        lines=lines[:_LINES],
        left_out=max(0, len(lines) - _LINES),
        not_kept=not_kept,
    )


def accounts_page(
    accounts: Iterable[Account], tokens: Iterable[ApiToken], now: datetime, wrong: str = "", made: str = ""
) -> AccountsView:
    """Return who may sign in, and which programs may read."""
    return AccountsView(
        lines=tuple(
            AccountLine(one.name, one.role.value, sees(one), one.made_at, _state(one), one.disabled) for one in accounts
        ),
        tokens=tuple(
            TokenLine(
                name=one.name,
                role=one.role.value,
                sees=", ".join(one.systems) or "every system",
                made_by=one.made_by,
                made_at=one.made_at,
                expires_at=one.expires_at,
                state="good" if one.good(now) else "revoked" if one.revoked_at else "ended",
            )
            for one in tokens
        ),
        made=made,
        roles=tuple(Choice(role.value, role.value, role is Role.VIEWER) for role in Role),
        wrong=wrong,
    )


def sees(account: Account) -> str:
    """Return in words which systems an account sees."""
    return ", ".join(account.systems) if account.systems else "every system"


def _state(account: Account) -> str:
    if account.disabled:
        return "disabled"
    return f"rests until {account.locked_until:%Y-%m-%d %H:%M} UTC" if account.locked_until else "active"
