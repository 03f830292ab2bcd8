"""Judges hosts from their raw answers, one after the other, and at the end what shows only over all of them.

bench = Bench(baseline, as_of)
results = bench.judge(host, observed)               # one for every check of the baseline
fleet = bench.judge_fleet(scanning_of(register, run))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from collectors.base import Transcript
from posture.evaluate.fleet import SOURCE_TOPICS, Sources, fleet_documents, sources_of
from posture.evaluate.in_force import BothSides
from posture.evaluate.judge import Memo, judge_host, topics_of
from posture.evaluate.scanning import TOPIC as SCANNING
from posture.evaluate.scanning import scanning_document
from posture.known import Recalled
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.finding import Result, Status, Verdict
from posture.model.host import FLEET, Host, Inventory
from posture.model.observation import Blind, Observation, Unseen
from posture.model.receipt import Force, Unsettled
from posture.observe import observations
from posture.vulnerabilities.register import Register
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES


class Bench:
    """Judges host after host, and at the end what shows only over all of them."""

    def __init__(self, baseline: Baseline, as_of: datetime) -> None:
        self._baseline, self._as_of = baseline, as_of
        self._memo = Memo(max_age_days=baseline.profile.max_age_days)
        self._sides = BothSides(baseline.checks)
        self._sources: dict[str, dict[str, Observation]] = {topic: {} for topic in SOURCE_TOPICS}
        self._asked_of = {check.id: sources_of(check) for check in baseline.checks}
        self._of_ourselves = frozenset(check.id for check in baseline.checks if SCANNING in topics_of(check))

    def judge(self, host: Host, observed: Mapping[str, Observation]) -> tuple[Result, ...]:
        """Return one result for every check of the baseline, in its order."""
        for topic in SOURCE_TOPICS:
            self._sources[topic][host.id] = observed[topic]
        own = judge_host(host.id, self._baseline.checks, observed, as_of=self._as_of, memo=self._memo)
        by_check = {result.check: result for result in (*own, *self._part_in_fleet(host, observed))}
        return tuple(by_check[check.id] for check in self._baseline.checks)

    def unsettled(self, results: Iterable[Result], observed: Mapping[str, Observation]) -> Iterator[Unsettled]:
        """Yield the results of one host that are good in one of two states only."""
        return self._sides.unsettled(results, observed, as_of=self._as_of, memo=self._memo)

    def forces(self, observed: Mapping[str, Observation]) -> dict[str, Force]:
        """Return by check whether what runs and what the files say agree, for those that read both."""
        return self._sides.forces(observed, as_of=self._as_of, memo=self._memo)

    def judge_fleet(self, scanning: Observation) -> tuple[Result, ...]:
        """Return the results of the checks that are asked of the whole fleet, our own scanning among it."""
        return self._of_fleet(self._sources, scanning)

    def _of_fleet(self, sources: Sources, scanning: Observation | None = None) -> tuple[Result, ...]:
        documents = fleet_documents(sources, as_of=self._as_of)
        if scanning is not None:
            documents[SCANNING] = scanning
        return judge_host(FLEET, self._baseline.checks, documents, as_of=self._as_of, memo=self._memo)

    def _part_in_fleet(self, host: Host, observed: Mapping[str, Observation]) -> Iterator[Result]:
        """Yield for each check of the fleet that it is asked elsewhere, or that this host hides its part of it."""
        for result in self._of_fleet({topic: {host.id: observed[topic]} for topic in SOURCE_TOPICS}):
            verdict = result.verdict
            parts = {topic: observed[topic] for topic in self._asked_of[result.check]}
            hidden = [part for part in parts.values() if isinstance(part, Unseen)]
            if result.check in self._of_ourselves:
                verdict = Verdict(Status.NOT_APPLICABLE, _ELSEWHERE, (), ())
            elif len(hidden) == len(parts):
                verdict = Verdict(Status.NOT_CHECKED, hidden[0].reason.value, (), tuple(parts))
            elif verdict.status.decided:
                verdict = Verdict(Status.NOT_APPLICABLE, _ELSEWHERE, (), ())
            yield Result(host.id, result.check, result.revision, verdict, ())


def judge_evidence(
    run: Run,
    inventory: Inventory,
    baseline: Baseline,
    known: Recalled,
    transcripts_of: Callable[[str], Iterable[Transcript]],
    *,
    only: str = "",
) -> Iterator[tuple[str, tuple[Result, ...]]]:
    """Yield host id and results from raw answers, wherever they come from; last ``fleet``. No store is read.

    ``only`` is the one host to judge, without the fleet.
    """
    bench = Bench(baseline, run.as_of)
    for host in inventory.hosts:
        if only and host.id != only:
            continue
        observed = observations(host, inventory, run, transcripts_of(host.id))
        observed[VULNERABILITIES] = known.look(host, observed)
        yield host.id, bench.judge(host, observed)
    if not only and (results := bench.judge_fleet(scanning_of(known.register(), run))):
        yield FLEET, results


def scanning_of(register: Register, run: Run) -> Observation:
    """Return what the run knows of its own scanning as a document of the fleet."""
    if not register.cadence:
        return Unseen(FLEET, SCANNING, Blind.NOT_ATTEMPTED, "this run kept no records of its own scanning")
    return scanning_document(register.cadence, register.feeds, as_of=run.as_of, origin=run.origin)


_ELSEWHERE = f"asked of the whole fleet: see `{FLEET}`"
