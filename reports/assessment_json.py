"""assessment.json: everything a run says, as deterministic bytes, written host by host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from posture.model.assessment import Assessment, HostAssessment
from posture.model.clock import DueDate
from posture.model.finding import Finding, Result, Status
from posture.model.host import FLEET
from posture.model.observation import Evidence
from posture.model.plan import Fix
from reports import wire
from reports.attack_json import attack_paths
from reports.due import days_late, governing
from reports.files import new_file
from reports.jsontext import encode
from reports.judged_by_json import baseline_of, campaign_of, clock_of, severity_word, waiver_of
from reports.one_pass import Take, in_one_pass
from reports.proof_json import attestation_of, receipt_of, status_word, unassessed_of, unsettled_of


def write_json(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the assessment; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    in_one_pass(assessment, [assessment_json(assessment, path, marking=marking)])


@contextmanager
def assessment_json(assessment: Assessment, path: Path, *, marking: str = "") -> Iterator[Take]:
    """Yield what takes the hosts; their list stands between the members that sort before and after it."""
    members = _members(assessment, marking)
    with new_file(path) as file:
        file.write(b"{")
        for key in (one for one in members if one < _HOSTS):
            _write_member(file, key, members[key])
            file.write(b",")
        file.write(b'\n"%s":' % _HOSTS.encode())
        with _list_writer(file) as write:
            yield lambda entry: None if entry.host.id == FLEET else write(_host(entry))
        for key in (one for one in members if one > _HOSTS):
            file.write(b",")
            _write_member(file, key, members[key])
        file.write(b"\n}\n")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the file, generated from its types."""
    (root,), parts = msgspec.json.schema_components((wire.Assessment,), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:posture-scanner:assessment:1",
        "title": wire.SCHEMA,
        **root,
        "$defs": parts,
    }


