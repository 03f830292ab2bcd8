"""What proves a fix and what people state, for the auditor: receipts, what is not in force, attestations."""

from __future__ import annotations

from posture.model.attestation import AttestationState, AttestationUse
from posture.model.host import FLEET
from posture.model.receipt import Receipt, Sight, Unsettled
from reports.editions.common import table_or_words
from reports.editions.document import Cell, Part, Row, Table, columns, row
from reports.inert import clip
from reports.survey import Survey
from reports.words import ATTESTATION, counted

_RECEIPTS = 200
_UNSETTLED = 200
_ATTESTATIONS = 500
_SAID_CHARS = 160
_DIGESTS = 3


def receipts_part(survey: Survey) -> Part:
    """Return the receipt of every fix that stands; one that does not hold says why."""
    found = survey.assessment.receipts
    left = len(found) - _RECEIPTS
    table = Table(
        f"{counted(len(found), 'fix', 'fixes')} with both pieces of evidence, judged by the same check",
        columns(
            ("Finding", 3), ("Check, host", 3), ("Failed with", 5), ("Passes with", 5), ("Since", 3), ("Receipt", 4)
        ),
        tuple(_receipt(one) for one in found[:_RECEIPTS]),
        left_out=f"{counted(left, 'more receipt')}: all of them stand in assessment.json." if left > 0 else "",
    )
    nothing = "No finding that was closed as fixed has a receipt in this store."
    return table_or_words("Receipts", table, nothing)


def unsettled_part(survey: Survey) -> Part:
    """Return what is good in one of two states only: mended on paper, or until the next start."""
    found = survey.assessment.unsettled
    left = len(found) - _UNSETTLED
    table = Table(
        "Running and persistent state do not agree; neither is a fix",
        columns(("Check", 2), ("Host", 3), ("Result", 2), ("State", 4)),
        tuple(_unsettled(one) for one in found[:_UNSETTLED]),
        left_out=f"{counted(left, 'more')}: all of them stand in assessment.json." if left > 0 else "",
    )
    nothing = "None was seen. Only kernel settings and the SSH server have both states collected."
    return table_or_words("Changed, not in force", table, nothing)


def attested_part(survey: Survey) -> Part:
    """Return what people state where no program could look, with what it does in this run."""
    found = survey.assessment.attestations
    left = len(found) - _ATTESTATIONS
    table = Table(
        "Attestations; none is a pass, and none counts as coverage",
        columns(
            ("Check", 1), ("Host", 2), ("State", 4), ("Stated by", 2), ("Reason", 5), ("Until", 2), ("Document", 4)
        ),
        tuple(_attested(one) for one in found[:_ATTESTATIONS]),
        left_out=f"{counted(left, 'more attestation')}: all of them stand in assessment.json." if left > 0 else "",
    )
    return table_or_words("", table, "None: every result is a program's, or unknown.")


def _receipt(one: Receipt) -> Row:
    again = one.times_opened - 1
    since = f"open {counted(one.days_open, 'day')}; reopened {counted(again, 'time')}"
    check = "" if one.same_check else "; the check changed in between, both judged by this one"
    return row(
        Cell(one.finding, clip(one.subject, _SAID_CHARS), code=True),
        Cell(one.check, f"revision {one.revision}{check}; {one.host}"),
        _sight(one.failed),
        _sight(one.passes),
        Cell(f"passing for {counted(one.days_passing, 'day')}", since),
        Cell(
            "holds" if one.holds else "no receipt",
            f"{one.why}{f'; change {one.ticket}' if one.ticket else ''}",
            "good" if one.holds else "high",
        ),
    )


def _sight(seen: Sight) -> Cell:
    shown = ", ".join(f"{command} {digest[:16]}" for command, digest in seen.evidence[:_DIGESTS])
    more = f" and {len(seen.evidence) - _DIGESTS:,} more" if len(seen.evidence) > _DIGESTS else ""
    when = f"{seen.status.label} in {seen.run}, {seen.at:%Y-%m-%d %H:%M} UTC, {seen.origin.value}, {seen.force.value}"
    return Cell(clip(seen.said, _SAID_CHARS) or when, f"{when}; {shown or 'no evidence named'}{more}", code=True)


def _unsettled(one: Unsettled) -> Row:
    return row(one.check, one.host, one.status.label, Cell(one.force.value, tone="medium"))


def _attested(use: AttestationUse) -> Row:
    said = use.attestation
    active = use.state is AttestationState.ACTIVE
    return row(
        said.check,
        "the whole fleet" if said.host == FLEET else said.host,
        Cell(use.state.value, ATTESTATION[use.state], "unknown" if active else "medium"),
        Cell(said.author, f"{said.made_at:%Y-%m-%d}"),
        said.reason,
        f"{said.expires}",
        Cell(said.file or "none named", f"sha256 {said.file_sha256}" if said.file else "", code=bool(said.file)),
    )
