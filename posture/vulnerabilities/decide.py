"""What BOD 26-04's table says of one CVE on one host: the row is looked up, the bounds are shown, nothing is guessed.

Four inputs, each with the one who says so. Where nobody says, the directive counts a host as exposed; for SSVC values
the two rows that bound the answer are shown and the stricter sets the date, unless the clock file or the configuration
says otherwise. A CVE in KEV without SSVC values is an error: CISA gives them for every entry, so ours is missing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import product

from posture.model.clock import Clock, DecisionTable, DueDate, Outcome, TableRow
from posture.model.vulnerability import CveRecord, Decision, Detection, Exposure

ERROR = "ERROR"
"""Outcome of a CVE that is in KEV and has no SSVC values here: no row of the table can be named."""
EXPOSED, IN_KEV, AUTOMATABLE, IMPACT = "publicly_exposed", "in_kev", "automatable", "technical_impact"
_POSSIBLE = {AUTOMATABLE: ("no", "yes"), IN_KEV: ("no", "yes"), IMPACT: ("partial", "total")}
_NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the table says, before anybody asks from which day it counts."""

    outcome: str
    row: int
    lenient_row: int
    lenient_outcome: str
    scheduled: Outcome
    """What sets the date: the outcome, or with missing values what the configuration chose."""
    defaulted: tuple[str, ...]
    inputs: tuple[tuple[str, str, str], ...]
    words: str
    """The row in words."""

    @property
    def complete(self) -> bool:
        """True when every SSVC value and the exposure were given."""
        return not self.defaulted and self.outcome != ERROR


def rule(record: CveRecord, exposure: Exposure, table: DecisionTable, kev_source: str) -> Ruling:
    """Return what the table says of a CVE on a host of this exposure.

    ``kev_source`` names the catalogue; empty when there is none, and nobody knows what is in it.
    """
    inputs = tuple(_inputs(record, exposure, kev_source))
    given = {name: value for name, value, _ in inputs}
    unknown = tuple(name for name in (AUTOMATABLE, IN_KEV, IMPACT) if given[name] == "unknown")
    strict, lenient = _bounds(table, given, unknown)
    defaulted = tuple(sorted((*unknown, *((EXPOSED,) if exposure.exposed is None else ()))))
    if given[IN_KEV] == "yes" and unknown:
        words = f"no row: in KEV without {' and '.join(unknown)}; until CISA's values are here, as row {strict.row}"
        scheduled = table.outcome(strict.outcome)
        return Ruling(ERROR, strict.row, lenient.row, lenient.outcome, scheduled, defaulted, inputs, words)
    scheduled, words = _scheduled(table, given, unknown, strict, lenient)
    return Ruling(
        strict.outcome,
        strict.row,
        lenient.row,
        lenient.outcome,
        scheduled,
        defaulted,
        inputs,
        f"{words}{_default(given, exposure)}",
    )


def decision(ruling: Ruling, due: DueDate | None) -> Decision:
    """Return a ruling with its date."""
    return Decision(
        outcome=ruling.outcome,
        row=ruling.row,
        complete=ruling.complete,
        lenient_row=ruling.lenient_row,
        lenient_outcome=ruling.lenient_outcome,
        defaulted=ruling.defaulted,
        inputs=ruling.inputs,
        due=due,
        triage_required=ruling.scheduled.triage,
    )


def dated(
    ruling: Ruling, record: CveRecord, detection: Detection, clock: Clock, *, binding: bool
) -> tuple[DueDate, ...]:
    """Return the date of a ruling, and where the clock began before the directive binds the one counted from that day.

    The clock starts on the earlier of KEV listing and detection; days are calendar days in UTC.
    """
    days = ruling.scheduled.days
    if days is None:
        return ()
    seen = detection.first_seen.astimezone(UTC).date()
    start = min(seen, record.kev_added) if record.kev_added else seen
    why = _why_start(start, seen, record.kev_added, detection)
    legal = clock.legal and ruling.outcome != ERROR and (ruling.complete or not _open(ruling))
    inputs = {name: value for name, value, _ in ruling.inputs}
    inputs |= {"days": str(days), "detected": seen.isoformat(), "detected_by": detection.source}
    inputs["triage_required"] = _word(ruling.scheduled.triage)
    if record.kev_added:
        inputs["kev_added"] = record.kev_added.isoformat()
    if clock.effective:
        inputs["effective"] = clock.effective.isoformat()
    first = DueDate(
        due=start + timedelta(days=days),
        clock=clock.id,
        clock_version=clock.version,
        row=ruling.words,
        inputs=tuple(sorted(inputs.items())),
        clock_start=start,
        binding=binding,
        legal=legal,
        reason=f"{clock.title}, {ruling.words}: {why}, {ruling.scheduled.title}.",
        binds_from=clock.effective,
    )
    return (first, *_from_effective(first, clock, days))