def schema_bytes() -> bytes:
    """Return the published form of the schema, for docs/schemas/assessment-1.schema.json."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="sorted"), indent=2) + b"\n"


_HOSTS = "hosts"
Write = Callable[[BinaryIO], object]


def _write_member(file: BinaryIO, key: str, write: Write) -> None:
    file.write(b"\n%s:" % msgspec.json.encode(key))
    write(file)


def _members(assessment: Assessment, marking: str) -> dict[str, Write]:
    """Return what writes each member but the hosts, in the order of their keys."""

    def one(value: object) -> Write:
        return lambda file: file.write(encode(value))

    def many(values: Iterable[object]) -> Write:
        return lambda file: _write_list(file, values)

    members: dict[str, Write] = {
        "attack_paths": one(attack_paths(assessment.attack)),
        "attestations": many(map(attestation_of, assessment.attestations)),
        "baseline": one(baseline_of(assessment)),
        "campaign": one(campaign_of(assessment)),
        "clocks": many(map(clock_of, assessment.clocks)),
        "coverage": one(coverage_of(assessment)),
        "findings": many(finding_of(assessment, finding) for finding in assessment.findings),
        "fingerprint": one(assessment.fingerprint),
        "fleet": many(_fleet(assessment)),
        "group_scores": many(_group_scores(assessment)),
        "marking": one(marking),
        "notes": one(list(assessment.notes)),
        "plan": many(_fix(rank, fix) for rank, fix in enumerate(assessment.plan.fixes, start=1)),
        "plan_as_of": one(assessment.plan.as_of),
        "receipts": many(map(receipt_of, assessment.receipts)),
        "run": one(run_of(assessment)),
        "schema": one(wire.SCHEMA),
        "scores": many(_scores(assessment)),
        "taxonomy": one(dict(assessment.taxonomy or {})),
        "text": one("inert/1"),
        "unassessed_hosts": many(map(unassessed_of, assessment.unassessed)),
        "unsettled": many(map(unsettled_of, assessment.unsettled)),
        "waivers": many(map(waiver_of, assessment.waivers)),
        "zones": many(_zones(assessment)),
    }
    return dict(sorted(members.items()))


@contextmanager
def _list_writer(file: BinaryIO) -> Iterator[Callable[[object], None]]:
    file.write(b"[")
    before = b"\n"

    def write(value: object) -> None:
        nonlocal before
        file.write(before)
        file.write(encode(value))
        before = b",\n"

    yield write
    file.write(b"]")


def _write_list(file: BinaryIO, values: Iterable[object]) -> None:
    with _list_writer(file) as write:
        for value in values:
            write(value)


def run_of(assessment: Assessment) -> wire.Run:
    run = assessment.run
    return wire.Run(
        id=run.id,
        started_at=run.started_at,
        finished_at=run.finished_at,
        state=run.state.value,
        operator=run.operator,
        scanner=run.scanner,
        tool_version=run.tool_version,
        authorisation=run.authorisation,
        profile=run.profile,
        baseline_digest=run.baseline_digest,
        inventory_digest=run.inventory_digest,
        as_of=run.as_of,
        origin=run.origin.value,
        merged_from=list(run.merged_from),
    )


def coverage_of(assessment: Assessment) -> wire.Coverage:
    coverage = assessment.coverage
    counts = dict(coverage.by_status)
    return wire.Coverage(
        hosts=coverage.hosts,
        checks=coverage.checks,
        possible=coverage.possible,
        decided=coverage.decided,
        by_status={status_word(status): counts.get(status, 0) for status in Status},
    )


def _zones(assessment: Assessment) -> Iterator[wire.Zone]:
    for zone in assessment.zones:
        yield wire.Zone(name=zone.name, trust=zone.trust.value, cidrs=list(zone.cidrs))


def _due(due: DueDate) -> wire.Due:
    return wire.Due(
        due=due.due,
        clock=due.clock,
        clock_version=due.clock_version,
        row=due.row,
        inputs=dict(due.inputs),
        clock_start=due.clock_start,
        binding=due.binding,
        legal=due.legal,
        reason=due.reason,
    )


def finding_of(assessment: Assessment, finding: Finding) -> wire.Finding:
    governs = governing(finding)
    return wire.Finding(
        id=finding.id,
        check=finding.check,
        host=finding.host,
        subject=finding.subject,
        status="open" if finding.open else "closed",
        closing=finding.closing.value if finding.closing else None,
        first_seen=finding.first_seen,
        last_seen=finding.last_seen,
        closed_at=finding.closed_at,
        times_opened=finding.opened,
        due=[_due(due) for due in finding.due],
        overdue_days=days_late(governs.due, assessment.today) if governs and finding.open else 0,
        waiver=finding.waiver or None,
    )


def _fleet(assessment: Assessment) -> Iterator[wire.Result]:
    return map(_result, assessment.fleet)


def _host(entry: HostAssessment) -> wire.Host:
    host = entry.host
    return wire.Host(
        id=host.id,
        name=host.name,
        addresses=list(host.addresses),
        zone=host.zone,
        owner=host.owner,
        system=host.system,
        roles=list(host.roles),
        groups=list(host.groups),
        mission=host.mission.name.lower(),
        device_class=host.device_class.value,
        asset_tags=asdict(host.tags),
        platform=entry.platform,
        session=entry.session,
        taken_at=entry.taken_at,
        results=[_result(result) for result in entry.results],
        unseen=[wire.Unseen(topic=one.topic, reason=one.reason.value, detail=one.detail) for one in entry.unseen],
        evidence=[evidence_of(record) for record in entry.evidence],
        documents=dict(entry.documents),
    )


def _result(result: Result) -> wire.Result:
    verdict = result.verdict
    return wire.Result(
        check=result.check,
        revision=result.revision,
        status=status_word(verdict.status),
        reason=verdict.reason,
        assertions=[
            wire.Assertion(
                id=line.id,
                fact=line.fact,
                operator=line.op,
                expected=line.expected,
                actual=line.actual,
                outcome=line.outcome.value,
                message=line.message,
            )
            for line in verdict.assertions
        ],
        evidence=list(result.evidence),
        subjects=list(verdict.subjects),
        topics=list(verdict.topics),
        waiver=result.waiver or None,
    )


def evidence_of(record: Evidence) -> wire.Evidence:
    return wire.Evidence(
        command_id=record.command_id,
        asked=record.asked,
        sha256=record.sha256,
        stderr_sha256=record.stderr_sha256,
        account=record.account,
        vantage=record.vantage,
        origin=record.origin.value,
        taken_at=record.taken_at,
        duration_ms=record.duration_ms,
        exit_code=record.exit_code,
        size_bytes=record.size_bytes,
        truncated=record.truncated,
        redactions=record.redactions,
    )


def _fix(rank: int, fix: Fix) -> wire.Fix:
    return wire.Fix(
        rank=rank,
        check=fix.check,
        owner=fix.owner,
        title=fix.title,
        hosts=list(fix.hosts),
        findings=list(fix.findings),
        severity=severity_word(fix.severity),
        due=fix.due,
        due_reason=fix.due_reason,
        minutes=fix.minutes,
        risk=fix.risk.value,
        weight=fix.weight,
        reason=fix.reason,
    )


def _scores(assessment: Assessment) -> Iterator[wire.Score]:
    for score in assessment.scores:
        yield wire.Score(
            category=score.category,
            title=score.title,
            low=score.low,
            high=score.high,
            checks=score.checks,
            weight=score.weight,
        )


def _group_scores(assessment: Assessment) -> Iterator[wire.GroupScore]:
    for score in assessment.group_scores:
        yield wire.GroupScore(
            kind=score.kind,
            name=score.name,
            low=score.low,
            high=score.high,
            hosts=score.hosts,
            weight=score.weight,
        )
