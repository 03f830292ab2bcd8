"""Findings by host, the most urgent host first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from posture.model.finding import Finding
from posture.model.host import FLEET, Host
from reports.sections.common import (
    NOT_SAID,
    anchor,
    check_anchor,
    check_title,
    due_words,
    finding_anchor,
    finding_tag,
    owner_words,
    severity_tag,
)
from reports.sections.scores import band_words
from reports.survey import HostTally, Survey, checks_of_host
from reports.view import HostFindingView, HostsView, HostView, Link, Pair, Share, Tag

_ADDRESSES_SHOWN = 4


def build_hosts(survey: Survey) -> HostsView:
    """Return the hosts to list; hosts without a finding are there too, with what is known of them."""
    grouped: dict[str, list[Finding]] = defaultdict(list)
    for finding in survey.open:
        grouped[finding.host].append(finding)
    shown = _shown_findings(survey)
    listed = {tally.host.id for tally in survey.hosts}
    bands = {one.name: band_words(one.low, one.high) for one in survey.assessment.group_scores if one.kind == "host"}
    return HostsView(
        listed=Share(len(survey.hosts), max(survey.assessment.coverage.hosts, survey.hosts_seen)),
        hosts=tuple(_host(survey, tally, grouped.get(tally.host.id, []), shown, bands) for tally in survey.hosts),
        gone=len(grouped.keys() - listed - {FLEET}) if survey.hosts_seen <= survey.limits.hosts else 0,
    )


def _shown_findings(survey: Survey) -> frozenset[str]:
    shown: dict[str, list[str]] = defaultdict(list)
    for finding in survey.open:
        if len(shown[finding.check]) < survey.limits.findings_per_check:
            shown[finding.check].append(finding.id)
    return frozenset(one for many in shown.values() for one in many)


def _host(
    survey: Survey, tally: HostTally, found: list[Finding], shown: frozenset[str], bands: Mapping[str, str]
) -> HostView:
    kept = found[: survey.limits.findings_per_host]
    return HostView(
        anchor=anchor("h", tally.host.id),
        id=tally.host.id,
        name=tally.host.name if tally.host.name != tally.host.id else "",
        facts=host_facts(tally.host, tally.platform, tally.session, tally.taken_at),
        decided=Share(tally.decided, checks_of_host(survey.assessment)),
        score=bands.get(tally.host.id, ""),
        open=len(found),
        overdue=sum(finding.id in survey.overdue for finding in found),
        worst=_worst(survey, found),
        findings=tuple(_finding(survey, finding, shown) for finding in kept),
        left_out=len(found) - len(kept),
    )


def _worst(survey: Survey, found: list[Finding]) -> Tag | None:
    known = [survey.severity(finding) for finding in found if finding.check in survey.checks]
    if known:
        return severity_tag(max(known))
    return finding_tag(survey, found[0]) if found else None


def host_facts(host: Host, platform: str, session: str, taken_at: datetime | None) -> tuple[Pair, ...]:
    """Return what is known of a host, beside its results."""
    pairs = [
        ("Addresses", _addresses(host)),
        ("Zone", host.zone),
        ("Owner", owner_words(host.owner)),
        ("System", host.system or NOT_SAID),
        ("Roles", ", ".join(host.roles)),
        ("Mission value", host.mission.name.lower().replace("_", " ")),
        ("Platform", platform or "not seen"),
        ("Session", session or "none"),
        ("Read at", f"{taken_at:%Y-%m-%d %H:%M} UTC" if taken_at else "never"),
    ]
    return tuple(Pair(term, value) for term, value in pairs if value)


def _addresses(host: Host) -> str:
    more = len(host.addresses) - _ADDRESSES_SHOWN
    return ", ".join(host.addresses[:_ADDRESSES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _finding(survey: Survey, finding: Finding, shown: frozenset[str]) -> HostFindingView:
    due, words, late = due_words(finding, survey.assessment.today)
    target = finding_anchor(finding.id) if finding.id in shown else check_anchor(finding.check)
    return HostFindingView(
        link=Link(finding.check, target),
        title=check_title(survey, finding.check),
        severity=finding_tag(survey, finding),
        subject=finding.subject,
        due=due,
        relative=words,
        late=late,
        waived=finding.id in survey.waived,
    )
