"""One pass over the hosts: the totals every report needs, and the details it will show; memory stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from posture.model.assessment import Assessment, HostAssessment
from posture.model.attestation import REASON as ATTESTED
from posture.model.check import Check, Severity
from posture.model.finding import Finding, Result, Status
from posture.model.host import FLEET, Host
from posture.model.observation import Evidence
from reports.bod_tally import BodTally
from reports.due import active_waivers, governing, open_findings, overdue
from reports.words import BLIND, UNEXPLAINED

DECLARED = "declared"
"""The topic that holds what the inventory says of a host: stated, not seen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one HTML file shows; what is left out is counted in it and stands in the CSV and JSON files."""

    findings_per_check: int = 25
    hosts: int = 300
    findings_per_host: int = 40
    fixes: int = 200
    vulnerabilities: int = 100
    due_dates: int = 60
    blind_hosts_per_reason: int = 40
    excerpt_bytes: int = 4_096  # a screenful or two: enough to see the line that matters
    stderr_bytes: int = 512
    excerpts_total_bytes: int = 1_500_000  # keeps the file mailable; digests of the rest are still listed
    value_chars: int = 1_000


@dataclass(frozen=True, slots=True)
class HostTally:
    """One host in numbers."""

    host: Host
    counts: tuple[int, ...]
    """Results by ``Status`` value."""
    platform: str
    session: str
    taken_at: datetime | None
    assessed: bool
    """True when a decided result rests on more than what the inventory declares of the host."""

    @property
    def decided(self) -> int:
        """Results that are pass, fail or not applicable."""
        return sum(count for value, count in enumerate(self.counts) if Status(value).decided)


@dataclass(frozen=True, slots=True)
class Detail:
    """A result we will show, with the evidence records of that host it names."""

    host: Host
    result: Result
    evidence: tuple[Evidence, ...]


@dataclass(slots=True)
class BlindHost:
    """What one host did not tell, for one reason."""

    host: str
    zone: str
    owner: str
    topics: dict[str, str] = field(default_factory=dict)
    """Topic to detail, for topics that did not arrive at all."""
    checks: list[str] = field(default_factory=list)
    """Checks left undecided for this reason."""
    detail: str = ""


@dataclass(slots=True)
class BlindGroup:
    """Everything not known for one reason."""

    reason: str
    hosts: int = 0
    results: int = 0
    kept: list[BlindHost] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over an assessment found; every page and summary is built from it."""

    assessment: Assessment
    limits: Limits
    checks: Mapping[str, Check]
    open: tuple[Finding, ...]
    waived: frozenset[str]
    """Ids of open findings under a waiver in force."""
    overdue: frozenset[str]
    """Ids of open findings whose date has passed, waived or not."""
    fleet: tuple[Result, ...]
    """What the checks of the whole fleet say; it is no host and stands in no count of hosts."""
    hosts_seen: int
    """Hosts in the stream."""
    hosts_assessed: int
    """Hosts with at least one decided result that rests on an answer."""
    hosts_complete: int
    """Hosts with every check decided."""
    hosts_blind: int
    """Hosts with at least one blind spot."""
    by_check: Mapping[str, tuple[int, ...]]
    """Results of each check by ``Status`` value."""
    by_status: tuple[int, ...]
    blind: tuple[BlindGroup, ...]
    hosts: tuple[HostTally, ...]
    """The hosts to list, worst first."""
    details: Mapping[tuple[str, str], Detail]
    """By host and check: those to show in full."""
    bod: BodTally
    """What the pages of BOD 26-04 count."""

    @property
    def undecided(self) -> int:
        """Results of the frozen denominator that are not decided."""
        return max(0, self.assessment.coverage.possible - self.assessment.coverage.decided)

    @property
    def complete(self) -> bool:
        """True only when nothing at all is unknown."""
        coverage = self.assessment.coverage
        hosts = coverage.possible > 0 and self.undecided == 0 and not self.blind and self.hosts_seen >= coverage.hosts
        return hosts and not self.fleet_undecided

    @property
    def fleet_checks(self) -> tuple[str, ...]:
        """The checks asked once of all hosts together."""
        return tuple(check.id for check in self.checks.values() if check.scope == FLEET)

    @property
    def fleet_undecided(self) -> int:
        """Checks of the whole fleet without a verdict."""
        decided = {result.check for result in self.fleet if result.verdict.status.decided}
        return len(set(self.fleet_checks) - decided)

    def severity(self, finding: Finding) -> Severity:
        """Return the severity of its check; one that left the baseline counts as the worst: we do not know."""
        check = self.checks.get(finding.check)
        return check.severity if check else Severity.CRITICAL


