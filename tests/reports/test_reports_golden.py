"""Golden files: every format of the made-up agency, byte for byte. UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sample_agency

from reports import formats

GOLDEN = Path(__file__).parent / "golden"


def check(name: str, found: bytes) -> None:
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(found)
    assert found == golden.read_bytes(), f"{name} changed: look at the difference, then run with UPDATE_GOLDEN=1"


TEXTS = [row for row in formats.FORMATS if not row.name.endswith("-pdf")]
"""Paper changes with its typesetter: test_editions_pdf.py holds it to the words of the page instead."""


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row.name)
def test_the_agency_reads_as_recorded(row: formats.Format, tmp_path: Path) -> None:
    agency = sample_agency.with_disa_rules() if row.name in ("ckl", "cklb") else sample_agency.agency()
    row.write(agency, tmp_path / row.file_name)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert files
    for path in files:
        check(path.relative_to(tmp_path).as_posix(), path.read_bytes())


@pytest.mark.parametrize(
    ("name", "assessment"),
    [
        ("agency", sample_agency.agency()),
        ("clean", sample_agency.clean(blind=False)),
        ("blind", sample_agency.clean(blind=True)),
        ("nothing", sample_agency.nothing_assessed()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_summary_reads_as_recorded(name: str, assessment: formats.Assessment) -> None:
    lines = formats.summary_lines(assessment, (Path("out/report.html"), Path("out/findings.csv")))
    check(f"summary-{name}.txt", "".join(f"{line}\n" for line in lines).encode())
