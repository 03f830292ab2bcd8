"""Stored evidence judged again from the raw answers up, offline, as an ``Assessment``; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from posture.assess import assess
from posture.attack import attack_report
from posture.judged import Circumstances, Judged, circumstances_of, register_of, unsettled_of
from posture.judgement import Paths
from posture.judging import Bench, scanning_of
from posture.known import Recalled
from posture.model.assessment import Assessment, HostAssessment, Run
from posture.model.attack import AttackReport
from posture.model.check import Baseline
from posture.model.host import FLEET, Host, Inventory
from posture.model.observation import FactDocument, Unseen
from posture.observe import observations, platform_of
from posture.store import Store
from posture.vulnerabilities.register import Reader
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES


def evaluate(
    store: Store,
    ref: str,
    *,
    baseline: Baseline | None = None,
    circumstances: Circumstances | None = None,
    as_of: datetime | None = None,
) -> Assessment:
    """Return the assessment of stored evidence judged again, from the raw answers up; nothing is stored.

    Raises:
        StoreError: there is no such run, or retention deleted its evidence.
    """
    found = store.load_run(ref)
    inventory = store.inventory(found.run.id)
    chosen = baseline or store.baseline(found.run.id)
    moment = as_of or found.run.as_of
    run = replace(found.run, as_of=moment, profile=chosen.profile.id, baseline_digest=chosen.digest)
    judged_by = circumstances or circumstances_of(store, found.run.id)
    register = register_of(store, found.run.id)
    known = Reader(register, judged_by.rules(chosen, register.feeds))

    def read_hosts() -> Iterator[HostAssessment]:
        return _judged_again(store, run, inventory, chosen, Recalled(known, run))

    return assess(
        store,
        Judged(
            run=run,
            inventory=inventory,
            baseline=chosen,
            circumstances=judged_by,
            read_hosts=read_hosts,
            notes=found.notes,
            known=known,
            attack=lambda: _attack_again(store, run, inventory, chosen, judged_by, Recalled(known, run)),
            unsettled=(lambda: ()) if baseline else (lambda: unsettled_of(store, run.id)),
        ),
    )


def _attack_again(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, by: Circumstances, known: Recalled
) -> AttackReport | None:
    bench, paths = Bench(baseline, run.as_of), Paths(inventory, by, run.as_of)
    for host in inventory.hosts:
        observed = observations(host, inventory, run, store.read_transcripts(run.id, host.id))
        observed[VULNERABILITIES] = known.look(host, observed)
        paths.add(host, observed, bench.judge(host, observed), known.found)
    paths.over_all(bench.judge_fleet(scanning_of(known.register(), run)))
    graph = paths.graph()
    return attack_report(graph, by.rulebook) if graph else None


def _judged_again(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, known: Recalled
) -> Iterator[HostAssessment]:
    bench = Bench(baseline, run.as_of)
    for kept in store.read_hosts(run.id):
        if kept.host.id == FLEET:
            continue
        observed = observations(kept.host, inventory, run, store.read_transcripts(run.id, kept.host.id))
        observed[VULNERABILITIES] = known.look(kept.host, observed)
        documents = (one for one in observed.values() if isinstance(one, FactDocument))
        unseen = (one for one in observed.values() if isinstance(one, Unseen))
        yield replace(
            kept,
            results=bench.judge(kept.host, observed),
            unseen=tuple(sorted(unseen, key=lambda one: one.topic)),
            platform=platform_of(observed),
            documents=tuple(sorted((one.topic, one.digest) for one in documents)),
        )
    if results := bench.judge_fleet(scanning_of(known.register(), run)):
        yield HostAssessment(Host(FLEET, (), ""), results, (), ())
