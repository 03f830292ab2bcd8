"""The queue of open findings: filtered, sorted, grouped, with what people wrote beside each; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from posture.model.finding import Finding
from posture.model.host import FLEET, Host
from posture.model.work import Decision, WaiverRequest, WorkItem
from reports.dashboard.views.common import Choice
from reports.dashboard.views.work import DeskView, RequestLine, RequestsView, WorkGroup, WorkLine, WorkView
from reports.due import due_by, governing, overdue
from reports.sections.common import (
    FLEET_WORDS,
    anchor,
    check_title,
    clock_title,
    due_words,
    finding_anchor,
    finding_tag,
    owner_words,
)
from reports.survey import Survey
from reports.view import Link, Share, Tag

PAGE = 50  # lines of the queue on one page: a screenful or three
NOBODY = "-"
"""Asks for the findings that nobody works on."""
_STATES: dict[str, tuple[str, Callable[[WorkLine], bool]]] = {
    "waived": ("waived", lambda line: line.waived),
    "unwaived": ("not waived", lambda line: not line.waived),
    "requested": ("waiver asked for", lambda line: line.request == Decision.REQUESTED),
    "reopened": ("came back", lambda line: line.reopened > 0),
}
_SORTS = {
    "due": "due date",
    "severity": "severity",
    "first_seen": "first seen",
    "host": "host",
    "check": "check",
    "owner": "owner",
    "assignee": "assignee",
}
_GROUPINGS: dict[str, Callable[[WorkLine], str]] = {
    "host": lambda line: line.host.text,
    "check": lambda line: f"{line.check} {line.title}",
    "severity": lambda line: line.severity.text,
    "owner": lambda line: line.owner,
    "zone": lambda line: line.zone or "no zone",
    "assignee": lambda line: line.assignee or "nobody",
}
_TONES = {
    Decision.REQUESTED: "unknown",
    Decision.GRANTED: "plain",
    Decision.REFUSED: "plain",
    Decision.REVOKED: "plain",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the queue is asked for; what is not known asks for nothing."""

    words: str = ""
    severity: str = ""
    owner: str = ""
    zone: str = ""
    late: bool = False
    page: int = 1
    clock: str = ""
    """Only what this clock dates; overdue is then by its own date."""
    assignee: str = ""
    state: str = ""
    sort: str = ""
    group: str = ""

    def query(self, *, page: int = 1) -> str:
        """Return it as the query of an address."""
        pairs = [("words", self.words), ("severity", self.severity), ("owner", self.owner), ("zone", self.zone)]
        pairs += [("assignee", self.assignee), ("state", self.state), ("sort", self.sort), ("group", self.group)]
        pairs += [("late", "1" if self.late else ""), ("clock", self.clock), ("page", str(page) if page > 1 else "")]
        return urlencode([(key, value) for key, value in pairs if value])


@dataclass(frozen=True, slots=True)
class Desks:
    """What people wrote beside findings."""

    items: Mapping[str, WorkItem] = field(default_factory=dict)
    requests: Sequence[WaiverRequest] = ()
    """The newest first."""

    def request_of(self, finding: str) -> str:
        """Return where the newest request for a waiver of a finding stands; empty when there is none."""
        return next((one.decision.value for one in self.requests if finding in one.findings), "")


@dataclass(frozen=True, slots=True)
class Queue:
    """Every open finding of a run as a line that nobody wrote beside yet, in natural order; made once, asked often."""

    survey: Survey
    lines: tuple[tuple[Finding, WorkLine], ...]
    places: Mapping[str, int]
    """Where the line of a finding stands, by its id."""
    severities: tuple[str, ...]
    owners: tuple[str, ...]
    zones: tuple[str, ...]


def queue_of(survey: Survey, hosts: Mapping[str, Host]) -> Queue:
    """Return the queue of a run."""
    natural = sorted(survey.open, key=lambda one: _natural(survey, one))
    lines = tuple((one, work_line(survey, hosts, {}, one, "")) for one in natural)
    return Queue(
        survey,
        lines,
        {one.id: place for place, (one, _) in enumerate(lines)},
        tuple({line.severity.text for _, line in lines}),
        tuple({line.owner for _, line in lines}),
        tuple({line.zone for _, line in lines}),
    )


