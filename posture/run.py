"""The pipeline, top to bottom: collect, keep, read, judge, and say what it comes to.

run_id = scan(store, job, …)              # hosts and network -> evidence -> results -> findings, all stored
assessment = stored_assessment(store, run_id)
assessment = evaluate(store, run_id, …)   # the same evidence judged again, offline, without storing anything
"""

from __future__ import annotations

import getpass
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from collectors import exposure
from collectors.base import Collector, Transcript, Transport, applies, document, observe
from collectors.credentials import Credential, CredentialKind
from collectors.exposure_scan import merged, scan_exposure
from collectors.probe_log import ProbeLog
from collectors.reach import Reach
from collectors.registry import COLLECTORS
from collectors.script import SessionLimits
from posture import __version__
from posture.assess import (
    Circumstances,
    Judged,
    assess,
    circumstances_of,
    keep_circumstances,
    stored,
)
from posture.config import Config
from posture.engine import collect_hosts, open_door
from posture.evaluate.fleet import fleet_documents
from posture.evaluate.judge import FLEET, Memo, judge_host
from posture.evaluate.lifecycle import update_findings
from posture.model.assessment import Assessment, HostAssessment, Run, RunState
from posture.model.check import Baseline
from posture.model.finding import Result, Status, Verdict
from posture.model.host import Host, Inventory, TransportKind, Vantage
from posture.model.observation import Blind, FactDocument, Observation, Origin, Unseen
from posture.scope import Scope
from posture.store import Store

NETWORK_COLLECTORS: tuple[Collector, ...] = (exposure.COLLECTOR,)
"""Topics that are asked of the network, not over a login."""


class ExitCode(IntEnum):
    """What a scan's exit code says."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    NOTHING_ASSESSED = 3
    BLIND_SPOTS = 4
    FINDINGS_AND_BLIND_SPOTS = 5
    BUG = 70


class Progress(Protocol):
    """Who is told how far the work has come."""

    def expect(self, stage: str, total: int) -> None:
        """Announce a stage and its number of hosts."""
        ...

    def advance(self, stage: str, what: str = "") -> None:
        """Count one host of a stage."""
        ...


class Silent:
    """Tells nobody."""

    def expect(self, stage: str, total: int) -> None:
        """Do nothing."""

    def advance(self, stage: str, what: str = "") -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a scan needs to know before the first packet."""

    inventory: Inventory
    scope: Scope
    config: Config
    baseline: Baseline
    circumstances: Circumstances
    vantage: Vantage
    network: bool = True
    """Look at the hosts with nmap too."""
    login: bool = True
    """Log in and read them."""


@dataclass(frozen=True, slots=True)
class Work:
    """How a scan is watched and stopped."""

    progress: Progress = field(default_factory=Silent)
    stop: threading.Event = field(default_factory=threading.Event)


def scan(store: Store, job: Job, now: datetime, work: Work, *, resume: str = "") -> str:
    """Return the id of the run, judged and stored; ``incomplete`` when it was stopped on the way.

    Raises:
        StoreError: the store cannot be written.
    """
    if resume:
        taken_up = store.resume_run(resume, now)
        run, done = (
            taken_up.run,
            {(visit.host, visit.transport == "nmap") for visit in taken_up.visits if visit.brought},
        )
        job = replace(job, inventory=taken_up.inventory, baseline=taken_up.baseline)
    else:
        run, done = _new_run(job, now), set()
        store.begin_run(run, job.inventory, job.baseline)
        keep_circumstances(store, run.id, job.circumstances)
    try:
        _collect(store, run, job, work, done)
        judge(store, run, job.inventory, job.baseline, job.circumstances, work)
    except BaseException:
        # Whatever ends us, what was collected stays: the run can be resumed.
        with suppress(Exception):
            store.interrupt_run(run.id, now, notes=["stopped by an error"])
        raise
    return _finish(store, run, work, now)


