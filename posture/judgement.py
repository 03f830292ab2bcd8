"""The evidence of a run judged, host after host, and all it comes to kept with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from collectors.registry import COLLECTORS
from posture.assess import scorer
from posture.attack import keep_attack
from posture.evaluate.scanning import host_cadence
from posture.finding_lives import follow_findings
from posture.gather import JUDGING, Work
from posture.graph.build import GraphBuilder
from posture.graph.evidence import HostEvidence
from posture.histories import keep_scores
from posture.judged import Circumstances, earlier_cadences, keep_register, keep_unsettled
from posture.judging import Bench, scanning_of
from posture.known import Looking, Recalled
from posture.model.assessment import Run
from posture.model.check import Baseline
from posture.model.finding import Result
from posture.model.host import FLEET, Host, Inventory
from posture.model.observation import Observation
from posture.model.path import AttackGraph
from posture.model.receipt import Unsettled
from posture.model.vulnerability import HostCadence, Vulnerability
from posture.observe import observations, platform_of
from posture.receipts import keep_receipts
from posture.store import Store
from posture.vulnerabilities.assess import subject
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES


def judge(
    store: Store,
    run: Run,
    inventory: Inventory,
    baseline: Baseline,
    circumstances: Circumstances,
    work: Work,
    known: Looking | Recalled,
) -> tuple[str, ...]:
    """Return notes on the run, with the facts, results and findings that its stored evidence comes to all kept."""
    work.progress.expect(JUDGING, len(inventory.hosts))
    bench, paths = Bench(baseline, run.as_of), Paths(inventory, circumstances, run.as_of)
    before = earlier_cadences(store, run, inventory)
    cadences: list[HostCadence] = []
    bands = scorer(baseline, circumstances)
    halves: list[Unsettled] = []

    def results() -> Iterator[Result]:
        for host in inventory.hosts:
            observed = observations(host, inventory, run, store.read_transcripts(run.id, host.id))
            observed[VULNERABILITIES] = known.look(host, observed)
            last = before.get(host.id)
            cadences.append(
                host_cadence(host.id, observed, last, run.as_of, login_topics=_LOGIN_TOPICS, known=known.found)
            )
            store.save_host(run.id, host.id, observations=observed.values(), platform=platform_of(observed))
            found = bench.judge(host, observed)
            halves.extend(bench.unsettled(found, observed))
            paths.add(host, observed, found, known.found)
            bands.add(host, found)
            yield from found
            work.progress.advance(JUDGING, host.id)
        register = replace(known.register(), cadence=tuple(cadences))
        keep_register(store, run.id, register)
        over_all = paths.over_all(bench.judge_fleet(scanning_of(register, run)))
        bands.add(Host(FLEET, (), ""), over_all)
        yield from over_all

    store.save_results(run.id, results())
    keep_scores(store, run.id, bands.scores())
    if graph := paths.graph():
        keep_attack(store, run.id, graph, circumstances.rulebook)
    keep_unsettled(store, run.id, halves)
    notes = follow_findings(store, run, inventory, baseline, circumstances)
    keep_receipts(store, run.id)
    return notes


_LOGIN_TOPICS = tuple(collector.topic for collector in COLLECTORS)


class Paths:
    """Grows the attack graph beside the judging, host after host; nothing where no rules are known."""

    def __init__(self, inventory: Inventory, circumstances: Circumstances, as_of: datetime) -> None:
        self._fleet: tuple[Result, ...] = ()
        self._builder: GraphBuilder | None = None
        if circumstances.rulebook.rules:
            disputes = {one.edge: one.words() for one in circumstances.disputes if one.expires >= as_of.date()}
            self._builder = GraphBuilder(inventory, circumstances.rulebook, as_of, disputes=disputes)

    def add(
        self,
        host: Host,
        observed: Mapping[str, Observation],
        results: tuple[Result, ...],
        flaws: tuple[Vulnerability, ...],
    ) -> None:
        """Take in one host."""
        if self._builder is not None:
            named = tuple((subject(one.affected), one) for one in flaws)
            self._builder.add(HostEvidence(host, observed, results, named))

    def over_all(self, results: tuple[Result, ...]) -> tuple[Result, ...]:
        """Return the results of the whole fleet as they came, after noting them."""
        self._fleet = results
        return results

    def graph(self) -> AttackGraph | None:
        """Return the graph of all hosts; ``None`` where no rules are known."""
        return self._builder.finish(self._fleet) if self._builder is not None else None
