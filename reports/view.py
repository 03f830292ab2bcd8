"""The typed contexts of the HTML report: templates may use these fields and no others (a test reads both).

Strings are as they came; the template environment makes every one of them inert when it is printed.
A file longer than most because it is one list: each block belongs to one section, in page order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Share:
    """A number beside its denominator."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to an anchor on the page; an empty anchor is plain text."""

    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A word with a colour; the word carries the meaning."""

    text: str
    tone: str
    """A CSS class suffix: critical, high, medium, low, info, good, unknown or plain."""


# --- header -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A term and what it is."""

    term: str
    value: str


@dataclass(frozen=True, slots=True)
class HeaderView:
    """Who looked, by what authority, when, and by which baseline."""

    profile: str
    run: str
    as_of: datetime
    key_facts: tuple[Pair, ...]
    """What an auditor asks first."""
    facts: tuple[Pair, ...]
    warnings: tuple[str, ...]
    """What the reader must know before any number."""


@dataclass(frozen=True, slots=True)
class HeadlineView:
    """The verdict in one sentence and four numbers."""

    sentence: str
    caution: str
    coverage: Share
    hosts: Share
    open: int
    open_fleet: int
    open_hosts: Share
    overdue: Share
    next_due: date | None
    """The first day, from today on, on which a finding that is not waived is due."""
    next_relative: str
    overdue_waived: int
    waived: Share
    severities: tuple[SeverityCount, ...]


@dataclass(frozen=True, slots=True)
class SeverityCount:
    """Open findings of one severity."""

    tag: Tag
    count: Share


# --- coverage and blind spots -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StatusSlice:
    """One status as a part of the coverage bar; x and width in percent of the bar."""

    name: str
    tone: str
    meaning: str
    count: Share
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class BlindHostView:
    """What one host did not tell."""

    host: Link
    zone: str
    owner: str
    topics: str
    checks: Share
    names: str
    detail: str


