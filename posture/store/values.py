"""What the store gives back beside the nouns of ``posture.model``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.finding import Status
from posture.model.host import Inventory
from posture.model.observation import Origin

FLEET = "fleet"
"""The pseudo-host of facts that span hosts: it may have documents and results, and is in no denominator."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an imported run comes from."""

    origin: Origin
    """What it was in the store that exported it."""
    scanner: str
    enclave: str
    """The prefix its hosts, zones and vantages carry here; empty when there is none."""
    file_sha256: str


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with what is said of it as a whole."""

    run: Run
    hosts: int
    """Hosts of the inventory, frozen before collecting."""
    checks: int
    """Checks of the baseline, frozen before collecting."""
    notes: tuple[str, ...]
    fingerprint: str
    pid: int | None
    """The process of this machine that writes it, while it is running; a pid of elsewhere means nothing here."""
    provenance: Provenance | None
    """``None`` for a run made here."""


@dataclass(frozen=True, slots=True)
class JudgedOver:
    """Inventory and baseline of a run, as they are kept."""

    header: bytes
    pieces: dict[str, bytes]
    """Lists of hosts by hex digest; the header names them in the order of host ids."""
    baseline: bytes


@dataclass(frozen=True, slots=True)
class Visit:
    """One session that is stored."""

    host: str
    transport: str
    vantage: str
    brought: bool
    """Whether it brought any answer."""
    whole: bool = True
    """Whether nothing broke it off."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run taken up again: what it is about and how far it came."""

    run: Run
    inventory: Inventory
    baseline: Baseline
    visits: frozenset[Visit]

    @property
    def collected(self) -> frozenset[str]:
        """Hosts that answered something: they need not be asked again."""
        return frozenset(visit.host for visit in self.visits if visit.brought)


class Did(StrEnum):
    """What happened to a finding."""

    OPENED = "opened"
    CLOSED = "closed"
    REOPENED = "reopened"
    DUE_CHANGED = "due_changed"
    WAIVED = "waived"
    UNWAIVED = "unwaived"


@dataclass(frozen=True, slots=True)
class FindingChange:
    """One line in the history of a finding."""

    seq: int
    """Row of the audit chain."""
    at: datetime
    run: str
    did: Did
    detail: str
    """The reason it closed, the waiver, or ``clock date`` pairs."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One check on one host that does not say the same in two runs."""

    host: str
    check: str
    old: Status | None
    """``None``: not in the older run's denominator."""
    new: Status | None
    """``None``: not in the newer run's denominator."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many hosts of a zone have a status in a check."""

    zone: str
    check: str
    status: Status
    hosts: int


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of the audit chain; written down elsewhere, it shows whether rows were cut off."""

    seq: int
    digest: str
    """Hex sha256; covers every row before it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the audit chain."""

    seq: int
    at: datetime
    event: str
    run: str
    host: str
    """Empty for an event of a run."""
    detail: str
    """Canonical JSON."""
