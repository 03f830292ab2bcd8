"""What programs of others, and checkers written apart from the writers, say against the files of a run."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pdfua
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema
from syslog_rfc5424_parser import SyslogMessage

from reports import formats
from tests.reports.emass_rules import faults
from tests.shared_data import ROOT, shared

SCHEMAS = {
    "oscal/*.json": "schemas/oscal_complete_schema_1.2.3.json",
    "results.hdf.json": "schemas/hdf-exec-json.schema.json",
    "findings.sarif": "schemas/sarif-schema-2.1.0.json",
}
OCSF = {2002: "vulnerability_finding", 2003: "compliance_finding"}


def not_there(place: Path) -> list[str]:
    """Return the formats of which nothing was written."""
    return [one.name for one in formats.FORMATS if one.there() and not _files(place / one.file_name)]


def complaints(place: Path) -> Iterator[str]:
    """Yield what anybody has against a file; every format that has a reader here is asked of.

    Checklists are not: DISA has none for what the lab runs (tests/reports/test_exports_validated.py has them).
    """
    for pattern, schema in SCHEMAS.items():
        yield from _by_schema(shared(schema), sorted(place.glob(pattern)))
    yield from _by_schema(ROOT / "docs/schemas/assessment-1.schema.json", [place / "assessment.json"])
    lines = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schemas/lines-1.schema.json").read_bytes()))
    yield from _refused(lines, place / "posture.jsonl", _rows(place / "posture.jsonl"))
    yield from _ocsf(place / "findings.ocsf.jsonl")
    for layout in ("navy", "usmc", "army"):
        yield from (f"poam-{layout}: {fault}" for fault in faults(place / f"poam-{layout}.xlsx"))
    openpyxl.load_workbook(place / "poam-fedramp.xlsx")
    for line in (place / "findings.syslog").read_text("utf-8").splitlines():
        SyslogMessage.parse(line)
    for path in sorted(place.rglob("*.pdf")):
        if found := pdfua.validate(str(path)).findings:
            yield f"{path.name}: {found[:3]}"
    for path in sorted(place.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            widths = {len(row) for row in csv.reader(file)}
        if len(widths) > 1:
            yield f"{path.name}: rows of {widths} cells"
    for path in sorted(place.rglob("*.sh")):
        yield from _said(path, subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, check=False))
    if promtool := shutil.which("promtool"):
        metrics = (place / "posture.prom").read_text("utf-8")
        argv = [promtool, "check", "metrics"]
        yield from _said(place, subprocess.run(argv, input=metrics, capture_output=True, text=True, check=False))


def _files(path: Path) -> list[Path]:
    return [one for one in (path.rglob("*") if path.is_dir() else [path]) if one.is_file() and one.stat().st_size]


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _refused(validator: jsonschema.Draft202012Validator, path: Path, rows: list[Any]) -> Iterator[str]:
    for row in rows:
        yield from (f"{path.name}: {error.message[:300]}" for error in validator.iter_errors(row))


def _ocsf(path: Path) -> Iterator[str]:
    schemas = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0")))
    events = _rows(path)
    for class_id, name in OCSF.items():
        validator = jsonschema.Draft202012Validator(schemas.get_class_schema(name))
        ours = [one for one in events if one["class_uid"] == class_id]
        # events of one kind are made alike, and each takes a tenth of a second
        kinds = {(one["activity_id"], one["status_id"], "owner" in one["resources"][0]): one for one in ours}
        yield from _refused(validator, path, list(kinds.values()))


def _by_schema(schema: Path, files: list[Path]) -> Iterator[str]:
    argv = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), *map(str, files)]
    yield from _said(schema, subprocess.run(argv, capture_output=True, text=True, check=False))


def _said(path: Path, done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    if done.returncode != 0:
        yield f"{path.name}: {(done.stdout + done.stderr)[:2000]}"
