"""findings.ocsf.jsonl: OCSF 1.8 Compliance Findings (2003), one event for each verdict, and for each failing subject.

Vulnerability Findings (2002) of the same host follow in the same file: see ``ocsf_vulnerability``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check, Severity
from posture.model.finding import Finding, Result, Status, Verdict
from posture.model.host import Host
from reports.cases import Ended, cve_of, one_line, paths_ended
from reports.due import governing
from reports.files import new_file
from reports.jsontext import write_lines
from reports.keys import key_uuid
from reports.ocsf_common import metadata, millis, resource
from reports.ocsf_vulnerability import paths_by_flaw, vulnerability_events

_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_COMPLIANCE = 2003
# OCSF knows no "not applicable" and no "not checked": neither may come out as a pass.
_STATUS = {
    Status.PASS: (1, "Pass"),
    Status.FAIL: (3, "Fail"),
    Status.NOT_APPLICABLE: (99, "Not Applicable"),
    Status.NOT_CHECKED: (0, "Unknown"),
    Status.ERROR: (0, "Unknown"),
    Status.MANUAL: (0, "Unknown"),
}
_SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}


def write_ocsf(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the events; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        write_lines(file, _events(assessment, marking))


def _events(assessment: Assessment, marking: str) -> Iterator[dict[str, Any]]:
    checks = {check.id: check for check in assessment.baseline.checks}
    ended = paths_ended(assessment.attack)
    by_flaw = paths_by_flaw(assessment, ended)
    findings: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in assessment.findings:
        findings[finding.host, finding.check].append(finding)
    for entry in assessment.read_hosts():
        for result in entry.results:
            lives = findings.pop((result.host, result.check), [])
            if not any(life.open for life in lives) and (not lives or result.verdict.status is Status.FAIL):
                yield _marked(_event(assessment, entry, checks[result.check], result, None), marking)
            for life in lives:
                yield _marked(_event(assessment, entry, checks[result.check], result, life, ended), marking)
        for event in vulnerability_events(assessment, entry, by_flaw):
            yield _marked(event, marking)
    # Their host is not in this run, or their check not in its baseline: nobody knows how they stand now.
    for (host, check), lives in sorted(findings.items()):
        entry = HostAssessment(Host(host, (), ""), (), (), ())
        unknown = Result(host, check, 0, Verdict(Status.NOT_CHECKED, "no_result", (), ()), ())
        for life in lives:
            yield _marked(_event(assessment, entry, checks.get(check), unknown, life, ended), marking)


def _marked(event: dict[str, Any], marking: str) -> dict[str, Any]:
    return {**event, "unmapped": {**event["unmapped"], "marking": marking}} if marking else event


def _event(
    assessment: Assessment,
    entry: HostAssessment,
    check: Check | None,
    result: Result,
    finding: Finding | None,
    ended: Ended | None = None,
) -> dict[str, Any]:
    run, status = assessment.run, result.verdict.status
    still_open = finding is not None and finding.open
    worst = check.severity if check else Severity.CRITICAL
    severity_id, severity = _SEVERITY[worst] if still_open or status is Status.FAIL else (1, "Informational")
    status_id, status_word = _standing(status, finding)
    activity_id, activity = _activity(finding, run.as_of)
    due = governing(finding) if finding else None
    compliance: dict[str, Any] = {
        "control": result.check,
        "requirements": list(check.references.nist_800_53r5) if check else [],
        "standards": ["NIST SP 800-53 r5", f"posture profile {assessment.baseline.profile.id}"],
        "status_id": status_id,
        "status": status_word,
        "status_code": status.label,
        "desc": one_line(check.rationale) if check else "not a check of this baseline",
    }
    if detail := _detail(result):
        compliance["status_detail"] = detail
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _COMPLIANCE,
        "class_name": "Compliance Finding",
        "type_uid": _COMPLIANCE * 100 + activity_id,
        "time": millis(run.as_of),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 4 if finding is not None and not finding.open else 1,
        "compliance": compliance,
        "finding_info": _finding_info(check, result, finding),
        "metadata": metadata(assessment),
        "remediation": {"desc": one_line(check.remediation.text) if check else "unknown"},
        "resources": [resource(entry)],
        "unmapped": {
            "run": run.id,
            "result_now": status.label,
            "due": due.due.isoformat() if due else "",
            "due_reason": due.reason if due else "",
            "waiver": result.waiver,
            "evidence_sha256": sorted(
                {record.sha256 for record in entry.evidence if record.command_id in result.evidence}
            ),
            **(_part_of(finding, ended) if finding else {}),
        },
    }


def _part_of(finding: Finding, ended: Ended | None) -> dict[str, Any]:
    return {
        "cve": cve_of(finding),
        "attack_paths": None if ended is None else ended(finding),  # null: none were judged
    }


def _standing(status: Status, finding: Finding | None) -> tuple[int, str]:
    if finding is not None and not finding.open and status is Status.FAIL:
        return 99, "Closed"  # this subject is mended, and the check still fails for another
    if finding is not None and finding.open and status in (Status.PASS, Status.NOT_APPLICABLE):
        return 0, "Unknown"
    return _STATUS[status]


def _activity(finding: Finding | None, as_of: datetime) -> tuple[int, str]:
    if finding is None:
        return _UPDATE
    if not finding.open:
        return _CLOSE
    return _CREATE if finding.first_seen == as_of else _UPDATE


def _detail(result: Result) -> str:
    if result.verdict.status is Status.FAIL:
        return "; ".join(line.message for line in result.verdict.assertions if line.message)
    return result.verdict.reason


def _finding_info(check: Check | None, result: Result, finding: Finding | None) -> dict[str, Any]:
    info: dict[str, Any] = {
        "uid": finding.id if finding else key_uuid("result", result.check, result.host),
        "title": check.title if check else result.check,
        "desc": one_line(check.rationale) if check else "not a check of this baseline",
        "types": list(check.threat.categories) if check else [],
    }
    if finding:
        info["first_seen_time"] = millis(finding.first_seen)
        info["last_seen_time"] = millis(finding.last_seen)
    return info
