"""A stored run as an ``Assessment``: what reports read, made anew from results each time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from posture.catalogue.waivers import WaiverBook
from posture.clocks.due import due_dates
from posture.evaluate.lifecycle import finding_id
from posture.model.assessment import Assessment, Coverage, HostAssessment, Run
from posture.model.check import Baseline, Check
from posture.model.clock import Campaign, Clock, DueDate
from posture.model.finding import Finding, Result, Status, Waiver
from posture.model.host import Host, Inventory
from posture.plan.make import make_plan
from posture.plan.scores import scores
from posture.plan.weights import Weights
from posture.store import FLEET, Store

CIRCUMSTANCES = "circumstances"
"""Name of the part of a run that holds what else a report needs."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run is judged by beside its baseline; kept with the run, so that no file is needed later."""

    campaign: Campaign
    clocks: tuple[Clock, ...]
    waivers: tuple[Waiver, ...]
    weights: Weights
    taxonomy: dict[str, str]
    marking: str = ""

    def due(self, baseline: Baseline) -> Callable[[Check, datetime], tuple[DueDate, ...]]:
        """Return the function from a check and a first sight to its due dates."""
        return lambda check, first_seen: due_dates(check, first_seen, self.clocks, self.campaign, baseline.profile)


@dataclass(frozen=True, slots=True)
class Judged:
    """A run's results under one baseline, to be walked through as often as needed."""

    run: Run
    inventory: Inventory
    baseline: Baseline
    circumstances: Circumstances
    read_hosts: Callable[[], Iterator[HostAssessment]]
    """Every host of the inventory in id order, then ``fleet`` if it was judged."""
    notes: tuple[str, ...] = ()


def circumstances_of(store: Store, ref: str) -> Circumstances:
    """Return the circumstances a run was judged in.

    Raises:
        StoreError: the run has none.
    """
    return msgspec.json.decode(store.part(ref, CIRCUMSTANCES), type=Circumstances)


def keep_circumstances(store: Store, run_id: str, circumstances: Circumstances) -> None:
    """Keep them with the run."""
    store.save_part(run_id, CIRCUMSTANCES, msgspec.json.encode(circumstances, order="sorted"))


def stored(store: Store, ref: str) -> Judged:
    """Return a run as it was judged when it was made."""
    found = store.load_run(ref)
    return Judged(
        run=found.run,
        inventory=store.inventory(found.run.id),
        baseline=store.baseline(found.run.id),
        circumstances=circumstances_of(store, found.run.id),
        read_hosts=lambda: store.read_hosts(found.run.id),
        notes=found.notes,
    )


def assess(store: Store, judged: Judged) -> Assessment:
    """Return the assessment of a judged run; the store adds when each finding was first seen.

    Equal evidence, baseline, circumstances and first sights give equal bytes; neither the clock nor the order counts.
    """
    found = _Walk(store, judged)
    found.walk()
    checks = {check.id: check for check in judged.baseline.checks}
    hosts = {host.id: host for host in judged.inventory.hosts}
    today = judged.run.as_of.date()
    current = judged.circumstances
    findings = tuple(sorted(found.findings, key=lambda finding: finding.id))
    plan = make_plan(findings, hosts, checks, weights=current.weights, taxonomy=current.taxonomy, today=today)
    bands = scores(
        ((host.host, host.results) for host in judged.read_hosts() if host.host.id in hosts),
        checks,
        weights=current.weights,
        taxonomy=current.taxonomy,
    )
    return Assessment(
        run=judged.run,
        baseline=judged.baseline,
        zones=judged.inventory.zones,
        coverage=found.coverage,
        findings=(*findings, *_closed_by(store, judged.run)),
        plan=plan,
        scores=bands,
        clocks=current.clocks,
        campaign=current.campaign,
        waivers=found.book.uses(findings),
        read_hosts=lambda: (replace(host, results=found.covered(host.results)) for host in judged.read_hosts()),
        read_blob=store.read_blob,
        fingerprint=found.fingerprint(),
        notes=judged.notes,
        taxonomy=current.taxonomy,
    )


class _Walk:
    """One pass over all hosts: coverage, findings and the fingerprint."""

    def __init__(self, store: Store, judged: Judged) -> None:
        self._judged = judged
        self._checks: Mapping[str, Check] = {check.id: check for check in judged.baseline.checks}
        self._first_seen = {finding.id: finding for finding in store.findings()}
        self._due = judged.circumstances.due(judged.baseline)
        self._digest = hashlib.sha256()
        self._hosts = frozenset(host.id for host in judged.inventory.hosts)
        self.book = _book(judged)
        self.findings: list[Finding] = []
        self.coverage = Coverage(len(self._hosts), len(self._checks), ())

    def walk(self) -> None:
        """Read every host once."""
        counts = dict.fromkeys(Status, 0)
        for host in self._judged.read_hosts():
            for result in self.covered(host.results):
                if host.host.id in self._hosts:
                    counts[result.verdict.status] += 1
                self._digest.update(msgspec.json.encode(result, order="sorted"))
                self.findings += self._opened(result)
        by_status = tuple((status, count) for status, count in counts.items() if count)
        self.coverage = Coverage(len(self._hosts), len(self._checks), by_status)

    def covered(self, results: tuple[Result, ...]) -> tuple[Result, ...]:
        """Return the results with the waivers that cover them."""
        return tuple(self.book.cover(result) for result in results)

    def fingerprint(self) -> str:
        """Return the digest over every result, and every finding with its dates."""
        digest = self._digest.copy()
        for finding in sorted(self.findings, key=lambda finding: finding.id):
            digest.update(msgspec.json.encode([finding.id, finding.first_seen, finding.due], order="sorted"))
        return digest.hexdigest()

    def _opened(self, result: Result) -> Iterator[Finding]:
        if result.verdict.status is not Status.FAIL:
            return
        check, as_of = self._checks[result.check], self._judged.run.as_of
        for subject in result.verdict.subjects or ("",):
            id_ = finding_id(check.id, result.host, subject)
            known = self._first_seen.get(id_)
            first_seen = known.first_seen if known is not None and known.first_seen <= as_of else as_of
            yield Finding(
                id=id_,
                check=check.id,
                host=result.host,
                subject=subject,
                first_seen=first_seen,
                last_seen=as_of,
                opened=known.opened if known is not None else 1,
                due=self._due(check, first_seen),
                waiver=result.waiver,
            )


def _book(judged: Judged) -> WaiverBook:
    return WaiverBook(
        judged.circumstances.waivers,
        checks=[check.id for check in judged.baseline.checks],
        hosts=(*judged.inventory.hosts, Host(FLEET, (), "")),
        today=judged.run.as_of.date(),
    )


def _closed_by(store: Store, run: Run) -> tuple[Finding, ...]:
    """Return the findings this run closed."""
    closed = (finding for finding in store.findings() if finding.closed_at == run.as_of)
    return tuple(sorted(closed, key=lambda finding: finding.id))