def _new_run(job: Job, now: datetime) -> Run:
    return Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        started_at=now,
        finished_at=None,
        state=RunState.RUNNING,
        operator=_operator(),
        scanner=socket.gethostname(),
        tool_version=__version__,
        authorisation=job.scope.authorisation,
        profile=job.baseline.profile.id,
        baseline_digest=job.baseline.digest,
        inventory_digest="",
        as_of=now,
        origin=Origin.LIVE,
    )


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _collect(store: Store, run: Run, job: Job, work: Work, done: set[tuple[str, bool]]) -> None:
    """Bring home what hosts and network say, and keep it as it comes."""
    log_path = job.config.database.parent / "probes.jsonl"
    with ProbeLog(log_path, job.scope.authorisation) as log:
        answered = {host for host, _ in done}
        if job.login:
            for transcript in _logins(job, log, work, {host for host, nmap in done if not nmap}):
                store.save_host(run.id, transcript.session.host, transcripts=[transcript])
                work.progress.advance("reading hosts", transcript.session.host)
                if transcript.answers:
                    answered.add(transcript.session.host)
        if job.network and not work.stop.is_set():
            for transcript in _looks(job, log, work, {host for host, nmap in done if nmap}, answered):
                store.save_host(run.id, transcript.session.host, transcripts=[transcript])
                work.progress.advance("looking from the network", transcript.session.host)


def _logins(job: Job, log: ProbeLog, work: Work, done: set[str]) -> Iterator[Transcript]:
    hosts = [
        host for host in job.inventory.hosts if host.access.transport is not TransportKind.NONE and host.id not in done
    ]
    work.progress.expect("reading hosts", len(hosts))
    reach = _reach(job, work)

    def open_transport(host: Host) -> Transport:
        if host.access.transport is not TransportKind.LOCAL:
            target = host.access.address or (host.addresses[0] if host.addresses else host.id)
            what = (host.access.transport.value, "login", host.access.user)
            log.sent(vantage=job.vantage.name, what=what, targets=[target], ports=str(host.access.port))
        return open_door(host, reach)

    rates, vantage = job.scope.rates, job.vantage.name
    for transcript in collect_hosts(hosts, open_transport, COLLECTORS, rates, vantage=vantage, stop=work.stop):
        if transcript.failure is not None and transcript.failure.reason is Blind.OUT_OF_SCOPE:
            log.refused(transcript.session.host, transcript.failure.detail)
        yield transcript


def _reach(job: Job, work: Work) -> Reach:
    config = job.config
    credentials = {
        name: Credential(
            name=name,
            kind=CredentialKind(entry.kind),
            path=entry.path,
            certificate=entry.certificate,
            fingerprint=entry.fingerprint,
            argv=tuple(entry.argv),
        )
        for name, entry in config.credentials.items()
    }
    return Reach(
        scope=job.scope,
        vantage=job.vantage.name,
        credentials=credentials,
        hosts={host.id: host for host in job.inventory.hosts},
        known_hosts=config.known_hosts,
        limits=SessionLimits(connect_s=config.deadlines.connect_s, session_s=config.deadlines.session_s),
        stop=work.stop,
    )


def _looks(job: Job, log: ProbeLog, work: Work, done: set[str], answered: set[str]) -> Iterator[Transcript]:
    hosts = [host for host in job.inventory.hosts if host.addresses and host.id not in done]
    work.progress.expect("looking from the network", len(hosts))
    return scan_exposure(
        hosts,
        job.scope,
        job.vantage,
        trust_of_zone={zone.name: zone.trust for zone in job.inventory.zones},
        log=log,
        stop=work.stop,
        known_up=answered,
    )


def judge(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, circumstances: Circumstances, work: Work
) -> None:
    """Read the stored evidence of a run into facts, judge them, and keep facts, results and findings."""
    work.progress.expect("judging", len(inventory.hosts))
    memo = Memo(max_age_days=baseline.profile.max_age_days)
    keys: dict[str, Observation] = {}

    def results() -> Iterator[Result]:
        for host in inventory.hosts:
            observed = observations(host, inventory, run, store.read_transcripts(run.id, host.id))
            keys[host.id] = observed["ssh_keys"]
            store.save_host(run.id, host.id, observations=observed.values(), platform=platform_of(observed))
            yield from _complete(
                host, judge_host(host.id, baseline.checks, observed, as_of=run.as_of, memo=memo), baseline
            )
            work.progress.advance("judging", host.id)
        fleet = fleet_documents(keys, as_of=run.as_of)
        yield from judge_host(FLEET, baseline.checks, fleet, as_of=run.as_of, memo=memo)

    store.save_results(run.id, results())
    _update_findings(store, run, inventory, baseline, circumstances)


