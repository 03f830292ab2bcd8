"""Results of every check with one piece of evidence each, from one pass over the hosts; memory stays bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posture.model.assessment import Assessment
from posture.model.finding import Result, Status
from posture.model.observation import Evidence

FAILURES = 10
OTHERS = 2
"""Results shown of each check: so many failures, and so many of each other status; all are counted."""
_ORDER = (Status.FAIL, Status.ERROR, Status.NOT_CHECKED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Sample:
    """One result and what it rests on."""

    result: Result
    evidence: Evidence | None
    """The answer that brought a judged fact, or the first one; ``None`` when no record came with the result."""
    others: int
    """How many more answers it rests on."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What is shown of each check, and how many results there are."""

    kept: Mapping[tuple[str, Status], list[Sample]]
    counts: Mapping[tuple[str, Status], int]

    def of(self, check: str) -> tuple[Sample, ...]:
        """Return the results to show of a check, failures first, then what is unknown."""
        return tuple(one for status in _ORDER for one in self.kept.get((check, status), ()))

    def total(self, check: str) -> int:
        """Return how many results a check has."""
        return sum(self.counts.get((check, status), 0) for status in Status)

    def words(self, check: str) -> str:
        """Return the results of a check in words; what is not known is never among what passed."""
        counts = ((status, self.counts.get((check, status), 0)) for status in _ORDER)
        return ", ".join(f"{count:,} {status.label.replace('_', ' ')}" for status, count in counts if count)


def samples(assessment: Assessment) -> Samples:
    """Read every host once and keep the first results of each check and status, in host order."""
    kept: dict[tuple[str, Status], list[Sample]] = {}
    counts: dict[tuple[str, Status], int] = {}
    for entry in assessment.read_hosts():
        records: dict[str, Evidence] | None = None
        for result in entry.results:
            key = (result.check, result.verdict.status)
            counts[key] = counts.get(key, 0) + 1
            room = kept.setdefault(key, [])
            if len(room) >= (FAILURES if result.verdict.status is Status.FAIL else OTHERS):
                continue
            if records is None:
                records = {one.command_id: one for one in entry.evidence}
            room.append(_sample(result, records))
    return Samples(kept, counts)


def _sample(result: Result, records: Mapping[str, Evidence]) -> Sample:
    named = [records[command] for command in result.evidence if command in records]
    facts = [line.fact for line in result.verdict.assertions]
    near = [one for one in named if any(fact.startswith(one.command_id) for fact in facts)] or named
    return Sample(result, near[0] if near else None, max(0, len(named) - 1))
