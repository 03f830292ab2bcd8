"""The typed contexts of the dashboard: templates may use these fields and no others.

Sections that the report has too are drawn from the report's own ``ReportView``: one set of numbers for every reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from reports.view import Link, Pair, PictureView, Share, Tag


@dataclass(frozen=True, slots=True)
class NavLine:
    """One entry of the menu."""

    title: str
    path: str
    here: bool


@dataclass(frozen=True, slots=True)
class ChromeView:
    """What stands around every page."""

    title: str
    marking: str
    style: str
    """Address of the style sheet, with its digest in it."""
    account: str
    """Who is signed in; empty on the pages before that."""
    role: str
    sees: str
    """What the account sees: every system, or which."""
    form: str
    """What every form sends back."""
    run: str
    as_of: datetime | None
    nav: tuple[NavLine, ...]
    scripts: tuple[str, ...] = ()
    """Addresses of the scripts that the page may load; nearly always none."""


@dataclass(frozen=True, slots=True)
class SignInView:
    """The way in, and what went wrong with the last try."""

    wrong: str
    first: bool
    """True while there is no administrator: the one-time token makes one."""


@dataclass(frozen=True, slots=True)
class TroubleView:
    """Why there is no page, and what to do."""

    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class WorkLine:
    """One open finding in the queue."""

    id: str
    finding: Link
    title: str
    check: str
    host: Link
    zone: str
    owner: str
    subject: str
    severity: Tag
    first_seen: datetime
    due: date | None
    relative: str
    late: bool
    waived: bool
    reopened: int
    """How many times it came back after it was closed."""
    assignee: str
    """Who works on it; empty for nobody."""
    ticket: str
    comments: int
    request: str
    """Where the newest request for a waiver stands; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class WorkGroup:
    """Lines that stand together."""

    title: str
    """Empty when nothing is grouped."""
    total: int
    """Lines of the group on all pages."""
    lines: tuple[WorkLine, ...]


@dataclass(frozen=True, slots=True)
class WorkView:
    """The queue: what is asked for, and the part of it on this page."""

    groups: tuple[WorkGroup, ...]
    matching: int
    total: int
    words: str
    """The text that is looked for."""
    severities: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    zones: tuple[Choice, ...]
    assignees: tuple[Choice, ...]
    states: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    groupings: tuple[Choice, ...]
    late_only: bool
    clocks: tuple[Choice, ...]
    earlier: str
    """Address of the page before; empty on the first."""
    later: str
    csv: str
    """Address of the same lines as CSV."""
    query: str
    """What is asked for, as the query of an address."""
    desk: DeskView


@dataclass(frozen=True, slots=True)
class DeskView:
    """What an account may do about findings, and with what."""

    may_work: bool
    people: tuple[str, ...]
    """Accounts that work on findings, to choose from."""
    until: date
    """The longest that a waiver can be asked for."""
    wrong: str = ""
    """What went wrong with the last try."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request for a waiver."""

    id: str
    check: str
    title: str
    host: Link
    findings: tuple[Link, ...]
    reason: str
    expires: date
    state: Tag
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str
    decisions: tuple[str, ...]
    """What the account that looks may decide."""


@dataclass(frozen=True, slots=True)
class RequestsView:
    """Requests for waivers, the undecided first."""

    lines: tuple[RequestLine, ...]
    wrong: str


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A finding that was mended: it failed with one piece of evidence and passes with another."""

    finding: Link
    id: str
    check: str
    subject: str
    host: Link
    failed: Pair
    """When it failed last, and by what."""
    passes: Pair
    """When it was seen mended, and by what."""
    days_open: int
    ticket: str
    holds: Tag
    why: str


@dataclass(frozen=True, slots=True)
class PathGone:
    """An attack path that the earlier run found and this one does not."""

    id: str
    steps: tuple[str, ...]
    proof: Tag
    why: str


@dataclass(frozen=True, slots=True)
class FixedView:
    """What was mended, and what that ended."""

    receipts: tuple[ReceiptLine, ...]
    """Of every fix that stands, the newest first."""
    since: str
    """The run whose attack paths these are compared with; empty when there is none."""
    why_none: str
    """Why paths are not compared; empty when they are."""
    left: int
    """Attack paths that are found now."""
    gone: tuple[PathGone, ...]
    new: int
    """Attack paths of now that the earlier run did not have."""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What one check says of the host."""

    check: str
    title: str
    status: Tag
    said: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One answer of the host."""

    command: str
    digest: Link
    size_bytes: int
    taken_at: datetime
    account: str
    vantage: str
    origin: str


@dataclass(frozen=True, slots=True)
class HostPage:
    """Everything said of one host."""

    id: str
    facts: tuple[Pair, ...]
    results: tuple[ResultLine, ...]
    unseen: tuple[Pair, ...]
    answers: tuple[AnswerLine, ...]
    may_read: bool
    """Whether the account may read raw answers."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One thing that happened."""

    seq: int
    at: datetime
    what: str
    run: str
    about: str
    """The host, or who did it."""
    detail: str


