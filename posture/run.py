"""The pipeline, top to bottom: collect, keep, read, judge, and say what it comes to.

run_id = scan(store, job, now, Work())    # hosts and network -> evidence -> results -> findings, all stored
run_id = replay(store, transcripts, …)    # recorded answers in place of hosts
assessment = stored_assessment(store, run_id)
assessment = evaluate(store, run_id)      # the same evidence judged again, offline, without storing anything
"""

from __future__ import annotations

import getpass
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from collectors.base import Transcript
from collectors.registry import COLLECTORS
from posture import __version__
from posture.asked import asked_over, keep_asked, keep_asked_of, keep_unlooked_of
from posture.assess import assess, fingerprint, scorer
from posture.attack import attack_report, keep_attack
from posture.errors import StoreError, UsageError
from posture.evaluate.lifecycle import update_findings
from posture.evaluate.scanning import host_cadence
from posture.exit_codes import ExitCode
from posture.feeds.freshness import notes as notes_on_feeds
from posture.gather import JUDGING, Job, Progress, Silent, Work, asked_by, gather
from posture.graph.build import GraphBuilder
from posture.graph.evidence import HostEvidence
from posture.histories import keep_scores
from posture.judged import (
    CIRCUMSTANCES,
    Circumstances,
    Judged,
    circumstances_of,
    covered_results,
    earlier_cadences,
    first_sights,
    keep_circumstances,
    keep_register,
    keep_unsettled,
    merged_circumstances,
    register_of,
    stored,
    unsettled_of,
)
from posture.judging import Bench, scanning_of
from posture.known import Looking, Recalled
from posture.model.assessment import Assessment, HostAssessment, Run, RunState
from posture.model.attack import AttackReport
from posture.model.check import Baseline
from posture.model.finding import Result
from posture.model.host import FLEET, Host, Inventory
from posture.model.observation import FactDocument, Observation, Origin, Unseen
from posture.model.path import AttackGraph
from posture.model.receipt import Unsettled
from posture.model.vulnerability import HostCadence, Vulnerability
from posture.observe import (
    DERIVED_COLLECTORS,
    MATCHED_COLLECTORS,
    NETWORK_COLLECTORS,
    NMAP,
    is_login,
    observations,
    platform_of,
)
from posture.outcome import exit_code
from posture.progress import Told
from posture.receipts import keep_receipts
from posture.store import Store, StoredRun, Visit
from posture.vantages import Sights
from posture.vulnerabilities.assess import subject
from posture.vulnerabilities.register import Reader, Register, in_enclave, joined
from posture.vulnerabilities.topic import TOPIC as VULNERABILITIES

__all__ = [
    "DERIVED_COLLECTORS",
    "MATCHED_COLLECTORS",
    "NETWORK_COLLECTORS",
    "ExitCode",
    "Job",
    "Progress",
    "Silent",
    "Work",
    "evaluate",
    "exit_code",
    "merge",
    "operator",
    "replay",
    "scan",
    "stored_assessment",
]


def scan(store: Store, job: Job, now: datetime, work: Work, *, resume: str = "") -> str:
    """Return the id of the run, judged and stored; ``incomplete`` when it was stopped on the way.

    Raises:
        StoreError: the store cannot be written, holds replayed runs only, or the run cannot be taken up again.
        UsageError: the run to resume has evidence that is stale by now.
    """
    _refuse_replayed(store)
    run, job, visits = _taken_up(store, resume, job, now) if resume else (_begun(store, job, now), job, frozenset())
    work = replace(work, progress=Told(store, run.id, work.progress, work.clock))
    with _nothing_lost(store, run, work):
        left_out = {host.id for host in job.jump_hosts} - {host.id for host in job.inventory.hosts}
        keep_asked(store, run.id, asked_by(job, visits, len(left_out)))
        gathered = gather(store, run, job, work, visits)
        looking = _looking(store, run, job)
        judged = judge(store, run, job.inventory, job.baseline, job.circumstances, work, looking)
        notes = [*gathered.notes, *judged, *_feed_notes(job, run)]
        if gathered.stopped:
            hint = f"stopped before every host was read; `posture scan --resume {run.id}` goes on"
            store.interrupt_run(run.id, work.clock(), notes=[*notes, hint])
        else:
            _finish(store, run, work, notes)
    return run.id


