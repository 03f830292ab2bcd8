"""The neutral record, schema ``posture.exchange/1``: counted and redacted, and never a finding's own words.

Subjects, evidence, addresses, accounts and zones are no part of it at any level of redaction.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from posture.model.assessment import Assessment
from posture.model.finding import Finding, Status
from posture.model.host import FLEET
from posture.model.vulnerability import Vulnerability
from reports.proof_json import status_word

SCHEMA: Literal["posture.exchange/1"] = "posture.exchange/1"
STATEMENT = (
    "No official exchange format of the clearinghouse is published. This is a neutral format of the scanner's own; it "
    "was written to a file, and nothing was sent anywhere."
)
TlpWord = Literal["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]


class Redaction(StrEnum):
    """How much of a host leaves."""

    NONE = "none"
    HASHED = "hosts-hashed"
    COUNTS = "counts-only"


@dataclass(frozen=True, slots=True)
class Release:
    """How a record is let go."""

    redaction: Redaction
    tlp: TlpWord
    organisation: str = ""
    released_by: str = ""
    key: bytes = b""
    """For hashed host names: without it nobody can try names against the hashes."""

    def host(self, name: str) -> str:
        """Return what stands for a host; names of other runs under the same key get the same word."""
        if self.redaction is Redaction.HASHED:
            return f"host-{hmac.new(self.key, name.encode('utf-8', 'surrogatepass'), hashlib.sha256).hexdigest()[:20]}"
        return name

    def hosts(self, names: Iterator[str] | set[str]) -> list[str]:
        """Return what stands for hosts, sorted; none where only counts leave."""
        return [] if self.redaction is Redaction.COUNTS else sorted(map(self.host, names))


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value as it stands in the file."""


class Producer(_Wire, frozen=True):
    """Who made the record; the operator's name is no part of it."""

    tool: str
    organisation: str
    released_by: str


class RunShared(_Wire, frozen=True):
    """Which run it is about."""

    id: str
    as_of: datetime
    profile: str
    origin: Literal["live", "replayed", "imported", "attested"]


class CoverageShared(_Wire, frozen=True):
    """How much was seen; whoever reads a count reads this beside it."""

    hosts: int
    possible: int
    decided: int
    hosts_assessed_for_vulnerabilities: int


class SharedVulnerability(_Wire, frozen=True):
    """A CVE (or a vendor's own id) on one package, over all hosts."""

    id: str
    ecosystem: str
    package: str
    states: list[str]
    fixed: list[str]
    """Versions to update to."""
    hosts_affected: int
    hosts_exposed: int
    """Publicly exposed, or nobody knows; unknown counts as exposed."""
    hosts: list[str]
    first_seen: date
    due: date | None
    """The earliest date that binds on any host."""
    kev_listed: date | None
    automatable: bool | None
    technical_impact: str | None
    confidence: int
    """The best of any host, 0 to 100."""


class SharedWeakness(_Wire, frozen=True):
    """A finding without a CVE: a check and on how many hosts it fails."""

    check: str
    revision: int
    title: str
    severity: Literal["info", "low", "medium", "high", "critical"]
    categories: list[str]
    nist_800_53r5: list[str]
    attack: list[str]
    """ATT&CK technique ids that the catalogue names."""
    results: dict[str, int]
    """Results on hosts by status: what is not known stands beside what fails."""
    findings_open: int
    hosts: list[str]
    """Where it fails."""
    fix: str


class SharedPaths(_Wire, frozen=True):
    """Attack paths as counts; ``null`` where none were judged. No path found is not the same as none."""

    found: int
    confirmed: int
    objectives: int
    techniques: list[str]


class ExchangeRecord(_Wire, frozen=True):
    """The whole file."""

    schema: Literal["posture.exchange/1"]
    statement: str
    tlp: TlpWord
    marking: str
    redaction: Literal["none", "hosts-hashed", "counts-only"]
    producer: Producer
    run: RunShared
    coverage: CoverageShared
    vulnerabilities: list[SharedVulnerability]
    weaknesses: list[SharedWeakness]
    attack_paths: SharedPaths | None
    text: Literal["inert/1"]