@dataclass(frozen=True, slots=True)
class FindingPage:
    """The life of one finding."""

    id: str
    title: str
    check: str
    host: Link
    subject: str
    state: str
    severity: Tag
    dues: tuple[Pair, ...]
    work: WorkLine | None
    """Its line of the queue; ``None`` once it is closed."""
    changes: tuple[ChangeLine, ...]
    desk: DeskView


@dataclass(frozen=True, slots=True)
class RunLine:
    """One stored run."""

    run: Link
    state: Tag
    origin: str
    started_at: datetime
    hosts: int
    checks: int
    coverage: str
    profile: str
    by: str


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """What runs by itself, and where it stands."""

    name: str
    kind: str
    when: str
    next_at: datetime | None
    state: str
    last: str
    paused: bool


@dataclass(frozen=True, slots=True)
class OccurrenceLine:
    """What became of one time of a schedule."""

    schedule: str
    due: datetime
    asked: bool
    outcome: Tag
    run: Link | None
    why: str


@dataclass(frozen=True, slots=True)
class SchedulesView:
    """What runs by itself."""

    lines: tuple[ScheduleLine, ...]
    history: tuple[OccurrenceLine, ...]
    """The newest first."""
    kept: bool
    """Whether a scheduler lives that would begin them."""
    may_change: bool


@dataclass(frozen=True, slots=True)
class RunsView:
    """The stored runs, the newest first."""

    lines: tuple[RunLine, ...]
    schedules: SchedulesView | None
    """``None`` for who sees some systems only: schedules are of all of them."""


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """The bytes behind a digest, made harmless."""

    digest: str
    size_bytes: int
    uses: tuple[Pair, ...]
    lines: tuple[str, ...]
    left_out: int
    """Lines that are not shown."""


@dataclass(frozen=True, slots=True)
class AuditView:
    """The end of the audit chain, and whether all of it holds."""

    holds: bool
    verdict: str
    lines: tuple[ChangeLine, ...]
    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account."""

    name: str
    role: str
    sees: str
    made_at: datetime
    state: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class TokenLine:
    """What one program reads the API with."""

    name: str
    role: str
    sees: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    state: str
    """``good``, ``revoked`` or ``ended``."""


@dataclass(frozen=True, slots=True)
class AccountsView:
    """Who may sign in, and the form that makes another."""

    lines: tuple[AccountLine, ...]
    tokens: tuple[TokenLine, ...]
    made: str
    """A token that was just made; it is shown this once. Empty otherwise."""
    roles: tuple[Choice, ...]
    wrong: str


@dataclass(frozen=True, slots=True)
class Count:
    """A number, and the address of the list of what it counts; empty where this reader has none."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One clock with what it dates; laws come before the agency's own rules."""

    id: str
    title: str
    standing: str
    legal: bool
    open: Count
    """Open findings that have a date by it."""
    overdue: Count
    """Those whose date by it has passed."""
    next_due: date | None
    """The first of its dates from today on."""
    days_left: int | None
    said: str
    """Days left, or that nothing is ahead."""


@dataclass(frozen=True, slots=True)
class BurnPoint:
    """How findings stood at the end of a day on which something changed."""

    day: date
    open: int
    overdue: int
    opened: int
    fixed: int
    gone: int


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """How many findings would still be open on a day, at the two ends of the rate's interval and at the rate."""

    day: date
    slow: int
    middle: int
    fast: int


@dataclass(frozen=True, slots=True)
class BurnChart:
    """Open findings over time and ahead; lines are points in a box of 100 by 40, today is at ``today_x``."""

    why_none: str
    """Why there is nothing to draw; empty when there is."""
    rate: str
    most: int
    first: date
    today: date
    last: date
    today_x: float
    open_line: str
    overdue_line: str
    forecast_line: str
    """Empty when there is less than a day of history: nobody can say."""
    forecast_band: str
    days: tuple[BurnPoint, ...]
    ahead: tuple[ForecastLine, ...]


