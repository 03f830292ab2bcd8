"""The BOD 26-04 report as a directory: rows as CSV and JSON, public addresses, untagged hosts, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from posture.model.assessment import Assessment
from posture.model.host import FLEET
from reports.bod_rows import (
    COLUMNS,
    BodRow,
    BodStatus,
    CadenceRow,
    bod_rows,
    cadence_rows,
    missing_tags,
    public_addresses,
    table_clock,
)
from reports.bod_tally import tally_of
from reports.files import new_directory, new_file
from reports.findings_csv import write_rows
from reports.inert import inert

SCHEMA = "posture.bod26-04/1"


def write_bod26_04(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write the directory: ``vulnerabilities.csv`` and ``.json``, public addresses, tags, cadence.

    Raises:
        UsageError: a file cannot be written.
    """
    new_directory(path)
    with new_file(path / "vulnerabilities.csv") as file:
        write_rows(file, COLUMNS, (astuple(row) for row in bod_rows(assessment)))
    with new_file(path / "public_addresses.csv") as file:
        write_rows(file, ("address", "port", "host", "why"), public_addresses(assessment))
    with new_file(path / "asset_tags.csv") as file:
        write_rows(file, _TAGS, _tags(assessment))
    with new_file(path / "scan_cadence.csv") as file:
        columns = tuple(field.name for field in fields(CadenceRow))
        write_rows(file, columns, (astuple(row) for row in cadence_rows(assessment)))
    with new_file(path / "vulnerabilities.json") as file:
        head = msgspec.json.encode(_head(assessment, marking), order="sorted")
        # Row by row: a fleet's rows do not fit in memory.
        file.write(head[:-1] + b',"vulnerabilities":[')
        for number, row in enumerate(bod_rows(assessment)):
            file.write((b",\n" if number else b"\n") + msgspec.json.encode(_row(row), order="sorted"))
        file.write(b"]}\n")


def _row(row: BodRow) -> dict[str, str]:
    return dict(zip(COLUMNS, map(inert, astuple(row)), strict=True))


_TAGS = ("host", "addresses", "organisation", "environment", "exposure", "asset_type", "missing")


def _tags(assessment: Assessment) -> Iterator[tuple[str, ...]]:
    for entry in assessment.read_hosts():
        if entry.host.id != FLEET:
            tags = entry.host.tags
            declared = (tags.organisation, tags.environment, tags.exposure, tags.asset_type)
            missing = " ".join(missing_tags(entry.host))
            yield entry.host.id, " ".join(entry.host.addresses), *(value or "" for value in declared), missing


def _head(assessment: Assessment, marking: str) -> dict[str, Any]:
    clock, found = table_clock(assessment), tally_of(assessment)
    return {
        "schema": SCHEMA,
        "marking": marking,
        "run": assessment.run.id,
        "as_of": assessment.run.as_of,
        "profile": assessment.baseline.profile.id,
        "clock": None if clock is None else {"id": clock.id, "version": clock.version, "source": clock.source},
        "feeds": assessment.feeds,
        "denominator": [replace(one, platform=inert(one.platform)) for one in found.platforms()],
        "by_status": {status.value: found.by_status[status] for status in BodStatus},
        "inputs_defaulted": dict(sorted(found.defaulted.items())),
        "hosts_without_all_tags": found.hosts - found.tagged,
    }