def _from_effective(first: DueDate, clock: Clock, days: int) -> Iterator[DueDate]:
    """Yield the same days counted from when the table binds: the other date an auditor will ask for."""
    if clock.effective is None or first.clock_start >= clock.effective:
        return
    yield DueDate(
        due=clock.effective + timedelta(days=days),
        clock=clock.id,
        clock_version=clock.version,
        row=f"{first.row}, counted from the day the table binds",
        inputs=first.inputs,
        clock_start=clock.effective,
        binding=False,
        legal=first.legal,
        reason=f"{clock.title}: for comparison, counted from {clock.effective}, when the table binds.",
        binds_from=clock.effective,
    )


def strictness(table: DecisionTable, outcome: str) -> int:
    """Return the place of an outcome: 0 is the strictest, an error stands before it."""
    ids = [ERROR, *(one.id for one in table.outcomes)]
    return ids.index(outcome)


def _inputs(record: CveRecord, exposure: Exposure, kev_source: str) -> Iterator[tuple[str, str, str]]:
    """Yield each input with its value and the one who says so."""
    said = record.ssvc_source or "SSVC, source not named"
    yield AUTOMATABLE, _word(record.automatable), _NOBODY if record.automatable is None else said
    if record.kev_added:
        yield IN_KEV, "yes", f"{kev_source or 'CISA KEV'}, listed {record.kev_added.isoformat()}"
    else:
        yield (IN_KEV, "no", f"not in {kev_source}") if kev_source else (IN_KEV, "unknown", _NOBODY)
    # What nobody knows counts as exposed: the directive says so.
    yield EXPOSED, "no" if exposure.exposed is False else "yes", f"{exposure.decided_by}: {exposure.why}"
    impact = record.technical_impact if record.technical_impact in _POSSIBLE[IMPACT] else None
    yield IMPACT, impact or "unknown", _NOBODY if impact is None else said


def _word(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def _bounds(table: DecisionTable, given: Mapping[str, str], unknown: tuple[str, ...]) -> tuple[TableRow, TableRow]:
    """Return the strictest and the most lenient row that the missing values leave open; one row twice with none."""
    ids = [one.id for one in table.outcomes]
    rows = [
        look_up(table, {**given, **dict(zip(unknown, values, strict=True))})
        for values in product(*(_POSSIBLE[name] for name in unknown))
    ]
    strict = min(rows, key=lambda row: (ids.index(row.outcome), -row.row))
    lenient = max(rows, key=lambda row: (ids.index(row.outcome), -row.row))
    return strict, lenient


def look_up(table: DecisionTable, inputs: Mapping[str, str]) -> TableRow:
    """Return the row of these four inputs."""
    wanted = tuple(sorted((name, inputs[name]) for name in (AUTOMATABLE, IMPACT, IN_KEV, EXPOSED)))
    return next(row for row in table.rows if row.when == wanted)


def _scheduled(
    table: DecisionTable, given: Mapping[str, str], unknown: tuple[str, ...], strict: TableRow, lenient: TableRow
) -> tuple[Outcome, str]:
    """Return what sets the date, and how that is put into words."""
    if not unknown:
        return table.outcome(strict.outcome), f"row {strict.row}"
    between = f"INCOMPLETE without {' and '.join(unknown)}, between row {strict.row} and row {lenient.row}"
    match table.missing_metadata:
        case "sixty-days" if IN_KEV not in unknown:
            return table.outcome("60D"), f"{between}; 60 days as configured"
        case "published-defaults":
            assumed = {AUTOMATABLE: "no", IMPACT: "total", IN_KEV: "yes"}  # the catalogue has no default
            row = look_up(table, {**given, **{name: assumed[name] for name in unknown}})
            return table.outcome(row.outcome), f"{between}; row {row.row} by the defaults as configured"
        case _:
            return table.outcome(strict.outcome), f"{between}; the stricter"


def _default(given: Mapping[str, str], exposure: Exposure) -> str:
    return ", exposure unknown and counted as exposed" if exposure.exposed is None else ""


def _open(ruling: Ruling) -> bool:
    """True when the missing SSVC values could change the date: then it is our choice, not the directive's word."""
    missing = set(ruling.defaulted) - {EXPOSED}
    return bool(missing) and ruling.outcome != ruling.lenient_outcome


def _why_start(start: date, seen: date, listed: date | None, detection: Detection) -> str:
    whose = "" if detection.source == "posture" else f" by {detection.source}"
    if listed is None:
        return f"counted from {start}, first seen{whose}"
    if listed <= seen:
        return f"counted from {start}, listed in KEV before it was first seen{whose} on {seen}"
    return f"counted from {start}, first seen{whose} before its listing in KEV on {listed}"
