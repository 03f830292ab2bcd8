"""One pass over the hosts: the totals every report needs, and the details it will show; memory stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter

from posture.model.assessment import Assessment, HostAssessment
from posture.model.attestation import REASON as ATTESTED
from posture.model.check import Baseline, Check, Severity
from posture.model.finding import Finding, Result, Status
from posture.model.host import FLEET, Host
from posture.model.observation import Evidence
from reports.bod_tally import BodTally
from reports.due import active_waivers, governing, open_findings, overdue
from reports.first import First
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
    known, limits = _last, limits or Limits()
    if known is not None and known.assessment is assessment and known.limits == limits:
        return known
    counting = Surveying(assessment, limits)
    for entry in assessment.read_hosts():
        counting.add(entry)
    return counting.done()


_last: Survey | None = None
"""Several formats and the summary on the terminal are made of one."""


class Surveying:
    """Takes the hosts of an assessment one after the other, and is its survey once it has met all of them."""

    def __init__(self, assessment: Assessment, limits: Limits) -> None:
        bod = BodTally(assessment.assessed, assessment.read_vulnerabilities, assessment.today, limits.vulnerabilities)
        self._assessment = assessment
        self._surveyor = Surveyor(assessment.baseline, checks_of_host(assessment), bod, limits)
        self._opened: dict[str, list[Finding]] = {}
        for finding in open_findings(assessment.findings):
            self._opened.setdefault(finding.host, []).append(finding)

    def add(self, entry: HostAssessment) -> None:
        """Count the next host."""
        self._surveyor.add(entry, self._opened.get(entry.host.id, ()))

    def done(self) -> Survey:
        """Return what all hosts together come to."""
        global _last  # noqa: PLW0603 - replaced whole: whoever reads it beside us gets the old one or the new one
        _last = self._surveyor.survey(self._assessment)
        return _last


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


class Surveyor:
    """Takes host after host with its open findings; what it keeps does not grow with the fleet beyond the limits."""

    def __init__(self, baseline: Baseline, checks_of_host: int, bod: BodTally, limits: Limits) -> None:
        self._checks = {check.id: check for check in baseline.checks}
        self._checks_of_host, self._bod, self._limits = checks_of_host, bod, limits
        self._fleet_checks = frozenset(check.id for check in baseline.checks if check.scope == FLEET)
        self._fleet: tuple[Result, ...] = ()
        self._seen = self._assessed = self._complete = self._blind_hosts = 0
        self._by_status = [0] * len(Status)
        self._by_check: dict[str, list[int]] = {}
        self._blind: dict[str, BlindGroup] = {}
        self._failing: First[_Urgency, HostTally | None] = First(limits.hosts)
        self._others: list[HostTally] = []
        self._details: dict[str, First[_Urgency, Detail | None]] = {}

    @property
    def by_status(self) -> tuple[int, ...]:
        """Results so far by ``Status`` value."""
        return tuple(self._by_status)

    def add(self, entry: HostAssessment, opened: Sequence[Finding]) -> None:
        """Count one host, and keep of it what will be shown."""
        dated = ((_urgency(finding, self._checks, self._bod.today), finding) for finding in opened)
        urgent = sorted(dated, key=itemgetter(0))
        self._keep_details(entry, urgent)
        self._bod.add(entry)
        if entry.host.id == FLEET:
            self._fleet = entry.results
            self._keep_host(None, urgent)
            return
        self._seen += 1
        tally = _tally(entry, self._fleet_checks)
        self._assessed += tally.assessed
        self._complete += 0 < self._checks_of_host <= tally.decided
        self._count(entry)
        self._keep_blind(entry)
        self._keep_host(tally, urgent)

    def survey(self, assessment: Assessment) -> Survey:
        """Return what the hosts came to; the assessment is of the same hosts."""
        active, today = active_waivers(assessment), assessment.today
        still_open = open_findings(assessment.findings)
        failing = list(self._failing)
        others = self._others[: self._limits.hosts - len(failing)]
        details = (one for first in self._details.values() for one in first if one)
        return Survey(
            assessment=assessment,
            limits=self._limits,
            checks=self._checks,
            open=tuple(sorted(still_open, key=lambda finding: _urgency(finding, self._checks, today))),
            waived=frozenset(finding.id for finding in still_open if finding.waiver in active),
            overdue=frozenset(finding.id for finding in still_open if overdue(finding, today)),
            fleet=self._fleet,
            hosts_seen=self._seen,
            hosts_assessed=self._assessed,
            hosts_complete=self._complete,
            hosts_blind=self._blind_hosts,
            by_check={check: tuple(counts) for check, counts in sorted(self._by_check.items())},
            by_status=self.by_status,
            blind=tuple(sorted(self._blind.values(), key=_blindness)),
            hosts=(*(one for one in failing if one), *sorted(others, key=lambda tally: tally.host.id)),
            details={(one.host.id, one.result.check): one for one in details},
            bod=self._bod,
        )

    def _count(self, entry: HostAssessment) -> None:
        for result in entry.results:
            status = result.verdict.status
            self._by_status[status] += 1
            self._by_check.setdefault(result.check, [0] * len(Status))[status] += 1

    def _keep_blind(self, entry: HostAssessment) -> None:
        groups = blind_of(entry)
        self._blind_hosts += bool(groups)
        for reason, spot in groups:
            group = self._blind.setdefault(reason, BlindGroup(reason))
            group.hosts += 1
            group.results += len(spot.checks)
            if len(group.kept) < self._limits.blind_hosts_per_reason:
                group.kept.append(spot)

    def _keep_host(self, tally: HostTally | None, urgent: Sequence[tuple[_Urgency, Finding]]) -> None:
        if urgent:
            self._failing.add(urgent[0][0], tally)
        elif tally and len(self._others) < self._limits.hosts:
            self._others.append(tally)

    def _keep_details(self, entry: HostAssessment, urgent: Sequence[tuple[_Urgency, Finding]]) -> None:
        for urgency, finding in urgent:
            first = self._details.setdefault(finding.check, First(self._limits.findings_per_check))
            if first.wants(urgency):
                first.add(urgency, _detail(entry, finding.check))


def _detail(entry: HostAssessment, check: str) -> Detail | None:
    result = next((one for one in entry.results if one.check == check), None)
    if result is None:
        return None
    named = frozenset(result.evidence)
    by_command = {record.command_id: record for record in entry.evidence if record.command_id in named}
    records = tuple(by_command[command] for command in result.evidence if command in by_command)
    return Detail(entry.host, result, records)


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


_Urgency = tuple[bool, int, bool, date, str, str, str]


def _urgency(finding: Finding, checks: Mapping[str, Check], today: date) -> _Urgency:
    due = governing(finding)
    check = checks.get(finding.check)
    severity = check.severity if check else Severity.CRITICAL
    return (
        not overdue(finding, today),
        -severity,
        due is not None,
        due.due if due else today,
        finding.check,
        finding.host,
        finding.id,
    )


def _blindness(group: BlindGroup) -> tuple[bool, int, str]:
    # What waits for a person is expected work; it goes below what went wrong.
    return (group.reason in (Status.MANUAL.label, ATTESTED), -group.results, group.reason)


def _why(result: Result) -> str:
    if result.verdict.status is Status.ERROR:
        return result.verdict.reason
    return next((line.message for line in result.verdict.assertions if line.message), "")
