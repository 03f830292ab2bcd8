"""POA&M workbook in FedRAMP's layout: open and closed items, headings in row 5, 31 columns.

Two headings still name BOD 22-01, which BOD 26-04 revoked: they are the template's own words and stay as they are.
They are filled from the clock that governs a weakness, when that is a legal one of CISA's.
"""

from __future__ import annotations

from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.check import Severity
from posture.model.clock import DueDate
from reports.cases import one_line
from reports.files import new_file
from reports.weaknesses import Standing, Weakness, decision, weaknesses
from reports.xlsx import Cell, Sheet, write_workbook

COLUMNS = (
    "POAM ID", "Controls", "Weakness Name", "Weakness Description", "Weakness Detector Source",
    "Weakness Source Identifier", "Asset Identifier", "Point of Contact", "Resources Required",
    "Overall Remediation Plan", "Original Detection Date", "Scheduled Completion Date", "Planned Milestones",
    "Milestone Changes", "Status Date", "Vendor Dependency", "Last Vendor Check-in Date",
    "Vendor Dependent Product Name", "Original Risk Rating", "Adjusted Risk Rating", "Risk Adjustment",
    "False Positive", "Operational Requirement", "Deviation Rationale", "Supporting Documents", "Comments",
    "Auto-Approve", "Binding Operational Directive 22-01 tracking", "Binding Operational Directive 22-01 Due Date",
    "CVE", "Service Name",
)  # fmt: skip
# FedRAMP has no "critical"; the highest it knows is High.
_RATING = {
    Severity.INFO: "Low",
    Severity.LOW: "Low",
    Severity.MEDIUM: "Moderate",
    Severity.HIGH: "High",
    Severity.CRITICAL: "High",
}


def write_fedramp(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the workbook.

    Raises:
        UsageError: the file cannot be written.
    """
    found = weaknesses(assessment)
    still_open = [one for one in found if one.standing is not Standing.COMPLETED]
    closed = [one for one in found if one.standing is Standing.COMPLETED]
    with new_file(path) as file:
        write_workbook(
            file,
            [
                _sheet("Open POA&M Items", assessment, still_open, marking),
                _sheet("Closed POA&M Items", assessment, closed, marking),
            ],
        )


def _sheet(name: str, assessment: Assessment, found: list[Weakness], marking: str) -> Sheet:
    systems = sorted({system for one in found for system in one.systems})
    head: list[tuple[Cell, ...]] = [
        (marking or "MARKING NOT CONFIGURED",),
        (f"Plan of Action and Milestones: {name}",),
        ("System Name", "; ".join(systems) or "not declared in the inventory", "POAM Date", assessment.today),
        (f"posture-scanner {assessment.run.tool_version}, run {assessment.run.id}",),
        COLUMNS,
    ]
    return Sheet(name, [*head, *(_row(assessment, one) for one in found)], bold=frozenset({1, 2, 5}))


def _row(assessment: Assessment, one: Weakness) -> tuple[Cell, ...]:
    fix = one.check.remediation if one.check else None
    plan = one_line(fix.text) if fix else "Judge the hosts by the present baseline."
    due, directive = one.due, _directive(assessment, one.due)
    rationale = one_line(one.check.rationale) if one.check else "The check is in the baseline no more."
    waiver = one.waiver
    row: dict[str, Cell] = {
        "POAM ID": one.number,
        "Controls": ", ".join(one.controls),
        "Weakness Name": one.title,
        "Weakness Description": rationale,
        "Weakness Detector Source": f"posture-scanner {assessment.run.tool_version}",
        "Weakness Source Identifier": one.check_id,
        "Asset Identifier": ", ".join(one.host_ids),
        "Point of Contact": "; ".join(one.owners) or "not declared in the inventory",
        "Resources Required": one.effort,
        "Overall Remediation Plan": plan,
        "Original Detection Date": one.detected,
        "Scheduled Completion Date": due.due if due else None,
        "Planned Milestones": f"1. {plan}{f' by {due.due.isoformat()}' if due else ''}",
        "Status Date": one.closed or assessment.today,
        "Vendor Dependency": "No",
        "Original Risk Rating": _RATING[one.severity],
        "Adjusted Risk Rating": "N/A",
        "Risk Adjustment": "No",
        "False Positive": "No",
        "Operational Requirement": "Yes" if one.standing is Standing.ACCEPTED else "Pending" if waiver else "No",
        "Deviation Rationale": waiver.reason if waiver else "",
        "Comments": " ".join(part for part in (decision(one), due.reason if due else "No clock runs on it.") if part),
        "Auto-Approve": "No",
        "Binding Operational Directive 22-01 tracking": "Yes" if directive else "No",
        "Binding Operational Directive 22-01 Due Date": directive.due if directive else None,
    }
    return tuple(row.get(column) for column in COLUMNS)


def _directive(assessment: Assessment, due: DueDate | None) -> DueDate | None:
    """Return the date when a directive of CISA's on vulnerabilities sets it."""
    known = {clock.id for clock in assessment.clocks if clock.id.startswith("bod-26-04")}
    return due if due is not None and due.clock in known else None
