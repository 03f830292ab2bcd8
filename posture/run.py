"""Runs made, top to bottom: collect, keep, read, judge, and say what it comes to.

run_id = scan(store, job, now, Work())    # hosts and network -> evidence -> results -> findings, all stored
run_id = replay(store, transcripts, …)    # recorded answers in place of hosts
run_id = merge(store, runs, now, Work())  # runs of networks that never meet, as one

What was made is read by ``posture.assess.stored_assessment``, and judged again by ``posture.evaluated.evaluate``.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from collectors.base import Transcript
from posture import __version__
from posture.asked import asked_over, keep_asked, keep_asked_of, keep_unlooked_of
from posture.assess import fingerprint
from posture.errors import StoreError, UsageError
from posture.feeds.freshness import notes as notes_on_feeds
from posture.gather import Job, Work, asked_by, gather
from posture.inputs.this_machine import operator
from posture.judged import (
    CIRCUMSTANCES,
    Circumstances,
    circumstances_of,
    first_sights,
    keep_circumstances,
    keep_scope,
    merged_circumstances,
    register_of,
    stored,
)
from posture.judgement import judge
from posture.known import Looking, Recalled
from posture.model.assessment import Run, RunState
from posture.model.check import Baseline
from posture.model.host import FLEET
from posture.model.observation import Origin
from posture.observe import (
    NMAP,
    is_login,
)
from posture.progress import Told
from posture.store import Store, StoredRun, Visit
from posture.vantages import Sights
from posture.vulnerabilities.register import Reader, Register, in_enclave, joined


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
    keep_scope(store, run.id, job.scope)
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
    keep_scope(store, found.id, job.scope)
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
