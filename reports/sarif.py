"""findings.sarif: SARIF 2.1.0, one result for each finding, and one for each verdict that could not be given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check, Severity
from posture.model.finding import Result, Status
from reports.cases import Case, Ended, cases, cve_of, one_line, paths_ended
from reports.due import governing
from reports.files import new_file
from reports.jsontext import Stream, write_document

_LEVEL = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SCORE = {  # GitHub orders by it: the middle of each CVSS band
    Severity.INFO: "0.0",
    Severity.LOW: "2.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
_UNDECIDED = {Status.NOT_CHECKED: "open", Status.ERROR: "open", Status.MANUAL: "review"}


def write_sarif(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the log; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    rules = {check.id: number for number, check in enumerate(assessment.baseline.checks)}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(assessment)},
                "automationDetails": {"id": f"posture/{assessment.baseline.profile.id}/{assessment.run.id}"},
                "invocations": [_invocation(assessment)],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "coverage": f"{assessment.coverage.decided} of {assessment.coverage.possible}",
                    **({"marking": marking} if marking else {}),
                },
                "results": Stream(_results(assessment, rules)),
            }
        ],
    }
    with new_file(path) as file:
        write_document(file, document)


def _driver(assessment: Assessment) -> dict[str, Any]:
    return {
        "name": "posture-scanner",
        "version": assessment.run.tool_version,
        "informationUri": "https://example.invalid/posture-scanner",
        "rules": [_rule(check) for check in assessment.baseline.checks],
    }


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "shortDescription": {"text": _message(check.title)},
        "fullDescription": {"text": _message(one_line(check.rationale))},
        "help": {"text": _message(one_line(check.remediation.text))},
        "defaultConfiguration": {"level": _LEVEL[check.severity]},
        "properties": {
            "tags": ["security", *check.threat.categories, *check.references.nist_800_53r5],
            "security-severity": _SCORE[check.severity],
            "precision": "high" if check.confidence >= 80 else "medium",
        },
    }


def _invocation(assessment: Assessment) -> dict[str, Any]:
    run, coverage = assessment.run, assessment.coverage
    found: dict[str, Any] = {
        "executionSuccessful": run.state.value == "complete" and coverage.decided == coverage.possible,
        "startTimeUtc": f"{run.started_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if run.finished_at:
        found["endTimeUtc"] = f"{run.finished_at:%Y-%m-%dT%H:%M:%SZ}"
    return found


def _results(assessment: Assessment, rules: dict[str, int]) -> Iterator[dict[str, Any]]:
    ended = paths_ended(assessment.attack)
    for case in cases(assessment):
        if case.finding.open:
            yield _failing(case, rules, ended)
    for entry in assessment.read_hosts():
        for result in entry.results:
            if result.verdict.status in _UNDECIDED:
                yield _undecided(entry, result, rules)


def _failing(case: Case, rules: dict[str, int], ended: Ended | None) -> dict[str, Any]:
    finding, due = case.finding, governing(case.finding)
    said = f" {case.gist}" if case.gist else ""
    return {
        **_named(finding.check, rules),
        "kind": "fail",
        "level": _LEVEL[case.severity],
        "message": {"text": _message(f"{case.title} on {finding.host}.{said}")},
        "locations": [_location(finding.host)],
        "partialFingerprints": {"postureFindingId/v1": finding.id},
        # No `suppressions`: readers hide those, and a waived failure stays a failure.
        "properties": {
            "resultNow": case.now,
            "subject": finding.subject,
            "firstSeen": f"{finding.first_seen:%Y-%m-%dT%H:%M:%SZ}",
            "timesOpened": finding.opened,
            "waiver": finding.waiver,
            "due": due.due.isoformat() if due else "",
            "evidenceSha256": sorted({record.sha256 for record in case.evidence}),
            "cve": cve_of(finding),
            "attackPaths": None if ended is None else ended(finding),  # null: none were judged
        },
    }


def _undecided(entry: HostAssessment, result: Result, rules: dict[str, int]) -> dict[str, Any]:
    status = result.verdict.status
    return {
        **_named(result.check, rules),
        "kind": _UNDECIDED[status],
        "level": "none",
        "message": {
            "text": _message(f"{status.label} on {entry.host.id}: {result.verdict.reason or 'no reason given'}")
        },
        "locations": [_location(entry.host.id)],
        "properties": {"resultNow": status.label},
    }


def _named(check: str, rules: dict[str, int]) -> dict[str, Any]:
    return {"ruleId": check, **({"ruleIndex": rules[check]} if check in rules else {})}


def _location(host: str) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": f"hosts/{quote(host, safe='')}"}},
        "logicalLocations": [{"fullyQualifiedName": host, "kind": "resource"}],
    }


def _message(text: str) -> str:
    # Brackets make links in SARIF messages, and a host could choose where they lead.
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
