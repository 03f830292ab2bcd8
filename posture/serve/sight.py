"""What one account sees of a run: the whole assessment, or the part of it that is about its systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from posture.model.account import Account
from posture.model.assessment import Assessment, Coverage, HostAssessment
from posture.model.host import FLEET
from posture.model.plan import Fix

NARROWED = (
    "You see a part of this run: the hosts of your systems. Checks of the whole fleet, scores by AI-threat category "
    "and notes on the run as a whole are left out, since they tell of other systems too."
)


def seen_by(account: Account, assessment: Assessment) -> Assessment:
    """Return the assessment as this account may see it; coverage is counted anew over what is left."""
    if not account.systems:
        return assessment
    hosts = {one.host.id for one in assessment.read_hosts() if account.sees(one.host.system)} - {FLEET}
    zones = {one.host.zone for one in assessment.read_hosts() if one.host.id in hosts}
    findings = tuple(one for one in assessment.findings if one.host in hosts)
    ids = {one.id for one in findings}
    uses = (replace(use, findings=tuple(one for one in use.findings if one in ids)) for use in assessment.waivers)
    return replace(
        assessment,
        zones=tuple(zone for zone in assessment.zones if zone.name in zones),
        coverage=_coverage(assessment, hosts),
        findings=findings,
        plan=replace(assessment.plan, fixes=tuple(_fixes(assessment.plan.fixes, hosts, ids))),
        scores=(),
        waivers=tuple(use for use in uses if use.findings),
        read_hosts=_only(assessment.read_hosts, hosts),
        fingerprint="",
        notes=(NARROWED,),
        group_scores=tuple(
            one
            for one in assessment.group_scores
            if (one.kind == "host" and one.name in hosts) or (one.kind == "system" and account.sees(one.name))
        ),
    )


def _coverage(assessment: Assessment, hosts: set[str]) -> Coverage:
    counts = Counter(
        result.verdict.status for one in assessment.read_hosts() if one.host.id in hosts for result in one.results
    )
    return Coverage(len(hosts), assessment.coverage.checks, tuple(sorted(counts.items())))


def _fixes(fixes: tuple[Fix, ...], hosts: set[str], findings: set[str]) -> Iterator[Fix]:
    for fix in fixes:
        mine = tuple(one for one in fix.hosts if one in hosts)
        if mine:
            yield replace(fix, hosts=mine, findings=tuple(one for one in fix.findings if one in findings))


def _only(
    read_hosts: Callable[[], Iterator[HostAssessment]], hosts: set[str]
) -> Callable[[], Iterator[HostAssessment]]:
    return lambda: (one for one in read_hosts() if one.host.id in hosts)
