"""The topic ``vulnerabilities`` of a host: what checks ask, made from its entry in the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from posture.evaluate.documents import make_document
from posture.model.check import Check
from posture.model.observation import Blind, Observation, Origin, Unseen
from posture.model.vulnerability import Vulnerability
from posture.vulnerabilities.assess import subject
from posture.vulnerabilities.register import DEFERRED, HostEntry

TOPIC = "vulnerabilities"


@dataclass(frozen=True, slots=True)
class KnownVulnerability:
    """A CVE on a package of the host, with the word of BOD 26-04's table on it."""

    subject: str
    """Package URL without version, and CVE: ``pkg:deb/debian/openssl CVE-2026-1234``."""
    cve: str
    package: str
    version: str
    fixed: str
    """The version to update to; empty without one."""
    state: str
    """``fixed_in``, ``no_fix`` or ``will_not_fix``."""
    in_kev: bool
    outcome: str
    """``3DF``, ``3D``, ``14D``, ``60D``, ``FSU``; ``ERROR`` when CISA's values are missing for a CVE in KEV."""
    row: int
    complete: bool
    """False when an input was missing and the stricter row stands in."""
    triage_required: bool
    confidence: int
    """0 to 100; 100 is the vendor's word on an installed package."""


@dataclass(frozen=True, slots=True)
class Known:
    """Vulnerabilities, and whether every package was looked up."""

    items: list[KnownVulnerability]
    complete: bool


@dataclass(frozen=True, slots=True)
class VulnerabilityFacts:
    """What is known against the installed packages."""

    known: Known
    """All but those that may wait for the next system upgrade."""
    deferred: int
    """How many may wait for it."""
    packages: int
    """Package versions looked up."""
    gap: str
    """Why the list may be short; empty when it is whole."""


def of_vulnerabilities(check: Check) -> bool:
    """True for a check whose failures are known vulnerabilities: their dates depend on more than the check."""
    return check.subject.startswith(f"{TOPIC}.")


def vulnerabilities_schema() -> dict[str, Any]:
    """Return the JSON schema of the topic."""
    return msgspec.json.schema(VulnerabilityFacts)


def topic_of(
    host: str, entry: HostEntry | None, found: Sequence[Vulnerability], *, taken_at: datetime, origin: Origin
) -> Observation:
    """Return the topic of a host; unseen when nobody matched its packages, for a missing feed above all."""
    if entry is None or (entry.gap and not entry.packages and not found):
        why = entry.gap if entry is not None else "no feed says what its packages are affected by"
        return Unseen(host, TOPIC, Blind.NOT_ATTEMPTED, why)
    outcomes = Counter(one.decision.outcome == DEFERRED for one in found)
    items = {_item(one) for one in found if one.decision.outcome != DEFERRED}
    facts = VulnerabilityFacts(
        known=Known(sorted(items, key=lambda one: (one.subject, one.version)), complete=not entry.gap),
        deferred=outcomes[True],
        packages=entry.packages,
        gap=entry.gap,
    )
    return make_document(host=host, topic=TOPIC, facts=msgspec.to_builtins(facts), taken_at=taken_at, origin=origin)


def _item(one: Vulnerability) -> KnownVulnerability:
    affected, decided = one.affected, one.decision
    return KnownVulnerability(
        subject=subject(affected),
        cve=affected.cve,
        package=affected.package.name,
        version=affected.package.version,
        fixed=affected.fixed,
        state=affected.state.value,
        in_kev=one.record.kev_added is not None,
        outcome=decided.outcome,
        row=decided.row,
        complete=decided.complete,
        triage_required=decided.triage_required,
        confidence=affected.confidence,
    )
