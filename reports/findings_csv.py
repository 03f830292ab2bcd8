"""findings.csv: one row for each finding, open and closed; columns are only ever added at the end."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from posture.model.assessment import Assessment, HostAssessment
from posture.model.check import Check
from posture.model.finding import Finding, WaiverState
from posture.model.host import FLEET
from posture.model.observation import Evidence
from reports.bod_rows import triage_required
from reports.cases import Case, Cases, Ended, cve_of, paths_ended
from reports.due import days_late, governing
from reports.files import new_file
from reports.inert import CSV_CELL_CHARS, clip, formula_safe, inert
from reports.one_pass import Take, in_one_pass
from reports.sections.common import due_standing

COLUMNS = (
    "finding_id", "status", "closing", "result_now", "severity", "check_id", "title", "host", "host_name", "zone",
    "owner", "system", "subject", "first_seen", "last_seen", "times_opened", "due", "overdue_days", "clock",
    "standing", "binding", "legal", "due_reason", "waiver", "waiver_state", "waiver_expires", "fact", "expected",
    "actual", "evidence_command", "evidence_sha256", "evidence_taken_at", "evidence_account", "evidence_vantage",
    "evidence_origin", "fix", "precondition", "risk", "minutes", "verify", "ait_primary", "ait_all",
    "nist_800_53r5", "confidence", "check_revision", "run", "commands", "rollback",
    "due_row", "clock_start", "due_inputs", "binds_from", "triage_required",
    "cve", "attack_paths",
)  # fmt: skip


_PLAIN = re.compile("(?:[A-Za-z0-9][ -~]{0,500})?")
"""Cells that need nothing done to them, which is most of them."""


def write_findings_csv(assessment: Assessment, path: Path, *, marking: str = "") -> None:
    """Write every finding of the run, host by host.

    Raises:
        UsageError: the file cannot be written.
    """
    in_one_pass(assessment, [findings_csv(assessment, path, marking=marking)])


@contextmanager
def findings_csv(assessment: Assessment, path: Path, *, marking: str = "") -> Iterator[Take]:
    """Yield what takes the hosts."""
    del marking  # rows only: a CSV file has no place for it
    found, ended = Cases(assessment), paths_ended(assessment.attack)
    with new_file(path) as file, row_writer(file, COLUMNS) as write:
        yield lambda entry: write(_row(assessment, case, ended) for case in found.of(entry))
        write(_row(assessment, case, ended) for case in found.gone())


WriteRows = Callable[[Iterable[tuple[str, ...]]], None]


@contextmanager
def row_writer(file: BinaryIO, columns: tuple[str, ...]) -> Iterator[WriteRows]:
    """Yield what writes rows as RFC 4180 CSV in UTF-8, every cell quoted, inert and no formula."""
    text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    plain = _PLAIN.fullmatch

    def write(rows: Iterable[tuple[str, ...]]) -> None:
        for row in rows:
            writer.writerow([value if plain(value) else _cell(value) for value in row])

    yield write
    text.flush()
    text.detach()


def write_rows(file: BinaryIO, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows that are there already, as ``row_writer`` does."""
    with row_writer(file, columns) as write:
        write(rows)


def _cell(value: str) -> str:
    return clip(formula_safe(inert(value)), CSV_CELL_CHARS)


def _row(assessment: Assessment, case: Case, ended: Ended | None) -> tuple[str, ...]:
    row = {
        "cve": cve_of(case.finding),
        # Empty where no path was judged: that is not none.
        "attack_paths": "" if ended is None else str(ended(case.finding)),
        **_life(case.finding),
        **_place(case.entry),
        **_due(assessment, case.finding),
        **_waiver(assessment, case.finding),
        **_proof(case),
        **_check(case.check),
        "run": assessment.run.id,
    }
    return tuple(row.get(column, "") for column in COLUMNS)


