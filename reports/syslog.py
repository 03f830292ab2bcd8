"""findings.syslog: one RFC 5424 message for the run, each open finding and each blind spot, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.check import Severity
from posture.model.host import FLEET
from reports.cases import Case, Ended, cases, cve_of, paths_ended
from reports.due import governing
from reports.files import new_file
from reports.inert import clip, inert
from reports.survey import blind_of

# We have no enterprise number of our own: 32473 is the one that RFC 5612 keeps for examples.
SD_ID = "posture@32473"
_LOCAL0 = 16
_SYSLOG_SEVERITY = {
    Severity.INFO: 6,
    Severity.LOW: 5,
    Severity.MEDIUM: 4,
    Severity.HIGH: 3,
    Severity.CRITICAL: 2,
}
_MESSAGE_CHARS = 800  # with the structured data well below the 2,048 octets every receiver takes (RFC 5424, 6.1)
_VALUE_CHARS = 120


def write_syslog(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the messages; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        for line in _messages(assessment, marking):
            file.write(line.encode("utf-8") + b"\n")


def _messages(assessment: Assessment, marking: str) -> Iterator[str]:
    coverage = assessment.coverage
    still_open = sum(finding.open for finding in assessment.findings)
    about = {
        "run": assessment.run.id,
        "profile": assessment.baseline.profile.id,
        "decided": str(coverage.decided),
        "possible": str(coverage.possible),
        "open": str(still_open),
        "marking": marking,
    }
    words = f"{still_open} open findings; {coverage.decided} of {coverage.possible} results decided"
    yield _message(assessment, Severity.INFO, "RUN", about, words)
    ended = paths_ended(assessment.attack)
    for case in cases(assessment):
        if case.finding.open:
            yield _finding(assessment, case, ended)
    for entry in assessment.read_hosts():
        if entry.host.id == FLEET:
            continue
        for reason, spot in blind_of(entry):
            data = {"host": spot.host, "reason": reason, "checks": str(len(spot.checks)), "owner": spot.owner}
            words = f"{spot.host}: {len(spot.checks)} checks undecided, {reason}. {spot.detail}"
            yield _message(assessment, Severity.MEDIUM, "BLINDSPOT", data, words)


def _finding(assessment: Assessment, case: Case, ended: Ended | None) -> str:
    finding, due = case.finding, governing(case.finding)
    data = {
        "finding": finding.id,
        "check": finding.check,
        "host": finding.host,
        "severity": case.severity.label,
        "resultNow": case.now,
        "due": due.due.isoformat() if due else "",
        "waiver": finding.waiver,
        "subject": finding.subject,
        "cve": cve_of(finding),
        # Left out where no path was judged: that is not none.
        "attackPaths": "" if ended is None else str(ended(finding)),
    }
    return _message(assessment, case.severity, "FINDING", data, f"{case.title} on {finding.host}. {case.gist}")


def _message(assessment: Assessment, severity: Severity, kind: str, data: dict[str, str], words: str) -> str:
    run = assessment.run
    priority = _LOCAL0 * 8 + _SYSLOG_SEVERITY[severity]
    params = "".join(f' {name}="{_param(value)}"' for name, value in data.items() if value)
    head = f"<{priority}>1 {run.as_of:%Y-%m-%dT%H:%M:%SZ} {_word(run.scanner, 255)} posture {_word(run.id, 128)} {kind}"
    return f"{head} [{SD_ID}{params}] {clip(inert(words), _MESSAGE_CHARS)}"


def _param(value: str) -> str:
    text = clip(inert(value), _VALUE_CHARS)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _word(text: str, limit: int) -> str:
    """Return a header field: printable ASCII without spaces, ``-`` when there is none."""
    return "".join(char if "!" <= char <= "~" else "_" for char in text)[:limit] or "-"