def replay(
    store: Store, transcripts: Iterable[Transcript], job: Job, now: datetime, work: Work, as_of: datetime
) -> str:
    """Return the id of a run made of recorded transcripts, judged as of a moment; it never passes for live.

    Raises:
        StoreError: the store cannot be written, or a transcript's host is not in the inventory.
    """
    run = _begun(store, job, now, origin=Origin.REPLAYED, as_of=as_of)
    with _nothing_lost(store, run, work):
        looks = Sights()
        for transcript in transcripts:
            recorded = replace(transcript, session=replace(transcript.session, origin=Origin.REPLAYED))
            store.save_host(run.id, transcript.session.host, transcripts=[recorded])
            looks.add(recorded)
        logged_in = {host for kind, host, _ in looks.held if is_login(kind)}
        looked_at = {host for kind, host, _ in looks.held if kind == NMAP}
        why = dict.fromkeys(job.inventory.vantages, "no look from there was recorded")
        looks.fill(store, run, job.inventory, why, run.as_of)
        asked = asked_over(job.inventory.hosts, logged_in, looked_at)
        keep_asked(store, run.id, replace(asked, vantages_left_out=tuple(sorted(looks.unlooked))))
        looking = _looking(store, run, job)
        judged = judge(store, run, job.inventory, job.baseline, job.circumstances, work, looking)
        _finish(store, run, work, [*judged, *_feed_notes(job, run)])
    return run.id


def merge(store: Store, sources: Iterable[str], now: datetime, work: Work) -> str:
    """Return the id of a run with the hosts and evidence of several, judged by the baseline of the first.

    Raises:
        StoreError: two of them have a host of the same id, or unlike zones, vantages or waivers of one name.
    """
    found = [store.load_run(ref) for ref in sources]
    baseline = store.baseline(found[0].run.id)
    run = replace(
        _new_run(baseline, ", ".join(dict.fromkeys(one.run.authorisation for one in found)), now),
        origin=Origin.IMPORTED,
        merged_from=tuple(one.run.id for one in found),
    )
    circumstances = merged_circumstances(store, run.merged_from)
    store.merge_runs(run, run.merged_from, baseline)
    with _nothing_lost(store, run, work):
        keep_circumstances(store, run.id, circumstances)
        keep_asked_of(store, run.id, found)
        keep_unlooked_of(store, run.id, found)
        register = joined(_register_as_merged(store, one) for one in found)
        known = Recalled(Reader(register, circumstances.rules(baseline, register.feeds)), run)
        inventory = store.inventory(run.id)
        notes = [*_incomplete(found), *judge(store, run, inventory, baseline, circumstances, work, known)]
        _finish(store, run, work, notes)
    return run.id


def _register_as_merged(store: Store, one: StoredRun) -> Register:
    """Return the known vulnerabilities of a run with its hosts named as in the merged one."""
    register = register_of(store, one.run.id)
    return in_enclave(register, one.provenance.enclave) if one.provenance and one.provenance.enclave else register


def _feed_notes(job: Job, run: Run) -> tuple[str, ...]:
    """Return what the first page must say of our own feeds: none at all, or too old."""
    return notes_on_feeds(job.matcher.stamps, run.as_of, job.config.feeds.max_age_h)


def _looking(store: Store, run: Run, job: Job) -> Looking:
    """Return what matches the hosts of a run, with what earlier runs saw first."""
    rules = job.circumstances.rules(job.baseline, job.matcher.stamps)
    return Looking(job.matcher, job.inventory, run, rules, first_sights(store, run, job.inventory, job.baseline))


def _incomplete(found: Iterable[StoredRun]) -> Iterator[str]:
    for one in found:
        if one.run.state is not RunState.COMPLETE:
            yield f"run {one.run.id} was {one.run.state.value} when it was exported"
        yield from (f"of run {one.run.id}: {note}" for note in one.notes)


def _refuse_replayed(store: Store) -> None:
    runs = store.runs()
    if runs and all(one.run.origin is Origin.REPLAYED for one in runs):
        raise StoreError(
            "this store holds replayed runs only: their findings would pass for live ones",
            hint="give the scan a store of its own: another --out, or `database` in the configuration",
        )


def _begun(
    store: Store, job: Job, now: datetime, *, origin: Origin = Origin.LIVE, as_of: datetime | None = None
) -> Run:
    run = replace(_new_run(job.baseline, job.scope.authorisation, now), origin=origin, as_of=as_of or now)
    store.begin_run(run, job.inventory, job.baseline)
    keep_circumstances(store, run.id, _with_granted(store, job))
    return run


def _with_granted(store: Store, job: Job) -> Circumstances:
    """Return the circumstances with the waivers granted on the dashboard; one of the file goes before its namesake."""
    written = job.circumstances.waivers
    names = {waiver.id for waiver in written}
    granted = store.work.granted({FLEET, *(host.id for host in job.inventory.hosts)})
    return replace(job.circumstances, waivers=(*written, *(waiver for waiver in granted if waiver.id not in names)))