def survey(assessment: Assessment, limits: Limits | None = None) -> Survey:
    """Read every host once and return the totals with the chosen details; the last one is remembered."""
    return _survey(assessment, limits or Limits())


@lru_cache(maxsize=1)
def _survey(assessment: Assessment, limits: Limits) -> Survey:
    checks = {check.id: check for check in assessment.baseline.checks}
    active = active_waivers(assessment)
    still_open = tuple(
        sorted(open_findings(assessment.findings), key=lambda finding: _urgency(finding, checks, assessment))
    )
    walk = _Walk(
        limits=limits,
        checks_of_host=checks_of_host(assessment),
        fleet_checks=frozenset(check.id for check in checks.values() if check.scope == FLEET),
        hosts_wanted=frozenset(_first(dict.fromkeys(finding.host for finding in still_open), limits.hosts)),
        details_wanted=_details_wanted(still_open, limits),
        bod=BodTally(assessment, limits.vulnerabilities),
    )
    for entry in assessment.read_hosts():
        walk.add(entry)
    ranks = {host: rank for rank, host in reversed(list(enumerate(finding.host for finding in still_open)))}
    return Survey(
        assessment=assessment,
        limits=limits,
        checks=checks,
        open=still_open,
        waived=frozenset(finding.id for finding in still_open if finding.waiver in active),
        overdue=frozenset(finding.id for finding in still_open if overdue(finding, assessment.today)),
        fleet=walk.fleet,
        hosts_seen=walk.seen,
        hosts_assessed=walk.assessed,
        hosts_complete=walk.complete,
        hosts_blind=walk.blind_hosts,
        by_check={check: tuple(counts) for check, counts in sorted(walk.by_check.items())},
        by_status=tuple(walk.by_status),
        blind=tuple(sorted(walk.blind.values(), key=_blindness)),
        hosts=tuple(sorted(walk.hosts, key=lambda tally: (ranks.get(tally.host.id, len(ranks)), tally.host.id))),
        details=walk.details,
        bod=walk.bod,
    )


def checks_of_host(assessment: Assessment) -> int:
    """Return how many checks are asked of one host: all of the profile but those of the whole fleet."""
    checks = assessment.baseline.checks
    # Coverage of every check counts those of the fleet for each host, as not applicable.
    all_counted = assessment.coverage.checks == len(checks)
    return assessment.coverage.checks - (sum(check.scope == FLEET for check in checks) if all_counted else 0)


def blind_of(entry: HostAssessment) -> tuple[tuple[str, BlindHost], ...]:
    """Return what one host did not tell, by reason: topics that never came, and checks they left undecided."""
    groups: dict[str, BlindHost] = {}

    def of(reason: str) -> BlindHost:
        host = entry.host
        return groups.setdefault(reason, BlindHost(host.id, host.zone, host.owner))

    for unseen in entry.unseen:
        of(unseen.reason).topics[unseen.topic] = unseen.detail
    for result in entry.results:
        if result.verdict.status.decided:
            continue
        spot = of(blind_reason(result))
        spot.checks.append(result.check)
        spot.detail = spot.detail or _why(result)
    return tuple(sorted(groups.items()))


def blind_reason(result: Result) -> str:
    """Return the word under which an undecided result is listed."""
    if result.verdict.status is Status.MANUAL and result.verdict.reason == ATTESTED:
        return ATTESTED
    if result.verdict.status is not Status.NOT_CHECKED:
        return result.verdict.status.label
    return result.verdict.reason if result.verdict.reason in BLIND else UNEXPLAINED


