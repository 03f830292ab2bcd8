"""What the editions share: head, coverage, dates, what changed; each taken from the sections of the report."""

from __future__ import annotations

from posture.model.finding import Closing
from reports.editions.document import Cell, Document, Part, Piece, Section, Strip, Table, columns, row
from reports.headline import headline
from reports.sections.checks import build_checks
from reports.sections.coverage import build_coverage
from reports.sections.due import build_due
from reports.sections.header import build_header, build_headline
from reports.survey import Survey
from reports.view import Pair, Share
from reports.words import counted, percent


def of(share: Share) -> str:
    """Return ``3 of 12``."""
    return f"{share.part:,} of {share.whole:,}"


def document(
    survey: Survey, title: str, reader: str, sections: tuple[Section, ...], *, marking: str, wide: bool = False
) -> Document:
    """Return an edition: the report's head, and sections of its own."""
    head, said = build_header(survey), build_headline(survey, headline(survey))
    return Document(
        title=title,
        reader=reader,
        wide=wide,
        marking=marking,
        profile=head.profile,
        run=head.run,
        as_of=f"{head.as_of:%Y-%m-%d %H:%M} UTC",
        facts=head.key_facts,
        warnings=head.warnings,
        sentence=said.sentence,
        caution=said.caution,
        sections=sections,
        fingerprint=survey.assessment.fingerprint,
    )


def coverage_part(survey: Survey, *, meanings: bool = False) -> Part:
    """Return the bar of coverage and the table that says the same."""
    found = build_coverage(survey)
    words = (
        f"{percent(found.share.part, found.share.whole)} of the results are decided: {of(found.share)}. "
        f"{of(found.hosts_assessed)} hosts gave at least one verdict, {of(found.hosts_complete)} gave all of them, "
        f"{of(found.hosts_blind)} have blind spots."
    )
    heads = columns(("Status", 2), ("Results", 2), ("Share", 1), *((("Meaning", 6),) if meanings else ()))
    rows = (
        (one.name, of(one.count), percent(one.count.part, one.count.whole), *((one.meaning,) if meanings else ()))
        for one in found.slices
    )
    return Part(
        text=(words,),
        strip=Strip(
            "Results by status; the table below says the same.",
            tuple(Piece(one.tone, one.x, one.width) for one in found.slices if one.width),
        ),
        table=Table(
            "Results by status, out of hosts of the inventory times checks of the profile",
            heads,
            tuple(row(*cells) for cells in rows),
        ),
    )


def blind_part(survey: Survey) -> Part:
    """Return every reason for not knowing, and what to do about it."""
    found = build_coverage(survey)
    if not found.blind:
        nothing = "None: every check of the profile was decided on every host of the inventory."
        missing = "Results are missing and no reason was recorded. Treat them as unknown."
        return Part(title="Blind spots", text=(nothing if found.complete else missing,))
    return Part(
        title="Blind spots",
        text=("What could not be seen, why, and what to do about it. None of it counts as good.",),
        table=Table(
            "Reasons for not knowing",
            columns(("Reason", 2), ("Hosts", 1), ("Results undecided", 1), ("What to do", 5)),
            tuple(row(one.title, of(one.hosts), of(one.results), one.action.replace("`", "")) for one in found.blind),
        ),
    )


def unassessed_part(survey: Survey) -> Part:
    """Return what answers on the network and stands in no inventory."""
    found = survey.assessment.unassessed
    left = len(found) - _UNASSESSED
    table = Table(
        f"{counted(len(found), 'address', 'addresses')} that no inventory knew when this run began; in no count here",
        columns(("Address", 2), ("Zone", 2), ("Open ports", 4), ("First seen", 2), ("Last seen", 2)),
        tuple(
            row(
                one.address,
                one.zone or "no zone's network",
                ", ".join(one.ports) or "none seen",
                f"{one.first_seen:%Y-%m-%d}",
                f"{one.last_seen:%Y-%m-%d}",
            )
            for one in found[:_UNASSESSED]
        ),
        left_out=f"{counted(left, 'more address', 'more addresses')}: assessment.json has all." if left > 0 else "",
    )
    nothing = "None is known. Only `posture discover` looks for them, and only in the authorised networks."
    return table_or_words("Hosts that nobody assessed", table, nothing.replace("`", ""))


_UNASSESSED = 100


def buckets_part(survey: Survey) -> Part:
    """Return the open findings by when they are due."""
    return Part(
        table=Table(
            "Open findings by governing date",
            columns(("When", 2), ("Findings", 1), ("Of these waived", 1)),
            tuple(
                row(Cell(one.name, tone="high" if one.late else ""), of(one.count), f"{one.waived:,}")
                for one in build_due(survey).buckets
            ),
        )
    )


def clocks_part(survey: Survey, limit: int) -> Part:
    """Return the deadline rules: what each governs, how much of it is late, and whether it is law."""
    found = build_due(survey).clocks
    left = len(found) - limit
    return Part(
        table=Table(
            "Clocks; a finding is governed by the earliest date that binds",
            columns(("Clock", 4), ("Standing", 4), ("Governs", 1), ("Overdue", 1)),
            tuple(
                row(
                    Cell(one.title, one.version),
                    one.standing,
                    f"{one.governs:,}",
                    Cell(f"{one.overdue:,}", tone="high" if one.overdue else ""),
                )
                for one in found[:limit]
            ),
            left_out=f"{counted(left, 'more clock')}: the report has all of them." if left > 0 else "",
        )
    )


def changed_facts(survey: Survey) -> tuple[Pair, ...]:
    """Return what this run opened and closed; a finding that is closed and not fixed is never called fixed."""
    run, findings = survey.assessment.run, survey.assessment.findings
    new = sum(one.open and one.first_seen == run.as_of for one in findings)
    again = sum(one.open and one.opened > 1 for one in findings)
    closed = [one for one in findings if not one.open]
    fixed = sum(one.closing is Closing.FIXED for one in closed)
    return (
        Pair("First seen by this run", f"{new:,} of {counted(len(survey.open), 'open finding')}"),
        Pair("Open again after having been closed", f"{again:,} of {counted(len(survey.open), 'open finding')}"),
        Pair("Closed by this run", f"{counted(len(closed), 'finding')}, {fixed:,} of them fixed"),
    )


CHANGED_NOTE = "Which verdicts changed, and whether the host, the baseline or the coverage changed them: posture diff."


def closed_part(survey: Survey) -> Part:
    """Return what this run closed, each with the command that proves it."""
    found = build_checks(survey)
    left = found.closed_total - len(found.closed)
    return Part(
        title="Closed by this run",
        text=(
            "A receipt judges the evidence a finding failed with and the evidence it passes with, both anew: "
            "posture verify --finding ID.",
        ),
        table=Table(
            "Findings closed by this run",
            columns(("Finding", 3), ("Check", 1), ("Host", 2), ("Why", 3), ("When", 2)),
            tuple(
                row(one.id, one.check, one.host, one.closing, f"{one.closed_at:%Y-%m-%d %H:%M} UTC")
                for one in found.closed
            ),
            left_out=f"{counted(left, 'more finding')}: all of them stand in assessment.json." if left > 0 else "",
        )
        if found.closed
        else None,
        facts=changed_facts(survey),
    )


def table_or_words(title: str, table: Table, nothing: str) -> Part:
    """Return the table under a title, or the words when it has no row."""
    return Part(title=title, table=table) if table.rows else Part(title=title, text=(nothing,))
