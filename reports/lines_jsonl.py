"""posture.jsonl: the run, every finding and every blind spot, one JSON object on each line, for pipes and SIEMs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from posture.model.assessment import Assessment
from posture.model.host import FLEET
from reports import wire
from reports.assessment_json import coverage_of, evidence_of, finding_of, run_of
from reports.cases import Case, Ended, cases, cve_of, paths_ended
from reports.files import new_file
from reports.jsontext import write_lines
from reports.judged_by_json import severity_word
from reports.survey import blind_of

SCHEMA = "posture.lines/1"


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    schema: Literal["posture.lines/1"]
    run_id: str
    as_of: datetime


class RunLine(_Line, frozen=True, tag="run"):
    """The first line: who looked, by what authority, and how much was seen."""

    run: wire.Run
    coverage: wire.Coverage
    fingerprint: str
    notes: list[str]
    marking: str


class FindingLine(_Line, frozen=True, tag="finding"):
    """One finding, open or closed by this run, with its host, its check and its evidence."""

    finding: wire.Finding
    title: str
    severity: wire.SeverityWord
    categories: list[str]
    result_now: str
    """The check's status today: a finding whose host is out of sight is open and ``not_checked``."""
    said: str
    host_name: str
    addresses: list[str]
    zone: str
    owner: str
    system: str
    evidence: list[wire.Evidence]
    fix: str
    verify: str
    cve: str
    """The CVE, or the vendor's own id, it is about; empty for a setting."""
    attack_paths: int | None
    """How many of the attack paths found its end would end; ``null`` where none were judged."""


class BlindLine(_Line, frozen=True, tag="blind_spot"):
    """What one host did not tell, for one reason."""

    host: str
    zone: str
    owner: str
    reason: str
    topics: dict[str, str]
    checks: list[str]
    detail: str


def write_jsonl(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the lines; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        write_lines(file, _lines(assessment, marking))


def lines_schema_bytes() -> bytes:
    """Return the published JSON Schema of one line, for docs/schemas/lines-1.schema.json."""
    (root,), parts = msgspec.json.schema_components((RunLine | FindingLine | BlindLine,), ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:posture-scanner:lines:1",
        "title": f"one line of {SCHEMA}",
        **root,
        "$defs": parts,
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def _lines(assessment: Assessment, marking: str) -> Iterator[_Line]:
    yield RunLine(
        **_head(assessment),
        run=run_of(assessment),
        coverage=coverage_of(assessment),
        fingerprint=assessment.fingerprint,
        notes=list(assessment.notes),
        marking=marking,
    )
    ended = paths_ended(assessment.attack)
    for case in cases(assessment):
        yield _finding_line(assessment, case, ended)
    for entry in assessment.read_hosts():
        if entry.host.id == FLEET:
            continue
        for reason, spot in blind_of(entry):
            yield BlindLine(
                **_head(assessment),
                host=spot.host,
                zone=spot.zone,
                owner=spot.owner,
                reason=reason,
                topics=spot.topics,
                checks=spot.checks,
                detail=spot.detail,
            )


def _head(assessment: Assessment) -> dict[str, Any]:
    return {"schema": SCHEMA, "run_id": assessment.run.id, "as_of": assessment.run.as_of}


def _finding_line(assessment: Assessment, case: Case, ended: Ended | None) -> FindingLine:
    host, check = case.host, case.check
    return FindingLine(
        **_head(assessment),
        finding=finding_of(assessment, case.finding),
        title=case.title,
        severity=severity_word(case.severity),
        categories=list(check.threat.categories) if check else [],
        result_now=case.now,
        said=case.gist,
        host_name=host.name if host else "",
        addresses=list(host.addresses) if host else [],
        zone=host.zone if host else "",
        owner=host.owner if host else "",
        system=host.system if host else "",
        evidence=[evidence_of(record) for record in case.evidence],
        fix=check.remediation.text if check else "",
        verify=check.remediation.verify if check else "",
        cve=cve_of(case.finding),
        attack_paths=None if ended is None else ended(case.finding),
    )
