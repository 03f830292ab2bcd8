"""What is said of each host, and of addresses that no inventory knows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from reports.wire.words import StatusWord, Wire


class Zone(Wire, frozen=True):
    """A part of the network with one level of trust."""

    name: str
    trust: str
    cidrs: list[str]


class Assertion(Wire, frozen=True):
    """What was expected and what was there."""

    id: str
    fact: str
    operator: str
    expected: str
    actual: str
    outcome: Literal["true", "false", "unknown", "not_applicable"]
    message: str


class Result(Wire, frozen=True):
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


class Evidence(Wire, frozen=True):
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


class Unseen(Wire, frozen=True):
    """A topic we asked for and do not have."""

    topic: str
    reason: str
    detail: str


class Host(Wire, frozen=True):
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


class UnassessedHost(Wire, frozen=True):
    """An address that answers and that no inventory knows; it is in no count of this file."""

    address: str
    zone: str
    ports: list[str]
    vendor: str
    first_seen: datetime
    last_seen: datetime
