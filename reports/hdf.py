"""results.hdf.json: Heimdall Data Format, one control for each check on each host, so that its counts are ours.

Readers call a control "passed" as soon as one of its results passed and none failed, and would let a host that nobody
could look at vanish behind another: hence no control holds more than one host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check, Severity
from posture.model.finding import Finding, Result, Status
from reports.cases import Ended, cve_of, one_line, paths_ended
from reports.files import new_file
from reports.jsontext import Stream, write_document

_STATUS = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.NOT_APPLICABLE: "skipped",
    Status.NOT_CHECKED: "skipped",
    Status.ERROR: "error",
    Status.MANUAL: "skipped",
}
_IMPACT = {  # the middle of each of InSpec's bands; 0 would mean "not applicable"
    Severity.INFO: 0.1,
    Severity.LOW: 0.3,
    Severity.MEDIUM: 0.5,
    Severity.HIGH: 0.7,
    Severity.CRITICAL: 0.9,
}


def write_hdf(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the file; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    run, profile = assessment.run, assessment.baseline.profile
    counts = dict(assessment.coverage.by_status)
    document = {
        "platform": {"name": "posture-scanner", "release": run.tool_version, "target_id": f"run {run.id}"},
        "version": run.tool_version,
        "statistics": {
            "controls": {
                "passed": {"total": counts.get(Status.PASS, 0)},
                "skipped": {
                    "total": sum(counts.get(status, 0) for status, word in _STATUS.items() if word == "skipped")
                },
                "failed": {"total": counts.get(Status.FAIL, 0)},
            }
        },
        "profiles": [
            {
                "name": f"posture-{profile.id}",
                "title": profile.title,
                "version": profile.version,
                "sha256": assessment.baseline.digest,
                "summary": f"{assessment.coverage.decided} of {assessment.coverage.possible} results are decided.",
                "supports": [],
                "attributes": [],
                "groups": [],
                "status": "loaded",
                "controls": Stream(_controls(assessment)),
            }
        ],
        **({"marking": marking} if marking else {}),
    }
    with new_file(path) as file:
        write_document(file, document)


def _controls(assessment: Assessment) -> Iterator[dict[str, Any]]:
    checks = {check.id: check for check in assessment.baseline.checks}
    ended = paths_ended(assessment.attack)
    still_open: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in assessment.findings:
        if finding.open:
            still_open[finding.host, finding.check].append(finding)
    for entry in assessment.read_hosts():
        for result in entry.results:
            control = _control(assessment, entry, checks[result.check], result)
            if lives := still_open.get((result.host, result.check)):
                control["tags"]["findings"] = [_life(one, ended) for one in lives]
            yield control


def _life(finding: Finding, ended: Ended | None) -> dict[str, Any]:
    return {
        "id": finding.id,
        "subject": _safe(finding.subject),
        "cve": cve_of(finding),
        "attack_paths": None if ended is None else ended(finding),  # null: none were judged
    }


def _control(assessment: Assessment, entry: HostAssessment, check: Check, result: Result) -> dict[str, Any]:
    status, cites = result.verdict.status, check.references
    not_applicable = status is Status.NOT_APPLICABLE
    return {
        "id": f"{check.id} on {_safe(entry.host.id)}",
        "title": check.title,
        "desc": one_line(check.rationale),
        "descriptions": [{"label": "fix", "data": one_line(check.remediation.text)}],
        "impact": 0.0 if not_applicable else _IMPACT[check.severity],
        "refs": [{"ref": one.text} for one in (*cites.cisa, *cites.other) if not one.draft],
        "tags": {
            "check": check.id,
            "host": _safe(entry.host.id),
            "nist": list(cites.nist_800_53r5),
            "severity": check.severity.label,
            "ai_threat": list(check.threat.categories),
            "posture_status": status.label,
            # Heimdall turns its own waivers into "not applicable"; ours never hide a failure, so they are tags.
            **({"waiver": result.waiver} if result.waiver else {}),
        },
        "source_location": {},
        "results": [_result(assessment, entry, check, result)],
    }


def _result(assessment: Assessment, entry: HostAssessment, check: Check, result: Result) -> dict[str, Any]:
    verdict = result.verdict
    word = _STATUS[verdict.status]
    said = "; ".join(line.message or f"{line.fact} is {line.actual}" for line in verdict.assertions)
    found: dict[str, Any] = {
        "status": word,
        "code_desc": _safe(f"{check.title}, on {entry.host.id}"),
        "start_time": f"{entry.taken_at or assessment.run.started_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if word == "failed":
        found["message"] = _safe(said or "fails")
    if word == "skipped":
        found["skip_message"] = _safe(f"{verdict.status.label}: {verdict.reason or said or 'no reason given'}")
    if word == "error":
        found["exception"] = "posture.error"
        found["message"] = _safe(verdict.reason)
    return found


def _safe(text: str) -> str:
    # Viewers put these strings into pages.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
