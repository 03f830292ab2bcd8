"""A part of an assessment as an assessment of its own: the hosts of one system, with their own coverage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from posture.errors import UsageError
from posture.model.assessment import Assessment, Coverage, HostAssessment
from posture.model.finding import Status
from posture.model.host import FLEET


def of_system(assessment: Assessment, system: str) -> Assessment:
    """Return the assessment of one system's hosts; what shows only over the whole fleet is no part of it.

    Raises:
        UsageError: no host of the run belongs to it.
    """
    counts = dict.fromkeys(Status, 0)
    ids: set[str] = set()
    systems: set[str] = set()
    for entry in assessment.read_hosts():
        systems.add(entry.host.system)
        if entry.host.system != system or entry.host.id == FLEET:
            continue
        ids.add(entry.host.id)
        for result in entry.results:
            counts[result.verdict.status] += 1
    if not ids:
        known = ", ".join(sorted(name for name in systems if name)[:10]) or "no host names one in the inventory"
        raise UsageError(f"no host of run {assessment.run.id} belongs to system `{system}`", hint=f"systems: {known}")

    def read_hosts() -> Iterator[HostAssessment]:
        return (entry for entry in assessment.read_hosts() if entry.host.id in ids)

    findings = tuple(finding for finding in assessment.findings if finding.host in ids)
    kept = {finding.id for finding in findings}
    fixes = (
        replace(
            fix,
            hosts=tuple(host for host in fix.hosts if host in ids),
            findings=tuple(id_ for id_ in fix.findings if id_ in kept),
        )
        for fix in assessment.plan.fixes
    )
    return replace(
        assessment,
        coverage=Coverage(len(ids), assessment.coverage.checks, tuple((s, n) for s, n in counts.items() if n)),
        findings=findings,
        plan=replace(assessment.plan, fixes=tuple(fix for fix in fixes if fix.findings)),
        scores=(),
        group_scores=tuple(
            score
            for score in assessment.group_scores
            if (score.kind, score.name) == ("system", system) or (score.kind == "host" and score.name in ids)
        ),
        waivers=tuple(
            replace(use, findings=tuple(id_ for id_ in use.findings if id_ in kept)) for use in assessment.waivers
        ),
        attestations=tuple(use for use in assessment.attestations if use.attestation.host in ids),
        receipts=tuple(one for one in assessment.receipts if one.host in ids),
        unassessed=(),  # no system is known to have them
        read_trend=lambda: None,  # it counts all hosts of the run
        unsettled=tuple(one for one in assessment.unsettled if one.host in ids),
        read_hosts=read_hosts,
        fleet=(),  # it is about all hosts of the run
        burndowns=(),  # they count all hosts of the run
        assessed=tuple(one for one in assessment.assessed if one.host in ids),
        cadence=tuple(one for one in assessment.cadence if one.host in ids),
        published=tuple(one for one in assessment.published if one.host in ids),
        notes=(*assessment.notes, f"Only the hosts of system {system}; scores by category are of the whole run."),
    )
