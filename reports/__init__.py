"""One assessment in, files out: one format, one file, one row in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posture.model.assessment import Assessment
from reports.assessment_json import write_json
from reports.blind_spots_csv import write_blind_spots_csv
from reports.files import new_directory
from reports.findings_csv import write_findings_csv
from reports.html_report import write_html
from reports.terminal import summary_lines

__all__ = [
    "FORMATS",
    "Format",
    "summary_lines",
    "write_all",
    "write_blind_spots_csv",
    "write_findings_csv",
    "write_html",
    "write_json",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to hand an assessment over."""

    name: str
    file_name: str
    write: Callable[[Assessment, Path], None]
    reader: str
    """Whom it is for."""


FORMATS: tuple[Format, ...] = (
    Format("html", "report.html", write_html, "people: one page, offline, for screen and paper"),
    Format("csv", "findings.csv", write_findings_csv, "spreadsheets: one row for each finding"),
    Format("blind-csv", "blind_spots.csv", write_blind_spots_csv, "spreadsheets: one row for each thing not seen"),
    Format("json", "assessment.json", write_json, "programs: everything, schema posture.assessment/1"),
)


def write_all(assessment: Assessment, directory: Path, *, marking: str = "") -> tuple[Path, ...]:
    """Write every format into the directory and return the paths, the one for people first.

    Raises:
        UsageError: the directory or a file cannot be written.
    """
    new_directory(directory)
    write_html(assessment, directory / FORMATS[0].file_name, marking=marking)
    for row in FORMATS[1:]:
        row.write(assessment, directory / row.file_name)
    return tuple(directory / row.file_name for row in FORMATS)
