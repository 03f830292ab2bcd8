"""Deadline rules from YAML: plain days, phases of a directive, or a published decision table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from posture.catalogue.checkfile import Text
from posture.errors import BaselineError
from posture.model.clock import Clock, DecisionTable, MissingMetadata, Outcome, Phase, TableRow, TriageStep
from posture.yamlfile import Located, convert, read


class OutcomeEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One thing a table can say; the strictest stands first."""

    id: Text
    title: Text
    days: int | None = None
    triage: bool = False


class RowEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One row as it was published."""

    row: int
    when: dict[str, Text]
    outcome: Text


class TriageEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One step of forensic triage."""

    id: Text
    title: Text
    hours: int
    before_patching: bool = False


class TableEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A published decision table."""

    id: Text
    source: Text
    missing_metadata: MissingMetadata = "stricter"
    outcomes: list[OutcomeEntry]
    rows: list[RowEntry]
    triage: list[TriageEntry] = []


class PhaseEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A day of a directive."""

    day: date
    title: Text
    dates_findings: bool = False


class ClockFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One deadline rule."""

    schema: Literal["posture.clock/1"]
    id: Text
    title: Text
    authority: Text
    source: Text
    as_of: date
    version: Text
    starts: Literal["fixed", "campaign", "detected", "notified", "kev-added"]
    days: int | None = None
    start_date: date | None = None
    effective: date | None = None
    expires: date | None = None
    applies_to: list[Text] = []
    legal: bool = False
    history: bool = False
    note: str = ""
    issued: date | None = None
    table: TableEntry | None = None
    phases: list[PhaseEntry] = []


def read_clock(path: Path) -> Clock:
    """Return the clock of a file.

    Raises:
        BaselineError: with file, line and key.
    """
    located = read(path, raises=BaselineError)
    entry = convert(located, ClockFile)
    if (entry.starts == "fixed") != (entry.start_date is not None):
        raise located.error("`starts: fixed` and `start_date` go together", "starts")
    if entry.days is not None and not 0 <= entry.days <= 3650:
        raise located.error("must be between 0 and 3650", "days")
    if entry.table is not None and entry.days is not None:
        raise located.error("a clock with a table has its days there", "days")
    if entry.id != path.stem:
        raise located.error(f"the file must be called {entry.id}.yaml", "id")
    return Clock(
        id=entry.id,
        title=entry.title,
        authority=entry.authority,
        source=entry.source,
        as_of=entry.as_of,
        version=entry.version,
        starts=entry.starts,
        days=entry.days,
        start_date=entry.start_date,
        effective=entry.effective,
        expires=entry.expires,
        applies_to=tuple(entry.applies_to),
        legal=entry.legal,
        history=entry.history,
        note=entry.note.strip(),
        issued=entry.issued,
        table=None if entry.table is None else _table(located, entry.table),
        phases=tuple(Phase(one.day, one.title, one.dates_findings) for one in entry.phases),
    )


def _table(located: Located, entry: TableEntry) -> DecisionTable:
    outcomes = tuple(Outcome(one.id, one.title, one.days, one.triage) for one in entry.outcomes)
    days = [one.days if one.days is not None else 10_000 for one in outcomes]
    if days != sorted(days):
        raise located.error("the strictest outcome stands first", "table", "outcomes")
    known = {one.id for one in outcomes}
    names = {tuple(sorted(one.when)) for one in entry.rows}
    if len(names) > 1:
        raise located.error("every row names the same inputs", "table", "rows")
    rows = []
    for index, one in enumerate(entry.rows):
        if one.outcome not in known:
            raise located.error(f"no outcome `{one.outcome}`", "table", "rows", index, "outcome")
        rows.append(TableRow(one.row, tuple(sorted(one.when.items())), one.outcome))
    if len({row.when for row in rows}) < len(rows) or len({row.row for row in rows}) < len(rows):
        raise located.error("two rows are alike", "table", "rows")
    triage = tuple(TriageStep(one.id, one.title, one.hours, one.before_patching) for one in entry.triage)
    return DecisionTable(entry.id, entry.source, outcomes, tuple(rows), triage, entry.missing_metadata)
