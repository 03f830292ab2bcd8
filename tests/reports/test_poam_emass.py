"""The eMASS workbooks against the import rules printed in its template: a checker written apart from the writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sample_agency

import reports
from posture.model.assessment import Assessment
from posture.model.finding import Approval

STATUSES = {"Ongoing", "Risk Accepted", "Completed"}
LEVELS = ["Very Low", "Low", "Moderate", "High", "Very High"]
HEADINGS = {"poam-navy": 32, "poam-usmc": 31, "poam-army": 40}
"""Columns from B: Navy ends in AG, the Marine Corps in AF, the Army in AO."""


def day(value: Any) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def faults(path: Path) -> Iterator[str]:
    """Yield every rule the workbook breaks."""
    book = openpyxl.load_workbook(path)
    if book.sheetnames != ["POA&M"]:
        yield f"sheets {book.sheetnames}"
    sheet = book["POA&M"]
    if not sheet["A1"].value:
        yield "no marking in row 1"
    heads = {cell.column: cell.value for cell in sheet[7] if cell.value}
    if sheet["A7"].value or min(heads) != 2 or len(heads) != max(heads) - 1:
        yield "headings do not fill row 7 from column B"
    item: dict[str, Any] = {}
    milestones: list[dict[str, Any]] = []
    for cells in sheet.iter_rows(min_row=8):
        row = {heads[cell.column]: cell.value for cell in cells if cell.column in heads}
        if any(cell.data_type == "f" for cell in cells):
            yield "a formula"
        if row["POA&M Status"]:
            if item:
                yield from _item_faults(item, milestones)
            item, milestones = row, []
        if row["Milestone Description"]:
            milestones.append(row)
    if item:
        yield from _item_faults(item, milestones)


def _item_faults(item: dict[str, Any], milestones: list[dict[str, Any]]) -> Iterator[str]:
    name, status = item["Security Checks"], item["POA&M Status"]
    if item["POA&M Item ID"] or any(one["Milestone ID"] for one in milestones):
        yield f"{name}: an id that only eMASS gives"
    if status not in STATUSES:
        yield f"{name}: status {status}"
    needed = {
        "Ongoing": (
            "POA&M Scheduled Completion Date", "Office/Org", "Control Vulnerability Description", "Resources Required",
            "Identification Source",
        ),
        "Risk Accepted": ("Comments",),
        "Completed": ("Comments", "POA&M Completion Date"),
    }.get(status, ())  # fmt: skip
    for column in needed:
        if not item[column]:
            yield f"{name}: {status} without {column}"
    if status == "Ongoing" and not milestones:
        yield f"{name}: ongoing without a milestone"
    if status == "Risk Accepted" and milestones:
        yield f"{name}: an accepted risk with a milestone"
    for one in milestones:
        planned, due = day(one["Milestone Scheduled Completion Date"]), day(item["POA&M Scheduled Completion Date"])
        if planned is None or due is None or planned > due:
            yield f"{name}: milestone {planned} after item {due}"
        if status == "Completed" and (one["Milestone Status"] != "Complete" or not one["Milestone Completion Date"]):
            yield f"{name}: completed with an open milestone"
    for column in ("Raw Severity", "Severity", "Relevance of Threat", "Likelihood", "Impact", "Residual Risk Level"):
        if item[column] not in LEVELS:
            yield f"{name}: {column} {item[column]}"
    if LEVELS.index(item["Relevance of Threat"]) < LEVELS.index("High"):
        yield f"{name}: an adversary below High"
    for column in ("Controls / APs", "Security Checks"):
        if "," in item[column]:
            yield f"{name}: {column} not separated by semicolons"
    limits = {"Control Vulnerability Description": 2000, "Comments": 2000, "Resources Required": 250, "Office/Org": 100}
    for column, limit in limits.items():
        if len(item[column] or "") > limit:
            yield f"{name}: {column} over {limit}"


@pytest.mark.parametrize("layout", HEADINGS)
@pytest.mark.parametrize(
    "assessment",
    [sample_agency.agency(), sample_agency.with_disa_rules(), sample_agency.clean(blind=True), sample_agency.with_fleet(),
     sample_agency.all_waived()],
    ids=["agency", "disa", "blind", "fleet", "waived"],
)  # fmt: skip
def test_the_workbook_breaks_no_import_rule(layout: str, assessment: Assessment, tmp_path: Path) -> None:
    row = next(one for one in reports.FORMATS if one.name == layout)
    row.write(assessment, tmp_path / row.file_name, marking="CUI")
    assert list(faults(tmp_path / row.file_name)) == []
    sheet = openpyxl.load_workbook(tmp_path / row.file_name)["POA&M"]
    assert sum(cell.value is not None for cell in sheet[7]) == HEADINGS[layout]


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("POA&M Status", "Closed", "status Closed"),
        ("POA&M Item ID", "4711", "an id that only eMASS gives"),
        ("Office/Org", None, "Ongoing without Office/Org"),
        ("Milestone Description", None, "ongoing without a milestone"),
        ("Milestone Scheduled Completion Date", date(2099, 1, 1), "milestone 2099-01-01 after item"),
        ("Relevance of Threat", "Low", "an adversary below High"),
        ("Comments", "x" * 2001, "Comments over 2000"),
    ],
)
def test_the_checker_notices_a_broken_rule(column: str, value: Any, fault: str, tmp_path: Path) -> None:
    row = next(one for one in reports.FORMATS if one.name == "poam-navy")
    row.write(sample_agency.agency(), tmp_path / "p.xlsx", marking="CUI")
    book = openpyxl.load_workbook(tmp_path / "p.xlsx")
    sheet = book["POA&M"]
    at = next(cell.column for cell in sheet[7] if cell.value == column)
    sheet.cell(row=8, column=at).value = value
    book.save(tmp_path / "p.xlsx")
    assert any(fault in one for one in faults(tmp_path / "p.xlsx"))


def test_a_waiver_that_the_official_did_not_approve_accepts_no_risk(tmp_path: Path) -> None:
    agency = sample_agency.all_waived()
    use = agency.waivers[0]
    unapproved = replace(use.waiver, approved_by=(Approval("J. Doe", "team lead", date(2026, 10, 1)),))
    row = next(one for one in reports.FORMATS if one.name == "poam-navy")
    row.write(replace(agency, waivers=(replace(use, waiver=unapproved),)), tmp_path / "p.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "p.xlsx")["POA&M"]
    assert {cell.value for cell in sheet["F"][7:]} == {"Ongoing"}