def _new_run(baseline: Baseline, authorisation: str, now: datetime) -> Run:
    return Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        started_at=now,
        finished_at=None,
        state=RunState.RUNNING,
        operator=operator(),
        scanner=socket.gethostname(),
        tool_version=__version__,
        authorisation=authorisation,
        profile=baseline.profile.id,
        baseline_digest=baseline.digest,
        inventory_digest="",
        as_of=now,
        origin=Origin.LIVE,
    )


def operator() -> str:
    """Return the account this program runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _taken_up(store: Store, ref: str, job: Job, now: datetime) -> tuple[Run, Job, frozenset[Visit]]:
    """Return an interrupted run with its own inventory, baseline and circumstances, and what it has already."""
    found = store.load_run(ref).run
    if found.origin is not Origin.LIVE:
        raise UsageError(f"run {found.id} is {found.origin.value}, not live", hint="only a scan can be resumed")
    max_age = timedelta(days=store.baseline(found.id).profile.max_age_days)
    if now - found.as_of > max_age:
        raise UsageError(
            f"run {found.id} began on {found.as_of:%Y-%m-%d}: its evidence is older than {max_age.days} days",
            hint="begin another run",
        )
    taken_up = store.resume_run(found.id, now)
    if CIRCUMSTANCES not in store.parts(found.id):  # it was killed in its first moment
        keep_circumstances(store, found.id, _with_granted(store, job))
    job = replace(
        job,
        inventory=taken_up.inventory,
        baseline=taken_up.baseline,
        circumstances=circumstances_of(store, found.id),
    )
    return taken_up.run, job, taken_up.visits


@contextmanager
def _nothing_lost(store: Store, run: Run, work: Work) -> Iterator[None]:
    """Call the run incomplete whatever ends it: what was collected stays, and a scan can be resumed."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            store.interrupt_run(run.id, work.clock(), notes=["ended by an error"])
        raise


def _finish(store: Store, run: Run, work: Work, notes: Iterable[str]) -> None:
    digest = fingerprint(store, stored(store, run.id))
    store.finish_run(run.id, work.clock(), notes=list(notes), fingerprint=digest)


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
    bench, paths = Bench(baseline, run.as_of), _Paths(inventory, circumstances, run.as_of)
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
    notes = _update_findings(store, run, inventory, baseline, circumstances)
    keep_receipts(store, run.id)
    return notes


_LOGIN_TOPICS = tuple(collector.topic for collector in COLLECTORS)


class _Paths:
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


def _update_findings(
    store: Store, run: Run, inventory: Inventory, baseline: Baseline, circumstances: Circumstances
) -> tuple[str, ...]:
    """Return a note when this run leaves the findings alone, because it is not the latest word on them."""
    if note := _why_no_word(store, run, inventory):
        return (note,)
    previous = list(store.findings())
    current = {host.id for host in inventory.hosts} | {FLEET}
    others = {finding.host for finding in previous} - current
    # Hosts of other inventories are not gone: nobody asked for them here.
    known = current | (others - _gone(store, run, inventory, others))
    judged = stored(store, run.id)
    findings = update_findings(
        previous,
        covered_results(judged),
        checks={check.id: check for check in baseline.checks},
        hosts=known,
        now=run.as_of,
        due=circumstances.due(baseline, judged.known),
        deferred=judged.known.deferred,
    )
    store.save_findings(run.id, findings, run.as_of)
    return ()


def _why_no_word(store: Store, run: Run, inventory: Inventory) -> str:
    """Return why this run says nothing of the life of findings; empty when it does."""
    others = [one.run for one in store.runs() if one.run.id != run.id and one.provenance is None]
    if run.origin is Origin.REPLAYED and any(one.origin is not Origin.REPLAYED for one in others):
        return "replayed beside live runs: findings keep the life that those gave them"
    if any(one.as_of > run.as_of and store.inventory(one.id).name == inventory.name for one in others):
        return "a run as of a later moment is in the store: findings keep the life that it gave them"
    return ""


def _gone(store: Store, run: Run, inventory: Inventory, hosts: set[str]) -> set[str]:
    """Return which of the hosts an earlier run over the same inventory had; they were taken out of it since."""
    gone: set[str] = set()
    for earlier in store.runs():
        if gone == hosts:
            break
        if earlier.run.id != run.id and _enclaves(store, earlier.run) == _enclaves(store, run):
            before = store.inventory(earlier.run.id)
            if before.name == inventory.name:
                gone |= hosts & {host.id for host in before.hosts}
    return gone


def _enclaves(store: Store, run: Run) -> set[tuple[str, str]]:
    """Return which networks a merged run is about; empty for a run of one."""
    found = (store.load_run(source).provenance for source in run.merged_from)
    return {(one.enclave, one.scanner) for one in found if one is not None}


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
    bench, paths = Bench(baseline, run.as_of), _Paths(inventory, by, run.as_of)
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
