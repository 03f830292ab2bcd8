"""The import rules printed in eMASS's POA&M template: a checker written apart from the writer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl

STATUSES = {"Ongoing", "Risk Accepted", "Completed"}
LEVELS = ["Very Low", "Low", "Moderate", "High", "Very High"]


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
