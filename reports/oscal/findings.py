"""Findings with their observations and risks, as assessment results and POA&M both hold them, under the same UUIDs."""

from __future__ import annotations

from collections.abc import Mapping

from posture.model.assessment import Assessment
from posture.model.check import Check
from posture.model.finding import Waiver, WaiverState
from reports.cases import Case
from reports.due import governing
from reports.inert import inert
from reports.keys import key_uuid
from reports.oscal.common import Json, control_id, evidence, moment, origins, props, prose, subject
from reports.weaknesses import accepted_by_official


def waivers_in_force(assessment: Assessment) -> Mapping[str, Waiver]:
    """Return the waivers that do anything today, by id."""
    return {use.waiver.id: use.waiver for use in assessment.waivers if use.state is WaiverState.ACTIVE}


def target(check: Check | None, state: str, reason: str) -> Json:
    """Return the determination: the objective of the first control a check names."""
    named = [control_id(one) for one in check.references.nist_800_53r5] if check else []
    control = next((one for one in named if one), "cm-6")
    return {
        "type": "objective-id",
        "target-id": f"{control}_obj",
        "status": {"state": state, "reason": reason},
    }


def observation(assessment: Assessment, case: Case) -> Json:
    """Return what was seen of a finding, with the evidence."""
    finding, result = case.finding, case.result
    records = evidence(case.evidence)
    asserted = (
        (f"assertion-{line.id}", f"{line.fact} {line.op} {line.expected}: {line.actual}") for line in case.lines
    )
    pairs = (
        ("check", finding.check),
        ("result-now", case.now),
        ("reason", result.verdict.reason if result else ""),
        ("subject", finding.subject),
        *((_token(name), value) for name, value in asserted),
    )
    return {
        "uuid": key_uuid("observation", finding.id),
        "title": prose(f"{case.title} on {finding.host}"),
        "description": prose(case.gist or f"The check says {case.now} in this run."),
        **props(pairs),
        "methods": ["TEST"],
        "types": ["finding"],
        "origins": origins(assessment),
        "subjects": [subject(finding.host)],
        **({"relevant-evidence": records} if records else {}),
        "collected": moment(finding.last_seen),
    }


def risk(assessment: Assessment, case: Case, waivers: Mapping[str, Waiver]) -> Json:
    """Return what a finding means: its deadline with the way to compute it again, and what to do."""
    finding, check, due = case.finding, case.check, governing(case.finding)
    fix = check.remediation if check else None
    pairs = [
        ("severity", case.severity.label),
        ("first-seen", moment(finding.first_seen)),
        ("times-opened", str(finding.opened)),
        ("waiver", finding.waiver),
    ]
    if due:
        pairs += [
            ("due-clock", f"{due.clock} version {due.clock_version}"),
            ("due-row", due.row),
            ("due-inputs", "; ".join(f"{name}={value}" for name, value in due.inputs)),
            ("due-clock-start", due.clock_start.isoformat()),
            ("due-binding", "yes" if due.binding else "no"),
            ("due-legal", "yes" if due.legal else "no"),
            ("due-reason", due.reason),
        ]
    return {
        "uuid": key_uuid("risk", finding.id),
        "title": prose(f"{case.title} on {finding.host}"),
        "description": prose(check.rationale if check else case.title),
        "statement": prose(check.severity_reason if check else "Unknown: the check is in the baseline no more."),
        **props(pairs),
        "status": _status(case, waivers),
        "origins": origins(assessment),
        **({"deadline": f"{due.due.isoformat()}T23:59:59Z"} if due else {}),
        "remediations": [
            {
                "uuid": key_uuid("response", finding.id),
                "lifecycle": "recommendation",
                "title": prose(f"Mend {finding.check}"),
                "description": prose(fix.text if fix else "Judge the host by the present baseline."),
                **props((("precondition", fix.precondition), ("verify", fix.verify)) if fix else ()),
            }
        ],
        "related-observations": [{"observation-uuid": key_uuid("observation", finding.id)}],
    }


def finding_json(assessment: Assessment, case: Case) -> Json:
    """Return the finding itself; one that is open, or whose closing is no fix, is never satisfied."""
    finding = case.finding
    fixed = not finding.open and finding.closing is not None and finding.closing.value == "fixed" and case.now == "pass"
    return {
        "uuid": key_uuid("finding", finding.id),
        "title": prose(f"{case.title} on {finding.host}"),
        "description": prose(case.gist or f"The check says {case.now} in this run."),
        **props(
            (
                ("finding-id", finding.id),
                ("check", finding.check),
                ("state", "open" if finding.open else "closed"),
                ("closing", finding.closing.value if finding.closing else ""),
                ("result-now", case.now),
            )
        ),
        "origins": origins(assessment),
        "target": target(case.check, "satisfied", "pass") if fixed else target(case.check, "not-satisfied", _why(case)),
        "related-observations": [{"observation-uuid": key_uuid("observation", finding.id)}],
        "related-risks": [{"risk-uuid": key_uuid("risk", finding.id)}],
    }


def _why(case: Case) -> str:
    return "fail" if case.now == "fail" else "other"


def _status(case: Case, waivers: Mapping[str, Waiver]) -> str:
    finding = case.finding
    if not finding.open:
        return "closed"
    waiver = waivers.get(finding.waiver)
    if waiver is None:
        return "open"
    return "deviation-approved" if accepted_by_official(waiver) else "deviation-requested"


def _token(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in inert(name))
