"""findings.cef: ArcSight Common Event Format, one event for each open finding and each blind spot, a line each."""

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

_SEVERITY = {Severity.INFO: 1, Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
_MESSAGE_CHARS = 1_023  # the length of `msg` in the CEF dictionary
_VALUE_CHARS = 255


def write_cef(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the events; the same assessment gives the same bytes.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        for line in _events(assessment, marking):
            file.write(line.encode("utf-8") + b"\n")


def _events(assessment: Assessment, marking: str) -> Iterator[str]:
    ended = paths_ended(assessment.attack)
    for case in cases(assessment):
        if case.finding.open:
            yield _finding(assessment, case, ended, marking)
    for entry in assessment.read_hosts():
        if entry.host.id == FLEET:
            continue
        for reason, spot in blind_of(entry):
            fields = {
                "dhost": spot.host,
                "cat": "blind spot",
                "outcome": "unknown",
                "reason": reason,
                "cn1Label": "checksUndecided",
                "cn1": str(len(spot.checks)),
                "msg": spot.detail,
            }
            yield _event(assessment, "BLIND", f"Not seen: {reason}", Severity.MEDIUM, _ext(assessment, fields, marking))


def _finding(assessment: Assessment, case: Case, ended: Ended | None, marking: str) -> str:
    finding, due, host = case.finding, governing(case.finding), case.host
    cve = cve_of(finding)
    fields = {
        "dhost": finding.host,
        "dst": host.addresses[0] if host and host.addresses and ":" not in host.addresses[0] else "",
        "externalId": finding.id,
        "cat": "finding",
        "outcome": case.now,
        "cs1Label": "due" if due else "",
        "cs1": due.due.isoformat() if due else "",
        "cs2Label": "subject" if finding.subject else "",
        "cs2": finding.subject,
        "cs3Label": "waiver" if finding.waiver else "",
        "cs3": finding.waiver,
        "cs4Label": "cve" if cve else "",
        "cs4": cve,
        # Left out where no path was judged: that is not none.
        "cn1Label": "" if ended is None else "attackPaths",
        "cn1": "" if ended is None else str(ended(finding)),
        "msg": case.gist,
    }
    return _event(assessment, finding.check, case.title, case.severity, _ext(assessment, fields, marking))


def _ext(assessment: Assessment, fields: dict[str, str], marking: str) -> dict[str, str]:
    about = {"cs6Label": "marking", "cs6": marking} if marking else {}
    moment = str(int(assessment.run.as_of.timestamp() * 1000))
    return {"rt": moment, "cs5Label": "run", "cs5": assessment.run.id, **about, **fields}


def _event(assessment: Assessment, signature: str, name: str, severity: Severity, ext: dict[str, str]) -> str:
    head = (
        "CEF:0",
        "posture-scanner",
        "posture-scanner",
        _header(assessment.run.tool_version),
        _header(signature),
        _header(name),
        str(_SEVERITY[severity]),
    )
    return "|".join(head) + "|" + " ".join(f"{key}={_value(key, value)}" for key, value in ext.items() if value)


def _header(text: str) -> str:
    # An escaped bar is misread by parsers in use (pycef 1.11), so a bar never gets that far.
    return inert(text).replace("|", "/").replace("\\", "\\\\")


def _value(key: str, text: str) -> str:
    clipped = clip(inert(text), _MESSAGE_CHARS if key == "msg" else _VALUE_CHARS)
    return clipped.replace("\\", "\\\\").replace("=", "\\=")
