"""The eMASS workbooks against the import rules printed in its template."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sample_agency
from emass_rules import faults

from posture.model.assessment import Assessment
from posture.model.finding import Approval
from reports import formats

HEADINGS = {"poam-navy": 32, "poam-usmc": 31, "poam-army": 40}
"""Columns from B: Navy ends in AG, the Marine Corps in AF, the Army in AO."""


@pytest.mark.parametrize("layout", HEADINGS)
@pytest.mark.parametrize(
    "assessment",
    [sample_agency.agency(), sample_agency.with_disa_rules(), sample_agency.clean(blind=True), sample_agency.with_fleet(),
     sample_agency.all_waived()],
    ids=["agency", "disa", "blind", "fleet", "waived"],
)  # fmt: skip
def test_the_workbook_breaks_no_import_rule(layout: str, assessment: Assessment, tmp_path: Path) -> None:
    row = next(one for one in formats.FORMATS if one.name == layout)
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
    row = next(one for one in formats.FORMATS if one.name == "poam-navy")
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
    row = next(one for one in formats.FORMATS if one.name == "poam-navy")
    row.write(replace(agency, waivers=(replace(use, waiver=unapproved),)), tmp_path / "p.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "p.xlsx")["POA&M"]
    assert {cell.value for cell in sheet["F"][7:]} == {"Ongoing"}
