"""plan.ics: the calendar as all-day events that any calendar program subscribes to (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from posture.model.plan import Appointment, Calendar
from reports.files import new_file
from reports.inert import inert

_LINE_BYTES = 75  # RFC 5545, section 3.1


def write_calendar_ics(calendar: Calendar, path: Path) -> None:
    """Write the calendar; an appointment keeps its UID from plan to plan, so a moved one moves.

    Raises:
        UsageError: the file cannot be written.
    """
    with new_file(path) as file:
        file.write(ics(calendar))


def ics(calendar: Calendar) -> bytes:
    """Return the calendar as iCalendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//posture-scanner//plan//EN", "CALSCALE:GREGORIAN"]
    for one in calendar.appointments:
        lines += _event(one, calendar.as_of)
    return b"".join(_folded(line) for line in (*lines, "END:VCALENDAR"))


def _event(one: Appointment, as_of: date) -> Iterator[str]:
    work = one.work
    told = (
        one.sentence,
        f"Owner: {work.owner}",
        f"Hosts: {', '.join(work.hosts)}",
        f"Due: {work.due or 'no date'}",
        f"Risk of the change: {work.risk.value}",
        f"Undo: {work.rollback or 'not told'}",
        f"Proof: {work.proof}",
    )
    yield "BEGIN:VEVENT"
    yield f"UID:{work.id}@posture-scanner"
    yield f"DTSTAMP:{as_of:%Y%m%d}T000000Z"
    yield f"DTSTART;VALUE=DATE:{one.starts:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{one.ends + timedelta(days=1):%Y%m%d}"  # the day after the last, by RFC 5545
    yield f"SUMMARY:{_text(f'{one.rank}. {work.title} ({work.owner})')}"
    yield f"DESCRIPTION:{_text(chr(10).join(told))}"
    yield f"CATEGORIES:{_text(one.place.value)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """Return a value with what separates escaped; control characters of hosts are written out first."""
    plain = "\n".join(inert(line) for line in value.split("\n"))
    for char in "\\;,":
        plain = plain.replace(char, f"\\{char}")
    return plain.replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """Return a line of at most 75 bytes to the row, never cut inside a character."""
    rows, row = [], b""
    for char in line:
        encoded = char.encode()
        if len(row) + len(encoded) > _LINE_BYTES:
            rows.append(row)
            row = b" "
        row += encoded
    return b"\r\n".join([*rows, row]) + b"\r\n"
