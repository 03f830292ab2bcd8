"""An exchange record as a STIX 2.1 bundle: vulnerabilities and how often they were seen, weaknesses and their fixes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reports.exchange.record import ExchangeRecord, SharedVulnerability, SharedWeakness
from reports.keys import key_uuid

_TLP = {
    "TLP:CLEAR": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "TLP:GREEN": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "TLP:AMBER": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "TLP:AMBER+STRICT": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "TLP:RED": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
"""The fixed markings of STIX 2.1, section 7.2.1.4; it knows the words of TLP 1."""
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
_SEEN_MAX = 999_999_999


def stix_of(record: ExchangeRecord) -> dict[str, Any]:
    """Return the bundle; the same record gives the same ids."""
    common = _Common(record)
    vulnerabilities = [one for seen in record.vulnerabilities for one in common.vulnerability(seen)]
    weaknesses = [one for seen in record.weaknesses for one in common.weakness(seen)]
    objects = {one["id"]: one for one in (common.identity(), *vulnerabilities, *weaknesses)}
    objects[common.report_id] = common.report(sorted(objects))
    return {
        "type": "bundle",
        "id": f"bundle--{common.uuid('bundle')}",
        "objects": [objects[id_] for id_ in sorted(objects)],
    }


class _Common:
    """What every object of a bundle shares."""

    def __init__(self, record: ExchangeRecord) -> None:
        self._record = record
        self._at = record.run.as_of.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self._author = f"identity--{key_uuid('stix-identity', record.producer.organisation)}"
        self.report_id = f"report--{self.uuid('report')}"

    def uuid(self, kind: str, *parts: str) -> str:
        """Return the UUID of a thing of this run and level of redaction."""
        return key_uuid(f"stix-{kind}", self._record.run.id, self._record.redaction, *parts)

    def identity(self) -> dict[str, Any]:
        """Return who shares it."""
        name = self._record.producer.organisation or "organisation not named"
        return {**self._object(self._author), "name": name, "identity_class": "organization"}

    def report(self, refs: list[str]) -> dict[str, Any]:
        """Return what holds it together, and says how much was seen."""
        record, coverage = self._record, self._record.coverage
        paths = record.attack_paths
        told = f"{paths.found} attack paths found, {paths.confirmed} confirmed" if paths else "attack paths not judged"
        return {
            **self._object(self.report_id),
            "name": f"Posture of run {record.run.id}",
            "description": f"{record.statement} {record.tlp}. {record.marking} Coverage: {coverage.decided} of "
            f"{coverage.possible} results decided on {coverage.hosts} hosts; {told}. What is not named is not known "
            "to be good.",
            "report_types": ["vulnerability"],
            "published": self._at,
            "object_refs": refs,
        }

    def vulnerability(self, seen: SharedVulnerability) -> Iterator[dict[str, Any]]:
        """Yield the vulnerability, and a sighting that counts its hosts."""
        id_ = f"vulnerability--{key_uuid('stix-vulnerability', self._author, seen.id)}"
        cve = _CVE.fullmatch(seen.id)
        reference = {"source_name": "cve" if cve else "vendor", "external_id": seen.id}
        yield {**self._object(id_), "name": seen.id, "external_references": [reference]}
        yield {
            **self._object(f"sighting--{self.uuid('sighting', seen.id, seen.ecosystem, seen.package)}"),
            "sighting_of_ref": id_,
            "where_sighted_refs": [self._author],
            "count": min(max(seen.hosts_affected, 1), _SEEN_MAX),
            "summary": True,
            "description": f"{seen.package} ({seen.ecosystem}) on {seen.hosts_affected} hosts, {seen.hosts_exposed} of "
            f"them exposed or not known not to be{_named(seen.hosts)}",
        }

    def weakness(self, seen: SharedWeakness) -> Iterator[dict[str, Any]]:
        """Yield the fix, and a note that says on how many hosts it is wanted and on how many nobody knows."""
        fix = f"course-of-action--{self.uuid('fix', seen.check)}"
        yield {**self._object(fix), "name": f"{seen.check} {seen.title}", "description": seen.fix}
        unknown = sum(seen.results.get(word, 0) for word in ("not_checked", "error", "manual"))
        yield {
            **self._object(f"note--{self.uuid('note', seen.check)}"),
            "abstract": f"{seen.check} {seen.title}",
            "content": f"{seen.severity}: fails on {seen.results.get('fail', 0)} hosts, not known on {unknown}; "
            f"{seen.findings_open} open findings{_named(seen.hosts)}",
            "object_refs": [fix],
        }

    def _object(self, id_: str) -> dict[str, Any]:
        return {
            "type": id_.partition("--")[0],
            "spec_version": "2.1",
            "id": id_,
            **({} if id_ == self._author else {"created_by_ref": self._author}),
            "created": self._at,
            "modified": self._at,
            "object_marking_refs": [_TLP[self._record.tlp]],
        }


def _named(hosts: list[str]) -> str:
    return f": {', '.join(hosts)}" if hosts else ""