@dataclass(frozen=True, slots=True)
class TrendLine:
    """The band of one category or system now, and over comparable runs."""

    title: str
    name: str
    low: float
    width: float
    words: str
    checks: Count | None
    """Checks of the category; ``None`` for a system."""
    band: str
    """Corners of the band over runs in a box of 100 by 20; empty while there is one run."""
    low_line: str
    change: str
    points: tuple[Pair, ...]
    """Day of the run, and the band then; oldest first."""


@dataclass(frozen=True, slots=True)
class CutLine:
    """One of the fixes that take most away from the attack graph."""

    rank: int
    title: str
    path: str
    """Address of the fix in the plan."""
    owner: str
    where: str
    """The first of its hosts by name."""
    hours: float
    removes: str
    """By how much the mean chance of compromise falls if this alone is made; empty without a graph."""
    ways: str
    why: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The head of security's page."""

    clocks: tuple[ClockLine, ...]
    open: Count
    overdue: Count
    burn: BurnChart
    trends: tuple[TrendLine, ...]
    trend_note: str
    """What the trend is made of, or why there is none."""
    cuts: tuple[CutLine, ...]
    cuts_note: str


@dataclass(frozen=True, slots=True)
class PathLine:
    """One attack path in the list."""

    rank: int
    id: str
    path: str
    """Address of its page."""
    title: str
    state: Tag
    assumed: bool
    """It starts from a breach that is only assumed."""
    steps: int
    chance: str
    tempo: str
    gist: str
    """Its last step that is not idle, as a sentence."""


@dataclass(frozen=True, slots=True)
class MapPlace:
    """One place of the map of attack paths: where an attacker starts, a zone, a host, or hosts that are alike."""

    id: str
    name: str
    kind: str
    """start, zone, host or objective."""
    zone: str
    hosts: tuple[Count, ...]
    """The hosts that stand behind it: ``number`` is its place in ``names``; empty for zones and starts."""
    names: tuple[str, ...]
    paths: int


@dataclass(frozen=True, slots=True)
class MapHop:
    """One way from place to place."""

    id: str
    source: str
    """Id of a place."""
    source_name: str
    target: str
    target_name: str
    how: str
    """The step's sentence; of the likeliest path where several go this way."""
    state: str
    """confirmed or possible."""
    paths: tuple[Count, ...]
    """``number`` is the rank of a path, ``path`` the address of its page; the first few."""
    total: int
    """How many paths go this way."""


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """One zone with its part in the paths."""

    name: str
    trust: str
    hosts: int
    """Hosts of it that some path goes through."""
    paths: int
    path: str
    """Address of the page with this zone alone."""
    here: bool


@dataclass(frozen=True, slots=True)
class PathsPage:
    """Attack paths: the worst as sentences, by zone as a picture, by host as a map that is also a table."""

    why_none: str
    lead: str
    coverage: Share
    rules: Share
    objectives: Share
    lines: tuple[PathLine, ...]
    lines_left_out: int
    picture: PictureView | None
    zones: tuple[ZoneLine, ...]
    zone: str
    """The zone that is looked at alone; empty for all."""
    places: tuple[MapPlace, ...]
    hops: tuple[MapHop, ...]
    paths_left_out: int
    """Paths that are not on the map, so that it stays below its limit."""


@dataclass(frozen=True, slots=True)
class FactRef:
    """A fact that a step rests on, with the answers it was read from."""

    host: str
    host_path: str
    fact: str
    document: str
    observed_at: datetime
    answers: tuple[Pair, ...]
    """Command and address of its answer; empty for a reader who may not read answers."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step with everything behind it."""

    number: int
    sentence: str
    after: str
    """Numbers of the steps it builds on, in words; empty where that is the one before."""
    rule: str
    edge: str
    chance: str
    sure: str
    certain: bool
    basis: str
    attack: str
    disputed: str
    facts: tuple[FactRef, ...]


@dataclass(frozen=True, slots=True)
class PathEnd:
    """One thing whose end would end the path, and the fix that does it."""

    why: str
    fix: str
    fix_path: str
    """Address of the fix in the plan; empty when none is planned."""
    try_path: str
    """Address of the what-if with this fix ticked."""


@dataclass(frozen=True, slots=True)
class PathPage:
    """One attack path with each step's reason, confidence and evidence."""

    id: str
    title: str
    state: Tag
    assumed: bool
    chance: str
    tempo: str
    coverage: Share
    steps: tuple[PathStep, ...]
    ends: tuple[PathEnd, ...]
    after: str
    may_read: bool
    """Whether the account may read raw answers."""