def _life(finding: Finding) -> dict[str, str]:
    return {
        "finding_id": finding.id,
        "status": "open" if finding.open else "closed",
        "closing": finding.closing.value if finding.closing else "",
        "check_id": finding.check,
        "host": finding.host,
        "subject": finding.subject,
        "first_seen": _moment(finding.first_seen.isoformat()),
        "last_seen": _moment(finding.last_seen.isoformat()),
        "times_opened": str(finding.opened),
    }


def _place(entry: HostAssessment | None) -> dict[str, str]:
    if entry is None:
        return {"zone": "not in this run"}
    host = entry.host
    if host.id == FLEET:
        return {"host_name": "across the fleet"}
    return {"host_name": host.name, "zone": host.zone, "owner": host.owner, "system": host.system}


def _due(assessment: Assessment, finding: Finding) -> dict[str, str]:
    due = governing(finding)
    if due is None:
        return {}
    return {
        "due": due.due.isoformat(),
        "overdue_days": str(days_late(due.due, assessment.today)) if finding.open else "",
        "clock": due.clock,
        "standing": due_standing(assessment, due),
        "binding": _yes(due.binding),
        "legal": _yes(due.legal),
        "due_reason": due.reason,
        "due_row": due.row,
        "clock_start": due.clock_start.isoformat(),
        "due_inputs": _joined(f"{name}={value}" for name, value in due.inputs),
        "binds_from": due.binds_from.isoformat() if due.binds_from else "",
        "triage_required": _yes(triage_required(finding)),
    }


def _waiver(assessment: Assessment, finding: Finding) -> dict[str, str]:
    if not finding.waiver:
        return {}
    use = next((use for use in assessment.waivers if use.waiver.id == finding.waiver), None)
    return {
        "waiver": finding.waiver,
        "waiver_state": use.state.value if use else WaiverState.ORPHAN.value,
        "waiver_expires": use.waiver.expires.isoformat() if use else "",
    }


def _proof(case: Case) -> dict[str, str]:
    if case.result is None:
        return {"result_now": case.now}
    return {
        "result_now": case.now,
        "fact": _joined(line.fact for line in case.lines),
        "expected": _joined(f"{line.op} {line.expected}".strip() for line in case.lines),
        "actual": _joined(line.actual for line in case.lines),
        **_evidence(case.evidence),
    }


def _evidence(records: Sequence[Evidence]) -> dict[str, str]:
    return {
        "evidence_command": _joined(record.asked for record in records),
        "evidence_sha256": _joined(record.sha256 for record in records),
        "evidence_taken_at": _moment(min((record.taken_at.isoformat() for record in records), default="")),
        "evidence_account": _joined(sorted({record.account for record in records})),
        "evidence_vantage": _joined(sorted({record.vantage for record in records})),
        "evidence_origin": _joined(sorted({record.origin.value for record in records})),
    }


def _check(check: Check | None) -> dict[str, str]:
    if check is None:
        return {"severity": "unknown", "title": "not a check of this baseline"}
    fix = check.remediation
    return {
        "severity": check.severity.label,
        "title": check.title,
        "fix": _joined(fix.text.split("\n")),
        "precondition": _joined(fix.precondition.split("\n")),
        "risk": fix.risk.value,
        "minutes": str(fix.minutes),
        "verify": _joined(fix.verify.split("\n")),
        "ait_primary": check.threat.categories[0] if check.threat.categories else "",
        "ait_all": _joined(check.threat.categories),
        "nist_800_53r5": _joined(check.references.nist_800_53r5),
        "confidence": str(check.confidence),
        "check_revision": str(check.revision),
        "commands": _on_lines(fix.shell),
        "rollback": _on_lines(fix.rollback),
    }


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)


def _on_lines(commands: str) -> str:
    # A line break in a cell would be written out as foreign text is; this sign cannot be taken for a command.
    return " ↵ ".join(commands.rstrip("\n").split("\n"))


def _moment(iso: str) -> str:
    return iso.replace("+00:00", "Z")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
