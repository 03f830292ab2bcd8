"""The one-screen summary as plain lines: coverage first, then counts, then five things to fix, then the files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from posture.model.assessment import Assessment
from posture.model.host import FLEET
from posture.model.plan import Fix
from reports.bod_rows import BodStatus
from reports.due import relative
from reports.headline import Headline, coverage_words, findings_words, headline
from reports.inert import inert
from reports.sections.paths import shortest_words
from reports.survey import Survey, survey
from reports.words import blind_words, counted, duration, percent, thousands

WIDTH = 80
HEIGHT = 24
FIRST = 5
_BLIND_SHOWN = 3


def summary_lines(assessment: Assessment, files: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return at most 24 lines of at most 80 columns; only a path may be longer, since half a path leads nowhere."""
    found = survey(assessment)
    head = headline(found)
    above = (
        _line(_about(assessment)),
        *_wrapped(coverage_words(head)),
        *_blind(found),
        *_unlooked(assessment),
        "",
        *_wrapped(_findings(found, head)),
        *_severities(head),
        *_known(found),
        *_paths(assessment),
    )
    below = _files(files)
    return (*above, *_plan(assessment, head, HEIGHT - len(above) - len(below)), *below)


def _about(assessment: Assessment) -> str:
    run, profile = assessment.run, assessment.baseline.profile
    state = "" if run.state.value == "complete" else f", {run.state.value}"
    origin = "" if run.origin.value == "live" else f", {run.origin.value} evidence"
    return f"Run {run.id}, profile {profile.id} {profile.version}{state}{origin}"


def _blind(found: Survey) -> tuple[str, ...]:
    if found.complete:
        return ("  No blind spots: every check was decided on every host.",)
    undecided = f"{thousands(found.undecided)} of {thousands(found.assessment.coverage.possible)}"
    share = percent(found.undecided, found.assessment.coverage.possible)
    reasons = [
        f"{blind_words(group.reason).title.lower()} ({counted(group.hosts, 'host')})"
        for group in found.blind[:_BLIND_SHOWN]
    ]
    more = len(found.blind) - len(reasons)
    if more > 0:
        reasons.append(f"{counted(more, 'more reason')} in the report")
    return (
        _line(f"  Blind spots: {undecided} results ({share}) are unknown, and unknown is not good."),
        *(_wrapped(f"  Why: {', '.join(reasons)}") if reasons else ()),
    )


def _unlooked(assessment: Assessment) -> tuple[str, ...]:
    """Return one line on the vantages that did not look; none when all did."""
    who = ", ".join(f"{one.vantage} ({counted(one.hosts, 'host')})" for one in assessment.unlooked)
    return (_line(f"  Did not look: {who}. What only it sees is unknown."),) if who else ()


def _findings(found: Survey, head: Headline) -> str:
    words = findings_words(head)
    if not head.decided or head.open:
        return words
    if found.complete:
        return f"{words} That is what {counted(found.assessment.coverage.checks, 'check')} looked at, and no more."
    return f"{words} Mend the blind spots and scan again."


def _known(found: Survey) -> tuple[str, ...]:
    """Return one line on known vulnerabilities, from how many hosts they are counted; none for a run without any."""
    assessment = found.assessment
    if not assessment.assessed:
        return ()
    assessed = sum(bool(one.assessed_by) for one in assessment.assessed)
    hosts = f"{thousands(assessed)} of {counted(max(assessment.coverage.hosts, len(assessment.assessed)), 'host')}"
    if not assessed:
        return (_line(f"  Known vulnerabilities: unknown, 0 of {counted(len(assessment.assessed), 'host')} assessed"),)
    counts = found.bod.by_status
    late = counts[BodStatus.OVERDUE] + counts[BodStatus.BORN_OVERDUE]
    waiting = counts[BodStatus.DEFERRED]
    total = thousands(found.bod.total)
    return (_line(f"  Known vulnerabilities: {total} on {hosts} assessed; {late:,} overdue, {waiting:,} may wait"),)


def _severities(head: Headline) -> tuple[str, ...]:
    if not head.open:
        return ()
    counts = ", ".join(f"{thousands(count)} {word}" for word, count in head.by_severity if count)
    return (_line(f"  By severity: {counts}"),)


def _paths(assessment: Assessment) -> tuple[str, ...]:
    words = shortest_words(assessment.attack)
    return (_line(f"  {words}"),) if words else ()


def _plan(assessment: Assessment, head: Headline, room: int) -> tuple[str, ...]:
    fixes = assessment.plan.fixes
    if not fixes:
        return ("", "Nothing to plan: every open finding is waived, and stays a failure.") if head.open else ()
    shown = fixes[: min(FIRST, (room - 2) // 2)]  # two lines each, below an empty one and the title
    title = f"Fix first ({len(shown)} of {counted(len(fixes), 'fix', 'fixes')})"
    lines = ["", title]
    for rank, fix in enumerate(shown, start=1):
        lines += [_line(f"  {rank}. {fix.title}"), _line(f"     {_when(assessment, fix)}")]
    return tuple(lines)


def _when(assessment: Assessment, fix: Fix) -> str:
    due = f"due {fix.due:%Y-%m-%d}, {relative(fix.due, assessment.today)}" if fix.due else "no date"
    where = "across the fleet" if fix.hosts == (FLEET,) else counted(len(fix.hosts), "host")
    return f"{due}; {fix.check}, {where}, {duration(fix.minutes)}"


def _files(files: Iterable[Path]) -> tuple[str, ...]:
    first = next(iter(files), None)
    return ("", f"Report: {inert(str(first))}") if first else ()


def _wrapped(text: str) -> tuple[str, ...]:
    """Return the text as one line, or as two broken at a space; the second is cut when it is still too long."""
    safe = inert(text)
    space = safe.rfind(" ", 0, WIDTH)
    if _columns(safe) <= WIDTH or space <= 0 or _columns(safe[:space]) > WIDTH:
        return (_cut(safe),)
    return (safe[:space], _cut("    " + safe[space + 1 :]))


def _line(text: str) -> str:
    return _cut(inert(text))


def _cut(safe: str) -> str:
    if _columns(safe) <= WIDTH:
        return safe
    while _columns(safe) > WIDTH - 1:
        safe = safe[:-1]
    return safe.rstrip() + "…"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
