"""The shape of assessment.json, schema ``posture.assessment/1``: fields may be added, never renamed or reused.

Apart from the nouns on purpose: those may change with the program, what others read may not. A file longer than
most because it is one list.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

SCHEMA = "posture.assessment/1"

StatusWord = Literal["pass", "fail", "not_applicable", "not_checked", "error", "manual"]
SeverityWord = Literal["info", "low", "medium", "high", "critical"]


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value as it stands in the file."""


class Run(_Wire, frozen=True):
    """Who looked, by what authority, when, with which program and baseline."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    state: Literal["running", "incomplete", "complete"]
    operator: str
    scanner: str
    tool_version: str
    authorisation: str
    profile: str
    baseline_digest: str
    inventory_digest: str
    as_of: datetime
    origin: Literal["live", "replayed", "imported", "attested"]
    merged_from: list[str]


class Coverage(_Wire, frozen=True):
    """Decided results out of hosts of the inventory times checks of the profile."""

    hosts: int
    checks: int
    possible: int
    decided: int
    by_status: dict[StatusWord, int]


class References(_Wire, frozen=True):
    """Where a requirement comes from."""

    nist_800_53r5: list[str]
    stig: list[str]
    cis: list[str]
    cisa: list[str]
    other: list[str]
    attack: list[str]
    atlas: list[str]


class FixText(_Wire, frozen=True):
    """How to mend it and what that may cost."""

    text: str
    precondition: str
    risk: Literal["none", "restart", "session_drop", "lockout", "outage"]
    minutes: int
    shell: str
    rollback: str
    verify: str


class Check(_Wire, frozen=True):
    """A check as it was used."""

    id: str
    revision: int
    title: str
    rationale: str
    severity: SeverityWord
    confidence: int
    deadline_class: str
    deadline_days: int
    categories: list[str]
    effect: str
    does_not_help: str
    fix: FixText
    references: References
    digest: str


class Tailoring(_Wire, frozen=True):
    """One departure from the profile."""

    check: str
    key: str
    old: Any
    new: Any
    reason: str


class Baseline(_Wire, frozen=True):
    """What the hosts were judged by."""

    profile: str
    title: str
    version: str
    max_age_days: int
    fail_threshold: SeverityWord
    digest: str
    checks: list[Check]
    tailoring: list[Tailoring]
    removed: dict[str, str]


class Zone(_Wire, frozen=True):
    """A part of the network with one level of trust."""

    name: str
    trust: str
    cidrs: list[str]


class Due(_Wire, frozen=True):
    """A date anyone can compute again."""

    due: date
    clock: str
    clock_version: str
    row: str
    inputs: dict[str, str]
    clock_start: date
    binding: bool
    legal: bool
    reason: str


class Finding(_Wire, frozen=True):
    """The life of a failing result."""

    id: str
    check: str
    host: str
    subject: str
    status: Literal["open", "closed"]
    closing: Literal["fixed", "host_gone", "not_applicable", "check_changed", "merged"] | None
    first_seen: datetime
    last_seen: datetime
    closed_at: datetime | None
    times_opened: int
    due: list[Due]
    """Every clock that runs on it; the first one governs."""
    overdue_days: int
    waiver: str | None


class Assertion(_Wire, frozen=True):
    """What was expected and what was there."""

    id: str
    fact: str
    operator: str
    expected: str
    actual: str
    outcome: Literal["true", "false", "unknown", "not_applicable"]
    message: str


class Result(_Wire, frozen=True):
    """A check on a host."""

    check: str
    revision: int
    status: StatusWord
    reason: str
    assertions: list[Assertion]
    evidence: list[str]
    """Command ids among the evidence of the same host."""
    subjects: list[str]
    topics: list[str]
    waiver: str | None


class Evidence(_Wire, frozen=True):
    """One answer of one host to one question."""

    command_id: str
    asked: str
    sha256: str
    stderr_sha256: str
    account: str
    vantage: str
    origin: Literal["live", "replayed", "imported", "attested"]
    taken_at: datetime
    duration_ms: int
    exit_code: int | None
    size_bytes: int
    truncated: bool
    redactions: int


class Unseen(_Wire, frozen=True):
    """A topic we asked for and do not have."""

    topic: str
    reason: str
    detail: str


class Host(_Wire, frozen=True):
    """Everything said of one host."""

    id: str
    name: str
    addresses: list[str]
    zone: str
    owner: str
    system: str
    roles: list[str]
    groups: list[str]
    mission: str
    device_class: str
    asset_tags: dict[str, str | None]
    platform: str
    session: str
    taken_at: datetime | None
    results: list[Result]
    unseen: list[Unseen]
    evidence: list[Evidence]
    documents: dict[str, str]
    """Topic to the digest of its facts."""


class Fix(_Wire, frozen=True):
    """One change of the plan, in the order of the plan."""

    rank: int
    check: str
    owner: str
    title: str
    hosts: list[str]
    findings: list[str]
    severity: SeverityWord
    due: date | None
    due_reason: str
    minutes: int
    risk: str
    weight: float
    reason: str


class Score(_Wire, frozen=True):
    """One AI-threat category as a band; uncalibrated."""

    category: str
    title: str
    low: float
    high: float
    checks: int
    weight: float
    calibrated: Literal[False] = False


class GroupScore(_Wire, frozen=True):
    """One host, system or zone as a band over all checks; uncalibrated."""

    kind: Literal["host", "system", "zone"]
    name: str
    """Empty for hosts that declare no system."""
    low: float
    high: float
    hosts: int
    weight: float
    calibrated: Literal[False] = False


class Clock(_Wire, frozen=True):
    """A deadline rule."""

    id: str
    title: str
    authority: str
    source: str
    as_of: date
    version: str
    starts: str
    days: int | None
    start_date: date | None
    effective: date | None
    expires: date | None
    applies_to: list[str]
    legal: bool
    history: bool
    note: str


class Rebase(_Wire, frozen=True):
    """A campaign start put on record."""

    start: date
    by: str
    reason: str
    recorded_at: datetime


class Campaign(_Wire, frozen=True):
    """The agency's own campaign, which is not law."""

    start: date
    days: int
    rebases: list[Rebase]


