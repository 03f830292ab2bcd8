"""What an auditor asks of each check: its source, the method, what was said, by which evidence, and who waived it."""

from __future__ import annotations

from posture.model.check import Check
from posture.model.finding import Status
from posture.model.host import FLEET
from reports.editions.common import blind_part, closed_part, coverage_part, document, table_or_words, unassessed_part
from reports.editions.document import Cell, Document, Part, Row, Section, Table, columns, row
from reports.editions.proof import attested_part, receipts_part, unsettled_part
from reports.editions.samples import Sample, Samples, samples
from reports.inert import clip
from reports.sections.baseline import build_baseline
from reports.sections.checks import references_of
from reports.sections.header import build_header
from reports.sections.method import build_method
from reports.sections.waivers import build_waivers
from reports.survey import Survey, blind_reason
from reports.view import Pair, WaiverView
from reports.words import EFFECT, STATUS, blind_words, counted

_SAID_CHARS = 240
_COMMAND_CHARS = 160


def build_auditor(survey: Survey, *, marking: str = "") -> Document:
    """Return the auditor's package as one document."""
    found = samples(survey.assessment)
    waivers = build_waivers(survey)
    checks = tuple(_check(survey, check, found, waivers) for check in survey.checks.values())
    return document(
        survey,
        "For the auditor",
        "Each check with its source, its method, what it said of each host and the evidence. What is not checked or "
        "could not be read stands apart from what passed.",
        (
            Section(
                "authority", "Authority and baseline", (Part(facts=build_header(survey).facts), _tailoring(survey))
            ),
            Section(
                "coverage",
                "Coverage",
                (coverage_part(survey, meanings=True), blind_part(survey), unassessed_part(survey)),
            ),
            Section("crosswalk", "Crosswalk to NIST SP 800-53 revision 5", (_crosswalk(survey), _drafts(survey))),
            Section("waivers", "Waivers", (_waivers(waivers),)),
            Section("attested", "Attested, not measured", (attested_part(survey),)),
            Section(
                "closed",
                "Closed findings and receipts",
                (closed_part(survey), receipts_part(survey), unsettled_part(survey)),
            ),
            Section("checks", "Check by check", checks or (Part(text=("The baseline has no check.",)),)),
            Section("method", "What this cannot say", (Part(text=build_method(survey).cannot_say),)),
        ),
        marking=marking,
        wide=True,
    )


def _tailoring(survey: Survey) -> Part:
    found = build_baseline(survey)
    table = Table(
        "Departures from the profile",
        columns(("Check", 1), ("What", 2), ("Was", 2), ("Is", 2), ("Reason", 4)),
        tuple(row(one.check, one.key, one.old, one.new, one.reason) for one in found.changes),
    )
    return table_or_words("Tailoring", table, "None: the profile is used as it is.")


def _crosswalk(survey: Survey) -> Part:
    by_control: dict[str, list[Check]] = {}
    without: list[str] = []
    for check in survey.checks.values():
        for control in check.references.nist_800_53r5:
            by_control.setdefault(control, []).append(check)
        if not check.references.nist_800_53r5:
            without.append(check.id)
    words = (
        "A check is evidence for a part of a control, never a verdict on all of it. The numbers are results on hosts.",
        f"Without a control: {', '.join(without)}." if without else "Every check names a control.",
    )
    return Part(
        text=words,
        table=Table(
            "Controls and the results of the checks that name them",
            columns(("Control", 1), ("Checks", 4), *((status.label.replace("_", " "), 1) for status in Status)),
            tuple(_control(survey, control, checks) for control, checks in sorted(by_control.items())),
        )
        if by_control
        else None,
    )


def _control(survey: Survey, control: str, checks: list[Check]) -> Row:
    counts = [sum(survey.by_check.get(one.id, (0,) * len(Status))[status] for one in checks) for status in Status]
    return row(control, ", ".join(one.id for one in checks), *(f"{count:,}" for count in counts))


def _drafts(survey: Survey) -> Part:
    rows = tuple(
        row(check.id, one.text, one.as_of or "no date given")
        for check in survey.checks.values()
        for one in (*check.references.cis, *check.references.cisa, *check.references.other)
        if one.draft
    )
    table = Table(
        "Sources that are drafts; none is called required", columns(("Check", 1), ("Draft", 6), ("As of", 1)), rows
    )
    return table_or_words("Drafts", table, "No check of this baseline cites a draft.")


