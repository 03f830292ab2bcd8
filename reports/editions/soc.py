"""The work list for operations: what to change, in order, with the date, the owner, the way back and the proof."""

from __future__ import annotations

from posture.model.finding import Finding
from posture.model.plan import Fix
from reports.due import governing
from reports.editions.common import blind_part, buckets_part, coverage_part, document, of, unassessed_part
from reports.editions.document import Cell, Document, Listing, Part, Row, Section, Table, columns, row
from reports.editions.ways import ends_words
from reports.sections.common import clock_title, due_standing
from reports.sections.plan import build_plan
from reports.survey import Survey
from reports.view import FixView, Pair
from reports.words import counted, duration

_NOTHING = "Nothing to fix as far as seen. What was not seen is counted above and is not good."


def build_soc(survey: Survey, *, marking: str = "") -> Document:
    """Return the ordered work list."""
    plan = build_plan(survey)
    views = (*plan.first, *plan.rest)
    fixes = survey.assessment.plan.fixes[: len(views)]
    left = f"{counted(plan.left_out, 'more fix', 'more fixes')}: assessment.json has all of them."
    overview = Table(
        f"{counted(plan.total, 'fix', 'fixes')}, about {duration(plan.minutes)} of work, in the order of the plan",
        columns(("No.", 1), ("Due", 3), ("Fix", 7), ("Owner", 3), ("On", 4), ("Closes", 2), ("Ends attack paths", 3)),
        tuple(_line(survey, view, fix) for view, fix in zip(views, fixes, strict=True)),
        left_out=left if plan.left_out else "",
    )
    parts = tuple(_fix(survey, view, fix) for view, fix in zip(views, fixes, strict=True))
    return document(
        survey,
        "Work list for operations",
        "For those who make the changes: in order, each with its date, owner, precondition, commands, way back and "
        "the command that shows it worked.",
        (
            Section("coverage", "What was seen", (coverage_part(survey), blind_part(survey), unassessed_part(survey))),
            Section("due", "What is due when", (buckets_part(survey),)),
            Section("list", "The list", (Part(table=overview) if views else Part(text=(_NOTHING,)),)),
            *((Section("fixes", "Fix by fix", parts),) if parts else ()),
        ),
        marking=marking,
    )


def _line(survey: Survey, view: FixView, fix: Fix) -> Row:
    return row(
        f"{view.rank}",
        Cell(f"{view.due}" if view.due else "no date", view.relative if view.due else "", "high" if view.late else ""),
        Cell(view.title, f"{view.check.text}, {view.severity.text}"),
        view.owner,
        view.host_names if not view.across else "the whole fleet",
        of(view.closes),
        ends_words(survey.assessment.attack, fix),
    )


def _fix(survey: Survey, view: FixView, fix: Fix) -> Part:
    how = view.how
    names = ", ".join(one.text for one in view.places) or view.host_names
    more = f" and {view.places_left_out:,} more" if view.places_left_out else ""
    facts = (
        Pair("Due", f"{view.due}, {view.relative}" if view.due else "no date"),
        Pair("Row", _row(survey, fix)),
        Pair("Why this date", view.due_reason or "no clock runs on it"),
        Pair("Owner", view.owner),
        Pair("On", "the whole fleet" if view.across else f"{of(view.hosts)} hosts: {names}{more}"),
        Pair("Closes", f"{of(view.closes)} open findings"),
        Pair("Ends attack paths", ends_words(survey.assessment.attack, fix)),
        Pair("Risk and time", f"{view.risk}; about {duration(view.minutes)}"),
        Pair("Why it stands here", view.reason),
    )
    missing = ("none is written for this check",)
    listings = (
        (
            Listing("Before you start", how.precondition or missing),
            Listing("What to do", how.text or missing),
            *((Listing("Commands", how.shell),) if how.shell else ()),
            Listing("To undo it", how.rollback or missing),
            Listing("To see that it worked", (*(how.verify or missing), f"posture show check {view.check.text}")),
        )
        if how
        else ()
    )
    gone = () if how else ("The check is not part of this baseline, so no fix is known.",)
    return Part(title=f"{view.rank}. {view.title}", text=gone, facts=facts, listings=listings)


def _row(survey: Survey, fix: Fix) -> str:
    """Return the rule that gives the fix its date: that of its most urgent finding."""
    by_id = {one.id: one for one in survey.open}
    found = sorted((by_id[id_] for id_ in fix.findings if id_ in by_id), key=_when)
    due = governing(found[0]) if found else None
    if due is None:
        return "no clock runs on it"
    standing = due_standing(survey.assessment, due)
    return f"{due.row} ({clock_title(survey.assessment, due.clock)}, version {due.clock_version}; {standing})"


def _when(finding: Finding) -> tuple[bool, str, str]:
    due = governing(finding)
    return (due is None, f"{due.due}" if due else "", finding.id)
