"""The whole result of one run: the only thing a report reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from posture.model.asked import Unlooked
from posture.model.attack import AttackReport
from posture.model.attestation import AttestationUse
from posture.model.burndown import Burndown
from posture.model.check import Baseline
from posture.model.clock import Campaign, Clock
from posture.model.discovered import Found
from posture.model.finding import Finding, Result, Status, Waiver, WaiverState
from posture.model.host import Host, Published, Zone
from posture.model.observation import Evidence, Origin, Unseen
from posture.model.plan import Plan
from posture.model.receipt import Receipt, Unsettled
from posture.model.vulnerability import AssessedHost, FeedStamp, HostCadence, Vulnerability

if TYPE_CHECKING:
    from posture.model.trend import ScoreTrend  # it is made of what stands here


class RunState(StrEnum):
    """How far a run came."""

    RUNNING = "running"
    INCOMPLETE = "incomplete"
    """It was interrupted; it can be resumed."""
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Run:
    """One assessment run: who looked, by what authority, when, with which program and baseline."""

    id: str
    """Sortable: UTC start as ``YYYYMMDDTHHMMSSZ`` and six random hex digits."""
    started_at: datetime
    finished_at: datetime | None
    state: RunState
    operator: str
    scanner: str
    """Host name of the machine that scanned."""
    tool_version: str
    authorisation: str
    """Id from the scope file."""
    profile: str
    baseline_digest: str
    inventory_digest: str
    as_of: datetime
    """The moment by which dates were judged."""
    origin: Origin
    merged_from: tuple[str, ...] = ()
    """Ids of the runs of separate enclaves this one was merged from."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Decided results over hosts of the inventory times checks of the profile; an empty run has 0."""

    hosts: int
    checks: int
    by_status: tuple[tuple[Status, int], ...]

    @property
    def possible(self) -> int:
        """The denominator, frozen before anything was collected."""
        return self.hosts * self.checks

    @property
    def decided(self) -> int:
        """How many results are pass, fail or not applicable."""
        return sum(count for status, count in self.by_status if status.decided)

    @property
    def share(self) -> float:
        """Coverage between 0 and 1."""
        return self.decided / self.possible if self.possible else 0.0


@dataclass(frozen=True, slots=True)
class HostAssessment:
    """Everything said of one host."""

    host: Host
    results: tuple[Result, ...]
    """One per check of the baseline, in check id order."""
    unseen: tuple[Unseen, ...]
    evidence: tuple[Evidence, ...]
    documents: tuple[tuple[str, str], ...] = ()
    """``(topic, digest)`` of every fact document."""
    platform: str = ""
    """What the host says it is, such as ``Debian GNU/Linux 12``; empty when unseen."""
    session: str = ""
    """The SSH host key fingerprint of the session, ``local``, ``replay`` or empty."""
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CategoryScore:
    """How much of the weight of one AI-threat category holds, as a band: unknowns are never folded in."""

    category: str
    title: str
    low: float
    """Score from 0 to 100 if every unknown fails."""
    high: float
    """Score if every unknown passes."""
    checks: int
    weight: float


@dataclass(frozen=True, slots=True)
class GroupScore:
    """How much of the weight of all checks holds on one host, system or zone, as a band."""

    kind: Literal["host", "system", "zone"]
    name: str
    """Host id, system or zone; empty for hosts that declare no system."""
    low: float
    """Score from 0 to 100 if every unknown fails."""
    high: float
    """Score if every unknown passes."""
    hosts: int
    weight: float


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver with what it does today and which findings it covers."""

    waiver: Waiver
    state: WaiverState
    findings: tuple[str, ...]


def _none_known(_host: str) -> tuple[Vulnerability, ...]:
    return ()


def _no_trend() -> ScoreTrend | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One run, judged; hosts are streamed so that nothing needs all of it in memory."""

    run: Run
    baseline: Baseline
    zones: tuple[Zone, ...]
    coverage: Coverage
    findings: tuple[Finding, ...]
    """Open findings, and those closed by this run; sorted by id."""
    plan: Plan
    scores: tuple[CategoryScore, ...]
    clocks: tuple[Clock, ...]
    campaign: Campaign
    waivers: tuple[WaiverUse, ...]
    read_hosts: Callable[[], Iterator[HostAssessment]]
    """Every host in id order, again at each call."""
    read_blob: Callable[[str], bytes]
    """The bytes of an evidence digest, redacted; raises ``StoreError`` if retention deleted them."""
    fleet: tuple[Result, ...] = ()
    """What the checks of the whole fleet say, as ``read_hosts`` gives them last."""
    fingerprint: str = ""
    """Hex sha256 over results, findings and plan: two evaluations of the same evidence agree on it."""
    notes: tuple[str, ...] = ()
    """What the reader must know of this run: stopped early, slowed down, clock skew, …"""
    taxonomy: Mapping[str, str] | None = None
    """AIT id to name."""
    group_scores: tuple[GroupScore, ...] = ()
    """Sorted by kind and name."""
    burndowns: tuple[Burndown, ...] = ()
    """Of all findings first, then of each clock that dates any."""
    assessed: tuple[AssessedHost, ...] = ()
    """Hosts whose known vulnerabilities were looked at, in id order."""
    read_vulnerabilities: Callable[[str], tuple[Vulnerability, ...]] = _none_known
    """The known vulnerabilities of a host id, those that may wait included."""
    feeds: tuple[FeedStamp, ...] = ()
    cadence: tuple[HostCadence, ...] = ()
    """When each host was last found and read, over all runs."""
    published: tuple[Published, ...] = ()
    """What public addresses lead to."""
    attack: AttackReport | None = None
    """Attack paths; ``None`` for a run that was judged without their rules."""
    attestations: tuple[AttestationUse, ...] = ()
    """What people state where no program could look; sorted by check and host."""
    receipts: tuple[Receipt, ...] = ()
    """Of every fix that stands, by this run and by earlier ones; sorted by host and check."""
    unsettled: tuple[Unsettled, ...] = ()
    """Checks whose running and persistent state do not agree; sorted by host and check."""
    unassessed: tuple[Found, ...] = ()
    """What answers on the network and is no host of the inventory, by address; in no other count."""
    unlooked: tuple[Unlooked, ...] = ()
    """Vantages that did not look at every host that others looked at; in the notes as well."""
    read_trend: Callable[[], ScoreTrend | None] = _no_trend
    """How the run stands among those before it; ``None`` where nobody kept that."""

    @property
    def today(self) -> date:
        """The day by which overdue is judged, UTC."""
        return self.run.as_of.date()