def _waivers(found: tuple[WaiverView, ...]) -> Part:
    rows = (
        row(
            Cell(one.id, one.poam),
            one.check,
            Cell(one.state.text, one.meaning, "" if one.state.tone == "plain" else one.state.tone),
            one.covers,
            Cell(one.reason, f"instead: {one.compensating}" if one.compensating else ""),
            one.approved or "nobody is named",
            Cell(f"{one.expires}", one.relative),
        )
        for one in found
    )
    heads = columns(
        ("Waiver", 2), ("Check", 1), ("State", 3), ("Covers", 2), ("Reason", 4), ("Approved by", 3), ("Expires", 2)
    )
    table = Table("Waivers; the failures they cover stay failures", heads, tuple(rows))
    return table_or_words("", table, "None.")


def _check(survey: Survey, check: Check, found: Samples, waivers: tuple[WaiverView, ...]) -> Part:
    shown = found.of(check.id)
    total = found.total(check.id)
    left = total - len(shown)
    more = f"{counted(left, 'more result')}: posture show check {check.id}, and assessment.json has all of them."
    return Part(
        title=f"{check.id} {check.title}",
        facts=(
            Pair("Requirement", check.rationale),
            *(Pair(f"Source: {one.term}", one.value) for one in references_of(check)),
            Pair("Method", _method(check)),
            Pair("Revision", f"{check.revision}, digest {check.digest or 'not recorded'}"),
            Pair("Confidence", f"{check.confidence} of 100 that a failure is one"),
            Pair("Threat", f"{', '.join(check.threat.categories)}; {EFFECT[check.threat.effect]}"),
            Pair("Result", found.words(check.id) or "no result: unknown"),
            Pair("Waivers", ", ".join(one.id for one in waivers if one.check == check.id) or "none"),
        ),
        table=Table(
            f"{check.id}: results with their evidence, failures first",
            columns(
                ("Host", 2), ("Result", 2), ("What was said", 5), ("Asked", 5), ("As, from, when", 3), ("SHA-256", 4)
            ),
            tuple(_result(one) for one in shown),
            left_out=more if left else "",
        )
        if shown
        else None,
    )


def _method(check: Check) -> str:
    facts = ", ".join(sorted({one.fact for one in check.requires}))
    commands = ", ".join(sorted({one.command_id for one in check.requires if one.command_id}))
    root = any(one.privilege == "sudo" for one in check.requires)
    over = "over all hosts together" if check.scope == FLEET else f"on each {check.scope}"
    how = f"examined {over}; facts {facts or 'none declared'}; commands {commands or 'none'}"
    return f"{how}{'; some read as root by sudo' if root else ''}"


def _result(one: Sample) -> Row:
    result, record = one.result, one.evidence
    status = result.verdict.status
    asked = Cell("no evidence record came with it")
    who, digest = "", ""
    if record is not None:
        others = f"and {one.others:,} more" if one.others else ""
        asked = Cell(clip(record.asked, _COMMAND_CHARS), others, code=True)
        who = f"{record.account}, {record.vantage}, {record.taken_at:%Y-%m-%d %H:%M:%S} UTC, {record.origin.value}"
        digest = record.sha256
    return row(
        "the whole fleet" if result.host == FLEET else result.host,
        Cell(
            status.label.replace("_", " "),
            f"waived: {result.waiver}" if result.waiver else "",
            {Status.PASS: "good", Status.FAIL: "high", Status.NOT_APPLICABLE: ""}.get(status, "unknown"),
        ),
        Cell(clip(_said(one), _SAID_CHARS), code=status.decided),
        asked,
        who,
        Cell(digest, code=bool(digest)),
    )


def _said(one: Sample) -> str:
    verdict = one.result.verdict
    if not verdict.status.decided:
        return blind_words(blind_reason(one.result)).title
    lines = [line for line in verdict.assertions if (line.outcome.value == "false") == (verdict.status is Status.FAIL)]
    words = "; ".join(f"{line.fact}: expected {line.expected}, found {line.actual}" for line in lines[:3])
    return words or STATUS[verdict.status]