@dataclass(frozen=True, slots=True)
class BlindView:
    """One reason for not knowing, and what to do about it."""

    title: str
    meaning: str
    action: str
    hosts: Share
    results: Share
    listed: tuple[BlindHostView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class CoverageView:
    """What was seen, out of what there is."""

    share: Share
    hosts_assessed: Share
    hosts_complete: Share
    hosts_blind: Share
    slices: tuple[StatusSlice, ...]
    complete: bool
    blind: tuple[BlindView, ...]


# --- due ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BucketView:
    """Open findings by when they are due."""

    name: str
    count: Share
    waived: int
    late: bool


@dataclass(frozen=True, slots=True)
class DueDayView:
    """One day on which findings are due."""

    due: date
    relative: str
    late: bool
    count: Share
    waived: int
    width: float
    """Length of the bar, 0 to 100."""
    standings: str


@dataclass(frozen=True, slots=True)
class ClockView:
    """One deadline rule."""

    title: str
    standing: str
    history: bool
    rule: str
    runs_on: Share
    governs: int
    overdue: int
    authority: str
    version: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class RebaseView:
    """A start of the campaign that was put on record."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignView:
    """Where the agency's own campaign stands today."""

    label: str
    start: date
    end: date
    day: Share
    position: str
    width: float
    rebases: tuple[RebaseView, ...]


@dataclass(frozen=True, slots=True)
class DueView:
    """What is due when."""

    today: date
    buckets: tuple[BucketView, ...]
    days: tuple[DueDayView, ...]
    left_out: int
    campaign: CampaignView
    clocks: tuple[ClockView, ...]


# --- known vulnerabilities ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlatformView:
    """Hosts of one platform by who assessed their known vulnerabilities."""

    platform: str
    hosts: int
    by_us: Share
    imported: Share
    not_assessed: Share
    with_gaps: Share


@dataclass(frozen=True, slots=True)
class StandingView:
    """Vulnerabilities by how they stand to their date."""

    name: str
    count: Share
    late: bool


@dataclass(frozen=True, slots=True)
class VulnerabilityView:
    """One CVE on one host."""

    host: str
    cve: str
    package: str
    fix: str
    status: str
    late: bool
    due: str
    other_due: str
    """The same days counted from when the table binds, where the clock began before."""
    why: str
    said: tuple[Pair, ...]
    """Each input with its value and who says so."""
    triage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownView:
    """Known vulnerabilities under BOD 26-04, the denominator first."""

    standing: str
    source: str
    platforms: tuple[PlatformView, ...]
    total: int
    standings: tuple[StandingView, ...]
    defaulted: tuple[Pair, ...]
    """Inputs that nobody gave, counted apart."""
    first: tuple[VulnerabilityView, ...]
    left_out: int
    feeds: tuple[Pair, ...]
    tagged: Share
    public_addresses: int
    discovered: Share
    """Hosts found within seven days."""
    enumerated: Share
    """Hosts read with a login within fourteen."""


# --- burn-down ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BurnDayView:
    """How findings stood at the end of one day."""

    day: date
    open: int
    overdue: int
    opened: int
    fixed: int
    gone: int


@dataclass(frozen=True, slots=True)
class OpenView:
    """One open finding with its date."""

    due: date | None
    check: str
    host: str
    subject: str


@dataclass(frozen=True, slots=True)
class BurnView:
    """The findings of one clock over time."""

    title: str
    lead: str
    rate: str
    open_line: str
    """Points of the line of open findings, in a box of 100 by 30."""
    overdue_line: str
    most: int
    """The number at the top of the box."""
    days: tuple[BurnDayView, ...]
    week: tuple[OpenView, ...]
    week_total: int
    late: tuple[OpenView, ...]


# --- plan -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FixView:
    """One change, and why it stands where it stands."""

    rank: int
    anchor: str
    check: Link
    title: str
    severity: Tag
    owner: str
    across: bool
    """True when it stands against the whole fleet and no single host."""
    hosts: Share
    host_names: str
    places: tuple[Link, ...]
    """Every host, when the line above names only some."""
    places_left_out: int
    closes: Share
    due: date | None
    relative: str
    late: bool
    due_reason: str
    minutes: int
    risk: str
    how: FixText | None
    reason: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """What to change, in which order."""

    as_of: date
    total: int
    minutes: int
    first: tuple[FixView, ...]
    rest: tuple[FixView, ...]
    left_out: int


# --- scores ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScoreView:
    """One AI-threat category as a band between two numbers."""

    category: str
    title: str
    low: float
    width: float
    """What is unknown: from the low end to the high end."""
    checks: int
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class GroupScoreView:
    """One zone or system as a band over all checks."""

    name: str
    hosts: int
    low: float
    width: float
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class GroupScoresView:
    """The zones, or the systems, the weakest first."""

    title: str
    head: str
    rows: tuple[GroupScoreView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ScoresView:
    """Every category of the taxonomy, and every zone and system."""

    rows: tuple[ScoreView, ...]
    groups: tuple[GroupScoresView, ...]


# --- findings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AssertionView:
    """What was expected and what was there."""

    fact: str
    operator: str
    expected: str
    actual: str
    outcome: str
    message: str
    failed: bool


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One piece of evidence behind a finding."""

    command: str
    digest: Link
    taken_at: datetime
    account: str
    vantage: str
    origin: str
    live: bool


@dataclass(frozen=True, slots=True)
class DueLine:
    """One clock that runs on a finding."""

    due: date
    relative: str
    late: bool
    clock: str
    standing: str
    reason: str
    start: date


@dataclass(frozen=True, slots=True)
class FindingView:
    """One failing check on one host."""

    anchor: str
    id: str
    host: Link
    zone: str
    owner: str
    system: str
    subject: str
    gist: str
    """What was there, in one line."""
    first_seen: datetime
    last_seen: datetime
    opened: int
    stale: str
    """Why it was not seen failing this time, when it was not; otherwise empty."""
    due: tuple[DueLine, ...]
    late: bool
    waiver: Link
    waiver_note: str
    assertions: tuple[AssertionView, ...]
    evidence: tuple[EvidenceLine, ...]
    """The answers named like the facts, or the first few when none is."""
    more_evidence: tuple[EvidenceLine, ...]
    """The other answers of the topics that were judged."""
    without: str
    """Why no evidence is named, when none is."""


@dataclass(frozen=True, slots=True)
class FixText:
    """How to mend it, what that may cost, how to undo it, and how to see that it worked."""

    text: tuple[str, ...]
    precondition: tuple[str, ...]
    risk: str
    minutes: int
    shell: tuple[str, ...]
    rollback: tuple[str, ...]
    verify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check that fails somewhere, with its hosts."""

    anchor: str
    id: str
    revision: int
    title: str
    severity: Tag
    severity_reason: str
    confidence: int
    rationale: str
    categories: str
    effect: str
    limits: str
    across: bool
    """True for a check of the whole fleet."""
    hosts: Share
    waived: int
    overdue: int
    unknown: int
    fix: FixText | None
    references: tuple[Pair, ...]
    findings: tuple[FindingView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ClosedView:
    """A finding this run closed."""

    id: str
    check: str
    host: str
    closing: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class ChecksView:
    """Findings by check."""

    total: int
    checks: tuple[CheckView, ...]
    failing: Share
    closed: tuple[ClosedView, ...]
    closed_total: int
    fixed: Share


# --- hosts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostFindingView:
    """A finding as listed under its host."""

    link: Link
    title: str
    severity: Tag
    subject: str
    due: date | None
    relative: str
    late: bool
    waived: bool


@dataclass(frozen=True, slots=True)
class HostView:
    """One host with its findings."""

    anchor: str
    id: str
    name: str
    facts: tuple[Pair, ...]
    decided: Share
    score: str
    """The host's band in words; empty when the run has none."""
    open: int
    overdue: int
    worst: Tag | None
    findings: tuple[HostFindingView, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class HostsView:
    """Findings by host."""

    listed: Share
    hosts: tuple[HostView, ...]
    gone: int
    """Hosts with open findings that this run did not contain."""


# --- the fleet as a whole -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FleetRowView:
    """What one check says of all hosts together."""

    check: Link
    title: str
    says: Tag
    what: str


@dataclass(frozen=True, slots=True)
class FleetView:
    """The checks asked once of all hosts together; they stand in no count of hosts."""

    rows: tuple[FleetRowView, ...]
    decided: Share


# --- waivers, tailoring, evidence -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaiverView:
    """A decision to live with a failure."""

    anchor: str
    id: str
    check: str
    state: Tag
    meaning: str
    covers: str
    reason: str
    owner: str
    approved: str
    expires: date
    relative: str
    compensating: str
    poam: str
    keeps_open: tuple[Link, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class TailoringView:
    """One departure from the profile."""

    check: str
    key: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class BaselineView:
    """What the hosts were judged by."""

    title: str
    profile: str
    digest: str
    checks: int
    changes: tuple[TailoringView, ...]
    removed: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """One host that gave a piece of evidence."""

    host: Link
    command: str
    account: str
    vantage: str
    origin: str
    live: bool
    taken_at: datetime
    duration_ms: int
    exit_code: str
    remark: str


@dataclass(frozen=True, slots=True)
class ExcerptView:
    """The bytes behind a digest, as far as they are shown."""

    anchor: str
    digest: str
    size_bytes: int
    sources: tuple[SourceView, ...]
    lines: tuple[str, ...]
    stderr: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The evidence of the findings shown."""

    excerpts: tuple[ExcerptView, ...]
    shown: Share
    """Digests whose bytes are shown, at least in part."""
    excerpt_bytes: int
    total_bytes: int
    notes: tuple[str, ...]


# --- method ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MethodView:
    """What the words mean, and what this report cannot say."""

    statuses: tuple[Pair, ...]
    terms: tuple[Pair, ...]
    walk: tuple[Pair, ...]
    """How to follow a number of this report down to evidence."""
    cannot_say: tuple[str, ...]
    fingerprint: str


# --- attack paths ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PathStepView:
    """One step of a way, as a sentence with what it rests on."""

    number: int
    sentence: str
    rule: str
    tier: str
    sure: str
    certain: bool
    attack: str
    evidence: str
    disputed: str


@dataclass(frozen=True, slots=True)
class EndView:
    """One setting or finding, and what takes it away."""

    why: str
    how: Link


@dataclass(frozen=True, slots=True)
class AttackPathView:
    """One way to something that must not be lost."""

    rank: int
    anchor: str
    id: str
    title: str
    state: Tag
    assumed: bool
    chance: str
    tempo: str
    steps: tuple[PathStepView, ...]
    ends: tuple[EndView, ...]
    """Any one of them ends it."""
    ends_left_out: int
    after: str


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One zone of the picture, as a box."""

    name: str
    trust: str
    hosts: str
    x: int
    y: int
    width: int
    height: int
    text_x: int
    name_y: int
    hosts_y: int


@dataclass(frozen=True, slots=True)
class HopView:
    """One way between zones, as an arrow and as a row."""

    source: str
    target: str
    ports: str
    paths: int
    state: str
    line: str
    head: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """The paths by zone."""

    width: int
    height: int
    places: tuple[PlaceView, ...]
    hops: tuple[HopView, ...]
    words: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change, with the mean chance of loss before and after it."""

    how: EndView
    paths: Share
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleGapView:
    """A kind of step that could not be asked everywhere."""

    rule: str
    title: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class PathsView:
    """What an attacker could make of it all; never "unreachable"."""

    why_none: str
    lead: str
    objectives: Share
    certified: Share
    rules: Share
    size: str
    coverage: Share
    first: tuple[AttackPathView, ...]
    picture: PictureView | None
    changes: tuple[ChangeView, ...]
    finish: str
    waived: tuple[str, ...]
    not_found: str
    suggested: tuple[str, ...]
    gaps: tuple[RuleGapView, ...]
    disputed: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole page."""

    marking: str
    header: HeaderView
    headline: HeadlineView
    coverage: CoverageView
    due: DueView
    burns: tuple[BurnView, ...]
    known: KnownView
    plan: PlanView
    paths: PathsView
    scores: ScoresView
    checks: ChecksView
    hosts: HostsView
    fleet: FleetView
    waivers: tuple[WaiverView, ...]
    baseline: BaselineView
    evidence: EvidenceView
    method: MethodView