def observations(
    host: Host, inventory: Inventory, run: Run, transcripts: Iterable[Transcript]
) -> dict[str, Observation]:
    """Return every topic of a host by name: a document, or why it is unseen. Pure: answers in, facts out."""
    sessions = list(transcripts)
    logins = [entry for entry in sessions if entry.session.transport != "nmap"]
    looks = [entry for entry in sessions if entry.session.transport == "nmap"]
    found: dict[str, Observation] = {}
    for collector in COLLECTORS:
        if not logins:
            why = "the host was never begun" if applies(collector, host) else "no login is declared for the host"
            found[collector.topic] = Unseen(host.id, collector.topic, Blind.NOT_ATTEMPTED, why)
        else:
            found[collector.topic] = observe(collector, logins[-1])
    for collector in NETWORK_COLLECTORS:
        if looks:
            found[collector.topic] = observe(collector, merged(looks))
        else:
            why = "nobody looked at the host from the network"
            found[collector.topic] = Unseen(host.id, collector.topic, Blind.NOT_ATTEMPTED, why)
    found["declared"] = declared(host, inventory, run)
    return found


def declared(host: Host, inventory: Inventory, run: Run) -> FactDocument:
    """Return what the operator says of a host as a document, topic ``declared``."""
    said = dict(host.declared)
    services = said.get("services", [])
    ports: dict[str, list[int]] = {"tcp": [], "udp": []}
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and isinstance(service.get("port"), int):
            ports.setdefault(str(service.get("proto", "tcp")), []).append(service["port"])
    tags = {
        "organisation": host.tags.organisation,
        "environment": host.tags.environment,
        "exposure": host.tags.exposure,
        "asset_type": host.tags.asset_type,
    }
    trust = {zone.name: zone.trust.value for zone in inventory.zones}
    facts = {
        **said,
        "addresses": list(host.addresses),
        "zone": host.zone,
        "trust": trust.get(host.zone, "untrusted"),
        "roles": list(host.roles),
        "owner": host.owner,
        "system": host.system,
        "mission": int(host.mission),
        "tags": {key: value for key, value in tags.items() if value is not None},
        "tcp_ports": sorted(set(ports["tcp"])),
        "udp_ports": sorted(set(ports["udp"])),
    }
    return document(
        host=host.id, topic="declared", facts=facts, evidence=(), taken_at=run.started_at, origin=Origin.ATTESTED
    )


def platform_of(observed: Mapping[str, Observation]) -> str:
    """Return what the host calls itself, such as ``Debian GNU/Linux 12 (bookworm)``; empty when unseen."""
    system = observed.get("os")
    if not isinstance(system, FactDocument):
        return ""
    facts = msgspec.json.decode(system.content)["facts"]
    return str(facts.get("pretty_name") or facts.get("release") or facts.get("family") or "")[:120]


def _complete(host: Host, judged: tuple[Result, ...], baseline: Baseline) -> tuple[Result, ...]:
    """Return one result for every check: those asked of the whole fleet do not apply to a single host."""
    by_check = {result.check: result for result in judged}
    elsewhere = Verdict(Status.NOT_APPLICABLE, "asked of the whole fleet", (), ())
    return tuple(
        by_check.get(check.id) or Result(host.id, check.id, check.revision, elsewhere, ()) for check in baseline.checks
    )


def _update_findings(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, circumstances: Circumstances
) -> None:
    judged = stored(store, run.id)
    assessment = assess(store, judged)
    results = (result for host in assessment.read_hosts() for result in host.results)
    previous = list(store.findings())
    current = {host.id for host in inventory.hosts} | {FLEET}
    gone = _hosts_before(store, run, inventory) - current
    # Hosts of other inventories are not gone: nobody asked for them here.
    known = current | ({finding.host for finding in previous} - gone)
    checks = {check.id: check for check in baseline.checks}
    findings = update_findings(
        previous, results, checks=checks, hosts=known, now=run.as_of, due=circumstances.due(baseline)
    )
    store.save_findings(run.id, findings, run.as_of)


def _hosts_before(store: Store, run: Run, inventory: Inventory) -> set[str]:
    """Return the hosts of the run before this one over the inventory of the same name."""
    for earlier in store.runs():
        if earlier.run.id != run.id and earlier.run.started_at <= run.started_at:
            before = store.inventory(earlier.run.id)
            if before.name == inventory.name:
                return {host.id for host in before.hosts}
    return set()


