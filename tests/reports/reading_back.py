"""Reads every export as its users' programs do, and says what it claims to be good: written apart from the writers."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pypdf

from posture.model.assessment import Assessment

Good = set[tuple[str, str]]
"""Pairs of host and check that a file calls good."""


def read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _assessment(path: Path, _: Assessment) -> Good:
    document = read_json(path)
    return {
        (host["id"], one["check"]) for host in document["hosts"] for one in host["results"] if one["status"] == "pass"
    }


def _ocsf(path: Path, _: Assessment) -> Good:
    return {
        (event["resources"][0]["uid"], event["compliance"]["control"])
        for event in read_lines(path)
        if event["compliance"]["status_id"] == 1
    }


def _hdf(path: Path, _: Assessment) -> Good:
    controls = read_json(path)["profiles"][0]["controls"]
    # As Heimdall reads a control: passed when one result passed and none failed or broke.
    return {
        (one["tags"]["host"], one["tags"]["check"])
        for one in controls
        if {result["status"] for result in one["results"]} & {"passed"}
    }


def _sarif(path: Path, _: Assessment) -> Good:
    return {
        (one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], one["ruleId"])
        for one in read_json(path)["runs"][0]["results"]
        if one.get("kind", "fail") in ("pass", "notApplicable")
    }


def _oscal(path: Path, assessment: Assessment) -> Good:
    """A satisfied check is good on every host; a satisfied finding (a closed one) on its own."""
    result = read_json(path / "assessment-results.json")["assessment-results"]["results"][0]
    hosts = [entry.host.id for entry in assessment.read_hosts()]
    by_id = {finding.id: finding for finding in assessment.findings}
    good: Good = set()
    for finding in result["findings"]:
        if finding["target"]["status"]["state"] != "satisfied":
            continue
        said = {one["name"]: one["value"] for one in finding["props"]}
        if "finding-id" in said:
            good.add((by_id[said["finding-id"]].host, said["check"]))
        else:
            good |= {(host, said["check"]) for host in hosts}
    return good


def _ckl(path: Path, assessment: Assessment) -> Good:
    return set(_of_rules(assessment, ((file.stem, vuln, status) for file, vuln, status in _vulns(path)), "NotAFinding"))


def _vulns(path: Path) -> Iterator[tuple[Path, str, str]]:
    for file in path.glob("*.ckl"):
        for vuln in ElementTree.parse(file).getroot().iter("VULN"):
            yield file, vuln.findtext("STIG_DATA/ATTRIBUTE_DATA", ""), vuln.findtext("STATUS", "")


def _cklb(path: Path, assessment: Assessment) -> Good:
    rules = (
        (file.stem, rule["group_id"], rule["status"])
        for file in path.glob("*.cklb")
        for stig in read_json(file)["stigs"]
        for rule in stig["rules"]
    )
    return set(_of_rules(assessment, rules, "not_a_finding"))


def _of_rules(assessment: Assessment, rules: Iterator[tuple[str, str, str]], word: str) -> Iterator[tuple[str, str]]:
    checks = assessment.baseline.checks
    for host, vuln, status in rules:
        if status == word:
            # every check that asks the same as the rule or more must have passed, and no other may fail or be unknown
            yield from ((host, check.id) for check in checks for rule in check.references.stig if rule.vuln_id == vuln)


def _syslog(path: Path, _: Assessment) -> Good:
    found = re.compile(r'check="([^"]+)" host="([^"]+)".* resultNow="(?:pass|not_applicable)"')
    return {(one[2], one[1]) for one in found.finditer(path.read_text("utf-8"))}


def _cef(path: Path, _: Assessment) -> Good:
    found = re.compile(
        r"^CEF:0\|[^|]*\|[^|]*\|[^|]*\|([^|]+)\|.* dhost=(\S+).* outcome=(?:pass|not_applicable)", re.MULTILINE
    )
    return {(one[2], one[1]) for one in found.finditer(path.read_text("utf-8"))}


def _rows(path: Path, _: Assessment) -> Good:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["host"], row["check_id"]) for row in csv.DictReader(file) if row.get("result_now") == "pass"}


def _finding_lines(path: Path, _: Assessment) -> Good:
    return {
        (one["finding"]["host"], one["finding"]["check"])
        for one in read_lines(path)
        if one["type"] == "finding" and one["result_now"] == "pass"
    }


GOOD: dict[str, Callable[[Path, Assessment], Good]] = {
    "json": _assessment,
    "csv": _rows,
    "jsonl": _finding_lines,
    "ocsf": _ocsf,
    "hdf": _hdf,
    "sarif": _sarif,
    "oscal": _oscal,
    "ckl": _ckl,
    "cklb": _cklb,
    "syslog": _syslog,
    "cef": _cef,
}
"""By format. Blind spots, gauges, the page and POA&M workbooks name no host and check as good."""


def cells(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield sheet, row number and row by heading of a workbook with its headings in row 5 or 7."""
    book = openpyxl.load_workbook(path)
    for sheet in book:
        rows = list(sheet.iter_rows(values_only=True))
        head = next(number for number, row in enumerate(rows) if number in (4, 6) and sum(map(bool, row)) > 10)
        for number, row in enumerate(rows[head + 1 :], start=head + 2):
            yield sheet.title, number, {str(name): value for name, value in zip(rows[head], row, strict=True) if name}


def strings(path: Path) -> Iterator[str]:
    """Yield every string that a reader of the file gets to see, decoded; of text files every line."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        match file.suffix:
            case ".json" | ".sarif" | ".cklb":
                yield from _walk(read_json(file))
            case ".jsonl":
                yield from _walk(read_lines(file))
            case ".xlsx":
                yield from (
                    str(cell.value)
                    for sheet in openpyxl.load_workbook(file)
                    for row in sheet
                    for cell in row
                    if cell.value
                )
            case ".pdf":
                yield from (line for page in pypdf.PdfReader(file).pages for line in page.extract_text().split("\n"))
            case ".csv":
                with file.open(encoding="utf-8", newline="") as stream:
                    yield from (value for row in csv.reader(stream) for value in row)
            case ".ckl":
                for element in ElementTree.parse(file).getroot().iter():
                    yield from (element.text or "").split("\n")
            case _:
                yield from file.read_text("utf-8").split("\n")


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from _walk(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _walk(member)
