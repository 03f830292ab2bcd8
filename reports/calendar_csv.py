"""plan.csv: one row for each appointment, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from posture.model.plan import Calendar
from reports.files import new_file
from reports.findings_csv import write_rows

COLUMNS = ("rank", "starts", "ends", "owner", "fix", "title", "hosts", "hours", "due", "place", "risk_before",
           "risk_after", "ways_cut", "ways", "risk_of_change", "why", "rollback", "proof")  # fmt: skip


def write_calendar_csv(calendar: Calendar, path: Path) -> None:
    """Write the calendar as rows.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        file.write(csv_of(calendar))


def csv_of(calendar: Calendar) -> bytes:
    """Return the calendar as rows."""
    file = BytesIO()
    write_rows(file, COLUMNS, _rows(calendar))
    return file.getvalue()


def _rows(calendar: Calendar) -> Iterator[tuple[str, ...]]:
    for one in calendar.appointments:
        work = one.work
        yield (
            str(one.rank), str(one.starts), str(one.ends), work.owner, work.id, work.title, " ".join(work.hosts),
            f"{work.hours:g}", str(work.due or ""), one.place.value, _number(one.risk_before), _number(one.risk_after),
            str(one.ways_cut), str(one.ways), work.risk.value, one.sentence, work.rollback, work.proof,
        )  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