def work_lines(queue: Queue, desks: Desks, wanted: Wanted) -> list[WorkLine]:
    """Return every open finding that matches, in the order asked for; by due date, then severity, if none is."""
    survey, today = queue.survey, queue.survey.assessment.today
    lines = _written_beside(queue, desks)
    if wanted != replace(Wanted(), page=wanted.page, sort=wanted.sort, group=wanted.group):
        lines = [(one, line) for one, line in lines if _matches(line, wanted) and _timed(one, wanted, today)]
    if wanted.sort:
        lines = sorted(lines, key=lambda pair: _key(wanted.sort, survey, *pair))
    return _together([line for _, line in lines], wanted.group)


def _written_beside(queue: Queue, desks: Desks) -> Sequence[tuple[Finding, WorkLine]]:
    """Return the lines with what people wrote beside them."""
    newest: dict[str, str] = {}
    for one in desks.requests:
        for finding_id in one.findings:
            newest.setdefault(finding_id, one.decision.value)
    touched = [id_ for id_ in {*desks.items, *newest} if id_ in queue.places]
    if not touched:
        return queue.lines
    lines = list(queue.lines)
    for id_ in touched:
        finding, line = lines[queue.places[id_]]
        item = desks.items.get(id_, WorkItem(id_))
        line = replace(line, assignee=item.assignee, ticket=item.ticket, comments=item.comments)
        lines[queue.places[id_]] = (finding, replace(line, request=newest.get(id_, "")))
    return lines