@dataclass(slots=True)
class _Walk:
    """The running totals; what it keeps does not grow with the number of hosts beyond the limits."""

    limits: Limits
    checks_of_host: int
    fleet_checks: frozenset[str]
    hosts_wanted: frozenset[str]
    details_wanted: frozenset[tuple[str, str]]
    bod: BodTally
    fleet: tuple[Result, ...] = ()
    seen: int = 0
    assessed: int = 0
    complete: int = 0
    blind_hosts: int = 0
    by_status: list[int] = field(default_factory=lambda: [0] * len(Status))
    by_check: dict[str, list[int]] = field(default_factory=dict)
    blind: dict[str, BlindGroup] = field(default_factory=dict)
    hosts: list[HostTally] = field(default_factory=list)
    others: int = 0
    details: dict[tuple[str, str], Detail] = field(default_factory=dict)

    def add(self, entry: HostAssessment) -> None:
        self._keep_details(entry)
        self.bod.add(entry)
        if entry.host.id == FLEET:
            self.fleet = entry.results
            return
        self.seen += 1
        tally = _tally(entry, self.fleet_checks)
        self.assessed += tally.assessed
        self.complete += 0 < self.checks_of_host <= tally.decided
        self._count(entry)
        self._keep_blind(entry)
        self._keep_host(tally)

    def _count(self, entry: HostAssessment) -> None:
        for result in entry.results:
            status = result.verdict.status
            self.by_status[status] += 1
            self.by_check.setdefault(result.check, [0] * len(Status))[status] += 1

    def _keep_blind(self, entry: HostAssessment) -> None:
        groups = blind_of(entry)
        self.blind_hosts += bool(groups)
        for reason, spot in groups:
            group = self.blind.setdefault(reason, BlindGroup(reason))
            group.hosts += 1
            group.results += len(spot.checks)
            if len(group.kept) < self.limits.blind_hosts_per_reason:
                group.kept.append(spot)

    def _keep_host(self, tally: HostTally) -> None:
        if tally.host.id in self.hosts_wanted:
            self.hosts.append(tally)
        elif self.others < self.limits.hosts - len(self.hosts_wanted):
            self.others += 1
            self.hosts.append(tally)

    def _keep_details(self, entry: HostAssessment) -> None:
        wanted = [result for result in entry.results if (result.host, result.check) in self.details_wanted]
        if not wanted:
            return
        by_command = {record.command_id: record for record in entry.evidence}
        for result in wanted:
            records = tuple(by_command[command] for command in result.evidence if command in by_command)
            self.details[result.host, result.check] = Detail(entry.host, result, records)


def _tally(entry: HostAssessment, fleet_checks: frozenset[str]) -> HostTally:
    # A check of the whole fleet never says anything of a host: a host out of reach would count as assessed.
    own = [result for result in entry.results if result.check not in fleet_checks]
    counts = Counter(result.verdict.status for result in own)
    return HostTally(
        host=entry.host,
        counts=tuple(counts[status] for status in Status),
        platform=entry.platform,
        session=entry.session,
        taken_at=entry.taken_at,
        assessed=any(result.verdict.status.decided and result.verdict.topics != (DECLARED,) for result in own),
    )


def _urgency(
    finding: Finding, checks: Mapping[str, Check], assessment: Assessment
) -> tuple[bool, int, bool, date, str, str, str]:
    due = governing(finding)
    check = checks.get(finding.check)
    severity = check.severity if check else Severity.CRITICAL
    late = overdue(finding, assessment.today)
    return (
        not late,
        -severity,
        due is not None,
        due.due if due else assessment.today,
        finding.check,
        finding.host,
        finding.id,
    )


def _blindness(group: BlindGroup) -> tuple[bool, int, str]:
    # What waits for a person is expected work; it goes below what went wrong.
    return (group.reason in (Status.MANUAL.label, ATTESTED), -group.results, group.reason)


def _details_wanted(findings: Iterable[Finding], limits: Limits) -> frozenset[tuple[str, str]]:
    shown: Counter[str] = Counter()
    wanted: set[tuple[str, str]] = set()
    for finding in findings:
        if shown[finding.check] < limits.findings_per_check:
            shown[finding.check] += 1
            wanted.add((finding.host, finding.check))
    return frozenset(wanted)


def _first(names: Iterable[str], limit: int) -> list[str]:
    return list(names)[:limit]


def _why(result: Result) -> str:
    if result.verdict.status is Status.ERROR:
        return result.verdict.reason
    return next((line.message for line in result.verdict.assertions if line.message), "")
