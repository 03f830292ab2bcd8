"""Knowledge made of a few authored statements."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from posture.model.vulnerability import Advisory, CveRecord, FeedStamp, SupportCycle


@dataclass(frozen=True)
class Authored:
    """A ``Knowledge`` of statements by feed."""

    said: tuple[tuple[str, Advisory], ...] = ()
    records: tuple[CveRecord, ...] = ()
    stamps: tuple[FeedStamp, ...] = ()
    cycles: tuple[SupportCycle, ...] = field(default=())

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def covers(self, ecosystem: str) -> tuple[str, ...]:
        return tuple(sorted({feed for feed, one in self.said if one.ecosystem == ecosystem}))

    def advisories(self, ecosystem: str, package: str) -> Sequence[tuple[str, Advisory]]:
        return sorted(pair for pair in self.said if (pair[1].ecosystem, pair[1].package) == (ecosystem, package))

    def record(self, cve: str) -> CveRecord:
        return next((one for one in self.records if one.cve == cve), CveRecord(cve))

    def support(self, product: str) -> Sequence[SupportCycle]:
        return [one for one in self.cycles if one.product == product]