@dataclass(frozen=True, slots=True)
class FixChoice:
    """One fix that may be ticked in a what-if."""

    id: str
    title: str
    owner: str
    where: str
    """The first of its hosts by name."""
    hours: float
    due: date | None
    relative: str
    late: bool
    ticked: bool
    cuts: str
    """What it takes off the mean chance alone; empty where no path goes through it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A value before and after the ticked fixes."""

    name: str
    before: str
    after: str
    path: str = ""
    """Where what it counts is listed; empty without a list."""


@dataclass(frozen=True, slots=True)
class ReliefLine:
    """A due date that would move."""

    host: str
    host_path: str
    what: str
    due_now: date
    due_then: date | None
    """``None`` when no date would bind any more."""
    why: str


@dataclass(frozen=True, slots=True)
class WhatIfPage:
    """What the ticked fixes would come to, made together; nothing is stored."""

    coverage: Share
    fixes: tuple[FixChoice, ...]
    fixes_left_out: int
    ticked: tuple[str, ...]
    """Titles of the ticked fixes."""
    hours: float
    gone: int
    """Fixes of the address that are not in this plan."""
    why_none: str
    """Why paths and chances are not shown; empty when they are."""
    sums: tuple[Moved, ...]
    """Mean chances, open and overdue findings, next due date."""
    objectives: tuple[Moved, ...]
    ended: tuple[PathLine, ...]
    closed: tuple[str, ...]
    """Objectives to which no path is found any more in the evidence collected."""
    left: tuple[Pair, ...]
    """Objectives with the likeliest path that is left."""
    scores: tuple[Moved, ...]
    relief: tuple[ReliefLine, ...]
    share: str
    """Address of this what-if."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One fix on one day of the calendar."""

    title: str
    path: str
    """Where it is told in full."""
    owner: str
    days: str
    """Begins, goes on, or ends today; empty for a fix of one day."""
    late: bool


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One working day."""

    day: date
    today: bool
    slots: tuple[Slot, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class CalendarWeek:
    """Monday to Friday; days before the first or after the last have no slots."""

    title: str
    days: tuple[CalendarDay, ...]


@dataclass(frozen=True, slots=True)
class WorkDetail:
    """One fix of the calendar, told in full."""

    anchor: str
    title: str
    owner: str
    when: str
    where: str
    hours: float
    due: date | None
    relative: str
    late: bool
    due_reason: str
    why: str
    risk: str
    rollback: str
    proof: str
    try_path: str
    """Address of the what-if with this fix ticked."""


@dataclass(frozen=True, slots=True)
class LateLine:
    """A fix that cannot be in time, said on the first day."""

    title: str
    path: str
    owner: str
    due: date
    sentence: str


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Who mends what on which day, for thirty days."""

    as_of: date
    until: date
    note: str
    hours: str
    risk: str
    """Mean chance now and at the end, when all of it is done; empty without an attack graph."""
    late: tuple[LateLine, ...]
    owners: tuple[Choice, ...]
    weeks: tuple[CalendarWeek, ...]
    planned: int
    details: tuple[WorkDetail, ...]
    details_left_out: int
    unplanned: tuple[WorkDetail, ...]
    """Fixes that do not fit into the days, in the order in which they would come next."""
    unplanned_left_out: int
    ics: str
    csv: str


@dataclass(frozen=True, slots=True)
class AiLine:
    """One AI service that somebody saw."""

    service: str
    host: str
    host_path: str
    endpoint: str
    owner: str
    """By the register; empty for shadow AI."""
    network_says: str
    host_says: str


@dataclass(frozen=True, slots=True)
class AiMissing:
    """One entry of the register that nobody found."""

    service: str
    host: str
    host_path: str
    endpoint: str
    owner: str
    looked: str
    """Whether the host was looked at whole: what was not looked at is not absent."""


@dataclass(frozen=True, slots=True)
class AiUnidentified:
    """An open port that speaks HTTP and matched nothing: it may be an AI service all the same."""

    host: str
    host_path: str
    endpoint: str
    seen_from: str
    could_be: str


@dataclass(frozen=True, slots=True)
class AiBlind:
    """Hosts on which one side was not seen, for one reason."""

    side: str
    reason: str
    hosts: Share
    names: str
    detail: str


@dataclass(frozen=True, slots=True)
class AiPage:
    """AI services: the register against what was found."""

    register: bool
    """Whether the inventory names a register at all."""
    whole: Share
    """Hosts on which every open port was told apart and every program was seen."""
    looked: bool
    """Whether anybody looked at anything at all."""
    lead: str
    shadow: tuple[AiLine, ...]
    registered: tuple[AiLine, ...]
    missing: tuple[AiMissing, ...]
    unidentified: tuple[AiUnidentified, ...]
    blind: tuple[AiBlind, ...]
    left_out: int
    """Lines beyond the limit of each table."""