def work(queue: Queue, desks: Desks, wanted: Wanted, desk: DeskView) -> WorkView:
    """Return one page of the queue."""
    survey, lines = queue.survey, work_lines(queue, desks, wanted)
    page = min(max(wanted.page, 1), max(1, -(-len(lines) // PAGE)))
    nobody = Choice(NOBODY, "nobody", wanted.assignee == NOBODY)
    assignees = _choices(
        {one.assignee for id_, one in desks.items.items() if id_ in queue.places}, wanted.assignee, "everybody"
    )
    coverage = survey.assessment.coverage
    return WorkView(
        groups=_groups(lines, wanted.group, (page - 1) * PAGE),
        matching=len(lines),
        total=len(survey.open),
        coverage=Share(coverage.decided, coverage.possible),
        words=wanted.words,
        severities=_choices(queue.severities, wanted.severity, "every severity"),
        owners=_choices(queue.owners, wanted.owner, "every owner"),
        zones=_choices(queue.zones, wanted.zone, "every zone"),
        assignees=(assignees[0], nobody, *assignees[1:]),
        states=_named({key: text for key, (text, _) in _STATES.items()}, wanted.state, "every state"),
        sorts=_named({key: text for key, text in _SORTS.items() if key != "due"}, wanted.sort, "due date"),
        groupings=_named({key: key for key in _GROUPINGS}, wanted.group, "no groups"),
        late_only=wanted.late,
        clocks=_clock_choices(survey, wanted.clock),
        earlier=f"/work?{wanted.query(page=page - 1)}" if page > 1 else "",
        later=f"/work?{wanted.query(page=page + 1)}" if page * PAGE < len(lines) else "",
        csv=f"/work.csv?{wanted.query()}",
        query=wanted.query(page=page),
        desk=desk,
    )


def work_line(
    survey: Survey, hosts: Mapping[str, Host], items: Mapping[str, WorkItem], finding: Finding, request: str
) -> WorkLine:
    """Return a finding as a line of the queue."""
    due, words, late = due_words(finding, survey.assessment.today)
    host, item = hosts.get(finding.host), items.get(finding.id, WorkItem(finding.id))
    across = finding.host == FLEET
    return WorkLine(
        id=finding.id,
        finding=Link(check_title(survey, finding.check), finding_anchor(finding.id)),
        title=check_title(survey, finding.check),
        check=finding.check,
        host=Link(FLEET_WORDS, FLEET) if across else Link(finding.host, anchor("h", finding.host)),
        zone=host.zone if host else "",
        owner=owner_words(host.owner if host else ""),
        subject=finding.subject,
        severity=finding_tag(survey, finding),
        first_seen=finding.first_seen,
        due=due,
        relative=words,
        clock=clock_title(survey.assessment, counts.clock) if (counts := governing(finding)) else "",
        late=late,
        waived=finding.id in survey.waived,
        reopened=finding.opened - 1,
        assignee=item.assignee,
        ticket=item.ticket,
        comments=item.comments,
        request=request,
    )


def requests(
    survey: Survey, asked: Iterable[WaiverRequest], account: str, *, may_decide: bool, wrong: str = ""
) -> RequestsView:
    """Return the requests for waivers, the undecided first; nobody decides on what they asked for."""
    lines = [_request_line(survey, one, may_decide=may_decide and one.requested_by != account) for one in asked]
    return RequestsView(tuple(sorted(lines, key=lambda line: line.state.text != Decision.REQUESTED)), wrong)


def _request_line(survey: Survey, one: WaiverRequest, *, may_decide: bool) -> RequestLine:
    follow = {Decision.REQUESTED: ("grant", "refuse"), Decision.GRANTED: ("revoke",)}.get(one.decision, ())
    across = one.host == FLEET
    return RequestLine(
        id=one.id,
        check=one.check,
        title=check_title(survey, one.check),
        host=Link(FLEET_WORDS, FLEET) if across else Link(one.host, anchor("h", one.host)),
        findings=tuple(Link(id_, finding_anchor(id_)) for id_ in one.findings),
        reason=one.reason,
        expires=one.expires,
        state=Tag(one.decision.value, _TONES[one.decision]),
        requested_by=one.requested_by,
        requested_at=one.requested_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        note=one.note,
        decisions=follow if may_decide else (),
    )


def _matches(line: WorkLine, wanted: Wanted) -> bool:
    text = f"{line.title} {line.check} {line.host.text} {line.subject} {line.owner} {line.ticket}".lower()
    of_state = _STATES.get(wanted.state)
    return (
        all(word in text for word in wanted.words.lower().split())
        and wanted.severity in ("", line.severity.text)
        and wanted.owner in ("", line.owner)
        and wanted.zone in ("", line.zone)
        and wanted.assignee in ("", line.assignee or NOBODY)
        and (of_state is None or of_state[1](line))
    )


def _timed(finding: Finding, wanted: Wanted, today: date) -> bool:
    if not wanted.clock:
        return not wanted.late or overdue(finding, today)
    due = due_by(finding, wanted.clock)
    return due is not None and (due < today or not wanted.late)


def _key(sort: str, survey: Survey, finding: Finding, line: WorkLine) -> tuple[int, str]:
    match sort:
        case "severity":
            return (-_severity(survey, finding), "")
        case "first_seen":
            return (0, finding.first_seen.isoformat())
        case "host":
            return (0, finding.host)
        case "check":
            return (0, finding.check)
        case "owner":
            return (0, line.owner)
        case "assignee":
            return (0 if line.assignee else 1, line.assignee)
        case _:
            return (0, "")


def _natural(survey: Survey, finding: Finding) -> tuple[str, int, str, str, str]:
    due = governing(finding)
    day = due.due.isoformat() if due else "9999"
    return (day, -_severity(survey, finding), finding.check, finding.host, finding.id)


def _severity(survey: Survey, finding: Finding) -> int:
    check = survey.checks.get(finding.check)
    return int(check.severity) if check else 99


def _together(lines: list[WorkLine], group: str) -> list[WorkLine]:
    """Return the lines group by group; a group stands where its first line stood."""
    title = _GROUPINGS.get(group)
    if title is None:
        return lines
    rank: dict[str, int] = {}
    for line in lines:
        rank.setdefault(title(line), len(rank))
    return sorted(lines, key=lambda line: rank[title(line)])


def _groups(lines: list[WorkLine], group: str, start: int) -> tuple[WorkGroup, ...]:
    shown = lines[start : start + PAGE]
    title = _GROUPINGS.get(group)
    if title is None:
        return (WorkGroup("", len(lines), tuple(shown)),) if shown else ()
    totals = Counter(map(title, lines))
    return tuple(WorkGroup(name, totals[name], tuple(some)) for name, some in groupby(shown, key=title))


def _clock_choices(survey: Survey, chosen: str) -> tuple[Choice, ...]:
    known = {due.clock for finding in survey.open for due in finding.due}
    named = sorted((clock_title(survey.assessment, one), one) for one in known)
    return _named({id_: title for title, id_ in named}, chosen, "every clock")


def _choices(values: Collection[str], chosen: str, every: str) -> tuple[Choice, ...]:
    return _named({one: one for one in sorted(values) if one}, chosen, every)


def _named(values: Mapping[str, str], chosen: str, every: str) -> tuple[Choice, ...]:
    known = chosen in values
    return (Choice("", every, not known), *(Choice(key, text, key == chosen) for key, text in values.items()))
