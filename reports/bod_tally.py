"""What the BOD pages count, host after host: denominators first; what is kept does not grow with the fleet."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from datetime import date

from posture.model.assessment import Assessment, HostAssessment
from posture.model.host import FLEET
from posture.model.vulnerability import AssessedHost, Vulnerability
from posture.vulnerabilities.assess import subject
from posture.vulnerabilities.register import OURS
from reports.bod_rows import BodStatus, bod_due, bod_status, missing_tags, routable

_NO_PLATFORM = "platform unseen"


@dataclass(frozen=True, slots=True)
class PlatformCount:
    """Hosts of one platform by who assessed their known vulnerabilities."""

    platform: str
    hosts: int
    by_us: int
    imported: int
    not_assessed: int
    with_gaps: int
    """Of those assessed, hosts whose list may be short."""


@dataclass(slots=True)
class BodTally:
    """The totals of one pass over all hosts, and the first vulnerabilities to do."""

    assessed: InitVar[Iterable[AssessedHost]]
    read_vulnerabilities: Callable[[str], tuple[Vulnerability, ...]]
    today: date
    limit: int = 0
    """How many to keep."""
    total: int = 0
    dated: int = 0
    hosts: int = 0
    tagged: int = 0
    routable: int = 0
    """Addresses of hosts that are routable on the internet."""
    by_status: Counter[BodStatus] = field(default_factory=Counter)
    defaulted: Counter[str] = field(default_factory=Counter)
    _platforms: dict[str, Counter[str]] = field(default_factory=dict)
    _known: dict[str, AssessedHost] = field(default_factory=dict)
    _kept: list[Vulnerability] = field(default_factory=list)

    def __post_init__(self, assessed: Iterable[AssessedHost]) -> None:
        self._known = {one.host: one for one in assessed}

    def add(self, entry: HostAssessment) -> None:
        """Count one host."""
        if entry.host.id == FLEET:
            return
        self.hosts += 1
        self.tagged += not missing_tags(entry.host)
        self.routable += sum(map(routable, entry.host.addresses))
        self._count_platform(entry)
        for one in self.read_vulnerabilities(entry.host.id):
            self._count(one)
        if len(self._kept) > 2 * self.limit:
            self._kept = heapq.nsmallest(self.limit, self._kept, key=_urgency)

    def platforms(self) -> tuple[PlatformCount, ...]:
        """Return hosts by platform: no share is printed without them."""
        return tuple(
            PlatformCount(name, c["hosts"], c["us"], c["imported"], c["nobody"], c["gaps"])
            for name, c in sorted(self._platforms.items())
        )

    def first(self) -> list[Vulnerability]:
        """Return the first to do."""
        return heapq.nsmallest(self.limit, self._kept, key=_urgency)

    def _count_platform(self, entry: HostAssessment) -> None:
        known = self._known.get(entry.host.id)
        counts = self._platforms.setdefault(entry.platform or entry.host.platform or _NO_PLATFORM, Counter())
        counts["hosts"] += 1
        counts[_who(known)] += 1
        counts["gaps"] += known is not None and bool(known.assessed_by) and bool(known.gap)

    def _count(self, one: Vulnerability) -> None:
        status = bod_status(one, self.today)
        self.total += 1
        self.by_status[status] += 1
        self.defaulted.update(one.decision.defaulted)
        if status not in (BodStatus.DEFERRED, BodStatus.UNDATED):
            self.dated += 1
            self._kept.append(one)


def tally_of(assessment: Assessment) -> BodTally:
    """Return the totals of a whole assessment, in a pass of its own."""
    found = BodTally(assessment.assessed, assessment.read_vulnerabilities, assessment.today)
    for entry in assessment.read_hosts():
        found.add(entry)
    return found


def _who(one: AssessedHost | None) -> str:
    if one is None or not one.assessed_by:
        return "nobody"
    return "us" if one.assessed_by == OURS else "imported"


def _urgency(one: Vulnerability) -> tuple[date, str, str]:
    due = bod_due(one)
    return (due.due if due else date.max, one.host, subject(one.affected))