class Approval(_Wire, frozen=True):
    """Who accepted the risk."""

    name: str
    role: str
    date: date


class Waiver(_Wire, frozen=True):
    """A decision to live with a failure, what it does today, and what it covers."""

    id: str
    state: Literal["active", "expired", "unneeded", "orphan", "lapsed"]
    check: str
    hosts: list[str]
    zones: list[str]
    expected_status: StatusWord
    reason: str
    owner: str
    approved_by: list[Approval]
    expires: date
    evidence_sha256: str
    compensating: list[str]
    poam: str
    findings: list[str]


class Attestation(_Wire, frozen=True):
    """What a person states of a check on a host; results that stand on it are ``manual`` and never decided."""

    id: str
    state: Literal["active", "expired", "unneeded", "orphan"]
    check: str
    host: str
    author: str
    reason: str
    made_at: datetime
    expires: date
    file: str
    file_sha256: str
    """Of the document it rests on, which is not kept here."""
    origin: Literal["attested"] = "attested"


class Sight(_Wire, frozen=True):
    """What a check said of a host in one run, judged again from the raw answers when the receipt was made."""

    run: str
    at: datetime
    status: StatusWord
    said: str
    evidence: dict[str, str]
    """Command id to the sha256 of its answer."""
    origin: Literal["live", "replayed", "imported", "attested"]
    in_force: str
    """Whether what runs and what the files say agree."""


class Receipt(_Wire, frozen=True):
    """A finding failed with one piece of evidence and passes with another, both judged by the same check."""

    finding: str
    check: str
    host: str
    subject: str
    revision: int
    check_digest: str
    same_check: bool
    failed: Sight
    passes: Sight
    days_open: int
    days_passing: int
    last_passing: datetime
    times_reopened: int
    ticket: str
    holds: bool
    why: str


class Unsettled(_Wire, frozen=True):
    """A check on a host whose running and persistent state do not agree."""

    host: str
    check: str
    status: StatusWord
    in_force: str


class UnassessedHost(_Wire, frozen=True):
    """An address that answers and that no inventory knows; it is in no count of this file."""

    address: str
    zone: str
    ports: list[str]
    vendor: str
    first_seen: datetime
    last_seen: datetime


class PathStep(_Wire, frozen=True):
    """One step of an attack path."""

    number: int
    after: list[int]
    """Steps that bring its premises."""
    edge: str
    rule: str
    sentence: str
    confidence: float
    tier: str
    attack: list[str]
    """ATT&CK technique ids."""
    disputed_by: str


class PathEnd(_Wire, frozen=True):
    """A finding or a setting whose end ends a path."""

    id: str
    host: str
    why: str
    check: str
    finding: str
    remedy: str


class AttackPath(_Wire, frozen=True):
    """One way to something that must not be lost."""

    id: str
    origin: str
    objective: str
    confirmed: bool
    """Every step is as good as seen."""
    assumed: bool
    """It starts from an assumed breach."""
    probability: float
    """Of this way alone, were every step real; uncalibrated."""
    confidence: float
    minutes_human: float
    minutes_machine: float
    steps: list[PathStep]
    ended_by: list[PathEnd]
    """Any one of them is enough."""


class RuleGap(_Wire, frozen=True):
    """A kind of step that could not be asked everywhere."""

    rule: str
    title: str
    hosts: int
    why: str


class AttackPaths(_Wire, frozen=True):
    """Attack paths of the run; an objective without one is "no path found in the evidence collected"."""

    nodes: int
    edges: int
    objectives: list[str]
    certified: list[str]
    searched: bool
    """False where the extra ``graph`` was not installed."""
    paths: list[AttackPath]
    no_path_found: list[str]
    not_asked_everywhere: list[RuleGap]


class Assessment(_Wire, frozen=True):
    """The whole file; keys stand in alphabetical order, so a reader can take the hosts as a stream."""

    attack_paths: AttackPaths | None
    """``null`` for a run that was judged without their rules."""
    attestations: list[Attestation]
    baseline: Baseline
    campaign: Campaign
    clocks: list[Clock]
    coverage: Coverage
    findings: list[Finding]
    fingerprint: str
    group_scores: list[GroupScore]
    fleet: list[Result]
    """What the checks of the whole fleet say. It is no host: findings name it ``fleet``, no count of hosts has it."""
    hosts: list[Host]
    marking: str
    """The agency's classification or handling banner; empty when none is configured."""
    notes: list[str]
    plan: list[Fix]
    plan_as_of: date
    receipts: list[Receipt]
    """Of every fix that stands, by this run and by earlier ones."""
    run: Run
    schema: Literal["posture.assessment/1"]
    scores: list[Score]
    taxonomy: dict[str, str]
    text: Literal["inert/1"]
    """Strings have control and invisible characters written out as ⟨U+202E⟩ and come from machines we do not trust."""
    unassessed_hosts: list[UnassessedHost]
    """What `posture discover` found and no inventory knew when this run began."""
    unsettled: list[Unsettled]
    """Good on one side only: changed and not in force, or in force and not kept."""
    waivers: list[Waiver]
    zones: list[Zone]