def _finish(store: Store, run: Run, work: Work, now: datetime) -> str:
    if work.stop.is_set():
        store.interrupt_run(run.id, now, notes=["stopped before every host was read; `posture scan --resume` goes on"])
    else:
        fingerprint = assess(store, stored(store, run.id)).fingerprint
        store.finish_run(run.id, now, fingerprint=fingerprint)
    return run.id


def stored_assessment(store: Store, ref: str) -> Assessment:
    """Return a run's assessment as it was judged when it was made.

    Raises:
        StoreError: there is no such run.
    """
    return assess(store, stored(store, ref))


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

    def read_hosts() -> Iterator[HostAssessment]:
        return _judged_again(store, run, inventory, chosen)

    return assess(
        store,
        Judged(
            run=run,
            inventory=inventory,
            baseline=chosen,
            circumstances=circumstances or circumstances_of(store, found.run.id),
            read_hosts=read_hosts,
            notes=found.notes,
        ),
    )


def _judged_again(store: Store, run: Run, inventory: Inventory, baseline: Baseline) -> Iterator[HostAssessment]:
    memo = Memo(max_age_days=baseline.profile.max_age_days)
    keys: dict[str, Observation] = {}
    for kept in store.read_hosts(run.id):
        if kept.host.id == FLEET:
            continue
        observed = observations(kept.host, inventory, run, store.read_transcripts(run.id, kept.host.id))
        keys[kept.host.id] = observed["ssh_keys"]
        results = judge_host(kept.host.id, baseline.checks, observed, as_of=run.as_of, memo=memo)
        unseen = tuple(one for one in observed.values() if isinstance(one, Unseen))
        yield replace(
            kept,
            results=_complete(kept.host, results, baseline),
            unseen=unseen,
            platform=platform_of(observed),
            documents=tuple(
                sorted((one.topic, one.digest) for one in observed.values() if isinstance(one, FactDocument))
            ),
        )
    if any(check.scope == "fleet" for check in baseline.checks):
        fleet = fleet_documents(keys, as_of=run.as_of)
        results = judge_host(FLEET, baseline.checks, fleet, as_of=run.as_of, memo=memo)
        yield HostAssessment(Host(FLEET, (), ""), results, (), ())


def exit_code(assessment: Assessment) -> ExitCode:
    """Return what the scan comes to: nothing assessed, findings, blind spots.

    A waived failure is printed and counted everywhere, and does not set the code.
    """
    coverage = assessment.coverage
    if coverage.decided == 0:
        return ExitCode.NOTHING_ASSESSED
    severity = {check.id: check.severity for check in assessment.baseline.checks}
    threshold = assessment.baseline.profile.fail_threshold
    findings = any(
        finding.open and not finding.waiver and severity[finding.check] >= threshold
        for finding in assessment.findings
        if finding.check in severity
    )
    blind = coverage.decided < coverage.possible or assessment.run.state is not RunState.COMPLETE
    if findings:
        return ExitCode.FINDINGS_AND_BLIND_SPOTS if blind else ExitCode.FINDINGS
    return ExitCode.BLIND_SPOTS if blind else ExitCode.CLEAN


def replay(store: Store, transcripts: Iterable[Transcript], job: Job, now: datetime, work: Work) -> str:
    """Return the id of a run made of recorded transcripts; its evidence is marked as replayed, never as live.

    Raises:
        StoreError: the store cannot be written.
    """
    run = replace(_new_run(job, now), origin=Origin.REPLAYED)
    store.begin_run(run, job.inventory, job.baseline)
    keep_circumstances(store, run.id, job.circumstances)
    for transcript in transcripts:
        store.save_host(run.id, transcript.session.host, transcripts=[transcript])
    judge(store, run, job.inventory, job.baseline, job.circumstances, work)
    return _finish(store, run, work, now)


def merge(store: Store, run: Run, sources: Iterable[str], circumstances: Circumstances, now: datetime) -> None:
    """Judge the hosts and evidence of several stored runs as one run, under the baseline of the first.

    Raises:
        StoreError: two of them have a host of the same id, or unlike zones of one name.
    """
    chosen = list(sources)
    baseline = store.baseline(chosen[0])
    run = replace(run, origin=Origin.IMPORTED, merged_from=tuple(chosen), finished_at=None, state=RunState.RUNNING)
    store.merge_runs(run, chosen, baseline)
    keep_circumstances(store, run.id, circumstances)
    judge(store, run, store.inventory(run.id), baseline, circumstances, Work())
    _finish(store, run, Work(), now)
