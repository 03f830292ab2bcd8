"""What one account sees of a run: the whole assessment, or the part of it that is about its systems."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from posture.assess import assess, burndowns_of
from posture.attack import attack_of, attack_report, graph_of
from posture.graph.part import part_of
from posture.judged import circumstances_of, stored
from posture.model.account import Account
from posture.model.assessment import Assessment, Coverage, HostAssessment
from posture.model.attack import AttackReport
from posture.model.finding import Finding, Status
from posture.model.host import FLEET
from posture.model.path import AttackGraph
from posture.plan.make import make_plan
from posture.store import Store
from reports.bod_tally import BodTally
from reports.survey import Limits, Survey, Surveyor

NARROWED = (
    "You see a part of this run: the hosts of your systems. Checks of the whole fleet, scores by AI-threat category "
    "and notes on the run as a whole are left out, since they tell of other systems too; so are attack paths that "
    "lead through other systems, which may be more and worse than what stands here."
)


def surveyed(account: Account, store: Store, run: str, hosts: Collection[str], limits: Limits) -> Survey:
    """Return a run as this account may see it, for its pages; every host is read once.

    ``hosts`` are those of its systems.
    """
    judged = stored(store, run)
    checks = judged.baseline.checks
    bod = BodTally(judged.assessed(), judged.known.of_host, judged.run.as_of.date(), limits.vulnerabilities)
    asked = sum(check.scope != FLEET for check in checks)
    surveyor = Surveyor(judged.baseline, asked, bod, limits)

    def look(host: HostAssessment, opened: Sequence[Finding]) -> None:
        if not account.systems or host.host.id in hosts:
            surveyor.add(host, opened)

    whole = assess(store, judged, look)
    statuses = tuple((status, surveyor.by_status[status]) for status in Status if surveyor.by_status[status])
    return surveyor.survey(seen_by(account, whole, store, Coverage(len(hosts), len(checks), statuses)))


def seen_by(account: Account, assessment: Assessment, store: Store, coverage: Coverage) -> Assessment:
    """Return the assessment as this account may see it; plan, burn-down and paths are worked out anew.

    ``coverage`` is that of the hosts of its systems.
    """
    if not account.systems:
        return assessment
    own = {one.id: one for one in store.inventory(assessment.run.id).hosts if account.sees(one.system)}
    zones = {one.zone for one in own.values()}
    findings = tuple(one for one in assessment.findings if one.host in own)
    ids = {one.id for one in findings}
    circumstances = circumstances_of(store, assessment.run.id)
    uses = (replace(use, findings=tuple(one for one in use.findings if one in ids)) for use in assessment.waivers)
    vulnerabilities = assessment.read_vulnerabilities
    return replace(
        assessment,
        zones=tuple(zone for zone in assessment.zones if zone.name in zones),
        coverage=coverage,
        findings=findings,
        plan=make_plan(
            findings,
            own,
            {check.id: check for check in assessment.baseline.checks},
            weights=circumstances.weights,
            taxonomy=circumstances.taxonomy,
            today=assessment.today,
            named=circumstances.named,
        ),
        scores=(),
        waivers=tuple(use for use in uses if use.findings),
        unassessed=(),
        read_trend=lambda: None,
        fleet=(),
        read_hosts=_only(assessment.read_hosts, own.keys()),
        fingerprint="",
        notes=(NARROWED,),
        group_scores=tuple(
            one
            for one in assessment.group_scores
            if (one.kind == "host" and one.name in own) or (one.kind == "system" and account.sees(one.name))
        ),
        burndowns=tuple(burndowns_of(store, own.keys(), assessment.clocks, assessment.today)),
        assessed=tuple(one for one in assessment.assessed if one.host in own),
        read_vulnerabilities=lambda host: vulnerabilities(host) if host in own else (),
        cadence=tuple(one for one in assessment.cadence if one.host in own),
        published=tuple(one for one in assessment.published if one.host in own),
        attestations=tuple(one for one in assessment.attestations if one.attestation.host in own),
        receipts=tuple(one for one in assessment.receipts if one.host in own),
        unsettled=tuple(one for one in assessment.unsettled if one.host in own),
        attack=seen_attack(account, store, assessment.run.id),
    )


def seen_attack(account: Account, store: Store, ref: str) -> AttackReport | None:
    """Return what a run says of attack paths, as this account may see it; ``None`` for one judged without rules."""
    if not account.systems:
        return attack_of(store, ref)
    graph = seen_graph(account, store, ref)
    return attack_report(graph, circumstances_of(store, ref).rulebook) if graph else None


def seen_graph(account: Account, store: Store, ref: str) -> AttackGraph | None:
    """Return the attack graph as this account may see it; ``None`` for a run that was judged without rules."""
    graph = graph_of(store, ref)
    if graph is None or not account.systems:
        return graph
    hosts = store.inventory(ref).hosts
    own = frozenset(one.id for one in hosts if account.sees(one.system))
    return part_of(graph, own, (one for one in hosts if one.id not in own))


def _only(
    read_hosts: Callable[[], Iterator[HostAssessment]], hosts: Collection[str]
) -> Callable[[], Iterator[HostAssessment]]:
    return lambda: (one for one in read_hosts() if one.host.id in hosts)