def schema_bytes() -> bytes:
    """Return the published JSON Schema, for docs/schemas/exchange-1.schema.json."""
    (root,), parts = msgspec.json.schema_components((ExchangeRecord,), ref_template="#/$defs/{name}")
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:posture-scanner:exchange:1",
        "title": SCHEMA,
        **root,
        "$defs": parts,
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def record_of(assessment: Assessment, release: Release, *, marking: str = "") -> ExchangeRecord:
    """Return what may be shared of a run; the same run, key and release give the same bytes."""
    run, coverage = assessment.run, assessment.coverage
    return ExchangeRecord(
        schema=SCHEMA,
        text="inert/1",
        statement=STATEMENT,
        tlp=release.tlp,
        marking=marking,
        redaction=release.redaction.value,
        producer=Producer(
            tool=f"posture-scanner {run.tool_version}",
            organisation=release.organisation,
            released_by=release.released_by,
        ),
        run=RunShared(id=run.id, as_of=run.as_of, profile=run.profile, origin=run.origin.value),
        coverage=CoverageShared(
            hosts=coverage.hosts,
            possible=coverage.possible,
            decided=coverage.decided,
            hosts_assessed_for_vulnerabilities=sum(bool(one.assessed_by) for one in assessment.assessed),
        ),
        vulnerabilities=list(_vulnerabilities(assessment, release)),
        weaknesses=list(_weaknesses(assessment, release)),
        attack_paths=_paths(assessment),
    )


def _vulnerabilities(assessment: Assessment, release: Release) -> Iterator[SharedVulnerability]:
    found: dict[tuple[str, str, str], list[Vulnerability]] = defaultdict(list)
    for entry in assessment.assessed:
        for one in assessment.read_vulnerabilities(entry.host):
            of = one.affected.package
            found[one.affected.cve, of.ecosystem, of.name].append(one)
    for (cve, ecosystem, package), seen in sorted(found.items()):
        record = seen[0].record
        dues = sorted(due.due for one in seen for due in one.due if due.binding)
        yield SharedVulnerability(
            id=cve,
            ecosystem=ecosystem,
            package=package,
            states=sorted({one.affected.state.value for one in seen}),
            fixed=sorted({one.affected.fixed for one in seen} - {""}),
            hosts_affected=len({one.host for one in seen}),
            hosts_exposed=len({one.host for one in seen if one.exposure.exposed is not False}),
            hosts=release.hosts({one.host for one in seen}),
            first_seen=min(one.first_seen for one in seen).date(),
            due=dues[0] if dues else None,
            kev_listed=record.kev_added,
            automatable=record.automatable,
            technical_impact=record.technical_impact,
            confidence=max(one.affected.confidence for one in seen),
        )


def _weaknesses(assessment: Assessment, release: Release) -> Iterator[SharedWeakness]:
    open_now: dict[str, list[Finding]] = defaultdict(list)
    for finding in assessment.findings:
        if finding.open:
            open_now[finding.check].append(finding)
    counts: dict[str, dict[Status, int]] = defaultdict(lambda: dict.fromkeys(Status, 0))
    for entry in assessment.read_hosts():
        for result in entry.results:
            counts[result.check][result.verdict.status] += 1
    for check in sorted(assessment.baseline.checks, key=lambda one: one.id):
        found = open_now.get(check.id, [])
        if not found or check.deadline_class == "bod_26_04":
            continue  # known vulnerabilities stand above, by CVE
        yield SharedWeakness(
            check=check.id,
            revision=check.revision,
            title=check.title,
            severity=check.severity.name.lower(),  # type: ignore[arg-type]
            categories=list(check.threat.categories),
            nist_800_53r5=list(check.references.nist_800_53r5),
            attack=list(check.threat.attack),
            results={status_word(status): count for status, count in counts[check.id].items()},
            findings_open=len(found),
            hosts=release.hosts({one.host for one in found if one.host != FLEET}),
            fix=check.remediation.text,
        )


def _paths(assessment: Assessment) -> SharedPaths | None:
    attack = assessment.attack
    if attack is None or attack.analysis is None:
        return None
    paths = attack.paths()
    used = {step.edge for path in paths for step in path.steps}
    return SharedPaths(
        found=len(paths),
        confirmed=sum(path.confirmed for path in paths),
        objectives=len({path.objective for path in paths}),
        techniques=sorted({id_ for edge in attack.named_edges if edge.id in used for id_ in edge.attack}),
    )
