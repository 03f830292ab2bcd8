"""What several sections need: anchors, tags and due lines."""

from __future__ import annotations

import hashlib
from datetime import date

from posture.model.assessment import Assessment
from posture.model.check import Severity
from posture.model.clock import DueDate
from posture.model.finding import Finding
from posture.model.host import FLEET
from reports.due import days_late, governing, relative
from reports.headline import severity_word
from reports.survey import Survey
from reports.view import DueLine, Link, Tag
from reports.words import standing

NOT_SAID = "not declared"
FLEET_WORDS = "the whole fleet"
FLEET_ANCHOR = "fleet"


def anchor(kind: str, name: str) -> str:
    """Return an id for the page that no foreign text can shape: a letter and a short digest."""
    return f"{kind}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def check_anchor(check: str) -> str:
    """Return the anchor of a check."""
    return anchor("c", check)


def finding_anchor(finding: str) -> str:
    """Return the anchor of a finding."""
    return anchor("f", finding)


def severity_tag(severity: Severity) -> Tag:
    """Return the word and colour of a severity."""
    return Tag(severity.label, severity.label)


def finding_tag(survey: Survey, finding: Finding) -> Tag:
    """Return the severity of a finding; ``unknown`` when its check is not in this baseline."""
    word = severity_word(survey, finding)
    return Tag(word, word)


def check_title(survey: Survey, check: str) -> str:
    """Return the title of a check, or that this baseline does not have it."""
    found = survey.checks.get(check)
    return found.title if found else f"Check {check} is not part of this baseline"


def owner_words(owner: str) -> str:
    """Return the owner, or that the inventory names none."""
    return owner or NOT_SAID


def host_link(listed: frozenset[str], host: str) -> Link:
    """Return a link to a host when the page lists it; what stands against the whole fleet leads to its section."""
    if host == FLEET:
        return Link(FLEET_WORDS, FLEET_ANCHOR)
    return Link(host, anchor("h", host) if host in listed else "")


def listed_hosts(survey: Survey) -> frozenset[str]:
    """Return the ids of the hosts the page lists."""
    return frozenset(tally.host.id for tally in survey.hosts)


def clock_title(assessment: Assessment, clock: str) -> str:
    """Return the title of a clock, or its id when it is not among those of the run."""
    return next((known.title for known in assessment.clocks if known.id == clock), clock)


def is_campaign(assessment: Assessment, clock: str) -> bool:
    """True for the clock of the agency's own campaign."""
    return any(known.id == clock and known.starts == "campaign" for known in assessment.clocks)


def due_standing(assessment: Assessment, due: DueDate) -> str:
    """Return whether a date is law, the agency's rule or its campaign."""
    ahead = due.binds_from if due.binds_from is not None and assessment.today < due.binds_from else None
    campaign = is_campaign(assessment, due.clock)
    return standing(legal=due.legal, binding=due.binding, campaign=campaign, binds_from=ahead)


def due_line(assessment: Assessment, due: DueDate) -> DueLine:
    """Return one clock that runs on a finding."""
    today = assessment.today
    return DueLine(
        due=due.due,
        relative=relative(due.due, today),
        late=days_late(due.due, today) > 0,
        clock=clock_title(assessment, due.clock),
        standing=due_standing(assessment, due),
        reason=due.reason,
        start=due.clock_start,
    )


def due_words(finding: Finding, today: date) -> tuple[date | None, str, bool]:
    """Return the governing date, how far it is, and whether it has passed."""
    due = governing(finding)
    if due is None:
        return None, "no date", False
    return due.due, relative(due.due, today), days_late(due.due, today) > 0
